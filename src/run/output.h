/* SPDX-License-Identifier: MIT */
/* What a step printed, as its record describes it: small values in the record itself, large ones
 * as blobs that are written before the record that names them is committed. */
#ifndef FERMATA_RUN_OUTPUT_H
#define FERMATA_RUN_OUTPUT_H

#include "base/digest.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "workflow/workflow.h"

#include "base/json.h"
#include <stdbool.h>
#include <stdint.h>

/* What a stream held: the text that was kept of `bytes`, `cut` of which are not in it. */
struct stream_text {
    struct strbuf text;
    int64_t bytes, cut;
};

/* Where what a step printed is kept under a name of its own. Borrows all. */
struct output_place {
    const char *blobs, *run_folder;
    json_t *artifacts;
};

bool output_is_json(const struct step *definition);
bool output_fits_inline(const struct strbuf *text);
/* Without a folder for blobs the text was kept there already, and only its digest is made. */
int output_keep_text(const char *blobs, const struct strbuf *text, char ret_digest[DIGEST_HEX_SIZE],
                     struct error *err);
/* {bytes, cut, inline | digest [, json]}, new; NULL when the blob could not be written. `value` is
 * its JSON or NULL, borrowed. */
json_t *output_describe(const char *blobs, const struct stream_text *stream, json_t *value,
                        struct error *err);
/* Against the step's schema, if it has one. Takes the value over. */
int output_check(const struct step *definition, json_t *value, json_t **ret_value,
                 struct error *err);
int output_parse(const struct step *definition, const struct strbuf *text, json_t **ret_value,
                 struct error *err);
void output_add_artifact(json_t *artifacts, const char *name, const char *digest, int64_t bytes);
int output_keep_named(const struct output_place *place, const char *name, const struct strbuf *text,
                      struct error *err);

#endif

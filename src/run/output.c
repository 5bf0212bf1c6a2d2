/* SPDX-License-Identifier: MIT */
#include "run/output.h"

#include "base/digest.h"
#include "base/json_text.h"
#include "functions/functions.h"
#include "results/results.h"
#include "run/files.h"
#include "run/lookup.h"
#include "workflow/json_schema.h"

#include <string.h>

#define INLINE_BYTES_MAX 1024
#define INLINE_JSON_BYTES_MAX (64U * 1024)

bool output_is_json(const struct step *definition)
{
    const struct function *function;

    if (definition->format == OUTPUT_JSON) {
        return true;
    }
    function = definition->kind == STEP_FUNCTION ? function_find(definition->function) : NULL;
    return function && function->is_json;
}

int output_keep_text(const char *blobs, const struct strbuf *text, char ret_digest[DIGEST_HEX_SIZE],
                     struct error *err)
{
    if (!blobs) {
        digest_bytes(text->data, text->length, ret_digest);
        return 0;
    }
    return blob_put(blobs, text->data, text->length, ret_digest, err);
}

bool output_fits_inline(const struct strbuf *text)
{
    return text->length <= INLINE_BYTES_MAX && !memchr(text->data, '\0', text->length);
}

json_t *output_describe(const char *blobs, const struct stream_text *stream, json_t *value,
                        struct error *err)
{
    const struct strbuf *text = &stream->text;
    json_t *output = json_object();
    char digest[DIGEST_HEX_SIZE];

    json_put_integer(output, "bytes", stream->bytes);
    if (stream->cut > 0) {
        json_put_integer(output, "cut", stream->cut);
    }
    if (value) {
        json_put(output, "is_json", json_true());
    }
    if (value && text->length <= INLINE_JSON_BYTES_MAX) {
        json_put(output, "json", json_incref(value));
        if (text->length <= INLINE_BYTES_MAX) {
            return output;
        }
    } else if (output_fits_inline(text)) {
        json_put(output, "inline", json_text_lossy(text->data, text->length));
        return output;
    }
    if (!value) {
        json_put_integer(output, "list_items", text_count_list_items(text->data));
    }
    if (output_keep_text(blobs, text, digest, err) < 0) {
        json_decref(output);
        return NULL;
    }
    json_put_text(output, "digest", digest);
    return output;
}

int output_check(const struct step *definition, json_t *value, json_t **ret_value,
                 struct error *err)
{
    int r = definition->schema ? json_schema_check(definition->schema, value, err) : 0;

    if (r < 0) {
        error_context(err, "the output does not fit its schema");
        json_decref(value);
        return r;
    }
    *ret_value = value;
    return 0;
}

int output_parse(const struct step *definition, const struct strbuf *text, json_t **ret_value,
                 struct error *err)
{
    json_t *value = NULL;
    int r = json_parse_text(text->data, text->length, "the output", &value, err);

    return r < 0 ? r : output_check(definition, value, ret_value, err);
}

void output_add_artifact(json_t *artifacts, const char *name, const char *digest, int64_t bytes)
{
    json_t *artifact = json_object();

    json_put_text(artifact, "name", name);
    json_put_text(artifact, "digest", digest);
    json_put_integer(artifact, "bytes", bytes);
    (void)json_array_append_new(artifacts, artifact);
}

int output_keep_named(const struct output_place *place, const char *name, const struct strbuf *text,
                      struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    int r = blob_put(place->blobs, text->data, text->length, digest, err);

    if (r == 0) {
        output_add_artifact(place->artifacts, name, digest, (int64_t)text->length);
        files_write_artifact(place->run_folder, name, text->data, text->length);
    }
    return r;
}

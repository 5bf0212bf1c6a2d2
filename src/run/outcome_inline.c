/* SPDX-License-Identifier: MIT */
/* From what a step inside the process printed to an outcome. */
#include "base/alloc.h"
#include "run/definition.h"
#include "run/engine.h"
#include "run/files.h"
#include "run/live.h"
#include "run/output.h"

#include <stdlib.h>

static int check_inline(const struct step *definition, const struct strbuf *output,
                        json_t **ret_value, struct error *err)
{
    if (output->overflow) {
        return error_set(err, ERROR_LIMIT, "the output is larger than %zu bytes",
                         output->length_max);
    }
    return output_is_json(definition) ? output_parse(definition, output, ret_value, err) : 0;
}

bool inline_needs_blob(const struct step *definition, const struct strbuf *output)
{
    return definition->output || !output_fits_inline(output);
}

json_t *inline_output(const struct step *definition, const struct strbuf *output)
{
    const struct stream_text stream = {.text = *output, .bytes = (int64_t)output->length};
    struct error err = ERROR_INIT;
    json_t *value = NULL;
    json_t *described = NULL;

    if (!inline_needs_blob(definition, output) &&
        check_inline(definition, output, &value, &err) == 0) {
        described = output_describe(NULL, &stream, value, &err);
    }
    json_decref(value);
    return described;
}

struct inline_keep *inline_keep_new(struct active *active, int index, const struct strbuf *output)
{
    const struct step *definition = step_effective(&active->state->steps[index]);
    struct inline_keep *keep = mem_zero(1, sizeof(*keep));
    json_t *value = NULL;

    keep->blobs = mem_strdup(active->engine->blobs);
    keep->folder = mem_strdup(active->folder);
    if (definition->output && check_inline(definition, output, &value, NULL) == 0) {
        keep->name = mem_strdup(definition->output);
    }
    json_decref(value);
    strbuf_init(&keep->output, output->length_max);
    strbuf_add_bytes(&keep->output, output->data, output->length);
    keep->output.overflow = output->overflow;
    return keep;
}

void inline_keep_free(struct inline_keep *keep)
{
    strbuf_release(&keep->output);
    free(keep->blobs);
    free(keep->folder);
    free(keep->name);
    free(keep);
}

void inline_keep_write(struct inline_keep *keep)
{
    const struct strbuf *text = &keep->output;
    char digest[DIGEST_HEX_SIZE];

    keep->result = output_keep_text(keep->blobs, text, digest, &keep->err);
    if (keep->result == 0 && keep->name) {
        files_write_artifact(keep->folder, keep->name, text->data, text->length);
    }
}

void outcome_of_inline(struct active *active, int index, const struct strbuf *output,
                       const struct error *err, struct queued_event *event)
{
    const struct step *definition = step_effective(&active->state->steps[index]);
    const struct stream_text stream = {.text = *output, .bytes = (int64_t)output->length};
    struct outcome *outcome = &event->event.outcome;
    struct error problem = err ? *err : (struct error)ERROR_INIT;
    json_t *artifacts = json_array();
    char digest[DIGEST_HEX_SIZE];
    json_t *value = NULL;

    if (problem.code == 0) {
        (void)check_inline(definition, output, &value, &problem);
    }
    if (problem.code == 0 && definition->output) {
        (void)output_keep_text(NULL, output, digest, &problem);
        output_add_artifact(artifacts, definition->output, digest, (int64_t)output->length);
    }
    /* What is not kept anywhere is not named. */
    if (!err) {
        outcome->output = event_hold(event, output_describe(NULL, &stream, value, &problem));
    }
    outcome->artifacts = event_hold(event, artifacts);
    outcome->class_ = problem.code == 0         ? CLASS_NONE
                      : problem.is_storage_full ? CLASS_TRANSIENT
                                                : CLASS_PERMANENT;
    outcome->error = problem.code < 0 ? event_keep(event, problem.text) : NULL;
    json_decref(value);
}

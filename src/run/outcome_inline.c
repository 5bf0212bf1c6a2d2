/* SPDX-License-Identifier: MIT */
/* From what a step inside the process printed to an outcome. */
#include "base/alloc.h"
#include "run/definition.h"
#include "run/engine.h"
#include "run/files.h"
#include "run/live.h"
#include "run/output.h"

#include <stdlib.h>
#include <string.h>

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

static json_t *describe_inline(const struct step *definition, const struct strbuf *output)
{
    const struct stream_text stream = {.text = *output, .bytes = (int64_t)output->length};
    struct error err = ERROR_INIT;
    json_t *value = NULL;
    json_t *described = NULL;

    if (check_inline(definition, output, &value, &err) == 0) {
        described = output_describe(NULL, &stream, value, &err);
    }
    json_decref(value);
    return described;
}

/* Of a thousand steps that do the same, each would have a tree of its own. */
json_t *inline_output(struct inline_last *last, const struct step *definition,
                      const struct strbuf *output)
{
    bool is_json = output_is_json(definition);

    if (inline_needs_blob(definition, output)) {
        return NULL;
    }
    if (definition->schema || output->overflow) {
        return describe_inline(definition, output);
    }
    if (!last->text || last->is_json != is_json || strcmp(last->text, output->data) != 0) {
        json_t *described = describe_inline(definition, output);

        if (!described) {
            return NULL;
        }
        inline_last_release(last);
        *last = (struct inline_last){mem_strdup(output->data), is_json, described};
    }
    return json_incref(last->described);
}

void inline_last_release(struct inline_last *last)
{
    free(last->text);
    json_decref(last->described);
    *last = (struct inline_last){0};
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

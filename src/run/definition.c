/* SPDX-License-Identifier: MIT */
#include "run/definition.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "results/results.h"
#include "run/own.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct definition {
    struct workflow *workflow;
    size_t users;
};

struct definitions {
    pthread_mutex_t mutex;
    struct map *by_digest;
};

/* ---- reading ---- */

int run_read_definition(const char *folder, const char *run_id, const char *digest, char **ret_text,
                        struct error *err)
{
    char *blobs = path_join(folder, "blobs");
    int r = blob_get(blobs, digest, WORKFLOW_BYTES_MAX, ret_text, NULL, err);

    if (r < 0) {
        error_context(err, "the workflow of run %s", run_id);
    }
    free(blobs);
    return r;
}

/* Once more: names were checked when it was first read; what was removed since shows when it is
 * used. */
static int parse_again(const char *text, size_t length, const char *file,
                       struct workflow **ret_workflow, struct error *err)
{
    static const struct workflow_names any = {0};
    struct problems *problems = mem_zero(1, sizeof(*problems));
    int r = workflow_parse(text, length, file, &any, ret_workflow, problems, err);

    if (r == ERROR_VALIDATION && problems->count > 0) {
        struct strbuf lines;

        strbuf_init(&lines, ERROR_TEXT_MAX);
        problems_format(problems, &lines);
        r = error_set(err, ERROR_VALIDATION, "the workflow has errors\n%s", lines.data);
        strbuf_release(&lines);
    }
    free(problems);
    return r;
}

int run_load_definition(const char *folder, const char *run_id, const char *digest,
                        struct workflow **ret_workflow, struct error *err)
{
    char *text = NULL;
    int r = run_read_definition(folder, run_id, digest, &text, err);

    if (r == 0) {
        r = parse_again(text, strlen(text), run_id, ret_workflow, err);
    }
    free(text);
    return r;
}

/* ---- sharing ---- */

struct definitions *definitions_new(void)
{
    struct definitions *definitions = mem_zero(1, sizeof(*definitions));

    (void)pthread_mutex_init(&definitions->mutex, NULL);
    definitions->by_digest = map_new();
    return definitions;
}

void definitions_free(struct definitions *definitions)
{
    assert(map_count(definitions->by_digest) == 0);
    map_free(definitions->by_digest);
    (void)pthread_mutex_destroy(&definitions->mutex);
    free(definitions);
}

const struct workflow *definition_share(struct definitions *definitions, const char *digest)
{
    struct definition *definition;

    (void)pthread_mutex_lock(&definitions->mutex);
    definition = map_find(definitions->by_digest, digest);
    if (definition) {
        definition->users++;
    }
    (void)pthread_mutex_unlock(&definitions->mutex);
    return definition ? definition->workflow : NULL;
}

bool definition_is_used(struct definitions *definitions, const char *digest)
{
    bool is_used;

    (void)pthread_mutex_lock(&definitions->mutex);
    is_used = map_find(definitions->by_digest, digest) != NULL;
    (void)pthread_mutex_unlock(&definitions->mutex);
    return is_used;
}

/* Takes the workflow over; somebody may have been faster. */
static const struct workflow *add(struct definitions *definitions, struct workflow *workflow)
{
    struct definition *definition;

    (void)pthread_mutex_lock(&definitions->mutex);
    definition = map_find(definitions->by_digest, workflow->digest);
    if (!definition) {
        definition = mem_zero(1, sizeof(*definition));
        definition->workflow = workflow;
        (void)map_put(definitions->by_digest, workflow->digest, definition);
    }
    definition->users++;
    (void)pthread_mutex_unlock(&definitions->mutex);
    if (definition->workflow != workflow) {
        workflow_free(workflow);
    }
    return definition->workflow;
}

int definition_take(struct definitions *definitions, const char *folder, const char *run_id,
                    const char *digest, const struct workflow **ret_workflow, struct error *err)
{
    const struct workflow *shared = definition_share(definitions, digest);
    struct workflow *workflow = NULL;
    int r = shared ? 0 : run_load_definition(folder, run_id, digest, &workflow, err);

    if (r == 0) {
        *ret_workflow = shared ? shared : add(definitions, workflow);
    }
    return r;
}

const struct workflow *definition_use(struct definitions *definitions,
                                      const struct workflow *workflow)
{
    const struct workflow *shared = definition_share(definitions, workflow->digest);

    return shared ? shared : add(definitions, workflow_share(workflow));
}

void definition_give_back(struct definitions *definitions, const struct workflow *workflow)
{
    struct definition *last = NULL;

    if (!workflow) {
        return;
    }
    (void)pthread_mutex_lock(&definitions->mutex);
    last = map_find(definitions->by_digest, workflow->digest);
    assert(last && last->workflow == workflow && last->users > 0);
    if (--last->users == 0) {
        (void)map_remove(definitions->by_digest, workflow->digest);
    } else {
        last = NULL;
    }
    (void)pthread_mutex_unlock(&definitions->mutex);
    if (last) {
        workflow_free(last->workflow);
        free(last);
    }
}

/* SPDX-License-Identifier: MIT */
/* How a run stands, put together for a person: its state, what went wrong, its report. */
#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "ops/internal.h"
#include "results/results.h"

#include <string.h>

#define PROBLEMS_MAX 5
#define TAIL_LINES 10
#define TAIL_BYTES 4096

int ops_resolve_run(struct ops *ops, const json_t *arguments, char ret_id[RUN_ID_SIZE],
                    struct error *err)
{
    int r = ops_need_store(ops, err);

    return r < 0 ? r
                 : run_resolve(ops->store, json_get_text(arguments, "run", "last"), ret_id, err);
}

char *ops_run_folder(const struct ops *ops, const char *run_id)
{
    return mem_printf("%s/workflows/%s", ops->folder, run_id);
}

const json_t *ops_find_step(const json_t *run, const char *key, const json_t **ret_phase)
{
    const json_t *phase;
    const json_t *step;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), k, step)
        {
            if (strcmp(json_get_text(step, "key", ""), key) == 0) {
                if (ret_phase) {
                    *ret_phase = phase;
                }
                return step;
            }
        }
    }
    return NULL;
}

int ops_no_such_step(const json_t *run, const char *key, struct error *err)
{
    struct strbuf names;
    const json_t *phase;
    const json_t *step;
    size_t i;
    size_t k;
    int r;

    strbuf_init(&names, ERROR_HINT_MAX / 2);
    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), k, step)
        {
            strbuf_addf(&names, "%s%s", names.length ? ", " : "", json_get_text(step, "key", ""));
        }
    }
    r = error_set(err, ERROR_NOT_FOUND, "run %s has no step %s", json_get_text(run, "id", ""), key);
    error_hint(err, "its steps are %s%s", names.data, names.overflow ? ", ..." : "");
    strbuf_release(&names);
    return r;
}

int ops_read_output(struct ops *ops, const json_t *output, char **ret_text, size_t *ret_length,
                    struct error *err)
{
    const char *digest = json_get_text(output, "digest", NULL);
    const json_t *inside = json_object_get(output, "inline");
    const json_t *value = json_object_get(output, "json");
    char *blobs;
    int r;

    if (json_is_string(inside)) {
        *ret_length = json_string_length(inside);
        *ret_text = mem_strndup(json_string_value(inside), *ret_length);
        return 0;
    }
    if (digest) {
        blobs = path_join(ops->folder, "blobs");
        r = blob_get(blobs, digest, TEXT_BYTES_MAX, ret_text, ret_length, err);
        free(blobs);
        return r;
    }
    *ret_text = value ? json_dump_pretty(value) : mem_strdup("");
    *ret_length = strlen(*ret_text);
    return 0;
}

/* ---- what went wrong ----------------------------------------------------------------------------
 */

/* The last lines of a text, clean for a terminal. */
static json_t *last_lines(const char *text, size_t length)
{
    json_t *lines = json_array();
    struct strbuf clean;
    char *line;
    char *rest = NULL;
    size_t skip = length > TAIL_BYTES ? length - TAIL_BYTES : 0;

    strbuf_init(&clean, TAIL_BYTES * 4);
    utf8_add_printable(&clean, text + skip, length - skip);
    for (line = strtok_r(clean.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_array_append_new(lines, json_string(line));
        if (json_array_size(lines) > TAIL_LINES) {
            json_array_remove(lines, 0);
        }
    }
    strbuf_release(&clean);
    return lines;
}

/* Standard error when it says something, else standard output. */
static json_t *step_tail(struct ops *ops, const json_t *step)
{
    static const char *const streams[] = {"stderr", "output"};

    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        const json_t *output = json_object_get(step, streams[i]);
        char *text;
        size_t length;

        if (json_get_integer(output, "bytes", 0) > 0 &&
            ops_read_output(ops, output, &text, &length, NULL) == 0) {
            json_t *lines = last_lines(text, length);

            free(text);
            return lines;
        }
    }
    return json_array();
}

static void add_step_problem(struct ops *ops, const json_t *phase, const json_t *step,
                             json_t *problems)
{
    json_t *problem = json_object();

    json_put_text(problem, "phase", json_get_text(phase, "id", NULL));
    json_put_text(problem, "step", json_get_text(step, "key", NULL));
    json_put_text(problem, "class", json_get_text(step, "class", NULL));
    json_put_text(problem, "error", json_get_text(step, "error", NULL));
    json_put_integer(problem, "attempts", json_get_integer(step, "attempts", 0));
    json_put(problem, "tail", step_tail(ops, step));
    json_array_append_new(problems, problem);
}

static void add_gate_problem(const json_t *phase, json_t *problems)
{
    const json_t *gate = json_object_get(phase, "gate");
    const char *verdict = json_get_text(gate, "verdict", "pass");
    json_t *problem;
    json_t *tail;
    const json_t *check;
    size_t i;

    if (strcmp(verdict, "pass") == 0 || json_get_boolean(gate, "skipped", false)) {
        return;
    }
    problem = json_object();
    tail = json_array();
    json_array_foreach(json_object_get(gate, "checks"), i, check)
    {
        const char *word = json_get_text(check, "verdict", "pass");

        if (strcmp(word, "pass") != 0) {
            char *line = mem_printf("%s: %s: %s", json_get_text(check, "check", "check"), word,
                                    json_get_text(check, "reason", ""));

            json_array_append_new(tail, json_string(line));
            free(line);
        }
    }
    json_put_text(problem, "phase", json_get_text(phase, "id", NULL));
    json_put_text(problem, "gate", json_get_text(gate, "name", NULL));
    json_put_text(problem, "verdict", verdict);
    json_put_text(problem, "error", json_get_text(gate, "reason", NULL));
    json_put(problem, "tail", tail);
    json_array_append_new(problems, problem);
}

static json_t *find_problems(struct ops *ops, const json_t *run)
{
    json_t *problems = json_array();
    const json_t *phase;
    const json_t *step;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), k, step)
        {
            if (strcmp(json_get_text(step, "status", ""), "failed") == 0 &&
                json_array_size(problems) < PROBLEMS_MAX) {
                add_step_problem(ops, phase, step, problems);
            }
        }
        if (json_array_size(problems) < PROBLEMS_MAX) {
            add_gate_problem(phase, problems);
        }
    }
    return problems;
}

/* ---- the report
 * ----------------------------------------------------------------------------------- */

/* The step whose output is the report, as the run's own definition says; NULL: none. free() it. */
static char *report_step(struct ops *ops, const char *run_id)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow *workflow = NULL;
    char *text = NULL;
    char *step = NULL;

    if (run_workflow_text(ops->store, ops->folder, run_id, &text, NULL) == 0 &&
        workflow_parse(text, strlen(text), run_id, NULL, &workflow, problems, NULL) == 0) {
        step = mem_strdup(workflow->report);
        workflow_free(workflow);
    }
    free(text);
    free(problems);
    return step;
}

static void add_report(struct ops *ops, json_t *run, const char *run_id, const char *folder)
{
    char *path = path_join(folder, "report.md");
    char *key = report_step(ops, run_id);
    const json_t *step = key ? ops_find_step(run, key, NULL) : NULL;
    json_t *report = json_object();
    char *text;
    size_t length;

    if (file_exists(path)) {
        json_put_text(report, "path", path);
    }
    if (step && strcmp(json_get_text(step, "status", ""), "completed") == 0 &&
        ops_read_output(ops, json_object_get(step, "output"), &text, &length, NULL) == 0) {
        json_put_text(report, "step", key);
        json_put(report, "text", json_text_lossy(text, length));
        free(text);
    }
    json_put(run, "report", report);
    free(key);
    free(path);
}

int ops_describe_run(struct ops *ops, const char *run_id, bool with_report, json_t **ret_run,
                     struct error *err)
{
    char *folder;
    json_t *run;
    int r = run_show(ops->store, run_id, &run, err);

    if (r < 0) {
        return r;
    }
    folder = ops_run_folder(ops, run_id);
    json_put_text(run, "folder", folder);
    json_put(run, "problems", find_problems(ops, run));
    if (with_report) {
        add_report(ops, run, run_id, folder);
    }
    free(folder);
    *ret_run = run;
    return 0;
}

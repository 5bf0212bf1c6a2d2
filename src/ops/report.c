/* SPDX-License-Identifier: MIT */
/* How a run stands, put together for a person: its state, what went wrong, its report. */
#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "ops/agent.h"
#include "results/results.h"

#include <string.h>

#define PROBLEMS_MAX 5
#define TAIL_LINES 10
#define TAIL_BYTES 4096

/* Who names a step alone means that of the last run. */
static void hint_forgotten_run(struct ops *ops, const char *name, struct error *err)
{
    char last[RUN_ID_SIZE];
    json_t *run;

    if (run_resolve(ops->store, "last", last, NULL) < 0 ||
        run_show(ops->store, ops->folder, last, &run, NULL) < 0) {
        return;
    }
    if (ops_find_step(run, name)) {
        error_hint(err, "the run comes first, then its step: last %s", name);
    }
    json_decref(run);
}

int ops_resolve_run(struct ops *ops, const json_t *arguments, char ret_id[RUN_ID_SIZE],
                    struct error *err)
{
    const char *name = json_get_text(arguments, "run", "last");
    int r = ops_need_store(ops, err);

    if (r < 0) {
        return r;
    }
    r = run_resolve(ops->store, name, ret_id, err);
    if (r == ERROR_NOT_FOUND) {
        hint_forgotten_run(ops, name, err);
    }
    return r;
}

char *ops_run_folder(const struct ops *ops, const char *run_id)
{
    return mem_printf("%s/workflows/%s", ops->folder, run_id);
}

static const json_t *find_in(const json_t *steps, const char *key)
{
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step)
    {
        const json_t *found = strcmp(json_get_text(step, "key", ""), key) == 0
                                  ? step
                                  : find_in(json_object_get(step, "instances"), key);

        if (found) {
            return found;
        }
    }
    return NULL;
}

const json_t *ops_find_step(const json_t *run, const char *key)
{
    static const char *const lists[] = {"steps", "fix"};
    const json_t *phase;
    const json_t *found;
    size_t i;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
            found = find_in(json_object_get(phase, lists[k]), key);
            if (found) {
                return found;
            }
        }
        found = find_in(json_object_get(json_object_get(phase, "gate"), "checks"), key);
        if (found) {
            return found;
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

/* An agent that cannot be used (any more) is what has to be seen to first. */
static void add_lack(struct ops *ops, const json_t *step, json_t *problem)
{
    const char *name = json_get_text(step, "agent", NULL);
    const struct agent_config *agent;
    struct agent_facts facts;

    if (strcmp(json_get_text(step, "kind", ""), "agent") != 0 ||
        strcmp(json_get_text(step, "class", ""), "permanent") != 0 ||
        ops_need_config(ops, NULL) < 0) {
        return;
    }
    name = name ? name : ops_default_agent(ops);
    agent = name ? config_find_agent(ops->config, name) : NULL;
    if (!agent) {
        json_put_text(problem, "lacks", name ? name : "an agent");
        json_put_text(problem, "hint", "`fermata doctor` says what to do for each agent");
        return;
    }
    agent_facts_init(ops, agent, &facts);
    if (facts.state == AGENT_LACKING || facts.state == AGENT_DISABLED) {
        json_put_text(problem, "lacks", agent->name);
        json_put_text(problem, "hint", facts.hint ? facts.hint : "`fermata agents` lists all");
    }
    agent_facts_release(&facts);
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
    add_lack(ops, step, problem);
    json_array_append_new(problems, problem);
}

/* A built-in check says in its JSON what to do; NULL: this one does not. */
static char *find_hint(struct ops *ops, const json_t *check)
{
    json_t *value = NULL;
    char *hint = NULL;
    char *text;
    size_t length;

    if (ops_read_output(ops, json_object_get(check, "output"), &text, &length, NULL) < 0) {
        return NULL;
    }
    if (json_parse_text(text, length, "output", &value, NULL) == 0 &&
        json_get_text(value, "hint", NULL)) {
        hint = mem_printf("hint: %s", json_get_text(value, "hint", ""));
    }
    json_decref(value);
    free(text);
    return hint;
}

/* What a check said, then what it printed last. */
static void add_check_lines(struct ops *ops, const json_t *check, json_t *lines)
{
    const char *why = json_get_text(check, "error", json_get_text(check, "reason", ""));
    char *head = mem_printf("%s: %s", json_get_text(check, "name", "check"), why);
    char *hint = find_hint(ops, check);
    json_t *tail = hint && json_get_integer(json_object_get(check, "stderr"), "bytes", 0) == 0
                       ? json_array()
                       : step_tail(ops, check);

    json_array_append_new(lines, json_text_lossy(head, strlen(head)));
    (void)json_array_extend(lines, tail);
    if (hint) {
        json_array_append_new(lines, json_text_lossy(hint, strlen(hint)));
    }
    json_decref(tail);
    free(hint);
    free(head);
}

static void add_gate_problem(struct ops *ops, const json_t *phase, json_t *problems)
{
    const json_t *gate = json_object_get(phase, "gate");
    const char *verdict = json_get_text(gate, "verdict", "");
    json_t *problem;
    json_t *lines;
    const json_t *check;
    size_t i;

    if (strcmp(verdict, "fail") != 0 && strcmp(verdict, "unknown") != 0) {
        return;
    }
    problem = json_object();
    lines = json_array();
    json_array_foreach(json_object_get(gate, "checks"), i, check)
    {
        if (strcmp(json_get_text(check, "status", ""), "completed") != 0) {
            add_check_lines(ops, check, lines);
        }
    }
    json_put_text(problem, "phase", json_get_text(phase, "id", NULL));
    json_put_text(problem, "gate", json_get_text(gate, "name", NULL));
    json_put_text(problem, "verdict", verdict);
    json_put_text(problem, "error", json_get_text(gate, "reason", NULL));
    json_put(problem, "tail", lines);
    json_array_append_new(problems, problem);
}

static void add_step_problems(struct ops *ops, const json_t *phase, const json_t *steps,
                              json_t *problems)
{
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step)
    {
        const json_t *instances = json_object_get(step, "instances");

        if (instances) {
            add_step_problems(ops, phase, instances, problems);
        } else if (strcmp(json_get_text(step, "status", ""), "failed") == 0 &&
                   json_array_size(problems) < PROBLEMS_MAX) {
            add_step_problem(ops, phase, step, problems);
        }
    }
}

json_t *ops_find_problems(struct ops *ops, const json_t *run)
{
    json_t *problems = json_array();
    const json_t *phase;
    size_t i;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        add_step_problems(ops, phase, json_object_get(phase, "steps"), problems);
        if (json_array_size(problems) < PROBLEMS_MAX) {
            add_gate_problem(ops, phase, problems);
        }
    }
    return problems;
}

/* ---- the report ---- */

/* run_show names the step whose output is the report; views get where it lies and its text. */
static void add_report(struct ops *ops, json_t *run, const char *folder, bool with_text)
{
    char *path = path_join(folder, "report.md");
    const char *key = json_get_text(run, "report", NULL);
    const json_t *step = key ? ops_find_step(run, key) : NULL;
    json_t *report = json_object();
    char *text;
    size_t length;

    json_put_text(report, "step", key);
    if (file_exists(path)) {
        json_put_text(report, "path", path);
    }
    if (with_text && step && strcmp(json_get_text(step, "status", ""), "completed") == 0 &&
        ops_read_output(ops, json_object_get(step, "output"), &text, &length, NULL) == 0) {
        json_put(report, "text", json_text_lossy(text, length));
        free(text);
    }
    json_put(run, "report", report);
    free(path);
}

/* How long each word holds. */
static void add_ages(const json_t *run)
{
    const int64_t now_ms = ops_now_ms();
    json_t *attempt;
    size_t i;

    json_array_foreach(json_object_get(run, "under_way"), i, attempt)
    {
        int64_t for_ms = now_ms - json_get_integer(attempt, "since", now_ms);

        json_put_integer(attempt, "for_ms", for_ms > 0 ? for_ms : 0);
    }
}

void ops_complete_run(struct ops *ops, bool with_report, json_t *run)
{
    char *folder = ops_run_folder(ops, json_get_text(run, "id", ""));

    ops_mark_overdue(run, ops_now_ms());
    add_ages(run);
    json_put_text(run, "folder", folder);
    json_put(run, "problems", ops_find_problems(ops, run));
    add_report(ops, run, folder, with_report);
    ops_add_host_requests(ops, run);
    free(folder);
}

int ops_show_run(struct ops *ops, const char *run_id, json_t **ret_run, struct error *err)
{
    int r = run_show(ops->store, ops->folder, run_id, ret_run, err);

    if (r == 0) {
        bool log_json = ops_need_config(ops, NULL) == 0 && ops->config->log_json;

        /* Where nothing can be written, what was asked for can be read all the same. */
        (void)run_refresh_files(ops->store, ops->folder, *ret_run, log_json, NULL);
    }
    return r;
}

int ops_describe_run(struct ops *ops, const char *run_id, bool with_report, json_t **ret_run,
                     struct error *err)
{
    int r = ops_show_run(ops, run_id, ret_run, err);

    if (r == 0) {
        ops_complete_run(ops, with_report, *ret_run);
    }
    return r;
}

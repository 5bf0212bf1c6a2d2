/* SPDX-License-Identifier: MIT */
/* Commands to a run, whoever owns it, and going on with it. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "ops/internal.h"

#include <stdlib.h>
#include <string.h>

/* Sends the command; takes it over. */
static int ask(struct ops *ops, const char *run_id, json_t *command, json_t **ret_answer,
               struct error *err)
{
    struct engine_options options;
    int r = ops_engine_options(ops, &options, err);

    if (r == 0) {
        r = run_ask(&options, run_id, command, ret_answer, err);
    }
    json_decref(command);
    return r;
}

/* A run that nobody drives is where the last command left it: what is refused is often done. */
static void hint_undriven(const json_t *run, struct error *err)
{
    const char *status = json_get_text(run, "status", "");
    const char *parent = json_get_text(run, "parent", NULL);

    if ((strcmp(status, "running") == 0 || strcmp(status, "pending") == 0) &&
        !json_get_boolean(run, "owned", true)) {
        error_hint(err, "no process drives the run; go on with it: fermata resume %s",
                   parent ? parent : json_get_text(run, "id", ""));
    }
}

static void hint_refused(struct ops *ops, const char *run_id, struct error *err)
{
    json_t *run;

    if (run_show(ops->store, ops->folder, run_id, &run, NULL) == 0) {
        hint_undriven(run, err);
        json_decref(run);
    }
}

static json_t *describe_answer(const char *run_id, const char *done, json_t *answer)
{
    json_t *result = json_object();

    json_put_text(result, "id", run_id);
    json_put_text(result, "done", done);
    (void)json_object_update(result, answer);
    return result;
}

/* Some commands leave a paused run paused until it is told to go on. What it waits for besides
 * (another approval) is no error here: the state that is shown then says so. */
static int wish_resume(struct ops *ops, const char *run_id, const json_t *answer, struct error *err)
{
    json_t *resumed = NULL;
    int r = 0;

    if (strcmp(json_get_text(answer, "status", ""), "paused") == 0) {
        r = ask(ops, run_id, json_pack("{s:s}", "do", "resume"), &resumed, err);
        json_decref(resumed);
    }
    return r == ERROR_CONFLICT ? 0 : r;
}

/* Asks, then goes on at once when that was wanted and nobody else does. */
int ops_ask_and_go_on(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                      json_t *command, json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE];
    const char *done = json_get_text(command, "do", "");
    char *word = mem_strdup(done);
    json_t *answer = NULL;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    if (r < 0) {
        json_decref(command);
        goto out;
    }
    r = ask(ops, run_id, command, &answer, err);
    if (r == ERROR_CONFLICT) {
        hint_refused(ops, run_id, err);
    }
    if (r < 0) {
        goto out;
    }
    if (json_get_boolean(arguments, "resume", false) && !json_get_boolean(answer, "owner", false)) {
        r = wish_resume(ops, run_id, answer, err);
        if (r < 0) {
            goto out;
        }
        r = ops_go_on(ops, run_id, arguments, view, ret_result, err);
    } else {
        *ret_result = describe_answer(run_id, word, answer);
    }
out:
    json_decref(answer);
    free(word);
    return r;
}

json_t *ops_new_command(const struct ops *ops, const char *what, const json_t *arguments,
                        const char *const *keys)
{
    json_t *command = json_object();

    json_put_text(command, "do", what);
    json_put_text(command, "by", ops->settings->user);
    for (; *keys; keys++) {
        json_put(command, *keys, json_incref(json_object_get(arguments, *keys)));
    }
    return command;
}

int op_pause(struct ops *ops, const json_t *arguments, const struct ops_view *view,
             json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {NULL};

    return ops_ask_and_go_on(ops, arguments, view, ops_new_command(ops, "pause", arguments, keys),
                             ret_result, err);
}

int op_cancel(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {"reason", NULL};

    return ops_ask_and_go_on(ops, arguments, view, ops_new_command(ops, "cancel", arguments, keys),
                             ret_result, err);
}

int op_retry(struct ops *ops, const json_t *arguments, const struct ops_view *view,
             json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {"step", NULL};

    return ops_ask_and_go_on(ops, arguments, view, ops_new_command(ops, "retry", arguments, keys),
                             ret_result, err);
}

int op_skip(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {"step", "phase", "gate", "reason", NULL};
    int given = 0;

    for (size_t i = 0; i < 3; i++) {
        given += json_object_get(arguments, keys[i]) ? 1 : 0;
    }
    if (given != 1) {
        int r = error_set(err, ERROR_INVALID,
                          "skip what? Give one of STEP, --phase ID, --gate PHASE");

        error_hint(err, "`fermata status %s` lists what can be skipped",
                   json_get_text(arguments, "run", "RUN"));
        return r;
    }
    return ops_ask_and_go_on(ops, arguments, view, ops_new_command(ops, "skip", arguments, keys),
                             ret_result, err);
}

/* ---- approvals ---- */

static bool is_open_approval(const json_t *step)
{
    return strcmp(json_get_text(step, "waiting", ""), "approval") == 0;
}

/* The one step that waits; an error names all when there are several. */
static int only_approval(const json_t *run, char **ret_key, struct error *err)
{
    const char *key = NULL;
    struct strbuf keys;
    const json_t *phase;
    const json_t *step;
    size_t count = 0;
    size_t i;
    size_t k;
    int r = 0;

    strbuf_init(&keys, ERROR_HINT_MAX / 2);
    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), k, step)
        {
            if (is_open_approval(step)) {
                key = json_get_text(step, "key", "");
                strbuf_addf(&keys, "%s%s", count++ ? ", " : "", key);
            }
        }
    }
    if (count == 0) {
        r = error_set(err, ERROR_CONFLICT, "run %s waits for no approval",
                      json_get_text(run, "id", ""));
        error_hint(err, "`fermata status %s` says what it waits for", json_get_text(run, "id", ""));
        hint_undriven(run, err);
    } else if (count > 1) {
        r = error_set(err, ERROR_INVALID, "several steps wait for approval: %s", keys.data);
        error_hint(err, "name one of them after the run");
    } else {
        *ret_key = mem_strdup(key);
    }
    strbuf_release(&keys);
    return r;
}

static int find_waiting_step(struct ops *ops, const json_t *arguments, char **ret_key,
                             struct error *err)
{
    const char *given = json_get_text(arguments, "step", NULL);
    char run_id[RUN_ID_SIZE];
    json_t *run;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    if (r == 0) {
        r = run_show(ops->store, ops->folder, run_id, &run, err);
    }
    if (r < 0) {
        return r;
    }
    if (!given) {
        r = only_approval(run, ret_key, err);
    } else if (!ops_find_step(run, given)) {
        r = ops_no_such_step(run, given, err);
    } else {
        *ret_key = mem_strdup(given);
    }
    json_decref(run);
    return r;
}

static int answer_approval(struct ops *ops, const char *what, const json_t *arguments,
                           const struct ops_view *view, json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {"comment", NULL};
    json_t *command;
    char *key = NULL;
    int r = find_waiting_step(ops, arguments, &key, err);

    if (r < 0) {
        return r;
    }
    command = ops_new_command(ops, what, arguments, keys);
    json_put_text(command, "step", key);
    free(key);
    return ops_ask_and_go_on(ops, arguments, view, command, ret_result, err);
}

int op_approve(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    return answer_approval(ops, "approve", arguments, view, ret_result, err);
}

int op_reject(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    return answer_approval(ops, "reject", arguments, view, ret_result, err);
}

int op_signal(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {"name", NULL};
    const char *text = json_get_text(arguments, "value", NULL);
    json_t *command = ops_new_command(ops, "signal", arguments, keys);
    json_t *value = NULL;

    /* JSON where it is JSON, else the text itself. */
    if (text && json_parse_text(text, strlen(text), "value", &value, NULL) < 0) {
        value = json_string(text);
    }
    json_put(command, "value", value);
    return ops_ask_and_go_on(ops, arguments, view, command, ret_result, err);
}

int op_restore(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {"checkpoint", NULL};

    return ops_ask_and_go_on(ops, arguments, view, ops_new_command(ops, "restore", arguments, keys),
                             ret_result, err);
}

/* Without a name of its own a checkpoint is called by the time: "at-20240219-100000". */
static char *checkpoint_name(const json_t *arguments)
{
    char now[TIMESTAMP_SIZE];

    if (json_object_get(arguments, "name")) {
        return mem_strdup(json_get_text(arguments, "name", ""));
    }
    timestamp_format(ops_now_ms(), now);
    return mem_printf("at-%.4s%.2s%.2s-%.2s%.2s%.2s", now, now + 5, now + 8, now + 11, now + 14,
                      now + 17);
}

int op_checkpoint(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                  json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {NULL};
    json_t *command = ops_new_command(ops, "checkpoint", arguments, keys);
    char *name = checkpoint_name(arguments);
    int r;

    json_put_text(command, "name", name);
    r = ops_ask_and_go_on(ops, arguments, view, command, ret_result, err);
    if (r == 0) {
        json_put_text(*ret_result, "checkpoint", name);
    }
    free(name);
    return r;
}

/* ---- resume ---- */

/* A run that nobody owns although it was under way needs no wish: whoever adopts it goes on. Unless
 * it was asked to pause meanwhile: that is taken back. */
static bool needs_wish(const json_t *run, bool retry_failed)
{
    const char *status = json_get_text(run, "status", "");
    const char *wish = json_get_text(run, "wish", "none");

    return retry_failed || strcmp(wish, "pause") == 0 || strcmp(wish, "stop") == 0 ||
           (strcmp(status, "running") != 0 && strcmp(status, "pending") != 0) ||
           json_get_boolean(run, "owned", false);
}

/* Somebody else may take the run between our question and our going on: then he goes on. */
static int go_on_or_tell(struct ops *ops, const char *run_id, const json_t *arguments,
                         const struct ops_view *view, json_t **ret_result, struct error *err)
{
    json_t *answer = NULL;
    int r = ops_go_on(ops, run_id, arguments, view, ret_result, err);

    if (r != ERROR_BUSY) {
        return r;
    }
    r = ask(ops, run_id, json_pack("{s:s}", "do", "resume"), &answer, err);
    if (r == 0 && json_get_boolean(answer, "owner", false)) {
        *ret_result = describe_answer(run_id, "resume", answer);
    } else if (r == 0) {
        r = ops_go_on(ops, run_id, arguments, view, ret_result, err);
    }
    json_decref(answer);
    return r;
}

/* What has to be seen to before a decision makes sense: an agent that cannot be used. */
static int explain_lack(struct ops *ops, const json_t *run, struct error *err)
{
    json_t *problems = ops_find_problems(ops, run);
    const json_t *problem = json_array_get(problems, 0);
    const char *lacks = json_get_text(problem, "lacks", NULL);
    int r = err->code;

    if (lacks && strcmp(json_get_text(run, "reason", ""), "failure") == 0) {
        r = error_set(err, ERROR_UNAVAILABLE, "step %s needs %s, which cannot be used",
                      json_get_text(problem, "step", ""), lacks);
        error_hint(err, "%s; then: fermata resume %s --retry-failed",
                   json_get_text(problem, "hint", ""), json_get_text(run, "id", ""));
    }
    json_decref(problems);
    return r;
}

/* Its process left while it was stopping the steps: nobody is there to see it rest. */
static bool is_left_stopping(const json_t *run)
{
    return strcmp(json_get_text(run, "status", ""), "running") == 0 &&
           strcmp(json_get_text(run, "wish", "none"), "stop") == 0 &&
           !json_get_boolean(run, "owned", false);
}

/* It is stopped to the end first; then it can go on. */
static int finish_stopping(struct ops *ops, const char *run_id, const json_t *arguments,
                           const struct ops_view *view, struct error *err)
{
    json_t *stopped = NULL;
    int r = ops_go_on(ops, run_id, arguments, view, &stopped, err);

    json_decref(stopped);
    return r == ERROR_BUSY ? 0 : r;
}

/* Before it goes on, and kept like every other word of a person. */
static int set_budget(struct ops *ops, const char *run_id, const json_t *arguments,
                      struct error *err)
{
    static const char *const keys[] = {"budget", NULL};
    json_t *answer = NULL;
    int r = ask(ops, run_id, ops_new_command(ops, "budget", arguments, keys), &answer, err);

    json_decref(answer);
    return r;
}

int op_resume(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    bool retry_failed = json_get_boolean(arguments, "retry_failed", false);
    char run_id[RUN_ID_SIZE];
    json_t *answer = NULL;
    json_t *run;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    if (r == 0) {
        r = run_show(ops->store, ops->folder, run_id, &run, err);
    }
    if (r < 0) {
        return r;
    }
    r = ops_check_host(ops, run, err);
    if (r == 0) {
        /* Here as well as where it is taken over: a process in the background could tell nobody. */
        r = run_refuse_orphan(ops->store, run_id, err);
    }
    if (r == 0 && is_left_stopping(run)) {
        r = finish_stopping(ops, run_id, arguments, view, err);
    }
    if (r == 0 && json_object_get(arguments, "budget")) {
        r = set_budget(ops, run_id, arguments, err);
    }
    if (r == 0 && needs_wish(run, retry_failed)) {
        r = ask(ops, run_id, json_pack("{s:s, s:b}", "do", "resume", "retry_failed", retry_failed),
                &answer, err);
        r = r == ERROR_CONFLICT ? explain_lack(ops, run, err) : r;
    }
    if (r == 0 && json_get_boolean(answer, "owner", false)) {
        *ret_result = describe_answer(run_id, "resume", answer);
    } else if (r == 0) {
        r = go_on_or_tell(ops, run_id, arguments, view, ret_result, err);
    }
    json_decref(answer);
    json_decref(run);
    return r;
}

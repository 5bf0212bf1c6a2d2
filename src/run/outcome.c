/* SPDX-License-Identifier: MIT */
/* From what an attempt left in its folder to an outcome: class, output, artifacts, proof. Large
 * values become blobs here, before the record that names them is committed. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "functions/functions.h"
#include "results/results.h"
#include "run/changes.h"
#include "run/definition.h"
#include "run/files.h"
#include "run/launch.h"
#include "run/live.h"
#include "run/merge.h"
#include "run/outcome_agent.h"
#include "run/output.h"
#include "run/profile.h"
#include "run/pulse.h"
#include "run/workspace.h"
#include "run/writer.h"
#include "workflow/json_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARTIFACT_BYTES_MAX (INT64_C(1024) * 1024 * 1024)
#define EXIT_TRY_LATER 75 /* EX_TEMPFAIL of sysexits.h */
#define CLOCK_GRAIN_MS 50 /* files carry the kernel's coarser time */

struct collect {
    /* what to look at; its run may go to another process meanwhile, so it keeps the definition */
    struct engine *engine;
    const struct workflow *workflow;
    char *folder;
    char *work; /* of a check: the folder of the attempt whose work it proves; NULL: the project */
    char *blobs;
    char *run_folder;
    char *root; /* where it worked: the project or its clone */
    char *cwd;
    char *tree;
    char run_id[RUN_ID_SIZE];
    char *key;
    bool is_clone;
    int iteration;                  /* of the run; 0: it does not iterate */
    const struct step *definition;  /* NULL for checks */
    char *agent_name;               /* as step_agent() */
    const struct gate_check *check; /* NULL for steps */
    bool is_json;
    int64_t keep_max;
    int64_t timeout_ms;
    bool is_to_refuse;   /* it changed what it was to leave as it is */
    int64_t own_changes; /* as count_own_changes() */
    bool is_kept, is_overdue, stop_wanted, has_company, has_changer; /* of the attempt */
    /* what was found */
    enum failure_class class_;
    int exit_status;
    int signal;
    int64_t duration_ms;
    int64_t ended_at_ms; /* wall clock; 0: not known */
    struct error err;
    bool is_doubtful;
    struct error broken; /* what kept us from reading or keeping what it left */
    json_t *output;
    json_t *errors;
    json_t *artifacts;
    json_t *usage;
    json_t *files;
    bool is_agent;
    bool is_answered;
    struct agent_outcome agent;
    enum verdict verdict;
    char verdict_reason[512];
    json_t *proof;
};

static bool is_agent_step(const struct step *definition)
{
    return definition && definition->kind == STEP_AGENT;
}

struct collect *collect_new(struct active *active, int index, const struct live_attempt *live)
{
    const struct step_state *step = &active->state->steps[index];
    struct collect *collect = mem_zero(1, sizeof(*collect));

    collect->engine = active->engine;
    collect->workflow = definition_share(active->engine->definitions, active->workflow->digest);
    collect->folder = mem_strdup(live->folder);
    collect->is_kept = live->is_kept;
    collect->is_overdue = live->is_overdue;
    collect->stop_wanted = live->stop_wanted;
    collect->blobs = mem_strdup(active->engine->blobs);
    collect->run_folder = mem_strdup(active->folder);
    collect->definition = step_effective(step);
    collect->agent_name = mem_strdup(step_agent(step));
    collect->check = step->check;
    collect->tree = mem_strdup(step->tree);
    collect->is_json = collect->definition && output_is_json(collect->definition);
    collect->keep_max = active->engine->options.config->output_bytes_max *
                        (is_agent_step(collect->definition) ? AGENT_OUTPUT_FACTOR : 1);
    collect->timeout_ms = launch_timeout_ms(active, index);
    collect->root = workspace_root(active, index);
    collect->is_clone = !step->check && workspace_is_clone(collect->definition);
    collect->has_company = live->has_company && !collect->is_clone;
    collect->has_changer = live->has_changer && !collect->is_clone;
    collect->iteration = active->workflow->iterate.max > 0 ? active->state->iteration : 0;
    memcpy(collect->run_id, active->state->id, RUN_ID_SIZE);
    collect->key = mem_strdup(step->key);
    collect->cwd = collect->definition && collect->definition->cwd
                       ? path_join(collect->root, collect->definition->cwd)
                       : mem_strdup(collect->root);
    return collect;
}

void collect_free(struct collect *collect)
{
    if (!collect) {
        return;
    }
    definition_give_back(collect->engine->definitions, collect->workflow);
    free(collect->folder);
    free(collect->work);
    free(collect->blobs);
    free(collect->run_folder);
    free(collect->root);
    free(collect->key);
    free(collect->agent_name);
    free(collect->cwd);
    free(collect->tree);
    json_decref(collect->output);
    json_decref(collect->errors);
    json_decref(collect->artifacts);
    json_decref(collect->usage);
    json_decref(collect->files);
    json_decref(collect->proof);
    agent_outcome_release(&collect->agent);
    free(collect);
}

static int keep_file(struct collect *collect, const struct artifact_rule *rule)
{
    char digest[DIGEST_HEX_SIZE];
    int64_t size = 0;
    char *path = path_join(collect->cwd, rule->path);
    char *data = NULL;
    size_t length = 0;
    int r = blob_put_file(collect->blobs, path, ARTIFACT_BYTES_MAX, digest, &size, &collect->err);

    if (r < 0) {
        error_context(&collect->err, "artifact %s", rule->name);
        if (collect->err.is_storage_full) {
            collect->broken = collect->err;
        }
        goto out;
    }
    output_add_artifact(collect->artifacts, rule->name, digest, size);
    if (blob_get(collect->blobs, digest, FILES_COPY_BYTES_MAX, &data, &length, NULL) == 0) {
        files_write_artifact(collect->run_folder, rule->name, data, length);
    }
out:
    free(data);
    free(path);
    return r;
}

static void fail(struct collect *collect, enum failure_class class_)
{
    collect->class_ = class_;
}

static void check_json(struct collect *collect, const struct stream_text *output,
                       json_t **ret_value)
{
    if (collect->is_json && output->cut > 0) {
        (void)error_set(&collect->err, ERROR_LIMIT,
                        "the output has %lld bytes; at most %lld are kept, and half of a JSON "
                        "value is none",
                        (long long)output->bytes, (long long)collect->keep_max);
        fail(collect, CLASS_PERMANENT);
    } else if (collect->is_json &&
               output_parse(collect->definition, &output->text, ret_value, &collect->err) < 0) {
        fail(collect, CLASS_PERMANENT);
    }
}

/* Everything that a successful step promised is there, or it did not succeed. */
static void keep_promises(struct collect *collect, const struct stream_text *output)
{
    const struct step *definition = collect->definition;
    const struct strbuf *text = &output->text;
    struct output_place place;

    collect->artifacts = json_array();
    place = (struct output_place){collect->blobs, collect->run_folder, collect->artifacts};
    if (definition->output &&
        output_keep_named(&place, definition->output, text, &collect->broken) < 0) {
        return;
    }
    for (size_t i = 0; i < definition->artifact_count; i++) {
        if (keep_file(collect, &definition->artifacts[i]) < 0) {
            fail(collect, CLASS_PERMANENT);
            return;
        }
    }
}

/* ---- classes ---- */

static bool is_success(const struct step *definition, int status)
{
    for (size_t i = 0; i < definition->success_status_count; i++) {
        if (definition->success_statuses[i] == status) {
            return true;
        }
    }
    return false;
}

/* Where the line that ends at `end` begins. */
static size_t line_start(const char *text, size_t end)
{
    while (end > 0 && text[end - 1] != '\n') {
        end--;
    }
    return end;
}

/* The last line that the process left on standard error says best why it failed; below an error of
 * our own functions stands a hint. */
static void last_line(const struct strbuf *text, char *line, size_t size)
{
    static const char hint[] = "  hint:";
    size_t end = text->length;
    size_t start = 0;

    for (;;) {
        while (end > 0 && strchr(" \r\n\t", text->data[end - 1])) {
            end--;
        }
        start = line_start(text->data, end);
        if (start == 0 || strncmp(text->data + start, hint, strlen(hint)) != 0) {
            break;
        }
        end = start;
    }
    (void)snprintf(line, size, "%.*s", (int)(end - start > size ? size : end - start),
                   text->data + start);
}

/* The machine lacked something just then; another try may have it. */
static bool is_passing(int start_errno)
{
    return start_errno == EAGAIN || start_errno == ENOMEM || start_errno == EMFILE ||
           start_errno == ENFILE || start_errno == ETXTBSY;
}

/* It was stopped because it printed nothing for too long; whoever stopped it may be gone. */
static bool was_silent(struct collect *collect)
{
    char *path = path_join(collect->folder, PULSE_SILENT_FILE);
    char *text = NULL;
    size_t length;
    bool is_silent = file_read(path, 64, &text, &length, NULL) == 0;

    if (is_silent) {
        fail(collect, CLASS_TIMEOUT);
        (void)error_set(&collect->err, ERROR_LIMIT, "it printed nothing for %lld s",
                        strtoll(text, NULL, 10) / 1000);
    }
    free(text);
    free(path);
    return is_silent;
}

static void class_of_exit(struct collect *collect, const struct attempt_exit *ended,
                          const struct strbuf *errors)
{
    char why[300];
    char limit[DURATION_SIZE];

    last_line(errors, why, sizeof(why));
    if (ended->timed_out) {
        fail(collect, CLASS_TIMEOUT);
        duration_format_limit(collect->timeout_ms, limit);
        (void)error_set(&collect->err, ERROR_LIMIT, "timed out after its limit of %s", limit);
    } else if (ended->stopped && was_silent(collect)) {
        return;
    } else if (ended->stopped) {
        /* Also before it could start. */
        fail(collect, CLASS_CANCELLED);
        (void)error_set(&collect->err, ERROR_CANCELLED, "stopped");
    } else if (ended->start_error[0]) {
        fail(collect, is_passing(ended->start_errno) ? CLASS_TRANSIENT : CLASS_PERMANENT);
        (void)error_set(&collect->err, ERROR_UNAVAILABLE, "%s", ended->start_error);
    } else if (ended->signal) {
        fail(collect, CLASS_PERMANENT);
        (void)error_set(&collect->err, ERROR_IO, "killed by signal %d (%s)", ended->signal,
                        strsignal(ended->signal));
    } else if (!is_success(collect->definition, ended->status)) {
        fail(collect, ended->status == EXIT_TRY_LATER ? CLASS_TRANSIENT : CLASS_PERMANENT);
        (void)error_set(&collect->err, ERROR_IO, "exit status %d%s%s", ended->status,
                        why[0] ? ": " : "", why);
    }
}

/* ---- checks ---- */

static json_t *prove(const struct collect *collect, const struct attempt_exit *ended,
                     const struct test_counts *counts)
{
    json_t *proof = json_object();

    json_put_text(proof, "command",
                  collect->check->command ? collect->check->command : collect->check->function);
    json_put_integer(proof, "exit_status", ended->status);
    if (ended->signal) {
        json_put_integer(proof, "signal", ended->signal);
    }
    json_put(proof, "timed_out", json_boolean(ended->timed_out));
    if (counts->executed >= 0) {
        json_put(proof, "tests",
                 json_pack("{s:I, s:I, s:I, s:I}", "executed", (json_int_t)counts->executed,
                           "passed", (json_int_t)counts->passed, "failed",
                           (json_int_t)counts->failed, "skipped", (json_int_t)counts->skipped));
        json_put_text(proof, "runner", counts->runner);
    }
    if (counts->coverage >= 0) {
        json_put(proof, "coverage", json_real(counts->coverage));
    }
    json_put_integer(proof, "duration_ms", collect->duration_ms);
    json_put_text(proof, "tree", collect->tree);
    return proof;
}

/* A report that lay there before the check began proves nothing about it. */
static bool is_written_since(const char *path, int64_t ms)
{
    struct stat status;

    return stat(path, &status) == 0 && (int64_t)status.st_mtim.tv_sec * 1000 +
                                               status.st_mtim.tv_nsec / 1000000 + CLOCK_GRAIN_MS >=
                                           ms;
}

static void read_junit(const struct collect *collect, const struct attempt_exit *ended,
                       struct test_counts *counts)
{
    char *path;
    char *xml = NULL;
    size_t length = 0;

    if (!collect->check->junit) {
        return;
    }
    path = path_join(collect->cwd, collect->check->junit);
    if (is_written_since(path, ended->started_at_ms) &&
        file_read(path, JSON_BYTES_MAX, &xml, &length, NULL) == 0) {
        test_counts_read_junit(xml, length, counts);
    }
    free(xml);
    free(path);
}

static void judge(struct collect *collect, const struct attempt_exit *ended,
                  const struct strbuf *output, const struct strbuf *errors)
{
    struct check_result result = {.is_started = !ended->start_error[0],
                                  .timed_out = ended->timed_out,
                                  .signal = ended->signal,
                                  .exit_status = ended->status};
    json_t *stated = NULL;
    struct strbuf both;

    strbuf_init(&both, output->length + errors->length + 1);
    strbuf_add_bytes(&both, output->data, output->length);
    strbuf_add_char(&both, '\n');
    strbuf_add_bytes(&both, errors->data, errors->length);
    test_counts_read(both.data, both.length, &result.counts);
    result.missing = test_find_missing_tool(both.data, both.length);
    read_junit(collect, ended, &result.counts);
    if (collect->check->function) {
        (void)json_parse_text(output->data, output->length, "check", &stated, NULL);
        result.stated = json_get_text(stated, "verdict", "unknown");
        result.stated_reason = json_get_text(stated, "reason", "the check did not say");
    }
    collect->verdict = verdict_decide(collect->check, &result, collect->verdict_reason,
                                      sizeof(collect->verdict_reason));
    collect->proof = prove(collect, ended, &result.counts);
    json_put(collect->proof, "stated", json_incref(stated));
    json_decref(stated);
    strbuf_release(&both);
    if (ended->stopped && !ended->timed_out) {
        fail(collect, CLASS_CANCELLED);
    } else if (collect->verdict != VERDICT_PASS) {
        fail(collect, CLASS_PERMANENT);
    }
}

/* ---- all of it ---- */

/* The configuration never changes, so that it may be read here, on the pool. */
static json_t *describe_agent_usage(const struct collect *collect)
{
    const struct config *config = collect->engine->options.config;
    struct agent_usage usage = collect->agent.usage;

    profile_add_cost(config,
                     profile_model(config,
                                   (struct profile_use){collect->definition, collect->agent_name},
                                   collect->agent.model),
                     &usage);
    return agent_usage_encode(&usage);
}

static json_t *describe_usage(const struct collect *collect, const struct attempt_exit *ended)
{
    json_t *usage = json_pack("{s:I, s:I, s:I, s:i}", "user_ms", (json_int_t)ended->user_ms,
                              "system_ms", (json_int_t)ended->system_ms, "memory_bytes",
                              (json_int_t)ended->memory_bytes_max, "leftovers", ended->leftovers);

    if (collect->is_agent && ended->start_error[0]) {
        json_put(usage, USAGE_NOT_STARTED, json_true());
    } else if (collect->is_agent) {
        json_t *said = describe_agent_usage(collect);

        (void)json_object_update(usage, said);
        json_decref(said);
    }
    return usage;
}

/* ---- agents ---- */

/* What an agent printed is a stream of events; its output is the answer in it. */
static void read_agent(struct collect *collect, const struct attempt_exit *ended,
                       const struct strbuf *errors)
{
    const bool is_expected = is_success(collect->definition, ended->status);
    const struct agent_end end = {.exit_status = is_expected ? 0 : ended->status,
                                  .signal = ended->signal,
                                  .timed_out = ended->timed_out,
                                  .stopped = ended->stopped,
                                  .ended_at_ms = ended->ended_at_ms,
                                  .errors = errors->data,
                                  .folder = collect->folder};
    struct error err = ERROR_INIT;
    int r = agent_outcome_read(collect->folder, &end, &collect->agent, &err);

    collect->is_agent = r == 0;
    if (r < 0 && r != ERROR_NOT_FOUND && collect->broken.code == 0) {
        collect->broken = err;
    }
}

/* What we did to it is said in our own words, unless it was stopped for what it had said. */
static void class_of_agent(struct collect *collect, const struct attempt_exit *ended,
                           const struct strbuf *errors)
{
    const struct agent_outcome *agent = &collect->agent;
    bool is_ours = ended->timed_out || ended->stopped;

    if (ended->stopped && was_silent(collect)) {
        return;
    }
    /* A server's driver ends by itself when it was silent for too long: those are its words. */
    if (ended->start_error[0] ||
        (is_ours && (agent->class_ == CLASS_TIMEOUT || agent->class_ == CLASS_CANCELLED))) {
        class_of_exit(collect, ended, errors);
    }
    if (collect->class_ == CLASS_NONE && agent->class_ != CLASS_NONE) {
        fail(collect, agent->class_);
        (void)error_set(&collect->err, ERROR_IO, "%s", agent->error ? agent->error : "it failed");
    }
    collect->is_answered = collect->class_ == CLASS_NONE;
}

/* What speaks for and against the agent: somebody else may have saved a file meanwhile. `own`: how
 * many of the changes its tools told of; -1: it never tells. */
static const char *describe_blame(int64_t own)
{
    return own < 0    ? "it or somebody else changed them"
           : own == 0 ? "its tools told of no change, so it may have been somebody else"
                      : "its own tools told of it";
}

/* Where all else went well, a person may take the answer all the same. */
static void refuse_changes(struct collect *collect)
{
    const json_t *changed = json_object_get(collect->files, "changed");
    int64_t count = json_get_integer(collect->files, "count", 0);
    struct strbuf names;
    size_t index;
    const json_t *path;

    if (!collect->is_to_refuse || collect->class_ == CLASS_CANCELLED) {
        return;
    }
    if (collect->class_ == CLASS_NONE && collect->broken.code == 0 && !collect->agent.question) {
        json_put(collect->files, "refused", json_true());
    }
    if (count == 0) {
        fail(collect, CLASS_PERMANENT);
        (void)error_set(&collect->err, ERROR_CONFLICT,
                        "it was to change nothing (read_only), and whether it did is not known: "
                        "%.300s (its answer is kept)",
                        json_get_text(collect->files, "unknown", ""));
        return;
    }
    strbuf_init(&names, ERROR_TEXT_MAX);
    json_array_foreach((json_t *)(uintptr_t)changed, index, path)
    {
        strbuf_addf(&names, "%s%s", index ? ", " : "", json_string_value(path));
    }
    fail(collect, CLASS_PERMANENT);
    (void)error_set(
        &collect->err, ERROR_CONFLICT,
        "it was to change nothing (read_only)%s, but %lld file%s not as before (%s; its "
        "answer is kept): %s",
        collect->has_company ? ", nor were those beside it" : "", (long long)count,
        count == 1 ? " is" : "s are", describe_blame(collect->own_changes), names.data);
    strbuf_release(&names);
}

static bool has_other_agents(const struct collect *collect)
{
    struct step_agents agents;

    config_list_agents(collect->engine->options.config, collect->definition, &agents);
    return agents.count > 1;
}

/* Before it is forgotten whose changes nobody claimed. -1: this agent never tells. */
static int64_t count_own_changes(const struct collect *collect)
{
    return collect->agent.claims
               ? json_get_integer(collect->files, "count", 0) -
                     (int64_t)json_array_size(json_object_get(collect->files, "not_claimed"))
               : -1;
}

/* What the files were was noted where the agent could reach it. */
static json_t *describe_lost_note(void)
{
    json_t *files = json_object();

    json_put_text(files, "unknown", "the note of what they were before is gone");
    json_put(files, "unproven", json_true());
    return files;
}

/* Whose changes these are is only known of an attempt that was alone all the time. Of several that
 * were to change nothing, none has looked at the project as it was. */
static void look_at_files(struct collect *collect)
{
    const struct changes_place place = {.store = collect->engine->options.store,
                                        .folder = collect->folder,
                                        .project = collect->engine->options.project};
    const struct claims claims = {collect->agent.claims, collect->root, collect->cwd};
    int64_t count;
    int64_t own;
    bool is_changed;

    collect->files = changes_end(&place, &claims);
    if (!collect->files && collect->agent.can_edit) {
        collect->files = describe_lost_note();
    }
    count = json_get_integer(collect->files, "count", 0);
    own = count_own_changes(collect);
    if (collect->files && collect->has_company) {
        json_put(collect->files, "shared", json_true());
        (void)json_object_del(collect->files, "not_claimed");
    }
    if (count > 0 && !collect->has_company && collect->class_ != CLASS_NONE &&
        has_other_agents(collect)) {
        changes_write_difference(&place);
    }
    is_changed = count > 0 || json_get_boolean(collect->files, "unproven", false);
    collect->is_to_refuse = collect->definition->read_only && is_changed && !collect->has_changer;
    collect->own_changes = own;
}

/* A model that answered in the wrong form may answer in the right one when it is told. */
static void take_answer(struct collect *collect, struct stream_text *output, json_t **ret_value)
{
    json_t *value = NULL;
    char *path;

    strbuf_reset(&output->text);
    strbuf_add_bytes(&output->text, collect->agent.answer.data, collect->agent.answer.length);
    if (collect->class_ == CLASS_NONE && collect->is_json && !collect->agent.question) {
        char *text;

        if (agent_outcome_parse(&collect->agent, &value, &collect->err) < 0 ||
            output_check(collect->definition, value, ret_value, &collect->err) < 0) {
            fail(collect, CLASS_TRANSIENT);
        } else {
            text = json_dump_compact(*ret_value);
            strbuf_reset(&output->text);
            strbuf_add(&output->text, text);
            free(text);
        }
    }
    output->bytes = (int64_t)output->text.length;
    output->cut = 0;
    path = path_join(collect->folder, "answer");
    (void)file_write(path, output->text.data, output->text.length, FILE_NO_SYNC, NULL);
    free(path);
}

static void read_stream(struct collect *collect, const char *name, int64_t bytes,
                        struct stream_text *stream)
{
    struct error err = ERROR_INIT;

    stream->bytes = bytes;
    if (bytes == 0) {
        return; /* the keeper made no file then; what stands there is none of ours */
    }
    if (attempt_read_output(collect->folder, name, &stream->text, &stream->cut, &err) < 0 &&
        collect->broken.code == 0) {
        collect->broken = err;
    }
}

/* Success needs all of the output: what the keeper could not write is missing for good. */
static void check_kept(struct collect *collect, const struct attempt_exit *ended)
{
    if (ended->output_error[0] && collect->broken.code == 0) {
        (void)error_set(&collect->broken, ERROR_IO, "the output could not be kept (%s)",
                        ended->output_error);
    }
}

/* Never acknowledge what could not be kept. */
static void fail_broken(struct collect *collect)
{
    if (collect->broken.code == 0 || collect->class_ == CLASS_CANCELLED) {
        return;
    }
    fail(collect, CLASS_TRANSIENT);
    collect->err = collect->broken;
    if (collect->check) {
        collect->verdict = VERDICT_UNKNOWN;
        (void)snprintf(collect->verdict_reason, sizeof(collect->verdict_reason), "%.500s",
                       collect->broken.text);
    }
}

/* Nothing is known of how it ended. */
static void end_unknown(struct collect *collect, enum failure_class class_)
{
    fail(collect, class_);
    collect->verdict = VERDICT_UNKNOWN;
    (void)snprintf(collect->verdict_reason, sizeof(collect->verdict_reason), "%.500s",
                   collect->err.text);
}

static void collect_lost(struct collect *collect, int swept)
{
    const struct agent_end end = {.exit_status = -1, .folder = collect->folder};

    /* For its session, and for what it used. */
    if (is_agent_step(collect->definition)) {
        collect->is_agent = agent_outcome_read(collect->folder, &end, &collect->agent, NULL) == 0;
        collect->usage = collect->is_agent ? describe_agent_usage(collect) : NULL;
    }
    if (collect->is_overdue) {
        (void)error_set(&collect->err, ERROR_LIMIT,
                        "%s; its keeper was kept from ending it, and was killed with it",
                        collect->stop_wanted ? "stopped" : "timed out");
        end_unknown(collect, collect->stop_wanted ? CLASS_CANCELLED : CLASS_TIMEOUT);
        return;
    }
    (void)error_set(&collect->err, ERROR_IO, "the process and its keeper ended without a trace%s",
                    swept > 0 ? "; what they had started was ended" : "");
    end_unknown(collect, CLASS_LOST);
}

static void collect_ended(struct collect *collect, const struct attempt_exit *ended,
                          struct stream_text *output, struct stream_text *errors)
{
    json_t *value = NULL;

    read_stream(collect, "stderr", ended->stderr_bytes, errors);
    if (is_agent_step(collect->definition)) {
        read_agent(collect, ended, &errors->text);
    }
    if (!collect->is_agent) {
        read_stream(collect, "stdout", ended->stdout_bytes, output);
    }
    check_kept(collect, ended);
    collect->duration_ms = ended->ended_at_ms - ended->started_at_ms;
    collect->ended_at_ms = ended->ended_at_ms;
    collect->exit_status = ended->status;
    collect->signal = ended->signal;
    collect->usage = describe_usage(collect, ended);
    if (collect->check) {
        judge(collect, ended, &output->text, &errors->text);
    } else if (collect->is_agent) {
        class_of_agent(collect, ended, &errors->text);
        look_at_files(collect);
        take_answer(collect, output, &value);
    } else {
        class_of_exit(collect, ended, &errors->text);
        if (collect->class_ == CLASS_NONE && collect->broken.code == 0) {
            check_json(collect, output, &value);
        }
    }
    if (!collect->check && collect->class_ == CLASS_NONE && collect->broken.code == 0 &&
        !collect->agent.question) {
        keep_promises(collect, output);
    }
    refuse_changes(collect);
    collect->output = output_describe(collect->blobs, output, value, &collect->broken);
    collect->errors = output_describe(collect->blobs, errors, NULL, &collect->broken);
    fail_broken(collect);
    json_decref(value);
}

/* The next agent may change the files. */
static void release_files(const struct collect *collect)
{
    const struct writer writer = {.folder = collect->engine->options.folder,
                                  .attempt = collect->folder};

    writer_release(&writer);
}

/* The proof names what is merged: what the step left, not the tree that it found. */
static void find_proved_tree(struct collect *check)
{
    json_t *note = check->work ? snapshot_note_read(check->engine->options.store, check->work)
                               : NULL;
    const char *after = json_get_text(note, "after", NULL);

    if (after) {
        free(check->tree);
        check->tree = mem_strdup(after);
    }
    json_decref(note);
}

void collect_read(struct collect *collect)
{
    struct stream_text output = {0};
    struct stream_text errors = {0};
    struct attempt_exit ended;
    /* Another attempt may only begin when nothing of this one is at work any more. */
    int swept = collect->is_kept ? 0 : attempt_sweep(collect->folder);
    int r;

    find_proved_tree(collect);
    /* Above the ceiling: the line that says how much was left out. */
    strbuf_init(&output.text, (size_t)collect->keep_max + 4096);
    strbuf_init(&errors.text, (size_t)collect->keep_max + 4096);
    r = attempt_read_exit(collect->folder, &ended, &collect->err);
    if (r == ERROR_NOT_FOUND) {
        collect_lost(collect, swept);
    } else if (r < 0) {
        /* It ended, and how is written there: it must not begin again because of us. */
        collect->is_doubtful = true;
        end_unknown(collect, CLASS_PERMANENT);
    } else {
        collect_ended(collect, &ended, &output, &errors);
    }
    if (is_agent_step(collect->definition) && !collect_lacks_storage(collect)) {
        release_files(collect);
    }
    strbuf_release(&output.text);
    strbuf_release(&errors.text);
}

const struct error *collect_lacks_storage(const struct collect *collect)
{
    return collect->broken.is_storage_full && collect->class_ != CLASS_CANCELLED ? &collect->broken
                                                                                 : NULL;
}

bool collect_wants_merge(const struct collect *collect)
{
    return collect->is_clone && collect->files && !collect->definition->read_only &&
           collect->class_ == CLASS_NONE && !collect->agent.question;
}

/* ---- the gate of a step that works in a clone ---- */

const struct gate *collect_own_gate(const struct collect *collect)
{
    return collect_wants_merge(collect) ? collect->definition->gate : NULL;
}

struct collect *collect_new_check(struct active *active, const struct live_attempt *live,
                                  const struct check_wish *wish)
{
    struct collect *collect = collect_new(active, wish->step, live);

    collect->work = collect->folder;
    collect->folder = mem_strdup(wish->folder);
    collect->check = wish->check;
    collect->definition = NULL;
    collect->is_json = collect->is_clone = false;
    collect->is_overdue = live->is_overdue;
    collect->keep_max = active->engine->options.config->output_bytes_max;
    collect->timeout_ms = wish->check->timeout_ms;
    free(collect->cwd);
    collect->cwd = mem_strdup(collect->root);
    return collect;
}

bool collect_is_lost(const struct collect *check)
{
    return check->class_ == CLASS_LOST;
}

static void end_gate(struct collect *collect, enum verdict verdict, const char *reason)
{
    json_t *gate = json_object_get(collect->files, "gate");

    json_put_text(gate, "verdict", verdict_name(verdict));
    if (verdict == VERDICT_PASS) {
        return;
    }
    fail(collect, CLASS_PERMANENT);
    /* Another agent cannot make a check say something. */
    collect->is_doubtful = verdict == VERDICT_UNKNOWN;
    (void)error_set(&collect->err, ERROR_CONFLICT,
                    "gate %s: %s: %s; what the step did is not merged, and is kept in %s",
                    collect->definition->gate->name, verdict_name(verdict), reason, collect->root);
}

static json_t *gate_of(struct collect *collect)
{
    json_t *gate = json_object_get(collect->files, "gate");

    if (!gate) {
        gate = json_object();
        json_put_text(gate, "name", collect->definition->gate->name);
        json_put(gate, "checks", json_array());
        json_put(collect->files, "gate", gate);
    }
    return gate;
}

void collect_stop_gate(struct collect *collect)
{
    (void)gate_of(collect);
    fail(collect, CLASS_CANCELLED);
    (void)error_set(&collect->err, ERROR_CANCELLED, "stopped before its gate had passed");
}

bool collect_take_check(struct collect *collect, const struct collect *check)
{
    json_t *gate = gate_of(collect);
    json_t *proof;

    if (check->class_ == CLASS_CANCELLED) {
        collect_stop_gate(collect);
        return false;
    }
    proof = check->proof ? json_copy(check->proof) : json_object();
    json_put_text(proof, "check", check->check->name);
    json_put_text(proof, "verdict", verdict_name(check->verdict));
    json_put_text(proof, "reason", check->verdict_reason);
    (void)json_array_append_new(json_object_get(gate, "checks"), proof);
    end_gate(collect, check->verdict, check->verdict_reason);
    return check->verdict == VERDICT_PASS;
}

void collect_refuse_gate(struct collect *collect, const struct error *err)
{
    (void)gate_of(collect);
    end_gate(collect, VERDICT_UNKNOWN, err->text);
}

/* The first line of the commit that the merge makes, or NULL. */
static char *commit_subject(const struct collect *collect)
{
    const char *name = collect->definition->name ? collect->definition->name : "Step";
    char *turn = collect->iteration > 0 ? mem_printf(", iteration %d", collect->iteration) : NULL;
    char *subject = collect->definition->commit
                        ? mem_printf("%s (%s%s)", name, collect->key, turn ? turn : "")
                        : NULL;

    free(turn);
    return subject;
}

int collect_merge(struct collect *collect, bool may_wait, struct error *err)
{
    const struct host *host = collect->engine->options.host;
    char *subject = commit_subject(collect);
    const struct merge merge = {.store = collect->engine->options.store,
                                .project = collect->engine->options.project,
                                .project_folder = collect->engine->options.folder,
                                .run_id = collect->run_id,
                                .step = collect->key,
                                .attempt = collect->folder,
                                .tree = collect->root,
                                .is_settled = collect->definition->on_conflict != NULL,
                                .subject = subject,
                                .at_ms = host->now_ms(host->context)};
    struct merged merged;
    int r = merge_clone(&merge, &merged, err);
    bool is_later = r == ERROR_BUSY || (r < 0 && err->is_storage_full && may_wait);

    if (r == 0) {
        json_put_integer(collect->files, "merged", merged.files);
        if (merged.left) {
            json_put(collect->files, "left", merged.left);
            json_put_text(collect->files, "left_in", collect->root);
        }
        if (*merged.commit) {
            json_put_text(collect->files, "commit", merged.commit);
        }
        json_put_text(collect->files, "no_commit", merged.no_commit);
    } else if (!is_later) {
        fail(collect, err->is_storage_full ? CLASS_TRANSIENT : CLASS_PERMANENT);
        collect->err = *err;
        /* Another agent would be asked for the same in vain. */
        collect->is_doubtful = r == ERROR_CONFLICT && !merged.conflicts;
    }
    if (merged.conflicts) {
        json_put(collect->files, "conflicts", merged.conflicts);
    }
    free(merged.no_commit);
    free(subject);
    return is_later ? r : 0;
}

/* What is left of it; it stays a time that was told, also when it is over. */
static int64_t retry_after_ms(const struct collect *collect, int64_t now_ms)
{
    int64_t told_ms = collect->agent.retry_after_ms;
    int64_t gone_ms = collect->ended_at_ms > 0 ? now_ms - collect->ended_at_ms : 0;

    if (told_ms <= 0 || gone_ms <= 0) {
        return told_ms;
    }
    return gone_ms < told_ms ? told_ms - gone_ms : 1;
}

void collect_fill(const struct collect *collect, int64_t now_ms, struct queued_event *event)
{
    struct outcome *outcome = &event->event.outcome;

    outcome->class_ = collect->class_;
    outcome->is_doubtful = collect->is_doubtful;
    outcome->is_answered = collect->is_answered && collect->class_ != CLASS_NONE;
    outcome->exit_status = collect->exit_status;
    outcome->signal = collect->signal;
    outcome->duration_ms = collect->duration_ms;
    outcome->error = collect->class_ == CLASS_NONE ? NULL
                     : collect->check              ? event_keep(event, collect->verdict_reason)
                                                   : event_keep(event, collect->err.text);
    outcome->output = event_hold(event, json_incref(collect->output));
    outcome->errors = event_hold(event, json_incref(collect->errors));
    outcome->artifacts = event_hold(event, json_incref(collect->artifacts));
    outcome->usage = event_hold(event, json_incref(collect->usage));
    outcome->files = event_hold(event, json_incref(collect->files));
    outcome->agent = event_keep(event, collect->agent.agent);
    outcome->model = event_keep(event, collect->agent.model);
    outcome->session = event_keep(event, collect->agent.session);
    outcome->question = event_hold(event, json_incref(collect->agent.question));
    outcome->retry_after_ms = retry_after_ms(collect, now_ms);
    outcome->verdict = collect->verdict;
    outcome->verdict_reason = event_keep(event, collect->verdict_reason);
    outcome->proof = event_hold(event, json_incref(collect->proof));
}

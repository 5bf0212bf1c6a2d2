/* SPDX-License-Identifier: MIT */
#include "run/live.h"

#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"
#include "support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What an attempt left, without one: the files of its folder, written by hand. */
struct left {
    int status, signal;
    bool timed_out, stopped;
    const char *start_error;
    int start_errno;
    const char *out, *err;
    int64_t out_bytes; /* 0: as many as `out` has */
    const char *output_error;
    bool has_no_exit;
    bool exit_is_folder, output_is_folder;
    const char *agent; /* how its output is read, when it is an agent's */
    bool is_overdue, stop_wanted;
    int64_t read_at_ms; /* wall clock; 0: at once */
};

static char *write_left(const struct run_project *project, const struct left *left)
{
    char *folder = path_join(project->project, "left");
    const char *out = left->out ? left->out : "";
    const char *err = left->err ? left->err : "";
    char *text = mem_printf(
        "{\"version\":1,\"status\":%d,\"signal\":%d,\"timed_out\":%s,\"stopped\":%s,"
        "\"start_error\":\"%s\",\"start_errno\":%d,\"started_at_ms\":1000,\"ended_at_ms\":3000,"
        "\"user_ms\":3,\"system_ms\":4,\"memory_bytes_max\":5,\"stdout_bytes\":%lld,"
        "\"stderr_bytes\":%zu,\"output_error\":\"%s\",\"leftovers\":0,\"survivors\":0}\n",
        left->status, left->signal, left->timed_out ? "true" : "false",
        left->stopped ? "true" : "false", left->start_error ? left->start_error : "",
        left->start_errno, (long long)(left->out_bytes ? left->out_bytes : (int64_t)strlen(out)),
        strlen(err), left->output_error ? left->output_error : "");

    (void)file_remove_tree(folder, NULL);
    if (left->output_is_folder) {
        run_project_write(project, "left/stdout/file", "");
        run_project_write(project, "left/stderr/file", "");
    } else {
        run_project_write(project, "left/stdout", out);
        run_project_write(project, "left/stderr", err);
    }
    if (left->agent) {
        run_project_write(project, "left/" TRANSCRIPT_FILE, left->agent);
    }
    if (left->exit_is_folder) {
        run_project_write(project, "left/exit.json/file", "");
    } else if (!left->has_no_exit) {
        run_project_write(project, "left/exit.json", text);
    }
    free(text);
    return folder;
}

/* The event that follows from it for the step; the caller frees what it holds. */
static struct queued_event *read_left(struct run_project *project, const char *key,
                                      const struct left *left)
{
    struct active *active = engine_find(project->engine, project->id);
    struct step_state *step = run_find_step(active->state, key);
    struct queued_event *event = event_new(active, EVENT_ATTEMPT_ENDED, key);
    char *folder = write_left(project, left);
    const struct live_attempt live = {.folder = folder,
                                      .is_kept = !left->has_no_exit,
                                      .is_overdue = left->is_overdue,
                                      .stop_wanted = left->stop_wanted};
    struct collect *collect = collect_new(active, run_step_index(active->state, step), &live);

    collect_read(collect);
    collect_fill(collect, left->read_at_ms, event);
    collect_free(collect);
    free(folder);
    return event;
}

/* Gives the event to the engine, which drops it as late, and frees it. */
static void drop(struct run_project *project, struct queued_event *event)
{
    event->event.attempt = 0;
    engine_post(project->engine, event);
    run_project_go(project);
}

static void start(struct run_project *project, const char *step)
{
    char *text = mem_printf("name: w\nphases:\n  - id: a\n    steps:\n      - %s\n", step);

    (void)run_project_run(project, text);
    free(text);
}

static void assert_class(struct run_project *project, const struct left *left,
                         enum failure_class class_, const char *error)
{
    struct queued_event *event = read_left(project, "s", left);

    assert_string_equal(failure_class_name(event->event.outcome.class_),
                        failure_class_name(class_));
    if (error) {
        assert_memory_equal(event->event.outcome.error, error, strlen(error));
    } else {
        assert_null(event->event.outcome.error);
    }
    drop(project, event);
}

static void the_end_of_a_process_decides_the_class(void **state)
{
    start(*state, "{ id: s, run: 'true', success: [0, 3] }");
    assert_class(*state, &(struct left){.status = 0}, CLASS_NONE, NULL);
    assert_class(*state, &(struct left){.status = 3}, CLASS_NONE, NULL);
    assert_class(*state, &(struct left){.status = 1, .err = "a\nno luck \n\n"}, CLASS_PERMANENT,
                 "exit status 1: no luck");
    assert_class(*state, &(struct left){.status = 75}, CLASS_TRANSIENT, "exit status 75");
    assert_class(*state, &(struct left){.status = -1, .signal = 9}, CLASS_PERMANENT,
                 "killed by signal 9 (Killed)");
    assert_class(*state, &(struct left){.status = -1, .signal = 15, .timed_out = true},
                 CLASS_TIMEOUT, "timed out after its limit of 30m");
    assert_class(*state, &(struct left){.status = -1, .signal = 15, .stopped = true},
                 CLASS_CANCELLED, "stopped");
    assert_class(*state, &(struct left){.has_no_exit = true}, CLASS_LOST,
                 "the process and its keeper ended without a trace");
    assert_class(*state, &(struct left){.has_no_exit = true, .is_overdue = true}, CLASS_TIMEOUT,
                 "timed out; its keeper");
    assert_class(*state,
                 &(struct left){.has_no_exit = true, .is_overdue = true, .stop_wanted = true},
                 CLASS_CANCELLED, "stopped; its keeper");
}

static void a_program_that_did_not_start_is_told_from_one_that_was_stopped_before(void **state)
{
    static const int passing[] = {EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY};

    start(*state, "{ id: s, run: 'true' }");
    assert_class(*state, &(struct left){.status = -1, .start_error = "exec", .start_errno = 2},
                 CLASS_PERMANENT, "cannot start");
    for (size_t i = 0; i < ARRAY_LEN(passing); i++) {
        assert_class(*state,
                     &(struct left){.status = -1, .start_error = "fork", .start_errno = passing[i]},
                     CLASS_TRANSIENT, "the process cannot be set up: ");
    }
    assert_class(
        *state,
        &(struct left){.status = -1, .start_error = "stopped", .start_errno = 125, .stopped = true},
        CLASS_CANCELLED, "stopped");
}

static void an_end_that_cannot_be_read_is_not_taken_for_a_loss(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;

    start(project, "{ id: s, run: 'true' }");
    event = read_left(project, "s", &(struct left){.exit_is_folder = true});
    assert_int_equal(event->event.outcome.class_, CLASS_PERMANENT);
    assert_true(event->event.outcome.is_doubtful);
    drop(project, event);
}

static void success_without_its_whole_output_is_none(void **state)
{
    start(*state, "{ id: s, run: 'true' }");
    assert_class(*state, &(struct left){.out = "half", .output_error = "EIO"}, CLASS_TRANSIENT,
                 "the output could not be kept (EIO)");
    /* A stop stays a stop. */
    assert_class(*state, &(struct left){.stopped = true, .output_error = "EIO"}, CLASS_CANCELLED,
                 "stopped");
}

static void small_outputs_lie_inline_and_larger_ones_in_a_blob(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;
    char large[1026];
    char *text = NULL;
    const char *digest;

    start(project, "{ id: s, run: 'true' }");
    event = read_left(project, "s", &(struct left){.out = "hello\n", .err = "\xff"});
    assert_string_equal(json_get_text(event->event.outcome.output, "inline", ""), "hello\n");
    assert_int_equal(json_get_integer(event->event.outcome.output, "bytes", 0), 6);
    assert_null(json_object_get(event->event.outcome.output, "digest"));
    assert_string_equal(json_get_text(event->event.outcome.errors, "inline", ""), "\xef\xbf\xbd");
    drop(project, event);

    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    event = read_left(project, "s", &(struct left){.out = large});
    digest = json_get_text(event->event.outcome.output, "digest", "");
    assert_null(json_object_get(event->event.outcome.output, "inline"));
    assert_int_equal(engine_load_blob(project->engine, digest, &text, NULL), 0);
    assert_string_equal(text, large);
    free(text);
    drop(project, event);
}

static void what_was_cut_is_counted_exactly(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;

    start(project, "{ id: s, run: 'true' }");
    event = read_left(project, "s", &(struct left){.out = "0123", .out_bytes = 1000});
    assert_int_equal(json_get_integer(event->event.outcome.output, "bytes", 0), 1000);
    assert_int_equal(json_get_integer(event->event.outcome.output, "cut", 0), 996);
    drop(project, event);
    event = read_left(project, "s", &(struct left){.out = "0123"});
    assert_null(json_object_get(event->event.outcome.output, "cut"));
    drop(project, event);
}

static void json_output_is_checked_against_its_schema(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;

    start(project, "{ id: s, run: 'echo {}', schema: { type: object, properties: { n: { type: "
                   "integer } } } }");
    event = read_left(project, "s", &(struct left){.out = "{\"n\": 3}"});
    assert_int_equal(event->event.outcome.class_, CLASS_NONE);
    assert_int_equal(json_get_integer(json_object_get(event->event.outcome.output, "json"), "n", 0),
                     3);
    drop(project, event);
    event = read_left(project, "s", &(struct left){.out = "{\"n\": \"x\"}"});
    assert_int_equal(event->event.outcome.class_, CLASS_PERMANENT);
    assert_non_null(strstr(event->event.outcome.error, "schema"));
    /* What it printed is kept all the same. */
    assert_string_equal(json_get_text(event->event.outcome.output, "inline", ""), "{\"n\": \"x\"}");
    drop(project, event);
    event = read_left(project, "s", &(struct left){.out = "no json"});
    assert_int_equal(event->event.outcome.class_, CLASS_PERMANENT);
    drop(project, event);
    event = read_left(project, "s", &(struct left){.out = "{}", .out_bytes = 5000});
    assert_int_equal(event->event.outcome.class_, CLASS_PERMANENT);
    assert_non_null(strstr(event->event.outcome.error, "5000 bytes"));
    drop(project, event);
}

static void promised_artifacts_are_kept_or_the_step_failed(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;
    const json_t *artifacts;
    char *path;

    run_project_write(project, "made.txt", "made");
    start(project, "{ id: s, run: 'echo x', output: out.md, artifacts: { made: made.txt } "
                   "}");
    event = read_left(project, "s", &(struct left){.out = "report"});
    artifacts = event->event.outcome.artifacts;
    assert_int_equal(event->event.outcome.class_, CLASS_NONE);
    assert_int_equal(json_array_size(artifacts), 2);
    assert_string_equal(json_get_text(json_array_get(artifacts, 0), "name", ""), "out.md");
    assert_int_equal(json_get_integer(json_array_get(artifacts, 1), "bytes", 0), 4);
    drop(project, event);
    path = mem_printf(".fermata/workflows/%s/out.md", project->id);
    assert_true(run_project_has(project, path));
    free(path);

    path = path_join(project->project, "made.txt");
    assert_int_equal(file_remove_tree(path, NULL), 0);
    free(path);
    event = read_left(project, "s", &(struct left){.out = "report"});
    assert_int_equal(event->event.outcome.class_, CLASS_PERMANENT);
    assert_non_null(strstr(event->event.outcome.error, "artifact made"));
    drop(project, event);
}

static const char gated[] = "name: w\ngates:\n  g:\n    commands: [{ run: 'true', junit: j.xml, "
                            "tests_min: 1 }]\nphases:\n  - id: a\n    gate: g\n    steps: [{ id: "
                            "s, run: 'true' }]\n";
static const char junit[] = "<testsuite tests=\"2\" failures=\"0\"><testcase/><testcase/>"
                            "</testsuite>";

static void assert_verdict(struct run_project *project, const struct left *left,
                           enum verdict verdict)
{
    struct queued_event *event = read_left(project, "gate:a:0", left);

    assert_string_equal(verdict_name(event->event.outcome.verdict), verdict_name(verdict));
    assert_true(*event->event.outcome.verdict_reason);
    drop(project, event);
}

static void a_check_that_left_nothing_or_half_is_unknown(void **state)
{
    struct run_project *project = *state;

    (void)run_project_run(project, gated);
    assert_verdict(project, &(struct left){.has_no_exit = true}, VERDICT_UNKNOWN);
    assert_verdict(project, &(struct left){.out = "3 passed in 1s", .output_error = "EIO"},
                   VERDICT_UNKNOWN);
    assert_verdict(project, &(struct left){.status = 2}, VERDICT_FAIL);
    assert_verdict(project, &(struct left){.timed_out = true}, VERDICT_UNKNOWN);
}

static void a_report_of_tests_from_before_the_check_proves_nothing(void **state)
{
    struct run_project *project = *state;
    const struct timespec old[] = {{.tv_sec = 0}, {.tv_sec = 0}};
    char *path = path_join(project->project, "j.xml");

    (void)run_project_run(project, gated);
    run_project_write(project, "j.xml", junit);
    assert_verdict(project, &(struct left){.status = 0}, VERDICT_PASS);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_verdict(project, &(struct left){.status = 0}, VERDICT_UNKNOWN);
    free(path);
}

static void a_proof_says_what_was_run_and_what_came_of_it(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;
    const json_t *proof;

    (void)run_project_run(project, gated);
    event = read_left(project, "gate:a:0", &(struct left){.status = 1, .out = "3 passed in 1s"});
    proof = event->event.outcome.proof;
    assert_string_equal(json_get_text(proof, "command", ""), "true");
    assert_int_equal(json_get_integer(proof, "exit_status", 0), 1);
    assert_int_equal(json_get_integer(proof, "duration_ms", 0), 2000);
    assert_int_equal(json_get_integer(json_object_get(proof, "tests"), "passed", 0), 3);
    drop(project, event);
}

static void a_check_that_was_stopped_is_cancelled(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;

    (void)run_project_run(project, gated);
    event = read_left(project, "gate:a:0",
                      &(struct left){.status = -1, .signal = 15, .stopped = true});
    assert_int_equal(event->event.outcome.class_, CLASS_CANCELLED);
    drop(project, event);
    /* Its time was up first. */
    event = read_left(
        project, "gate:a:0",
        &(struct left){.status = -1, .signal = 15, .stopped = true, .timed_out = true});
    assert_int_equal(event->event.outcome.class_, CLASS_PERMANENT);
    drop(project, event);
}

static void the_hint_of_our_own_functions_is_not_the_reason(void **state)
{
    start(*state, "{ id: s, run: 'true' }");
    assert_class(*state, &(struct left){.status = 1, .err = "no luck\n  hint: try again\n"},
                 CLASS_PERMANENT, "exit status 1: no luck");
    assert_class(*state, &(struct left){.status = 1, .err = "  hint: alone\n"}, CLASS_PERMANENT,
                 "exit status 1:   hint: alone");
    assert_class(*state, &(struct left){.status = 1, .err = "a\n  hint: b\n  hint: c\n"},
                 CLASS_PERMANENT, "exit status 1: a");
}

static void the_reason_of_a_failure_is_cut_to_a_line(void **state)
{
    char *line = mem_alloc(2001);

    memset(line, 'x', 2000);
    line[2000] = '\0';
    start(*state, "{ id: s, run: 'true' }");
    assert_class(*state, &(struct left){.status = 1, .err = line}, CLASS_PERMANENT,
                 "exit status 1: xxx");
    free(line);
}

static void an_output_that_cannot_be_read_or_kept_is_no_success(void **state)
{
    struct run_project *project = *state;
    char *blobs = path_join(project->folder, "blobs");

    start(project, "{ id: s, run: 'true', output: out.md }");
    assert_class(project, &(struct left){.output_is_folder = true, .out = "some", .err = "some"},
                 CLASS_TRANSIENT, "");
    assert_class(project, &(struct left){.out = "report"}, CLASS_NONE, NULL);
    assert_int_equal(file_remove_tree(blobs, NULL), 0);
    run_project_write(project, ".fermata/blobs", "in the way");
    assert_class(project, &(struct left){.out = "another"}, CLASS_TRANSIENT, "");
    /* Whoever stopped it is told that, and not of the disk. */
    assert_class(project, &(struct left){.out = "another", .stopped = true}, CLASS_CANCELLED,
                 "stopped");
    assert_int_equal(unlink(blobs), 0);
    free(blobs);
}

static void a_large_artifact_is_kept_without_a_copy(void **state)
{
    struct run_project *project = *state;
    char *path = path_join(project->project, "made.txt");
    struct queued_event *event;

    run_project_write(project, "made.txt", "made");
    start(project, "{ id: s, run: 'true', artifacts: { made: made.txt } }");
    assert_int_equal(truncate(path, 5000000), 0);
    event = read_left(project, "s", &(struct left){.status = 0});
    assert_int_equal(
        json_get_integer(json_array_get(event->event.outcome.artifacts, 0), "bytes", 0), 5000000);
    drop(project, event);
    free(path);
    path = mem_printf(".fermata/workflows/%s/made", project->id);
    free(run_project_read(project, path));
    free(path);
}

static void a_folder_in_place_of_the_report_of_tests_is_none(void **state)
{
    struct run_project *project = *state;

    (void)run_project_run(project, gated);
    run_project_write(project, "j.xml/file", junit);
    assert_verdict(project, &(struct left){.status = 0}, VERDICT_UNKNOWN);
}

#define MINE "{\"agent\":\"mine\",\"type\":\"command\",\"format\":\"jsonl\"}"
#define SAID(text) "{\"event\":\"text\",\"text\":\"" text "\"}\n"
#define USED "{\"event\":\"usage\",\"usage\":{\"input_tokens\":7}}\n"
#define DONE "{\"event\":\"done\"}\n"

static void start_agent(struct run_project *project, const char *more)
{
    char *step = mem_printf("{ id: s, prompt: go, retry: { attempts: 1 }%s }", more);

    run_project_configure(project,
                          "default_agent: mine\nagents:\n  mine: { type: command, output: jsonl, "
                          "command: [echo, '{\"event\":\"done\"}'] }\n");
    start(project, step);
    free(step);
}

#define LIMITED                                                                                    \
    "{\"event\":\"error\",\"failure\":\"limit\",\"text\":\"x\",\"retry_after_ms\":5000}\n"

static void assert_limit_left(struct run_project *project, int64_t read_at_ms, int64_t left_ms)
{
    struct queued_event *event = read_left(
        project, "s",
        &(struct left){.agent = MINE, .status = 1, .out = LIMITED, .read_at_ms = read_at_ms});

    assert_string_equal(failure_class_name(event->event.outcome.class_), "limit");
    assert_int_equal(event->event.outcome.retry_after_ms, left_ms);
    drop(project, event);
}

/* It ended at 3000. */
static void a_limit_counts_from_the_end_of_its_agent_however_late_that_is_read(void **state)
{
    start_agent(*state, "");
    assert_limit_left(*state, 3000, 5000);
    assert_limit_left(*state, 4500, 3500);
    assert_limit_left(*state, 8000, 1);
    assert_limit_left(*state, INT64_MAX, 1);
    assert_limit_left(*state, 2000, 5000); /* the clock was put back */
}

static void the_end_of_an_agent_decides_the_class(void **state)
{
    struct run_project *project = *state;

    start_agent(project, "");
    assert_class(project, &(struct left){.agent = MINE, .out = SAID("yes") DONE}, CLASS_NONE, NULL);
    assert_class(
        project,
        &(struct left){.agent = MINE, .status = -1, .start_error = "exec", .start_errno = ENOENT},
        CLASS_PERMANENT, "cannot start: ");
    assert_class(project,
                 &(struct left){.agent = MINE, .status = -1, .signal = 15, .timed_out = true},
                 CLASS_TIMEOUT, "timed out after its limit of 30m");
    assert_class(project,
                 &(struct left){.agent = MINE, .status = -1, .signal = 15, .stopped = true},
                 CLASS_CANCELLED, "stopped");
    assert_class(project, &(struct left){.agent = "{\"type\":\"abacus\"}", .out = DONE},
                 CLASS_TRANSIENT, "no adapter reads the output of type");
    /* Nothing is written of how its output is to be read. */
    assert_class(project, &(struct left){.out = SAID("yes") DONE}, CLASS_NONE, NULL);
    assert_class(project, &(struct left){.status = 4}, CLASS_PERMANENT, "exit status 4");
    assert_class(project,
                 &(struct left){.agent = "no JSON", .output_is_folder = true, .err = "some"},
                 CLASS_TRANSIENT, "");
}

static void an_agent_that_could_not_be_started_was_not_called(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;
    const json_t *usage;

    start_agent(project, "");
    event = read_left(
        project, "s",
        &(struct left){.agent = MINE, .status = -1, .start_error = "exec", .start_errno = ENOENT});
    usage = event->event.outcome.usage;
    assert_true(json_get_boolean(usage, "not_started", false));
    assert_null(json_object_get(usage, "input_tokens"));
    assert_null(json_object_get(usage, "cost_usd"));
    drop(project, event);
}

static void what_a_lost_agent_used_is_counted(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;

    start_agent(project, "");
    event = read_left(project, "s",
                      &(struct left){.agent = MINE, .out = USED, .has_no_exit = true});
    assert_int_equal(event->event.outcome.class_, CLASS_LOST);
    assert_int_equal(json_get_integer(event->event.outcome.usage, "input_tokens", 0), 7);
    drop(project, event);
    event = read_left(project, "s", &(struct left){.has_no_exit = true});
    assert_int_equal(event->event.outcome.class_, CLASS_LOST);
    assert_null(event->event.outcome.usage);
    drop(project, event);
}

static void an_answer_in_the_wrong_form_may_be_asked_for_again(void **state)
{
    struct run_project *project = *state;
    struct queued_event *event;

    start_agent(project, ", schema: { type: integer }");
    assert_class(project, &(struct left){.agent = MINE, .out = SAID("none") DONE}, CLASS_TRANSIENT,
                 "");
    assert_class(project, &(struct left){.agent = MINE, .out = SAID("[1]") DONE}, CLASS_TRANSIENT,
                 "");
    assert_class(project, &(struct left){.agent = MINE, .out = SAID("12") DONE}, CLASS_NONE, NULL);
    event = read_left(project, "s",
                      &(struct left){.agent = MINE,
                                     .out = "{\"event\":\"question\",\"text\":\"which?\"}\n" DONE});
    assert_int_equal(event->event.outcome.class_, CLASS_NONE);
    assert_non_null(event->event.outcome.question);
    drop(project, event);
}

static void every_agent_that_was_given_up_is_in_the_report(void **state)
{
    struct run_project *project = *state;
    char *name;
    char *report;

    run_project_configure(
        project, "agents:\n"
                 "  a: { type: command, command: [sh, -c, 'echo first >&2; exit 3'] }\n"
                 "  b: { type: command, command: [sh, -c, 'echo second >&2; exit 3'] }\n"
                 "  c: { type: command, command: [sh, -c, 'cat >/dev/null; echo fine'] }\n");
    assert_string_equal(
        run_project_run(project,
                        "name: w\nphases: [{ id: p, steps: [{ id: s, prompt: go, agent: a, "
                        "fallback: [b, c], retry: { attempts: 1 } }] }]\n"),
        "completed");
    run_project_drop_engine(project);
    name = mem_printf(".fermata/workflows/%s/report.md", project->id);
    report = run_project_read(project, name);
    assert_non_null(strstr(report, " a failed ("));
    assert_non_null(strstr(report, "; b failed ("));
    free(report);
    free(name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_agent_that_was_given_up_is_in_the_report),
        TEST(the_end_of_a_process_decides_the_class),
        TEST(a_program_that_did_not_start_is_told_from_one_that_was_stopped_before),
        TEST(an_end_that_cannot_be_read_is_not_taken_for_a_loss),
        TEST(success_without_its_whole_output_is_none),
        TEST(small_outputs_lie_inline_and_larger_ones_in_a_blob),
        TEST(what_was_cut_is_counted_exactly),
        TEST(json_output_is_checked_against_its_schema),
        TEST(promised_artifacts_are_kept_or_the_step_failed),
        TEST(a_check_that_left_nothing_or_half_is_unknown),
        TEST(a_report_of_tests_from_before_the_check_proves_nothing),
        TEST(a_proof_says_what_was_run_and_what_came_of_it),
        TEST(a_check_that_was_stopped_is_cancelled),
        TEST(the_hint_of_our_own_functions_is_not_the_reason),
        TEST(the_reason_of_a_failure_is_cut_to_a_line),
        TEST(an_output_that_cannot_be_read_or_kept_is_no_success),
        TEST(a_large_artifact_is_kept_without_a_copy),
        TEST(a_folder_in_place_of_the_report_of_tests_is_none),
        TEST(the_end_of_an_agent_decides_the_class),
        TEST(a_limit_counts_from_the_end_of_its_agent_however_late_that_is_read),
        TEST(an_agent_that_could_not_be_started_was_not_called),
        TEST(what_a_lost_agent_used_is_counted),
        TEST(an_answer_in_the_wrong_form_may_be_asked_for_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

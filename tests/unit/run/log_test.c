/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/files.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEN_O_CLOCK INT64_C(1708336800000) /* 2024-02-19T10:00:00Z */

static const char workflow_text[] =
    "name: w\n"
    "phases:\n"
    "  - id: planning\n"
    "    steps: [{ id: outline, expert: architecture-expert, prompt: Plan },"
    " { id: ask, approve: Good? }, { id: many, foreach: [1, 2], run: echo }]\n"
    "  - { id: design, steps: [{ id: draw, run: make }] }\n";

struct fixture {
    struct workflow *workflow;
    struct run_state *run;
    struct strbuf text;
    int64_t now;
    bool is_json;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->workflow = run_project_parse(workflow_text);
    fixture->run = run_state_new("wf_abc123abc123", fixture->workflow);
    strbuf_init(&fixture->text, 65536);
    fixture->now = TEN_O_CLOCK;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    run_state_free(fixture->run);
    workflow_free(fixture->workflow);
    strbuf_release(&fixture->text);
    free(fixture);
    return 0;
}

static void apply(struct fixture *fixture, struct record record)
{
    record.seq = fixture->run->seq + 1;
    record.at = fixture->now;
    run_apply(fixture->run, &record);
    log_format(fixture->run, &record, fixture->is_json, &fixture->text);
}

static void begin(struct fixture *fixture)
{
    apply(fixture, (struct record){.kind = RECORD_RUN_CREATED, .name = "w"});
    strbuf_reset(&fixture->text);
    apply(fixture, (struct record){.kind = RECORD_RUN_MOVED, .status = "running"});
    apply(fixture, (struct record){.kind = RECORD_PHASE_MOVED,
                                   .phase = "planning",
                                   .status = "running",
                                   .reason = "steps"});
}

static void the_lines_have_exactly_this_form(void **state)
{
    struct fixture *fixture = *state;
    json_t *phases = json_pack("[s]", "planning");

    begin(fixture);
    apply(fixture, (struct record){.kind = RECORD_ATTEMPT_STARTED,
                                   .phase = "planning",
                                   .step = "outline",
                                   .reason = "agent",
                                   .name = "claude",
                                   .number = 1});
    fixture->now += 180 * 1000;
    apply(fixture,
          (struct record){.kind = RECORD_PHASE_MOVED, .phase = "planning", .status = "completed"});
    apply(fixture,
          (struct record){.kind = RECORD_CHECKPOINT_SAVED, .name = "planning", .data = phases});
    apply(fixture, (struct record){.kind = RECORD_PHASE_MOVED,
                                   .phase = "design",
                                   .status = "running",
                                   .reason = "steps"});
    assert_string_equal(fixture->text.data,
                        "[2024-02-19T10:00:00Z] [INFO] Workflow wf_abc123abc123 started\n"
                        "[2024-02-19T10:00:00Z] [INFO] Phase: planning - Starting\n"
                        "[2024-02-19T10:00:00Z] [INFO] Step: outline - Attempt 1 (agent claude)\n"
                        "[2024-02-19T10:00:00Z] [INFO] Agent: architecture-expert - Invoked\n"
                        "[2024-02-19T10:03:00Z] [INFO] Phase: planning - Completed (180s)\n"
                        "[2024-02-19T10:03:00Z] [INFO] Checkpoint saved: planning\n"
                        "[2024-02-19T10:03:00Z] [INFO] Phase: design - Starting\n");
    json_decref(phases);
}

static void what_goes_wrong_has_another_level(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    strbuf_reset(&fixture->text);
    apply(fixture,
          (struct record){
              .kind = RECORD_ATTEMPT_STARTED, .step = "outline", .reason = "command", .number = 1});
    apply(fixture, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                   .step = "outline",
                                   .number = 1,
                                   .class_ = "transient",
                                   .error = "no line"});
    apply(fixture, (struct record){.kind = RECORD_STEP_WAITING,
                                   .step = "outline",
                                   .reason = "retry",
                                   .until = TEN_O_CLOCK + 2000});
    apply(fixture,
          (struct record){.kind = RECORD_STEP_MOVED, .step = "outline", .status = "failed"});
    apply(fixture, (struct record){.kind = RECORD_PHASE_MOVED,
                                   .phase = "planning",
                                   .status = "failed",
                                   .error = "step outline failed"});
    apply(fixture, (struct record){.kind = RECORD_RUN_MOVED,
                                   .status = "paused",
                                   .reason = "failure",
                                   .text = "step outline failed"});
    assert_string_equal(
        fixture->text.data,
        "[2024-02-19T10:00:00Z] [INFO] Step: outline - Attempt 1 (command)\n"
        "[2024-02-19T10:00:00Z] [WARN] Step: outline - Attempt 1: transient: no line\n"
        "[2024-02-19T10:00:00Z] [WARN] Step: outline - Retry at 2024-02-19T10:00:02Z\n"
        "[2024-02-19T10:00:00Z] [ERROR] Step: outline - failed\n"
        "[2024-02-19T10:00:00Z] [ERROR] Phase: planning - Failed: step outline failed\n"
        "[2024-02-19T10:00:00Z] [INFO] Workflow wf_abc123abc123 paused: step outline failed\n");
}

/* Of many files the first are named. */
static void files_that_are_many_are_counted(void **state)
{
    struct fixture *fixture = *state;
    json_t *paths = json_array();
    json_t *files;

    for (int i = 0; i < 13; i++) {
        (void)json_array_append_new(paths, json_sprintf("f%d", i));
    }
    files = json_pack("{s: o}", "not_claimed", paths);
    begin(fixture);
    strbuf_reset(&fixture->text);
    apply(fixture,
          (struct record){
              .kind = RECORD_ATTEMPT_STARTED, .step = "outline", .reason = "agent", .number = 1});
    strbuf_reset(&fixture->text);
    apply(fixture, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                   .step = "outline",
                                   .number = 1,
                                   .class_ = "none",
                                   .files = files});
    assert_non_null(strstr(fixture->text.data, "[WARN] Step: outline - Attempt 1 ended (0.0s); "
                                               "changed, but not claimed: f0, f1, "));
    assert_non_null(strstr(fixture->text.data, ", f9 and 3 more\n"));
    json_decref(files);
}

static void one_record_is_one_line_whatever_is_in_it(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    strbuf_reset(&fixture->text);
    apply(fixture, (struct record){.kind = RECORD_SIGNAL_RECEIVED,
                                   .name = "a\n[2024-02-19T10:00:00Z] [INFO] b\r\x1b[31mc"});
    assert_int_equal(fixture->text.data[fixture->text.length - 1], '\n');
    assert_ptr_equal(strchr(fixture->text.data, '\n'),
                     fixture->text.data + fixture->text.length - 1);
    assert_null(strchr(fixture->text.data, '\x1b'));
    assert_null(strchr(fixture->text.data, '\r'));
}

static void a_line_can_be_a_json_object(void **state)
{
    struct fixture *fixture = *state;
    json_t *line = NULL;

    fixture->is_json = true;
    apply(fixture, (struct record){.kind = RECORD_RUN_CREATED, .name = "w"});
    strbuf_reset(&fixture->text);
    apply(fixture, (struct record){.kind = RECORD_RUN_MOVED, .status = "running"});
    assert_int_equal(json_parse_text(fixture->text.data, fixture->text.length, "line", &line, NULL),
                     0);
    assert_string_equal(json_get_text(line, "time", ""), "2024-02-19T10:00:00Z");
    assert_string_equal(json_get_text(line, "level", ""), "INFO");
    assert_string_equal(json_get_text(line, "message", ""), "Workflow wf_abc123abc123 started");
    assert_string_equal(json_get_text(line, "kind", ""), "run_moved");
    assert_int_equal(json_get_integer(line, "seq", 0), 2);
    json_decref(line);
}

static void every_line_knows_its_phase(void **state)
{
    struct fixture *fixture = *state;
    json_t *items = json_pack("[i, i]", 1, 2);

    begin(fixture);
    apply(fixture, (struct record){.kind = RECORD_STEP_EXPANDED,
                                   .phase = "planning",
                                   .step = "many",
                                   .number = 2,
                                   .data = items});
    assert_string_equal(
        log_phase(fixture->run, &(struct record){.kind = RECORD_ATTEMPT_ENDED, .step = "many[1]"}),
        "planning");
    assert_string_equal(
        log_phase(fixture->run, &(struct record){.kind = RECORD_GATE_DECIDED, .phase = "design"}),
        "design");
    /* The run's own moves name the phase that was the reason. */
    assert_null(
        log_phase(fixture->run, &(struct record){.kind = RECORD_RUN_MOVED, .phase = "planning"}));
    assert_null(
        log_phase(fixture->run, &(struct record){.kind = RECORD_CHECKPOINT_SAVED, .name = "x"}));
    json_decref(items);
}

static void a_pause_taken_back_is_said_in_words(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    strbuf_reset(&fixture->text);
    apply(fixture, (struct record){.kind = RECORD_RUN_WISHED, .status = "pause"});
    apply(fixture, (struct record){.kind = RECORD_RUN_WISHED, .status = "none"});
    assert_non_null(strstr(fixture->text.data, "Asked to pause\n"));
    assert_non_null(strstr(fixture->text.data, "Asked to go on\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Each way of saying something, on a record that nothing else depends on. */
static const struct {
    struct record record;
    const char *line;
} worded_records[] = {
    {{.kind = RECORD_RUN_MOVED, .status = "failed", .text = "no luck"},
     "[ERROR] Workflow wf_abc123abc123 failed: no luck"},
    {{.kind = RECORD_RUN_MOVED, .status = "paused", .text = ""},
     "[INFO] Workflow wf_abc123abc123 paused\n"},
    {{.kind = RECORD_RUN_WISHED, .status = "cancel", .text = "wrong"}, "Asked to cancel: wrong"},
    {{.kind = RECORD_PHASE_MOVED, .phase = "planning", .status = "running", .reason = "gate"},
     "Phase: planning - Checking gate"},
    {{.kind = RECORD_PHASE_MOVED, .phase = "planning", .status = "running", .reason = "fix"},
     "Phase: planning - Fixing"},
    {{.kind = RECORD_PHASE_MOVED, .phase = "planning", .status = "running"},
     "Phase: planning - Resumed"},
    {{.kind = RECORD_PHASE_MOVED, .phase = "planning", .status = "cancelled"},
     "Phase: planning - Cancelled"},
    {{.kind = RECORD_PHASE_MOVED, .phase = "design", .status = "completed"},
     "Phase: design - Completed\n"},
    {{.kind = RECORD_PHASE_MOVED, .phase = "design", .status = "strange"},
     "Phase: design - strange"},
    {{.kind = RECORD_STEP_MOVED, .step = "draw", .status = "skipped", .reason = "when"},
     "[INFO] Step: draw - skipped: when"},
    {{.kind = RECORD_STEP_MOVED, .step = "draw", .status = "failed", .error = "broken"},
     "[ERROR] Step: draw - failed: broken"},
    {{.kind = RECORD_STEP_WAITING, .step = "draw", .reason = "workflow", .other = "wf_x"},
     "Step: draw - Nested run wf_x"},
    {{.kind = RECORD_STEP_WAITING,
      .step = "draw",
      .reason = "workflow",
      .other = "wf_x",
      .text = "it is paused"},
     ""},
    {{.kind = RECORD_STEP_WAITING, .step = "draw", .reason = "workflow"}, ""},
    {{.kind = RECORD_PHASE_MOVED, .phase = "unknown", .status = "completed"},
     "Phase: unknown - Completed\n"},
    {{.kind = RECORD_ATTEMPT_STARTED,
      .step = "unknown",
      .number = 1,
      .reason = "agent",
      .name = "a"},
     "Agent: a - Invoked\n"},
    {{.kind = RECORD_ATTEMPT_LIVENESS, .step = "draw", .status = "Dead", .text = "why"},
     "[WARN] Step: draw - Dead: why"},
    {{.kind = RECORD_ATTEMPT_LIVENESS, .step = "draw", .status = "{", .text = "why"},
     "[WARN] Step: draw - {: why"},
    {{.kind = RECORD_STEP_WAITING, .step = "draw", .reason = "retry", .until = TEN_O_CLOCK},
     "[WARN] Step: draw - Retry at 2024-02-19T10:00:00Z"},
    {{.kind = RECORD_ATTEMPT_STARTED,
      .step = "outline",
      .number = 1,
      .reason = "agent",
      .name = "claude"},
     "Step: outline - Attempt 1 (agent claude)\n"
     "[2024-02-19T10:00:00Z] [INFO] Agent: architecture-expert - Invoked\n"},
    {{.kind = RECORD_ATTEMPT_STARTED, .step = "draw", .number = 2, .reason = "agent"},
     "Agent: default - Invoked\n"},
    {{.kind = RECORD_ATTEMPT_STARTED,
      .step = "gate:planning:0",
      .number = 1,
      .reason = "agent",
      .name = "a"},
     "Agent: a - Invoked\n"},
    {{.kind = RECORD_ATTEMPT_STARTED, .step = "draw", .number = 1}, "Step: draw - Attempt 1 ()"},
    {{.kind = RECORD_ATTEMPT_STARTED,
      .step = "draw",
      .number = 1,
      .reason = "function",
      .name = "noop"},
     "Step: draw - Attempt 1 (function noop)"},
    {{.kind = RECORD_GATE_CHECKED, .name = "g", .status = "pass"}, "[INFO] Gate: g - Check : pass"},
    {{.kind = RECORD_GATE_DECIDED, .name = "g", .status = "unknown", .reason = "no proof"},
     "[WARN] Gate: g - unknown: no proof"},
    {{.kind = RECORD_GATE_SKIPPED, .name = "g", .by = "ada", .reason = "flaky"},
     "[WARN] Gate: g - Skipped by ada: flaky"},
    {{.kind = RECORD_GATE_SKIPPED, .name = "g"}, "[WARN] Gate: g - Skipped by somebody"},
    {{.kind = RECORD_ATTEMPT_LIVENESS, .step = "draw", .status = "wants input", .text = "why"},
     "[WARN] Step: draw - Wants input: why"},
    {{.kind = RECORD_ATTEMPT_LIVENESS,
      .step = "draw",
      .status = "quiet",
      .text = "why",
      .flag = true},
     "[WARN] Step: draw - Quiet: why; it is stopped, as its limit says"},
    {{.kind = RECORD_ATTEMPT_LIVENESS, .step = "draw", .status = "working"},
     "[INFO] Step: draw - Working again"},
    {{.kind = RECORD_STEP_REUSED, .step = "draw", .other = "wf_x"},
     "Step: draw - Reused from wf_x (step )"},
    {{.kind = RECORD_APPROVAL_GIVEN, .step = "ask", .status = "approved"},
     "Step: ask - approved by a signal"},
    {{.kind = RECORD_CHECKPOINT_SAVED, .name = "mark", .by = "ada"},
     "Checkpoint saved: mark - asked by ada"},
    {{.kind = RECORD_RESTORED, .name = "mark"}, "Checkpoint restored: mark"},
    {{.kind = RECORD_ITERATED, .number = 2}, "Workflow wf_abc123abc123 - Iteration 2"},
    {{.kind = RECORD_ITERATED, .phase = "design", .number = 2}, "Phase: design - Iteration 2"},
    {{.kind = RECORD_PHASE_RESET, .phase = "design"}, "Phase: design - Reset ()"},
};

static void every_record_has_its_words(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(worded_records); i++) {
        struct record record = worded_records[i].record;

        record.at = fixture->now;
        strbuf_reset(&fixture->text);
        log_format(fixture->run, &record, false, &fixture->text);
        if (!strstr(fixture->text.data, worded_records[i].line)) {
            fail_msg("\"%s\" is not in: %s", worded_records[i].line, fixture->text.data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lines_have_exactly_this_form),    TEST(what_goes_wrong_has_another_level),
        TEST(files_that_are_many_are_counted),     TEST(one_record_is_one_line_whatever_is_in_it),
        TEST(a_line_can_be_a_json_object),         TEST(every_line_knows_its_phase),
        TEST(a_pause_taken_back_is_said_in_words), TEST(every_record_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

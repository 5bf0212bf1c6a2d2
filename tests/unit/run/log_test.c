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
                        "[2024-02-19T10:00:00Z] [INFO] Agent: architecture-expert - Invoked"
                        " (step outline, attempt 1, agent claude)\n"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lines_have_exactly_this_form),
        TEST(what_goes_wrong_has_another_level),
        TEST(one_record_is_one_line_whatever_is_in_it),
        TEST(a_line_can_be_a_json_object),
        TEST(every_line_knows_its_phase),
        TEST(a_pause_taken_back_is_said_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

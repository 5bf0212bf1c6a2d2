/* SPDX-License-Identifier: MIT */
#include "run/edit.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/own.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every step notes that it was done; the last one of them fails until `ready` is there. */
#define HEAD                                                                                       \
    "name: w\n"                                                                                    \
    "inputs: { x: { type: string, default: '1' } }\n"                                              \
    "phases:\n"
#define A                                                                                          \
    "  - id: a\n"                                                                                  \
    "    steps:\n"                                                                                 \
    "      - { id: one, reuse: inputs, run: 'echo one >>.fermata/done; echo 1' }\n"                \
    "      - { id: two, reuse: inputs, run: 'echo two >>.fermata/done; echo 2', env: { V: \"${{ "  \
    "steps.one.output }}\" } }\n"
#define B "  - { id: b, steps: [{ id: three, run: echo three >>.fermata/done }] }\n"
#define C                                                                                          \
    "  - { id: c, steps: [{ id: ask, approve: 'Good?' }] }\n"                                      \
    "  - { id: d, steps: [{ id: stop, run: test -e .fermata/ready, retry: { attempts: 1 } }] }\n"

static void ask(struct run_project *project, json_t *command)
{
    struct error err = ERROR_INIT;
    json_t *answer = run_project_ask(project, project->id, command, &err);

    if (!answer) {
        fail_msg("%s", err.text);
    }
    json_decref(answer);
}

/* As if nobody owned it: it is asked, and goes on. */
static void ask_and_go_on(struct run_project *project, json_t *command)
{
    char id[RUN_ID_SIZE];
    struct error err = ERROR_INIT;

    memcpy(id, project->id, sizeof(id));
    run_project_drop_engine(project);
    ask(project, command);
    if (strcmp(run_project_status(project, id), "paused") == 0) {
        ask(project, json_pack("{s:s}", "do", "resume"));
    }
    assert_int_equal(run_project_adopt(project, id, &err), 0);
    run_project_go(project);
}

static void assert_done(struct run_project *project, const char *expected)
{
    char *done = run_project_read(project, ".fermata/done");

    assert_string_equal(done, expected);
    free(done);
}

/* What an edit is tried with. */
struct attempt {
    const char *text; /* of the workflow from here on */
    const char *x;    /* the input; NULL: as it was */
    bool is_preview, is_fork;
    const char *again; /* of a fork: this step is asked for; NULL: none */
};

static json_t *try_edit(struct run_project *project, const struct attempt *attempt, int *ret_code,
                        struct error *err)
{
    struct workflow *workflow = run_project_parse(attempt->text);
    json_t *inputs = json_pack("{s:s}", "x", attempt->x ? attempt->x : "1");
    json_t *again = attempt->again ? json_pack("[s]", attempt->again) : NULL;
    struct run_edit edit = {.workflow = workflow,
                            .inputs = inputs,
                            .by = "ada",
                            .is_fork = attempt->is_fork,
                            .again = again};
    json_t *preview = NULL;
    json_t *calls = NULL;

    assert_int_equal(run_pin_calls(&project->options, workflow, &calls, err), 0);
    edit.calls = calls;
    *ret_code = (attempt->is_preview ? run_edit_preview : run_edit)(&project->options, project->id,
                                                                    &edit, &preview, err);
    json_decref(calls);
    json_decref(again);
    json_decref(inputs);
    workflow_free(workflow);
    return preview;
}

/* The decisions as "one kept, two again". */
static char *tell(const json_t *preview)
{
    struct strbuf told;
    const json_t *step;
    size_t i;
    char *result;

    strbuf_init(&told, 4096);
    strbuf_add(&told, "");
    json_array_foreach(json_object_get(preview, "steps"), i, step)
    {
        strbuf_addf(&told, "%s%s %s", i ? ", " : "", json_get_text(step, "key", ""),
                    json_get_text(step, "decision", ""));
    }
    result = strbuf_take(&told);
    strbuf_release(&told);
    return result;
}

static void expect_of(struct run_project *project, const struct attempt *attempt,
                      const char *expected)
{
    struct error err = ERROR_INIT;
    int code;
    json_t *preview = try_edit(project, attempt, &code, &err);
    char *told = tell(preview);

    if (code < 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(told, expected);
    free(told);
    json_decref(preview);
}

static void assert_refused(struct run_project *project, const struct attempt *attempt, int expected,
                           const char *part)
{
    struct error err = ERROR_INIT;
    int code;

    assert_null(try_edit(project, attempt, &code, &err));
    assert_int_equal(code, expected);
    assert_non_null(strstr(err.text, part));
}

static void expect(struct run_project *project, const char *text, const char *x,
                   const char *expected)
{
    expect_of(project, &(struct attempt){.text = text, .x = x, .is_preview = true}, expected);
}

static void edit(struct run_project *project, const char *text, const char *x, const char *expected)
{
    expect_of(project, &(struct attempt){.text = text, .x = x}, expected);
    run_project_check_tables(project);
}

/* The last phase of these fails, so that the run rests. */
#define STOP                                                                                       \
    "  - { id: end, steps: [{ id: stop, run: test -e .fermata/ready, retry: { attempts: 1 } }] "   \
    "}\n"

static void stop_at(struct run_project *project, const char *text)
{
    json_t *inputs = json_pack("{s:s}", "x", "1");
    struct run_request request = {.inputs = inputs};

    run_project_start(project, text, &request);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    run_project_drop_engine(project);
    json_decref(inputs);
}

/* The same, of one that asks first. */
static void stop_at_approval(struct run_project *project, const char *text)
{
    json_t *inputs = json_pack("{s:s}", "x", "1");
    struct run_request request = {.inputs = inputs};

    run_project_start(project, text, &request);
    run_project_go(project);
    ask_and_go_on(project, json_pack("{s:s, s:s}", "do", "approve", "step", "ask"));
    assert_string_equal(run_project_status(project, project->id), "paused");
    run_project_drop_engine(project);
    json_decref(inputs);
}

static void stop(struct run_project *project)
{
    stop_at_approval(project, HEAD A B C);
}

static void nothing_is_done_again_of_what_is_the_same(void **state)
{
    stop(*state);
    expect(*state, HEAD A B C, "1", "one kept, two kept, three kept, ask kept, stop again");
    /* In another order, and with a step less. */
    expect(*state,
           HEAD "  - { id: b, steps: [{ id: three, run: echo three >>.fermata/done },"
                "{ id: one, reuse: inputs, run: 'echo one >>.fermata/done; echo 1' }] }\n" C,
           "1", "three kept, one kept, ask kept, stop again");
}

static void what_changed_is_and_what_may_have_is_looked_at(void **state)
{
    stop(*state);
    expect(*state,
           HEAD
           "  - id: a\n    steps:\n"
           "      - { id: one, reuse: inputs, run: 'echo one >>.fermata/done; echo 10' }\n"
           "      - { id: two, reuse: inputs, run: 'echo two >>.fermata/done; echo 2', env: { V: "
           "\"${{ steps.one.output }}\" } }\n" B C,
           "1", "one again, two held, three held, ask again, stop again");
    /* Commands see all inputs. */
    expect(*state, HEAD A B C, "2", "one again, two again, three again, ask again, stop again");
}

static void an_edit_is_one_record_and_the_tables_agree(void **state)
{
    struct run_project *project = *state;

    stop(project);
    edit(project,
         HEAD A "  - { id: new, steps: [{ id: more, run: echo more >>.fermata/done }] }\n" B C,
         NULL, "one kept, two kept, more new, three held, ask again, stop again");
    assert_string_equal(run_project_status(project, project->id), "paused");
    run_project_check_tables(project);
    run_project_write(project, ".fermata/ready", "");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    ask_and_go_on(project, json_pack("{s:s, s:s}", "do", "approve", "step", "ask"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_done(project, "one\ntwo\nthree\nmore\n");
    run_project_check_tables(project);
}

static void a_run_that_is_over_is_not_edited(void **state)
{
    struct run_project *project = *state;

    (void)run_project_run(project, HEAD B);
    run_project_drop_engine(project);
    assert_refused(project, &(struct attempt){.text = HEAD A}, ERROR_CONFLICT,
                   "only the plan of a run that is not over");
}

static void a_condition_on_an_answer_that_is_made_anew_is_looked_at_again(void **state)
{
    struct run_project *project = *state;

#define ON_ANSWER(said, when)                                                                      \
    HEAD "  - { id: a, steps: [{ id: one, run: echo " said " }] }\n"                               \
         "  - { id: b, steps: [{ id: two, when: \"" when                                           \
         "\", reuse: inputs, run: 'true' }] }\n" STOP
    stop_at(project, ON_ANSWER("no", "steps.one.output == 'yes'"));
    /* That it is the same for an answer which nobody gives says nothing about the next one. */
    expect(project, ON_ANSWER("yes", "steps.one.output == 'yes'"), NULL,
           "one again, two open, stop again");
    expect(project, ON_ANSWER("no", "steps.one.output == 'yes'"), NULL,
           "one kept, two kept, stop again");
    /* Nor where it is not even looked at. */
    expect(project, ON_ANSWER("yes", "inputs.x == '2' and steps.one.output == 'yes'"), NULL,
           "one again, two kept, stop again");
    expect(project, ON_ANSWER("yes", "steps.one.status == 'failed'"), NULL,
           "one again, two open, stop again");
    expect(project, ON_ANSWER("yes", "phases.a.status == 'failed'"), NULL,
           "one again, two open, stop again");
    expect(project, ON_ANSWER("yes", "phases.a.steps.one.output == 'yes'"), NULL,
           "one again, two open, stop again");
    edit(project, ON_ANSWER("yes", "steps.one.output == 'yes'"), NULL,
         "one again, two open, stop again");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_int_equal(run_project_count(project, "attempt_started", "two"), 1);
}

static void a_result_is_kept_only_under_a_condition_that_surely_holds(void **state)
{
    struct run_project *project = *state;

    stop_at(project, ON_ANSWER("no", "steps.one.output != 'yes'"));
    expect(project, ON_ANSWER("no", "steps.one.output != 'yes'"), NULL,
           "one kept, two kept, stop again");
    expect(project, ON_ANSWER("yes", "steps.one.output != 'yes'"), NULL,
           "one again, two held, stop again");
    expect(project, ON_ANSWER("no", "steps.one.output == 'yes'"), NULL,
           "one kept, two again, stop again");
    /* Texts and numbers have no order. */
    expect(project, ON_ANSWER("no", "steps.one.output < 3"), NULL,
           "one kept, two held, stop again");
}

static void a_list_from_an_answer_that_is_made_anew_is_made_anew(void **state)
{
    struct run_project *project = *state;

#define ON_LIST(said, list)                                                                        \
    HEAD "  - { id: a, steps: [{ id: one, format: json, run: 'echo " said "' }] }\n"               \
         "  - { id: b, steps: [{ id: each, foreach: \"" list                                       \
         "\", reuse: inputs, env: { I: \"${{ item }}\" }, run: echo $I }] }\n" STOP
    stop_at(project, ON_LIST("[1]", "['k']"));
    expect(project, ON_LIST("[1]", "['k']"), NULL, "one kept, each kept, stop again");
    expect(project, ON_LIST("[2]", "['k']"), NULL, "one again, each kept, stop again");
    expect(project, ON_LIST("[1]", "steps.one.output"), NULL, "one kept, each held, stop again");
    /* It is the same as long as nobody answers anything else. */
    expect(project, ON_LIST("[2]", "default(steps.one.output.k, ['k'])"), NULL,
           "one again, each held, stop again");
    expect(project, ON_LIST("[1]", "default(steps.one.output.k, ['k'])"), NULL,
           "one kept, each kept, stop again");
    expect(project,
           HEAD "  - { id: a, steps: [{ id: one, format: json, run: 'echo [1]' }] }\n"
                "  - { id: b, steps: [{ id: each, foreach: \"['k']\", reuse: inputs, env: { I: \"n"
                "${{ item }}\" }, run: echo $I }] }\n" STOP,
           NULL, "one kept, each again, stop again");
}

/* A nested run is not taken over: it would have to be done as a whole. */
static void a_list_of_nested_runs_is_kept_as_a_whole_or_done_again(void **state)
{
    struct run_project *project = *state;
    int moves;

#define NEST(list, given)                                                                          \
    HEAD "  - { id: a, steps: [{ id: each, foreach: \"" list                                       \
         "\", workflow: inner, inputs: { y: '" given "${{ item }}' } }] }\n" STOP
    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\ninputs: { y: { type: string, default: z } }\n"
                      "phases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n");
    stop_at(project, NEST("['k', 'l']", ""));
    moves = run_project_count(project, "step_moved", "each[0]");
    expect(project, NEST("['k', 'l', 'm']", ""), NULL, "each again, stop again");
    expect(project, NEST("['k', 'l']", "n"), NULL, "each again, stop again");
    edit(project, NEST("['k', 'l']", ""), NULL, "each kept, stop again");
    run_project_write(project, ".fermata/ready", "");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "step_moved", "each[0]"), moves);
}

static void what_a_nested_run_is_given_goes_into_its_step(void **state)
{
    struct run_project *project = *state;

#define CALL(given)                                                                                \
    HEAD "  - { id: a, steps: [{ id: call, workflow: inner, inputs: { y: " given " } }] }\n" STOP
    run_project_write(
        project, "workflows/inner.yaml",
        "name: inner\ninputs: { y: { type: string, default: z } }\n"
        "phases:\n  - id: p\n    mode: adaptive\n    rounds: 1\n"
        "    steps: [{ id: n, workflow: innermost }, { id: m, workflow: innermost }]\n"
        "    fix: [{ id: f, workflow: mending }]\n");
    run_project_write(project, "workflows/mending.yaml",
                      "name: mending\nphases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n");
    run_project_write(project, "workflows/innermost.yaml",
                      "name: innermost\nphases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n");
    stop_at(project, CALL("'${{ inputs.x }}'"));
    expect(project, CALL("'${{ inputs.x }}'"), NULL, "call kept, stop again");
    expect(project, CALL("'1'"), NULL, "call kept, stop again");
    expect(project, CALL("'2'"), NULL, "call again, stop again");
    expect(project, CALL("'${{ inputs.x }}'"), "2", "call again, stop again");
    /* Also what that calls in its turn. */
    run_project_write(project, "workflows/innermost.yaml",
                      "name: innermost\nphases: [{ id: p, steps: [{ id: s, run: 'false' }] }]\n");
    expect(project, CALL("'1'"), NULL, "call again, stop again");
    run_project_write(project, "workflows/innermost.yaml",
                      "name: innermost\nphases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n");
    expect(project, CALL("'1'"), NULL, "call kept, stop again");
    run_project_write(project, "workflows/mending.yaml",
                      "name: mending\nphases: [{ id: p, steps: [{ id: s, run: 'false' }] }]\n");
    expect(project, CALL("'1'"), NULL, "call again, stop again");
}

/* What looks at the files, and what may change them, is known of each function. */
static void a_function_counts_as_what_it_does_to_the_files(void **state)
{
    struct run_project *project = *state;

#define FUNCTIONS(change)                                                                          \
    HEAD "  - { id: a, steps: [{ id: one, optional: true, retry: { attempts: 1 }, " change         \
         " }] }\n  - id: b\n    steps:\n"                                                          \
         "      - { id: look, use: inventory }\n"                                                  \
         "      - { id: merge, optional: true, use: fold, retry: { attempts: 1 }, "                \
         "with: { angles: '${{ json(1) }}' } }\n" STOP
    stop_at(project, FUNCTIONS("use: noop, with: { value: 1 }"));
    expect(project, FUNCTIONS("use: noop, with: { value: 2 }"), NULL,
           "one again, look kept, merge kept, stop again");
    stop_at(project, FUNCTIONS("use: task-files, with: { subtasks: '1' }"));
    expect(project, FUNCTIONS("use: task-files, with: { subtasks: '2' }"), NULL,
           "one again, look held, merge kept, stop again");
}

/* Also when the step before it is done again, and gives the same. */
static void what_is_held_is_taken_when_it_comes_out_the_same(void **state)
{
    struct run_project *project = *state;

#define SAID(how)                                                                                  \
    HEAD "  - id: a\n    steps:\n"                                                                 \
         "      - { id: one, run: 'echo one >>.fermata/done; " how "' }\n"                         \
         "      - { id: two, reuse: inputs, run: 'echo two >>.fermata/done', env: { V: \"${{ "     \
         "steps.one.output }}\" } }\n" STOP
    stop_at(project, SAID("echo 1"));
    edit(project, SAID("echo  1"), NULL, "one again, two held, stop again");
    run_project_write(project, ".fermata/ready", "");
    run_project_write(project, "other", "");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_done(project, "one\ntwo\none\n");
    assert_string_equal(
        json_get_text(run_project_find(project, "step_reused", "two", 0), "from_run", ""),
        project->id);
}

static void an_approval_is_given_for_what_was_read(void **state)
{
    struct run_project *project = *state;

#define ASK(text) HEAD "  - { id: c, steps: [{ id: ask, approve: '" text "' }] }\n" STOP
    stop_at_approval(project, ASK("Put it on ${{ inputs.x }}?"));
    expect(project, ASK("Put it on ${{ inputs.x }}?"), NULL, "ask kept, stop again");
    expect(project, ASK("Put it on 1?"), NULL, "ask kept, stop again");
    expect(project, ASK("Put it on ${{ inputs.x }}?"), "2", "ask again, stop again");
    expect(project, ASK("Really?"), NULL, "ask again, stop again");
}

static void under_the_static_strategy_the_alternative_counts(void **state)
{
    struct run_project *project = *state;

#define WAYS(strategy, prompt, command)                                                            \
    "name: w\nstrategy: " strategy "\ninputs: { x: { type: string, default: '1' } }\nphases:\n"    \
    "  - { id: a, steps: [{ id: one, prompt: " prompt ", static: { run: " command " } }] }\n" STOP
    run_project_configure(project, "default_agent: a\nagents: { a: { type: command, command: "
                                   "[echo, asked] } }\n");
    stop_at(project, WAYS("static", "p", "echo 1"));
    expect(project, WAYS("static", "p", "echo 1"), NULL, "one kept, stop again");
    expect(project, WAYS("static", "q", "echo 1"), NULL, "one kept, stop again");
    expect(project, WAYS("static", "p", "echo 2"), NULL, "one again, stop again");
    expect(project, WAYS("ai", "p", "echo 1"), NULL, "one again, stop again");
    stop_at(project, WAYS("static", "p", "echo 1 }, reuse: inputs, env: { Q: q"));
    expect_of(project,
              &(struct attempt){.text = WAYS("static", "p", "echo 1 }, reuse: inputs, env: { Q: q"),
                                .is_preview = true,
                                .is_fork = true},
              "one reused, stop again");
    expect_of(project,
              &(struct attempt){.text = WAYS("hybrid", "p", "echo 1 }, reuse: inputs, env: { Q: q"),
                                .is_preview = true,
                                .is_fork = true},
              "one again, stop again");
}

/* ---- phases ---- */

static struct run_state *look(struct run_project *project, struct workflow **ret_workflow)
{
    struct run_state *run = NULL;

    assert_int_equal(
        run_load_state(project->store, project->folder, project->id, ret_workflow, &run, NULL), 0);
    return run;
}

static void assert_phase(struct run_project *project, const char *id, enum step_status expected)
{
    struct workflow *workflow;
    struct run_state *run = look(project, &workflow);

    assert_string_equal(step_status_name(run_find_phase(run, id)->status),
                        step_status_name(expected));
    run_state_free(run);
    workflow_free(workflow);
}

static void assert_step(struct run_project *project, const char *key, enum step_status status,
                        enum waiting waiting)
{
    struct workflow *workflow;
    struct run_state *run = look(project, &workflow);
    const struct step_state *step = run_find_step(run, key);

    assert_non_null(step);
    assert_string_equal(step_status_name(step->status), step_status_name(status));
    assert_int_equal(step->waiting, waiting);
    run_state_free(run);
    workflow_free(workflow);
}

#define GATES "gates:\n  g: { commands: [{ run: 'true' }] }\n  h: { commands: [{ run: test 1 }] }\n"
/* No input goes into such a step. */
#define PHASE(keys)                                                                                \
    "name: w\ninputs: { x: { type: string, default: '1' } }\n" GATES "phases:\n  - { id: a, " keys \
    "steps: [{ id: one, use: noop }] }\n" STOP
#define WHEN "when: \"inputs.x == '1'\", "
#define WHEN_TOO "when: \"inputs.x != '2'\", "
#define UNTIL "iterate: { max: 2, until: \"inputs.x == '1'\" }, "
#define UNTIL_TOO "iterate: { max: 2, until: \"inputs.x != '2'\" }, "

static void a_phase_stays_done_while_nothing_that_decides_about_it_is_another(void **state)
{
    static const struct {
        const char *was, *is, *x;
        enum step_status status;
    } cases[] = {
        {PHASE(""), PHASE(""), "2", STEP_IS_COMPLETED},
        {PHASE(""), PHASE("gate: g, "), "1", STEP_IS_PENDING},
        {PHASE("gate: g, "), PHASE(""), "1", STEP_IS_PENDING},
        {PHASE("gate: g, "), PHASE("gate: h, "), "1", STEP_IS_PENDING},
        {PHASE("gate: g, "), PHASE("gate: g, "), "1", STEP_IS_COMPLETED},
        {PHASE("gate: g, "), PHASE("gate: g, "), "2", STEP_IS_PENDING},
        {PHASE(WHEN), PHASE(""), "1", STEP_IS_PENDING},
        {PHASE(""), PHASE(WHEN), "1", STEP_IS_PENDING},
        {PHASE(WHEN), PHASE(WHEN_TOO), "1", STEP_IS_PENDING},
        {PHASE(WHEN), PHASE(WHEN), "1", STEP_IS_COMPLETED},
        {PHASE(WHEN), PHASE(WHEN), "2", STEP_IS_PENDING},
        {PHASE(UNTIL), PHASE(""), "1", STEP_IS_PENDING},
        {PHASE(UNTIL), PHASE(UNTIL_TOO), "1", STEP_IS_PENDING},
        {PHASE(UNTIL), PHASE(UNTIL), "1", STEP_IS_COMPLETED},
    };
    struct run_project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        stop_at(project, cases[i].was);
        edit(project, cases[i].is, cases[i].x, "one kept, stop again");
        assert_phase(project, "a", cases[i].status);
    }
}

/* What is before a phase may be what its condition and its gate look at. */
static void a_phase_behind_a_changed_one_is_decided_anew_where_it_decides(void **state)
{
    static const struct {
        const char *keys;
        enum step_status status;
    } cases[] = {{"", STEP_IS_COMPLETED},
                 {"gate: g, ", STEP_IS_PENDING},
                 {"when: \"steps.one.output == 'a'\", ", STEP_IS_PENDING}};
    struct run_project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *texts[2];

        for (int k = 0; k < 2; k++) {
            texts[k] = mem_printf(
                "name: w\ninputs: { x: { type: string, default: '1' } }\n" GATES "phases:\n"
                "  - { id: a, steps: [{ id: one, use: noop, with: { value: a }%s }] }\n"
                "  - { id: b, %ssteps: [{ id: two, use: noop }] }\n" STOP,
                k == 1 ? ", env: { A: b }" : "", cases[i].keys);
        }
        stop_at(project, texts[0]);
        edit(project, texts[1], NULL, "one again, two kept, stop again");
        assert_phase(project, "a", STEP_IS_PENDING);
        assert_phase(project, "b", cases[i].status);
        free(texts[0]);
        free(texts[1]);
    }
}

static void a_phase_that_was_left_out_is_looked_at_when_its_turn_comes(void **state)
{
    struct run_project *project = *state;

    stop_at(project, PHASE("when: \"inputs.x == '2'\", "));
    edit(project, PHASE("when: \"inputs.x == '2'\", "), NULL, "one open, stop again");
    assert_phase(project, "a", STEP_IS_PENDING);
    edit(project, PHASE("when: \"inputs.x == '2'\", "), "2", "one open, stop open");
    run_project_write(project, ".fermata/ready", "");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_step(project, "one", STEP_IS_COMPLETED, WAITING_NOTHING);
}

static void a_gate_that_failed_is_asked_anew_when_it_is_another(void **state)
{
    struct run_project *project = *state;

#define GATED(check)                                                                               \
    "name: w\ninputs: { x: { type: string, default: '1' } }\n"                                     \
    "gates: { g: { commands: [{ run: '" check "' }] } }\nphases:\n"                                \
    "  - { id: a, gate: g, steps: [{ id: one, run: echo one >>.fermata/done }] }\n"
    stop_at(project, GATED("false"));
    edit(project, GATED("true"), NULL, "one kept");
    assert_phase(project, "a", STEP_IS_PENDING);
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "one"), 1);
}

/* ---- steps that are not done ---- */

static void a_step_that_a_person_left_out_stays_so_while_it_is_the_same(void **state)
{
    struct run_project *project = *state;

#define FAILING(command)                                                                           \
    HEAD "  - { id: a, steps: [{ id: one, run: '" command                                          \
         "', reuse: inputs, retry: { attempts: 1 } }] }\n" STOP
    stop_at(project, FAILING("false"));
    ask_and_go_on(project,
                  json_pack("{s:s, s:s, s:s}", "do", "skip", "step", "one", "reason", "r"));
    run_project_drop_engine(project);
    assert_step(project, "one", STEP_IS_SKIPPED, WAITING_NOTHING);
    expect(project, FAILING("false"), NULL, "one kept, stop again");
    expect(project, FAILING("exit 1"), NULL, "one open, stop again");
}

static void a_failure_that_was_allowed_stays_while_its_step_is_the_same(void **state)
{
    struct run_project *project = *state;

#define ALLOWED(command, optional)                                                                 \
    HEAD "  - { id: a, steps: [{ id: one, optional: " optional ", run: '" command                  \
         "', reuse: inputs, retry: { attempts: 1 } }] }\n" STOP
    stop_at(project, ALLOWED("false", "true"));
    expect(project, ALLOWED("false", "true"), NULL, "one kept, stop again");
    expect(project, ALLOWED("exit 1", "true"), NULL, "one again, stop again");
}

static void approve_child(struct run_project *project, const char *step)
{
    const json_t *waiting = run_project_find(project, "step_waiting", step, 0);
    struct error err = ERROR_INIT;
    json_t *answer;

    assert_non_null(waiting);
    answer = run_project_ask(project, json_get_text(waiting, "child", ""),
                             json_pack("{s:s, s:s}", "do", "approve", "step", "s"), &err);
    assert_non_null(answer);
    json_decref(answer);
}

/* Whoever waits goes on waiting, and is not asked twice. */
static void what_waits_goes_on_where_it_is_the_same(void **state)
{
    struct run_project *project = *state;
    const json_t *call;

#define WAITS(more, title)                                                                         \
    HEAD "  - { id: a, steps: [{ id: one, use: noop" more " }] }\n"                                \
         "  - id: b\n    mode: parallel\n    steps:\n"                                             \
         "      - { id: ask, approve: '" title "' }\n"                                             \
         "      - { id: agent, prompt: p, read_only: true }\n"                                     \
         "      - { id: call, workflow: inner }\n"
    run_project_configure(
        project,
        "default_agent: a\nagents: { a: { type: command, command: [sh, -c, \"echo "
        "'{\\\"clarification"
        "_needed\\\": true, \\\"questions\\\": [\\\"Which?\\\"]}'\"], read_only_command: [sh, -c, "
        "\"echo"
        " '{\\\"clarification_needed\\\": true, \\\"questions\\\": [\\\"Which?\\\"]}'\"] } }\n");
    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: p, steps: [{ id: s, approve: Go on? }] }]\n");
    run_project_start(project, WAITS("", "Good?"), NULL);
    run_project_go(project);
    run_project_drop_engine(project);
    edit(project, WAITS("", "Good?"), NULL, "one kept, ask open, agent open, call open");
    assert_phase(project, "b", STEP_IS_RUNNING);
    assert_step(project, "ask", STEP_IS_PAUSED, WAITING_APPROVAL);
    assert_step(project, "agent", STEP_IS_PAUSED, WAITING_ANSWER);
    assert_step(project, "call", STEP_IS_PAUSED, WAITING_WORKFLOW);
    edit(project, WAITS("", "Bad?"), NULL, "one kept, ask open, agent open, call open");
    assert_step(project, "ask", STEP_IS_PENDING, WAITING_NOTHING);
    assert_step(project, "agent", STEP_IS_PAUSED, WAITING_ANSWER);
    /* What is left is waited for to its end. */
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    ask_and_go_on(project, json_pack("{s:s, s:s}", "do", "approve", "step", "ask"));
    ask_and_go_on(project,
                  json_pack("{s:s, s:s, s:s}", "do", "skip", "step", "agent", "reason", "r"));
    call = run_project_find(project, "step_waiting", "call", 0);
    run_project_drop_engine(project);
    approve_child(project, "call");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_string_equal(
        json_get_text(call, "child", ""),
        json_get_text(run_project_find(project, "step_waiting", "call",
                                       run_project_count(project, "step_waiting", "call") - 1),
                      "child", "another"));
    run_project_check_tables(project);
}

static void a_list_that_is_half_done_goes_on_with_what_it_has(void **state)
{
    struct run_project *project = *state;

#define HALF(keys) HEAD "  - { id: a, steps: [{ id: each, foreach: \"['k', 'l']\", " keys " }] }\n"
#define ONE_LACKS                                                                                  \
    "reuse: inputs, retry: { attempts: 1 }, run: 'test $FERMATA_ITEM = k -o -e .fermata/ready'"
    stop_at(project, HALF(ONE_LACKS));
    edit(project, HALF(ONE_LACKS), NULL, "each again");
    run_project_write(project, ".fermata/ready", "");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "each[0]"), 1);
    assert_int_equal(run_project_count(project, "attempt_started", "each[1]"), 2);
    run_project_check_tables(project);
}

static void a_list_of_nested_runs_of_which_one_waits_goes_on(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: p, steps: [{ id: s, approve: Go on? }] }]\n");
    stop_at(project, HALF("workflow: inner"));
    approve_child(project, "each[0]");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    run_project_drop_engine(project);
    assert_step(project, "each[0]", STEP_IS_COMPLETED, WAITING_NOTHING);
    assert_step(project, "each[1]", STEP_IS_PAUSED, WAITING_WORKFLOW);
    /* What waits has another item then. */
    assert_refused(project,
                   &(struct attempt){.text = HEAD
                                     "  - { id: a, steps: [{ id: each, foreach: \"['k', 'm']\","
                                     " workflow: inner }] }\n"},
                   ERROR_CONFLICT, "each[1] of run");
    edit(project, HALF("workflow: inner"), NULL, "each open");
    assert_step(project, "each", STEP_IS_RUNNING, WAITING_INSTANCES);
    assert_step(project, "each[0]", STEP_IS_COMPLETED, WAITING_NOTHING);
    assert_step(project, "each[1]", STEP_IS_PAUSED, WAITING_WORKFLOW);
    approve_child(project, "each[1]");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    run_project_check_tables(project);
}

static void a_step_that_mended_and_one_of_the_plan_are_two(void **state)
{
    struct run_project *project = *state;

    stop_at(project, HEAD "  - id: a\n    mode: adaptive\n    rounds: 1\n"
                          "    steps: [{ id: one, run: test -e mended, retry: { attempts: 1 } }]\n"
                          "    fix: [{ id: mend, run: touch mended }]\n" STOP);
    expect(project,
           HEAD "  - id: a\n    mode: adaptive\n    rounds: 1\n"
                "    steps: [{ id: one, run: test -e mended, retry: { attempts: 1 } }]\n"
                "    fix: [{ id: mend, run: touch mended }]\n" STOP,
           NULL, "one kept, stop again");
    edit(project,
         HEAD "  - id: a\n    steps: [{ id: one, run: test -e mended, retry: { attempts: 1 } }, "
              "{ id: mend, run: touch mended }]\n" STOP,
         NULL, "one kept, mend new, stop again");
    run_project_write(project, ".fermata/ready", "");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "mend"), 2);
    run_project_check_tables(project);
}

static void what_cannot_be_worked_out_any_more_is_done_again(void **state)
{
    struct run_project *project = *state;
    const char *digest;
    char *path;

#define LARGE(what)                                                                                \
    HEAD "  - { id: a, steps: [{ id: one, run: seq 2000 }] }\n"                                    \
         "  - { id: b, steps: [{ id: two, " what ", reuse: inputs, run: 'true' }] }\n" STOP
#define ENV "env: { V: \"${{ steps.one.output }}\" }"
#define WHEN_LARGE "when: \"steps.one.output != ''\""
    stop_at(project, LARGE(ENV));
    expect(project, LARGE(ENV), NULL, "one kept, two kept, stop again");
    /* A list and a text have no order. */
    expect(project, LARGE("env: { V: \"${{ steps.one.output < 3 }}\" }"), NULL,
           "one kept, two again, stop again");
    digest = json_get_text(
        json_object_get(run_project_find(project, "attempt_ended", "one", 0), "output"), "digest",
        "");
    path = mem_printf("%s/blobs/%.2s/%s", project->folder, digest, digest + 2);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    expect(project, LARGE(ENV), NULL, "one kept, two again, stop again");
    expect_of(project, &(struct attempt){.text = LARGE(ENV), .is_preview = true, .is_fork = true},
              "one again, two again, stop again");
    free(path);
    stop_at(project, LARGE(WHEN_LARGE));
    expect(project, LARGE(WHEN_LARGE), NULL, "one kept, two kept, stop again");
    path = mem_printf("%s/blobs/%.2s/%s", project->folder, digest, digest + 2);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    expect(project, LARGE(WHEN_LARGE), NULL, "one kept, two held, stop again");
    free(path);
}

static void a_step_that_becomes_a_list_or_is_none_any_more_is_looked_at_again(void **state)
{
    struct run_project *project = *state;

#define LISTED(list) HEAD "  - { id: a, steps: [{ id: one, " list "use: noop }] }\n" STOP
    stop_at(project, LISTED(""));
    expect(project, LISTED("foreach: [1, 2], "), NULL, "one held, stop again");
    stop_at(project, LISTED("foreach: [1, 2], "));
    expect(project, LISTED(""), NULL, "one held, stop again");
    expect(project, LISTED("foreach: [1, 2], "), NULL, "one kept, stop again");
    expect(project, LISTED("foreach: [1, 2, 3], "), NULL, "one held, stop again");
}

/* Each of these is looked at, and any one of them is enough. */
static void what_takes_from_several_is_held_for_any_of_them(void **state)
{
    struct run_project *project = *state;

#define SEVERAL(one, two, keys)                                                                    \
    HEAD "  - { id: a, steps: [{ id: one, use: noop, with: { value: " one                          \
         " } }, { id: two, use: noop, with: { value: " two " } }] }\n"                             \
         "  - { id: b, needs: [], steps: [{ id: three, use: noop }] }\n"                           \
         "  - { id: c, needs: [a, b], " keys "steps: [{ id: four, use: noop, with: { value: "      \
         "\"${{ steps.one.output }}${{ steps.two.output }}\" } }] }\n" STOP
    stop_at(project, SEVERAL("1", "2", ""));
    expect(project, SEVERAL("1", "2", ""), NULL,
           "one kept, two kept, three kept, four kept, stop again");
    expect(project, SEVERAL("3", "2", ""), NULL,
           "one again, two kept, three kept, four held, stop again");
    expect(project, SEVERAL("3", "4", ""), NULL,
           "one again, two again, three kept, four held, stop again");
    stop_at(project, SEVERAL("1", "2", "when: \"inputs.x == '1'\", "));
    edit(project, SEVERAL("3", "4", "when: \"inputs.x == '1'\", "), "2",
         "one again, two again, three kept, four held, stop again");
    assert_phase(project, "b", STEP_IS_COMPLETED);
    assert_phase(project, "c", STEP_IS_PENDING);
}

static void a_phase_that_waits_begins_anew_where_one_before_it_does(void **state)
{
    struct run_project *project = *state;

#define WAITING(value, gate)                                                                       \
    "name: w\ninputs: { x: { type: string, default: '1' } }\n" GATES "phases:\n"                   \
    "  - { id: a, " gate "steps: [{ id: one, use: noop, with: { value: " value " } }] }\n"         \
    "  - { id: b, steps: [{ id: ask, approve: 'Good?' }] }\n"
    stop_at(project, WAITING("1", ""));
    edit(project, WAITING("1", ""), NULL, "one kept, ask open");
    assert_phase(project, "b", STEP_IS_RUNNING);
    edit(project, WAITING("1", "gate: g, "), NULL, "one kept, ask open");
    assert_phase(project, "a", STEP_IS_PENDING);
    assert_phase(project, "b", STEP_IS_PENDING);
    edit(project, WAITING("2", ""), NULL, "one again, ask open");
    assert_step(project, "ask", STEP_IS_PENDING, WAITING_NOTHING);
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    ask_and_go_on(project, json_pack("{s:s, s:s}", "do", "approve", "step", "ask"));
    assert_string_equal(run_project_status(project, project->id), "completed");
}

/* ---- a fork ---- */

static void a_fork_takes_over_what_is_done_under_a_condition_that_surely_holds(void **state)
{
    struct run_project *project = *state;
    struct attempt fork = {.is_preview = true, .is_fork = true};

#define FORKED(one, rest)                                                                          \
    HEAD "  - { id: a, steps: [{ id: one, reuse: inputs, run: echo " one " }] }\n"                 \
         "  - id: b\n    steps:\n"                                                                 \
         "      - { id: two, reuse: inputs, when: \"steps.one.output != 'no'\", run: echo 2 }\n"   \
         "      - { id: each, reuse: inputs, foreach: [1, 2], run: echo 3 }\n"                     \
         "      - { id: left, reuse: inputs, when: \"inputs.x == '2'\", run: echo 4 }\n" rest STOP \
         "  - { id: last, steps: [{ id: late, reuse: inputs, run: echo late }] }\n"
    stop_at(project, FORKED("yes", ""));
    fork.text = FORKED("yes", "");
    expect_of(project, &fork,
              "one reused, two reused, each reused, left open, stop again, late again");
    fork.text = FORKED("well", "");
    expect_of(project, &fork,
              "one again, two held, each reused, left open, stop again, late again");
    fork.text = FORKED("no", "");
    expect_of(project, &fork,
              "one again, two held, each reused, left open, stop again, late again");
    fork.text = FORKED("yes", "      - { id: more, reuse: inputs, run: echo 5 }\n"
                              "      - { id: list, reuse: inputs, foreach: [1], run: echo 6 }\n");
    expect_of(project, &fork,
              "one reused, two reused, each reused, left open, more again, list again, stop again, "
              "late again");
    fork.text = FORKED("yes", "");
    fork.again = "each";
    expect_of(project, &fork,
              "one reused, two reused, each again, left open, stop again, late again");
    fork.again = NULL;
    fork.text = HEAD
        "  - { id: b, steps: [{ id: each, reuse: inputs, foreach: [1], run: echo 3 }] }\n";
    expect_of(project, &fork, "each again");
    stop_at(project,
            HEAD "  - { id: a, steps: [{ id: one, reuse: tree, run: echo tree }] }\n" STOP);
    fork.text = HEAD "  - { id: a, steps: [{ id: one, reuse: tree, run: echo tree }] }\n" STOP;
    expect_of(project, &fork, "one reused, stop again");
    run_project_write(project, "other", "");
    expect_of(project, &fork, "one again, stop again");
}

static void what_cannot_be_looked_at_is_said(void **state)
{
    struct run_project *project = *state;
    struct attempt attempt = {.text = HEAD A B C, .is_preview = true, .is_fork = true};
    char *locks;

    stop(project);
    project->options.project = "/nowhere/at/all";
    assert_refused(project, &attempt, ERROR_NOT_FOUND, "/nowhere");
    attempt.is_preview = attempt.is_fork = false;
    assert_refused(project, &attempt, ERROR_NOT_FOUND, "/nowhere");
    project->options.project = project->project;
    memcpy(project->id, "wf_zzzzzzzzzzzz", RUN_ID_SIZE);
    assert_refused(project, &attempt, ERROR_NOT_FOUND, "wf_zzzzzzzzzzzz");
    attempt.is_preview = true;
    assert_refused(project, &attempt, ERROR_NOT_FOUND, "wf_zzzzzzzzzzzz");
    /* Without the file of locks there is no engine. */
    locks = run_lock_path(project->folder);
    assert_int_equal(file_remove_tree(locks, NULL), 0);
    assert_int_equal(file_make_folders(locks, NULL), 0);
    assert_refused(project, &attempt, ERROR_IO, locks);
    attempt.is_preview = false;
    assert_refused(project, &attempt, ERROR_IO, locks);
    free(locks);
}

static void a_nested_run_is_edited_with_the_one_that_it_is_a_part_of(void **state)
{
    struct run_project *project = *state;
    const char *inner = "name: inner\nphases: [{ id: p, steps: [{ id: s, approve: Go on? }] }]\n";

    run_project_write(project, "workflows/inner.yaml", inner);
    stop_at(project, HALF("workflow: inner"));
    memcpy(project->id,
           json_get_text(run_project_find(project, "step_waiting", "each[0]", 0), "child", ""),
           RUN_ID_SIZE);
    assert_refused(project, &(struct attempt){.text = inner}, ERROR_CONFLICT, "edit that one");
}

/* What an artifact has taken the place of is not the plan any more. */
static void the_readable_plan_is_the_edited_one_where_it_was_the_plan(void **state)
{
    static const char *const others[] = {NULL, "", "# mine\n"};
    struct run_project *project = *state;
    char *path, *text;

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        stop_at(project, PHASE(""));
        path = mem_printf(".fermata/workflows/%s/plan.md", project->id);
        if (others[i]) {
            run_project_write(project, path, others[i]);
        }
        edit(project, PHASE("name: Renamed, "), NULL, "one kept, stop again");
        text = run_project_read(project, path);
        if (others[i]) {
            assert_string_equal(text, others[i]);
        } else {
            assert_non_null(strstr(text, "Renamed"));
        }
        free(text);
        free(path);
    }
    /* Where it is gone, it is made anew. */
    stop_at(project, PHASE(""));
    path = mem_printf("%s/workflows/%s/plan.md", project->folder, project->id);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    edit(project, PHASE("name: Renamed, "), NULL, "one kept, stop again");
    assert_true(file_exists(path));
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_done_again_of_what_is_the_same),
        TEST(what_changed_is_and_what_may_have_is_looked_at),
        TEST(an_edit_is_one_record_and_the_tables_agree),
        TEST(a_run_that_is_over_is_not_edited),
        TEST(a_condition_on_an_answer_that_is_made_anew_is_looked_at_again),
        TEST(a_result_is_kept_only_under_a_condition_that_surely_holds),
        TEST(a_list_from_an_answer_that_is_made_anew_is_made_anew),
        TEST(a_list_of_nested_runs_is_kept_as_a_whole_or_done_again),
        TEST(what_a_nested_run_is_given_goes_into_its_step),
        TEST(an_approval_is_given_for_what_was_read),
        TEST(under_the_static_strategy_the_alternative_counts),
        TEST(a_function_counts_as_what_it_does_to_the_files),
        TEST(what_is_held_is_taken_when_it_comes_out_the_same),
        TEST(a_phase_stays_done_while_nothing_that_decides_about_it_is_another),
        TEST(a_phase_behind_a_changed_one_is_decided_anew_where_it_decides),
        TEST(a_phase_that_was_left_out_is_looked_at_when_its_turn_comes),
        TEST(a_gate_that_failed_is_asked_anew_when_it_is_another),
        TEST(a_step_that_a_person_left_out_stays_so_while_it_is_the_same),
        TEST(a_failure_that_was_allowed_stays_while_its_step_is_the_same),
        TEST(what_waits_goes_on_where_it_is_the_same),
        TEST(a_list_that_is_half_done_goes_on_with_what_it_has),
        TEST(a_list_of_nested_runs_of_which_one_waits_goes_on),
        TEST(a_step_that_mended_and_one_of_the_plan_are_two),
        TEST(what_cannot_be_worked_out_any_more_is_done_again),
        TEST(a_step_that_becomes_a_list_or_is_none_any_more_is_looked_at_again),
        TEST(what_takes_from_several_is_held_for_any_of_them),
        TEST(a_phase_that_waits_begins_anew_where_one_before_it_does),
        TEST(a_fork_takes_over_what_is_done_under_a_condition_that_surely_holds),
        TEST(what_cannot_be_looked_at_is_said),
        TEST(a_nested_run_is_edited_with_the_one_that_it_is_a_part_of),
        TEST(the_readable_plan_is_the_edited_one_where_it_was_the_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "run/edit.h"

#include "base/alloc.h"
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

static void stop(struct run_project *project)
{
    json_t *inputs = json_pack("{s:s}", "x", "1");
    struct run_request request = {.inputs = inputs};

    run_project_start(project, HEAD A B C, &request);
    run_project_go(project);
    ask_and_go_on(project, json_pack("{s:s, s:s}", "do", "approve", "step", "ask"));
    assert_string_equal(run_project_status(project, project->id), "paused");
    run_project_drop_engine(project);
    json_decref(inputs);
}

/* The decisions as "one kept, two again"; the code of the call in `*ret_code`. */
static char *try(struct run_project *project, const char *text, const char *x, bool is_preview,
                 int *ret_code)
{
    struct workflow *workflow = run_project_parse(text);
    json_t *inputs = json_pack("{s:s}", "x", x);
    struct run_edit edit = {.workflow = workflow, .inputs = inputs, .by = "ada"};
    struct strbuf told;
    json_t *preview = NULL;
    struct error err = ERROR_INIT;
    const json_t *step;
    size_t i;
    char *result;

    *ret_code = (is_preview ? run_edit_preview : run_edit)(&project->options, project->id, &edit,
                                                           &preview, &err);
    strbuf_init(&told, 4096);
    json_array_foreach(json_object_get(preview, "steps"), i, step)
    {
        strbuf_addf(&told, "%s%s %s", i ? ", " : "", json_get_text(step, "key", ""),
                    json_get_text(step, "decision", ""));
    }
    strbuf_add(&told, *ret_code < 0 ? err.text : "");
    result = strbuf_take(&told);
    strbuf_release(&told);
    json_decref(preview);
    json_decref(inputs);
    workflow_free(workflow);
    return result;
}

static void expect(struct run_project *project, const char *text, const char *x,
                   const char *expected)
{
    int code;
    char *told = try(project, text, x, true, &code);

    assert_string_equal(told, expected);
    assert_int_equal(code, 0);
    free(told);
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
    char *told;
    char *done;
    int code;

    stop(project);
    told = try(project,
               HEAD A
               "  - { id: new, steps: [{ id: more, run: echo more >>.fermata/done }] }\n" B C,
               "1", false, &code);
    assert_string_equal(told, "one kept, two kept, more new, three held, ask again, stop again");
    free(told);
    assert_string_equal(run_project_status(project, project->id), "paused");
    run_project_check_tables(project);
    run_project_write(project, ".fermata/ready", "");
    ask_and_go_on(project, json_pack("{s:s}", "do", "resume"));
    ask_and_go_on(project, json_pack("{s:s, s:s}", "do", "approve", "step", "ask"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    done = run_project_read(project, ".fermata/done");
    assert_string_equal(done, "one\ntwo\nthree\nmore\n");
    free(done);
    run_project_check_tables(project);
}

static void a_run_that_is_over_is_not_edited(void **state)
{
    struct run_project *project = *state;
    char *told;
    int code;

    (void)run_project_run(project,
                          "name: w\nphases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n");
    run_project_drop_engine(project);
    told = try(project, "name: w\nphases: [{ id: a, steps: [{ id: s, run: 'false' }] }]\n", "1",
               false, &code);
    assert_int_equal(code, ERROR_CONFLICT);
    assert_non_null(strstr(told, "only the plan of a run that is not over"));
    free(told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_done_again_of_what_is_the_same,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(what_changed_is_and_what_may_have_is_looked_at,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(an_edit_is_one_record_and_the_tables_agree,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_is_over_is_not_edited, run_project_set_up,
                                        run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

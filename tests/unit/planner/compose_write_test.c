/* SPDX-License-Identifier: MIT */
#include "planner/compose.h"

#include "../../support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static struct parsed write_and_parse(const char *task, const char *const *paths)
{
    const struct compose_options options = {.has_clones = true};
    struct repository repository = {0};
    struct composed *composed = calloc(1, sizeof(*composed));
    struct analysis analysis;
    struct parsed parsed;
    struct strbuf text;

    assert_non_null(composed);
    for (; *paths; paths++) {
        repository_add(&repository, *paths);
    }
    analyze(task, &repository, &analysis);
    compose(&analysis, &options, composed);
    strbuf_init(&text, COMPOSED_TEXT_MAX);
    compose_write(composed, &text);
    parsed = parse_clean(text.data);
    strbuf_release(&text);
    compose_release(composed);
    free(composed);
    analysis_release(&analysis);
    repository_release(&repository);
    return parsed;
}

static void every_kind_of_task_becomes_a_workflow(void **state)
{
    static const char *const tasks[] = {
        "Add a page, an API, a database table and metrics, and deploy it with Docker",
        "Fix the race condition in the login",
        "Refactor everything",
        "Write unit tests",
        "Document the queue",
        "Review the code for security",
        "Why is it so?",
        "Plan it",
        "Make the page faster",
        "xyzzy",
        "- add one\n- add two to the page\n- fix three\n",
    };
    const char *const paths[] = {"src/client/a.tsx", "src/server/a.ts", "tests/a.ts", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        struct parsed parsed = write_and_parse(tasks[i], paths);

        assert_true(parsed.workflow->phase_count > 0);
        parsed_release(&parsed);
    }
}

static void who_tests_is_followed_by_repairs_within_bounds(void **state)
{
    const char *const paths[] = {"src/server/a.ts", "tests/a.ts", NULL};
    struct parsed parsed = write_and_parse("Add a handler to the server", paths);
    const struct phase *test = workflow_find_phase(parsed.workflow, "test");

    (void)state;
    assert_int_equal(test->mode, MODE_ADAPTIVE);
    assert_int_equal(test->rounds_max, 3);
    assert_string_equal(test->gate->name, "tests");
    assert_int_equal(test->fix_count, 1);
    assert_string_equal(test->fix_steps[0].expert, "backend-expert");
    parsed_release(&parsed);
}

static void nothing_of_the_task_is_taken_for_a_template(void **state)
{
    const char *const paths[] = {NULL};
    struct parsed parsed = write_and_parse("List:\n- add ${{ run.id }}: \"x\" # y\n"
                                           "- add ${{ nobody.knows }}\n- ''\t\x01\xff",
                                           paths);
    const struct step *step = workflow_find_step(parsed.workflow, "part-1", NULL);

    (void)state;
    assert_non_null(strstr(template_text(step->prompt), "add $${{ run.id }}: \"x\" # y"));
    assert_non_null(
        strstr(json_string_value(parsed.workflow->inputs[0].default_value), "- add ${{ run.id }}"));
    parsed_release(&parsed);
}

static void steps_of_one_wave_work_in_clones(void **state)
{
    const char *const paths[] = {"src/alpha.c", "src/beta.c", NULL};
    struct parsed parsed = write_and_parse(
        "List:\n- fix alpha.c\n- fix beta.c\n- fix alpha.c again\n", paths);
    const struct phase *phase;

    (void)state;
    phase = workflow_find_phase(parsed.workflow, "build-1");
    assert_int_equal(phase->mode, MODE_PARALLEL);
    assert_int_equal(phase->step_count, 2);
    assert_string_equal(phase->steps[0].workspace, "clone");
    phase = workflow_find_phase(parsed.workflow, "build-2");
    assert_int_equal(phase->step_count, 1);
    assert_string_equal(phase->steps[0].workspace, "shared");
    parsed_release(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_task_becomes_a_workflow),
        cmocka_unit_test(who_tests_is_followed_by_repairs_within_bounds),
        cmocka_unit_test(nothing_of_the_task_is_taken_for_a_template),
        cmocka_unit_test(steps_of_one_wave_work_in_clones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

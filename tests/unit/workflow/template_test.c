/* SPDX-License-Identifier: MIT */
#include "workflow/expression.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static json_t *lookup(void *context, const char *const *parts, size_t part_count)
{
    (void)context;
    (void)part_count;
    if (strcmp(parts[0], "name") == 0) {
        return json_string("ada");
    }
    return strcmp(parts[0], "list") == 0 ? json_pack("[i, f]", 1, 0.5) : NULL;
}

/* The first problems that were told. */
struct report {
    struct expression_problem problems[4];
    size_t count;
};

static void note_problem(void *context, const struct expression_problem *problem)
{
    struct report *report = context;

    assert_true(report->count < ARRAY_LEN(report->problems));
    report->problems[report->count++] = *problem;
}

static struct template *parse(struct arena *arena, const char *text)
{
    struct template *template_ = NULL;
    struct report report = {0};
    struct expression_reporter reporter = {.add = note_problem, .context = &report};

    if (template_parse(arena, text, strlen(text), &reporter, &template_) > 0) {
        fail_msg("%s: %zu: %s", text, report.problems[0].offset, report.problems[0].text);
    }
    return template_;
}

static void expect_text(struct arena *arena, const char *text, const char *wanted)
{
    struct error err = ERROR_INIT;
    struct strbuf target;

    strbuf_init(&target, 1000);
    strbuf_add(&target, ">");
    assert_int_equal(template_format(parse(arena, text), lookup, NULL, &target, &err), 0);
    assert_string_equal(target.data + 1, wanted);
    strbuf_release(&target);
}

static void expect_problem(struct arena *arena, const char *text, size_t offset, const char *part)
{
    struct template *template_ = NULL;
    struct report report = {0};
    struct expression_reporter reporter = {.add = note_problem, .context = &report};
    const struct expression_problem *problem = &report.problems[0];

    assert_int_equal(template_parse(arena, text, strlen(text), &reporter, &template_), 1);
    assert_int_equal(report.count, 1);
    if (problem->offset != offset || !strstr(problem->text, part)) {
        fail_msg("%s: expected %zu \"%s\", got %zu \"%s\"", text, offset, part, problem->offset,
                 problem->text);
    }
}

static void values_are_put_into_the_text(void **state)
{
    expect_text(*state, "Hello ${{ name }}!", "Hello ada!");
    expect_text(*state, "${{name}}${{ name }}", "adaada");
    expect_text(*state, "[${{ list }}] ${{ missing }}.", "[[1,0.5]] .");
    expect_text(*state, "", "");
    expect_text(*state, "${{ 0.1 }} ${{ true }} ${{ 3 }}", "0.1 true 3");
}

static void braces_inside_quotes_do_not_end_it(void **state)
{
    expect_text(*state, "a${{ '}}' }}b", "a}}b");
    expect_text(*state, "${{ \"\\\"}}\" }}", "\"}}");
    expect_text(*state, "a }} b", "a }} b");
}

static void a_doubled_dollar_is_literal(void **state)
{
    expect_text(*state, "$${{ name }}", "${{ name }}");
    expect_text(*state, "a$${{x}} ${{ name }} $ $$ ${", "a${{x}} ada $ $$ ${");
    expect_text(*state, "${{name}}$${{", "ada${{");
    assert_true(template_is_literal(parse(*state, "$${{ name }}")));
}

static void problems_lie_in_the_whole_text(void **state)
{
    expect_problem(*state, "ab ${{ name", 3, "no closing }}");
    expect_problem(*state, "ab ${{ 'x }}", 3, "no closing }}");
    expect_problem(*state, "ab ${{ name == }}", 15, "too early");
    expect_problem(*state, "ab ${{ }}", 7, "too early");
    expect_problem(*state, "ab ${{}}", 6, "empty");
    expect_problem(*state, "${{ name }} ${{ nmae( }}", 16, "no function");
    expect_problem(*state, "\xFF", 0, "UTF-8");
}

static const char *refuse(void *context, const char *const *parts, size_t part_count,
                          char *ret_hint, size_t hint_size)
{
    (void)context;
    (void)part_count;
    (void)ret_hint;
    (void)hint_size;
    return strcmp(parts[0], "bad") == 0 ? "bad is not known" : NULL;
}

static void unknown_paths_lie_in_the_whole_text(void **state)
{
    struct report report = {0};
    struct expression_reporter reporter = {.add = note_problem, .context = &report};

    assert_int_equal(template_check_paths(parse(*state, "a ${{ name }}"), refuse, NULL, &reporter),
                     0);
    assert_int_equal(template_check_paths(parse(*state, "a ${{ name }} ${{ 1 == bad }}"), refuse,
                                          NULL, &reporter),
                     1);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.problems[0].offset, 23);
    assert_string_equal(report.problems[0].text, "bad is not known");
}

static void every_problem_of_a_text_is_told(void **state)
{
    static const char text[] = "${{ bad }} ${{ 1 + }} ${{ name }} ${{ ) }} ${{ [bad, bad] }} ${{";
    struct template *template_ = NULL;
    struct report report = {0};
    struct expression_reporter reporter = {.add = note_problem, .context = &report};

    assert_int_equal(template_parse(*state, text, sizeof(text) - 1, &reporter, &template_), 3);
    assert_int_equal(report.problems[0].offset, strchr(text, '+') - text);
    assert_int_equal(report.problems[1].offset, strchr(text, ')') - text);
    assert_int_equal(report.problems[2].offset, sizeof(text) - 1 - strlen("${{"));
    report = (struct report){0};
    assert_int_equal(template_check_paths(template_, refuse, NULL, &reporter), 3);
    assert_int_equal(report.problems[0].offset, 4);
    assert_int_equal(report.problems[2].offset, strrchr(text, ']') - text - 3);
}

static void one_expression_alone_keeps_its_type(void **state)
{
    struct error err = ERROR_INIT;
    json_t *value = NULL;

    assert_int_equal(template_evaluate(parse(*state, "${{ list }}"), lookup, NULL, &value, &err),
                     0);
    assert_true(json_is_array(value));
    json_decref(value);
    assert_int_equal(template_evaluate(parse(*state, " ${{ list }}"), lookup, NULL, &value, &err),
                     0);
    assert_string_equal(json_string_value(value), " [1,0.5]");
    json_decref(value);
    assert_int_equal(template_evaluate(parse(*state, "${{ missing }}"), lookup, NULL, &value, &err),
                     0);
    assert_true(json_is_null(value));
    assert_int_equal(template_evaluate(parse(*state, "plain"), lookup, NULL, &value, &err), 0);
    assert_string_equal(json_string_value(value), "plain");
    json_decref(value);
    assert_int_equal(template_evaluate(parse(*state, ""), lookup, NULL, &value, &err), 0);
    assert_string_equal(json_string_value(value), "");
    json_decref(value);
}

static void a_failure_leaves_the_target_as_it_was(void **state)
{
    struct error err = ERROR_INIT;
    struct strbuf target;

    strbuf_init(&target, 10);
    strbuf_add(&target, "keep");
    assert_int_equal(
        template_format(parse(*state, "x${{ name < 1 }}"), lookup, NULL, &target, &err),
        ERROR_INVALID);
    assert_string_equal(target.data, "keep");
    assert_int_equal(template_format(parse(*state, "1234${{ name }}"), lookup, NULL, &target, &err),
                     ERROR_LIMIT);
    assert_string_equal(target.data, "keep");
    assert_int_equal(target.length, 4);
    strbuf_release(&target);
}

static void the_source_is_kept(void **state)
{
    struct template *template_ = parse(*state, "a ${{ name }}");

    assert_string_equal(template_text(template_), "a ${{ name }}");
    assert_false(template_is_literal(template_));
    assert_true(template_is_literal(parse(*state, "plain")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_put_into_the_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(braces_inside_quotes_do_not_end_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_doubled_dollar_is_literal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(problems_lie_in_the_whole_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_paths_lie_in_the_whole_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_problem_of_a_text_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_expression_alone_keeps_its_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_leaves_the_target_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_source_is_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

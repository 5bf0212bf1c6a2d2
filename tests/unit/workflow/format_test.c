/* SPDX-License-Identifier: MIT */
#include "workflow/workflow.h"

#include "../../support/workflow_text.h"
#include "base/alloc.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char example[] =
    "name: w\n"
    "description: Does things\n"
    "inputs: { a: { type: enum, choices: [x, y], default: x }, b: { required: "
    "true, description: What } }\n"
    "iterate: { max: 2 }\n"
    "timeout: 2h\n"
    "phases:\n"
    "- id: one\n"
    "  name: First\n"
    "  steps:\n"
    "  - { id: a, agent: claude, expert: e, static: { use: noop } }\n"
    "  - { id: b, approve: 'Go on?', optional: true }\n"
    "- id: two\n"
    "  needs: []\n"
    "  mode: parallel\n"
    "  width: 2\n"
    "  steps:\n"
    "  - { id: c, run: make, foreach: [1, 2] }\n"
    "  - { id: d, workflow: other, when: inputs.a == 'x' }\n"
    "- id: three\n"
    "  needs: [one, two]\n"
    "  gate: pre-push\n"
    "  on_failure: { goto: two }\n";

static char *format(const char *text, void (*print)(const struct workflow *, struct strbuf *))
{
    struct parsed parsed = parse_clean(text);
    struct strbuf target;
    char *result;

    strbuf_init(&target, 1 << 20);
    print(parsed.workflow, &target);
    result = mem_strdup(target.data);
    strbuf_release(&target);
    parsed_release(&parsed);
    return result;
}

static void assert_fits_80_columns(char *text)
{
    char *rest = text;
    char *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        assert_true(utf8_width(line) <= 80);
    }
}

static void what_decides_about_the_order_is_shown(void **state)
{
    static const char ordered[] =
        "name: w\n"
        "concurrency: 4\n"
        "phases:\n"
        "- id: p\n"
        "  mode: parallel\n"
        "  steps:\n"
        "  - { id: a, run: make }\n"
        "  - { id: b, run: make, needs: [a] }\n"
        "  - { id: c, run: make, needs: [a, b], trigger: all_done }\n"
        "- { id: q, trigger: one_success, steps: [{ id: d, run: make }] }\n"
        "- { id: r, mode: adaptive, steps: [{ id: e, run: make }], fix: [{ id: f, run: mend }] }\n";
    char *tree = format(ordered, workflow_format_tree);
    char *graph = format(ordered, workflow_format_graph);

    (void)state;
    assert_string_equal(tree, "w\n"
                              "  on failure pause; 4 steps at once\n"
                              "1. p parallel\n"
                              "     a                run make\n"
                              "     b                (needs a) run make\n"
                              "     c                (needs a, b) (trigger all_done) run make\n"
                              "2. q trigger one_success\n"
                              "     d                run make\n"
                              "3. r adaptive\n"
                              "     e                run make\n"
                              "   fixes, at most 3 times\n"
                              "     f                run mend\n");
    assert_non_null(strstr(graph, "q   <- p (trigger one_success)"));
    free(tree);
    free(graph);
}

static void the_tree_shows_phases_steps_and_gates(void **state)
{
    (void)state;
    char *text = format(example, workflow_format_tree);

    assert_string_equal(text, "w: Does things\n"
                              "  input a: enum x|y, default \"x\"\n"
                              "  input b: string, required: What\n"
                              "  on failure pause; up to 2 rounds; at most 2h00m\n"
                              "1. one \"First\"\n"
                              "     a                agent claude as e; static: use noop\n"
                              "     b                (optional) approve Go on?\n"
                              "2. two parallel 2 at once needs nothing\n"
                              "     c                (for each [1, 2]) run make\n"
                              "     d                (when inputs.a == 'x') workflow other\n"
                              "3. three needs one, two\n"
                              "     gate pre-push: check-tests, check-coverage\n"
                              "     on failure goto two, at most 3 times\n");
    free(text);
}

static void the_graph_shows_levels(void **state)
{
    (void)state;
    char *text = format(example, workflow_format_graph);
    const char *one = strstr(text, "| one ");
    const char *two = strstr(text, "| two ");
    const char *arrow = strstr(text, "v\n");
    const char *three = strstr(text, "| three   <- one, two ");

    assert_true(one && two && arrow && three);
    assert_true(one < two && two < arrow && arrow < three);
    assert_non_null(strstr(text, "|   a > b "));
    assert_non_null(strstr(text, "|   c | d "));
    assert_non_null(strstr(text, "[gate pre-push]"));
    assert_non_null(strstr(text, "on failure: back to two"));
    free(text);
}

static void the_graph_shows_how_a_failure_is_repaired(void **state)
{
    (void)state;
    char *text = format(
        "name: w\nphases: [{ id: p, mode: adaptive, rounds: 2, steps: [{ id: s, run: x }],"
        " fix: [{ id: mend, run: x }, { id: look, run: x }] }]\n",
        workflow_format_graph);

    assert_non_null(strstr(text, "|   on failure: mend > look, then again, at most 2 times"));
    free(text);
}

static void a_line_fits_80_columns_whatever_it_holds(void **state)
{
    (void)state;
    struct strbuf text;
    char *result;

    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\ndescription: \"");
    for (int i = 0; i < 300; i++) {
        strbuf_add(&text, "\xe4\xb8\xad");
    }
    strbuf_add(&text, "\"\nphases:\n- id: p\n  steps:\n");
    for (int i = 0; i < 50; i++) {
        strbuf_addf(&text, "  - { id: a-rather-long-name-of-a-step-%d, run: 'a\\b' }\n", i);
    }
    result = format(text.data, workflow_format_tree);
    assert_fits_80_columns(result);
    free(result);
    result = format(text.data, workflow_format_graph);
    assert_non_null(strstr(result, "a-rather-long-name-of-a-step-49"));
    assert_fits_80_columns(result);
    free(result);
    strbuf_release(&text);
}

static void escape_sequences_do_not_reach_the_terminal(void **state)
{
    (void)state;
    char *text = format("name: w\ndescription: \"a\\e[31mred\\nline\"\n"
                        "phases: [{ id: p, steps: [{ id: s, run: \"x\\e]0;t\\ay\" }] }]\n",
                        workflow_format_tree);

    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "w: ared line\n"));
    free(text);
}

static void what_stands_in_for_an_agent_is_never_cut_off(void **state)
{
    (void)state;
    char *text = format("name: w\n"
                        "phases:\n"
                        "- id: p\n"
                        "  steps:\n"
                        "  - { id: short, agent: claude, static: { use: noop } }\n"
                        "  - { id: long, agent: claude, expert: adversarial-security-analyst, "
                        "optional: true, static: { use: inventory } }\n",
                        workflow_format_tree);

    assert_non_null(strstr(text, "agent claude; static: use noop\n"));
    assert_non_null(strstr(text, "agent claude as adversarial-security-analyst\n"
                                 "                      static: use inventory\n"));
    assert_fits_80_columns(text);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_decides_about_the_order_is_shown),
        cmocka_unit_test(the_tree_shows_phases_steps_and_gates),
        cmocka_unit_test(the_graph_shows_levels),
        cmocka_unit_test(the_graph_shows_how_a_failure_is_repaired),
        cmocka_unit_test(a_line_fits_80_columns_whatever_it_holds),
        cmocka_unit_test(escape_sequences_do_not_reach_the_terminal),
        cmocka_unit_test(what_stands_in_for_an_agent_is_never_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

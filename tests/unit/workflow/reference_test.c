/* SPDX-License-Identifier: MIT */
#include "workflow/keys.h"

#include "../../support/workflow_text.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What stands between the two marks. */
static char *cut(const char *text, const char *from, const char *to)
{
    const char *start = strstr(text, from);
    const char *end;

    assert_non_null(start);
    start += strlen(from);
    end = strstr(start, to);
    assert_non_null(end);
    return mem_strndup(start, (size_t)(end - start));
}

static void each_level_has_its_table_of_keys(void **state)
{
    (void)state;
    char *text = workflow_reference();
    size_t count;
    const struct key *keys = key_table(&count);

    for (int level = 0; level < KEY_LEVELS; level++) {
        char *title = mem_printf("\n### %s\n", key_level_get((enum key_level)level)->name);
        const char *section = strstr(text, title);
        const char *end;

        assert_non_null(section);
        end = strstr(section + 1, "\n### ");
        for (size_t i = 0; i < count; i++) {
            char *row = mem_printf(keys[i].is_ignored ? "`%s`" : "\n| `%s`", keys[i].name);
            const char *found = strstr(section, row);

            if (keys[i].levels & LEVEL_BIT(level)) {
                assert_non_null(found);
                assert_true(!end || found < end);
            }
            free(row);
        }
        free(title);
    }
    free(text);
}

static void the_grammar_of_expressions_is_in_it(void **state)
{
    (void)state;
    char *text = workflow_reference();

    assert_non_null(strstr(text, expression_grammar()));
    free(text);
}

static void the_example_is_a_workflow_without_a_warning(void **state)
{
    (void)state;
    char *text = workflow_reference();
    char *example = cut(text, "```yaml\n", "```");
    struct parsed parsed = parse_clean(example);

    assert_int_equal(parsed.workflow->phase_count, 4);
    parsed_release(&parsed);
    free(example);
    free(text);
}

static void links_lead_to_sections(void **state)
{
    (void)state;
    char *text = workflow_reference();

    for (const char *link = strstr(text, "](#"); link; link = strstr(link + 1, "](#")) {
        char *target = mem_strndup(link + 3, strcspn(link + 3, ")"));
        char *title = mem_printf("\n### %s\n", target);

        assert_non_null(strstr(text, title));
        free(title);
        free(target);
    }
    free(text);
}

static void each_row_has_four_cells(void **state)
{
    (void)state;
    char *text = workflow_reference();
    char *rest = text;
    char *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        int bars = 0;

        for (char *cursor = line; strncmp(line, "| `", 3) == 0 && *cursor; cursor++) {
            bars += *cursor == '|' && (cursor == line || cursor[-1] != '\\');
        }
        assert_true(bars == 0 || bars == 5 || bars == 3);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_has_its_table_of_keys),
        cmocka_unit_test(the_grammar_of_expressions_is_in_it),
        cmocka_unit_test(the_example_is_a_workflow_without_a_warning),
        cmocka_unit_test(links_lead_to_sections),
        cmocka_unit_test(each_row_has_four_cells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

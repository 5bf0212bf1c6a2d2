/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "cli/help.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COMPLETE(...) complete(*state, (char *[]){__VA_ARGS__, NULL})

static char found[65536];

static const char *complete(struct ops_project *project, char **words)
{
    struct strbuf text;
    int count = 0;

    while (words[count]) {
        count++;
    }
    strbuf_init(&text, sizeof(found) - 1);
    completion_words(project->ops, words, count, &text);
    memcpy(found, text.data, text.length + 1);
    strbuf_release(&text);
    return found;
}

static bool has(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && (at[length] == '\t' || at[length] == '\n')) {
            return true;
        }
    }
    return false;
}

static void commands_are_offered_by_their_beginning(void **state)
{
    assert_true(has(COMPLETE((char *)"st"), "status"));
    assert_false(has(found, "run"));
    assert_true(has(COMPLETE((char *)""), "run"));
    assert_true(has(found, "help"));
    assert_false(has(found, "drive"));
    assert_true(has(COMPLETE((char *)"help", (char *)"ru"), "run"));
}

static void options_of_the_command_and_of_all_are_offered(void **state)
{
    assert_true(has(COMPLETE((char *)"run", (char *)"--"), "--dry-run"));
    assert_true(has(found, "--json"));
    assert_false(has(found, "--metrics"));
    assert_string_equal(COMPLETE((char *)"run", (char *)"--", (char *)"--"), "");
}

static void values_are_offered_where_they_belong(void **state)
{
    ops_project_steps(*state, "mine", (const char *const[]){"'true'", NULL});
    assert_true(has(COMPLETE((char *)"run", (char *)"-w", (char *)"mi"), "mine"));
    assert_true(has(COMPLETE((char *)"run", (char *)"--workflow=mi"), "--workflow=mine"));
    assert_true(has(found, ":files"));
    assert_true(has(COMPLETE((char *)"run", (char *)"--strategy", (char *)"h"), "hybrid"));
    assert_true(has(COMPLETE((char *)"schema", (char *)""), "config"));
    assert_true(has(COMPLETE((char *)"completion", (char *)""), "zsh"));
    assert_string_equal(COMPLETE((char *)"-C", (char *)""), ":files\n");
    assert_string_equal(COMPLETE((char *)"run", (char *)"-i", (char *)""), "");
    assert_true(has(COMPLETE((char *)"run", (char *)"-w", (char *)"code-review", (char *)"-i",
                             (char *)"band=s"),
                    "band=small"));
    assert_false(has(found, "band="));
}

static void runs_and_their_steps_are_offered(void **state)
{
    char *id;
    json_t *run;

    ops_project_steps(*state, "mine", (const char *const[]){"'true'", NULL});
    run = ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "mine"));
    id = mem_strdup(json_get_text(run, "id", ""));
    json_decref(run);
    assert_true(has(COMPLETE((char *)"status", (char *)""), id));
    assert_true(has(found, "last"));
    assert_true(has(COMPLETE((char *)"cat", id, (char *)"s"), "s1"));
    free(id);
}

static void each_shell_has_a_script_and_others_have_none(void **state)
{
    struct error err = ERROR_INIT;
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 65536);
    assert_int_equal(completion_format("bash", &text, NULL), 0);
    assert_int_equal(completion_format("zsh", &text, NULL), 0);
    assert_int_equal(completion_format("fish", &text, NULL), 0);
    assert_int_equal(completion_format("csh", &text, &err), ERROR_INVALID);
    assert_int_equal(completion_format(NULL, &text, &err), ERROR_INVALID);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_are_offered_by_their_beginning, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(options_of_the_command_and_of_all_are_offered,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(values_are_offered_where_they_belong, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(runs_and_their_steps_are_offered, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(each_shell_has_a_script_and_others_have_none,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "cli/cli.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs the words with standard output and standard error in files of the project. */
static int run(struct ops_project *project, const char *const *words, char *out, char *err)
{
    struct cli_settings settings = {.ops = project->settings, .is_utf8 = true, .is_dumb = true};
    char *argv[16] = {(char *)(uintptr_t) "fermata"};
    FILE *files[2] = {tmpfile(), tmpfile()};
    char *texts[2] = {out, err};
    int saved[2];
    int argc = 1;
    int status;

    for (; *words; words++) {
        argv[argc++] = (char *)(uintptr_t)*words;
    }
    (void)fflush(stdout);
    (void)fflush(stderr);
    for (int i = 0; i < 2; i++) {
        saved[i] = dup(i + 1);
        (void)dup2(fileno(files[i]), i + 1);
    }
    status = cli_main(&settings, argc, argv);
    for (int i = 0; i < 2; i++) {
        size_t length;

        (void)dup2(saved[i], i + 1);
        (void)close(saved[i]);
        rewind(files[i]);
        length = fread(texts[i], 1, 16383, files[i]);
        texts[i][length] = '\0';
        (void)fclose(files[i]);
    }
    return status;
}

static char out[16384];
static char err[16384];

#define RUN(...) run(*state, (const char *const[]){__VA_ARGS__, NULL}, out, err)

static void data_goes_to_standard_output_and_all_else_to_standard_error(void **state)
{
    ops_project_steps(*state, "w", (const char *const[]){"echo a", NULL});
    assert_int_equal(RUN("run", "-w", "w"), 0);
    assert_string_equal(out, "");
    assert_non_null(strstr(err, "Step 1/1 p1/s1 completed"));
    assert_null(strstr(err, "What you can do"));
    assert_int_equal(RUN("cat", "last", "s1"), 0);
    assert_string_equal(out, "a\n");
    assert_string_equal(err, "");
}

static void errors_have_three_lines_or_one_object(void **state)
{
    assert_int_equal(RUN("status"), 6);
    assert_string_equal(out, "");
    assert_int_equal(strncmp(err, "fermata: there are no runs", 26), 0);
    assert_non_null(strstr(err, "\n  hint: "));
    assert_int_equal(RUN("status", "--json"), 6);
    assert_int_equal(strncmp(err, "{\"code\":\"not_found\",\"message\":\"", 31), 0);
}

static void nothing_given_is_help_and_a_usage_error(void **state)
{
    assert_int_equal(run(*state, (const char *const[]){NULL}, out, err), 2);
    assert_non_null(strstr(out, "fermata help COMMAND"));
    assert_int_equal(RUN("help"), 0);
    assert_int_equal(RUN("--help"), 0);
    assert_int_equal(RUN("help", "nonsense"), 2);
}

static void the_version_needs_no_command(void **state)
{
    assert_int_equal(RUN("--version"), 0);
    assert_string_equal(out, "fermata 1.2.3\n");
    assert_int_equal(RUN("list", "-V"), 0);
    assert_string_equal(out, "fermata 1.2.3\n");
}

static void the_report_is_printed_at_the_end_of_a_run(void **state)
{
    ops_project_write(*state, "w.yaml",
                      "name: w\nreport: s\n"
                      "phases: [{ id: a, steps: [{ id: s, run: 'echo \"# Done\"' }] }]\n");
    assert_int_equal(RUN("run", "-w", "w.yaml"), 0);
    assert_string_equal(out, "# Done\n");
    assert_non_null(strstr(err, "Report  "));
}

static void bytes_are_printed_as_they_are(void **state)
{
    ops_project_steps(*state, "w", (const char *const[]){"printf 'a\\000\\377b'", NULL});
    assert_int_equal(RUN("run", "-w", "w"), 0);
    assert_int_equal(RUN("cat", "last", "s1"), 0);
    assert_memory_equal(out, "a\0\377b", 4);
}

static void man_and_completions_are_printed(void **state)
{
    assert_int_equal(RUN("man"), 0);
    assert_non_null(strstr(out, ".TH FERMATA 1"));
    assert_int_equal(RUN("completion", "bash"), 0);
    assert_non_null(strstr(out, "complete -F"));
    assert_int_equal(RUN("completion"), 2);
    assert_int_equal(RUN("complete", "sta"), 0);
    assert_non_null(strstr(out, "status\t"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(data_goes_to_standard_output_and_all_else_to_standard_error,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(errors_have_three_lines_or_one_object, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(nothing_given_is_help_and_a_usage_error, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_version_needs_no_command, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_report_is_printed_at_the_end_of_a_run,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(bytes_are_printed_as_they_are, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(man_and_completions_are_printed, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

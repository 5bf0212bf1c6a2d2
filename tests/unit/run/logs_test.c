/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two phases at the same time, so that their records come mixed. */
static const char mixed[] = "name: w\n"
                            "phases:\n"
                            "  - id: a\n"
                            "    needs: []\n"
                            "    steps: [{ id: a1, use: noop }, { id: a2, run: exit 0 }]\n"
                            "  - id: b\n"
                            "    needs: []\n"
                            "    steps: [{ id: b1, use: noop }, { id: b2, use: noop }]\n";

static char *read_file(const struct run_project *project, const char *name)
{
    char *path = mem_printf(".fermata/workflows/%s/%s", project->id, name);
    char *text = run_project_read(project, path);

    free(path);
    return text;
}

static void check_logs(const struct run_project *project)
{
    static const char *const phases[] = {NULL, "a", "b"};
    static const char *const files[] = {"logs/orchestrator.log", "logs/phase-a.log",
                                        "logs/phase-b.log"};

    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct run_log_request request = {
            .folder = project->folder, .run_id = project->id, .phase = phases[i]};
        struct run_log *log = NULL;
        struct strbuf expected;
        char *text = read_file(project, files[i]);

        strbuf_init(&expected, 65536);
        assert_int_equal(run_log_open(project->store, &request, &log, NULL), 0);
        assert_int_equal(run_log_read(log, &expected, NULL), 0);
        run_log_close(log);
        assert_non_null(strstr(text, i == 2 ? "Step: b2 - completed" : "Step: a2 - completed"));
        assert_string_equal(text, expected.data);
        strbuf_release(&expected);
        free(text);
    }
}

static void the_logs_on_disk_are_those_of_the_journal(void **state)
{
    assert_string_equal(run_project_run(*state, mixed), "completed");
    check_logs(*state);
}

/* As a process leaves it that was killed before it wrote its last lines. */
static void lines_that_a_crash_took_are_written_again(void **state)
{
    struct run_project *project = *state;
    char *name;

    run_project_start(project, mixed, NULL);
    run_project_go_until(project, "attempt_started", "a2");
    run_project_reopen(project);
    name = mem_printf(".fermata/workflows/%s/logs/orchestrator.log", project->id);
    run_project_write(project, name, "half a li");
    free(name);
    name = mem_printf(".fermata/workflows/%s/logs/phase-a.log", project->id);
    run_project_write(project, name, "");
    free(name);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    check_logs(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_logs_on_disk_are_those_of_the_journal,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(lines_that_a_crash_took_are_written_again,
                                        run_project_set_up, run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

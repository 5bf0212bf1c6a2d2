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
                            "    steps: [{ id: a1, use: noop }, { id: a2, use: noop }]\n"
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

static void the_logs_on_disk_are_those_of_the_journal(void **state)
{
    static const char *const phases[] = {NULL, "a", "b"};
    static const char *const files[] = {"logs/orchestrator.log", "logs/phase-a.log",
                                        "logs/phase-b.log"};
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, mixed), "completed");
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct run_log_request request = {.run_id = project->id, .phase = phases[i]};
        struct strbuf expected;
        char *text = read_file(project, files[i]);
        int64_t next;

        strbuf_init(&expected, 65536);
        assert_int_equal(run_log(project->store, project->folder, &request, &expected, &next, NULL),
                         0);
        assert_non_null(strstr(text, i == 2 ? "Step: b2 - completed" : "Step: a2 - completed"));
        assert_string_equal(text, expected.data);
        strbuf_release(&expected);
        free(text);
    }
}

static void state_and_last_checkpoint_hold_the_state_at_the_end(void **state)
{
    static const char *const files[] = {"state.json", "checkpoints/b.json"};
    struct run_project *project = *state;
    json_t *shown;

    assert_string_equal(run_project_run(project, mixed), "completed");
    assert_int_equal(run_show(project->store, project->folder, project->id, &shown, NULL), 0);
    (void)json_object_del(shown, "owned");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *text = read_file(project, files[i]);
        json_t *stored = json_loads(text, 0, NULL);

        assert_true(json_equal(stored, shown));
        json_decref(stored);
        free(text);
    }
    json_decref(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_logs_on_disk_are_those_of_the_journal,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(state_and_last_checkpoint_hold_the_state_at_the_end,
                                        run_project_set_up, run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "results/results.h"
#include "run/engine.h"
#include "run/files.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char waits[] =
    "name: w\nphases:\n  - { id: a, steps: [{ id: s, approve: 'Good?' }] }\n";
static const char works[] = "name: w\nphases:\n  - { id: a, steps: [{ id: s, use: noop }] }\n";

static struct active *start(struct run_project *project, const char *text)
{
    run_project_start(project, text, NULL);
    return engine_find(project->engine, project->id);
}

static struct strbuf text_of(const char *text)
{
    struct strbuf buffer;

    strbuf_init(&buffer, 4096);
    strbuf_add(&buffer, text);
    return buffer;
}

static char *name_of(const struct active *active, const char *file)
{
    return mem_printf(".fermata/workflows/%s/%s", active->state->id, file);
}

static bool has(const struct run_project *project, const struct active *active, const char *file)
{
    char *name = name_of(active, file);
    bool is_there = run_project_has(project, name);

    free(name);
    return is_there;
}

static void check(const struct run_project *project, const struct active *active, const char *file,
                  const char *expected)
{
    char *name = name_of(active, file);
    char *text = run_project_read(project, name);

    assert_string_equal(text, expected);
    free(text);
    free(name);
}

static void files_are_written_in_the_order_in_which_they_were_asked_for(void **state)
{
    struct run_project *project = *state;
    struct active *active = start(project, waits);
    struct strbuf first = text_of("first\n");
    struct strbuf second = text_of("second\n");
    struct strbuf third = text_of("third\n");

    files_later_text(active, "x/notes", &first);
    files_later_text(active, "x/notes", &second);
    files_later_append(active, "x/notes", &third);
    assert_false(has(project, active, "x"));
    run_project_go(project);
    check(project, active, "x/notes", "second\nthird\n");
}

static void an_engine_that_ends_writes_what_still_waits(void **state)
{
    struct run_project *project = *state;
    struct active *active = start(project, waits);
    char *name = name_of(active, "notes");
    struct strbuf text = text_of("late\n");
    char *written;

    run_project_go(project);
    files_later_text(active, "notes", &text);
    run_project_drop_engine(project);
    written = run_project_read(project, name);
    assert_string_equal(written, "late\n");
    free(written);
    free(name);
}

static void what_waits_of_a_run_that_was_lost_is_forgotten(void **state)
{
    struct run_project *project = *state;
    struct active *lost = start(project, waits);
    struct active *kept = start(project, waits);
    struct strbuf texts[] = {text_of("lost\n"), text_of("kept\n"), text_of("lost\n")};

    files_later_text(lost, "notes", &texts[0]);
    files_later_text(kept, "notes", &texts[1]);
    files_later_append(lost, "notes", &texts[2]);
    files_forget(lost);
    run_project_go(project);
    assert_false(has(project, lost, "notes"));
    check(project, kept, "notes", "kept\n");
}

static void only_the_files_of_checkpoints_that_are_kept_stay(void **state)
{
    struct run_project *project = *state;
    struct active *active = start(project, waits);
    struct strbuf first = text_of("[]\n");
    struct strbuf second = text_of("[]\n");

    files_later_text(active, "checkpoints/a.json", &first);
    files_later_text(active, "checkpoints/b.json", &second);
    files_later_prune(active, json_pack("{s:b}", "b.json", true));
    run_project_go(project);
    assert_false(has(project, active, "checkpoints/a.json"));
    assert_true(has(project, active, "checkpoints/b.json"));
}

/* Deciding stops while thousands of files wait, and goes on by itself. */
static void a_run_ends_though_many_files_wait(void **state)
{
    struct run_project *project = *state;
    struct active *active = start(project, works);
    struct strbuf expected;

    strbuf_init(&expected, 1U << 20);
    for (int i = 0; i < FILE_TASKS_MAX + 100; i++) {
        struct strbuf line;

        strbuf_init(&line, 64);
        strbuf_addf(&line, "%d\n", i);
        strbuf_add(&expected, line.data);
        files_later_append(active, "lines", &line);
    }
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    check(project, active, "lines", expected.data);
    strbuf_release(&expected);
}

/* What is committed while a restoration waits is added to the log by its own task. */
static void a_restoration_stops_at_the_record_of_its_asking(void **state)
{
    struct run_project *project = *state;
    struct active *active = start(project, works);
    struct run_files files = {.id = active->state->id,
                              .folder = active->folder,
                              .workflow = active->workflow,
                              .last_seq = 2};
    char *name = name_of(active, "logs/orchestrator.log");
    int64_t count = 0;
    char *text;

    run_project_go(project);
    assert_int_equal(files_restore(project->store, &files, false, &count, NULL), 0);
    text = run_project_read(project, name);
    assert_non_null(strstr(text, "created from w"));
    assert_null(strstr(text, "completed"));
    free(text);
    free(name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_written_in_the_order_in_which_they_were_asked_for),
        TEST(an_engine_that_ends_writes_what_still_waits),
        TEST(what_waits_of_a_run_that_was_lost_is_forgotten),
        TEST(only_the_files_of_checkpoints_that_are_kept_stay),
        TEST(a_run_ends_though_many_files_wait),
        TEST(a_restoration_stops_at_the_record_of_its_asking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

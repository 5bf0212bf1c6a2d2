/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "run/engine.h"
#include "run/files.h"
#include "run/files_queue.h"
#include "support/run_project.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POOL_THREADS 4 /* of libuv */

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

/* Numbers from `first` up to `end`, each a task of its own. */
static void append_lines(struct active *active, int first, int end)
{
    for (int i = first; i < end; i++) {
        struct strbuf line;

        strbuf_init(&line, 64);
        strbuf_addf(&line, "%d\n", i);
        files_later_append(active, "lines", &line);
    }
}

static char *list_lines(int end)
{
    struct strbuf list;
    char *text;

    strbuf_init(&list, 1U << 20);
    for (int i = 0; i < end; i++) {
        strbuf_addf(&list, "%d\n", i);
    }
    text = strbuf_take(&list);
    strbuf_release(&list);
    return text;
}

/* A pool all of whose threads are held. */
struct held {
    struct run_project *project;
    sem_t gate;
};

static void pass_gate(void *arg)
{
    struct held *held = arg;

    (void)sem_wait(&held->gate);
}

static void ignore(void *arg)
{
    (void)arg;
}

static void hold_pool(struct held *held, struct run_project *project)
{
    *held = (struct held){.project = project};
    (void)sem_init(&held->gate, 0, 0);
    for (int i = 0; i < POOL_THREADS; i++) {
        loop_submit(project->loop, pass_gate, ignore, held);
    }
}

static void let_go_pool(struct held *held)
{
    for (int i = 0; i < POOL_THREADS; i++) {
        (void)sem_post(&held->gate);
    }
}

/* Ends the loop as soon as nothing is under way but what the pool would do. */
static void stop_when_only_the_pool_is_late(void *arg)
{
    struct held *held = arg;
    const struct engine *engine = held->project->engine;

    if (engine->jobs || engine->is_pump_deferred || engine->is_file_start_deferred) {
        loop_defer(held->project->loop, stop_when_only_the_pool_is_late, held);
    } else {
        loop_stop(held->project->loop);
    }
}

static void go_without_pool(struct held *held)
{
    loop_defer(held->project->loop, stop_when_only_the_pool_is_late, held);
    loop_run(held->project->loop);
}

/* Can a new run be decided while the pool is late? */
static bool is_decided(struct held *held)
{
    struct active *active = start(held->project, works);
    const struct run_state *state = active->state;

    go_without_pool(held);
    return state->status == RUN_COMPLETED;
}

/* Nothing is asserted before the pool is free again: an engine that ends waits for it. */
static void nothing_is_decided_while_thousands_of_files_wait_and_then_it_goes_on(void **state)
{
    struct run_project *project = *state;
    struct active *active = start(project, waits);
    struct held held;
    bool is_decided_before, is_decided_then;
    char *expected = list_lines(FILE_TASKS_MAX);

    hold_pool(&held, project);
    go_without_pool(&held);
    append_lines(active, 0, FILE_TASKS_MAX - 50);
    is_decided_before = is_decided(&held);
    append_lines(active, FILE_TASKS_MAX - 50, FILE_TASKS_MAX);
    is_decided_then = is_decided(&held);
    let_go_pool(&held);
    run_project_go(project);
    assert_true(is_decided_before);
    assert_false(is_decided_then);
    assert_string_equal(run_project_status(project, project->id), "completed");
    check(project, active, "lines", expected);
    free(expected);
    (void)sem_destroy(&held.gate);
}

/* What is committed while a restoration waits is added to the log by its own task. */
static void a_restoration_stops_at_the_record_of_its_asking(void **state)
{
    struct run_project *project = *state;
    struct active *active = start(project, works);
    struct run_files files = {.id = active->state->id,
                              .folder = active->folder,
                              .blobs = project->engine->blobs,
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

/* A run that is over, with its last files still to be written. */
static struct active *end_one(struct run_project *project)
{
    struct active *active = start(project, works);

    run_project_go(project);
    assert_int_equal(file_remove_tree(active->folder, NULL), 0);
    active->end_checkpoints = json_pack("[s]", "a");
    files_later_plan(active);
    files_later_end(active);
    assert_non_null(active->end_files);
    return active;
}

static void check_end(struct run_project *project, const char *id)
{
    static const char *const files[] = {"checkpoints/a.json", "report.md", "plan.md", "state.json"};
    struct strbuf name;
    char *state;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        strbuf_init(&name, 4096);
        strbuf_addf(&name, ".fermata/workflows/%s/%s", id, files[i]);
        assert_true(run_project_has(project, name.data));
        if (i + 1 == ARRAY_LEN(files)) {
            state = run_project_read(project, name.data);
            assert_non_null(strstr(state, "\"status\": \"completed\""));
            free(state);
        }
        strbuf_release(&name);
    }
}

static void a_run_that_is_let_go_of_leaves_its_last_files_to_the_pool(void **state)
{
    struct run_project *project = *state;

    (void)end_one(project);
    assert_true(engine_let_go(project->engine, project->id));
    run_project_go(project);
    check_end(project, project->id);
}

static void an_engine_that_ends_writes_what_a_run_left(void **state)
{
    struct run_project *project = *state;

    (void)end_one(project);
    assert_true(engine_let_go(project->engine, project->id));
    run_project_drop_engine(project);
    check_end(project, project->id);
}

static void a_run_that_stays_has_its_last_files_as_well(void **state)
{
    struct run_project *project = *state;
    struct active *active = end_one(project);

    run_project_go(project);
    assert_null(active->end_files);
    check_end(project, project->id);
}

static void what_a_run_ended_with_is_made_before_anything_else_is_decided(void **state)
{
    struct run_project *project = *state;
    struct active *active = end_one(project);

    files_write_now(active);
    files_write_now(active);
    assert_null(active->end_files);
    assert_null(active->end_checkpoints);
    run_project_go(project);
    check_end(project, project->id);
}

static void a_lost_run_forgets_its_end_as_well(void **state)
{
    struct run_project *project = *state;
    struct active *active = end_one(project);

    files_forget(active);
    assert_null(active->end_files);
    run_project_go(project);
    assert_false(has(project, active, "state.json"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_written_in_the_order_in_which_they_were_asked_for),
        TEST(an_engine_that_ends_writes_what_still_waits),
        TEST(what_waits_of_a_run_that_was_lost_is_forgotten),
        TEST(only_the_files_of_checkpoints_that_are_kept_stay),
        TEST(nothing_is_decided_while_thousands_of_files_wait_and_then_it_goes_on),
        TEST(a_restoration_stops_at_the_record_of_its_asking),
        TEST(a_run_that_is_let_go_of_leaves_its_last_files_to_the_pool),
        TEST(an_engine_that_ends_writes_what_a_run_left),
        TEST(a_run_that_stays_has_its_last_files_as_well),
        TEST(what_a_run_ended_with_is_made_before_anything_else_is_decided),
        TEST(a_lost_run_forgets_its_end_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

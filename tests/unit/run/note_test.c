/* SPDX-License-Identifier: MIT */
#include "run/note.h"

#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN "wf_000000000001"
#define PLACE ".fermata/workflows/" RUN "/attempts/s.1"
#define WORKS "name: w\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n"

static char *folder_of(const struct run_project *project, const char *place)
{
    char *folder = path_join(project->project, place);

    assert_int_equal(file_make_folders(folder, NULL), 0);
    return folder;
}

static void write_note(const struct run_project *project, const char *folder, const char *before)
{
    json_t *note = json_pack("{s:s}", "before", before);

    assert_int_equal(snapshot_note_write(project->store, folder, note, NULL), 0);
    json_decref(note);
}

/* "-": there is none. */
static void assert_note(const struct run_project *project, const char *folder, const char *before)
{
    json_t *note = NULL;

    assert_int_equal(snapshot_note_find(project->store, folder, &note, NULL), 0);
    assert_string_equal(json_get_text(note, "before", "-"), before);
    json_decref(note);
}

static int change(struct tx *tx, void *arg, struct error *err)
{
    return tx_run(tx, tx_query(tx, arg), NULL, err);
}

static void store_run(const struct run_project *project, const struct query *query)
{
    assert_int_equal(store_write(project->store, change, (void *)(uintptr_t)query, NULL), 0);
}

static void what_lies_beside_it_is_not_the_note(void **state)
{
    const struct run_project *project = *state;
    char *folder = folder_of(project, PLACE);
    char *other = folder_of(project, ".fermata/workflows/" RUN "/undo/1");
    char *copy;

    write_note(project, folder, "one");
    copy = run_project_read(project, PLACE "/" SNAPSHOT_FILE);
    assert_string_equal(copy, "{\"before\":\"one\"}");
    run_project_write(project, PLACE "/" SNAPSHOT_FILE, "{\"before\":\"forged\"}");
    assert_note(project, folder, "one");
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    assert_note(project, folder, "one");
    run_project_write(project, ".fermata/workflows/" RUN "/undo/1/" SNAPSHOT_FILE,
                      "{\"before\":\"planted\"}");
    assert_note(project, other, "-");
    free(copy);
    free(other);
    free(folder);
}

static void a_note_is_replaced_by_the_next(void **state)
{
    const struct run_project *project = *state;
    char *folder = folder_of(project, PLACE);

    write_note(project, folder, "one");
    write_note(project, folder, "two");
    assert_note(project, folder, "two");
    free(folder);
}

static void add_before(const json_t *note, json_t *target)
{
    json_put(target, json_get_text(note, "before", "-"), json_true());
}

static void all_notes_are_found_wherever_their_folders_are(void **state)
{
    const struct run_project *project = *state;
    char *folder = folder_of(project, PLACE);
    /* Of a run in a project that lies in a clone. */
    char *inner = folder_of(project,
                            ".fermata/workflows/" RUN
                            "/workspaces/s/tree/.fermata/workflows/wf_000000000002/undo/1");
    json_t *found = json_object();

    write_note(project, folder, "one");
    write_note(project, inner, "two");
    assert_note(project, inner, "two");
    assert_int_equal(snapshot_note_each(project->store, add_before, found, NULL), 0);
    assert_int_equal(json_object_size(found), 2);
    json_decref(found);
    free(inner);
    free(folder);
}

/* As a store that this version meets for the first time. */
static void of_runs_from_before_the_files_count(void **state)
{
    static const struct query drop = {"DROP TABLE note"};
    static const struct query forget = {"DELETE FROM schema_version WHERE name = 'run/011-notes'"};
    struct run_project *project = *state;
    char *place;
    char *path;
    char *folder;

    assert_string_equal(run_project_run(project, WORKS), "completed");
    store_run(project, &drop);
    store_run(project, &forget);
    run_project_reopen(project);
    place = mem_printf(".fermata/workflows/%s/attempts/s.1", project->id);
    path = mem_printf("%s/" SNAPSHOT_FILE, place);
    folder = folder_of(project, place);
    run_project_write(project, path, "{\"before\":\"file\"}");
    assert_note(project, folder, "file");
    write_note(project, folder, "row");
    run_project_write(project, path, "{\"before\":\"forged\"}");
    assert_note(project, folder, "row");
    free(folder);
    free(path);
    free(place);
}

static void in_the_folder_of_no_run_the_file_is_the_note(void **state)
{
    static const char *const places[] = {"elsewhere", ".fermata/workflows/wf_1/attempts/s.1",
                                         ".fermata/workflows/xx_000000000001/attempts/s.1"};
    const struct run_project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char *folder = folder_of(project, places[i]);
        char *path = path_join(places[i], SNAPSHOT_FILE);

        write_note(project, folder, "one");
        run_project_write(project, path, "{\"before\":\"two\"}");
        assert_note(project, folder, "two");
        free(path);
        free(folder);
    }
}

static void a_note_that_cannot_be_read_is_an_error(void **state)
{
    static const struct query tear = {"UPDATE note SET note = '['"};
    const struct run_project *project = *state;
    char *folder = folder_of(project, PLACE);
    json_t *found = json_object();
    json_t *note;

    write_note(project, folder, "one");
    store_run(project, &tear);
    assert_true(snapshot_note_find(project->store, folder, &note, NULL) < 0);
    assert_null(snapshot_note_read(project->store, folder));
    assert_true(snapshot_note_each(project->store, add_before, found, NULL) < 0);
    json_decref(found);
    free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_lies_beside_it_is_not_the_note),
        TEST(a_note_is_replaced_by_the_next),
        TEST(all_notes_are_found_wherever_their_folders_are),
        TEST(of_runs_from_before_the_files_count),
        TEST(in_the_folder_of_no_run_the_file_is_the_note),
        TEST(a_note_that_cannot_be_read_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

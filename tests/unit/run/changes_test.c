/* SPDX-License-Identifier: MIT */
#include "run/changes.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/repository.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A program that speaks as claude does, has a read-only mode, and does not keep to it. */
#define AGENT                                                                                      \
    "default_agent: a\nagents:\n  a: { type: claude, command: [sh, -c, 'cat >/dev/null; echo new " \
    "> b.txt; rm -f c.txt; cat stream.jsonl'] }\n"
#define STREAM                                                                                     \
    "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s1\"}\n"                           \
    "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\","         \
    "\"session_id\":\"s1\",\"terminal_reason\":\"completed\"}\n"
#define WORKFLOW(more)                                                                             \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, steps: [{ id: s, prompt: go" more " }] }]\n"

#define PLACE(scene)                                                                               \
    (struct changes_place)                                                                         \
    {                                                                                              \
        .store = (scene)->store, .folder = (scene)->folder, .project = (scene)->project            \
    }

static void prepare(struct run_project *project)
{
    run_project_configure(project, AGENT);
    run_project_write(project, "stream.jsonl", STREAM);
    run_project_write(project, "a.txt", "same");
    run_project_write(project, "b.txt", "old");
    run_project_write(project, "c.txt", "gone");
}

static const json_t *ended(const struct run_project *project)
{
    return run_project_find(project, "attempt_ended", "s", 0);
}

static void what_an_agent_changed_is_recorded(void **state)
{
    struct run_project *project = *state;
    char *text;

    prepare(project);
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    text = json_dump_compact(json_object_get(ended(project), "files"));
    assert_string_equal(text, "{\"count\":2,\"changed\":[\"b.txt\",\"c.txt\"],"
                              "\"not_claimed\":[\"b.txt\",\"c.txt\"]}");
    free(text);
}

#define TOOL(id, name, path, failed)                                                               \
    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"" id        \
    "\",\"name\":\"" name "\",\"input\":{\"file_path\":\"" path "\"}}]}}\n"                        \
    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"" id \
    "\",\"is_error\":" failed ",\"content\":\"\"}]}}\n"

static void what_it_claims_is_compared_with_what_it_did(void **state)
{
    struct run_project *project = *state;
    char *text;

    prepare(project);
    run_project_write(project, "stream.jsonl",
                      TOOL("1", "Edit", "a.txt", "false") TOOL("2", "Edit", "b.txt", "false")
                          TOOL("3", "Edit", "refused.txt", "true")
                              TOOL("4", "Read", "read.txt", "false") STREAM);
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    text = json_dump_compact(json_object_get(ended(project), "files"));
    assert_string_equal(text, "{\"count\":2,\"changed\":[\"b.txt\",\"c.txt\"],"
                              "\"only_claimed\":[\"a.txt\"],\"not_claimed\":[\"c.txt\"]}");
    free(text);
}

/* A program that only answers says nothing of its tools. */
static void who_does_not_tell_its_tools_is_not_compared(void **state)
{
    struct run_project *project = *state;
    char *text;

    prepare(project);
    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[sh, -c, 'cat >/dev/null; echo new > b.txt; echo done'] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    text = json_dump_compact(json_object_get(ended(project), "files"));
    assert_string_equal(text, "{\"count\":1,\"changed\":[\"b.txt\"]}");
    free(text);
}

static void a_step_that_was_to_change_nothing_fails_with_what_it_changed(void **state)
{
    struct run_project *project = *state;

    prepare(project);
    assert_string_equal(run_project_run(project, WORKFLOW(", read_only: true")), "paused");
    assert_string_equal(json_get_text(ended(project), "class", ""), "permanent");
    assert_non_null(strstr(json_get_text(ended(project), "error", ""),
                           "2 files are not as before (its tools told of no change, so it may have "
                           "been somebody else; its answer is kept): b.txt, c.txt"));
    assert_string_equal(json_get_text(json_object_get(ended(project), "output"), "inline", ""),
                        "done");
}

static void who_told_of_the_change_itself_is_said_to_have_made_it(void **state)
{
    struct run_project *project = *state;

    prepare(project);
    run_project_write(project, "stream.jsonl", TOOL("1", "Edit", "b.txt", "false") STREAM);
    assert_string_equal(run_project_run(project, WORKFLOW(", read_only: true")), "paused");
    assert_non_null(strstr(json_get_text(ended(project), "error", ""),
                           "(its own tools told of it; its answer is kept): b.txt, c.txt"));
}

#define BESIDE(other)                                                                              \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, mode: parallel, steps: [{ id: s, prompt: go, read_only: true }, " other     \
    "] }]\n"

/* The other one changes a file while `s` is at work, and neither ends before that. */
#define PAIR                                                                                       \
    "default_agent: a\nagents:\n  a: { type: claude, command: [sh, -c, 'cat >/dev/null; if [ "     \
    "$FERMATA_STEP = s ]; then cat .fermata/one .fermata/two; else echo >.fermata/one; echo new "  \
    ">b.txt; echo >.fermata/two; fi; cat stream.jsonl'] }\n"

static void prepare_pair(struct run_project *project)
{
    static const char *const names[] = {"one", "two"};

    prepare(project);
    run_project_configure(project, PAIR);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = path_join(project->folder, names[i]);

        assert_int_equal(mkfifo(path, 0600), 0);
        free(path);
    }
}

static void beside_others_that_were_to_change_nothing_none_is_believed(void **state)
{
    struct run_project *project = *state;

    prepare_pair(project);
    assert_string_equal(run_project_run(project, BESIDE("{ id: r, prompt: go, read_only: true }")),
                        "paused");
    for (const char *step = "s"; step; step = *step == 's' ? "r" : NULL) {
        const json_t *record = run_project_find(project, "attempt_ended", step, 0);

        assert_string_equal(json_get_text(record, "class", ""), "permanent");
        assert_non_null(strstr(json_get_text(record, "error", ""), "nor were those beside it"));
    }
}

static void beside_one_that_may_change_files_it_is_not_blamed(void **state)
{
    struct run_project *project = *state;

    prepare_pair(project);
    assert_string_equal(run_project_run(project, BESIDE("{ id: w, prompt: go }")), "completed");
    assert_true(json_get_boolean(json_object_get(ended(project), "files"), "shared", false));
}

static char *read_difference(const struct run_project *project, const char *step)
{
    char *name = mem_printf(".fermata/workflows/%s/attempts/%s.1/" DIFFERENCE_FILE, project->id,
                            step);
    char *text = run_project_has(project, name) ? run_project_read(project, name) : NULL;

    free(name);
    return text;
}

#define FAILING                                                                                    \
    "default_agent: a\nagents:\n  a: { type: claude, command: [sh, -c, 'cat >/dev/null; printf "   \
    "\"new\\033[2J\\n\" >b.txt; seq 20000 >long.txt; echo 503 >&2; exit 1'] }\n"                   \
    "  o: { type: claude, command: [sh, -c, 'cat >/dev/null; cat stream.jsonl'] }\n"

static void what_a_failed_attempt_changed_is_kept_for_the_next_agent(void **state)
{
    struct run_project *project = *state;
    char *text;

    prepare(project);
    run_project_configure(project, FAILING);
    assert_string_equal(run_project_run(project, WORKFLOW(", fallback: [o]")), "completed");
    text = read_difference(project, "s");
    assert_non_null(text);
    assert_non_null(strstr(text, "\n-old\n"));
    assert_non_null(strstr(text, "\n+new?[2J\n"));
    assert_non_null(strstr(text, "\n+10\n"));
    assert_true(strlen(text) < DIFFERENCE_BYTES_MAX + 20);
    assert_string_equal(text + strlen(text) - strlen("\n... and more\n"), "\n... and more\n");
    free(text);
}

static void nobody_keeps_it_where_nobody_follows(void **state)
{
    struct run_project *project = *state;

    prepare(project);
    run_project_configure(project, FAILING);
    assert_string_equal(run_project_run(project, WORKFLOW("")), "paused");
    assert_null(read_difference(project, "s"));
}

static void what_was_not_listed_before_is_not_known_after(void **state)
{
    struct run_project *project = *state;
    const struct claims claims = {NULL, project->project, project->project};

    assert_null(changes_end(&PLACE(project), &claims));
}

static void that_there_was_no_listing_is_told_with_its_reason(void **state)
{
    struct run_project *project = *state;
    struct claims claims = {NULL, project->project, project->project};
    json_t *changes;

    changes_begin(&PLACE(project), "/nonexistent");
    changes = changes_end(&PLACE(project), &claims);
    assert_null(json_object_get(changes, "count"));
    assert_non_null(strstr(json_get_text(changes, "unknown", ""), "/nonexistent"));
    json_decref(changes);
    changes_begin(&PLACE(project), project->project);
    claims.project = "/nonexistent";
    changes = changes_end(&PLACE(project), &claims);
    assert_non_null(strstr(json_get_text(changes, "unknown", ""), "/nonexistent"));
    json_decref(changes);
}

static json_t *end(const struct run_project *project)
{
    const struct claims claims = {NULL, project->project, project->project};

    return changes_end(&PLACE(project), &claims);
}

static void begin(const struct run_project *project)
{
    changes_begin(&PLACE(project), project->project);
}

static void assert_no_difference(const struct run_project *project)
{
    changes_write_difference(&PLACE(project));
    assert_false(run_project_has(project, ".fermata/" DIFFERENCE_FILE));
}

static void no_difference_is_kept_where_there_is_none_to_show(void **state)
{
    struct run_project *project = *state;
    char *snapshots = path_join(project->folder, "snapshots");

    assert_no_difference(project);
    run_project_write(project, ".fermata/" SNAPSHOT_FILE, "{\"before\":\"x\"}");
    assert_no_difference(project);
    run_project_write(project, ".fermata/" SNAPSHOT_FILE, "{\"after\":\"x\"}");
    assert_no_difference(project);
    run_project_write(project, ".fermata/" SNAPSHOT_FILE, "{\"before\":\"x\",\"after\":\"y\"}");
    assert_no_difference(project);
    assert_int_equal(file_remove_tree(snapshots, NULL), 0);
    run_project_write(project, ".fermata/snapshots", "in the way");
    assert_no_difference(project);
    free(snapshots);
}

/* What git ignores is not shown, and nothing of it reaches a terminal but text and lines. */
static void of_many_changes_the_first_are_shown_without_what_is_ignored(void **state)
{
    struct run_project *project = *state;
    char *text;

    GIT(project->project, "init", "-q");
    run_project_write(project, ".gitignore", "built-*\n");
    run_project_write(project, "a", "1\n");
    run_project_write(project, "built-old", "1\n");
    begin(project);
    run_project_write(project, "a", "tab\there\x7f\x1b[2J\n");
    run_project_write(project, "built-old", "2\n");
    run_project_write(project, "built-new", "1\n");
    for (int i = 0; i < CHANGES_PATHS_MAX + 5; i++) {
        char *name = mem_printf("file-%d", i);

        run_project_write(project, name, "");
        free(name);
    }
    changes_keep_after(&PLACE(project), project->project);
    changes_write_difference(&PLACE(project));
    text = run_project_read(project, ".fermata/" DIFFERENCE_FILE);
    assert_non_null(strstr(text, "\n+tab\there??[2J\n"));
    assert_null(strstr(text, "built-"));
    free(text);
}

static void where_nothing_can_be_kept_the_lists_are_compared(void **state)
{
    struct run_project *project = *state;
    json_t *note;
    json_t *changes;

    run_project_write(project, ".fermata/snapshots", "no folder");
    run_project_write(project, "a.txt", "one");
    begin(project);
    note = snapshot_note_read(project->store, project->folder);
    assert_non_null(json_get_text(note, "unknown", NULL));
    json_decref(note);
    changes_keep_after(&PLACE(project), project->project);
    run_project_write(project, "a.txt", "two");
    changes = end(project);
    assert_int_equal(json_get_integer(changes, "count", -1), 1);
    assert_false(run_project_has(project, ".fermata/tree")); /* large, and of no more use */
    json_decref(changes);
    changes = end(project);
    assert_non_null(json_get_text(changes, "unknown", NULL));
    json_decref(changes);
}

static void a_list_that_somebody_else_wrote_or_removed_proves_nothing(void **state)
{
    struct run_project *project = *state;
    char *path = path_join(project->folder, "tree");

    run_project_write(project, ".fermata/snapshots", "no folder");
    run_project_write(project, "a.txt", "one");
    for (int i = 0; i < 2; i++) {
        json_t *changes;

        begin(project);
        if (i == 0) {
            run_project_write(project, ".fermata/tree", "");
        } else {
            assert_int_equal(unlink(path), 0);
        }
        changes = end(project);
        assert_null(json_object_get(changes, "count"));
        assert_true(json_get_boolean(changes, "unproven", false));
        json_decref(changes);
    }
    free(path);
}

static void what_somebody_kept_after_it_counts(void **state)
{
    struct run_project *project = *state;
    json_t *changes;

    run_project_write(project, "a.txt", "one");
    begin(project);
    run_project_write(project, "a.txt", "two");
    changes_keep_after(&PLACE(project), project->project);
    run_project_write(project, "b.txt", "of somebody else");
    changes_keep_after(&PLACE(project), project->project);
    changes = end(project);
    assert_int_equal(json_get_integer(changes, "count", -1), 1);
    json_decref(changes);
}

static void a_snapshot_that_is_gone_makes_it_unknown(void **state)
{
    static const char *const names[] = {"before", "after"};
    struct run_project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *note;
        json_t *changes;

        run_project_write(project, "a.txt", "one");
        begin(project);
        changes_keep_after(&PLACE(project), project->project);
        note = snapshot_note_read(project->store, project->folder);
        json_put_text(note, names[i],
                      "0123456789012345678901234567890123456789012345678901234567890123");
        assert_int_equal(snapshot_note_write(project->store, project->folder, note, NULL), 0);
        json_decref(note);
        changes = end(project);
        assert_null(json_object_get(changes, "count"));
        assert_non_null(strstr(json_get_text(changes, "unknown", ""), "0123"));
        json_decref(changes);
    }
}

static void a_note_that_cannot_be_read_is_not_replaced(void **state)
{
    struct run_project *project = *state;
    char *path = path_join(project->folder, SNAPSHOT_FILE);
    json_t *note = (json_t *)path;

    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(snapshot_note_find(project->store, project->folder, &note, NULL) < 0);
    assert_null(note);
    changes_keep_after(&PLACE(project), project->project);
    assert_null(end(project));
    assert_true(file_is_folder(path));
    free(path);
}

static void of_many_files_the_first_are_named(void **state)
{
    struct run_project *project = *state;
    json_t *changes;

    begin(project);
    for (int i = 0; i < CHANGES_PATHS_MAX + 5; i++) {
        char *name = mem_printf("file-%d", i);

        run_project_write(project, name, "new");
        free(name);
    }
    changes = end(project);
    assert_int_equal(json_get_integer(changes, "count", -1), CHANGES_PATHS_MAX + 5);
    assert_int_equal(json_array_size(json_object_get(changes, "changed")), CHANGES_PATHS_MAX);
    json_decref(changes);
}

/* The same large file before and after is named once. */
static void what_is_left_out_is_named_once(void **state)
{
    struct run_project *project = *state;
    char *path = path_join(project->project, "large");
    json_t *note;

    run_project_write(project, "large", "");
    assert_int_equal(truncate(path, 65 * 1024 * 1024), 0);
    begin(project);
    run_project_write(project, "other", "");
    free(path);
    path = path_join(project->project, "other");
    assert_int_equal(truncate(path, 65 * 1024 * 1024), 0);
    changes_keep_after(&PLACE(project), project->project);
    note = snapshot_note_read(project->store, project->folder);
    assert_int_equal(json_array_size(json_object_get(note, "lacks")), 2);
    json_decref(note);
    free(path);
}

static void a_file_that_is_gone_is_shown_and_what_is_ignored_alone_is_not(void **state)
{
    struct run_project *project = *state;
    char *path = path_join(project->project, "gone");
    char *text;

    GIT(project->project, "init", "-q");
    run_project_write(project, ".gitignore", "built-*\n");
    run_project_write(project, "built-old", "1\n");
    run_project_write(project, "gone", "what was in it\n");
    begin(project);
    run_project_write(project, "built-old", "2\n");
    changes_keep_after(&PLACE(project), project->project);
    assert_no_difference(project);
    begin(project);
    assert_int_equal(unlink(path), 0);
    changes_keep_after(&PLACE(project), project->project);
    changes_write_difference(&PLACE(project));
    text = run_project_read(project, ".fermata/" DIFFERENCE_FILE);
    assert_non_null(strstr(text, "\n-what was in it\n"));
    free(text);
    free(path);
}

/* NULL as a value takes the member away. */
static void edit_note(const struct run_project *project, const char *name, json_t *value)
{
    json_t *note = snapshot_note_read(project->store, project->folder);

    assert_non_null(note);
    if (value) {
        json_put(note, name, value);
    } else {
        (void)json_object_del(note, name);
    }
    assert_int_equal(snapshot_note_write(project->store, project->folder, note, NULL), 0);
    json_decref(note);
}

static void put_in_the_way(const struct run_project *project)
{
    char *snapshots = path_join(project->folder, "snapshots");

    assert_int_equal(file_remove_tree(snapshots, NULL), 0);
    run_project_write(project, ".fermata/snapshots", "in the way");
    free(snapshots);
}

static void assert_unknown(const struct run_project *project)
{
    json_t *changes = end(project);

    assert_null(json_object_get(changes, "count"));
    assert_non_null(json_get_text(changes, "unknown", NULL));
    json_decref(changes);
}

static void snapshots_that_cannot_be_opened_make_it_unknown(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "a.txt", "one");
    begin(project);
    put_in_the_way(project);
    assert_unknown(project);
    /* Of before there is a list now, and somebody says that he kept what was after it. */
    begin(project);
    edit_note(project, "after", json_string("0123"));
    assert_unknown(project);
}

/* Those of an attempt that an older version began have no digest. */
static void a_list_whose_digest_nobody_noted_is_believed(void **state)
{
    struct run_project *project = *state;
    json_t *changes;

    put_in_the_way(project);
    run_project_write(project, "a.txt", "one");
    begin(project);
    edit_note(project, "listing", NULL);
    run_project_write(project, "a.txt", "two");
    changes = end(project);
    assert_int_equal(json_get_integer(changes, "count", -1), 1);
    json_decref(changes);
}

static void of_many_files_that_are_left_out_the_first_are_named(void **state)
{
    struct run_project *project = *state;
    json_t *lacks = json_pack("[i]", 7); /* is no name */
    json_t *note;

    while (json_array_size(lacks) < 99) {
        (void)json_array_append_new(lacks, json_string("known"));
    }
    begin(project);
    edit_note(project, "lacks", lacks);
    for (int i = 0; i < 2; i++) {
        char *name = mem_printf("large-%d", i);
        char *path = path_join(project->project, name);

        run_project_write(project, name, "");
        assert_int_equal(truncate(path, 65 * 1024 * 1024), 0);
        free(path);
        free(name);
    }
    changes_keep_after(&PLACE(project), project->project);
    note = snapshot_note_read(project->store, project->folder);
    assert_int_equal(json_array_size(json_object_get(note, "lacks")), 100);
    json_decref(note);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_an_agent_changed_is_recorded),
        TEST(what_it_claims_is_compared_with_what_it_did),
        TEST(who_does_not_tell_its_tools_is_not_compared),
        TEST(a_step_that_was_to_change_nothing_fails_with_what_it_changed),
        TEST(who_told_of_the_change_itself_is_said_to_have_made_it),
        TEST(beside_others_that_were_to_change_nothing_none_is_believed),
        TEST(beside_one_that_may_change_files_it_is_not_blamed),
        TEST(what_a_failed_attempt_changed_is_kept_for_the_next_agent),
        TEST(nobody_keeps_it_where_nobody_follows),
        TEST(no_difference_is_kept_where_there_is_none_to_show),
        TEST(of_many_changes_the_first_are_shown_without_what_is_ignored),
        TEST(what_was_not_listed_before_is_not_known_after),
        TEST(that_there_was_no_listing_is_told_with_its_reason),
        TEST(where_nothing_can_be_kept_the_lists_are_compared),
        TEST(a_list_that_somebody_else_wrote_or_removed_proves_nothing),
        TEST(what_somebody_kept_after_it_counts),
        TEST(a_snapshot_that_is_gone_makes_it_unknown),
        TEST(a_note_that_cannot_be_read_is_not_replaced),
        TEST(of_many_files_the_first_are_named),
        TEST(what_is_left_out_is_named_once),
        TEST(a_file_that_is_gone_is_shown_and_what_is_ignored_alone_is_not),
        TEST(snapshots_that_cannot_be_opened_make_it_unknown),
        TEST(a_list_whose_digest_nobody_noted_is_believed),
        TEST(of_many_files_that_are_left_out_the_first_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/audit_chain.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char works[] = "name: w\nphases:\n  - { id: a, steps: [{ id: s, use: noop }] }\n";

static int change(struct tx *tx, void *arg, struct error *err)
{
    return tx_run(tx, tx_query(tx, arg), NULL, err);
}

static json_t *verify(struct run_project *project, const char *head)
{
    struct error err = ERROR_INIT;
    json_t *report = NULL;

    if (audit_verify(project->store, head, &report, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return report;
}

static void check_sound(struct run_project *project, const char *head)
{
    json_t *report = verify(project, head);

    if (!json_get_boolean(report, "sound", false)) {
        fail_msg("%s", json_dumps(report, 0));
    }
    json_decref(report);
}

static void check_found(struct run_project *project, const char *head, const char *problem)
{
    json_t *report = verify(project, head);
    const json_t *problems = json_object_get(report, "problems");
    bool is_found = false;

    for (size_t i = 0; i < json_array_size(problems); i++) {
        is_found = is_found ||
                   strstr(json_string_value(json_array_get(problems, i)), problem) != NULL;
    }
    if (!is_found || json_get_boolean(report, "sound", true)) {
        fail_msg("no \"%s\" in %s", problem, json_dumps(report, 0));
    }
    json_decref(report);
}

static void tamper(struct run_project *project, const struct query *query)
{
    assert_int_equal(store_write(project->store, change, (void *)(uintptr_t)query, NULL), 0);
}

static char *head_of(struct run_project *project)
{
    json_t *report = verify(project, NULL);
    char *head = mem_strdup(json_get_text(report, "head", ""));

    json_decref(report);
    return head;
}

static void a_log_that_nobody_touched_is_sound(void **state)
{
    struct run_project *project = *state;
    char *head;

    check_sound(project, NULL);
    (void)run_project_run(project, works);
    check_sound(project, NULL);
    head = head_of(project);
    (void)run_project_run(project, works);
    check_sound(project, head);
    free(head);
}

static void what_was_changed_is_found(void **state)
{
    static const struct query query = {"UPDATE audit SET user = 'somebody else' WHERE id = 1"};

    (void)run_project_run(*state, works);
    tamper(*state, &query);
    check_found(*state, NULL, "entry 1 is not what was written");
}

static void what_was_taken_out_is_found(void **state)
{
    static const struct query query = {"DELETE FROM audit WHERE id = 2"};

    (void)run_project_run(*state, works);
    (void)run_project_run(*state, works);
    tamper(*state, &query);
    check_found(*state, NULL, "between entry 1 and entry 3 some are missing");
}

static void what_changed_places_is_found(void **state)
{
    static const struct query away = {"UPDATE audit SET id = -id WHERE id IN (1, 2)"};
    static const struct query back = {"UPDATE audit SET id = 3 + id WHERE id < 0"};

    (void)run_project_run(*state, works);
    tamper(*state, &away);
    tamper(*state, &back);
    check_found(*state, NULL, "entry 1 is not what was written");
}

/* The chain is sound, but the journal of the run knows more. */
static void what_was_cut_off_is_found_while_the_run_is_there(void **state)
{
    static const struct query query = {"DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)"};

    (void)run_project_run(*state, works);
    tamper(*state, &query);
    check_found(*state, NULL, "(run_ended) has no entry");
}

static void what_was_cut_off_is_found_by_a_hash_that_was_noted(void **state)
{
    static const struct query query = {"DELETE FROM audit WHERE event = 'undone'"};
    const struct audit_entry entry = {.at = 5, .event = "undone", .user = "me"};
    struct run_project *project = *state;
    char *head;

    assert_int_equal(audit_note(project->store, &entry, NULL), 0);
    head = head_of(project);
    tamper(project, &query);
    check_sound(project, NULL);
    check_found(project, head, "was cut or written anew");
    free(head);
}

/* Its words are the entry's as long as that is there. */
static struct audit_entry entry_of(const json_t *entry)
{
    return (struct audit_entry){.at = json_get_integer(entry, "at", 0),
                                .event = json_get_text(entry, "event", NULL),
                                .user = json_get_text(entry, "user", NULL),
                                .run = json_get_text(entry, "run", NULL),
                                .seq = json_get_integer(entry, "seq", 0),
                                .resource = json_get_text(entry, "resource", NULL),
                                .status = json_get_text(entry, "status", NULL)};
}

static int add_again(struct tx *tx, void *arg, struct error *err)
{
    return audit_add(tx, arg, 1, err);
}

/* Whoever can compute the chain may not tell one thing twice. */
static void what_was_told_twice_is_found(void **state)
{
    struct run_project *project = *state;
    const struct audit_filter filter = {.limit = 1};
    struct audit_entry entry;
    const json_t *last;
    json_t *list = NULL;

    (void)run_project_run(project, works);
    assert_int_equal(audit_list(project->store, &filter, &list, NULL), 0);
    last = json_array_get(json_object_get(list, "entries"), 0);
    entry = entry_of(last);
    assert_int_equal(store_write(project->store, add_again, &entry, NULL), 0);
    check_found(project, NULL, "has 2 entries");
    json_decref(list);
}

static int write_anew(struct tx *tx, void *arg, struct error *err)
{
    static const struct query query = {"DELETE FROM audit"};
    const struct audit_entry entry = {
        .at = 1, .event = "run_created", .run = arg, .seq = 1, .resource = "other"};

    assert_int_equal(tx_run(tx, tx_query(tx, &query), NULL, err), 0);
    return audit_add(tx, &entry, 1, err);
}

static void a_log_that_was_written_anew_does_not_fit_the_journal(void **state)
{
    struct run_project *project = *state;

    (void)run_project_run(project, works);
    assert_int_equal(store_write(project->store, write_anew, project->id, NULL), 0);
    check_found(project, NULL, "is not what record 1 of run");
}

static int forge(struct tx *tx, void *arg, struct error *err)
{
    static const struct query query = {"DELETE FROM audit"};

    assert_int_equal(tx_run(tx, tx_query(tx, &query), NULL, err), 0);
    return audit_add(tx, arg, 1, err);
}

/* Whoever can compute the chain anew cannot change one word of an entry. */
static void each_word_of_an_entry_has_to_fit_its_record(void **state)
{
    struct run_project *project = *state;
    struct audit_filter filter = {.limit = 1};
    struct audit_entry entries[9];
    const json_t *real;
    json_t *list = NULL;
    struct audit_entry entry;

    (void)run_project_run(project, works);
    assert_int_equal(audit_list(project->store, &filter, &list, NULL), 0);
    real = json_array_get(json_object_get(list, "entries"), 0);
    entry = entry_of(real);
    assert_null(json_object_get(real, "details"));
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        entries[i] = entry;
    }
    entries[1].at++;
    entries[2].event = "run_created";
    entries[3].resource = "other";
    entries[4].resource = entry.resource ? NULL : "w";
    entries[5].status = "failed";
    entries[6].status = NULL;
    entries[7].details = "{}";
    entries[8].seq--; /* a record that nobody accounts for */
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        assert_int_equal(store_write(project->store, forge, &entries[i], NULL), 0);
        if (i > 0) {
            check_found(project, NULL, "entry 1 is not what record");
        } else {
            json_t *report = verify(project, NULL);
            const json_t *problems = json_object_get(report, "problems");

            for (size_t k = 0; k < json_array_size(problems); k++) {
                assert_null(
                    strstr(json_string_value(json_array_get(problems, k)), "is not what record"));
            }
            json_decref(report);
        }
    }
    json_decref(list);
}

static void the_first_problems_are_enough(void **state)
{
    static const struct query query = {"UPDATE audit SET user = 'somebody else'"};
    const struct audit_entry entry = {.at = 5, .event = "undone", .user = "me"};
    struct run_project *project = *state;
    json_t *report;

    for (int i = 0; i < 30; i++) {
        assert_int_equal(audit_note(project->store, &entry, NULL), 0);
    }
    tamper(project, &query);
    report = verify(project, NULL);
    assert_int_equal(json_get_integer(report, "entries", 0), 30);
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 20);
    json_decref(report);
}

static void a_page_leaves_out_details_that_are_none(void **state)
{
    const struct audit_entry entry = {.at = 5, .event = "undone", .user = "me", .details = "{"};
    struct run_project *project = *state;
    struct audit_filter filter = {.limit = 10};
    const json_t *first;
    json_t *list = NULL;

    assert_int_equal(audit_note(project->store, &entry, NULL), 0);
    assert_int_equal(audit_list(project->store, &filter, &list, NULL), 0);
    first = json_array_get(json_object_get(list, "entries"), 0);
    assert_string_equal(json_get_text(first, "event", ""), "undone");
    assert_null(json_object_get(first, "details"));
    json_decref(list);
}

static void a_record_that_cannot_be_read_is_an_error(void **state)
{
    static const struct query queries[] = {
        {"UPDATE journal SET body = '[' WHERE seq = (SELECT max(seq) FROM journal)"},
        {"DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"}};
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *report;

    (void)run_project_run(project, works);
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        tamper(project, &queries[i]);
        assert_true(audit_verify(project->store, NULL, &report, &err) < 0);
        assert_non_null(strstr(err.text, "journal"));
    }
}

static void a_run_that_vanished_is_found(void **state)
{
    static const struct query queries[] = {{"DELETE FROM journal"}, {"DELETE FROM run"}};

    (void)run_project_run(*state, works);
    tamper(*state, &queries[0]);
    check_found(*state, NULL, "which is not there");
    tamper(*state, &queries[1]);
    check_found(*state, NULL, "no entry tells who removed it");
}

static void entries_come_in_pages_and_of_one_run(void **state)
{
    struct run_project *project = *state;
    struct audit_filter filter = {.limit = 1};
    const json_t *entry;
    json_t *list = NULL;

    (void)run_project_run(project, works);
    (void)run_project_run(project, works);
    assert_int_equal(audit_list(project->store, &filter, &list, NULL), 0);
    entry = json_array_get(json_object_get(list, "entries"), 0);
    assert_string_equal(json_get_text(entry, "event", ""), "run_ended");
    assert_string_equal(json_get_text(entry, "status", ""), "completed");
    assert_int_equal(json_get_integer(list, "next", 0), 4);
    json_decref(list);
    filter = (struct audit_filter){.limit = 10, .before = 4, .run = project->id};
    assert_int_equal(audit_list(project->store, &filter, &list, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(list, "entries")), 1);
    assert_true(json_is_null(json_object_get(list, "next")));
    json_decref(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_that_nobody_touched_is_sound),
        TEST(what_was_changed_is_found),
        TEST(what_was_taken_out_is_found),
        TEST(what_was_told_twice_is_found),
        TEST(what_changed_places_is_found),
        TEST(what_was_cut_off_is_found_while_the_run_is_there),
        TEST(what_was_cut_off_is_found_by_a_hash_that_was_noted),
        TEST(a_log_that_was_written_anew_does_not_fit_the_journal),
        TEST(each_word_of_an_entry_has_to_fit_its_record),
        TEST(the_first_problems_are_enough),
        TEST(a_page_leaves_out_details_that_are_none),
        TEST(a_record_that_cannot_be_read_is_an_error),
        TEST(a_run_that_vanished_is_found),
        TEST(entries_come_in_pages_and_of_one_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void check_told(const struct record *record, const char *event, const char *resource,
                       const char *status)
{
    struct arena *arena = arena_new();
    struct audit_entry entry = {0};

    assert_true(audit_describe(record, "wf_1", arena, &entry));
    assert_string_equal(entry.event, event);
    assert_string_equal(entry.run, "wf_1");
    assert_string_equal(entry.resource ? entry.resource : "-", resource);
    assert_string_equal(entry.status ? entry.status : "-", status);
    arena_free(arena);
}

static void what_people_and_agents_did_is_told(void **state)
{
    (void)state;
    check_told(&(struct record){.kind = RECORD_RUN_CREATED, .name = "w", .by = "label"},
               "run_created", "w", "-");
    check_told(&(struct record){.kind = RECORD_RUN_MOVED, .status = "failed"}, "run_ended", "-",
               "failed");
    check_told(&(struct record){.kind = RECORD_RUN_WISHED, .status = "cancel", .by = "me"},
               "run_asked", "-", "cancel");
    check_told(
        &(struct record){.kind = RECORD_STEP_MOVED, .step = "s", .status = "skipped", .by = "me"},
        "step_skipped", "s", "-");
    check_told(&(struct record){.kind = RECORD_GATE_SKIPPED, .name = "g", .by = "me"},
               "gate_skipped", "g", "-");
    check_told(&(struct record){.kind = RECORD_APPROVAL_GIVEN, .step = "s", .status = "approved"},
               "approval_given", "s", "approved");
    check_told(
        &(struct record){
            .kind = RECORD_ATTEMPT_STARTED, .step = "s", .reason = "agent", .name = "claude"},
        "agent_started", "s", "-");
    check_told(
        &(struct record){
            .kind = RECORD_ATTEMPT_ENDED, .step = "s", .agent = "claude", .class_ = "none"},
        "agent_ended", "s", "completed");
}

static void what_goes_on_by_itself_is_not(void **state)
{
    static const struct record records[] = {
        {.kind = RECORD_RUN_MOVED, .status = "paused"},
        {.kind = RECORD_RUN_WISHED, .status = "fail"},
        {.kind = RECORD_STEP_MOVED, .step = "s", .status = "skipped"},
        {.kind = RECORD_STEP_MOVED, .step = "s", .status = "completed", .by = "me"},
        {.kind = RECORD_ATTEMPT_STARTED, .step = "s", .reason = "command"},
        {.kind = RECORD_ATTEMPT_ENDED, .step = "s", .class_ = "none"},
        {.kind = RECORD_STEP_DONE, .step = "s"},
    };
    struct arena *arena = arena_new();
    struct audit_entry entry;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        assert_false(audit_describe(&records[i], "wf_1", arena, &entry));
    }
    arena_free(arena);
}

/* Who tells a secret in a comment finds it in the journal of the run, which can be removed. */
static void free_text_is_not_in_it(void **state)
{
    const struct record record = {
        .kind = RECORD_APPROVAL_GIVEN, .step = "s", .status = "approved", .text = "canary"};
    struct arena *arena = arena_new();
    struct audit_entry entry;

    (void)state;
    assert_true(audit_describe(&record, "wf_1", arena, &entry));
    assert_null(entry.details);
    assert_string_equal(entry.resource, "s");
    assert_string_equal(entry.status, "approved");
    arena_free(arena);
}

static void a_hash_holds_every_field_and_the_entry_before(void **state)
{
    const struct audit_entry entry = {1, "event", "user", "run", 2, "resource", "status", "{}"};
    struct audit_entry others[8];
    char hash[DIGEST_HEX_SIZE];
    char other[DIGEST_HEX_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        others[i] = entry;
    }
    others[0].at = 3;
    others[1].event = "x";
    others[2].user = NULL;
    others[3].run = "x";
    others[4].seq = 3;
    others[5].resource = "";
    others[6].status = "resource";
    others[7].details = NULL;
    audit_hash(&entry, 1, AUDIT_NO_HASH, hash);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        audit_hash(&others[i], 1, AUDIT_NO_HASH, other);
        assert_string_not_equal(hash, other);
    }
    audit_hash(&entry, 2, AUDIT_NO_HASH, other);
    assert_string_not_equal(hash, other);
    audit_hash(&entry, 1, hash, other);
    assert_string_not_equal(hash, other);
    audit_hash(&entry, 1, AUDIT_NO_HASH, other);
    assert_string_equal(hash, other);
}

static void a_note_goes_on_from_the_last_entry(void **state)
{
    struct run_project *project = *state;
    const struct audit_entry entry = {.at = 5, .event = "undone", .user = "me"};
    struct audit_filter filter = {.limit = 2};
    json_t *list = NULL;
    json_t *report = NULL;

    assert_int_equal(audit_note(project->store, &entry, NULL), 0);
    assert_int_equal(audit_note(project->store, &entry, NULL), 0);
    assert_int_equal(audit_note(project->store, &entry, NULL), 0);
    assert_int_equal(audit_list(project->store, &filter, &list, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(list, "entries")), 2);
    assert_int_equal(json_get_integer(list, "next", 0), 2);
    assert_int_equal(audit_verify(project->store, NULL, &report, NULL), 0);
    assert_true(json_get_boolean(report, "sound", false));
    assert_int_equal(json_get_integer(report, "entries", 0), 3);
    json_decref(list);
    json_decref(report);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_and_agents_did_is_told),
        cmocka_unit_test(what_goes_on_by_itself_is_not),
        cmocka_unit_test(free_text_is_not_in_it),
        cmocka_unit_test(a_hash_holds_every_field_and_the_entry_before),
        TEST(a_note_goes_on_from_the_last_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

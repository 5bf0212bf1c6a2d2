/* SPDX-License-Identifier: MIT */
#include "run/fold.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void another_agent_begins_with_counts_of_its_own(void **state)
{
    struct step_state step = {.tries = 3,
                              .losses = 1,
                              .dialogue.asked = 2,
                              .is_resumable = true,
                              .session = mem_strdup("of the first")};
    const json_t *entry;

    (void)state;
    fold_choose_agent(
        &step,
        &(struct record){.other = "one", .agent = "two", .class_ = "limit", .error = "too much"});
    assert_int_equal(step.tries + step.losses + step.dialogue.asked, 0);
    assert_false(step.is_resumable);
    assert_null(step.session);
    assert_string_equal(step.agent, "two");
    entry = json_array_get(step.given_up, 0);
    assert_string_equal(json_get_text(entry, "agent", ""), "one");
    assert_string_equal(json_get_text(entry, "class", ""), "limit");
    assert_string_equal(json_get_text(entry, "error", ""), "too much");
    assert_int_equal(json_get_integer(entry, "tries", 0), 3);
    fold_forget_agents(&step);
    assert_null(step.agent);
    assert_null(step.given_up);
}

static void what_failed_attempts_changed_is_gathered(void **state)
{
    struct step_state step = {.class_ = CLASS_TRANSIENT};
    json_t *first = json_pack("{s:[s,s]}", "changed", "a.c", "b.c");
    json_t *second = json_pack("{s:[s,i]}", "changed", "b.c", 7);

    (void)state;
    fold_note_changes(&step, &(struct record){.files = first});
    fold_note_changes(&step, &(struct record){.files = second});
    fold_note_changes(&step, &(struct record){0});
    assert_int_equal(json_object_size(step.changed), 2);
    fold_forget_agents(&step);
    step.class_ = CLASS_NONE;
    fold_note_changes(&step, &(struct record){.files = first});
    assert_null(step.changed);
    json_decref(first);
    json_decref(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_agent_begins_with_counts_of_its_own),
        cmocka_unit_test(what_failed_attempts_changed_is_gathered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

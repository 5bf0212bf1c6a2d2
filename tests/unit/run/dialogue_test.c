/* SPDX-License-Identifier: MIT */
#include "run/launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void who_may_not_ask_is_not_told_how(void **state)
{
    struct step definition = {.questions_max = 0};
    struct strbuf prompt;

    (void)state;
    strbuf_init(&prompt, 1 << 16);
    dialogue_add_way(&definition, &prompt);
    assert_int_equal(prompt.length, 0);
    definition.questions_max = 1;
    dialogue_add_way(&definition, &prompt);
    assert_non_null(strstr(prompt.data, "{\"clarification_needed\": true, \"questions\": ["));
    strbuf_release(&prompt);
}

static void answers_stand_as_pairs_with_the_work_so_far(void **state)
{
    struct step_state step = {0};
    struct strbuf prompt;

    (void)state;
    strbuf_init(&prompt, 1 << 16);
    dialogue_add_answers(&step, &prompt);
    assert_int_equal(prompt.length, 0);
    step.dialogue.answers = json_pack("[{s:s, s:s}, {s:s, s:s}]", "question", "Which?", "answer",
                                      "That", "question", "Why?", "answer", "Because");
    dialogue_add_answers(&step, &prompt);
    assert_non_null(strstr(prompt.data, "Do not ask these again.\n\nQ: Which?\nA: That\n\nQ: Why?\n"
                                        "A: Because\n"));
    assert_null(strstr(prompt.data, "so far"));
    strbuf_reset(&prompt);
    step.dialogue.partial = json_string("half");
    dialogue_add_answers(&step, &prompt);
    assert_non_null(strstr(prompt.data, "What you had so far:\n\nhalf\n"));
    json_decref(step.dialogue.answers);
    json_decref(step.dialogue.partial);
    strbuf_release(&prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_not_ask_is_not_told_how),
        cmocka_unit_test(answers_stand_as_pairs_with_the_work_so_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

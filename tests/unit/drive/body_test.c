/* SPDX-License-Identifier: MIT */
#include "drive/body.h"

#include "base/alloc.h"
#include "support/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void check(const char *bytes, size_t length, const char *expected)
{
    answers_check_cuts((struct answers){.dialect = &dialect_chat, .bytes = bytes, .length = length},
                       expected);
}

static void a_page_is_no_answer(void **state)
{
    (void)state;
    check(
        " \n<html><body>sign in</body></html>", 0,
        "{\"error\":\"the server sent a page of HTML instead of an answer; is `endpoint` its API, "
        "and no proxy or sign-in page before it?\",\"failure\":\"permanent\",\"whole\":false}");
}

static void what_is_no_json_is_shown_in_part(void **state)
{
    (void)state;
    check("data: {this is not\033[31m json\n\n", 0,
          "{\"error\":\"the server's answer holds what is no JSON object: {this is not json\","
          "\"failure\":\"transient\",\"whole\":false}");
    check("data: 7\n\n", 0,
          "{\"error\":\"the server's answer holds what is no JSON object: 7\","
          "\"failure\":\"transient\",\"whole\":false}");
    check("{\"a\":", 0,
          "{\"error\":\"the server's answer holds what is no JSON object: {\\\"a\\\":\","
          "\"failure\":\"transient\",\"whole\":false}");
}

static void an_empty_body_is_an_answer_that_broke_off(void **state)
{
    (void)state;
    check(" ", 0,
          "{\"error\":\"the answer broke off: the server did not say that it had ended\","
          "\"failure\":\"transient\",\"whole\":false}");
}

static void blanks_before_an_answer_do_not_depend_on_how_it_is_cut(void **state)
{
    (void)state;
    check(" data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
          0,
          "{\"error\":\"the answer broke off: the server did not say that it had ended\","
          "\"failure\":\"transient\",\"whole\":false}");
    check("\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"},"
          "\"finish_reason\":\"stop\"}]}\n\n",
          0, "{\"text\":\"a\",\"whole\":true,\"why\":\"stop\"}");
}

static void characters_that_were_cut_are_forgiven(void **state)
{
    (void)state;
    check(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\xc3\"},\"finish_reason\":\"stop\"}]}\n\n",
        0, "{\"text\":\"a\xef\xbf\xbd\",\"whole\":true,\"why\":\"stop\"}");
}

static void a_nul_in_a_text_is_replaced(void **state)
{
    (void)state;
    check("data: {\"choices\":[{\"delta\":{\"content\":\"a\\u0000b\"},\"finish_reason\":\"stop\"}]}"
          "\n\n",
          0,
          "{\"text\":\"a\xef\xbf\xbd"
          "b\",\"whole\":true,\"why\":\"stop\"}");
}

static void a_body_that_broke_after_its_end_is_whole(void **state)
{
    (void)state;
    answers_check(&(struct answers){.dialect = &dialect_chat,
                                    .bytes = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},"
                                             "\"finish_reason\":\"stop\"}]}\n\ndata: {\"cho",
                                    .is_broken = true},
                  "{\"text\":\"a\",\"whole\":true,\"why\":\"stop\"}");
}

static void an_answer_has_a_ceiling(void **state)
{
    (void)state;
    static char block[1024 * 1024];
    struct answers answers = {.bytes = block, .length = 1};
    char *bytes = mem_alloc(ANSWER_BYTES_MAX + sizeof(block));

    memset(bytes, 'x', ANSWER_BYTES_MAX + sizeof(block));
    answers.bytes = bytes;
    answers.length = ANSWER_BYTES_MAX + sizeof(block);
    answers.piece = sizeof(block);
    answers.dialect = &dialect_ollama;
    bytes[0] = '{';
    answers_check(&answers, "{\"error\":\"the server's answer is larger than is read\","
                            "\"failure\":\"permanent\",\"whole\":false}");
    answers.dialect = &dialect_chat;
    answers_check(&answers, "{\"error\":\"the server's answer is larger than is read\","
                            "\"failure\":\"permanent\",\"whole\":false}");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_no_answer),
        cmocka_unit_test(what_is_no_json_is_shown_in_part),
        cmocka_unit_test(an_empty_body_is_an_answer_that_broke_off),
        cmocka_unit_test(blanks_before_an_answer_do_not_depend_on_how_it_is_cut),
        cmocka_unit_test(characters_that_were_cut_are_forgiven),
        cmocka_unit_test(a_nul_in_a_text_is_replaced),
        cmocka_unit_test(a_body_that_broke_after_its_end_is_whole),
        cmocka_unit_test(an_answer_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

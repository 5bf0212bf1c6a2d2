/* SPDX-License-Identifier: MIT */
#include "drive/answer.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void on_event(void *context, const struct agent_event *event)
{
    agent_event_add_line(event, context);
}

static void say(struct answer *answer, const char *text)
{
    json_t *value = json_string(text);

    answer_text(answer, value);
    json_decref(value);
}

struct heard {
    struct strbuf events;
    struct answer answer;
};

static void begin(struct heard *heard)
{
    strbuf_init(&heard->events, 100000);
    answer_init(&heard->answer, on_event, &heard->events);
}

static void end(struct heard *heard, json_int_t tokens_max, bool is_whole, const char *events)
{
    assert_int_equal(answer_conclude(&heard->answer, tokens_max), is_whole);
    assert_string_equal(heard->events.data, events);
    answer_release(&heard->answer);
    strbuf_release(&heard->events);
}

static void usage_comes_before_the_end_and_what_is_unknown_is_absent(void **state)
{
    (void)state;
    struct heard heard;

    begin(&heard);
    say(&heard.answer, "a");
    heard.answer.usage.output_tokens = 0;
    answer_finish(&heard.answer, ANSWER_COMPLETE, "stop");
    end(&heard, 0, true,
        "{\"event\":\"text\",\"text\":\"a\",\"partial\":true}\n"
        "{\"event\":\"usage\",\"usage\":{\"output_tokens\":0,\"turns\":1}}\n"
        "{\"event\":\"done\",\"text\":\"stop\"}\n");
}

static void the_first_failure_counts(void **state)
{
    (void)state;
    struct heard heard;

    begin(&heard);
    answer_fail(&heard.answer, (struct failure){.class = AGENT_LIMIT,
                                                .retry_after_ms = 5,
                                                .status = 429,
                                                .text = mem_strdup("first")});
    answer_fail(&heard.answer,
                (struct failure){.class = AGENT_REFUSED, .text = mem_strdup("second")});
    answer_finish(&heard.answer, ANSWER_COMPLETE, "stop");
    end(&heard, 0, false,
        "{\"event\":\"error\",\"text\":\"first\",\"failure\":\"limit\",\"status\":429,"
        "\"retry_after_ms\":5}\n");
}

static void a_failure_without_a_class_gets_that_of_its_status(void **state)
{
    (void)state;
    struct heard heard;

    begin(&heard);
    answer_fail(&heard.answer,
                (struct failure){.retry_after_ms = -1, .status = 503, .text = mem_strdup("x")});
    end(&heard, 0, false,
        "{\"event\":\"error\",\"text\":\"x\",\"failure\":\"transient\",\"status\":503}\n");
}

static void a_limit_of_tokens_that_we_set_is_named(void **state)
{
    (void)state;
    struct heard heard;

    begin(&heard);
    answer_finish(&heard.answer, ANSWER_CUT, "length");
    end(&heard, 100, false,
        "{\"event\":\"error\",\"text\":\"the answer was cut at its limit of 100 tokens (length); "
        "raise max_tokens\",\"failure\":\"permanent\"}\n");
}

static void the_model_is_told_once(void **state)
{
    (void)state;
    struct heard heard;
    json_t *names[] = {json_string(""), json_string("m"), json_string("n"), json_integer(1)};

    begin(&heard);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        answer_model(&heard.answer, names[i]);
        json_decref(names[i]);
    }
    say(&heard.answer, "a");
    answer_finish(&heard.answer, ANSWER_COMPLETE, "stop");
    end(&heard, 0, true,
        "{\"event\":\"session\",\"name\":\"m\"}\n"
        "{\"event\":\"text\",\"text\":\"a\",\"partial\":true}\n"
        "{\"event\":\"done\",\"text\":\"stop\"}\n");
}

static void what_cannot_be_unwrapped_is_the_answer_as_it_is(void **state)
{
    (void)state;
    struct heard heard;

    begin(&heard);
    heard.answer.is_collected = true;
    say(&heard.answer, "{\"valu");
    answer_unwrap(&heard.answer);
    answer_finish(&heard.answer, ANSWER_COMPLETE, "stop");
    end(&heard, 0, true,
        "{\"event\":\"text\",\"text\":\"{\\\"valu\",\"partial\":true}\n"
        "{\"event\":\"done\",\"text\":\"stop\"}\n");
}

static void counts_are_integers_that_are_there(void **state)
{
    (void)state;
    json_t *value = json_pack("{s:i,s:i,s:s}", "a", 3, "b", -3, "c", "3");

    assert_int_equal(answer_count(value, "a"), 3);
    assert_true(answer_count(value, "b") < 0);
    assert_true(answer_count(value, "c") < 0);
    assert_true(answer_count(value, "d") < 0);
    assert_true(answer_count(NULL, "a") < 0);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_comes_before_the_end_and_what_is_unknown_is_absent),
        cmocka_unit_test(the_first_failure_counts),
        cmocka_unit_test(a_failure_without_a_class_gets_that_of_its_status),
        cmocka_unit_test(a_limit_of_tokens_that_we_set_is_named),
        cmocka_unit_test(the_model_is_told_once),
        cmocka_unit_test(what_cannot_be_unwrapped_is_the_answer_as_it_is),
        cmocka_unit_test(counts_are_integers_that_are_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

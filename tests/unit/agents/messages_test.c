/* SPDX-License-Identifier: MIT */
/* What the recorded streams of claude and qwen do not hold: adapter_claude_test.c plays those. */
#include "agents/messages.h"
#include "base/alloc.h"
#include "support/agent_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static bool read_line(struct stream *stream, struct messages *messages, const char *line)
{
    json_t *value = json_loads(line, 0, NULL);
    bool is_known = messages_read(messages, stream->reader, value);

    json_decref(value);
    return is_known;
}

static void a_block_after_its_pieces_only_closes_them(void **state)
{
    const char *piece = "{\"type\":\"stream_event\",\"event\":{\"delta\":{\"text\":\"ab\"}}}";
    const char *whole = "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\","
                        "\"text\":\"ab\"}]}}";
    struct messages messages = {0};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    assert_true(read_line(&stream, &messages, piece));
    assert_true(read_line(&stream, &messages, whole));
    assert_string_equal(stream.events.data,
                        "{\"event\":\"text\",\"text\":\"ab\",\"partial\":true}\n"
                        "{\"event\":\"text\"}\n");
    strbuf_reset(&stream.events);
    assert_true(read_line(&stream, &messages, whole)); /* another one, without pieces */
    assert_string_equal(stream.events.data, "{\"event\":\"text\",\"text\":\"ab\"}\n");
    agent_stream_release(&stream);
}

static void what_the_program_made_up_out_of_an_error_is_no_text(void **state)
{
    struct messages messages = {0};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    assert_true(
        read_line(&stream, &messages,
                  "{\"type\":\"assistant\",\"error\":\"rate_limit\",\"message\":{\"content\":"
                  "[{\"type\":\"text\",\"text\":\"API Error\"}]}}"));
    assert_true(
        read_line(&stream, &messages,
                  "{\"type\":\"assistant\",\"message\":{\"model\":\"<synthetic>\",\"content\":"
                  "[{\"type\":\"text\",\"text\":\"API Error\"}]}}"));
    assert_string_equal(stream.events.data, "");
    agent_stream_release(&stream);
}

static void a_line_of_another_type_is_left_to_the_adapter(void **state)
{
    struct messages messages = {0};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    assert_false(read_line(&stream, &messages, "{\"type\":\"result\"}"));
    assert_false(read_line(&stream, &messages, "{\"type\":\"system\",\"subtype\":\"api_retry\"}"));
    assert_true(
        read_line(&stream, &messages, "{\"type\":\"user\",\"message\":{\"content\":\"x\"}}"));
    assert_true(read_line(&stream, &messages, "{\"type\":\"assistant\"}"));
    assert_string_equal(stream.events.data, "");
    agent_stream_release(&stream);
}

static void denials_that_were_not_told_on_the_way_are_counted_at_the_end(void **state)
{
    json_t *result = json_pack("{s:[{},{},{}]}", "permission_denials");
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    reader_denied(stream.reader);
    messages_count_denials(stream.reader, result);
    assert_int_equal(reader_result(stream.reader)->denials, 3);
    agent_stream_release(&stream);
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_after_its_pieces_only_closes_them),
        cmocka_unit_test(what_the_program_made_up_out_of_an_error_is_no_text),
        cmocka_unit_test(a_line_of_another_type_is_left_to_the_adapter),
        cmocka_unit_test(denials_that_were_not_told_on_the_way_are_counted_at_the_end),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "drive/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

/* Events as "name=data|". */
static bool take_event(void *context, const char *name, const char *data, size_t length)
{
    assert_int_equal(data[length], '\0');
    assert_true(length > 0);
    strbuf_add(context, name);
    strbuf_add(context, "=");
    strbuf_add_bytes(context, data, length);
    strbuf_add(context, "|");
    return true;
}

/* In every size of piece, so that each byte is once the first and once the last of one. */
static void check(enum stream_form form, const char *bytes, const char *expected)
{
    size_t length = strlen(bytes);

    for (size_t piece = 1; piece <= length; piece++) {
        struct stream stream;
        struct strbuf events;

        strbuf_init(&events, 1000);
        stream_init(&stream, form, take_event, &events);
        for (size_t at = 0; at < length; at += piece) {
            assert_true(stream_add(&stream, bytes + at, length - at < piece ? length - at : piece));
        }
        assert_true(stream_end(&stream));
        assert_string_equal(events.data, expected);
        stream_release(&stream);
        strbuf_release(&events);
    }
}

static void an_event_is_its_data_up_to_an_empty_line(void **state)
{
    (void)state;
    check(STREAM_SSE, "data: a\n\ndata: b\n\n", "=a|=b|");
    check(STREAM_SSE, "event: x\ndata: a\n\ndata: b\n\n", "x=a|=b|");
    check(STREAM_SSE, "data: a\nevent: x\n\n", "x=a|");
    check(STREAM_SSE, "data:a\ndata:  b\ndata\n\n", "=a\n b\n|");
}

static void any_line_end_ends_a_line(void **state)
{
    (void)state;
    check(STREAM_SSE, "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", "x=a|=b|");
    check(STREAM_SSE, "data: a\r\rdata: b\r\r", "=a|=b|");
    check(STREAM_SSE, "data: a\r\n\ndata: b\n\r\n", "=a|=b|");
}

static void comments_and_unknown_fields_mean_nothing(void **state)
{
    (void)state;
    check(STREAM_SSE, ": ping\n\n: ping\ndata: a\n:\nid: 7\nretry: 3\nfoo\ndata : x\n\n", "=a|");
}

static void an_event_without_data_is_none(void **state)
{
    (void)state;
    check(STREAM_SSE, "event: x\n\ndata:\n\ndata: a\n\n", "=a|");
    check(STREAM_SSE, "\n\n\n", "");
}

static void what_no_empty_line_follows_is_taken_at_the_end(void **state)
{
    (void)state;
    check(STREAM_SSE, "data: a\n\ndata: b\n", "=a|=b|");
    check(STREAM_SSE, "data: a\n\ndata: b", "=a|=b|");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    check(STREAM_SSE,
          "\xef\xbb\xbf"
          "data: a\n\n",
          "=a|");
    check(STREAM_LINES, "\xef\xbb\xbf{}\n", "={}|");
}

static void lines_are_events_and_empty_ones_are_none(void **state)
{
    (void)state;
    check(STREAM_LINES, "{\"a\":1}\n\r\n  \n{\"b\":2}\r\ndata: x",
          "={\"a\":1}|={\"b\":2}|=data: x|");
}

static bool stop(void *context, const char *name, const char *data, size_t length)
{
    (void)name;
    (void)data;
    (void)length;
    ++*(int *)context;
    return false;
}

static void who_listens_may_stop(void **state)
{
    const char *const texts[] = {"data: a\n\ndata: b\n\n", "a\nb\n"};

    (void)state;
    for (int form = STREAM_SSE; form <= STREAM_LINES; form++) {
        struct stream stream;
        int count = 0;

        stream_init(&stream, (enum stream_form)form, stop, &count);
        assert_false(stream_add(&stream, texts[form], strlen(texts[form])));
        assert_int_equal(count, 1);
        assert_false(stream.too_large);
        stream_release(&stream);
    }
}

static void an_event_has_a_ceiling(void **state)
{
    static char block[1024 * 1024];
    struct stream stream;
    struct strbuf events;
    bool goes_on = true;
    size_t count = 0;

    (void)state;
    memset(block, 'x', sizeof(block));
    strbuf_init(&events, 100);
    stream_init(&stream, STREAM_LINES, take_event, &events);
    while (goes_on && count < 100) {
        goes_on = stream_add(&stream, block, sizeof(block));
        count++;
    }
    assert_int_equal(count, STREAM_EVENT_BYTES_MAX / sizeof(block) + 1);
    assert_true(stream.too_large);
    stream_release(&stream);

    stream_init(&stream, STREAM_SSE, take_event, &events);
    for (goes_on = true, count = 0; goes_on && count < 100; count++) {
        goes_on = stream_add(&stream, "data:", 5) && stream_add(&stream, block, sizeof(block)) &&
                  stream_add(&stream, "\n", 1);
    }
    assert_true(goes_on); /* it shows when the event ends */
    assert_false(stream_add(&stream, "\n", 1));
    assert_true(stream.too_large);
    stream_release(&stream);
    strbuf_release(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_its_data_up_to_an_empty_line),
        cmocka_unit_test(any_line_end_ends_a_line),
        cmocka_unit_test(comments_and_unknown_fields_mean_nothing),
        cmocka_unit_test(an_event_without_data_is_none),
        cmocka_unit_test(what_no_empty_line_follows_is_taken_at_the_end),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(lines_are_events_and_empty_ones_are_none),
        cmocka_unit_test(who_listens_may_stop),
        cmocka_unit_test(an_event_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

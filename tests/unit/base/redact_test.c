/* SPDX-License-Identifier: MIT */
#include "base/redact.h"

#include "base/alloc.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void take(void *context, const char *bytes, size_t length)
{
    strbuf_add_bytes(context, bytes, length);
}

/* As it comes out when it goes in `piece` bytes at a time. */
static char *redacted(const struct redact_key *keys, size_t count, const char *text, size_t piece)
{
    void *memory = mem_zero(1, redact_size(keys, count) + 1);
    struct redact redact;
    struct redact_stream stream = {.redact = &redact};
    struct strbuf target;
    size_t length = strlen(text);
    char *taken;

    redact_init(&redact, memory, keys, count);
    stream.held = mem_zero(1, redact.longest + 1);
    strbuf_init(&target, 100000);
    for (size_t i = 0; i < length; i += piece) {
        /* of its own, so that a read behind its end is seen */
        char *copy = mem_strndup(text + i, length - i < piece ? length - i : piece);

        redact_add(&stream, copy, strlen(copy), take, &target);
        assert_true(stream.held_length == 0 || stream.held_length < redact.longest);
        free(copy);
    }
    redact_end(&stream, take, &target);
    assert_int_equal(stream.held_length, 0);
    taken = strbuf_take(&target);
    strbuf_release(&target);
    free(stream.held);
    free(memory);
    return taken;
}

static void check(const struct redact_key *keys, size_t count, const char *text,
                  const char *expected)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        char *said = redacted(keys, count, text, piece);

        assert_string_equal(said, expected);
        free(said);
    }
}

static const struct redact_key one[] = {{"MY_KEY", "sk-ant-0123456789"}};

static void a_key_is_replaced_however_it_is_cut(void **state)
{
    (void)state;
    check(one, 1, "sk-ant-0123456789", "[key MY_KEY]");
    check(one, 1, "no key sk-ant-0123456789: 401\nsk-ant-0123456789sk-ant-0123456789.",
          "no key [key MY_KEY]: 401\n[key MY_KEY][key MY_KEY].");
    check(one, 1, "ssk-ssk-ant-sk-ant-0123456789", "ssk-ssk-ant-[key MY_KEY]");
}

static void what_is_no_key_stays(void **state)
{
    (void)state;
    check(one, 1, "", "");
    check(one, 1, "sk-ant-012345678", "sk-ant-012345678");
    check(one, 1, "sk-ant-012345678X s sk sk- ssss", "sk-ant-012345678X s sk sk- ssss");
    check(NULL, 0, "sk-ant-0123456789", "sk-ant-0123456789");
}

static void what_is_short_is_a_word(void **state)
{
    const struct redact_key keys[] = {{"A", ""}, {"B", "ollama"}, {"C", "1234567"}, {"D", "  x "}};

    (void)state;
    check(keys, 4, "ollama 1234567 x", "ollama 1234567 x");
}

static void white_space_around_a_key_is_none_of_it(void **state)
{
    const struct redact_key keys[] = {{"A", " secret-of-mine\r\n"}};

    (void)state;
    check(keys, 1, "<secret-of-mine>", "<[key A]>");
}

static void the_longest_of_several_counts(void **state)
{
    const struct redact_key keys[] = {
        {"A", "secret-01"}, {"B", "secret-012345"}, {"C", "other-key"}, {"D", "secret-01"}};

    (void)state;
    check(keys, 4, "secret-01 secret-012345 secret-01234 other-key",
          "[key A] [key B] [key A]234 [key C]");
    check(keys, 4, "secret-0123", "[key A]23");
}

static void a_key_in_a_url_or_in_json_is_known(void **state)
{
    const struct redact_key keys[] = {{"A", "pass/word+\"1\\2\""}};

    (void)state;
    check(keys, 1, "?k=pass%2Fword%2B%221%5C2%22&x", "?k=[key A]&x");
    check(keys, 1, "{\"k\":\"pass/word+\\\"1\\\\2\\\"\"}", "{\"k\":\"[key A]\"}");
    check(keys, 1, "{\"k\":\"pass\\/word+\\\"1\\\\2\\\"\"}", "{\"k\":\"[key A]\"}");
}

/* base64 of "user:" + key, "a" + key, key + "!" */
static void a_key_inside_base64_is_known(void **state)
{
    static const char *const texts[] = {
        "dXNlcjpzay1hbnQtMDEyMzQ1Njc4OQ==",
        "YXNrLWFudC0wMTIzNDU2Nzg5",
        "c2stYW50LTAxMjM0NTY3ODkh",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char *said = redacted(one, 1, texts[i], 5);

        assert_non_null(strstr(said, "[key MY_KEY]"));
        assert_true(strlen(said) - strlen("[key MY_KEY]") <= 12); /* of what stood around it */
        free(said);
    }
}

static void a_key_in_base64_for_urls_is_known(void **state)
{
    const struct redact_key keys[] = {{"A", "\xfb\xff\xfe\xfb\xff\xfe\xfb\xff\xfe"}};

    (void)state;
    check(keys, 1, "-__--__--__-", "[key A]");
    check(keys, 1, "+//++//++//+", "[key A]");
}

/* Any text of few letters, cut anywhere, gives what it gives whole. */
static void cuts_change_nothing(void **state)
{
    const struct redact_key keys[] = {{"A", "abababab"}, {"B", "ababababac"}, {"C", "bbabaaba"}};
    unsigned seed = 1;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        char text[65];
        char *whole;

        for (size_t c = 0; c < sizeof(text) - 1; c++) {
            seed = seed * 1103515245U + 12345U;
            text[c] = "aaaabbbc"[seed >> 16 & 7];
        }
        text[sizeof(text) - 1] = '\0';
        memcpy(text + (seed >> 8) % 50, keys[i % 3].value, strlen(keys[i % 3].value));
        whole = redacted(keys, 3, text, sizeof(text));
        assert_non_null(strstr(whole, "[key "));
        for (size_t piece = 1; piece < 12; piece++) {
            char *said = redacted(keys, 3, text, piece);

            assert_string_equal(said, whole);
            free(said);
        }
        free(whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_replaced_however_it_is_cut),
        cmocka_unit_test(what_is_no_key_stays),
        cmocka_unit_test(what_is_short_is_a_word),
        cmocka_unit_test(white_space_around_a_key_is_none_of_it),
        cmocka_unit_test(the_longest_of_several_counts),
        cmocka_unit_test(a_key_in_a_url_or_in_json_is_known),
        cmocka_unit_test(a_key_inside_base64_is_known),
        cmocka_unit_test(a_key_in_base64_for_urls_is_known),
        cmocka_unit_test(cuts_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

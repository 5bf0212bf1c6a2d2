/* SPDX-License-Identifier: MIT */
#include "agents/keeper/keeper.h"

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

/* Of a text that comes in two pieces. */
static void check(const char *const *environment, const char *text, const char *expected)
{
    struct keeper_keys keys;
    struct redact_stream streams[2];
    size_t half = strlen(text) / 2;

    assert_int_equal(keeper_keys_read((char *const *)(uintptr_t)environment, &keys), 0);
    for (int i = 0; i < 2; i++) {
        streams[i] = keeper_keys_stream(&keys);
    }
    for (int i = 0; i < 2; i++) { /* both at once: neither holds what is the other's */
        struct strbuf said;
        struct strbuf other;

        strbuf_init(&said, 1000);
        strbuf_init(&other, 1000);
        redact_add(&streams[i], text, half, take, &said);
        redact_add(&streams[1 - i], "the-secret-of", 13, take, &other);
        redact_add(&streams[i], text + half, strlen(text) - half, take, &said);
        redact_end(&streams[i], take, &said);
        redact_end(&streams[1 - i], take, &other);
        assert_string_equal(said.data, expected);
        assert_string_equal(other.data, "the-secret-of");
        strbuf_release(&said);
        strbuf_release(&other);
    }
}

static void named_variables_are_taken_out_of_both_streams(void **state)
{
    static const char *const environment[] = {
        "A_KEY=the-secret-of-a", "FERMATA_KEYS= A_KEY  B_KEY GONE_KEY", "B_KEY=another-secret",
        "OTHER=not-a-secret-at-all", NULL};

    (void)state;
    check(environment, "the-secret-of-a, another-secret, not-a-secret-at-all",
          "[key A_KEY], [key B_KEY], not-a-secret-at-all");
}

static void without_names_nothing_is_changed(void **state)
{
    static const char *const none[] = {"A_KEY=the-secret-of-a", NULL};
    static const char *const empty[] = {"A_KEY=the-secret-of-a", "FERMATA_KEYS=", NULL};
    static const char *const unknown[] = {"A_KEY=the-secret-of-a", "FERMATA_KEYS=B", NULL};

    (void)state;
    check(none, "the-secret-of-a", "the-secret-of-a");
    check(empty, "the-secret-of-a", "the-secret-of-a");
    check(unknown, "the-secret-of-a", "the-secret-of-a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_variables_are_taken_out_of_both_streams),
        cmocka_unit_test(without_names_nothing_is_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "workflow_text.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct parsed parse_bytes(const char *text, size_t length, const struct workflow_names *names)
{
    struct parsed parsed = {.problems = mem_zero(1, sizeof(struct problems))};
    struct strbuf messages;
    struct error err = ERROR_INIT;

    parsed.code = workflow_parse(text, length, "t.yaml", names, &parsed.workflow, parsed.problems,
                                 &err);
    assert_int_equal(parsed.code, err.code);
    assert_true((parsed.code == 0) == (parsed.workflow != NULL));
    strbuf_init(&messages, 1 << 20);
    problems_format(parsed.problems, &messages);
    parsed.messages = strbuf_take(&messages);
    strbuf_release(&messages);
    return parsed;
}

struct parsed parse_text(const char *text)
{
    return parse_bytes(text, strlen(text), NULL);
}

void parsed_release(struct parsed *parsed)
{
    workflow_free(parsed->workflow);
    free(parsed->problems);
    free(parsed->messages);
    *parsed = (struct parsed){0};
}

void assert_messages(const char *text, const char *expected)
{
    struct parsed parsed = parse_text(text);

    assert_string_equal(parsed.messages, expected);
    parsed_release(&parsed);
}

void assert_message(const char *text, const char *part)
{
    struct parsed parsed = parse_text(text);

    if (!strstr(parsed.messages, part)) {
        print_error("not said: %s\nsaid:\n%s", part, parsed.messages);
    }
    assert_non_null(strstr(parsed.messages, part));
    parsed_release(&parsed);
}

struct parsed parse_clean(const char *text)
{
    struct parsed parsed = parse_text(text);

    assert_string_equal(parsed.messages, "");
    assert_int_equal(parsed.code, 0);
    return parsed;
}

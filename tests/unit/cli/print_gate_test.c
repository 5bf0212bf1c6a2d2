/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const struct terminal plain = {.columns = 80};

static void check(const char *json, const char *expected)
{
    json_t *result = json_loads(json, 0, NULL);
    struct strbuf text;

    assert_non_null(result);
    strbuf_init(&text, 10000);
    print_gate(&plain, result, 0, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(result);
}

static void the_list_says_what_runs_and_what_is_missing(void **state)
{
    (void)state;
    check("{\"gates\":[{\"name\":\"g\",\"origin\":\"built in\",\"description\":\"D.\",\"checks\":["
          "{\"name\":\"check-tests\",\"commands\":[{\"command\":\"make \\u001b[1mtest\"}]},"
          "{\"name\":\"check-lint\",\"commands\":[{\"problem\":\"ruff is not installed\","
          "\"hint\":\"install ruff\"}]},"
          "{\"name\":\"smoke\",\"run\":\"make smoke\"}]}]}",
          "g  (built in)\n  D.\n    check-tests\n      make test\n    check-lint\n"
          "      ruff is not installed\n        hint: install ruff\n    smoke\n      make smoke\n\n"
          "run one: fermata gate NAME; does it notice a fault? fermata gate NAME --prove\n"
          "other commands: `gates:` of .fermata/config.yaml\n");
}

static void a_run_shows_the_verdict_of_each_check(void **state)
{
    (void)state;
    check("{\"phases\":[{\"gate\":{\"checks\":[{\"name\":\"a\",\"proof\":{\"verdict\":\"pass\","
          "\"reason\":\"exit status 0\"}},"
          "{\"name\":\"b\",\"proof\":{\"verdict\":\"unknown\",\"reason\":\"x\",\"stated\":"
          "{\"reason\":\"pytest is not installed\",\"hint\":\"install it\"}}},"
          "{\"name\":\"c\",\"error\":\"it was stopped\"}]}}]}",
          "+ a: pass\n  exit status 0\nx b: unknown\n  pytest is not installed\n"
          "  hint: install it\nx c: unknown\n  it was stopped\n");
}

static void a_worthless_check_is_told_with_all_that_it_passed(void **state)
{
    (void)state;
    check("{\"proofs\":[{\"check\":\"a\",\"verdict\":\"proven\",\"reason\":\"r\",\"faults\":["
          "{\"fault\":\"f\",\"file\":\"a.c\",\"reason\":\"q\"}]},"
          "{\"check\":\"b\",\"verdict\":\"worthless\",\"reason\":\"it passes\",\"faults\":["
          "{\"fault\":\"f\",\"file\":\"a.c\",\"reason\":\"fine\"}]}]}",
          "+ a: proven\n  r\nx b: worthless\n  it passes\n  - f in a.c: fine\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_says_what_runs_and_what_is_missing),
        cmocka_unit_test(a_run_shows_the_verdict_of_each_check),
        cmocka_unit_test(a_worthless_check_is_told_with_all_that_it_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

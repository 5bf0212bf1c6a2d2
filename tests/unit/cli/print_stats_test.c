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

static const struct terminal plain = {.columns = 120};

static void check(const char *json, const char *expected)
{
    json_t *result = json_loads(json, 0, NULL);
    struct strbuf text;

    assert_non_null(result);
    strbuf_init(&text, 10000);
    print_stats(&plain, result, 0, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(result);
}

static void nothing_known_is_said_in_a_line(void **state)
{
    (void)state;
    check(
        "{\"kinds\":[],\"agents\":[]}",
        "Nothing is known yet: no agent has worked here, or none of those that were asked for.\n");
}

static void what_is_known_stands_in_tables_and_what_is_not_is_called_so(void **state)
{
    (void)state;
    check("{\"kinds\":[{\"agent\":\"a\",\"kind\":\"fix\",\"samples\":6,\"attempts\":7,\"failed\":4,"
          "\"success\":0.33,\"dropped_out\":true,\"duration_ms\":1500.0,\"tokens\":120.4,"
          "\"cost_usd\":0.05,\"well\":{\"priced\":1,\"timed\":2}},"
          "{\"agent\":\"b\",\"kind\":\"fix\",\"samples\":1,\"attempts\":1,\"failed\":0}],"
          "\"agents\":[{\"agent\":\"a\",\"attempts\":7,\"changes\":2,\"false_green\":0.5,"
          "\"sent_back\":2,\"classes\":{\"limit\":1,\"timeout\":2},\"cost_per_change_usd\":0.2,"
          "\"all\":{\"cost_usd\":0.4,\"priced\":7}},"
          "{\"agent\":\"b\",\"attempts\":1,\"changes\":0,\"classes\":{}}],"
          "\"finders\":[{\"kind\":\"gate\",\"name\":\"small\",\"asked\":3,\"found\":1,"
          "\"unknown\":1,\"duration_ms\":2500},{\"kind\":\"judge\",\"name\":\"w/j\",\"asked\":2,"
          "\"found\":1,\"duration_ms\":100}],"
          "\"reuse\":{\"steps\":2,\"of_agents\":2,\"duration_ms\":3000,\"counted\":1,"
          "\"tokens\":50}}",
          "Agents by kind of task\n"
          "  AGENT  KIND  SAMPLES  SUCCESS    TIME     TOKENS   COST\n"
          "  a      fix   6        33 %, out  1.5s     120      >$0.0500\n"
          "  b      fix   1        unknown    unknown  unknown  unknown\n"
          "\n"
          "What it was worth\n"
          "  AGENT  CHANGES  COST     A CHANGE  FALSE GREEN  FAILURES\n"
          "  a      2        $0.40    $0.20     50 %         sent back 2, limit 1, timeout 2\n"
          "  b      0        unknown  -         -\n"
          "\n"
          "What gates, checks and judges found\n"
          "  WHO         ASKED  FOUND  UNKNOWN  TIME   COST\n"
          "  gate small  3      1      1        2.5s   -\n"
          "  judge w/j   2      1      0        100ms  unknown\n"
          "\n"
          "Reused: 2 steps, which saved 3.0s, >50 tokens and unknown USD\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_said_in_a_line),
        cmocka_unit_test(what_is_known_stands_in_tables_and_what_is_not_is_called_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
    print_models(&plain, result, 0, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(result);
}

static void the_status_is_a_line_for_each_server_and_its_trouble(void **state)
{
    (void)state;
    check("{\"action\":\"status\",\"servers\":["
          "{\"agent\":\"a\",\"endpoint\":\"http://a\",\"ok\":true,\"version\":\"1\",\"models\":["
          "{\"loaded\":true},{}]},"
          "{\"agent\":\"b\",\"endpoint\":\"http://b\",\"ok\":true,\"models\":[{}]},"
          "{\"agent\":\"c\",\"endpoint\":\"http://c\",\"ok\":false,\"loading\":true},"
          "{\"agent\":\"d\",\"endpoint\":\"http://d\",\"ok\":false,\"error\":\"no key\"},"
          "{\"agent\":\"e\",\"endpoint\":\"http://e\",\"ok\":false,\"error\":\"nobody\","
          "\"unreachable\":true},"
          "{\"agent\":\"f\",\"endpoint\":\"http://f\",\"ok\":false,\"error\":\"nobody\","
          "\"unreachable\":true,\"builtin\":true}]}",
          "   AGENT  ENDPOINT  VERSION  STATE\n"
          "+  a      http://a  1        2 models, 1 loaded\n"
          "+  b      http://b           1 model\n"
          "*  c      http://c           loads its model\n"
          "x  d      http://d           in trouble\n"
          "x  e      http://e           not there\n"
          "x  f      http://f           not there\n"
          "\nd: no key\n"
          "\ne: nobody\n");
}

static void models_are_listed_with_what_is_known_of_them(void **state)
{
    (void)state;
    check("{\"action\":\"list\",\"servers\":[{\"agent\":\"a\",\"models\":["
          "{\"name\":\"m\",\"size\":4000000000,\"parameters\":\"7B\",\"quantization\":\"Q4\","
          "\"loaded\":true},{\"name\":\"n\"}]},{\"agent\":\"b\",\"error\":\"x\"}]}",
          "MODEL  AGENT  SIZE    PARAMETERS  QUANTIZED\n"
          "m      a      4.0 GB  7B          Q4         loaded\n"
          "n      a\n");
}

static void where_there_is_nothing_it_says_what_to_do(void **state)
{
    (void)state;
    check("{\"action\":\"list\",\"servers\":[]}",
          "No server that answers has a model; `fermata models` says which answer\n");
    check("{\"action\":\"status\",\"servers\":[]}",
          "No model server is configured, and the built-in ones are disabled\n");
    check("{\"action\":\"list\",\"missing\":true,\"servers\":[{\"agent\":\"a\",\"error\":"
          "\"no \\u001b[2Jserver\"}]}",
          "a: no server\n");
}

static void what_was_done_is_said(void **state)
{
    (void)state;
    check("{\"action\":\"pull\",\"model\":\"m\",\"endpoint\":\"http://a\"}",
          "Pulled m at http://a\n");
    check("{\"action\":\"remove\",\"model\":\"m\",\"endpoint\":\"http://a\"}",
          "Removed m at http://a\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_is_a_line_for_each_server_and_its_trouble),
        cmocka_unit_test(models_are_listed_with_what_is_known_of_them),
        cmocka_unit_test(where_there_is_nothing_it_says_what_to_do),
        cmocka_unit_test(what_was_done_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
    print_experts(&plain, result, 0, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(result);
}

static void a_list_is_by_kind_and_says_what_hides_what(void **state)
{
    (void)state;
    check("{\"experts\":[{\"name\":\"a\",\"origin\":\"project\",\"overrides\":true,\"description\":"
          "\"A\",\"permission\":\"edit\"},"
          "{\"name\":\"a\",\"kind\":\"lifecycle\",\"origin\":\"built in\",\"hidden\":true,"
          "\"hidden_by\":\"project\",\"description\":\"B\",\"permission\":\"edit\"},"
          "{\"name\":\"c\",\"kind\":\"lifecycle\",\"origin\":\"user\",\"invalid\":true}]}",
          "own\n  a  project, before the built-in one  edit  A\n\n"
          "lifecycle\n"
          "  a  built in, hidden by that of the project  edit  B\n"
          "  c  user                                           (has errors: fermata validate)\n\n"
          "`fermata experts NAME` shows one; your own: .fermata/experts/NAME.md\n");
}

static void one_is_its_front_matter_and_its_text(void **state)
{
    (void)state;
    check("{\"name\":\"a\",\"origin\":\"built in\",\"file\":\"builtin:a\",\"description\":\"A\","
          "\"model\":{\"claude\":\"opus\"},\"problems\":[\"a.md:1:1: warning: w\"],"
          "\"text\":\"You \\u001b[2Jlook.\\n\"}",
          "a  (built in: builtin:a)\n  description A\n  model       {\"claude\":\"opus\"}\n"
          "a.md:1:1: warning: w\n\nYou look.\n");
}

static void an_import_says_what_was_not_taken_over(void **state)
{
    (void)state;
    check("{\"imported\":[{\"name\":\"a\",\"from\":\"x/a.md\",\"status\":\"imported\","
          "\"not_taken\":[\"the key hooks\"]},{\"name\":\"b\",\"from\":\"x/b.md\","
          "\"status\":\"exists\"}],\"dry_run\":true,\"has_context\":false}",
          "a: imported\n  from        x/a.md\n  not taken   the key hooks\n"
          "b: exists already in .fermata/experts, and differs\n  from        x/b.md\n"
          "nothing was written (--dry-run)\n");
    check("{\"imported\":[],\"dry_run\":false}",
          "there is nothing to import: no .claude/agents, no .opencode/agent\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_by_kind_and_says_what_hides_what),
        cmocka_unit_test(one_is_its_front_matter_and_its_text),
        cmocka_unit_test(an_import_says_what_was_not_taken_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

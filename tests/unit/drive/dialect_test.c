/* SPDX-License-Identifier: MIT */
#include "drive/dialect.h"

#include "base/alloc.h"
#include "support/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void the_limit_of_tokens_has_several_names(void **state)
{
    static const char two[] = "{\"n_predict\":-1,\"maxOutputTokens\":5}";
    static const char *const options[] = {"{\"max_tokens\":5}", "{\"max_completion_tokens\":5}",
                                          "{\"num_predict\":5}", two};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        json_t *value = json_loads(options[i], 0, NULL);

        assert_int_equal(dialect_tokens_max(value), 5);
        json_decref(value);
    }
    assert_int_equal(dialect_tokens_max(NULL), 0);
}

static void a_prompt_of_any_bytes_is_text(void **state)
{
    (void)state;
    struct question question = {.prompt = "a\xff"
                                          "b\0c",
                                .prompt_length = 5};
    json_t *prompt = dialect_prompt(&question);

    assert_string_equal(json_string_value(prompt), "a\xef\xbf\xbd"
                                                   "b\xef\xbf\xbd"
                                                   "c");
    json_decref(prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_of_tokens_has_several_names),
        cmocka_unit_test(a_prompt_of_any_bytes_is_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

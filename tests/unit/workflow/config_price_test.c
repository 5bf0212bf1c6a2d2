/* SPDX-License-Identifier: MIT */
#include "workflow/config.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct config *parse(const char *project, const char *user)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct config *config = NULL;

    assert_int_equal(config_parse(&(struct config_texts){project, "project", user, "user", NULL},
                                  &config, problems, NULL),
                     0);
    free(problems);
    return config;
}

static void a_price_is_found_by_name_before_patterns(void **state)
{
    (void)state;
    struct config *config = parse("prices:\n"
                                  "  \"gpt-5*\": { input: 1.25, cached_input: 0.125, output: 10 }\n"
                                  "  gpt-5-mini: { input: 0.25, output: 2 }\n"
                                  "  \"qwen?:*\": { input: 0, output: 0 }\n",
                                  NULL);
    const struct price *price = config_find_price(config, "gpt-5.5");

    assert_true(price->input == 1.25);
    assert_true(price->cached_input == 0.125);
    assert_true(price->output == 10);
    price = config_find_price(config, "gpt-5-mini");
    assert_true(price->input == 0.25);
    assert_true(price->cached_input < 0);
    assert_true(config_find_price(config, "qwen3:8b")->output == 0);
    assert_null(config_find_price(config, "qwen30:8b"));
    assert_null(config_find_price(config, "other"));
    config_free(config);
}

static void the_users_price_counts_before_the_projects(void **state)
{
    (void)state;
    struct config *config = parse("prices: { m: { input: 1 }, n: { input: 1 } }\n",
                                  "prices: { m: { input: 2 } }\n");

    assert_true(config_find_price(config, "m")->input == 2);
    assert_true(config_find_price(config, "m")->output < 0);
    assert_true(config_find_price(config, "n")->input == 1);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_price_is_found_by_name_before_patterns),
        cmocka_unit_test(the_users_price_counts_before_the_projects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "functions/secret.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    size_t count;
    char rule[40];
    char masked[400];
};

static void remember(void *context, const char *text, const struct secret_hit *hit)
{
    struct seen *seen = context;
    struct strbuf masked;

    seen->count++;
    strbuf_init(&masked, 399);
    secret_mask(text, hit, &masked);
    (void)snprintf(seen->masked, sizeof(seen->masked), "%s", masked.data);
    (void)snprintf(seen->rule, sizeof(seen->rule), "%s", hit->rule);
    strbuf_release(&masked);
}

static struct seen scan(const char *text)
{
    struct secret_scanner *scanner = secret_scanner_new();
    struct seen seen = {0};

    secret_scan(scanner, text, strlen(text), remember, &seen);
    secret_scanner_free(scanner);
    return seen;
}

/* Put together here, so that no scanner takes this file for a leak. */
static char *joined(const char *before, const char *left, const char *right, const char *after)
{
    return mem_printf("%s%s%s%s", before, left, right, after);
}

static void assert_found(const char *before, const char *left, const char *right, const char *rule)
{
    char *text = mem_printf("%s%s%s\"\n", before, left, right);
    struct seen seen = scan(text);

    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.rule, rule);
    assert_null(strstr(seen.masked, right));
    assert_non_null(strstr(seen.masked, " characters]"));
    free(text);
}

static void tokens_of_known_form_are_found_and_masked(void **state)
{
    (void)state;
    assert_found("x\nkey = \"", "AKIA", "QYLPMN5HHHFPZAM2", "aws-access-key");
    assert_found("t = \"", "ghp_", "16C7e42F292c6912E7710c838347Ae178B4a", "github-token");
    assert_found("t = \"", "glpat-", "Zq3vR8sTn5Kx2Wy7Bd4M", "gitlab-token");
    assert_found("t = \"", "sk_live_", "4eC39HqLyjWDarjtT1zdp7dc", "stripe-key");
    assert_found("t = \"", "npm_", "b7Zk2Qw9Lr4Tx8Vn1Mc6Hd3Pf5Gs0JyUaEiO", "npm-token");
}

static void a_private_key_needs_key_material(void **state)
{
    static const char body[] = "MIIEowIBAAKCAQEAvZk2Qw9Lr4Tx8Vn1Mc6Hd3Pf5Gs0Jy\n";
    char *key = mem_printf("-----BEGIN RSA %s-----\n%s", "PRIVATE KEY", body);
    char *check = mem_printf("if (starts_with(x, \"-----BEGIN RSA %s-----\")) return 1;\n",
                             "PRIVATE KEY");

    (void)state;
    assert_int_equal(scan(key).count, 1);
    assert_int_equal(scan(check).count, 0);
    free(check);
    free(key);
}

static void placeholders_and_words_are_no_secrets(void **state)
{
    (void)state;
    assert_int_equal(scan("aws = \"AKIAIOSFODNN7EXAMPLE\"\n").count, 0);
    assert_int_equal(scan("password = \"changeme123\"\n").count, 0);
    assert_int_equal(scan("secret = \"${SECRET_FROM_ENV1}\"\n").count, 0);
    assert_int_equal(scan("api_key: \"your-api-key-goes-here\"\n").count, 0);
    assert_int_equal(scan("token = \"next_token_in_the_list\"\n").count, 0);
    assert_int_equal(scan("url = http://user:password@host/\n").count, 0);
    assert_int_equal(scan("").count, 0);
}

static void assigned_random_text_and_url_passwords_are_found(void **state)
{
    char *assigned = joined("api_key = \"", "f81d4fae7dec", "11d0a76500a0c91e6bf6", "\"\n");
    char *url = joined("postgres://app:", "Zk2Qw9", "Lr4Tx", "@db.internal:5432/app\n");

    (void)state;
    assert_string_equal(scan(assigned).rule, "assigned-secret");
    assert_string_equal(scan(url).rule, "url-password");
    free(url);
    free(assigned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_known_form_are_found_and_masked),
        cmocka_unit_test(a_private_key_needs_key_material),
        cmocka_unit_test(placeholders_and_words_are_no_secrets),
        cmocka_unit_test(assigned_random_text_and_url_passwords_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

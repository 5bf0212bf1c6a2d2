/* SPDX-License-Identifier: MIT */
#include "functions/manifest.h"

#include "support/manifest_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void npm_has_four_sections(void **state)
{
    (void)state;
    assert_manifest(
        "package.json",
        "{\n \"name\": \"x\", \"dependencies\": {\n  \"a\": \"^1\",\n  \"b\": \"git+https://x\"\n "
        "},\n"
        " \"scripts\": { \"c\": \"d\" },\n \"other\": { \"dependencies\": { \"e\": \"1\" } },\n"
        " \"devDependencies\": { \"f\": \"*\" }\n}\n",
        "a ^1 3\nb git+https://x 4\nf * 8 dev\n");
    assert_manifest("package.json", "{\"dependencies\": {\"a\": \"1\"", "a 1 1\n");
    assert_manifest("package.json", "{\"dependencies\": [\"a\"], \"x\": \"\\\"}\"", "");
}

static void composer_has_two(void **state)
{
    (void)state;
    assert_manifest(
        "composer.json",
        "{\n \"require\": {\n  \"php\": \">=8\",\n  \"a/b\": \"^1\" },\n \"require-dev\": {\n"
        "  \"c/d\": \"2\" }\n}\n",
        "php >=8 3\na/b ^1 4\nc/d 2 6 dev\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npm_has_four_sections),
        cmocka_unit_test(composer_has_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

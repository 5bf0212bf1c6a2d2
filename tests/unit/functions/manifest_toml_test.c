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

static void cargo_has_tables_and_tables_of_one(void **state)
{
    (void)state;
    assert_manifest(
        "Cargo.toml",
        "[package]\nversion = \"1\"\n[dependencies]\na = \"1\"\nb = { version = \"2\", features = "
        "[\"x\"] }\nc = { git = \"https://x\" }\nd.workspace = true\n[dependencies.e]\n"
        "version = \"3\"\n[dev-dependencies]\nf = \"4\"\n[features]\ng = []\n",
        "a 1 4\nb 2 5\nc https://x 6\nd  7\ne 3 8\nf 4 11 dev\n");
}

static void pyproject_has_lists_and_poetrys_tables(void **state)
{
    (void)state;
    assert_manifest(
        "pyproject.toml",
        "[project]\nname = \"x\"\nclassifiers = [ \"a\" ]\ndependencies = [\n  \"b>=1\",\n  \"c[d] "
        "~= 2\",\n]\n[project.optional-dependencies]\ntest = [\"e==3\", \"f\"]\n"
        "[tool.poetry.dependencies]\npython = \"^3\"\ng = \"^4\"\n[build-system]\nrequires = "
        "[\"h\"]\n",
        "b >=1 5\nc ~= 2 6\ne ==3 9 dev\nf  9 dev\ng ^4 12\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cargo_has_tables_and_tables_of_one),
        cmocka_unit_test(pyproject_has_lists_and_poetrys_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

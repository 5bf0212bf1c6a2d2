/* SPDX-License-Identifier: MIT */
#include "functions/check_plan.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64];
static char tools_folder[64];
static char *saved_path;

/* A project and a PATH of its own, so that only the tools of the test are installed. */
static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/check-plan-XXXXXX");
    (void)snprintf(tools_folder, sizeof(tools_folder), "/tmp/check-plan-tools-XXXXXX");
    saved_path = mem_strdup(getenv("PATH"));
    if (mkdtemp(folder) == NULL || mkdtemp(tools_folder) == NULL) {
        return -1;
    }
    return setenv("PATH", tools_folder, 1);
}

static int tear_down(void **state)
{
    (void)state;
    (void)setenv("PATH", saved_path, 1);
    free(saved_path);
    (void)file_remove_tree(tools_folder, NULL);
    return file_remove_tree(folder, NULL);
}

static void write_file(const char *name, const char *text)
{
    char *path = path_join(folder, name);
    char *slash = strrchr(path, '/');

    *slash = '\0';
    assert_int_equal(file_make_folders(path, NULL), 0);
    *slash = '/';
    assert_int_equal(file_write(path, text, strlen(text), FILE_NO_SYNC, NULL), 0);
    free(path);
}

static void install(const char *name)
{
    char *path = path_join(tools_folder, name);

    assert_int_equal(file_write(path, "#!/bin/sh\n", 10, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(chmod(path, 0700), 0);
    free(path);
}

/* "make lint; shellcheck ./a.sh !shellcheck is not installed" */
static void expect(enum check_kind kind, const char *wanted)
{
    struct check_project *project = check_project_open(folder);
    struct check_plan plan;
    struct strbuf text;

    strbuf_init(&text, 10000);
    check_plan_make(project, kind, &plan);
    for (size_t i = 0; i < plan.commands.count; i++) {
        const struct check_command *command = &plan.commands.items[i];

        strbuf_add(&text, i > 0 ? "; " : "");
        for (size_t j = 0; command->argv[j] != NULL; j++) {
            strbuf_addf(&text, "%s%s", j > 0 ? " " : "", command->argv[j]);
        }
        if (command->problem != NULL) {
            strbuf_addf(&text, " !%s", command->problem);
            assert_non_null(command->hint);
        }
    }
    assert_string_equal(text.data, wanted);
    strbuf_release(&text);
    check_plan_release(&plan);
    check_project_free(project);
}

static void an_empty_project_has_no_plan(void **state)
{
    (void)state;
    for (int kind = 0; kind < CHECK_KINDS; kind++) {
        expect((enum check_kind)kind, "");
    }
}

static void a_make_target_is_enough(void **state)
{
    (void)state;
    write_file("Makefile", "check: all\n\ttrue\nlint:\n\ttrue\nformat-check typecheck: x\n");
    write_file("Cargo.toml", "[package]\n");
    install("make");
    expect(CHECK_LINT, "make lint");
    expect(CHECK_TESTS, "make check");
    expect(CHECK_FORMAT, "make format-check");
    expect(CHECK_TYPES, "make typecheck");
}

static void a_target_without_make_says_what_is_missing(void **state)
{
    (void)state;
    write_file("Makefile", "test:\n\ttrue\n");
    expect(CHECK_TESTS, "make test !make is not installed");
}

static void scripts_run_with_the_package_manager_of_the_lock_file(void **state)
{
    (void)state;
    install("npm");
    install("pnpm");
    write_file("package.json", "{\"scripts\": {\"lint\": \"eslint .\", \"test:coverage\": \"c8\", "
                               "\"test\": \"echo \\\"Error: no test specified\\\" && exit 1\"}}");
    expect(CHECK_LINT, "npm run lint");
    expect(CHECK_COVERAGE, "npm run test:coverage");
    expect(CHECK_TESTS, "");
    write_file("pnpm-lock.yaml", "");
    expect(CHECK_LINT, "pnpm run lint");
}

static void recipes_of_just_are_known(void **state)
{
    (void)state;
    install("just");
    write_file("justfile", "version := \"1\"\n@lint:\n  true\ntest *args:\n  true\n");
    expect(CHECK_LINT, "just lint");
    expect(CHECK_TESTS, "just test");
}

static void every_kind_of_source_brings_its_tool(void **state)
{
    (void)state;
    install("cargo-clippy");
    install("shellcheck");
    write_file("Cargo.toml", "[package]\n");
    write_file("go.mod", "module x\n");
    write_file("run.sh", "#!/bin/sh\n");
    write_file("tools/do", "#!/bin/sh\n");
    expect(CHECK_LINT, "cargo clippy --all-targets -- -D warnings; go vet ./... !go is not "
                       "installed; shellcheck ./run.sh ./tools/do");
}

static void an_installed_tool_wins_over_a_missing_one(void **state)
{
    (void)state;
    write_file("setup.py", "");
    expect(CHECK_LINT, "ruff check . !ruff is not installed");
    install("flake8");
    expect(CHECK_LINT, "flake8");
    install("ruff");
    expect(CHECK_LINT, "ruff check .");
    install("python3");
    expect(CHECK_TESTS, "python3 -m unittest discover -v");
    install("pytest");
    expect(CHECK_TESTS, "pytest");
}

static void tools_are_found_by_their_configuration(void **state)
{
    (void)state;
    install("mypy");
    install("black");
    write_file("pyproject.toml", "[tool.mypy]\nstrict = true\n[tool.black]\n");
    expect(CHECK_TYPES, "mypy .");
    expect(CHECK_FORMAT, "black --check .");
}

static void tools_of_the_project_need_its_packages(void **state)
{
    (void)state;
    write_file("tsconfig.json", "{}");
    expect(CHECK_TYPES, "node_modules/.bin/tsc --noEmit !node_modules/.bin/tsc is not installed");
    write_file("node_modules/.bin/tsc", "");
    expect(CHECK_TYPES, "node_modules/.bin/tsc --noEmit");
}

static void cmake_needs_a_configured_build_folder(void **state)
{
    (void)state;
    install("ctest");
    install("cmake");
    write_file("CMakeLists.txt", "");
    expect(CHECK_TESTS, "cmake --build {cmake} !there is no configured build folder; "
                        "ctest --test-dir {cmake} --output-on-failure !there is no configured "
                        "build folder");
    write_file("build/CMakeCache.txt", "");
    expect(CHECK_TESTS, "cmake --build build; ctest --test-dir build --output-on-failure");
    expect(CHECK_BUILD, "cmake --build build");
    expect(CHECK_TYPES, "cmake --build build");
}

static void a_makefile_builds_and_types_only_its_own_languages(void **state)
{
    (void)state;
    install("make");
    write_file("Makefile", "x: y\n");
    expect(CHECK_BUILD, "make");
    expect(CHECK_TYPES, "");
    write_file("x.c", "int x;\n");
    expect(CHECK_TYPES, "make");
}

static void a_file_name_never_becomes_an_option(void **state)
{
    (void)state;
    install("shellcheck");
    write_file("--help.sh", "#!/bin/sh\n");
    expect(CHECK_LINT, "shellcheck ./--help.sh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_project_has_no_plan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_make_target_is_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_without_make_says_what_is_missing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(scripts_run_with_the_package_manager_of_the_lock_file,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(recipes_of_just_are_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_kind_of_source_brings_its_tool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_installed_tool_wins_over_a_missing_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tools_are_found_by_their_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tools_of_the_project_need_its_packages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cmake_needs_a_configured_build_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_makefile_builds_and_types_only_its_own_languages, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_name_never_becomes_an_option, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

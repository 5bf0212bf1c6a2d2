/* SPDX-License-Identifier: MIT */
#include "functions/checks.h"

#include "base/alloc.h"
#include "base/file.h"

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

/* A project and a PATH of its own; the tools of the test say what they are told to say. */
static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/checks-XXXXXX");
    (void)snprintf(tools_folder, sizeof(tools_folder), "/tmp/checks-tools-XXXXXX");
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

    assert_int_equal(file_write(path, text, strlen(text), FILE_NO_SYNC, NULL), 0);
    free(path);
}

static void make_folder(const char *name)
{
    char *path = path_join(folder, name);

    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
}

static void install(const char *name, const char *script)
{
    char *path = path_join(tools_folder, name);
    char *text = mem_printf("#!/bin/sh\n%s\n", script);

    assert_int_equal(file_write(path, text, strlen(text), FILE_NO_SYNC, NULL), 0);
    assert_int_equal(chmod(path, 0700), 0);
    free(text);
    free(path);
}

static const struct function *find_check(const char *name)
{
    size_t count;
    const struct function *table = checks_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    fail_msg("no function %s", name);
    return NULL;
}

static int call_check(const char *name, json_t *arguments, json_t **ret_result, struct error *err)
{
    struct strbuf output;
    struct function_call call = {.project = folder, .arguments = arguments, .output = &output};
    int r;

    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    r = find_check(name)->run(&call, err);
    if (r == 0) {
        assert_int_equal(json_parse_text(output.data, output.length, name, ret_result, err), 0);
    }
    strbuf_release(&output);
    json_decref(arguments);
    return r;
}

static json_t *check(const char *name, json_t *arguments)
{
    struct error err = ERROR_INIT;
    json_t *result = NULL;

    if (call_check(name, arguments, &result, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return result;
}

static void expect(const char *name, json_t *arguments, const char *verdict, const char *part)
{
    json_t *result = check(name, arguments);

    if (strcmp(json_get_text(result, "verdict", ""), verdict) != 0 ||
        strstr(json_get_text(result, "reason", ""), part) == NULL) {
        fail_msg("%s: %s: %s", name, json_get_text(result, "verdict", ""),
                 json_get_text(result, "reason", ""));
    }
    json_decref(result);
}

static void the_table_holds_the_seven_checks(void **state)
{
    size_t count;
    const struct function *table = checks_table(&count);

    (void)state;
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strncmp(table[i].name, "check-", 6), 0);
        assert_true(table[i].is_json);
        assert_false(table[i].is_inline);
        assert_non_null(table[i].help);
    }
}

static void an_empty_project_is_unknown_everywhere_and_says_what_to_do(void **state)
{
    size_t count;
    const struct function *table = checks_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        json_t *result = check(table[i].name, json_object());

        assert_string_equal(json_get_text(result, "verdict", ""), "unknown");
        assert_string_equal(json_get_text(result, "check", ""), table[i].name);
        assert_true(json_array_size(json_object_get(result, "runs")) >= 1);
        json_decref(result);
    }
    {
        json_t *result = check("check-lint", json_object());

        assert_non_null(json_object_get(result, "hint"));
        json_decref(result);
    }
}

static void a_target_passes_and_fails_with_its_status(void **state)
{
    json_t *result;

    (void)state;
    write_file("Makefile", "lint:\n\ttrue\n");
    install("make", "echo \"$@\"; exit 0");
    result = check("check-lint", json_object());
    assert_string_equal(json_get_text(result, "verdict", ""), "pass");
    assert_string_equal(json_get_text(result, "command", ""), "make lint");
    assert_string_equal(json_get_text(result, "tool", ""), "make");
    assert_int_equal(json_get_integer(result, "exit_status", -1), 0);
    json_decref(result);
    install("make", "exit 2");
    expect("check-lint", json_object(), "fail", "make ended with status 2");
}

static void a_missing_tool_is_unknown(void **state)
{
    (void)state;
    write_file("Cargo.toml", "[package]\n");
    expect("check-lint", json_object(), "unknown", "cargo-clippy is not installed");
    expect("check-build", json_object(), "unknown", "cargo is not installed");
}

static void the_worst_of_several_tools_speaks_for_all(void **state)
{
    json_t *result;

    (void)state;
    write_file("Cargo.toml", "[package]\n");
    write_file("go.mod", "module x\n");
    install("cargo", "echo 'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured'");
    expect("check-tests", json_object(), "unknown", "go is not installed");
    install("go", "echo '--- PASS: TestA (0.00s)'");
    result = check("check-tests", json_object());
    assert_string_equal(json_get_text(result, "verdict", ""), "pass");
    assert_int_equal(json_get_integer(json_object_get(result, "tests"), "executed", -1), 4);
    assert_int_equal(json_get_integer(json_object_get(result, "tests"), "skipped", -1), 1);
    json_decref(result);
    install("cargo", "exit 101");
    expect("check-tests", json_object(), "fail", "cargo ended with status 101");
}

static void tests_without_an_execution_prove_nothing(void **state)
{
    (void)state;
    write_file("Makefile", "test:\n");
    install("make", "echo 'Nothing to be done'");
    expect("check-tests", json_object(), "unknown", "no test counts");
    expect("check-tests", json_pack("{s:i}", "tests_min", 0), "pass", "make");
    install("make", "echo '0 passed, 0 failed'");
    expect("check-tests", json_object(), "unknown", "executed no test");
    install("make", "echo '5 passed, 0 failed'");
    expect("check-tests", json_pack("{s:i}", "tests_min", 6), "fail", "at least 6");
    expect("check-tests", json_pack("{s:s}", "tests_min", "5"), "pass", "5 tests");
}

static void coverage_is_compared_with_the_threshold(void **state)
{
    json_t *result;

    (void)state;
    expect("check-coverage", json_pack("{s:s}", "find", "true"), "unknown", "no coverage tool");
    write_file("Makefile", "coverage:\n");
    install("make", "exit 1");
    expect("check-coverage", json_pack("{s:s}", "find", "true"), "pass", "can measure it");
    install("make", "echo '  lines......: 85.7% (120 of 140 lines)'");
    result = check("check-coverage", json_object());
    assert_string_equal(json_get_text(result, "verdict", ""), "pass");
    assert_true(json_real_value(json_object_get(result, "coverage")) > 85.6);
    json_decref(result);
    expect("check-coverage", json_pack("{s:i}", "min", 90), "fail", "at least 90 %");
    install("make", "true");
    expect("check-coverage", json_object(), "unknown", "no coverage");
}

static void wrong_arguments_are_refused(void **state)
{
    struct error err = ERROR_INIT;
    json_t *result = NULL;

    (void)state;
    assert_int_equal(call_check("check-coverage", json_pack("{s:i}", "min", 101), &result, &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "argument min"));
    assert_int_equal(call_check("check-lint", json_pack("{s:i}", "timeout", 0), &result, &err),
                     ERROR_INVALID);
    assert_int_equal(call_check("check-tests", json_pack("{s:s}", "tests_min", "x"), &result, &err),
                     ERROR_INVALID);
    assert_null(result);
}

/* ctest runs what was built last, whatever the sources say now. */
static void tests_of_cmake_are_built_before_they_are_run(void **state)
{
    (void)state;
    write_file("CMakeLists.txt", "");
    make_folder("build");
    write_file("build/CMakeCache.txt", "");
    install("ctest", "echo '100% tests passed, 0 tests failed out of 3'");
    install("cmake", "exit 0");
    expect("check-tests", json_object(), "pass", "3 tests executed");
    install("cmake", "exit 1");
    expect("check-tests", json_object(), "fail", "cmake ended with status 1");
}

static void security_looks_for_secrets_and_runs_the_scanner(void **state)
{
    json_t *result;

    (void)state;
    write_file("Makefile", "security:\n");
    install("make", "exit 0");
    result = check("check-security", json_object());
    assert_int_equal(json_array_size(json_object_get(result, "runs")), 2);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "runs"), 0), "tool", ""), "secrets");
    json_decref(result);
    install("make", "exit 1");
    expect("check-security", json_object(), "fail", "make ended with status 1");
}

static void a_secret_in_the_tree_fails_security(void **state)
{
    (void)state;
    /* Put together here, so that this file holds no secret itself. */
    char *text = mem_printf("-----BEGIN RSA %s KEY-----\n%0900d\n-----END RSA %s KEY-----\n",
                            "PRIVATE", 7, "PRIVATE");

    write_file("Makefile", "security:\n");
    write_file("id_rsa", text);
    install("make", "exit 0");
    expect("check-security", json_object(), "fail", "secret");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds_the_seven_checks),
        cmocka_unit_test_setup_teardown(an_empty_project_is_unknown_everywhere_and_says_what_to_do,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_passes_and_fails_with_its_status, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_missing_tool_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_worst_of_several_tools_speaks_for_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tests_without_an_execution_prove_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(coverage_is_compared_with_the_threshold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tests_of_cmake_are_built_before_they_are_run, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(security_looks_for_secrets_and_runs_the_scanner, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_secret_in_the_tree_fails_security, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

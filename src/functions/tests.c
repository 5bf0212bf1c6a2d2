/* SPDX-License-Identifier: MIT */
/* Where tests are and where not: files, frameworks, folders of code without any test, how they are
 * run, CI configuration. Presence only: whether they pass is the gates' business. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/vec.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/tree.h"

#include <stdlib.h>
#include <string.h>

#define FOLDERS_SHOWN_MAX 30
#define FOLDER_LINES_MIN 300 /* smaller folders need no finding */

struct area {
    char *name;
    size_t code_files, code_lines, test_files, test_lines;
};

struct areas {
    VEC(struct area) items;
};

static const struct {
    const char *mark; /* in a test or build file */
    const char *framework;
    const char *languages; /* of that file: a text that only speaks of a framework uses none */
} frameworks[] = {
#define JS "|JavaScript|TypeScript|JSON|"
    {"cmocka.h", "cmocka", "|C|C++|"},
    {"gtest/gtest.h", "GoogleTest", "|C|C++|"},
    {"catch2/", "Catch2", "|C|C++|"},
    {"#include <check.h>", "Check", "|C|C++|"},
    {"import pytest", "pytest", "|Python|"},
    {"import unittest", "unittest", "|Python|"},
    {"\"testing\"", "go test", "|Go|"},
    {"#[test]", "cargo test", "|Rust|"},
    {"org.junit", "JUnit", "|Java|Kotlin|Scala|"},
    {"\"jest\"", "jest", JS},
    {"from 'vitest'", "vitest", JS},
    {"\"vitest\"", "vitest", JS},
    {"\"mocha\"", "mocha", JS},
    {"node:test", "node test runner", JS},
    {"test_expect_success", "git test-lib (TAP)", "|Shell|"},
    {"@test \"", "bats", "|Shell|"},
    {"Test::More", "Test::More (TAP)", "|Perl|"},
    {"RSpec.", "RSpec", "|Ruby|"},
    {"Minitest", "minitest", "|Ruby|"},
    {"PHPUnit\\", "PHPUnit", "|PHP|"},
    {"clar.h", "clar", "|C|"},
    {"unity.h", "Unity", "|C|"},
    {"package require Tcl", "Tcl", "|Tcl|"},
    {"LLVMFuzzerTestOneInput(", "libFuzzer", "|C|C++|"},
    {"playwright", "playwright", JS "|Python|"},
#undef JS
};

static const struct {
    const char *path; /* whole, or a folder that ends in a slash */
    const char *system;
} ci_files[] = {
    {".github/workflows/", "GitHub Actions"},
    {".gitlab-ci.yml", "GitLab CI"},
    {".circleci/", "CircleCI"},
    {".travis.yml", "Travis CI"},
    {"Jenkinsfile", "Jenkins"},
    {"azure-pipelines.yml", "Azure Pipelines"},
    {".cirrus.yml", "Cirrus CI"},
    {".drone.yml", "Drone"},
    {".buildkite/", "Buildkite"},
    {"appveyor.yml", "AppVeyor"},
    {".woodpecker.yml", "Woodpecker"},
    {".ci/", ".ci scripts"},
    {".forgejo/workflows/", "Forgejo Actions"},
};

static struct area *area_get(struct areas *areas, const char *name)
{
    struct area *area;

    for (size_t i = 0; i < areas->items.count; i++) {
        if (strcmp(areas->items.items[i].name, name) == 0) {
            return &areas->items.items[i];
        }
    }
    area = VEC_PUSH(&areas->items);
    *area = (struct area){.name = mem_strdup(name)};
    return area;
}

static void areas_release(struct areas *areas)
{
    for (size_t i = 0; i < areas->items.count; i++) {
        free(areas->items.items[i].name);
    }
    VEC_RELEASE(&areas->items);
}

static int compare_areas(const void *left, const void *right)
{
    const struct area *a = left;
    const struct area *b = right;

    if (a->code_lines != b->code_lines) {
        return a->code_lines > b->code_lines ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static json_t *areas_format(struct areas *areas, const char *key)
{
    json_t *list = json_array();

    if (areas->items.count > 0) {
        qsort(areas->items.items, areas->items.count, sizeof(struct area), compare_areas);
    }
    for (size_t i = 0; i < areas->items.count && i < FOLDERS_SHOWN_MAX; i++) {
        const struct area *area = &areas->items.items[i];
        json_t *value = json_object();

        json_put_text(value, key, area->name);
        json_put_integer(value, "code_files", (json_int_t)area->code_files);
        json_put_integer(value, "code_lines", (json_int_t)area->code_lines);
        json_put_integer(value, "test_files", (json_int_t)area->test_files);
        json_put_integer(value, "test_lines", (json_int_t)area->test_lines);
        (void)json_array_append_new(list, value);
    }
    return list;
}

static void list_add_once(json_t *list, const char *text)
{
    size_t index;
    json_t *value;

    json_array_foreach(list, index, value)
    {
        if (strcmp(json_string_value(value), text) == 0) {
            return;
        }
    }
    (void)json_array_append_new(list, json_string(text));
}

static bool has_language(const char *languages, const struct language *language)
{
    const char *at = language ? strstr(languages, language->name) : NULL;
    size_t length = at ? strlen(language->name) : 0;

    while (at && !(at[-1] == '|' && at[length] == '|')) {
        at = strstr(at + 1, language->name);
    }
    return at != NULL;
}

static void frameworks_find(const struct tree_file *file, const char *text, size_t length,
                            json_t *list)
{
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        if (has_language(frameworks[i].languages, file->language) &&
            memmem(text, length, frameworks[i].mark, strlen(frameworks[i].mark))) {
            list_add_once(list, frameworks[i].framework);
        }
    }
}

/* package.json names the runner of all tests, which themselves need not. */
static bool is_manifest(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash ? slash + 1 : path, "package.json") == 0;
}

static void area_add(struct area *area, bool is_test, size_t lines)
{
    if (is_test) {
        area->test_files++;
        area->test_lines += lines;
    } else {
        area->code_files++;
        area->code_lines += lines;
    }
}

/* The words of test files' names: "t/t1234-merge-base.sh" speaks about merge and base. */
static bool is_named_by_a_test(const struct tree *tree, const char *folder)
{
    size_t length = strlen(folder);

    for (size_t i = 0; i < tree->count; i++) {
        const char *at = tree->files[i].path;

        if (!(tree->files[i].traits & TRAIT_TEST)) {
            continue;
        }
        while ((at = strstr(at, folder)) != NULL) {
            bool begins = at == tree->files[i].path || strchr("/-_.", at[-1]);

            if (begins && strchr("/-_.", at[length])) {
                return true;
            }
            at++;
        }
    }
    return false;
}

static void ci_find(const struct tree *tree, json_t *list)
{
    for (size_t i = 0; i < ARRAY_LEN(ci_files); i++) {
        size_t length = strlen(ci_files[i].path);
        bool is_folder = ci_files[i].path[length - 1] == '/';

        for (size_t j = 0; j < tree->count; j++) {
            if (is_folder ? strncmp(tree->files[j].path, ci_files[i].path, length) == 0
                          : strcmp(tree->files[j].path, ci_files[i].path) == 0) {
                list_add_once(list, ci_files[i].system);
            }
        }
    }
}

/* How the tests are run, as far as files tell; nothing is tried. */
static void commands_find(struct tree *tree, json_t *list)
{
    static const struct {
        const char *file, *mark, *command;
    } known[] = {
        {"Makefile", "\ntest:", "make test"},
        {"Makefile", "\ncheck:", "make check"},
        {"GNUmakefile", "\ntest:", "make test"},
        {"package.json", "\"test\":", "npm test"},
        {"Cargo.toml", "[", "cargo test"},
        {"go.mod", "module", "go test ./..."},
        {"pytest.ini", "", "pytest"},
        {"tox.ini", "[tox]", "tox"},
        {"pyproject.toml", "pytest", "pytest"},
        {"CMakeLists.txt", "enable_testing", "ctest"},
        {"meson.build", "test(", "meson test"},
        {"pom.xml", "<project", "mvn test"},
        {"build.gradle", "", "gradle test"},
        {"runtest", "", "./runtest"},
        {"Rakefile", "test", "rake test"},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        const struct tree_file *file = tree_find(tree, known[i].file);
        char *text;
        size_t length;

        if (file && tree_read(tree, (struct tree_file *)file, &text, &length)) {
            if (*known[i].mark == '\0' || strstr(text, known[i].mark)) {
                list_add_once(list, known[i].command);
            }
            free(text);
        }
    }
}

static size_t gaps_find(const struct tree *tree, const struct areas *areas,
                        struct findings *findings, json_t *gaps)
{
    size_t count = 0;

    for (size_t i = 0; i < areas->items.count; i++) {
        const struct area *area = &areas->items.items[i];
        char *message;
        json_t *gap;

        if (area->test_files > 0 || area->code_lines < FOLDER_LINES_MIN ||
            strcmp(area->name, "(root)") == 0 || is_named_by_a_test(tree, area->name)) {
            continue;
        }
        count++;
        gap = json_object();
        json_put_text(gap, "folder", area->name);
        json_put_integer(gap, "code_lines", (json_int_t)area->code_lines);
        (void)json_array_append_new(gaps, gap);
        message = mem_printf(
            "%s/: %zu lines in %zu files, and no test file in it or named after it", area->name,
            area->code_lines, area->code_files);
        findings_add(findings, &(struct finding){.rule = "untested-folder",
                                                 .severity = SEVERITY_LOW,
                                                 .confidence = "low",
                                                 .message = message,
                                                 .fix = "check whether tests elsewhere reach it; "
                                                        "if not, begin with the part that changes "
                                                        "most"});
        free(message);
    }
    return count;
}

static void project_findings(struct findings *findings, const struct area *total, json_t *ci)
{
    if (total->code_files > 0 && total->test_files == 0) {
        findings_add(
            findings,
            &(struct finding){
                .rule = "no-tests",
                .severity = SEVERITY_HIGH,
                .confidence = "medium",
                .message = "there is code and no test file",
                .fix = "begin with tests of the file that changes most; where the tests live in a "
                       "repository of their own, say so in the README"});
    }
    if (total->code_files > 0 && json_array_size(ci) == 0) {
        findings_add(findings, &(struct finding){.rule = "no-ci",
                                                 .severity = SEVERITY_LOW,
                                                 .confidence = "medium",
                                                 .message = "no configuration of a known CI system",
                                                 .fix = "run build and tests for every change"});
    }
}

static void tree_count(struct tree *tree, struct areas *folders, struct areas *languages,
                       struct area *total, json_t *used)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct tree_file *file = &tree->files[i];
        char buffer[256];
        char *text;
        size_t length;
        size_t lines = 0;
        bool is_test;
        bool has_inline;
        struct area *folder;

        if ((file->traits & TRAIT_VENDORED) || !tree_read(tree, file, &text, &length)) {
            continue;
        }
        is_test = (file->traits & TRAIT_TEST) != 0;
        for (size_t j = 0; j < length; j++) {
            lines += text[j] == '\n';
        }
        if (is_test || is_manifest(file->path)) {
            frameworks_find(file, text, length, used);
        }
        has_inline = language_is(file->language, "Rust") && strstr(text, "#[test]");
        free(text);
        if (!file->language || file->language->kind != LANGUAGE_CODE ||
            (file->traits & (TRAIT_GENERATED | TRAIT_EXAMPLE | TRAIT_DOCUMENT))) {
            continue;
        }
        folder = area_get(folders, tree_top_folder(file->path, buffer, sizeof(buffer)));
        area_add(folder, is_test, lines);
        folder->test_files += has_inline;
        area_add(area_get(languages, file->language->name), is_test, lines);
        area_add(total, is_test, lines);
    }
}

int tests_run(const struct function_call *call, struct error *err)
{
    struct areas folders = {0};
    struct areas languages = {0};
    struct area total = {0};
    struct findings *findings;
    struct tree *tree = NULL;
    json_t *result, *used, *ci, *commands, *gaps;
    size_t gap_count;
    char test_lines[NUMBER_SIZE];
    char code_lines[NUMBER_SIZE];
    int r = tree_open(call->project, &tree, err);

    if (r < 0) {
        return r;
    }
    result = result_new("tests");
    findings = findings_new("tests");
    used = json_array();
    ci = json_array();
    commands = json_array();
    gaps = json_array();
    tree_count(tree, &folders, &languages, &total, used);
    ci_find(tree, ci);
    commands_find(tree, commands);
    /* Where there is none at all, that is said once. */
    gap_count = total.test_files > 0 ? gaps_find(tree, &folders, findings, gaps) : 0;
    project_findings(findings, &total, ci);
    json_put(result, "covered", tree_coverage(tree));
    json_put_integer(result, "code_lines", (json_int_t)total.code_lines);
    json_put_integer(result, "test_lines", (json_int_t)total.test_lines);
    json_put_integer(result, "test_files", (json_int_t)total.test_files);
    json_put_integer(result, "test_lines_percent_of_code",
                     total.code_lines > 0 ? (json_int_t)(total.test_lines * 100 / total.code_lines)
                                          : 0);
    json_put(result, "frameworks", used);
    json_put(result, "ci", ci);
    json_put(result, "commands", commands);
    json_put(result, "folders", areas_format(&folders, "folder"));
    json_put(result, "languages", areas_format(&languages, "language"));
    json_put(result, "gaps", gaps);
    findings_finish(findings, result);
    if (total.test_files == 0) {
        result_summarise(result, "no test file for %s lines of code",
                         number_format(total.code_lines, code_lines));
    } else {
        result_summarise(
            result, "%zu test file%s; %s lines of tests for %s of code; %zu folder%s without any",
            total.test_files, PLURAL(total.test_files), number_format(total.test_lines, test_lines),
            number_format(total.code_lines, code_lines), gap_count, PLURAL(gap_count));
    }
    if (total.code_files == 0 && total.test_files == 0) {
        result_unknown(result, "there is no code in a language that is known here", NULL);
    }
    areas_release(&folders);
    areas_release(&languages);
    tree_free(tree);
    return result_write(result, call, err);
}

/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "ops/experts.h"
#include "support/ops_project.h"
#include "workflow/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void assert_text(struct ops_project *project, const char *name, const char *expected)
{
    char *text = NULL;
    char *file = NULL;

    assert_true(ops_has_expert(project->ops, name));
    assert_int_equal(ops_read_expert(project->ops, name, &text, &file, NULL), 0);
    assert_string_equal(text, expected);
    assert_non_null(strstr(file, name));
    free(text);
    free(file);
}

static void an_expert_of_the_project_comes_before_the_users(void **state)
{
    struct ops_project *project = *state;

    ops_project_write(project, "user/experts/e.md", "of the user");
    assert_text(project, "e", "of the user");
    ops_project_write(project, ".fermata/experts/e.md", "of the project");
    assert_text(project, "e", "of the project");
    ops_project_write(project, ".fermata/experts/pack/e.md", "of a pack");
    assert_text(project, "pack/e", "of a pack");
}

static void an_expert_name_cannot_leave_its_folder(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    char *text = NULL;
    char *file = NULL;

    ops_project_write(project, ".fermata/secret.md", "no");
    assert_false(ops_has_expert(project->ops, "../secret"));
    assert_int_equal(ops_read_expert(project->ops, "../secret", &text, &file, &err),
                     ERROR_NOT_FOUND);
    assert_null(text);
}

static const json_t *find_row(const json_t *list, const char *name, const char *origin)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(list, "experts"), i, row)
    {
        if (strcmp(json_get_text(row, "name", ""), name) == 0 &&
            strcmp(json_get_text(row, "origin", ""), origin) == 0) {
            return row;
        }
    }
    return NULL;
}

static void a_list_says_which_expert_hides_which(void **state)
{
    struct ops_project *project = *state;
    const json_t *row;
    json_t *list;

    ops_project_write(project, ".fermata/experts/security-expert.md", "Mine");
    list = ops_project_call(project, "experts", json_object());
    row = find_row(list, "security-expert", "project");
    assert_true(json_get_boolean(row, "overrides", false));
    assert_false(json_get_boolean(row, "hidden", true));
    row = find_row(list, "security-expert", "built in");
    assert_string_equal(json_get_text(row, "hidden_by", ""), "project");
    assert_string_equal(json_get_text(row, "kind", ""), "lifecycle");
    assert_false(json_get_boolean(find_row(list, "api-expert", "built in"), "overrides", false));
    json_decref(list);
    list = ops_project_call(project, "experts", json_pack("{s:s}", "name", "security-expert"));
    assert_string_equal(json_get_text(list, "text", ""), "Mine");
    assert_string_equal(json_get_text(list, "origin", ""), "project");
    json_decref(list);
}

static void one_that_is_not_there_is_told_with_the_nearest_name(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(
        ops_project_fail(*state, "experts", json_pack("{s:s}", "name", "secrity-expert"), &err),
        ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "security-expert"));
    assert_int_equal(ops_project_fail(*state, "experts", json_pack("{s:b}", "dry_run", 1), &err),
                     ERROR_INVALID);
}

static void errors_of_experts_are_told_by_validate_with_their_places(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/experts/bad.md", "---\nname: bad\nmodle: x\n---\nYou.\n");
    result = ops_project_call(project, "validate", json_object());
    assert_int_equal(json_get_integer(result, "errors", 0), 1);
    assert_non_null(strstr(json_get_text(result, "text", ""), "bad.md:3:1: error: "));
    json_decref(result);
    result = ops_project_call(project, "experts", json_pack("{s:s}", "name", "bad"));
    assert_true(json_get_boolean(result, "invalid", false));
    assert_int_equal(json_array_size(json_object_get(result, "problems")), 1);
    json_decref(result);
}

/* ---- those that are shipped ---- */

static const char *const lifecycle[] = {
    "research-expert", "architecture-expert", "database-expert",   "api-expert",
    "backend-expert",  "frontend-expert",     "testing-expert",    "security-expert",
    "devops-expert",   "code-review-expert",  "monitoring-expert", "product-expert",
    "ui-ux-expert",    "performance-expert",
};
static const char *const conductor[] = {
    "adversarial-security-analyst",
    "adversarial-validator",
    "behavioral-analyst",
    "codebase-explorer",
    "concurrency-analyst",
    "content-auditor",
    "data-engineer",
    "devops-engineer",
    "edge-case-explorer",
    "evidence-based-investigator",
    "gap-analyzer",
    "information-architect",
    "junior-developer",
    "on-call-engineer",
    "project-manager",
    "project-scanner",
    "research-analyst",
    "risk-analyst",
    "software-architect",
    "structural-analyst",
    "system-architect",
    "test-engineer",
    "user-experience-designer",
};

static size_t count_lines(const char *from, const char *to, const char *start)
{
    size_t count = 0;

    for (const char *line = from; line && line < to; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += strncmp(line, start, strlen(start)) == 0;
    }
    return count;
}

static void check_section(const char *text, const char *title, const char *line, size_t least)
{
    char *heading = mem_printf("\n## %s\n", title);
    const char *from = strstr(text, heading);
    const char *to = from ? strstr(from + 4, "\n## ") : NULL;

    if (!from || count_lines(from + 4, to ? to : text + strlen(text), line) < least) {
        fail_msg("too little under %s in: %.60s", title, text);
    }
    free(heading);
}

static void check_shipped(struct ops_project *project, const char *name, const char *kind)
{
    json_t *expert = ops_project_call(project, "experts", json_pack("{s:s}", "name", name));
    const char *text = json_get_text(expert, "text", "");

    assert_string_equal(json_get_text(expert, "origin", ""), "built in");
    assert_null(json_object_get(expert, "problems"));
    assert_string_equal(json_get_text(expert, "kind", ""), kind);
    assert_in_range(strlen(json_get_text(expert, "description", "")), 20, 100);
    assert_non_null(json_object_get(expert, "temperature"));
    assert_in_range(strlen(text), 1000, 4000);
    check_section(text, "Vocabulary", "- **", 4);
    check_section(text, "Method", "", 4);
    check_section(text, "Look for", "- ", 4);
    check_section(text, "Avoid", "| ", 5);
    check_section(text, "Output", "", 1);
    if (strcmp(kind, "conductor") == 0) {
        assert_string_equal(json_get_text(expert, "permission", ""), "read-only");
    }
    json_decref(expert);
}

static void every_shipped_expert_has_all_its_parts(void **state)
{
    size_t count;

    (void)embedded_experts(&count);
    assert_int_equal(count, ARRAY_LEN(lifecycle) + ARRAY_LEN(conductor));
    for (size_t i = 0; i < ARRAY_LEN(lifecycle); i++) {
        check_shipped(*state, lifecycle[i], "lifecycle");
    }
    for (size_t i = 0; i < ARRAY_LEN(conductor); i++) {
        check_shipped(*state, conductor[i], "conductor");
    }
}

/* A sentence that two of them share would make them less different than they are. */
static void no_two_shipped_experts_say_the_same(void **state)
{
    size_t count;
    const struct embedded_file *files = embedded_experts(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (const char *line = files[i].data; line; line = strchr(line, '\n')) {
            char *copy;

            line += *line == '\n';
            copy = mem_strndup(line, strcspn(line, "\n"));
            for (size_t k = i + 1; strlen(copy) > 40 && k < count; k++) {
                if (strstr(files[k].data, copy)) {
                    fail_msg("%s and %s: %s", files[i].name, files[k].name, copy);
                }
            }
            free(copy);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_expert_of_the_project_comes_before_the_users),
        TEST(an_expert_name_cannot_leave_its_folder),
        TEST(a_list_says_which_expert_hides_which),
        TEST(one_that_is_not_there_is_told_with_the_nearest_name),
        TEST(errors_of_experts_are_told_by_validate_with_their_places),
        TEST(every_shipped_expert_has_all_its_parts),
        TEST(no_two_shipped_experts_say_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "workflow/keys.h"

#include "base/alloc.h"
#include "base/file.h"
#include "workflow/config.h"
#include "workflow/json_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

/* The text as JSON, as a tool that checks against the schema would see it. */
static json_t *to_json(const char *text)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct yaml_node *root = NULL;

    assert_int_equal(yaml_parse(arena, text, strlen(text), problems, &root, NULL), 0);
    free(problems);
    return yaml_to_json(root);
}

static int check_text(const json_t *schema, const char *text, struct error *err)
{
    json_t *value = to_json(text);
    int r = json_schema_check(schema, value, err);

    json_decref(value);
    return r;
}

static void assert_fits(const json_t *schema, const char *text)
{
    struct error err = ERROR_INIT;
    int r = check_text(schema, text, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(r, 0);
}

static char *read_sample(const char *name)
{
    char folder[] = __FILE__;
    char *path;
    char *text = NULL;
    size_t length;

    *strrchr(folder, '/') = '\0';
    path = mem_printf("%s/../../support/workflows/%s", folder, name);
    assert_int_equal(file_read(path, 1 << 20, &text, &length, NULL), 0);
    free(path);
    return text;
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void both_schemas_are_schemas(void **state)
{
    (void)state;
    json_t *workflow = workflow_schema();
    json_t *config = workflow_config_schema();
    struct error err = ERROR_INIT;

    (void)json_schema_check_schema(workflow, &err);
    assert_string_equal(err.text, "");
    (void)json_schema_check_schema(config, &err);
    assert_string_equal(err.text, "");
    assert_string_equal(json_get_text(workflow, "$schema", ""),
                        "https://json-schema.org/draft/2020-12/schema");
    json_decref(workflow);
    json_decref(config);
}

static void the_samples_fit_the_schema(void **state)
{
    (void)state;
    json_t *schema = workflow_schema();
    char *example = read_sample("valid/feature-development.yaml");
    char *everything = read_sample("valid/everything.yaml");

    assert_fits(schema, example);
    assert_fits(schema, everything);
    free(example);
    free(everything);
    json_decref(schema);
}

static void the_sample_of_a_configuration_fits_its_schema(void **state)
{
    (void)state;
    json_t *schema = workflow_config_schema();
    char *text = read_sample("valid/config.yaml");
    char *agents = read_sample("valid/agents.yaml");

    assert_fits(schema, text);
    assert_fits(schema, agents);
    free(text);
    free(agents);
    json_decref(schema);
}

static void what_the_reader_refuses_the_schema_refuses_too(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "phases: []",
        "name: w\nphases: []\ninptus: {}",
        "name: w\nphases: [{ id: 1a }]",
        "name: w\nphases: [{ id: a, mode: both }]",
        "name: w\nphases: [{ id: a, width: -1 }]",
        "name: w\nphases: [{ id: a, steps: [{ id: s, timeout: soon }] }]",
        "name: w\nphases: [{ id: a, steps: [{ id: s, env: { 'A-B': x } }] }]",
        "name: w\nphases: [{ id: a, steps: [{ id: s, retry: { on: [always] } }] }]",
        "name: w\nphases: [{ id: a, steps: [{ id: s, prompt: 5 }] }]",
        "name: w\nphases: [{ id: a, on_failure: { max: 3 } }]",
    };
    json_t *schema = workflow_schema();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error err = ERROR_INIT;

        if (check_text(schema, texts[i], &err) == 0) {
            print_error("%s\n", texts[i]);
        }
        assert_true(err.code < 0);
    }
    json_decref(schema);
}

static void each_key_stands_in_the_schema_of_its_level_with_its_help(void **state)
{
    (void)state;
    json_t *schemas[] = {workflow_schema(), workflow_config_schema(), workflow_expert_schema()};
    size_t count;
    const struct key *keys = key_table(&count);

    for (size_t i = 0; i < count; i++) {
        for (int level = 0; level < KEY_LEVELS; level++) {
            const char *name = key_level_get((enum key_level)level)->name;
            bool is_root = level == LEVEL_WORKFLOW || level == LEVEL_CONFIG ||
                           level == LEVEL_EXPERT;
            const json_t *schema = schemas[level == LEVEL_EXPERT ? 2 : level >= LEVEL_CONFIG];
            const json_t *found;

            if (!(keys[i].levels & LEVEL_BIT(level))) {
                continue;
            }
            schema = is_root ? schema : json_object_get(json_object_get(schema, "$defs"), name);
            found = json_object_get(json_object_get(schema, "properties"), keys[i].name);
            assert_string_equal(json_get_text(found, "description", ""), keys[i].help);
        }
    }
    json_decref(schemas[0]);
    json_decref(schemas[1]);
    json_decref(schemas[2]);
}

/* The names of all keys in the maps of a value, at any depth. */
static void collect_keys(const json_t *value, json_t *target)
{
    const char *key;
    json_t *member;
    size_t index;

    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            json_put(target, key, json_true());
            collect_keys(member, target);
        }
    }
    json_array_foreach(value, index, member)
    {
        collect_keys(member, target);
    }
}

static void the_sample_with_every_key_has_every_key(void **state)
{
    (void)state;
    char *text = read_sample("valid/everything.yaml");
    json_t *value = to_json(text);
    json_t *used = json_object();
    size_t count;
    const struct key *keys = key_table(&count);

    collect_keys(value, used);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].levels & (LEVEL_BIT(LEVEL_CONFIG) - 1)) {
            if (!json_object_get(used, keys[i].name)) {
                print_error("not used: %s\n", keys[i].name);
            }
            assert_non_null(json_object_get(used, keys[i].name));
        }
    }
    json_decref(used);
    json_decref(value);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_schemas_are_schemas),
        cmocka_unit_test(the_samples_fit_the_schema),
        cmocka_unit_test(the_sample_of_a_configuration_fits_its_schema),
        cmocka_unit_test(what_the_reader_refuses_the_schema_refuses_too),
        cmocka_unit_test(each_key_stands_in_the_schema_of_its_level_with_its_help),
        cmocka_unit_test(the_sample_with_every_key_has_every_key),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

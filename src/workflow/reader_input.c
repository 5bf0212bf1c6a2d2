/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "base/pattern.h"
#include "workflow/reader.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void check_pattern(const struct reader *reader, const struct workflow_input *input,
                          const struct yaml_node *node)
{
    const struct yaml_node *text = yaml_find(node, "pattern");
    struct pattern *pattern = NULL;
    struct error err = ERROR_INIT;

    if (!text) {
        return;
    }
    if (input->type != INPUT_STRING && input->type != INPUT_PATH) {
        problems_add(reader->problems, text->at, "patterns are for the types string and path",
                     "the input \"%s\" cannot have a pattern", input->name);
        return;
    }
    if (pattern_new(text->text, &pattern, &err) < 0) {
        problems_add(reader->problems, text->at, err.hint, "the pattern of the input \"%s\": %s",
                     input->name, err.text);
    }
    pattern_free(pattern);
}

static void check_choices(const struct reader *reader, const struct workflow_input *input,
                          const struct yaml_node *node)
{
    const struct yaml_node *choices = yaml_find(node, "choices");

    if (input->type != INPUT_ENUM && choices) {
        problems_add(reader->problems, choices->at, "write `type: enum`",
                     "the input \"%s\" has choices but is no enum", input->name);
    } else if (input->type == INPUT_ENUM && input->choice_count == 0 &&
               !(choices && choices->count)) {
        problems_add(reader->problems, node->at, "add `choices: [low, high]`",
                     "the input \"%s\" is an enum without choices", input->name);
    }
}

static bool is_choice(const struct workflow_input *input, const json_t *value)
{
    for (size_t i = 0; i < input->choice_count; i++) {
        if (json_is_string(value) && strcmp(json_string_value(value), input->choices[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool fits_type(const struct workflow_input *input)
{
    const json_t *value = input->default_value;

    switch (input->type) {
    case INPUT_STRING:
        return json_is_string(value);
    case INPUT_PATH:
        return json_is_string(value) && !path_unsafe_reason(json_string_value(value));
    case INPUT_INTEGER:
        return json_is_integer(value);
    case INPUT_NUMBER:
        return json_is_number(value);
    case INPUT_BOOLEAN:
        return json_is_boolean(value);
    case INPUT_ENUM:
        return is_choice(input, value);
    }
    return false;
}

static void check_default(const struct reader *reader, const struct workflow_input *input,
                          const struct yaml_node *node)
{
    static const char *const wanted[] = {
        [INPUT_STRING] = "a text",           [INPUT_INTEGER] = "a whole number",
        [INPUT_NUMBER] = "a number",         [INPUT_BOOLEAN] = "true or false",
        [INPUT_ENUM] = "one of its choices", [INPUT_PATH] = "a relative path inside the project",
    };
    const struct yaml_node *value = yaml_find(node, "default");
    char found[80];

    if (!value) {
        return;
    }
    if (!fits_type(input)) {
        problems_add(reader->problems, value->at, NULL,
                     "the default of the input \"%s\" must be %s, found %s", input->name,
                     wanted[input->type], yaml_describe(value, found, sizeof(found)));
    } else if (input->required) {
        problems_warn(reader->problems, value->at, "remove one of the two",
                      "the input \"%s\" is required, so its default is never used", input->name);
    }
}

static void read_input(struct reader *reader, const struct yaml_entry *entry,
                       struct workflow_input *input)
{
    const struct yaml_node *node = entry->value;

    input->name = arena_strdup(reader->arena, entry->key->text);
    input->at = entry->key->at;
    input->type = (enum input_type)read_word(LEVEL_INPUT, node, "type", INPUT_STRING);
    input->required = read_boolean(node, "required", false);
    input->default_value = read_json(reader, yaml_find(node, "default"));
    input->pattern = read_text(reader, node, "pattern");
    input->description = read_text(reader, node, "description");
    input->choices = read_names(reader, node, "choices", &input->choice_count);
    check_pattern(reader, input, node);
    check_choices(reader, input, node);
    check_default(reader, input, node);
}

/* Two names that would be one environment variable FERMATA_INPUT_NAME. */
static bool is_same_variable(const char *left, const char *right)
{
    for (; *left && *right; left++, right++) {
        char a = *left == '-' ? '_' : (char)toupper((unsigned char)*left);
        char b = *right == '-' ? '_' : (char)toupper((unsigned char)*right);

        if (a != b) {
            return false;
        }
    }
    return *left == *right;
}

#define INPUTS_MAX 200

void read_inputs(struct reader *reader)
{
    const struct yaml_node *map = yaml_find(reader->root, "inputs");
    struct workflow_input *inputs;
    size_t count = 0;

    if (!map) {
        return;
    }
    if (map->count > INPUTS_MAX) {
        problems_add(reader->problems, map->at, NULL, "%zu inputs; at most %d are allowed",
                     map->count, INPUTS_MAX);
        return;
    }
    inputs = arena_zero(reader->arena, map->count ? map->count : 1, sizeof(*inputs));
    for (size_t i = 0; i < map->count; i++) {
        if (map->entries[i].is_bad) {
            continue;
        }
        read_input(reader, &map->entries[i], &inputs[count]);
        for (size_t j = 0; j < count; j++) {
            if (is_same_variable(inputs[j].name, inputs[count].name)) {
                problems_add(reader->problems, inputs[count].at, "rename one of them",
                             "the inputs \"%s\" and \"%s\" would be the same environment variable",
                             inputs[j].name, inputs[count].name);
            }
        }
        count++;
    }
    reader->workflow->inputs = inputs;
    reader->workflow->input_count = count;
}

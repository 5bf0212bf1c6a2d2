/* SPDX-License-Identifier: MIT */
/* The operations table as JSON, for programs that write command lines or forms. */
#include "base/alloc.h"
#include "cli/help.h"
#include "cli/parse.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_NAME_MAX 64

static const char *type_name(enum argument_type type)
{
    switch (type) {
    case ARGUMENT_TEXT:
        return "text";
    case ARGUMENT_INTEGER:
        return "integer";
    case ARGUMENT_BOOLEAN:
        return "boolean";
    case ARGUMENT_CHOICE:
        return "choice";
    case ARGUMENT_DURATION:
        return "duration";
    case ARGUMENT_PATH:
        return "path";
    case ARGUMENT_RUN:
        return "run";
    case ARGUMENT_STEP:
        return "step";
    case ARGUMENT_PHASE:
        return "phase";
    case ARGUMENT_CHECKPOINT:
        return "checkpoint";
    case ARGUMENT_CONTENT:
        return "content";
    case ARGUMENT_WORKFLOW:
        return "workflow";
    case ARGUMENT_AGENT:
        return "agent";
    case ARGUMENT_EXPERT:
        return "expert";
    case ARGUMENT_GATE:
        return "gate";
    case ARGUMENT_TASK:
        return "task";
    case ARGUMENT_PAIRS:
        return "pairs";
    }
    return "";
}

static json_t *split_choices(const char *choices)
{
    char *copy = mem_strdup(choices);
    json_t *list = json_array();
    char *rest = NULL;

    for (char *word = strtok_r(copy, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
        json_array_append_new(list, json_string(word));
    }
    free(copy);
    return list;
}

static void put_letter(json_t *object, char letter)
{
    char text[3] = {'-', letter, '\0'};

    json_put_text(object, "short", letter ? text : NULL);
}

static json_t *describe_argument(const struct argument *argument)
{
    json_t *object = json_object();
    char name[OPTION_NAME_MAX];
    char *option;

    json_put_text(object, "name", argument->name);
    if (!argument->is_positional) {
        cli_option_name(argument, name, sizeof(name));
        option = mem_printf("--%s", name);
        json_put_text(object, "option", option);
        free(option);
        put_letter(object, argument->letter);
    }
    json_put_text(object, "type", type_name(argument->type));
    json_put(object, "required", json_boolean(argument->is_required));
    json_put(object, "repeated",
             json_boolean(argument->is_repeated || argument->type == ARGUMENT_PAIRS));
    json_put(object, "choices", argument->choices ? split_choices(argument->choices) : NULL);
    json_put_text(object, "default", argument->fallback);
    json_put_text(object, "value", argument->value_name);
    json_put_text(object, "help", argument->help);
    return object;
}

static void add_status(json_t *list, const struct exit_status *status)
{
    json_t *object = json_object();

    json_put_integer(object, "status", status->status);
    json_put_text(object, "meaning", status->meaning);
    json_array_append_new(list, object);
}

static json_t *describe_exits(const struct exit_status *exits)
{
    json_t *list = json_array();

    for (; exits->meaning; exits++) {
        add_status(list, exits);
    }
    return list;
}

static json_t *describe_operation(const struct operation *operation)
{
    json_t *object = json_object();
    json_t *arguments = json_array();
    struct strbuf usage;

    strbuf_init(&usage, OUTPUT_BYTES_MAX);
    help_usage(operation, &usage);
    for (size_t i = 0; i < operation->argument_count; i++) {
        json_array_append_new(arguments, describe_argument(&operation->arguments[i]));
    }
    json_put_text(object, "name", operation->name);
    json_put_text(object, "group", operation->group);
    json_put_text(object, "summary", operation->summary);
    json_put_text(object, "usage", usage.data);
    json_put(object, "arguments", arguments);
    json_put_text(object, "description", operation->description);
    json_put_text(object, "example", operation->example);
    json_put(object, "read_only", json_boolean(operation->is_read_only));
    json_put(object, "exit_statuses", describe_exits(operation->exits));
    strbuf_release(&usage);
    return object;
}

/* What no operation is behind; its words stand in the usage. */
static json_t *describe_command(const struct cli_command *command)
{
    json_t *object = json_object();
    char *usage = mem_printf("fermata %s", command->usage);

    json_put_text(object, "name", command->name);
    json_put_text(object, "group", "Help");
    json_put_text(object, "summary", command->summary);
    json_put_text(object, "usage", usage);
    json_put_text(object, "example", command->example);
    json_put(object, "read_only", json_true());
    json_put(object, "exit_statuses", describe_exits(exit_statuses_plain()));
    free(usage);
    return object;
}

static json_t *describe_globals(void)
{
    size_t count;
    const struct global_option *options = cli_global_options(&count);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        char *option = mem_printf("--%s", options[i].name);

        json_put_text(object, "option", option);
        put_letter(object, options[i].letter);
        json_put_text(object, "value", options[i].value_name);
        json_put_text(object, "help", options[i].help);
        json_array_append_new(list, object);
        free(option);
    }
    return list;
}

static json_t *describe_statuses(void)
{
    size_t count;
    const struct exit_status *statuses = exit_statuses(&count);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        add_status(list, &statuses[i]);
    }
    return list;
}

static json_t *describe_all(void)
{
    size_t count;
    const struct operation *rows = ops_table(&count);
    const struct cli_command *commands;
    json_t *object = json_object();
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_hidden) {
            json_array_append_new(list, describe_operation(&rows[i]));
        }
    }
    commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, describe_command(&commands[i]));
    }
    json_put(object, "commands", list);
    json_put(object, "options", describe_globals());
    json_put(object, "exit_statuses", describe_statuses());
    return object;
}

int help_describe(const char *name, json_t **ret_description, struct error *err)
{
    const struct operation *operation = name ? ops_find(name) : NULL;
    const struct cli_command *commands;
    size_t count;

    if (!name || operation) {
        *ret_description = name ? describe_operation(operation) : describe_all();
        return 0;
    }
    commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            *ret_description = describe_command(&commands[i]);
            return 0;
        }
    }
    return help_no_such_command(name, err);
}

/* SPDX-License-Identifier: MIT */
#include "cli/parse.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_NAME_MAX 64
#define NAMES_MAX 128
#define INPUT_FILE_BYTES_MAX (1024U * 1024)

static const struct global_option global_options[] = {
    {"project", 'C', "DIR", "The project's folder; else found upward from the working folder"},
    {"config", 0, "FILE",
     "The configuration, instead of the project's; agents.yaml is read as well"},
    {"json", 0, NULL, "Print data, and errors, as JSON"},
    {"no-color", 0, NULL, "No colours; NO_COLOR in the environment does the same"},
    {"log-format", 0, "text|json", "How log lines are printed"},
    {"help", 'h', NULL, "Show help for the command"},
    {"version", 'V', NULL, "Print the version"},
};

static const struct {
    const char *name;
    enum cli_word word;
} words[] = {
    {"help", WORD_HELP},
    {"man", WORD_MAN},
    {"completion", WORD_COMPLETION},
    {"complete", WORD_COMPLETE},
};

const struct global_option *cli_global_options(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(global_options);
    return global_options;
}

void cli_call_release(struct cli_call *call)
{
    json_decref(call->arguments);
    call->arguments = NULL;
}

void cli_option_name(const struct argument *argument, char *ret_name, size_t size)
{
    size_t i;

    for (i = 0; argument->name[i] && i + 1 < size; i++) {
        ret_name[i] = argument->name[i] == '_' ? '-' : argument->name[i];
    }
    ret_name[i] = '\0';
}

/* ---- what a word stands for ---- */

struct parser {
    int argc;
    char **argv;
    int index;       /* of the next word */
    bool only_words; /* "--" was seen */
    size_t positional_count;
    struct cli_call *call;
    struct error *err;
};

/* An option as found: exactly one of global and argument is set. */
struct option {
    const struct global_option *global;
    const struct argument *argument;
    char shown[OPTION_NAME_MAX]; /* as in messages: "--input", "-i" */
};

static bool takes_value(const struct option *option)
{
    return option->global ? option->global->value_name != NULL
                          : option->argument->type != ARGUMENT_BOOLEAN;
}

static bool find_long(const struct parser *parser, const char *name, size_t length,
                      struct option *ret_option)
{
    const struct operation *operation = parser->call->operation;

    for (size_t i = 0; i < ARRAY_LEN(global_options); i++) {
        if (strlen(global_options[i].name) == length &&
            strncmp(global_options[i].name, name, length) == 0) {
            ret_option->global = &global_options[i];
            return true;
        }
    }
    for (size_t i = 0; operation && i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];
        char own[OPTION_NAME_MAX];

        cli_option_name(argument, own, sizeof(own));
        if (!argument->is_positional && strlen(own) == length && strncmp(own, name, length) == 0) {
            ret_option->argument = argument;
            return true;
        }
    }
    return false;
}

static bool find_short(const struct parser *parser, char letter, struct option *ret_option)
{
    const struct operation *operation = parser->call->operation;

    for (size_t i = 0; i < ARRAY_LEN(global_options); i++) {
        if (global_options[i].letter == letter) {
            ret_option->global = &global_options[i];
            return true;
        }
    }
    for (size_t i = 0; operation && i < operation->argument_count; i++) {
        if (operation->arguments[i].letter == letter && !operation->arguments[i].is_positional) {
            ret_option->argument = &operation->arguments[i];
            return true;
        }
    }
    return false;
}

static int unknown_option(const struct parser *parser, const char *shown, const char *name)
{
    const struct operation *operation = parser->call->operation;
    char own[NAMES_MAX][OPTION_NAME_MAX];
    const char *names[NAMES_MAX];
    const char *nearest;
    size_t count = 0;
    int r;

    for (size_t i = 0; i < ARRAY_LEN(global_options); i++) {
        names[count++] = global_options[i].name;
    }
    for (size_t i = 0; operation && i < operation->argument_count && count < NAMES_MAX; i++) {
        if (!operation->arguments[i].is_positional) {
            cli_option_name(&operation->arguments[i], own[count], sizeof(own[count]));
            names[count] = own[count];
            count++;
        }
    }
    nearest = name ? nearest_name(name, names, count) : NULL;
    r = operation
            ? error_set(parser->err, ERROR_INVALID, "%s has no option %s", operation->name, shown)
            : error_set(parser->err, ERROR_INVALID, "there is no option %s", shown);
    if (nearest) {
        error_hint(parser->err, "did you mean --%s? `fermata help %s` lists the options", nearest,
                   operation ? operation->name : "");
    } else {
        error_hint(parser->err, "`fermata help%s%s` lists the options", operation ? " " : "",
                   operation ? operation->name : "");
    }
    return r;
}

/* ---- values ---- */

static int make_text(const struct parser *parser, const char *text, json_t **ret_value)
{
    if (!utf8_is_valid(text, strlen(text))) {
        return error_set(parser->err, ERROR_INVALID, "an argument is not valid UTF-8");
    }
    *ret_value = json_string(text);
    return 0;
}

/* KEY=VALUE; VALUE @FILE reads a file, @@TEXT is a text that begins with @. */
static int refuse_second(const struct parser *parser, const struct option *option, const char *key)
{
    int r = error_set(parser->err, ERROR_INVALID, "%s %s is given twice", option->shown, key);

    error_hint(parser->err, "give each key once");
    return r;
}

static int add_pair(const struct parser *parser, const struct option *option, const char *text)
{
    json_t *arguments = parser->call->arguments;
    json_t *pairs = json_object_get(arguments, option->argument->name);
    const char *equals = strchr(text, '=');
    json_t *value = NULL;
    char *key;
    int r;

    if (!equals || equals == text) {
        r = error_set(parser->err, ERROR_INVALID, "%s %s: expected KEY=VALUE", option->shown, text);
        error_hint(parser->err, "for example: %s name=text, or %s name=@FILE", option->shown,
                   option->shown);
        return r;
    }
    if (equals[1] == '@' && equals[2] != '@') {
        size_t length;
        char *data;

        r = file_read(equals + 2, INPUT_FILE_BYTES_MAX, &data, &length, parser->err);
        if (r < 0) {
            error_context(parser->err, "%s %.*s", option->shown, (int)(equals - text), text);
            return r;
        }
        value = json_text_lossy(data, length);
        free(data);
    } else {
        r = make_text(parser, equals + (equals[1] == '@' ? 2 : 1), &value);
        if (r < 0) {
            return r;
        }
    }
    if (!pairs) {
        pairs = json_object();
        json_put(arguments, option->argument->name, pairs);
    }
    key = mem_strndup(text, (size_t)(equals - text));
    if (json_object_get(pairs, key)) {
        json_decref(value);
        r = refuse_second(parser, option, key);
    } else if (json_object_set_new(pairs, key, value) < 0) {
        r = error_set(parser->err, ERROR_INVALID, "%s: the key is not valid UTF-8", option->shown);
    }
    free(key);
    return r;
}

static int add_argument(const struct parser *parser, const struct argument *argument,
                        const char *text)
{
    json_t *arguments = parser->call->arguments;
    json_t *value = NULL;
    int r = make_text(parser, text, &value);

    if (r < 0) {
        return r;
    }
    if (argument->is_repeated) {
        json_t *list = json_object_get(arguments, argument->name);

        if (!list) {
            list = json_array();
            json_put(arguments, argument->name, list);
        }
        json_array_append_new(list, value);
        return 0;
    }
    json_put(arguments, argument->name, value);
    return 0;
}

static int set_global(const struct parser *parser, const struct global_option *option,
                      const char *value)
{
    struct cli_call *call = parser->call;

    if (strcmp(option->name, "project") == 0) {
        call->project = value;
    } else if (strcmp(option->name, "config") == 0) {
        call->config = value;
    } else if (strcmp(option->name, "json") == 0) {
        call->wants_json = true;
    } else if (strcmp(option->name, "no-color") == 0) {
        call->no_color = true;
    } else if (strcmp(option->name, "help") == 0) {
        call->wants_help = true;
    } else if (strcmp(option->name, "version") == 0) {
        call->wants_version = true;
    } else if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0) {
        return error_set(parser->err, ERROR_INVALID, "--log-format: %s is none of text, json",
                         value);
    } else {
        call->log_format = value;
    }
    return 0;
}

static int set_option(const struct parser *parser, const struct option *option, const char *value)
{
    if (option->global) {
        return set_global(parser, option->global, value);
    }
    if (option->argument->type == ARGUMENT_BOOLEAN) {
        json_put(parser->call->arguments, option->argument->name, json_true());
        return 0;
    }
    if (option->argument->type == ARGUMENT_PAIRS) {
        return add_pair(parser, option, value);
    }
    return add_argument(parser, option->argument, value);
}

/* ---- one word ---- */

static int take_value(struct parser *parser, const struct option *option, const char **ret_value)
{
    int r;

    if (parser->index < parser->argc) {
        *ret_value = parser->argv[parser->index++];
        return 0;
    }
    r = error_set(parser->err, ERROR_INVALID, "%s needs a value", option->shown);
    error_hint(parser->err, "for example: %s %s", option->shown,
               option->global                 ? option->global->value_name
               : option->argument->value_name ? option->argument->value_name
                                              : "VALUE");
    return r;
}

static int parse_long(struct parser *parser, const char *word)
{
    size_t length = strcspn(word + 2, "=");
    const char *value = word[2 + length] ? word + 3 + length : NULL;
    struct option option = {0};
    char *name;
    int r = 0;

    (void)snprintf(option.shown, sizeof(option.shown), "--%.*s", (int)length, word + 2);
    if (!find_long(parser, word + 2, length, &option)) {
        name = mem_strndup(word + 2, length);
        r = unknown_option(parser, option.shown, name);
        free(name);
        return r;
    }
    if (!takes_value(&option) && value) {
        return error_set(parser->err, ERROR_INVALID, "%s takes no value", option.shown);
    }
    if (takes_value(&option) && !value) {
        r = take_value(parser, &option, &value);
    }
    return r < 0 ? r : set_option(parser, &option, value);
}

/* -abc, -n5, -n 5 */
static int parse_short(struct parser *parser, const char *word)
{
    for (const char *at = word + 1; *at; at++) {
        struct option option = {0};
        const char *value = NULL;
        int r = 0;

        (void)snprintf(option.shown, sizeof(option.shown), "-%c", *at);
        if (!find_short(parser, *at, &option)) {
            return unknown_option(parser, option.shown, NULL);
        }
        if (!takes_value(&option)) {
            r = set_option(parser, &option, NULL);
            if (r < 0) {
                return r;
            }
            continue;
        }
        if (at[1]) {
            value = at[1] == '=' ? at + 2 : at + 1;
        } else {
            r = take_value(parser, &option, &value);
        }
        return r < 0 ? r : set_option(parser, &option, value);
    }
    return 0;
}

/* An option that takes the word as one of its choices. */
static const struct argument *find_choice(const struct operation *operation, const char *word)
{
    for (size_t i = 0; i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];

        if (!argument->is_positional && argument_takes(argument, word)) {
            return argument;
        }
    }
    return NULL;
}

static int too_many(const struct parser *parser, const char *word)
{
    const struct operation *operation = parser->call->operation;
    const struct argument *choice = find_choice(operation, word);
    const char *stray = operation->stray;
    int r = error_set(parser->err, ERROR_INVALID, "%s: %s is one word too many", operation->name,
                      word);

    if (choice) {
        error_hint(parser->err, "did you mean --%s %s?", choice->name, word);
    } else if (stray && strncmp(stray, "--", 2) == 0) {
        error_hint(parser->err, "did you mean %s %s? See `fermata help %s`", stray, word,
                   operation->name);
    } else if (stray) {
        error_hint(parser->err, "%s", stray);
    } else {
        error_hint(parser->err, "put a text of several words in quotes; see `fermata help %s`",
                   operation->name);
    }
    return r;
}

static int parse_positional(struct parser *parser, const char *word)
{
    const struct operation *operation = parser->call->operation;
    size_t position = 0;

    for (size_t i = 0; i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];

        if (!argument->is_positional) {
            continue;
        }
        if (position == parser->positional_count || argument->is_repeated) {
            parser->positional_count++;
            return add_argument(parser, argument, word);
        }
        position++;
    }
    return too_many(parser, word);
}

static int unknown_command(const struct parser *parser, const char *word)
{
    const char *nearest = ops_nearest(word);
    int r = error_set(parser->err, ERROR_INVALID, "there is no command %s", word);

    if (nearest) {
        error_hint(parser->err, "did you mean `fermata %s`? `fermata help` lists all", nearest);
    } else {
        error_hint(parser->err, "`fermata help` lists all commands");
    }
    return r;
}

static int parse_command(struct parser *parser, const char *word)
{
    struct cli_call *call = parser->call;

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].name, word) == 0) {
            call->word = words[i].word;
            call->rest = parser->argv + parser->index;
            return 0;
        }
    }
    call->operation = ops_find(word);
    if (!call->operation) {
        return unknown_command(parser, word);
    }
    call->word = WORD_OPERATION;
    return 0;
}

static int parse_word(struct parser *parser, char *word)
{
    struct cli_call *call = parser->call;

    if (!parser->only_words && strcmp(word, "--") == 0) {
        parser->only_words = true;
        return 0;
    }
    if (!parser->only_words && strncmp(word, "--", 2) == 0) {
        return parse_long(parser, word);
    }
    if (!parser->only_words && word[0] == '-' && word[1] && word[1] != ' ') {
        return parse_short(parser, word);
    }
    if (call->word == WORD_NONE) {
        return parse_command(parser, word);
    }
    if (call->word == WORD_OPERATION) {
        return parse_positional(parser, word);
    }
    if (call->rest_count > 0) {
        int r = error_set(parser->err, ERROR_INVALID, "%s is one word too many", word);

        error_hint(parser->err, "`fermata help` lists what there is");
        return r;
    }
    call->rest[call->rest_count++] = word;
    return 0;
}

/* Found first, so that an error in the words before it is shown as JSON as well. */
static bool has_json_flag(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

/* --version is the command of that name, wherever it stands. */
static void turn_into_version(struct cli_call *call)
{
    call->word = WORD_OPERATION;
    call->operation = ops_find("version");
    call->wants_help = false;
    json_object_clear(call->arguments);
}

int cli_parse(int argc, char **argv, struct cli_call *ret_call, struct error *err)
{
    struct parser parser = {.argc = argc, .argv = argv, .index = 1, .call = ret_call, .err = err};

    *ret_call = (struct cli_call){.arguments = json_object(),
                                  .wants_json = has_json_flag(argc, argv)};
    while (parser.index < argc) {
        char *word = argv[parser.index++];
        int r;

        /* What a shell wants completed is not ours to judge. */
        if (ret_call->word == WORD_COMPLETE) {
            ret_call->rest[ret_call->rest_count++] = word;
            continue;
        }
        r = parse_word(&parser, word);
        if (r < 0) {
            return r;
        }
    }
    if (ret_call->wants_version) {
        turn_into_version(ret_call);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* json SCRIPT EXPRESSION [COMMAND...]: prints what an expression of Python says about `d`, the JSON
 * on standard input or that which the command writes: a text as it is, all else as JSON. Tests ask
 * hundreds of times, and nearly always for one of
 *
 *     d["runs"][0].get("id")    len(d["runs"])    [r["id"] for r in d["runs"]]
 *
 * which are answered here, in a tenth of the time that Python takes to start. All else, and
 * whatever Python would print in another way, SCRIPT answers, which is Python's. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MAX (64U * 1024 * 1024)
#define NAME_MAX_BYTES 200

static bool skip(const char **at, const char *text)
{
    const size_t length = strlen(text);

    if (strncmp(*at, text, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

/* A text in either quotes, without escapes. */
static bool read_name(const char **at, char name[NAME_MAX_BYTES])
{
    const char quote = **at;
    const char *end;

    if (quote != '"' && quote != '\'') {
        return false;
    }
    end = strchr(*at + 1, quote);
    if (!end || end - *at > NAME_MAX_BYTES || memchr(*at, '\\', (size_t)(end - *at))) {
        return false;
    }
    memcpy(name, *at + 1, (size_t)(end - *at - 1));
    name[end - *at - 1] = '\0';
    *at = end + 1;
    return true;
}

/* What follows the name of a value: ["key"], [number], .get("key"). False for all else, and for
 * what is not there: the rest of the expression may know about that. */
static bool read_path(const char **at, json_t *value, json_t **ret_value)
{
    char name[NAME_MAX_BYTES];
    bool optional;
    char *end;
    long index;

    for (;;) {
        optional = skip(at, ".get(");
        if (!optional && !skip(at, "[")) {
            *ret_value = value;
            return true;
        }
        if (read_name(at, name)) {
            if (!skip(at, optional ? ")" : "]") || !json_is_object(value)) {
                return false;
            }
            value = json_object_get(value, name);
            value = value || !optional ? value : json_null();
        } else {
            index = strtol(*at, &end, 10);
            if (optional || end == *at || *end != ']' || !json_is_array(value)) {
                return false;
            }
            *at = end + 1;
            index += index < 0 ? (long)json_array_size(value) : 0;
            value = index < 0 ? NULL : json_array_get(value, (size_t)index);
        }
        if (!value) {
            return false;
        }
    }
}

/* [x... for x in d...], x being one letter. Its items belong to the list that is made. */
static bool read_list(const char *at, json_t *d, json_t **ret_value)
{
    const char *const item = at + 2;
    const char *of = strstr(at, " for ");
    json_t *list, *one, *found;
    size_t index;

    if (at[0] != '[' || !islower((unsigned char)at[1]) || !of || of[5] != at[1] ||
        strncmp(of + 6, " in d", 5) != 0) {
        return false;
    }
    at = of + 11;
    if (!read_path(&at, d, &list) || strcmp(at, "]") != 0 || !json_is_array(list)) {
        return false;
    }
    *ret_value = json_array();
    json_array_foreach(list, index, one)
    {
        at = item;
        if (!read_path(&at, one, &found) || at != of) {
            return false;
        }
        json_array_append(*ret_value, found);
    }
    return true;
}

static bool read_expression(const char *at, json_t *d, json_t **ret_value)
{
    const bool count = skip(&at, "len(");

    if (*at == '[') {
        return !count && read_list(at, d, ret_value);
    }
    if (!skip(&at, "d") || !read_path(&at, d, ret_value) || strcmp(at, count ? ")" : "") != 0) {
        return false;
    }
    if (!count) {
        return true;
    }
    if (!json_is_array(*ret_value) && !json_is_object(*ret_value)) {
        return false;
    }
    *ret_value = json_integer((json_int_t)(json_is_array(*ret_value)
                                               ? json_array_size(*ret_value)
                                               : json_object_size(*ret_value)));
    return true;
}

/* Fractions, and what has to be escaped, are written in another way by Python. */
static bool is_written_alike(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~' ||
            (*text == '\\' && text[1] == 'u')) {
            return false;
        }
    }
    return true;
}

static bool has_fraction(json_t *value)
{
    const char *key;
    json_t *one;
    size_t index;

    if (json_is_object(value)) {
        json_object_foreach(value, key, one)
        {
            if (has_fraction(one)) {
                return true;
            }
        }
    }
    json_array_foreach(value, index, one)
    {
        if (has_fraction(one)) {
            return true;
        }
    }
    return json_is_real(value);
}

static bool print(json_t *value)
{
    char *text;

    if (json_is_string(value)) {
        return fwrite(json_string_value(value), 1, json_string_length(value), stdout) ==
                   json_string_length(value) &&
               putchar('\n') != EOF;
    }
    if (has_fraction(value)) {
        return false;
    }
    text = json_dumps(value, JSON_ENCODE_ANY);
    return text && is_written_alike(text) && puts(text) >= 0;
}

/* A pipeline of a shell is two processes more, each a copy of the shell; how the command ends is
 * not asked for there either. */
static FILE *start(char *const command[])
{
    posix_spawn_file_actions_t actions;
    int pipe_of_output[2];
    pid_t pid;

    if (pipe2(pipe_of_output, O_CLOEXEC) != 0 || posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, pipe_of_output[1], STDOUT_FILENO) != 0 ||
        posix_spawnp(&pid, command[0], &actions, NULL, command, environ) != 0) {
        perror("json");
        exit(2);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(pipe_of_output[1]);
    return fdopen(pipe_of_output[0], "r");
}

/* The input from its beginning, as somebody else's standard input. */
static void ask_python(char *script, char *expression, const char *input, size_t size)
{
    char *const arguments[] = {"python3", "-IS", script, expression, NULL};
    const int file = memfd_create("input", 0);

    if (file < 0 || write(file, input, size) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0 ||
        dup2(file, STDIN_FILENO) < 0) {
        perror("json");
        exit(2);
    }
    (void)execvp(arguments[0], arguments);
    perror("json: python3");
    exit(2);
}

int main(int count, char **arguments)
{
    char *input = malloc(INPUT_MAX);
    json_t *d, *value = NULL;
    FILE *file;
    size_t size;

    if (count < 3 || !input) {
        (void)fputs("usage: json SCRIPT EXPRESSION [COMMAND...]\n", stderr);
        return 2;
    }
    file = count > 3 ? start(arguments + 3) : stdin;
    size = file ? fread(input, 1, INPUT_MAX, file) : 0;
    while (count > 3 && wait(NULL) < 0 && errno == EINTR) {
    }
    d = json_loadb(input, size, JSON_DECODE_ANY, NULL);
    if (!d || !read_expression(arguments[2], d, &value) || !print(value)) {
        ask_python(arguments[1], arguments[2], input, size);
    }
    return fflush(stdout) == 0 ? 0 : 2;
}

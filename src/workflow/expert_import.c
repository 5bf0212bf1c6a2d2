/* SPDX-License-Identifier: MIT */
/* The front matter of other programs is nearly YAML: claude takes a description with a colon in it
 * as it stands, so that what YAML refuses is read line by line. */
#include "workflow/expert_import.h"
#include "base/alloc.h"
#include "base/strbuf.h"
#include "workflow/expert.h"
#include "workflow/keys.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEMPERATURE_MAX 2.0

struct import {
    const json_t *front; /* an object */
    json_t *result;      /* our front matter, in the order of writing */
    json_t *notes;
    enum expert_form form;
    bool is_read_only;
};

static void note(struct import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct import *import, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) >= 0) {
        (void)json_array_append_new(import->notes, json_text_lossy(text, strlen(text)));
    }
    va_end(args);
}

/* ---- the front matter ----------------------------------------------------------------------- */

/* "key: the rest of the line", whatever that holds; deeper lines belong to what is not read. */
static json_t *read_lines(const char *front, size_t length)
{
    json_t *result = json_object();
    const char *end = front + length;

    while (front < end) {
        size_t line = strcspn(front, "\r\n");
        size_t name = strcspn(front, ": \t\r\n");

        if (name > 0 && name < line && front[name] == ':') {
            char *key = mem_strndup(front, name);
            const char *value = front + name + 1;
            size_t rest = line - name - 1;

            while (rest > 0 && (*value == ' ' || *value == '\t')) {
                value++;
                rest--;
            }
            json_put(result, key, json_stringn(value, rest));
            free(key);
        }
        front += line;
        front += strspn(front, "\r\n");
    }
    return result;
}

static json_t *read_front(const char *front, size_t length)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct arena *arena = arena_new();
    struct yaml_node *root = NULL;
    struct error err = ERROR_INIT;
    json_t *result = NULL;

    if (yaml_parse(arena, front, length, problems, &root, &err) == 0 && root->kind == YAML_MAP) {
        result = yaml_to_json(root);
    }
    arena_free(arena);
    free(problems);
    return result ? result : read_lines(front, length);
}

/* ---- tools ---------------------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* To the comma behind a name; what stands in brackets belongs to it: "Bash(git log:*)". */
static size_t name_length(const char *text)
{
    size_t length = 0;
    int depth = 0;

    while (text[length] && (depth > 0 || text[length] != ',')) {
        depth += text[length] == '(' ? 1 : text[length] == ')' ? -1 : 0;
        length++;
    }
    return length;
}

/* A list, or texts with commas between them. */
static json_t *list_of(const json_t *value)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    json_t *list = json_array();

    if (json_is_array(value)) {
        (void)json_array_extend(list, (json_t *)(uintptr_t)value);
    }
    while (*text) {
        size_t whole = name_length(text);
        size_t start = strspn(text, " \t[\"'");
        size_t end = whole;

        while (end > start && strchr(" \t]\"'", text[end - 1])) {
            end--;
        }
        if (end > start) {
            (void)json_array_append_new(list, json_stringn(text + start, end - start));
        }
        text += whole + (text[whole] == ',');
    }
    return list;
}

/* What claude may use: reading and editing go without saying, by the permission. */
static void take_claude_tools(struct import *import, const json_t *value)
{
    static const char *const editing[] = {"Edit", "MultiEdit", "NotebookEdit", "Write"};
    static const char *const reading[] = {"Glob", "Grep", "LS", "NotebookRead", "Read"};
    json_t *names = list_of(value);
    json_t *others = json_array();
    bool can_edit = json_array_size(names) == 0;
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);

        can_edit = can_edit || (text && (strcmp(text, "*") == 0 ||
                                         is_one_of(text, editing, ARRAY_LEN(editing))));
    }
    import->is_read_only = import->is_read_only || !can_edit;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);

        if (!text || is_one_of(text, editing, ARRAY_LEN(editing)) ||
            is_one_of(text, reading, ARRAY_LEN(reading)) || strcmp(text, "*") == 0) {
            continue;
        }
        if (import->is_read_only && strcmp(text, "Bash") == 0) {
            note(import, "the tool Bash: with any command it would not be read-only");
        } else {
            (void)json_array_append_new(others, json_string(text));
        }
    }
    if (json_array_size(others) > 0) {
        json_put(import->result, "tools", json_pack("{s:O}", "claude", others));
    }
    json_decref(others);
    json_decref(names);
}

/* opencode says which tools are there, and what a permission is. */
static void take_opencode_tools(struct import *import, const json_t *value)
{
    const char *name;
    json_t *each;

    json_object_foreach((json_t *)(uintptr_t)value, name, each)
    {
        bool is_edit = strcmp(name, "write") == 0 || strcmp(name, "edit") == 0 ||
                       strcmp(name, "patch") == 0;

        if (json_is_false(each) && is_edit) {
            import->is_read_only = true;
        } else if (!json_is_true(each) || !is_edit) {
            note(import, "the tool %s: %s", name, json_is_false(each) ? "switched off" : "allowed");
        }
    }
}

static void take_permission(struct import *import, const json_t *value)
{
    const char *name;
    json_t *each;

    if (json_is_string(value)) {
        import->is_read_only = import->is_read_only ||
                               strcmp(json_string_value(value), "deny") == 0;
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, each)
    {
        const char *word = json_string_value(each);

        if (strcmp(name, "edit") == 0 && word && strcmp(word, "deny") == 0) {
            import->is_read_only = true;
        } else if (strcmp(name, "edit") != 0 || !word || strcmp(word, "allow") != 0) {
            note(import, "the permission of %s", name);
        }
    }
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void take_model(struct import *import, const json_t *value)
{
    const char *model = json_string_value(value);
    const char *agent = import->form == FORM_OPENCODE ? "opencode" : "claude";

    if (model && *model && strcasecmp(model, "inherit") != 0) {
        json_put(import->result, "model", json_pack("{s:s}", agent, model));
    }
}

static void take_temperature(struct import *import, const json_t *value)
{
    double temperature = json_is_string(value) ? strtod(json_string_value(value), NULL)
                                               : json_number_value(value);

    if (temperature >= 0 && temperature <= TEMPERATURE_MAX) {
        json_put(import->result, "temperature", json_real(temperature));
    } else {
        note(import, "the temperature %g: it is from 0 to 2", temperature);
    }
}

static void take_mode(struct import *import, const json_t *value)
{
    const char *mode = json_string_value(value);

    if (mode && strcmp(mode, "plan") == 0) {
        import->is_read_only = true;
    } else if (mode && strcmp(mode, "subagent") != 0 && strcmp(mode, "default") != 0) {
        note(import, "the mode %s", mode);
    }
}

static void take_tools(struct import *import, const json_t *value)
{
    if (json_is_object(value)) {
        take_opencode_tools(import, value);
    } else {
        take_claude_tools(import, value);
    }
}

static void take_text(struct import *import, const json_t *value)
{
    if (json_is_string(value)) {
        json_put_text(import->result, "description", json_string_value(value));
    }
}

static void take_nothing(struct import *import, const json_t *value)
{
    (void)import;
    (void)value;
}

static void take_keys(struct import *import)
{
    static const struct {
        const char *key;
        void (*take)(struct import *import, const json_t *value);
    } rules[] = {
        {"name", take_nothing},  {"description", take_text},
        {"model", take_model},   {"temperature", take_temperature},
        {"tools", take_tools},   {"permission", take_permission},
        {"mode", take_mode},     {"permissionMode", take_mode},
        {"color", take_nothing},
    };
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)import->front, key, value)
    {
        size_t i = 0;

        while (i < ARRAY_LEN(rules) && strcmp(rules[i].key, key) != 0) {
            i++;
        }
        if (i < ARRAY_LEN(rules)) {
            rules[i].take(import, value);
        } else {
            note(import, "the key %s", key);
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static enum expert_form find_form(const json_t *front)
{
    return json_object_get(front, "mode") || json_is_object(json_object_get(front, "tools")) ||
                   json_object_get(front, "permission")
               ? FORM_OPENCODE
               : FORM_CLAUDE;
}

/* JSON is YAML. */
static void write_text(const struct import *import, const char *name, const char *body,
                       struct strbuf *text)
{
    const char *key;
    json_t *value;

    strbuf_addf(text, "---\nname: %s\n", name);
    json_object_foreach(import->result, key, value)
    {
        char *dump = json_is_real(value) ? mem_printf("%g", json_real_value(value))
                                         : json_dump_compact(value);

        strbuf_addf(text, "%s: %s\n", key, dump);
        free(dump);
    }
    strbuf_addf(text, "permission: %s\n---\n\n%s", import->is_read_only ? "read-only" : "edit",
                body);
}

int expert_import(const char *text, const char *file_name, enum expert_form form,
                  struct imported_expert *ret_expert, struct error *err)
{
    size_t length = 0;
    const char *body = expert_body(text, &length);
    json_t *front = body && length > 0 ? read_front(text, length) : json_object();
    const char *own = json_get_text(front, "name", NULL);
    struct import import = {.front = front, .result = json_object(), .notes = json_array()};
    struct strbuf written;
    int r = 0;

    import.form = form == FORM_UNKNOWN ? find_form(front) : form;
    own = own && name_is_valid(own) ? own : file_name;
    if (!body || !body[strspn(body, " \t\r\n")]) {
        r = error_set(err, ERROR_VALIDATION, "it says nothing behind its front matter");
    } else if (!name_is_valid(own)) {
        r = error_set(err, ERROR_VALIDATION, "\"%.80s\" can be no expert's name", own);
    } else if (json_is_true(json_object_get(front, "disable"))) {
        r = error_set(err, ERROR_VALIDATION, "it is disabled");
    }
    if (r == 0) {
        take_keys(&import);
        strbuf_init(&written, 2 * (size_t)EXPERT_BYTES_MAX);
        write_text(&import, own, body + strspn(body, "\r\n"), &written);
        ret_expert->name = mem_strdup(own);
        ret_expert->text = strbuf_take(&written);
        ret_expert->notes = json_incref(import.notes);
        strbuf_release(&written);
    }
    json_decref(import.result);
    json_decref(import.notes);
    json_decref(front);
    return r;
}

void imported_expert_release(struct imported_expert *expert)
{
    free(expert->name);
    free(expert->text);
    json_decref(expert->notes);
}

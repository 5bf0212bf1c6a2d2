/* SPDX-License-Identifier: MIT */
/* `models` for people. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count_loaded(const json_t *models)
{
    const json_t *model;
    size_t count = 0;
    size_t index;

    json_array_foreach(models, index, model)
    {
        count += json_get_boolean(model, "loaded", false) ? 1 : 0;
    }
    return count;
}

static void describe(const json_t *server, char *ret_text, size_t size)
{
    const json_t *models = json_object_get(server, "models");
    size_t count = json_array_size(models);
    size_t loaded = count_loaded(models);

    if (json_get_boolean(server, "loading", false)) {
        (void)snprintf(ret_text, size, "loads its model");
    } else if (!json_get_boolean(server, "ok", false)) {
        (void)snprintf(ret_text, size, "%s",
                       json_get_boolean(server, "unreachable", false) ? "not there" : "in trouble");
    } else if (loaded > 0) {
        (void)snprintf(ret_text, size, "%zu model%s, %zu loaded", count, count == 1 ? "" : "s",
                       loaded);
    } else {
        (void)snprintf(ret_text, size, "%zu model%s", count, count == 1 ? "" : "s");
    }
}

static void print_errors(const struct terminal *terminal, const json_t *servers,
                         struct strbuf *target)
{
    const json_t *server;
    size_t index;

    json_array_foreach(servers, index, server)
    {
        const char *error = json_get_text(server, "error", NULL);

        /* Whoever never said that he has one wants no word about it. */
        if (error && !(json_get_boolean(server, "builtin", false) &&
                       json_get_boolean(server, "unreachable", false))) {
            char *line = mem_printf("%s: %s", json_get_text(server, "agent", ""), error);
            struct strbuf clean;

            strbuf_init(&clean, OUTPUT_BYTES_MAX);
            utf8_add_printable(&clean, line, strlen(line));
            if (target->length > 0) {
                strbuf_add_char(target, '\n');
            }
            add_wrapped(terminal, target, clean.data, 0);
            strbuf_release(&clean);
            free(line);
        }
    }
}

static void print_servers(const struct terminal *terminal, const json_t *servers,
                          struct strbuf *target)
{
    struct table *table = table_new(5, 2);
    const json_t *server;
    size_t index;
    char text[80];

    table_add(table, "");
    table_add(table, "AGENT");
    table_add(table, "ENDPOINT");
    table_add(table, "VERSION");
    table_add(table, "STATE");
    json_array_foreach(servers, index, server)
    {
        const char *status = json_get_boolean(server, "ok", false)        ? "completed"
                             : json_get_boolean(server, "loading", false) ? "running"
                                                                          : "failed";

        describe(server, text, sizeof(text));
        table_add_styled(table, status_mark(terminal, status), status_style(status));
        table_add(table, json_get_text(server, "agent", ""));
        table_add(table, json_get_text(server, "endpoint", ""));
        table_add(table, json_get_text(server, "version", ""));
        table_add(table, text);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
    print_errors(terminal, servers, target);
}

static void add_model(struct table *table, const json_t *server, const json_t *model)
{
    json_int_t size = json_get_integer(model, "size", -1);
    char text[32] = "";

    if (size >= 0) {
        format_bytes(size, text, sizeof(text));
    }
    table_add(table, json_get_text(model, "name", ""));
    table_add(table, json_get_text(server, "agent", ""));
    table_add(table, text);
    table_add(table, json_get_text(model, "parameters", ""));
    table_add(table, json_get_text(model, "quantization", ""));
    table_add(table, json_get_boolean(model, "loaded", false) ? "loaded" : "");
}

static void print_list(const struct terminal *terminal, const json_t *servers, bool is_missing,
                       struct strbuf *target)
{
    struct table *table = table_new(6, 0);
    const json_t *server, *model;
    size_t i, j;
    size_t count = 0;

    table_add(table, "MODEL");
    table_add(table, "AGENT");
    table_add(table, "SIZE");
    table_add(table, "PARAMETERS");
    table_add(table, "QUANTIZED");
    table_add(table, "");
    json_array_foreach(servers, i, server)
    {
        json_array_foreach(json_object_get(server, "models"), j, model)
        {
            add_model(table, server, model);
            count++;
        }
    }
    if (count > 0) {
        table_format(table, terminal, 0, true, target);
    } else if (!is_missing) {
        strbuf_add(target, "No server that answers has a model; `fermata models` says which "
                           "answer\n");
    }
    table_free(table);
    if (is_missing) {
        print_errors(terminal, servers, target);
    }
}

void print_models(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                  struct strbuf *target)
{
    const char *action = json_get_text(result, "action", "");
    const json_t *servers = json_object_get(result, "servers");

    (void)now_ms;
    if (strcmp(action, "status") == 0 && json_array_size(servers) == 0) {
        strbuf_add(target, "No model server is configured, and the built-in ones are disabled\n");
    } else if (strcmp(action, "status") == 0) {
        print_servers(terminal, servers, target);
    } else if (strcmp(action, "list") == 0) {
        print_list(terminal, servers, json_get_boolean(result, "missing", false), target);
    } else {
        strbuf_addf(target, "%s %s at %s\n", strcmp(action, "pull") == 0 ? "Pulled" : "Removed",
                    json_get_text(result, "model", ""), json_get_text(result, "endpoint", ""));
    }
}

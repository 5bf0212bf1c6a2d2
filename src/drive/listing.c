/* SPDX-License-Identifier: MIT */
#include "drive/listing.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 12

static const char *plain_name(const char *name)
{
    return strncmp(name, "models/", 7) == 0 ? name + 7 : name;
}

static void put_count(json_t *target, const char *key, const json_t *value)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        json_put_integer(target, key, json_integer_value(value));
    }
}

static json_t *read_model(const struct server *server, const json_t *value)
{
    const char *name = json_get_text(value, server->name_key, NULL);
    const json_t *details = json_object_get(value, "details");
    const json_t *meta = json_object_get(value, "meta"); /* of llama.cpp */
    const char *status = json_get_text(json_object_get(value, "status"), "value", NULL);
    const char *title = json_get_text(value, "display_name", NULL);
    json_t *model;

    if (!name || !*name) {
        return NULL;
    }
    model = json_object();
    json_put_text(model, "name", plain_name(name));
    json_put_text(model, "title", title ? title : json_get_text(value, "displayName", NULL));
    put_count(model, "size", json_object_get(value, "size"));
    put_count(model, "size", json_object_get(meta, "size"));
    json_put_text(model, "modified", json_get_text(value, "modified_at", NULL));
    json_put_text(model, "family", json_get_text(details, "family", NULL));
    json_put_text(model, "parameters", json_get_text(details, "parameter_size", NULL));
    json_put_text(model, "quantization", json_get_text(details, "quantization_level", NULL));
    put_count(model, "context", json_object_get(meta, "n_ctx_train"));
    put_count(model, "context", json_object_get(value, "inputTokenLimit"));
    put_count(model, "context", json_object_get(value, "context_window"));
    if (status) {
        json_put(model, "loaded", json_boolean(strcmp(status, "loaded") == 0));
    }
    return model;
}

json_t *listing_read(const struct server *server, const json_t *value)
{
    const json_t *items = json_is_array(value) ? value : json_object_get(value, server->models_key);
    json_t *models = json_array();
    const json_t *item;
    size_t index;

    json_array_foreach(items, index, item)
    {
        json_t *model = read_model(server, item);

        if (model) {
            (void)json_array_append_new(models, model);
        }
    }
    return models;
}

static bool has_name(const struct server *server, const json_t *items, const char *name)
{
    const json_t *item;
    size_t index;

    json_array_foreach(items, index, item)
    {
        if (strcmp(json_get_text(item, server->name_key, ""), name) == 0) {
            return true;
        }
    }
    return false;
}

void listing_mark_loaded(const struct server *server, json_t *models, const json_t *loaded)
{
    const json_t *items = json_object_get(loaded, server->models_key);
    json_t *model;
    size_t index;

    json_array_foreach(models, index, model)
    {
        json_put(model, "loaded",
                 json_boolean(has_name(server, items, json_get_text(model, "name", ""))));
    }
}

json_t *listing_fetch(const struct call *call, struct failure *ret_failure)
{
    const struct server *server = call->server;
    char *url = mem_printf("%s%s", call->place.base, server->models);
    json_t *value = call_get(call, url, ret_failure);
    json_t *models = value ? listing_read(server, value) : NULL;

    free(url);
    json_decref(value);
    if (models && server->loaded) {
        struct failure ignored; /* an old version does not tell */
        json_t *loaded = call_get(call, server->loaded, &ignored);

        if (loaded) {
            listing_mark_loaded(server, models, loaded);
        }
        free(ignored.text);
        json_decref(loaded);
    }
    return models;
}

bool listing_find_model(const struct call *call, char **ret_name, struct strbuf *names,
                        struct failure *ret_failure)
{
    json_t *models = listing_fetch(call, ret_failure);
    const json_t *model;
    size_t index;

    *ret_name = NULL;
    if (!models) {
        return false;
    }
    if (json_array_size(models) == 1) {
        *ret_name = mem_strdup(json_get_text(json_array_get(models, 0), "name", NULL));
    }
    json_array_foreach(models, index, model)
    {
        if (index == NAMES_MAX) {
            strbuf_addf(names, " and %zu more", json_array_size(models) - NAMES_MAX);
            break;
        }
        strbuf_add(names, index ? ", " : "");
        strbuf_add(names, json_get_text(model, "name", ""));
    }
    json_decref(models);
    return true;
}

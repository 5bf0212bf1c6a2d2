/* SPDX-License-Identifier: MIT */
/* What a step lets its agent do. Options are chosen by their kind: their ids and names are each
 * agent's own. */
#include "drive/acp.h"

#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

struct paths {
    int count;
    bool has_outside;
};

static void look_at(const struct acp_call *call, const char *path, struct paths *paths)
{
    if (path && *path) {
        paths->count++;
        paths->has_outside = paths->has_outside || !path_is_inside(call->cwd, path);
    }
}

static struct paths find_paths(const struct acp_call *call, const json_t *tool)
{
    static const char *const names[] = {"file_path", "filePath",      "path",
                                        "fileName",  "absolute_path", "notebook_path"};
    const json_t *input = json_object_get(tool, "rawInput");
    struct paths paths = {0};
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(tool, "locations"), i, item)
    {
        look_at(call, json_get_text(item, "path", NULL), &paths);
    }
    json_array_foreach(json_object_get(tool, "content"), i, item)
    {
        look_at(call, json_get_text(item, "path", NULL), &paths);
    }
    for (i = 0; i < ARRAY_LEN(names); i++) {
        look_at(call, json_get_text(input, names[i], NULL), &paths);
    }
    return paths;
}

static bool is_listed(const json_t *words, const char *word)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)words, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), word) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_word_of(const char *const *words, const char *word)
{
    for (; *words && strcmp(*words, word) != 0; words++) {
    }
    return *words != NULL;
}

/* An edit of which nobody says where it goes may go anywhere. */
static bool is_allowed(const struct acp_call *call, const json_t *tool, const char *kind)
{
    static const char *const looking[] = {"read", "search", "think", NULL};
    static const char *const changing[] = {"edit", "delete", "move", NULL};
    struct paths paths = find_paths(call, tool);

    if (is_word_of(looking, kind)) {
        return !paths.has_outside;
    }
    if (call->is_read_only) {
        return false;
    }
    if (is_word_of(changing, kind)) {
        return paths.count > 0 && !paths.has_outside;
    }
    return is_listed(call->tools, kind);
}

static const char *find_option(const json_t *options, const char *kind)
{
    const json_t *option;
    size_t i;

    json_array_foreach((json_t *)options, i, option)
    {
        if (strcmp(json_get_text(option, "kind", ""), kind) == 0) {
            return json_get_text(option, "optionId", NULL);
        }
    }
    return NULL;
}

const char *acp_choose_option(const struct acp_call *call, const json_t *params, const char *kind,
                              bool *ret_is_allowed)
{
    const json_t *tool = json_object_get(params, "toolCall");
    const json_t *options = json_object_get(params, "options");
    const char *option;

    kind = json_get_text(tool, "kind", kind ? kind : "other");
    *ret_is_allowed = is_allowed(call, tool, kind);
    /* Never for always: the next one is looked at as well. */
    option = find_option(options, *ret_is_allowed ? "allow_once" : "reject_once");
    if (!option && !*ret_is_allowed) {
        option = find_option(options, "reject_always");
    }
    *ret_is_allowed = *ret_is_allowed && option;
    return option;
}

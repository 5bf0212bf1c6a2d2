/* SPDX-License-Identifier: MIT */
#include "drive/acp.h"

#include "base/alloc.h"

#include <string.h>
#include <strings.h>

/* Ids differ from agent to agent; some are URLs that end in #plan. */
static bool is_called(const json_t *mode, const char *word)
{
    const char *id = json_get_text(mode, "id", "");
    const char *fragment = strrchr(id, '#');

    return strcasecmp(id, word) == 0 || (fragment && strcasecmp(fragment + 1, word) == 0) ||
           strcasecmp(json_get_text(mode, "name", ""), word) == 0;
}

static const char *find_mode(const json_t *modes, const char *const *words)
{
    size_t i;
    const json_t *mode;

    for (; *words; words++) {
        json_array_foreach(json_object_get(modes, "availableModes"), i, mode)
        {
            if (is_called(mode, *words)) {
                return json_get_text(mode, "id", NULL);
            }
        }
    }
    return NULL;
}

const json_t *acp_find_option(const json_t *session, const char *category)
{
    const json_t *option;
    size_t i;

    json_array_foreach(json_object_get(session, "configOptions"), i, option)
    {
        if (strcmp(json_get_text(option, "category", json_get_text(option, "id", "")), category) ==
            0) {
            return option;
        }
    }
    return NULL;
}

/* Some offer their modes only among their options. */
static json_t *modes_of(const json_t *session)
{
    const json_t *modes = json_object_get(session, "modes");
    const json_t *option = acp_find_option(session, "mode");
    json_t *found;
    json_t *list;
    const json_t *choice;
    size_t i;

    if (json_is_object(modes)) {
        return json_incref((json_t *)modes);
    }
    found = json_object();
    list = json_array();
    json_put_text(found, "currentModeId", json_get_text(option, "currentValue", NULL));
    json_array_foreach(json_object_get(option, "options"), i, choice)
    {
        json_t *mode = json_object();

        json_put_text(mode, "id", json_get_text(choice, "value", NULL));
        json_put_text(mode, "name", json_get_text(choice, "name", NULL));
        (void)json_array_append_new(list, mode);
    }
    json_put(found, "availableModes", list);
    return found;
}

/* To edit: the mode that asks us, so that our policy decides and not the agent's. */
char *acp_choose_mode(const struct acp_call *call, const json_t *session, bool *ret_is_missing)
{
    static const char *const reading[] = {"plan", "read-only", "readonly", NULL};
    static const char *const asking[] = {"default", "ask", "workspace-write", NULL};
    json_t *modes = modes_of(session);
    const char *mode = find_mode(modes, call->is_read_only ? reading : asking);
    const char *current = json_get_text(modes, "currentModeId", "");
    char *chosen;

    *ret_is_missing = call->is_read_only && !mode;
    mode = mode && strcmp(mode, current) != 0 ? mode : NULL;
    chosen = mem_strdup(mode);
    json_decref(modes);
    return chosen;
}

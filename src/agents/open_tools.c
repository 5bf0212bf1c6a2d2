/* SPDX-License-Identifier: MIT */
#include "agents/open_tools.h"

#include "base/map.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <string.h>

static void forget_all(struct open_tools *tools)
{
    map_free(tools->by_id);
    tools->by_id = NULL;
    tools->nameless = 0;
}

static void open_call(struct open_tools *tools, const struct agent_event *event)
{
    const char *name = event->name ? event->name : "tool";
    struct strbuf clean;

    strbuf_init(&clean, sizeof(tools->name) - 1);
    utf8_add_printable(&clean, name, strnlen(name, (sizeof(tools->name) - 1) / 3));
    memcpy(tools->name, clean.data, clean.length + 1);
    strbuf_release(&clean);
    tools->has_told = true;
    if (!event->id) {
        tools->nameless++;
        return;
    }
    if (!tools->by_id) {
        tools->by_id = map_new();
    }
    if (map_count(tools->by_id) < OPEN_TOOLS_MAX) {
        (void)map_put(tools->by_id, event->id, tools);
    }
}

void open_tools_note(struct open_tools *tools, const struct agent_event *event)
{
    switch (event->kind) {
    case AGENT_TOOL_CALL:
        open_call(tools, event);
        break;
    case AGENT_TOOL_RESULT:
        tools->nameless = 0;
        if (event->id && tools->by_id) {
            (void)map_remove(tools->by_id, event->id);
        }
        break;
    case AGENT_TEXT:
    case AGENT_THINKING:
    case AGENT_QUESTION:
        tools->nameless = 0;
        break;
    case AGENT_DONE:
        forget_all(tools);
        break;
    case AGENT_EDIT:
    case AGENT_USAGE:
    case AGENT_SESSION:
    case AGENT_ERROR:
        break;
    }
}

enum liveness_tools open_tools_state(const struct open_tools *tools)
{
    bool is_open = tools->nameless > 0 || (tools->by_id && map_count(tools->by_id) > 0);

    return is_open           ? LIVENESS_TOOLS_RUN
           : tools->has_told ? LIVENESS_TOOLS_IDLE
                             : LIVENESS_TOOLS_UNKNOWN;
}

void open_tools_release(struct open_tools *tools)
{
    forget_all(tools);
}

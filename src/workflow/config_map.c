/* SPDX-License-Identifier: MIT */
/* The `map` of a program's output, beyond what the key table says of each key alone: a map that can
 * never give an answer is found before anything is spent on it. */
#include "workflow/config_agent.h"

#include <string.h>

/* Also of a key whose value is wrong: that was told. */
static bool has_key(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->entries[i].key->text, key) == 0) {
            return true;
        }
    }
    return false;
}

/* What an event is nothing without. */
static const struct {
    const char *event;
    const char *keys[6];
    const char *wanted;
} needs[] = {
    {"text", {"text"}, "text"},
    {"thinking", {"text"}, "text"},
    {"edit", {"text"}, "text"},
    {"question", {"text"}, "text"},
    {"error", {"text"}, "text"},
    {"tool_call", {"name", "text"}, "name"},
    {"session", {"id", "name"}, "id"},
    {"usage",
     {"usage", "input_tokens", "output_tokens", "cached_tokens", "cost_usd", "turns"},
     "input_tokens"},
};

static void check_event(const struct reader *reader, const struct yaml_entry *entry)
{
    const struct yaml_node *event = yaml_find(entry->value, "event");

    for (size_t i = 0; event && i < ARRAY_LEN(needs); i++) {
        bool is_said = strcmp(needs[i].event, event->text) != 0;

        for (size_t j = 0; !is_said && j < ARRAY_LEN(needs[i].keys) && needs[i].keys[j]; j++) {
            is_said = has_key(entry->value, needs[i].keys[j]);
        }
        if (!is_said) {
            problems_add(reader->problems, entry->value->at, NULL,
                         "an event \"%s\" of a map needs the key \"%s\"", event->text,
                         needs[i].wanted);
        }
    }
}

static void check_events(const struct reader *reader, const struct yaml_node *events)
{
    bool has_text = false;

    for (size_t i = 0; i < events->count; i++) {
        const struct yaml_entry *entry = &events->entries[i];
        const struct yaml_node *event = entry->is_bad ? NULL : yaml_find(entry->value, "event");

        /* One that is wrong may be meant for it. */
        has_text = has_text || !event || strcmp(event->text, "text") == 0;
        if (event) {
            check_event(reader, entry);
        }
    }
    if (!has_text) {
        problems_add(reader->problems, events->at, "give one of them `event: text`",
                     "no event of the map is the answer");
    }
}

static void warn_key(const struct reader *reader, const struct yaml_node *map, const char *key,
                     const char *why)
{
    const struct yaml_node *value = yaml_find(map, key);

    if (value) {
        problems_warn(reader->problems, value->at, NULL, "\"%s\" of a map has no effect %s", key,
                      why);
    }
}

void config_check_map(const struct reader *reader, const struct yaml_node *agent,
                      const char *output_format)
{
    const struct yaml_node *map = yaml_find(agent, "map");
    bool is_lines = strcmp(output_format, "jsonl") == 0;

    if (!map) {
        return;
    }
    if (strcmp(output_format, "text") == 0) {
        problems_warn(reader->problems, map->at, "add `output: json`, or `jsonl`",
                      "\"map\" has no effect: the output of the agent is taken as text");
    } else if (is_lines && yaml_find(map, "events")) {
        for (size_t i = 0; i < map->count; i++) {
            const char *key = map->entries[i].key->text;

            if (strcmp(key, "events") != 0 && strcmp(key, "type") != 0) {
                warn_key(reader, map, key, "beside \"events\"");
            }
        }
        check_events(reader, yaml_find(map, "events"));
    } else {
        warn_key(reader, map, "events", "with `output: json`");
        warn_key(reader, map, "type", is_lines ? "without \"events\"" : "with `output: json`");
        if (!has_key(map, "answer") && !(is_lines && has_key(map, "events"))) {
            problems_add(reader->problems, map->at,
                         is_lines ? "add `answer: PATH`, or `events:`" : "add `answer: PATH`",
                         "the map does not say where the answer is");
        }
    }
}

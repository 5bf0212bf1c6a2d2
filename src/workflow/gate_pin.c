/* SPDX-License-Identifier: MIT */
/* A run is pinned to the text of its workflow, but a gate may come from the configuration, which
 * can change while the run goes on. So the gates that a workflow takes from there become part of
 * its text: a last line, a comment for other readers, that holds them as a config.yaml would. */
#include "workflow/keys.h"
#include "workflow/reader.h"

#include <stdio.h>
#include <string.h>

#define PIN_MARK "\n# gates of the configuration: "

static json_t *encode_check(const struct gate_check *check)
{
    json_t *object = json_object();
    char timeout[32];

    json_put_text(object, "name", check->name);
    json_put_text(object, "run", check->command);
    json_put_text(object, "use", check->function);
    if (check->with_count > 0) {
        json_t *with = json_object();

        for (size_t i = 0; i < check->with_count; i++) {
            json_put_text(with, check->with[i].name, template_text(check->with[i].value));
        }
        json_put(object, "with", with);
    }
    json_put_integer(object, "exit_status", check->exit_status);
    if (check->tests_min >= 0) {
        json_put_integer(object, "tests_min", check->tests_min);
    }
    if (check->coverage_min >= 0) {
        json_put(object, "coverage_min", json_real(check->coverage_min));
    }
    (void)snprintf(timeout, sizeof(timeout), "%lldms", (long long)check->timeout_ms);
    json_put_text(object, "timeout", timeout);
    json_put_text(object, "junit", check->junit);
    return object;
}

static json_t *encode_gate(const struct gate *gate)
{
    json_t *object = json_object();
    json_t *commands = json_array();

    json_put_text(object, "description", gate->description);
    json_put(object, "allow_skip", json_boolean(gate->allow_skip));
    for (size_t i = 0; i < gate->check_count; i++) {
        (void)json_array_append_new(commands, encode_check(&gate->checks[i]));
    }
    json_put(object, "commands", commands);
    return object;
}

void pin_read(struct reader *reader)
{
    size_t offset;
    struct yaml_node *root = pin_line_read(reader, PIN_MARK, &offset);

    if (root) {
        keys_check(LEVEL_CONFIG, root, reader->problems);
        reader->pinned = yaml_find(root, "gates");
    }
}

const struct yaml_entry *pin_find(const struct reader *reader, const char *name)
{
    for (size_t i = 0; reader->pinned && i < reader->pinned->count; i++) {
        const struct yaml_entry *entry = &reader->pinned->entries[i];

        if (!entry->is_bad && strcmp(entry->key->text, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

void pin_write(struct reader *reader)
{
    const struct workflow *workflow = reader->workflow;
    json_t *gates = json_object();
    json_t *root = json_object();

    for (size_t i = 0; i < workflow->gate_count; i++) {
        if (workflow->gates[i].is_configured) {
            json_put(gates, workflow->gates[i].name, encode_gate(&workflow->gates[i]));
        }
    }
    if (json_object_size(gates) > 0) {
        json_put(root, "gates", json_incref(gates));
    }
    pin_line_write(reader, PIN_MARK, root,
                   "make a gate smaller, or write the gates into the workflow");
    json_decref(gates);
    json_decref(root);
}

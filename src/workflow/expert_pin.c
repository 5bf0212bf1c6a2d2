/* SPDX-License-Identifier: MIT */
/* The experts of a workflow's steps. Their files may change while a run goes on, but the run keeps
 * the texts that it started with: like gates of the configuration they become a last line of the
 * workflow's own text, a comment for other readers. */
#include "base/alloc.h"
#include "workflow/expert.h"
#include "workflow/reader.h"

#include <stdlib.h>
#include <string.h>

#define PIN_MARK "\n# experts: "

struct expert_text {
    const struct expert *expert; /* NULL: it could not be read */
    const char *text;
    bool is_pinned; /* it is part of the workflow's text already */
};

void expert_pin_read(struct reader *reader)
{
    size_t offset;
    struct yaml_node *root = pin_line_read(reader, PIN_MARK, &offset);

    if (root) {
        reader->pinned_experts = root;
        reader->workflow->source_length = offset;
    }
    reader->experts = map_new();
}

/* Its own problems stand in another file: told where the step names it. */
static void report(struct reader *reader, const struct yaml_node *node,
                   const struct problems *problems, const struct error *failure)
{
    const struct problem *first = NULL;

    for (size_t i = 0; i < problems->count && !first; i++) {
        first = problems->items[i].is_warning ? NULL : &problems->items[i];
    }
    if (first) {
        problems_add(reader->problems, node->at, first->hint, "the expert \"%s\": %s:%d:%d: %s",
                     node->text, first->file, first->at.line, first->at.column, first->text);
    } else {
        problems_add(reader->problems, node->at, NULL, "the expert \"%s\": %.300s", node->text,
                     failure->text);
    }
}

static const struct expert *parse(struct reader *reader, const struct yaml_node *node,
                                  const char *text, const char *file)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    const struct expert *expert = NULL;
    struct error err = ERROR_INIT;

    if (expert_parse(reader->arena, node->text, text, file, &expert, problems, &err) < 0) {
        report(reader, node, problems, &err);
    }
    free(problems);
    return expert;
}

/* NULL: nobody knows it here; check_names() tells when it should be known. */
static struct expert_text *find(struct reader *reader, const struct yaml_node *node)
{
    const struct workflow_names *names = reader->names;
    const struct yaml_node *pinned = yaml_find(reader->pinned_experts, node->text);
    struct expert_text *found;
    struct error err = ERROR_INIT;
    char *text = NULL;
    char *file = NULL;
    int r;

    if (pinned && pinned->kind == YAML_SCALAR) {
        found = arena_zero(reader->scratch, 1, sizeof(*found));
        found->text = pinned->text;
        found->expert = parse(reader, node, pinned->text, node->text);
        found->is_pinned = true;
        return found;
    }
    if (!names || !names->find_expert) {
        return NULL;
    }
    r = names->find_expert(node->text, &text, &file, &err, names->context);
    if (r == ERROR_NOT_FOUND) {
        return NULL;
    }
    found = arena_zero(reader->scratch, 1, sizeof(*found));
    if (r == 0) {
        found->text = arena_strdup(reader->scratch, text);
        found->expert = parse(reader, node, text, arena_strdup(reader->arena, file));
    } else {
        report(reader, node, &(struct problems){.count = 0}, &err);
    }
    free(text);
    free(file);
    return found;
}

void expert_pin_take(struct reader *reader, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *name = step->expert ? yaml_find(node, "expert") : NULL;
    struct expert_text *found = name ? map_find(reader->experts, name->text) : NULL;

    if (name && !found) {
        found = find(reader, name);
        if (found) {
            (void)map_put(reader->experts, name->text, found);
        }
    }
    step->role = found ? found->expert : NULL;
    if (step->role && !yaml_find(node, "read_only")) {
        step->read_only |= step->role->read_only;
    }
}

void expert_pin_write(struct reader *reader)
{
    json_t *root = json_object();
    const char *name;
    size_t cursor = 0;
    void *value;

    while (map_next(reader->experts, &cursor, &name, &value)) {
        const struct expert_text *each = value;

        if (each->text && !each->is_pinned) {
            json_put_text(root, name, each->text);
        }
    }
    pin_line_write(reader, PIN_MARK, root, "make the experts of its steps smaller");
    json_decref(root);
    map_free(reader->experts);
    reader->experts = NULL;
}

/* SPDX-License-Identifier: MIT */
#include "workflow/yaml.h"

#include "base/map.h"
#include "base/vec.h"

#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list or map whose end has not come yet. */
struct frame {
    struct yaml_node *node;
    const char *anchor;               /* owned by the arena; NULL: none */
    VEC(struct yaml_node *) children; /* of a map: key, value, key, value... */
};

struct builder {
    struct arena *arena;
    struct problems *problems;
    struct frame frames[WORKFLOW_DEPTH_MAX];
    int depth;
    struct yaml_node *root;
    struct map *anchors;
    struct position last; /* of the last event that had one */
    size_t alias_count;
    size_t node_count;
    size_t byte_count;
    int documents;
    char diagnostic[256];
    struct position diagnostic_at;
    bool has_diagnostic;
};

/* libfyaml reports "<name>:LINE:COLUMN: error: TEXT" and then the source; the first is enough. */
static void take_diagnostic(struct fy_diag *diag, void *context, const char *bytes, size_t length)
{
    static const char mark[] = ": error: ";
    struct builder *builder = context;
    char text[512];
    char *found;
    char *end;

    (void)diag;
    if (builder->has_diagnostic) {
        return;
    }
    length = length < sizeof(text) ? length : sizeof(text) - 1;
    memcpy(text, bytes, length);
    text[length] = '\0';
    found = strstr(text, mark);
    if (!found) {
        return;
    }
    builder->has_diagnostic = true;
    (void)snprintf(builder->diagnostic, sizeof(builder->diagnostic), "%s",
                   found + sizeof(mark) - 1);
    end = strchr(builder->diagnostic, '\n');
    if (end) {
        *end = '\0';
    }
    *found = '\0';
    end = strrchr(text, ':');
    if (end) {
        *end = '\0';
        builder->diagnostic_at.column = (int)strtol(end + 1, NULL, 10);
        end = strrchr(text, ':');
    }
    if (end) {
        builder->diagnostic_at.line = (int)strtol(end + 1, NULL, 10);
    }
}

static int refuse(struct builder *builder, struct position at, const char *hint, const char *text)
{
    problems_add(builder->problems, at, hint, "%s", text);
    return ERROR_LIMIT;
}

static void see_position(struct builder *builder, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    if (mark && mark->line >= 0) {
        builder->last = (struct position){mark->line + 1, mark->column + 1};
    }
}

static const char *copy_token(struct builder *builder, struct fy_token *token, size_t *ret_length)
{
    size_t length = 0;
    const char *text = token ? fy_token_get_text(token, &length) : NULL;

    if (ret_length) {
        *ret_length = text ? length : 0;
    }
    return arena_strndup(builder->arena, text ? text : "", text ? length : 0);
}

static struct yaml_node *node_new(struct builder *builder, enum yaml_kind kind)
{
    struct yaml_node *node = arena_zero(builder->arena, 1, sizeof(*node));

    node->kind = kind;
    node->at = builder->last;
    node->node_count = 1;
    node->height = 1;
    return node;
}

/* Counts what the node stands for against the ceiling, and hangs it into the open list or map. */
static int add_node(struct builder *builder, struct yaml_node *node)
{
    builder->node_count += node->node_count;
    builder->byte_count += node->byte_count;
    if (builder->byte_count > YAML_TEXT_BYTES_MAX) {
        return refuse(builder, builder->last, "use fewer aliases of long texts",
                      "the texts of the file, those of aliases counted, are longer than 4 MiB");
    }
    if (builder->node_count > YAML_NODES_MAX) {
        return refuse(builder, builder->last, "split the file, or use fewer aliases",
                      "the file has more than 200000 values, those of aliases counted");
    }
    if (builder->depth + node->height > WORKFLOW_DEPTH_MAX) {
        return refuse(builder, builder->last, NULL,
                      "nested deeper than 64 levels, those of aliases counted");
    }
    if (builder->depth == 0) {
        builder->root = node;
    } else {
        *VEC_PUSH(&builder->frames[builder->depth - 1].children) = node;
    }
    return 0;
}

static int put_anchor(struct builder *builder, const char *anchor, struct yaml_node *node)
{
    if (anchor) {
        (void)map_put(builder->anchors, anchor, node);
    }
    return 0;
}

static bool check_tag(struct builder *builder, struct fy_token *tag)
{
    if (tag) {
        problems_add(builder->problems, builder->last, "remove it",
                     "tags (!...) are not supported");
    }
    return !tag;
}

static int on_scalar(struct builder *builder, struct fy_event *event)
{
    static const enum yaml_style styles[] = {
        [FYSS_PLAIN] = YAML_PLAIN,          [FYSS_SINGLE_QUOTED] = YAML_QUOTED,
        [FYSS_DOUBLE_QUOTED] = YAML_QUOTED, [FYSS_LITERAL] = YAML_LITERAL,
        [FYSS_FOLDED] = YAML_FOLDED,
    };
    struct yaml_node *node = node_new(builder, YAML_SCALAR);
    struct fy_token *anchor = event->scalar.anchor;
    enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
    json_t *probe;

    node->text = copy_token(builder, event->scalar.value, &node->length);
    node->byte_count = node->length;
    node->style = style >= FYSS_PLAIN && style < FYSS_MAX ? styles[style] : YAML_PLAIN;
    if (memchr(node->text, '\0', node->length)) {
        problems_add(builder->problems, node->at, NULL, "a text may not hold a NUL character");
        node->length = strlen(node->text);
    }
    (void)check_tag(builder, event->scalar.tag);
    /* An escape such as "\ud800" can make bytes that are no UTF-8. */
    probe = json_stringn(node->text, node->length);
    if (!probe) {
        problems_add(builder->problems, node->at, NULL, "a text with an invalid escape sequence");
        node->text = "";
        node->length = 0;
    }
    json_decref(probe);
    if (anchor) {
        (void)put_anchor(builder, copy_token(builder, anchor, NULL), node);
    }
    return add_node(builder, node);
}

static int on_alias(struct builder *builder, struct fy_event *event)
{
    const char *name = copy_token(builder, event->alias.anchor, NULL);
    struct yaml_node *node = map_find(builder->anchors, name);

    if (++builder->alias_count > YAML_ALIASES_MAX) {
        return refuse(builder, builder->last, NULL, "more than 100 aliases (*name)");
    }
    if (!node) {
        problems_add(builder->problems, builder->last, "an anchor must end before its alias",
                     "the alias *%s names no anchor", name);
        node = node_new(builder, YAML_SCALAR);
        node->text = "";
    }
    return add_node(builder, node);
}

static int on_start(struct builder *builder, struct fy_token *anchor, struct fy_token *tag,
                    enum yaml_kind kind)
{
    struct frame *frame;

    (void)check_tag(builder, tag);
    if (builder->depth == WORKFLOW_DEPTH_MAX - 1) {
        return refuse(builder, builder->last, NULL, "nested deeper than 64 levels");
    }
    frame = &builder->frames[builder->depth++];
    *frame = (struct frame){.node = node_new(builder, kind)};
    frame->anchor = anchor ? copy_token(builder, anchor, NULL) : NULL;
    return 0;
}

static void check_duplicates(struct builder *builder, const struct yaml_node *map)
{
    struct map *seen = map_new();

    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->entries[i].key;

        if (map_put(seen, key->text, map->entries + i)) {
            problems_add(builder->problems, key->at, "remove one of them",
                         "the key \"%s\" is there twice", key->text);
            map->entries[i].is_bad = true;
        }
    }
    map_free(seen);
}

static void fill_map(struct builder *builder, struct frame *frame)
{
    struct yaml_node *map = frame->node;
    size_t pairs = frame->children.count / 2;

    map->entries = arena_zero(builder->arena, pairs ? pairs : 1, sizeof(*map->entries));
    for (size_t i = 0; i < pairs; i++) {
        const struct yaml_node *key = frame->children.items[2 * i];

        if (key->kind != YAML_SCALAR) {
            problems_add(builder->problems, key->at, NULL,
                         "a key must be a text, not a list or map");
            continue;
        }
        if (strcmp(key->text, "<<") == 0 && key->style == YAML_PLAIN) {
            problems_add(builder->problems, key->at, "write the keys out, or use `defaults`",
                         "merge keys (<<) are not supported");
            continue;
        }
        map->entries[map->count++] = (struct yaml_entry){.key = key,
                                                         .value = frame->children.items[2 * i + 1]};
    }
    check_duplicates(builder, map);
}

static int on_end(struct builder *builder)
{
    struct frame *frame = &builder->frames[builder->depth - 1];
    struct yaml_node *node = frame->node;
    size_t count = frame->children.count;
    size_t nodes_below = 0;
    size_t bytes_below = 0;

    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *child = frame->children.items[i];

        nodes_below += child->node_count;
        bytes_below += child->byte_count;
        node->height = child->height >= node->height ? child->height + 1 : node->height;
    }
    if (node->kind == YAML_MAP) {
        fill_map(builder, frame);
    } else {
        node->items = arena_zero(builder->arena, count ? count : 1, sizeof(struct yaml_node *));
        for (size_t i = 0; i < count; i++) {
            node->items[i] = frame->children.items[i];
        }
        node->count = count;
    }
    VEC_RELEASE(&frame->children);
    builder->depth--;
    (void)put_anchor(builder, frame->anchor, node);
    /* The nodes below were counted when they were added. */
    if (add_node(builder, node) < 0) {
        return ERROR_LIMIT;
    }
    node->node_count += nodes_below;
    node->byte_count = bytes_below;
    return 0;
}

static int on_document(struct builder *builder)
{
    if (++builder->documents > 1) {
        problems_add(builder->problems, builder->last,
                     "keep one document a file; remove the \"---\"",
                     "a second document begins here");
        return ERROR_VALIDATION;
    }
    return 0;
}

static int on_event(struct builder *builder, struct fy_event *event)
{
    see_position(builder, event);
    switch (event->type) {
    case FYET_DOCUMENT_START:
        return on_document(builder);
    case FYET_SCALAR:
        return on_scalar(builder, event);
    case FYET_ALIAS:
        return on_alias(builder, event);
    case FYET_SEQUENCE_START:
        return on_start(builder, event->sequence_start.anchor, event->sequence_start.tag,
                        YAML_LIST);
    case FYET_MAPPING_START:
        return on_start(builder, event->mapping_start.anchor, event->mapping_start.tag, YAML_MAP);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        return on_end(builder);
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        break;
    }
    return 0;
}

static int parse_events(struct builder *builder, struct fy_parser *parser)
{
    struct fy_event *event;
    int r = 0;

    while (r == 0 && (event = fy_parser_parse(parser)) != NULL) {
        r = on_event(builder, event);
        fy_parser_event_free(parser, event);
    }
    if (r == 0 && (builder->has_diagnostic || fy_parser_get_stream_error(parser))) {
        problems_add(builder->problems,
                     builder->has_diagnostic ? builder->diagnostic_at : builder->last, NULL,
                     "invalid YAML: %s",
                     builder->has_diagnostic ? builder->diagnostic : "the text cannot be read");
        r = ERROR_VALIDATION;
    }
    return r;
}

static int build(struct builder *builder, const char *text, size_t length)
{
    struct fy_diag_cfg diag_config = {0};
    struct fy_parse_cfg config = {.flags = FYPCF_JSON_NONE | FYPCF_DISABLE_DEPTH_LIMIT};
    struct fy_parser *parser = NULL;
    int r = ERROR_INTERNAL;

    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.output_fn = take_diagnostic;
    diag_config.user = builder;
    diag_config.colorize = false;
    config.diag = fy_diag_create(&diag_config);
    if (config.diag) {
        parser = fy_parser_create(&config);
    }
    if (parser && fy_parser_set_string(parser, text, length) == 0) {
        r = parse_events(builder, parser);
    } else {
        problems_add(builder->problems, (struct position){0}, NULL, "the YAML parser cannot start");
    }
    if (parser) {
        fy_parser_destroy(parser);
    }
    fy_diag_destroy(config.diag);
    return r;
}

/* ---- before parsing: bytes -------------------------------------------------------------- */

/* The length of the UTF-8 character at text, 0 when it is none. */
static size_t character_length(const unsigned char *text, size_t left)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = *text < 0x80   ? 1
                    : *text < 0xc2 ? 0
                    : *text < 0xe0 ? 2
                    : *text < 0xf0 ? 3
                    : *text < 0xf5 ? 4
                                   : 0;
    unsigned code;

    if (length < 2) {
        return length;
    }
    if (length > left) {
        return 0;
    }
    code = *text & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3fU);
    }
    return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0
                                                                                        : length;
}

static int check_bytes(struct problems *problems, const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct position at = {1, 1};
    size_t step;

    for (size_t i = 0; i < length; i += step) {
        step = character_length(bytes + i, length - i);
        if (step == 0) {
            problems_add(problems, at, "save the file as UTF-8",
                         "the byte 0x%02x is no UTF-8 text here", bytes[i]);
            return ERROR_VALIDATION;
        }
        if (bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\t' && bytes[i] != '\r') {
            problems_add(problems, at, "remove it", "a control character (0x%02x) is not allowed",
                         bytes[i]);
            return ERROR_VALIDATION;
        }
        at.column++;
        if (bytes[i] == '\n') {
            at = (struct position){at.line + 1, 1};
        }
    }
    return 0;
}

int yaml_parse(struct arena *arena, const char *text, size_t length, struct problems *problems,
               struct yaml_node **ret_root, struct error *err)
{
    struct builder builder = {.arena = arena, .problems = problems};
    size_t count_before = problems->count;
    int r;

    if (length > WORKFLOW_BYTES_MAX) {
        problems_add(problems, (struct position){0}, "split it",
                     "the file has %zu bytes; at most %d are read", length, WORKFLOW_BYTES_MAX);
        return error_set(err, ERROR_LIMIT, "the file has %zu bytes; at most %d are read", length,
                         WORKFLOW_BYTES_MAX);
    }
    r = check_bytes(problems, text, length);
    if (r == 0) {
        builder.anchors = map_new();
        r = build(&builder, text, length);
        map_free(builder.anchors);
        while (builder.depth > 0) {
            VEC_RELEASE(&builder.frames[--builder.depth].children);
        }
    }
    if (r == 0 && (!builder.root || (builder.root->kind == YAML_SCALAR && !builder.root->length))) {
        problems_add(problems, (struct position){1, 1}, NULL, "the file is empty");
        r = ERROR_VALIDATION;
    }
    if (r < 0) {
        return error_set(err, r, "%s",
                         problems->count > count_before ? problems->items[count_before].text
                                                        : "the file cannot be read");
    }
    *ret_root = builder.root;
    return 0;
}

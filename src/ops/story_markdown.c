/* SPDX-License-Identifier: MIT */
/* Check lists: `- [ ] text`, with more of it indented below. An item with items below it is their
 * heading. */
#include "ops/story.h"

#include "base/alloc.h"

#include <ctype.h>
#include <string.h>

#define TAB_COLUMNS 4
#define DEPTH_MAX 32
#define TEXT_BYTES_MAX (16U * 1024) /* of one item; what all of them take is so bounded */

struct line {
    const char *start; /* behind the indentation */
    size_t length;     /* without the end of line */
    size_t indent;     /* columns */
    size_t offset;     /* of `start` */
};

struct item {
    size_t mark;  /* offset of what stands between the brackets */
    size_t title; /* offset */
    bool is_done;
};

struct list {
    struct story_file *file;
    int open[DEPTH_MAX]; /* items that the next line may belong to */
    size_t indents[DEPTH_MAX];
    size_t depth;
    char fence; /* inside of such a block; 0: none */
    bool is_comment;
    bool is_long;          /* an item has more than is taken */
    struct strbuf details; /* of the innermost open item */
};

/* Behind "-", "*", "+", "1." or "1)"; 0: it is none. */
static size_t skip_bullet(const struct line *line)
{
    size_t digits = 0;

    if (line->length > 0 && strchr("-*+", line->start[0])) {
        return 1;
    }
    while (digits < line->length && digits < 9 && isdigit((unsigned char)line->start[digits])) {
        digits++;
    }
    return digits > 0 && digits < line->length && strchr(".)", line->start[digits]) ? digits + 1
                                                                                    : 0;
}

static size_t skip_blanks(const struct line *line, size_t at)
{
    while (at < line->length && (line->start[at] == ' ' || line->start[at] == '\t')) {
        at++;
    }
    return at;
}

/* "-" and "~" are what others write while they are at it. */
static bool read_item(const struct line *line, struct item *ret_item)
{
    size_t bullet = skip_bullet(line);
    size_t box = skip_blanks(line, bullet);
    const char *at = line->start + box;

    if (bullet == 0 || box == bullet || line->length < box + 3 || at[0] != '[' || at[2] != ']' ||
        !strchr(" xX-~", at[1]) || at[1] == '\0' ||
        (line->length > box + 3 && at[3] != ' ' && at[3] != '\t')) {
        return false;
    }
    ret_item->mark = line->offset + box + 1;
    ret_item->is_done = at[1] == 'x' || at[1] == 'X';
    ret_item->title = line->offset + skip_blanks(line, box + 3);
    return true;
}

/* What was gathered below the innermost item becomes a part of its text. */
static void end_details(struct list *list)
{
    if (list->depth > 0 && list->details.length > 0) {
        struct story *story = &list->file->stories.items[list->open[list->depth - 1]];

        while (list->details.length > 0 && list->details.data[list->details.length - 1] == '\n') {
            list->details.data[--list->details.length] = '\0';
        }
        story->text = arena_printf(list->file->arena, "%s\n\n%s", story->text, list->details.data);
        list->is_long = list->is_long || strlen(story->text) > TEXT_BYTES_MAX;
    }
    strbuf_reset(&list->details);
}

static void close_items(struct list *list, size_t indent)
{
    while (list->depth > 0 && list->indents[list->depth - 1] >= indent) {
        end_details(list);
        list->depth--;
    }
}

static int add_item(struct list *list, const struct line *line, const struct item *item,
                    struct error *err)
{
    struct story_file *file = list->file;
    size_t end = line->offset + line->length;
    struct story story = {.offset = line->offset, .is_done = item->is_done, .parent = -1};
    int r;

    while (end > item->title && (file->text[end - 1] == ' ' || file->text[end - 1] == '\t')) {
        end--;
    }
    if (item->title >= end) {
        return story_error(file, item->mark, err, "an item without a text");
    }
    close_items(list, line->indent);
    if (list->depth == DEPTH_MAX) {
        return story_error(file, line->offset, err, "more than %d levels", DEPTH_MAX);
    }
    end_details(list);
    story.title = arena_strndup(file->arena, file->text + item->title, end - item->title);
    story.text = story.title;
    story.id = arena_printf(file->arena, "%zu", file->stories.count + 1);
    if (list->depth > 0) {
        story.parent = list->open[list->depth - 1];
        file->stories.items[story.parent].is_heading = true;
    }
    story.edits[0] = (struct story_edit){item->mark, 1, "x"};
    story.edit_count = 1;
    r = story_add(file, &story, err);
    list->open[list->depth] = (int)file->stories.count - 1;
    list->indents[list->depth++] = line->indent;
    return r;
}

static void add_detail(struct list *list, const struct line *line)
{
    if (line->length == 0) {
        if (list->details.length > 0) {
            strbuf_add_char(&list->details, '\n');
        }
        return;
    }
    close_items(list, line->indent);
    if (list->depth > 0) {
        size_t base = list->indents[list->depth - 1] + 2;

        for (size_t i = base; i < line->indent; i++) {
            strbuf_add_char(&list->details, ' ');
        }
        strbuf_add_bytes(&list->details, line->start, line->length);
        strbuf_add_char(&list->details, '\n');
    }
}

/* Inside of code and comments nothing is an item. */
static bool is_verbatim(struct list *list, const struct line *line)
{
    bool is_fence = line->length >= 3 &&
                    (strncmp(line->start, "```", 3) == 0 || strncmp(line->start, "~~~", 3) == 0);

    if (list->fence) {
        list->fence = is_fence && *line->start == list->fence ? 0 : list->fence;
        return true;
    }
    if (list->is_comment) {
        list->is_comment = !memmem(line->start, line->length, "-->", 3);
        return true;
    }
    if (is_fence) {
        list->fence = *line->start;
        return true;
    }
    if (line->length >= 4 && strncmp(line->start, "<!--", 4) == 0) {
        list->is_comment = !memmem(line->start, line->length, "-->", 3);
        return true;
    }
    return false;
}

static struct line read_line(const struct story_file *file, size_t *at)
{
    const char *end = memchr(file->text + *at, '\n', file->length - *at);
    size_t stop = end ? (size_t)(end - file->text) : file->length;
    struct line line = {.offset = *at};

    *at = stop + 1;
    while (line.offset < stop &&
           (file->text[line.offset] == ' ' || file->text[line.offset] == '\t')) {
        line.indent += file->text[line.offset] == '\t' ? TAB_COLUMNS - line.indent % TAB_COLUMNS
                                                       : 1;
        line.offset++;
    }
    if (stop > line.offset && file->text[stop - 1] == '\r') {
        stop--;
    }
    line.start = file->text + line.offset;
    line.length = stop - line.offset;
    return line;
}

/* What is above says what it is a part of. */
static void add_parents(struct story_file *file)
{
    for (size_t i = file->stories.count; i > 0; i--) {
        struct story *story = &file->stories.items[i - 1];

        if (story->parent >= 0) {
            story->text = arena_printf(file->arena, "%s\n\nThis is a part of: %s", story->text,
                                       file->stories.items[story->parent].text);
        }
    }
}

int story_read_markdown(struct story_file *file, struct error *err)
{
    struct list list = {.file = file};
    size_t at = 0;
    int r = 0;

    strbuf_init(&list.details, TEXT_BYTES_MAX);
    while (r == 0 && at < file->length) {
        struct line line = read_line(file, &at);
        struct item item;

        if (is_verbatim(&list, &line) || !read_item(&line, &item)) {
            add_detail(&list, &line);
        } else {
            r = add_item(&list, &line, &item, err);
        }
        if (r == 0 && (list.details.overflow || list.is_long)) {
            r = story_error(file, line.offset, err, "more than %u KB below one item",
                            TEXT_BYTES_MAX >> 10);
        }
    }
    if (r == 0) {
        end_details(&list);
        add_parents(file);
    }
    strbuf_release(&list.details);
    if (r == 0 && file->stories.count == 0) {
        r = story_error(file, 0, err, "there is no story in it: lines such as \"- [ ] Log in\"");
    }
    return r;
}

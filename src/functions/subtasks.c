/* SPDX-License-Identifier: MIT */
/* The recommendations of a review as subtasks, each with the files that it will touch as far as the
 * review names them. Of findings those of one file are one subtask, since two hands at one file are
 * in each other's way. */
#include "functions/builtin.h"
#include "functions/result.h"
#include "functions/review.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTION_BYTES_MAX 8000
#define FENCE "```"

struct subtasks {
    const struct function_call *call;
    json_t *list;
    size_t left_out;    /* beyond the ceiling */
    struct map *places; /* of findings: file -> subtask */
};

/* ---- one subtask ---- */

/* Without the marks of bold text and code, which files and lists give it again where they want. */
static json_t *title_json(const char *text, size_t length)
{
    char *title = mem_zero(length + 1, 1);
    size_t kept = 0;
    struct strbuf shown;
    json_t *value;

    for (size_t i = 0; i < length; i++) {
        bool is_mark = text[i] == '`' || (text[i] == '*' && i + 1 < length && text[i + 1] == '*') ||
                       (text[i] == '*' && i > 0 && text[i - 1] == '*');

        if (!is_mark && text[i] != '\0') {
            title[kept++] = text[i];
        }
    }
    strbuf_init(&shown, REVIEW_BYTES_MAX);
    utf8_add_cut(&shown, title, SUBTASK_TITLE_COLUMNS);
    value = json_text_lossy(shown.data ? shown.data : "", shown.length);
    strbuf_release(&shown);
    free(title);
    return value;
}

/* NULL: there are too many already. Borrowed. */
static json_t *subtask_add(struct subtasks *subtasks, json_t *title)
{
    json_t *subtask;

    if (json_array_size(subtasks->list) >= SUBTASKS_MAX) {
        subtasks->left_out++;
        json_decref(title);
        return NULL;
    }
    subtask = json_object();
    json_put(subtask, "id", json_sprintf("T%zu", json_array_size(subtasks->list) + 1));
    json_put(subtask, "title", title);
    json_put_text(subtask, "description", "");
    json_put(subtask, "files", json_array());
    (void)json_array_append_new(subtasks->list, subtask);
    return subtask;
}

static void describe(json_t *subtask, const char *text, size_t length)
{
    const char *before = json_get_text(subtask, "description", "");
    struct strbuf all;

    while (length > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    if (strlen(before) + length + 1 > DESCRIPTION_BYTES_MAX) {
        return; /* the review itself has it whole */
    }
    strbuf_init(&all, 2 * (size_t)DESCRIPTION_BYTES_MAX);
    strbuf_add(&all, before);
    strbuf_add(&all, *before ? "\n" : "");
    strbuf_add_bytes(&all, text, length);
    json_put(subtask, "description", json_text_lossy(all.data ? all.data : "", all.length));
    strbuf_release(&all);
}

static void file_note(json_t *subtask, const char *file)
{
    json_t *files = json_object_get(subtask, "files");
    size_t index;
    json_t *known;

    json_array_foreach(files, index, known)
    {
        if (strcmp(json_string_value(known), file) == 0) {
            return;
        }
    }
    if (json_array_size(files) < SUBTASK_FILES_MAX) {
        (void)json_array_append_new(files, json_string(file));
    }
}

/* ---- files in prose ---- */

static bool is_path_character(char character)
{
    return isalnum((unsigned char)character) || (character && strchr("_-./+@", character));
}

/* A word that names a file of the project; of "src/a.c:12" the part before the colon. */
static void word_look(const struct subtasks *subtasks, json_t *subtask, const char *word,
                      size_t length)
{
    char *path = mem_strndup(word, length);
    char *whole;

    while (length > 0 && path[length - 1] == '.') {
        path[--length] = '\0'; /* the end of a sentence */
    }
    if ((strchr(path, '.') || strchr(path, '/')) && !path_unsafe_reason(path)) {
        whole = path_join(subtasks->call->project, path);
        if (file_exists(whole) && !file_is_folder(whole)) {
            file_note(subtask, path);
        }
        free(whole);
    }
    free(path);
}

static void files_look(const struct subtasks *subtasks, json_t *subtask, const char *text,
                       size_t length)
{
    size_t begin = 0;

    for (size_t i = 0; i <= length; i++) {
        if (i < length && is_path_character(text[i])) {
            continue;
        }
        if (i > begin) {
            word_look(subtasks, subtask, text + begin, i - begin);
        }
        begin = i + 1;
    }
}

/* ---- Markdown ---- */

struct markdown {
    struct subtasks *subtasks;
    json_t *current; /* borrowed; NULL: none is open */
    size_t section;  /* level of the heading over the recommendations; 0: elsewhere */
    size_t item;     /* level of the heading that opened the current one; 0: a list did */
    bool is_code;
};

static const char *const section_words[] = {
    "recommend", "suggestion", "action item", "next step", "subtask", "to do", "todo",
};

static bool is_section(const char *line, size_t length)
{
    char *heading = mem_strndup(line, length);
    bool is_one = false;

    for (size_t i = 0; i < ARRAY_LEN(section_words); i++) {
        is_one = is_one || strcasestr(heading, section_words[i]);
    }
    free(heading);
    return is_one;
}

/* How many characters its mark has ("- ", "12. ", "- [ ] "); 0: it is no item. */
static size_t item_mark(const char *line, size_t length, bool *ret_done)
{
    size_t mark = 0;

    *ret_done = false;
    if (length > 2 && strchr("-*+", line[0]) && line[1] == ' ') {
        mark = 2;
    } else {
        size_t digits = strspn(line, "0123456789");

        if (digits == 0 || digits > 4 || length < digits + 3 || !strchr(".)", line[digits]) ||
            line[digits + 1] != ' ') {
            return 0;
        }
        mark = digits + 2;
    }
    if (length > mark + 4 && line[mark] == '[' && line[mark + 2] == ']' && line[mark + 3] == ' ') {
        *ret_done = tolower((unsigned char)line[mark + 1]) == 'x';
        mark += 4;
    }
    return mark;
}

static void open_item(struct markdown *markdown, const char *text, size_t length, size_t level)
{
    struct subtasks *subtasks = markdown->subtasks;

    while (length > 0 && strchr("*_ ", text[length - 1])) {
        length--;
    }
    while (length > 0 && strchr("*_ ", *text)) {
        text++;
        length--;
    }
    markdown->item = level;
    markdown->current = length > 0 ? subtask_add(subtasks, title_json(text, length)) : NULL;
    if (markdown->current) {
        files_look(subtasks, markdown->current, text, length);
    }
}

static void heading_read(struct markdown *markdown, const char *line, size_t length, size_t level)
{
    const char *text = line + level + 1;
    size_t rest = length - level - 1;
    bool is_done;
    size_t number = item_mark(text, rest, &is_done);

    if (markdown->section > 0 && level > markdown->section) {
        if (markdown->item == 0 || level <= markdown->item) {
            open_item(markdown, text + number, rest - number, level);
        }
        return;
    }
    markdown->current = NULL;
    markdown->section = is_section(text, rest) ? level : 0;
    markdown->item = 0;
}

static void line_read(struct markdown *markdown, const char *line, size_t length)
{
    size_t level = strspn(line, "#");
    bool is_done;
    size_t mark;

    if (strncmp(line, FENCE, strlen(FENCE)) == 0) {
        markdown->is_code = !markdown->is_code;
    } else if (!markdown->is_code && level > 0 && level < 7 && length > level + 1 &&
               line[level] == ' ') {
        heading_read(markdown, line, length, level);
        return;
    }
    if (markdown->section == 0) {
        return;
    }
    mark = markdown->is_code ? 0 : item_mark(line, length, &is_done);
    if (mark > 0 && markdown->item == 0) {
        if (is_done) {
            markdown->current = NULL;
        } else {
            open_item(markdown, line + mark, length - mark, 0);
        }
    } else if (markdown->current && length > 0) {
        describe(markdown->current, line, length);
        files_look(markdown->subtasks, markdown->current, line, length);
    }
}

static void markdown_read(struct subtasks *subtasks, const struct review *review)
{
    struct markdown markdown = {.subtasks = subtasks};
    const char *line = review->text;

    while (line && *line) {
        size_t length = strcspn(line, "\n");
        size_t shown = length > 0 && line[length - 1] == '\r' ? length - 1 : length;

        line_read(&markdown, line, shown);
        line = line[length] ? line + length + 1 : NULL;
    }
}

/* ---- JSON ---- */

static void finding_read(struct subtasks *subtasks, const json_t *finding)
{
    const char *file = json_get_text(finding, "file", "");
    const char *message = json_get_text(finding, "message", "");
    const char *fix = json_get_text(finding, "fix", "");
    json_t *subtask = *file ? map_find(subtasks->places, file) : NULL;
    char *line;

    if (!*message || strcmp(json_get_text(finding, "verdict", ""), "refuted") == 0 ||
        strcmp(json_get_text(finding, "severity", "info"), "info") == 0) {
        return;
    }
    if (!subtask) {
        char *title = *file ? mem_printf("%s: %s", file, message) : mem_strdup(message);

        subtask = subtask_add(subtasks, title_json(title, strlen(title)));
        free(title);
        if (!subtask) {
            return;
        }
        json_put_text(subtask, "severity", json_get_text(finding, "severity", NULL));
        if (*file) {
            file_note(subtask, file);
            (void)map_put(subtasks->places, file, subtask);
        }
    }
    line = mem_printf("- line %d: %s%s%s", (int)json_get_integer(finding, "line", 0), message,
                      *fix ? " Fix: " : "", fix);
    describe(subtask, line, strlen(line));
    free(line);
}

static void suggestion_read(struct subtasks *subtasks, const json_t *suggestion)
{
    const char *title = json_get_text(suggestion, "title", json_get_text(suggestion, "what", ""));
    const char *what = json_get_text(suggestion, "what", "");
    const char *file = json_get_text(suggestion, "file", "");
    const json_t *needs = json_object_get(suggestion, "needs");
    json_t *subtask = *title ? subtask_add(subtasks, title_json(title, strlen(title))) : NULL;

    if (!subtask) {
        return;
    }
    describe(subtask, what, strlen(what));
    files_look(subtasks, subtask, file, strcspn(file, ":"));
    files_look(subtasks, subtask, what, strlen(what));
    json_put_text(subtask, "severity", json_get_text(suggestion, "severity", NULL));
    if (json_is_array(needs)) {
        json_put(subtask, "needs", json_incref((json_t *)needs));
    }
}

static void json_read(struct subtasks *subtasks, const struct review *review)
{
    size_t index;
    json_t *value;

    json_array_foreach(json_object_get(review->json, "findings"), index, value)
    {
        finding_read(subtasks, value);
    }
    json_array_foreach(json_object_get(review->json, "suggestions"), index, value)
    {
        suggestion_read(subtasks, value);
    }
}

/* ---- the function ---- */

static int refuse_nothing(const struct review *review, struct error *err)
{
    int r = error_set(err, ERROR_INVALID, "%.200s holds no subtask", review->path);

    error_hint(err, "%s",
               review->json ? "a list `findings` or `suggestions` was expected"
                            : "a heading with \"Recommendations\", \"Suggestions\" or \"Next "
                              "steps\", and a list or headings below it, was expected");
    return r;
}

int subtasks_run(const struct function_call *call, struct error *err)
{
    struct subtasks subtasks = {.call = call, .list = json_array(), .places = map_new()};
    json_t *feature = argument_object(json_object_get(call->arguments, "feature"));
    struct review review;
    json_t *result;
    int r = review_read(call, &review, err);

    if (r == 0) {
        (review.json ? json_read : markdown_read)(&subtasks, &review);
        if (json_array_size(subtasks.list) == 0) {
            r = refuse_nothing(&review, err);
        }
        review_release(&review);
    }
    map_free(subtasks.places);
    if (r < 0) {
        json_decref(subtasks.list);
        json_decref(feature);
        return r;
    }
    result = json_object();
    json_put_text(result, "slug", json_get_text(feature, "slug", "work"));
    json_put_text(result, "title", json_get_text(feature, "title", ""));
    json_put_text(result, "report", json_get_text(call->arguments, "report", ""));
    json_put_integer(result, "left_out", (json_int_t)subtasks.left_out);
    json_put(result, "subtasks", subtasks.list);
    json_decref(feature);
    return result_write(result, call, err);
}

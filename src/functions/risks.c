/* SPDX-License-Identifier: MIT */
/* Risky constructs in the tree, marks of unfinished work, very long functions and files. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/vec.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/risk.h"
#include "functions/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION_LINES_LONG 150
#define FUNCTION_LINES_HUGE 400
#define FILE_LINES_LONG 3000
#define MARKS_MANY 15
#define LIST_MAX 20

struct long_function {
    const char *file;
    char *name;
    size_t line, lines;
};

struct marked_file {
    const char *file;
    size_t marks;
};

struct risks {
    struct findings *findings;
    const struct tree_file *file;
    VEC(struct long_function) functions;
    VEC(struct marked_file) marked;
    size_t files, lines, marks;
};

static void risk_add(void *context, const struct source *source, const struct risk_hit *hit)
{
    struct risks *risks = context;
    size_t length;
    const char *line = source_line(source, source->text, hit->line, &length);

    findings_add(risks->findings,
                 &(struct finding){.rule = hit->rule,
                                   .severity = hit->severity,
                                   .confidence = hit->confidence,
                                   .file = risks->file->path,
                                   .line = hit->line,
                                   .evidence = line,
                                   .evidence_length = length,
                                   .message = hit->message,
                                   .fix = hit->fix,
                                   .context = tree_context_name(risks->file->traits)});
}

/* Only comments count: the plain view has them blanked, the text has not. */
static void marks_count(struct risks *risks, const struct source *source)
{
    static const char *const words[] = {"FIXME", "TODO", "XXX", "HACK"};
    size_t marks = 0;

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t length = strlen(words[i]);
        const char *at = source->text;
        const char *end = source->text + source->length;

        while ((at = memmem(at, (size_t)(end - at), words[i], length)) != NULL) {
            bool begins = at == source->text || !isalnum((unsigned char)at[-1]);
            bool ends = at + length >= end || !isalnum((unsigned char)at[length]);

            marks += begins && ends && source->plain[at - source->text] == ' ';
            at += length;
        }
    }
    risks->marks += marks;
    if (marks > 0) {
        *VEC_PUSH(&risks->marked) = (struct marked_file){risks->file->path, marks};
    }
}

/* The name before the bracket that opens the parameters: the first one on the header's line. */
static char *function_name(const char *line, size_t length)
{
    const char *bracket = memchr(line, '(', length);
    const char *start;

    if (bracket && length > 6 && memcmp(line, "func (", 6) == 0) { /* a Go receiver */
        const char *close = memchr(line, ')', length);

        bracket = close ? memchr(close, '(', length - (size_t)(close - line)) : NULL;
    }
    if (!bracket) {
        return NULL;
    }
    while (bracket > line && isspace((unsigned char)bracket[-1])) {
        bracket--;
    }
    start = bracket;
    while (start > line && (isalnum((unsigned char)start[-1]) || strchr("_:~$", start[-1]))) {
        start--;
    }
    return start < bracket ? mem_strndup(start, (size_t)(bracket - start)) : NULL;
}

static void function_add(struct risks *risks, char *name, size_t line, size_t lines)
{
    if (!name || lines < FUNCTION_LINES_LONG) {
        free(name);
        return;
    }
    *VEC_PUSH(&risks->functions) = (struct long_function){risks->file->path, name, line, lines};
}

/* C as it is laid out nearly everywhere: the body ends at the first brace in column one. */
static void functions_find_c(struct risks *risks, const struct source *source)
{
    size_t header = 0;
    size_t start = 0;

    for (size_t line = 1; line <= source->lines; line++) {
        size_t length;
        const char *text = source_line(source, source->code, line, &length);

        if (length == 0) {
            continue;
        }
        if (start > 0) {
            if (text[0] == '}') {
                const char *head = source_line(source, source->code, start, &length);

                function_add(risks, function_name(head, length), start, line - start + 1);
                start = 0;
            }
        } else if (isalpha((unsigned char)text[0]) || text[0] == '_') {
            header = memchr(text, '(', length) && !memchr(text, ';', length) &&
                             !memchr(text, '=', length)
                         ? line
                         : 0;
            if (header && text[length - 1] == '{') {
                start = header;
                header = 0;
            }
        } else if (text[0] == '{' ||
                   (header > 0 && text[length - 1] == '{' && isspace((unsigned char)text[0]))) {
            start = header; /* parameters may fill several lines before it */
            header = 0;
        }
    }
}

static size_t indentation(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && (text[count] == ' ' || text[count] == '\t')) {
        count++;
    }
    return count;
}

static bool begins_function(const char *text, size_t length, const char *const *words)
{
    size_t at = indentation(text, length);

    for (; *words; words++) {
        size_t word = strlen(*words);

        if (length - at > word && memcmp(text + at, *words, word) == 0) {
            return true;
        }
    }
    return false;
}

/* Languages with a keyword: the body goes on while lines are indented deeper than its header. */
static void functions_find_indented(struct risks *risks, const struct source *source,
                                    const char *const *words)
{
    size_t start = 0;
    size_t depth = 0;
    size_t last = 0;

    for (size_t line = 1; line <= source->lines + 1; line++) {
        size_t length = 0;
        const char *text = line <= source->lines ? source_line(source, source->code, line, &length)
                                                 : "";
        size_t indent = indentation(text, length);

        if (line <= source->lines && indent == length) {
            continue;
        }
        if (start > 0 && (line > source->lines || indent <= depth) &&
            !strchr("})]", text[indent])) {
            size_t head_length;
            const char *head = source_line(source, source->code, start, &head_length);

            function_add(risks, function_name(head, head_length), start, last - start + 1);
            start = 0;
        }
        if (start == 0 && line <= source->lines && begins_function(text, length, words)) {
            start = line;
            depth = indent;
        }
        last = line;
    }
}

static void functions_find(struct risks *risks, const struct source *source)
{
    static const struct {
        const char *language;
        const char *words[7]; /* ends in NULL */
    } keywords[] = {
        {"Python", {"def ", "async def "}},
        {"Ruby", {"def "}},
        {"Go", {"func "}},
        {"Rust", {"fn ", "pub fn ", "pub(crate) fn ", "async fn ", "pub async fn ", "unsafe fn "}},
        {"JavaScript",
         {"function ", "export function ", "async function ", "export async function ",
          "export default function "}},
        {"TypeScript",
         {"function ", "export function ", "async function ", "export async function ",
          "export default function "}},
        {"PHP", {"function ", "public function ", "private function ", "protected function "}},
    };
    const struct language *language = risks->file->language;

    if (language_is(language, "C") || language_is(language, "C++")) {
        functions_find_c(risks, source);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (language_is(language, keywords[i].language)) {
            functions_find_indented(risks, source, keywords[i].words);
        }
    }
}

static void file_scan(struct risks *risks, const struct risk_scanner *scanner,
                      const struct source *source)
{
    const struct tree_file *file = risks->file;
    bool is_own = !(file->traits & (TRAIT_GENERATED | TRAIT_VENDORED));

    risks->files++;
    risks->lines += source->lines;
    risk_scan(scanner, file->path, file->language, source, risk_add, risks);
    if (!is_own || file->language->kind != LANGUAGE_CODE) {
        return;
    }
    marks_count(risks, source);
    if (file->traits & (TRAIT_TEST | TRAIT_EXAMPLE)) {
        return;
    }
    functions_find(risks, source);
    if (source->lines >= FILE_LINES_LONG) {
        char *message = mem_printf("a file of %zu lines", source->lines);

        findings_add(risks->findings,
                     &(struct finding){.rule = "long-file",
                                       .severity = SEVERITY_INFO,
                                       .confidence = "high",
                                       .file = file->path,
                                       .amount = source->lines,
                                       .message = message,
                                       .fix = "split it along the reasons for which it changes"});
        free(message);
    }
}

static int compare_functions(const void *left, const void *right)
{
    const struct long_function *a = left;
    const struct long_function *b = right;
    int r = strcmp(a->file, b->file);

    if (a->lines != b->lines) {
        return a->lines > b->lines ? -1 : 1;
    }
    return r != 0 ? r : (a->line > b->line) - (a->line < b->line);
}

static void functions_put(struct risks *risks, json_t *result)
{
    json_t *list = json_array();

    if (risks->functions.count > 0) {
        qsort(risks->functions.items, risks->functions.count, sizeof(struct long_function),
              compare_functions);
    }
    for (size_t i = 0; i < risks->functions.count; i++) {
        const struct long_function *function = &risks->functions.items[i];
        json_t *value;

        if (function->lines >= FUNCTION_LINES_HUGE) {
            char *message = mem_printf("%s() has %zu lines", function->name, function->lines);

            findings_add(risks->findings,
                         &(struct finding){.rule = "long-function",
                                           .severity = SEVERITY_LOW,
                                           .confidence = "medium",
                                           .file = function->file,
                                           .line = function->line,
                                           .amount = function->lines,
                                           .evidence = function->name,
                                           .evidence_length = strlen(function->name),
                                           .message = message,
                                           .fix = "take parts out that can be named and tested"});
            free(message);
        }
        if (i < LIST_MAX) {
            value = json_object();
            json_put_text(value, "file", function->file);
            json_put_text(value, "function", function->name);
            json_put_integer(value, "line", (json_int_t)function->line);
            json_put_integer(value, "lines", (json_int_t)function->lines);
            (void)json_array_append_new(list, value);
        }
        free(function->name);
    }
    json_put(result, "long_functions", list);
    json_put_integer(result, "long_functions_total", (json_int_t)risks->functions.count);
    VEC_RELEASE(&risks->functions);
}

static int compare_marks(const void *left, const void *right)
{
    const struct marked_file *a = left;
    const struct marked_file *b = right;

    if (a->marks != b->marks) {
        return a->marks > b->marks ? -1 : 1;
    }
    return strcmp(a->file, b->file);
}

static void marks_put(struct risks *risks, json_t *result)
{
    json_t *list = json_array();

    if (risks->marked.count > 0) {
        qsort(risks->marked.items, risks->marked.count, sizeof(struct marked_file), compare_marks);
    }
    for (size_t i = 0; i < risks->marked.count; i++) {
        const struct marked_file *marked = &risks->marked.items[i];

        if (marked->marks >= MARKS_MANY) {
            char *message = mem_printf("%zu marks of unfinished work (TODO, FIXME, XXX, HACK)",
                                       marked->marks);

            findings_add(risks->findings,
                         &(struct finding){.rule = "unfinished-work",
                                           .severity = SEVERITY_INFO,
                                           .confidence = "high",
                                           .file = marked->file,
                                           .amount = marked->marks,
                                           .message = message,
                                           .fix = "turn them into issues or do them"});
            free(message);
        }
        if (i < LIST_MAX) {
            json_t *value = json_object();

            json_put_text(value, "file", marked->file);
            json_put_integer(value, "marks", (json_int_t)marked->marks);
            (void)json_array_append_new(list, value);
        }
    }
    json_put(result, "unfinished", list);
    json_put_integer(result, "unfinished_total", (json_int_t)risks->marks);
    VEC_RELEASE(&risks->marked);
}

int risks_run(const struct function_call *call, struct error *err)
{
    struct risks risks = {0};
    struct risk_scanner *scanner;
    struct tree *tree = NULL;
    json_t *result;
    json_t *covered;
    char lines[NUMBER_SIZE];
    size_t places;
    int r = tree_open(call->project, &tree, err);

    if (r < 0) {
        return r;
    }
    scanner = risk_scanner_new();
    result = result_new("risks");
    covered = json_object_get(result, "covered");
    risks.findings = findings_new("risks");
    for (size_t i = 0; i < tree->count; i++) {
        struct source source;
        char *text;
        size_t length;

        if (!tree_read(tree, &tree->files[i], &text, &length)) {
            continue;
        }
        risks.file = &tree->files[i];
        if (risks.file->language && risks.file->language->kind != LANGUAGE_DOCUMENT) {
            source_init(&source, risks.file->language, text, length);
            file_scan(&risks, scanner, &source);
            source_release(&source);
        }
        free(text);
    }
    json_put_integer(covered, "files", (json_int_t)risks.files);
    json_put_integer(covered, "lines", (json_int_t)risks.lines);
    functions_put(&risks, result);
    marks_put(&risks, result);
    findings_finish(risks.findings, result);
    places = json_array_size(json_object_get(result, "findings")) +
             (size_t)json_get_integer(result, "left_out", 0);
    result_summarise(result,
                     "%zu place%s in %s line%s of %zu file%s; %zu mark%s of unfinished work",
                     places, PLURAL(places), number_format(risks.lines, lines), PLURAL(risks.lines),
                     risks.files, PLURAL(risks.files), risks.marks, PLURAL(risks.marks));
    risk_scanner_free(scanner);
    tree_free(tree);
    return result_write(result, call, err);
}

/* SPDX-License-Identifier: MIT */
/* What a run waits for somebody outside to say: the questions of its agents, and what the program
 * that called us is to do. */
#include "cli/print.h"

#include "base/utf8.h"

#include <string.h>

#define TEXT_BYTES_MAX (1U << 20)

/* Text from outside, harmless, indented as a whole. */
static void add_text(struct strbuf *target, const char *text, const char *first, const char *indent)
{
    struct strbuf clean;

    strbuf_init(&clean, TEXT_BYTES_MAX);
    utf8_add_printable(&clean, text, strlen(text));
    strbuf_add(target, first);
    for (const char *c = clean.data; *c; c++) {
        strbuf_add_char(target, *c);
        if (*c == '\n' && c[1]) {
            strbuf_add(target, indent);
        }
    }
    if (clean.length == 0 || clean.data[clean.length - 1] != '\n') {
        strbuf_add_char(target, '\n');
    }
    strbuf_release(&clean);
}

static void add_question(const struct terminal *terminal, const json_t *step, struct strbuf *target)
{
    const json_t *question = json_object_get(step, "question");
    const char *context = json_get_text(question, "context", "");
    const json_t *text;
    size_t i;

    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, json_get_text(step, "key", ""));
    strbuf_add(target, " asks\n");
    json_array_foreach(json_object_get(question, "questions"), i, text)
    {
        add_text(target, json_string_value(text), "  ? ", "    ");
    }
    if (*context) {
        add_text(target, context, "    ", "    ");
    }
}

static void add_steps(const struct terminal *terminal, const json_t *steps, struct strbuf *target)
{
    const json_t *step;
    size_t i;

    json_array_foreach((json_t *)steps, i, step)
    {
        if (strcmp(json_get_text(step, "waiting", ""), "answer") == 0) {
            add_question(terminal, step, target);
        }
        add_steps(terminal, json_object_get(step, "instances"), target);
    }
}

/* Paths are whole: a program or a person follows them from anywhere. */
static void add_host(const struct terminal *terminal, const json_t *request, struct strbuf *target)
{
    const char *problem = json_get_text(request, "problem", "");

    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, json_get_text(request, "step", ""));
    strbuf_add(target, " waits for the host program\n");
    add_text(target, json_get_text(request, "request", ""), "  request   ", "    ");
    add_text(target, json_get_text(request, "response", ""), "  response  ", "    ");
    if (*problem) {
        add_text(target, problem, "  problem   ", "    ");
    }
}

void print_waits(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const json_t *phase;
    const json_t *request;
    size_t i;

    json_array_foreach(json_object_get(run, "host"), i, request)
    {
        add_host(terminal, request, target);
    }
    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        add_steps(terminal, json_object_get(phase, "steps"), target);
        add_steps(terminal, json_object_get(phase, "fix"), target);
    }
}

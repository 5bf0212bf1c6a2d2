/* SPDX-License-Identifier: MIT */
/* The live region: a head line, the phases, and under each running one its running steps. It never
 * takes more lines than the terminal has, and is taken away before anything else is printed. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/progress_state.h"

#include <stdlib.h>
#include <string.h>

#define RUNNING_SHOWN_MAX 64
#define NAME_COLUMNS 24

struct running {
    char *phase;
    char *step;
    char *last_line;
    const char *liveness;
    int64_t started_at, liveness_since;
};

struct picture {
    struct progress *progress;
    int64_t now_ms;
    struct strbuf text;
    size_t room; /* lines that may still be drawn */
    VEC(struct running) running;
};

void progress_erase(struct progress *progress, struct strbuf *target)
{
    size_t columns = (size_t)progress->terminal->columns;
    size_t rows = 0;

    if (progress->drawn.count == 0) {
        return;
    }
    /* A line that became longer than the terminal after a resize takes several rows now. */
    for (size_t i = 0; i < progress->drawn.count; i++) {
        size_t width = progress->drawn.items[i];

        rows += width > columns ? (width + columns - 1) / columns : 1;
    }
    /* Line by line: some terminals keep a copy of the screen when all of it is cleared at once. */
    strbuf_add_char(target, '\r');
    for (size_t i = 0; i < rows; i++) {
        strbuf_add(target, "\033[A\033[2K");
    }
    progress->drawn.count = 0;
}

/* The size has changed: what was drawn is measured with the new one when it is taken away. */
void progress_resize(struct progress *progress)
{
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    progress_erase(progress, &text);
    if (text.length) {
        progress->write(progress->context, text.data, text.length);
    }
    strbuf_release(&text);
}

/* ---- lines ---- */

/* Ends a line that was built as a styled mark and a plain rest, cut to the terminal. */
static void add_line(struct picture *picture, size_t indent, enum style style, const char *mark,
                     const char *rest)
{
    const struct terminal *terminal = picture->progress->terminal;
    size_t columns = (size_t)terminal->columns - 1; /* the last column would wrap */
    struct strbuf cut;

    if (picture->room == 0) {
        return;
    }
    picture->room--;
    strbuf_init(&cut, OUTPUT_BYTES_MAX);
    utf8_add_cut(&cut, rest, columns > indent + 2 ? columns - indent - 2 : 1);
    add_spaces(&picture->text, indent);
    add_styled(terminal, &picture->text, style, mark);
    strbuf_add_char(&picture->text, ' ');
    strbuf_add(&picture->text, cut.data);
    strbuf_add_char(&picture->text, '\n');
    *VEC_PUSH(&picture->progress->drawn) = indent + 2 + utf8_width(cut.data);
    strbuf_release(&cut);
}

static void add_head(struct picture *picture)
{
    const struct progress *progress = picture->progress;
    int64_t took = progress->started_at ? picture->now_ms - progress->started_at : 0;
    char duration[DURATION_SIZE];
    char *text;

    duration_format(took > 0 ? took - took % 100 : 0, duration);
    text = mem_printf("%s  %s  step %d/%d  %s", progress->workflow, progress->run, progress->done,
                      progress->total, duration);
    add_line(picture, 0, STYLE_CYAN, progress->terminal->is_utf8 ? "\xE2\x97\x86" : "~", text);
    free(text);
}

/* What works says so by what it prints. */
static void add_liveness(const struct picture *picture, const struct running *running,
                         struct strbuf *text)
{
    int64_t for_ms = picture->now_ms - running->liveness_since;
    char duration[DURATION_SIZE];

    if (*running->liveness && strcmp(running->liveness, "working") != 0) {
        duration_format_limit(for_ms > 0 ? for_ms - for_ms % 1000 : 0, duration);
        strbuf_addf(text, "[%s %s] ", running->liveness, duration);
    }
}

static void add_running(struct picture *picture, const struct running *running)
{
    const json_t *step = json_object_get(picture->progress->steps, running->step);
    const char *name = json_get_text(step, "name", "");
    struct strbuf text;
    char duration[DURATION_SIZE];
    int64_t took = picture->now_ms - running->started_at;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    duration_format(took > 0 ? took - took % 100 : 0, duration);
    add_padded(&text, *name ? name : running->step, NAME_COLUMNS);
    strbuf_addf(&text, " %7s  ", duration);
    add_liveness(picture, running, &text);
    strbuf_add(&text, running->last_line);
    add_line(picture, 4, STYLE_CYAN, picture->progress->terminal->is_utf8 ? "\xE2\x80\xBA" : ">",
             text.data);
    strbuf_release(&text);
}

static void add_phase(struct picture *picture, const struct progress_phase *phase)
{
    const struct terminal *terminal = picture->progress->terminal;
    struct strbuf text;
    char duration[DURATION_SIZE] = "";
    int64_t end = phase->ended_at ? phase->ended_at : picture->now_ms;
    int64_t took = end - phase->started_at;

    if (phase->started_at > 0 && took >= 0 && strcmp(phase->status, "pending") != 0) {
        /* What still goes on counts in tenths of a second. */
        duration_format(phase->ended_at ? took : took - took % 100, duration);
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    add_padded(&text, phase->name, NAME_COLUMNS);
    strbuf_addf(&text, "   %7s  %d/%d", duration, phase->done, phase->total);
    add_line(picture, 2, status_style(phase->status), status_mark(terminal, phase->status),
             text.data);
    strbuf_release(&text);
    if (strcmp(phase->status, "running") != 0) {
        return;
    }
    for (size_t i = 0; i < picture->running.count; i++) {
        if (strcmp(picture->running.items[i].phase, phase->id) == 0) {
            add_running(picture, &picture->running.items[i]);
        }
    }
}

static void collect(void *context, const struct running_step *step)
{
    struct picture *picture = context;

    if (strcmp(step->run, picture->progress->run) == 0 &&
        picture->running.count < RUNNING_SHOWN_MAX) {
        *VEC_PUSH(&picture->running) = (struct running){
            .phase = mem_strdup(step->phase),
            .step = mem_strdup(step->step),
            .last_line = mem_strdup(step->last_line),
            .liveness = step->liveness,
            .liveness_since = step->liveness_since_ms,
            .started_at = step->started_at_ms,
        };
    }
}

/* Where not all phases fit, those around the first unfinished one are shown. */
static size_t first_shown(const struct progress *progress, size_t room)
{
    size_t first = 0;
    size_t count = progress->phases.count;

    if (count <= room) {
        return 0;
    }
    while (first < count && strcmp(progress->phases.items[first].status, "completed") == 0) {
        first++;
    }
    first = first > 0 ? first - 1 : 0;
    return first < count - room ? first : count - room;
}

void progress_draw(struct progress *progress, int64_t now_ms)
{
    struct picture picture = {.progress = progress, .now_ms = now_ms};
    size_t rows = progress->terminal->rows > 4 ? (size_t)progress->terminal->rows - 2 : 2;
    size_t wanted;

    if (progress->form != PROGRESS_LIVE) {
        return;
    }
    strbuf_init(&picture.text, OUTPUT_BYTES_MAX);
    progress_erase(progress, &picture.text);
    ops_visit_running(progress->ops, collect, &picture);
    picture.room = rows;
    add_head(&picture);
    /* Running steps are worth more than phases that wait. */
    wanted = picture.running.count < rows / 2 ? picture.running.count : rows / 2;
    wanted = rows - 1 > wanted ? rows - 1 - wanted : 1;
    for (size_t i = first_shown(progress, wanted); i < progress->phases.count; i++) {
        add_phase(&picture, &progress->phases.items[i]);
    }
    progress->write(progress->context, picture.text.data, picture.text.length);
    for (size_t i = 0; i < picture.running.count; i++) {
        free(picture.running.items[i].phase);
        free(picture.running.items[i].step);
        free(picture.running.items[i].last_line);
    }
    VEC_RELEASE(&picture.running);
    strbuf_release(&picture.text);
}

/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the journal of a run, as `fermata logs RUN --records` prints it. Whatever is
 * stored is decoded or refused, and then follows on the state or is refused: the fold's assertions
 * are for our own mistakes, never for a damaged store. What was taken can be shown. */
#include "base/alloc.h"
#include "run/record.h"
#include "run/state.h"
#include "run/view.h"
#include "workflow/workflow.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char definition[] = "name: w\n"
                                 "gates: { g: { commands: [{ run: 'true' }, { run: 'true' }] } }\n"
                                 "iterate: { max: 2, until: steps.one.status == 'completed' }\n"
                                 "phases:\n"
                                 "  - id: a\n"
                                 "    mode: parallel\n"
                                 "    gate: g\n"
                                 "    steps:\n"
                                 "      - { id: one, run: echo }\n"
                                 "      - { id: many, use: noop, foreach: [1, 2, 3] }\n"
                                 "  - id: b\n"
                                 "    mode: adaptive\n"
                                 "    steps: [{ id: two, run: echo, retry: { attempts: 2 } }]\n"
                                 "    fix: [{ id: mend, run: echo }]\n"
                                 "  - id: c\n"
                                 "    on_failure: { goto: a, max: 2 }\n"
                                 "    steps:\n"
                                 "      - { id: ask, approve: Good? }\n"
                                 "      - { id: call, workflow: other }\n";

static struct workflow *parse_definition(void)
{
    static const struct workflow_names any = {0};
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow *workflow = NULL;

    if (workflow_parse(definition, strlen(definition), "w", &any, &workflow, problems, NULL) < 0) {
        struct strbuf text;

        strbuf_init(&text, 1U << 20);
        problems_format(problems, &text);
        (void)fprintf(stderr, "%s", text.data);
        abort();
    }
    free(problems);
    return workflow;
}

/* What was decoded is stored again as it was. */
static void check_round_trip(const struct record *record, struct arena *arena)
{
    struct strbuf first;
    struct strbuf second;
    struct record again;
    json_t *object = NULL;

    strbuf_init(&first, 1U << 26);
    strbuf_init(&second, 1U << 26);
    record_format(record, &first);
    if (json_parse_text(first.data, first.length, "record", &object, NULL) < 0 ||
        record_decode(record_kind_name(record->kind), object, arena, &again, NULL) < 0) {
        abort();
    }
    record_format(&again, &second);
    if (strcmp(first.data, second.data) != 0) {
        abort();
    }
    json_decref(object);
    strbuf_release(&first);
    strbuf_release(&second);
}

/* False when the journal ends here: everything behind a refused record is refused too. */
static bool add_line(struct run_state *run, const char *line, size_t length)
{
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct record record;
    json_t *object = NULL;
    bool is_taken = false;
    const char *kind;

    if (json_parse_text(line, length, "record", &object, NULL) == 0 && json_is_object(object)) {
        kind = json_get_text(object, "kind", "");
        if (record_decode(kind, object, arena, &record, &err) == 0) {
            record.seq = run->seq + 1;
            record.at = json_get_integer(object, "at", 1);
            check_round_trip(&record, arena);
            is_taken = run_refusal(run, &record) == NULL;
            if (is_taken) {
                run_apply(run, &record);
            }
        } else if (err.text[0] == '\0') {
            abort();
        }
    }
    json_decref(object);
    arena_free(arena);
    return is_taken;
}

static void show(struct run_state *run)
{
    json_t *view = view_run(run);

    if (!json_is_object(view)) {
        abort();
    }
    json_decref(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct workflow *workflow = parse_definition();
    struct run_state *run = run_state_new("wf_000000000001", workflow);
    const char *at = (const char *)data;
    const char *end = at + size;
    bool goes_on = true;

    for (int i = 0; goes_on && at < end && i < LINES_MAX; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;

        goes_on = add_line(run, at, (size_t)(stop - at));
        at = newline ? newline + 1 : end;
    }
    show(run);
    run_state_free(run);
    workflow_free(workflow);
    return 0;
}

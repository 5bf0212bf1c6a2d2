/* SPDX-License-Identifier: MIT */
#include "agents/conceal.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct concealer {
    conceal_callback on_event;
    void *context;
    struct redact redact;
    void *memory;
    struct redact_stream pieces;      /* of the texts that come in pieces */
    enum agent_event_kind piece_kind; /* of what is held */
    struct redact_stream whole;
    struct strbuf text;
};

struct concealer *concealer_new(const struct redact_key *keys, size_t count,
                                conceal_callback on_event, void *context)
{
    struct concealer *concealer = mem_zero(1, sizeof(*concealer));

    concealer->on_event = on_event;
    concealer->context = context;
    concealer->memory = mem_zero(1, redact_size(keys, count) + 1);
    redact_init(&concealer->redact, concealer->memory, keys, count);
    concealer->pieces.redact = &concealer->redact;
    concealer->pieces.held = mem_zero(1, concealer->redact.longest + 1);
    concealer->whole.redact = &concealer->redact;
    concealer->whole.held = mem_zero(1, concealer->redact.longest + 1);
    strbuf_init(&concealer->text, SIZE_MAX); /* what comes in has its own ceilings */
    return concealer;
}

void concealer_free(struct concealer *concealer)
{
    if (!concealer) {
        return;
    }
    free(concealer->memory);
    free(concealer->pieces.held);
    free(concealer->whole.held);
    strbuf_release(&concealer->text);
    free(concealer);
}

static void take(void *context, const char *bytes, size_t length)
{
    strbuf_add_bytes(context, bytes, length);
}

char *concealer_text(struct concealer *concealer, const char *text)
{
    struct strbuf target;
    char *taken;

    strbuf_init(&target, SIZE_MAX);
    redact_add(&concealer->whole, text, strlen(text), take, &target);
    redact_end(&concealer->whole, take, &target);
    taken = strbuf_take(&target);
    strbuf_release(&target);
    return taken;
}

/* A text that is only a part of a key gives nothing yet. */
static void hand_on_text(struct concealer *concealer, struct agent_event event)
{
    if (concealer->text.length > 0) {
        event.text = concealer->text.data;
        concealer->on_event(concealer->context, &event);
    }
    strbuf_reset(&concealer->text);
}

static void hand_on_held(struct concealer *concealer)
{
    struct agent_event event;

    agent_event_init(&event, concealer->piece_kind);
    event.is_partial = true;
    redact_end(&concealer->pieces, take, &concealer->text);
    hand_on_text(concealer, event);
}

static bool is_piece(const struct agent_event *event)
{
    return event->is_partial && (event->kind == AGENT_TEXT || event->kind == AGENT_THINKING);
}

void concealer_add(struct concealer *concealer, const struct agent_event *event)
{
    const char *const parts[] = {event->text, event->id, event->name};
    char *clean[ARRAY_LEN(parts)] = {NULL};
    struct agent_event shown = *event;

    if (!is_piece(event) || concealer->piece_kind != event->kind) {
        hand_on_held(concealer);
    }
    if (is_piece(event)) {
        concealer->piece_kind = event->kind;
        redact_add(&concealer->pieces, event->text, strlen(event->text), take, &concealer->text);
        hand_on_text(concealer, shown);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        clean[i] = parts[i] ? concealer_text(concealer, parts[i]) : NULL;
    }
    shown.text = clean[0];
    shown.id = clean[1];
    shown.name = clean[2];
    concealer->on_event(concealer->context, &shown);
    for (size_t i = 0; i < ARRAY_LEN(clean); i++) {
        free(clean[i]);
    }
}

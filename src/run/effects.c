/* SPDX-License-Identifier: MIT */
/* What a commit made due: attempts started, taken over and stopped, timers, nested runs, files. */
#include "run/files_queue.h"
#include "run/live.h"
#include "run/prepare.h"
#include "run/spared.h"

void effects_tell_begin(const struct active *active, const struct step_state *step)
{
    const struct engine_options *options = &active->engine->options;

    if (options->on_step_begin && step->definition && step->tries == 0 && step->losses == 0) {
        options->on_step_begin(
            options->context,
            active->ended_at_us > 0 ? engine_clock_us(active->engine) - active->ended_at_us : -1);
    }
}

static void start_step(struct active *active, int step)
{
    const struct step_state *state = &active->state->steps[step];

    effects_tell_begin(active, state);
    if (state->folder) {
        live_start(active, step);
    } else {
        inline_start(active, step);
    }
}

static void post_timer(struct active *active, const char *key)
{
    engine_post(active->engine, event_new(active, EVENT_TIMER, key));
}

static void set_timer(struct active *active, const struct effect *effect)
{
    const struct step_state *step = effect->step >= 0 ? &active->state->steps[effect->step] : NULL;

    timer_start(active, step ? step->key : NULL, effect->at, post_timer);
    if (step && step->waiting == WAITING_RETRY && step->is_spared) {
        spared_wait(active, step);
    }
}

static void come_to_rest(struct active *active)
{
    const struct engine_options *options = &active->engine->options;

    files_rest(active);
    if (options->on_run_rest && !active->state->parent) {
        options->on_run_rest(options->context, active->state->id, active->state->status);
    }
}

static void carry_out(struct active *active, struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_NONE:
        break;
    case EFFECT_PREPARE:
        prepare_step(active, effect->step, effect->word != NULL);
        break;
    case EFFECT_START:
        start_step(active, effect->step);
        break;
    case EFFECT_RECOVER:
        live_recover(active, effect->step);
        break;
    case EFFECT_STOP:
        live_stop(active, effect->step);
        break;
    case EFFECT_END_QUIET:
        live_end_quiet(active, effect->step);
        break;
    case EFFECT_TIMER:
        set_timer(active, effect);
        break;
    case EFFECT_CHILD_START:
        nested_start(active, effect->step);
        break;
    case EFFECT_CHILD_COMMAND:
        nested_command(active, effect->child, effect->word);
        break;
    case EFFECT_CHILD_END:
        nested_end(active, active->state->steps[effect->step].key, effect->child);
        break;
    case EFFECT_CHECKPOINT:
        files_checkpoint(active, effect->word, &effect->view);
        break;
    case EFFECT_REST:
        come_to_rest(active);
        break;
    }
}

void effects_carry_out(struct active *active)
{
    const struct batch *batch = &active->batch;

    for (size_t i = 0; i < batch->effects.count; i++) {
        carry_out(active, &batch->effects.items[i]);
    }
    if (batch_has(batch, RECORD_RUN_MOVED)) {
        nested_tell_parent(active);
    }
}

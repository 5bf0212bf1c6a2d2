/* SPDX-License-Identifier: MIT */
/* What becomes of a step whose agent was given up: another agent, its static alternative, or the
 * end. */
#include "run/turn.h"

#include <string.h>

/* What one agent will not do, no other is asked for; a person may. */
static bool may_ask_another(const struct step_state *step, enum failure_class class_)
{
    return step->definition->kind == STEP_AGENT && !step->is_static && class_ != CLASS_REFUSED &&
           class_ != CLASS_CANCELLED;
}

static bool was_given_up(const struct step_state *step, const char *agent)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(step->given_up, i, entry)
    {
        if (strcmp(json_get_text(entry, "agent", ""), agent) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL: each was asked already. */
static const char *next_agent(const struct turn *turn, const struct step_state *step,
                              const char **ret_current)
{
    const struct config *config = turn->limits ? turn->limits->config : NULL;
    struct step_agents agents;

    config_list_agents(config, step->definition, &agents);
    *ret_current = step->agent ? step->agent : agents.names[0] ? agents.names[0] : "default";
    for (size_t i = 1; i < agents.count; i++) {
        if (!was_given_up(step, agents.names[i]) && strcmp(agents.names[i], *ret_current) != 0) {
            return agents.names[i];
        }
    }
    return NULL;
}

/* Nobody reads only the last of them and knows what happened. */
static const char *all_errors(struct turn *turn, const struct step_state *step, const char *error)
{
    const char *text = "";
    const char *current;
    const json_t *entry;
    size_t i;

    if (json_array_size(step->given_up) == 0 || step->is_static) {
        return error;
    }
    json_array_foreach(step->given_up, i, entry)
    {
        text = turn_text(turn, "%s%s: %.300s; ", text, json_get_text(entry, "agent", ""),
                         json_get_text(entry, "error", ""));
    }
    (void)next_agent(turn, step, &current);
    return turn_text(turn, "%s%s: %.300s", text, current, error);
}

static bool may_fall_back_to_static(const struct turn *turn, const struct step_state *step)
{
    return step->definition->kind == STEP_AGENT && !step->is_static &&
           step->definition->static_step &&
           step_strategy(turn->run, step->definition) == STRATEGY_HYBRID;
}

/* `why`: its class, its error, and as the reason whether it was passed over. */
static void give_up(struct turn *turn, int index, struct record why)
{
    const struct step_state *step = step_at(turn, index);
    enum failure_class class_ = (enum failure_class)failure_class_parse(why.class_);
    const char *current = NULL;
    const char *next = may_ask_another(step, class_) ? next_agent(turn, step, &current) : NULL;

    if (next) {
        why.agent = next;
        why.other = current;
        step_move(turn, index, STEP_IS_RUNNING, why);
        step_try_again(turn, index, false);
        return;
    }
    why.error = all_errors(turn, step, why.error);
    if (may_fall_back_to_static(turn, step_at(turn, index))) {
        /* For everybody who looks: what is done from here on is not what was wanted first. */
        why.strategy = "static";
        step_move(turn, index, STEP_IS_RUNNING, why);
        step_try_again(turn, index, true);
    } else {
        step_fail(turn, index, class_, why.error);
    }
}

void step_give_up_agent(struct turn *turn, int index, enum failure_class class_, const char *error)
{
    give_up(turn, index, (struct record){.class_ = failure_class_name(class_), .error = error});
}

void step_settle_conflict(struct turn *turn, int index, const char *error)
{
    const struct step_state *step = step_at(turn, index);
    const char *settler = step->definition->on_conflict;
    const char *current;

    if (!settler || step->is_static) {
        step_fail(turn, index, CLASS_PERMANENT, error);
        return;
    }
    (void)next_agent(turn, step, &current);
    step_move(turn, index, STEP_IS_RUNNING,
              (struct record){.class_ = failure_class_name(CLASS_PERMANENT),
                              .error = error,
                              .reason = RECORD_REASON_CONFLICT,
                              .agent = settler,
                              .other = current});
    step_try_again(turn, index, false);
}

void step_wait(struct turn *turn, int index, struct record wait)
{
    wait.kind = RECORD_STEP_WAITING;
    wait.phase = phase_id(turn, index);
    wait.step = step_at(turn, index)->key;
    wait.reason = "retry";
    turn_emit(turn, wait);
    turn_effect(turn, EFFECT_TIMER, index, wait.until, NULL);
}

static bool has_another(const struct turn *turn, const struct step_state *step)
{
    const char *current;

    return next_agent(turn, step, &current) || may_fall_back_to_static(turn, step);
}

bool step_park(struct turn *turn, int index, const char *error)
{
    const struct step_state *step = step_at(turn, index);
    const struct step *definition = step->definition;
    int64_t wait_ms = step->not_before - turn->now;
    bool is_passed_on = definition->on_limit == LIMIT_FALLBACK ||
                        (definition->on_limit == LIMIT_AUTO &&
                         wait_ms > definition->retry.max_delay_ms);

    if (wait_ms <= 0 || step->is_static || phase_is_late(turn, step->phase) ||
        (definition->on_limit == LIMIT_AUTO &&
         !(definition->retry.classes & CLASS_BIT(CLASS_LIMIT)))) {
        return false;
    }
    if (is_passed_on && has_another(turn, step)) {
        step_give_up_agent(turn, index, CLASS_LIMIT, error);
    } else if (turn->run->wish != WISH_NONE) {
        step_make_pending(turn, index, "the run is being paused");
    } else {
        /* Who tells an end that is none is asked less and less often. */
        int64_t delay = retry_delay_ms(&definition->retry, step->tries + step->parks,
                                       turn_random(turn));

        step_wait(turn, index,
                  (struct record){.until = turn->now + (wait_ms > delay ? wait_ms : delay),
                                  .text = error});
    }
    return true;
}

static void pass_over(struct turn *turn, int index, enum failure_class class_, const char *why)
{
    give_up(turn, index,
            (struct record){.class_ = failure_class_name(class_),
                            .error = why,
                            .reason = RECORD_REASON_PASSED_OVER});
}

bool step_pass_over(struct turn *turn, int index, const struct event *prepared)
{
    if (!has_another(turn, step_at(turn, index))) {
        return false;
    }
    pass_over(turn, index, prepared->passed_over, prepared->held_why);
    return true;
}

void step_hold_back(struct turn *turn, int index, const struct event *prepared)
{
    if (!prepared->has_slot && has_another(turn, step_at(turn, index))) {
        pass_over(turn, index, CLASS_TRANSIENT, prepared->held_why);
        return;
    }
    step_wait(turn, index,
              (struct record){.until = prepared->held_until,
                              .number = prepared->has_slot ? 1 : 0,
                              .agent = prepared->held_agent,
                              .text = prepared->held_why});
}

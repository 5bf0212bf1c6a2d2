/* SPDX-License-Identifier: MIT */
/* All of a state that comes from records. What is worked out anew after a fold (the ready queues,
 * how far instances were handed out) is left out. */
#include "sim.h"

#include <string.h>

struct comparison {
    const char *where;
    char *text;
    size_t size;
    bool differs;
};

static void differ(struct comparison *comparison, const char *field)
{
    if (!comparison->differs) {
        comparison->differs = true;
        (void)snprintf(comparison->text, comparison->size, "%s: %s", comparison->where, field);
    }
}

static bool same_text(const char *left, const char *right)
{
    return left && right ? strcmp(left, right) == 0 : !left && !right;
}

static bool same_json(const json_t *left, const json_t *right)
{
    return left == right || (left && right && json_equal(left, right));
}

#define VALUE(field)                                                                               \
    if (left->field != right->field) {                                                             \
        differ(comparison, #field);                                                                \
    }
#define WORDS(field)                                                                               \
    if (!same_text(left->field, right->field)) {                                                   \
        differ(comparison, #field);                                                                \
    }
#define JSON(field)                                                                                \
    if (!same_json(left->field, right->field)) {                                                   \
        differ(comparison, #field);                                                                \
    }

static void compare_step(struct comparison *comparison, const struct step_state *left,
                         const struct step_state *right)
{
    comparison->where = left->key;
    WORDS(key)
    VALUE(definition)
    VALUE(check)
    VALUE(role)
    VALUE(phase)
    VALUE(parent)
    VALUE(instance)
    VALUE(status)
    VALUE(waiting)
    VALUE(is_static)
    VALUE(is_reused)
    WORDS(reused_from)
    VALUE(is_digested)
    VALUE(attempts)
    VALUE(tries)
    VALUE(losses)
    VALUE(started_at)
    VALUE(ended_at)
    VALUE(until)
    VALUE(class_)
    WORDS(error)
    WORDS(reason)
    VALUE(exit_status)
    WORDS(child)
    WORDS(digest)
    WORDS(tree)
    WORDS(folder)
    WORDS(answerer)
    WORDS(model)
    WORDS(session)
    VALUE(is_resumable)
    VALUE(is_unfit)
    VALUE(has_slot)
    VALUE(not_before)
    VALUE(parks)
    VALUE(is_settling)
    WORDS(agent_error)
    WORDS(agent)
    JSON(given_up)
    JSON(changed)
    JSON(result.output)
    JSON(result.errors)
    JSON(result.artifacts)
    JSON(items)
    JSON(result.proof)
    VALUE(instances.count)
    VALUE(instance_count)
    VALUE(instances_open)
    VALUE(instances_failed)
    VALUE(instances_under_way)
    VALUE(dialogue.asked)
    VALUE(host_asked)
    if (memcmp(step_calls(left), step_calls(right), sizeof(struct step_calls)) != 0) {
        differ(comparison, "calls");
    }
    VALUE(is_call)
    VALUE(is_counted)
    WORDS(short_run)
    WORDS(short_name)
    if ((left->spent != NULL) != (right->spent != NULL) ||
        (left->spent && memcmp(left->spent, right->spent, sizeof(*left->spent)) != 0)) {
        differ(comparison, "spent");
    }
    if ((left->held != NULL) != (right->held != NULL) ||
        (left->held && (!same_text(left->held->inputs, right->held->inputs) ||
                        !same_json(left->held->result.output, right->held->result.output)))) {
        differ(comparison, "held");
    }
    JSON(dialogue.question)
    JSON(dialogue.answers)
    JSON(dialogue.partial)
}

static void compare_phase(struct comparison *comparison, const struct phase_state *left,
                          const struct phase_state *right)
{
    comparison->where = left->definition->id;
    VALUE(definition)
    VALUE(status)
    VALUE(stage)
    VALUE(first_step)
    VALUE(first_fix)
    VALUE(first_check)
    VALUE(round)
    VALUE(fix_rounds)
    VALUE(gotos)
    VALUE(iteration)
    VALUE(unfinished)
    VALUE(under_way)
    VALUE(running)
    VALUE(started_at)
    VALUE(ended_at)
    VALUE(deadline)
    VALUE(clock_at)
    WORDS(error)
    WORDS(failed_step)
    VALUE(is_excused)
    VALUE(gate_asked)
    VALUE(gate_skipped)
    VALUE(verdict)
    WORDS(verdict_reason)
}

static void compare_run(struct comparison *comparison, const struct run_state *left,
                        const struct run_state *right)
{
    comparison->where = "run";
    VALUE(status)
    VALUE(wish)
    WORDS(reason)
    WORDS(detail)
    WORDS(reason_phase)
    WORDS(reason_step)
    WORDS(task)
    WORDS(label)
    JSON(inputs)
    VALUE(strategy)
    VALUE(strategy_default)
    VALUE(is_fresh)
    WORDS(parent)
    WORDS(parent_step)
    VALUE(depth)
    VALUE(iteration)
    VALUE(created_at)
    VALUE(started_at)
    VALUE(ended_at)
    VALUE(rested_at)
    VALUE(deadline)
    VALUE(seq)
    VALUE(step_count)
    JSON(signals)
    JSON(signals_used)
    JSON(left)
    JSON(gone)
    JSON(calls)
    VALUE(workflow)
    VALUE(checkpoints.count)
    VALUE(phases_open)
    VALUE(under_way)
    VALUE(running)
    VALUE(approvals)
    VALUE(questions)
    VALUE(hosts)
    VALUE(is_bridged)
    VALUE(nested)
    VALUE(steps_total)
    VALUE(ran_ms)
    VALUE(since)
    VALUE(last_at)
    WORDS(reason_run)
    WORDS(reason_budget)
    JSON(step_budgets)
    if (memcmp(&left->ledger, &right->ledger, sizeof(left->ledger)) != 0) {
        differ(comparison, "ledger");
    }
    if (memcmp(&left->budget, &right->budget, sizeof(left->budget)) != 0) {
        differ(comparison, "budget");
    }
    if (memcmp(left->counts, right->counts, sizeof(left->counts)) != 0) {
        differ(comparison, "counts");
    }
}

static void compare_checkpoint(struct comparison *comparison, const struct checkpoint_state *left,
                               const struct checkpoint_state *right)
{
    comparison->where = "checkpoint";
    WORDS(name)
    VALUE(seq)
    VALUE(at)
    JSON(phases)
}
#undef VALUE
#undef WORDS
#undef JSON

const char *compare_states(const struct run_state *left, const struct run_state *right, char *text,
                           size_t size)
{
    struct comparison comparison = {.text = text, .size = size};

    compare_run(&comparison, left, right);
    for (size_t i = 0; i < left->step_count && !comparison.differs; i++) {
        compare_step(&comparison, &left->steps[i], &right->steps[i]);
    }
    for (size_t i = 0; i < left->workflow->phase_count && !comparison.differs; i++) {
        compare_phase(&comparison, &left->phases[i], &right->phases[i]);
    }
    for (size_t i = 0; i < left->checkpoints.count && !comparison.differs; i++) {
        compare_checkpoint(&comparison, &left->checkpoints.items[i], &right->checkpoints.items[i]);
    }
    return comparison.differs ? text : NULL;
}

/* SPDX-License-Identifier: MIT */
#include "run_machine.h"

#include "base/alloc.h"
#include "run/states.h"
#include "support/record_body.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN_NAME "wf_000000000001"
#define START_MS 1700000000000

/* ---- keeping ---- */

static void keep_record(struct machine *machine, const struct record *record)
{
    *VEC_PUSH(&machine->records) = (struct kept_record){.kind = record_kind_name(record->kind),
                                                        .seq = record->seq,
                                                        .at = record->at,
                                                        .body = record_body(record)};
}

static void drop_effects(struct machine *machine)
{
    for (size_t i = 0; i < machine->effects.count; i++) {
        free(machine->effects.items[i].step);
        free(machine->effects.items[i].word);
    }
    machine->effects.count = 0;
}

static void keep_batch(struct machine *machine)
{
    const struct batch *batch = &machine->batch;

    for (size_t i = 0; i < batch->records.count; i++) {
        const struct record record = record_vec_get(&batch->records, i);

        keep_record(machine, &record);
    }
    drop_effects(machine);
    for (size_t i = 0; i < batch->effects.count; i++) {
        const struct effect *effect = &batch->effects.items[i];

        *VEC_PUSH(&machine->effects) = (struct kept_effect){
            .kind = effect->kind,
            .step = effect->step < 0 ? NULL : mem_strdup(machine->run->steps[effect->step].key),
            .word = mem_strdup(effect->word),
            .at = effect->at};
    }
    batch_reset(&machine->batch);
}

/* ---- the second state ---- */

static struct run_state *fold_again(const struct machine *machine)
{
    struct run_state *run = run_state_new(machine->run->id, machine->parsed.workflow);
    struct arena *arena = arena_new();

    for (size_t i = 0; i < machine->records.count; i++) {
        const struct kept_record *kept = &machine->records.items[i];
        struct record record;
        const char *refusal;

        assert_int_equal(record_decode(kept->kind, kept->body, arena, &record, NULL), 0);
        record.seq = kept->seq;
        record.at = kept->at;
        if (record.kind == RECORD_RUN_EDITED) {
            /* Of several edits the last one's would be given to all of them. */
            assert_string_equal(record.digest, machine->run->workflow->digest);
            run_offer(run, workflow_share(machine->run->workflow));
        }
        refusal = run_refusal(run, &record);
        if (refusal) {
            char *text = json_dump_compact(kept->body);

            print_error("refused: %s %s: %s\n", kept->kind, text, refusal);
            free(text);
        }
        assert_null(refusal);
        run_apply(run, &record);
    }
    arena_free(arena);
    return run;
}

static void same_text(const char *what, const char *one, const char *other)
{
    if (strcmp(one ? one : "(none)", other ? other : "(none)") != 0) {
        fail_msg("%s: %s, folded: %s", what, one ? one : "(none)", other ? other : "(none)");
    }
}

static void same_number(const char *what, const char *field, int64_t one, int64_t other)
{
    if (one != other) {
        fail_msg("%s: %s: %" PRId64 ", folded: %" PRId64, what, field, one, other);
    }
}

static void same_json(const char *what, const json_t *one, const json_t *other)
{
    if ((one || other) && !json_equal(one, other)) {
        fail_msg("%s: other JSON when folded", what);
    }
}

#define SAME(field) same_number(what, #field, (int64_t)one->field, (int64_t)other->field)

static void same_step(const struct step_state *one, const struct step_state *other)
{
    const char *what = one->key;

    same_text(what, one->key, other->key);
    SAME(role);
    SAME(phase);
    SAME(parent);
    SAME(instance);
    SAME(status);
    SAME(waiting);
    SAME(is_static);
    SAME(is_reused);
    SAME(is_digested);
    SAME(attempts);
    SAME(tries);
    SAME(losses);
    SAME(started_at);
    SAME(ended_at);
    SAME(until);
    SAME(class_);
    SAME(exit_status);
    SAME(instance_count);
    SAME(instances_open);
    SAME(instances_failed);
    SAME(dialogue.asked);
    SAME(host_asked);
    assert_memory_equal(step_calls(one), step_calls(other), sizeof(struct step_calls));
    SAME(is_call);
    SAME(is_counted);
    same_text(what, one->short_run, other->short_run);
    same_text(what, one->short_name, other->short_name);
    assert_int_equal(one->spent != NULL, other->spent != NULL);
    if (one->spent) {
        assert_memory_equal(one->spent, other->spent, sizeof(*one->spent));
    }
    SAME(has_slot);
    SAME(not_before);
    SAME(parks);
    same_json(what, one->dialogue.question, other->dialogue.question);
    same_json(what, one->dialogue.answers, other->dialogue.answers);
    same_json(what, one->dialogue.partial, other->dialogue.partial);
    same_text(what, one->reused_from, other->reused_from);
    same_text(what, one->error, other->error);
    same_text(what, one->reason, other->reason);
    same_text(what, one->child, other->child);
    same_text(what, one->digest, other->digest);
    same_text(what, one->tree, other->tree);
    same_text(what, one->folder, other->folder);
    same_text(what, one->session, other->session);
    same_text(what, one->agent, other->agent);
    same_text(what, one->answerer, other->answerer);
    same_text(what, one->model, other->model);
    same_json(what, one->given_up, other->given_up);
    same_json(what, one->changed, other->changed);
    same_json(what, one->result.output, other->result.output);
    same_json(what, one->result.errors, other->result.errors);
    same_json(what, one->result.artifacts, other->result.artifacts);
    same_json(what, one->items, other->items);
}

static void same_phase(const struct phase_state *one, const struct phase_state *other)
{
    const char *what = one->definition->id;

    SAME(status);
    SAME(stage);
    SAME(round);
    SAME(fix_rounds);
    SAME(gotos);
    SAME(iteration);
    SAME(unfinished);
    SAME(under_way);
    SAME(running);
    SAME(started_at);
    SAME(ended_at);
    SAME(deadline);
    SAME(clock_at);
    SAME(is_excused);
    SAME(gate_asked);
    SAME(gate_skipped);
    SAME(verdict);
    same_text(what, one->error, other->error);
    same_text(what, one->failed_step, other->failed_step);
    same_text(what, one->verdict_reason, other->verdict_reason);
}

void assert_same_state(const struct run_state *one, const struct run_state *other)
{
    const char *what = one->id;

    SAME(status);
    SAME(wish);
    SAME(strategy);
    SAME(strategy_default);
    SAME(is_fresh);
    SAME(depth);
    SAME(iteration);
    SAME(created_at);
    SAME(started_at);
    SAME(ended_at);
    SAME(rested_at);
    SAME(deadline);
    SAME(seq);
    SAME(step_count);
    SAME(checkpoints.count);
    SAME(phases_open);
    SAME(under_way);
    SAME(running);
    SAME(approvals);
    SAME(questions);
    SAME(hosts);
    SAME(is_bridged);
    SAME(nested);
    SAME(steps_total);
    SAME(ran_ms);
    SAME(since);
    SAME(last_at);
    assert_memory_equal(&one->budget, &other->budget, sizeof(one->budget));
    assert_memory_equal(&one->ledger, &other->ledger, sizeof(one->ledger));
    same_json(what, one->step_budgets, other->step_budgets);
    same_text(what, one->reason_run, other->reason_run);
    same_text(what, one->reason_budget, other->reason_budget);
    same_text(what, one->reason, other->reason);
    same_text(what, one->detail, other->detail);
    same_text(what, one->reason_phase, other->reason_phase);
    same_text(what, one->reason_step, other->reason_step);
    same_text(what, one->task, other->task);
    same_json(what, one->inputs, other->inputs);
    same_json(what, one->signals, other->signals);
    same_json(what, one->signals_used, other->signals_used);
    same_json(what, one->left, other->left);
    for (size_t i = 0; i < ARRAY_LEN(one->counts); i++) {
        same_number(what, step_status_name((enum step_status)i), one->counts[i], other->counts[i]);
    }
    for (size_t i = 0; i < one->step_count; i++) {
        same_step(&one->steps[i], &other->steps[i]);
    }
    for (size_t i = 0; i < one->workflow->phase_count; i++) {
        same_phase(&one->phases[i], &other->phases[i]);
    }
}
#undef SAME

/* ---- what must hold after every event ---- */

static void assert_counters(const struct run_state *run)
{
    int open = 0;
    int64_t counts[STEP_IS_SKIPPED + 1] = {0};

    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        open += step_status_is_final(run->phases[i].status) ? 0 : 1;
        assert_true(run->phases[i].under_way >= 0 && run->phases[i].running >= 0);
    }
    assert_int_equal(open, run->phases_open);
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].role == ROLE_STEP || run->steps[i].role == ROLE_INSTANCE) {
            counts[run->steps[i].status]++;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        assert_int_equal(counts[i], run->counts[i]);
    }
    assert_true(run->under_way >= 0 && run->running >= 0);
    assert_true(run->approvals >= 0 && run->questions >= 0 && run->nested >= 0);
}

/* The whole of it: the buffer of a failure's text is short. */
static void tell_and_fail(struct machine *machine, const char *what)
{
    machine->told = 0;
    (void)fprintf(stderr, "%s\n", machine_story(machine));
    fail_msg("the run is %s, %d steps are under way: %s", run_status_name(machine->run->status),
             machine->run->under_way, what);
}

static bool waits_for_nested_ends(const struct run_state *run)
{
    bool is_ending = run->wish == WISH_FAIL || run->wish == WISH_CANCEL;

    return json_object_size(run->left) > 0 || (is_ending && run->nested > 0);
}

static void assert_sound(struct machine *machine)
{
    const struct run_state *run = machine->run;
    struct run_state *folded = fold_again(machine);

    assert_same_state(run, folded);
    run_state_free(folded);
    assert_counters(run);
    if (run->status == RUN_RUNNING && !machine->is_held &&
        run->under_way <= run_count_outside(run) + run->nested && !waits_for_nested_ends(run)) {
        tell_and_fail(machine, "it is stuck");
    }
    for (size_t i = 0; run_status_is_final(run->status) && i < run->step_count; i++) {
        enum waiting waiting = run->steps[i].waiting;

        /* What a person was asked is asked again when a failed run is taken up. */
        if (waiting != WAITING_NOTHING && ((waiting != WAITING_APPROVAL &&
                                            waiting != WAITING_ANSWER && waiting != WAITING_HOST) ||
                                           run->status != RUN_FAILED)) {
            tell_and_fail(machine, "something was left behind");
        }
    }
}

/* ---- life ---- */

void machine_init(struct machine *machine, const char *workflow, const char *inputs)
{
    struct record created = {
        .kind = RECORD_RUN_CREATED, .seq = 1, .at = START_MS, .name = "t", .text = "the task"};
    json_t *given = json_object();

    *machine = (struct machine){.parsed = parse_clean(workflow),
                                .limits = {.steps_max = 1000, .nesting_max = 8},
                                .now = START_MS};
    strbuf_init(&machine->story, 1 << 20);
    batch_init(&machine->batch);
    if (inputs) {
        json_decref(given);
        given = json_loads(inputs, JSON_DECODE_ANY, NULL);
        assert_non_null(given);
    }
    created.digest = machine->parsed.workflow->digest;
    created.data = given;
    machine->run = run_state_new(RUN_NAME, machine->parsed.workflow);
    run_apply(machine->run, &created);
    keep_record(machine, &created);
    machine->told = machine->records.count;
    json_decref(given);
}

void machine_begin(struct machine *machine, const char *workflow)
{
    machine_init(machine, workflow, NULL);
    assert_int_equal(machine_event(machine, (struct event){.kind = EVENT_BEGIN}), 0);
}

void machine_release(struct machine *machine)
{
    for (size_t i = 0; i < machine->records.count; i++) {
        json_decref(machine->records.items[i].body);
    }
    drop_effects(machine);
    VEC_RELEASE(&machine->records);
    VEC_RELEASE(&machine->effects);
    strbuf_release(&machine->story);
    batch_release(&machine->batch);
    run_state_free(machine->run);
    parsed_release(&machine->parsed);
}

int machine_event(struct machine *machine, struct event event)
{
    int r;

    event.now = machine->now;
    event.random = machine->random++;
    event.is_held = machine->is_held;
    machine->err = (struct error)ERROR_INIT;
    r = decide(machine->run, &event, &machine->limits, &machine->batch, &machine->err);
    assert_int_equal(r, machine->err.code);
    if (r < 0) {
        assert_int_equal(machine->batch.records.count, 0);
        assert_int_equal(machine->batch.effects.count, 0);
    }
    keep_batch(machine);
    assert_sound(machine);
    return r;
}

void machine_recover(struct machine *machine)
{
    struct run_state *folded = fold_again(machine);

    run_state_free(machine->run);
    machine->run = folded;
    run_find_ready(folded);
    assert_int_equal(machine_event(machine, (struct event){.kind = EVENT_RECOVERED}), 0);
}

/* ---- events ---- */

void machine_prepare(struct machine *machine, const char *step)
{
    assert_int_equal(machine_step(machine, step)->waiting, WAITING_PREPARE);
    (void)machine_event(
        machine,
        (struct event){.kind = EVENT_PREPARED, .step = step, .digest = "d1", .tree = "t1"});
}

void machine_end(struct machine *machine, const char *step, struct outcome outcome)
{
    if (machine_step(machine, step)->waiting == WAITING_PREPARE) {
        machine_prepare(machine, step);
    }
    if (machine_step(machine, step)->waiting != WAITING_ATTEMPT) {
        fail_msg("no attempt of %s is under way: %s", step, machine_story(machine));
    }
    (void)machine_event(machine, (struct event){.kind = EVENT_ATTEMPT_ENDED,
                                                .step = step,
                                                .attempt = machine_step(machine, step)->attempts,
                                                .outcome = outcome});
}

void machine_pass(struct machine *machine, const char *step)
{
    machine_end(machine, step, (struct outcome){.class_ = CLASS_NONE});
}

void machine_output(struct machine *machine, const char *step, const char *json)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    json_t *output = json_object();

    assert_non_null(value);
    json_put_integer(output, "bytes", (json_int_t)strlen(json));
    json_put(output, "json", value);
    machine_end(machine, step, (struct outcome){.class_ = CLASS_NONE, .output = output});
    json_decref(output);
}

void machine_ask(struct machine *machine, const char *step, const char *question)
{
    json_t *value = json_pack("{s:[s]}", "questions", question);

    machine_end(
        machine, step,
        (struct outcome){.class_ = CLASS_NONE, .question = value, .session = "the-session"});
    json_decref(value);
}

void machine_host(struct machine *machine, const char *step)
{
    if (machine_step(machine, step)->waiting == WAITING_PREPARE) {
        machine_prepare(machine, step);
    }
    (void)machine_event(machine, (struct event){.kind = EVENT_HOST,
                                                .step = step,
                                                .attempt = machine_step(machine, step)->attempts,
                                                .host = ".agent-request-p-a.json"});
}

void machine_fail(struct machine *machine, const char *step, const char *class_)
{
    int parsed = failure_class_parse(class_ ? class_ : "transient");

    assert_true(parsed > 0);
    machine_end(machine, step,
                (struct outcome){.class_ = (enum failure_class)parsed,
                                 .exit_status = 1,
                                 .error = "exit status 1",
                                 .verdict = VERDICT_UNKNOWN,
                                 .verdict_reason = "exit status 1"});
}

void machine_lose_unbegun(struct machine *machine, const char *step)
{
    machine_end(machine, step,
                (struct outcome){.class_ = CLASS_LOST, .is_unbegun = true, .error = "not begun"});
}

void machine_check(struct machine *machine, const char *step, enum verdict verdict)
{
    machine_end(machine, step,
                (struct outcome){.class_ = CLASS_NONE,
                                 .verdict = verdict,
                                 .verdict_reason = "as the test wants"});
}

void machine_child(struct machine *machine, const char *step, enum run_status status)
{
    char *child = mem_strdup(machine_step(machine, step)->child);

    assert_non_null(child);
    (void)machine_event(
        machine,
        (struct event){.kind = EVENT_CHILD, .step = step, .child = child, .child_status = status});
    free(child);
}

void machine_wait(struct machine *machine, int64_t ms)
{
    VEC(char *) due = {0};

    machine->now += ms;
    for (size_t i = 0; i < machine->run->step_count; i++) {
        const struct step_state *step = &machine->run->steps[i];

        if (step->until && step->until <= machine->now) {
            *VEC_PUSH(&due) = mem_strdup(step->key);
        }
    }
    (void)machine_event(machine, (struct event){.kind = EVENT_TIMER});
    for (size_t i = 0; i < due.count; i++) {
        (void)machine_event(machine, (struct event){.kind = EVENT_TIMER, .step = due.items[i]});
        free(due.items[i]);
    }
    VEC_RELEASE(&due);
}

int machine_command(struct machine *machine, const char *command)
{
    char *text = mem_strdup(command);
    json_t *value;
    int r;

    for (char *c = text; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    value = json_loads(text, 0, NULL);
    assert_non_null(value);
    r = machine_event(machine,
                      (struct event){.kind = EVENT_COMMAND, .command = value, .by = "anna"});
    json_decref(value);
    free(text);
    return r;
}

/* ---- telling ---- */

static const char *text_of(const struct kept_record *record, const char *field)
{
    return json_get_text(record->body, field, "");
}

static void tell_optional(struct strbuf *story, const char *word)
{
    if (*word) {
        strbuf_addf(story, " (%s)", word);
    }
}

/* How each kind is told: the words, then the fields one after the other, then one in brackets. */
static const struct {
    const char *kind, *word, *fields[3], *bracketed;
} tales[] = {
    {"run_created", "created", {"workflow"}, NULL},
    {"run_moved", "run", {"status"}, "reason"},
    {"run_wished", "wish", {"wish"}, "reason"},
    {"phase_moved", "phase", {"phase", "status"}, "reason"},
    {"phase_reset", "reset", {"phase"}, "reason"},
    {"step_expanded", "expand", {"step", "count"}, NULL},
    {"step_moved", "step", {"step", "status"}, "class"},
    {"step_waiting", "wait", {"step", "waiting"}, NULL},
    {"attempt_started", "try", {"step", "attempt"}, "strategy"},
    {"attempt_ended", "end", {"step", "attempt", "class"}, NULL},
    {"step_done", "done", {"step", "attempt"}, NULL},
    {"step_reused", "reuse", {"step", "from_run"}, NULL},
    {"approval_given", "answer", {"step", "answer"}, "by"},
    {"signal_received", "signal", {"name"}, "by"},
    {"gate_checked", "check", {"check", "verdict"}, NULL},
    {"gate_decided", "gate", {"phase", "verdict"}, NULL},
    {"gate_skipped", "skip gate", {"phase"}, "by"},
    {"checkpoint_saved", "checkpoint", {"checkpoint"}, NULL},
    {"restored", "restore", {"checkpoint"}, NULL},
    {"went_to", "goto", {"from", "to", "count"}, NULL},
    {"iterated", "iterate", {"phase", "iteration"}, NULL},
    {"nested_left", "left", {"step"}, NULL},
    {"nested_ended", "over", {"step", "status"}, NULL},
    {"question_answered", "told", {"step"}, "by"},
    {"budget_set", "budget", {"step"}, "by"},
    {"run_clocked", "clock", {"away_ms"}, NULL},
};

static void tell(struct strbuf *story, const struct kept_record *record)
{
    for (size_t i = 0; i < ARRAY_LEN(tales); i++) {
        if (strcmp(tales[i].kind, record->kind) != 0) {
            continue;
        }
        strbuf_add(story, tales[i].word);
        for (size_t k = 0; k < ARRAY_LEN(tales[i].fields) && tales[i].fields[k]; k++) {
            const json_t *value = json_object_get(record->body, tales[i].fields[k]);

            if (json_is_integer(value)) {
                strbuf_addf(story, " %" JSON_INTEGER_FORMAT, json_integer_value(value));
            } else if (json_is_string(value)) {
                strbuf_addf(story, " %s", json_string_value(value));
            }
        }
        if (tales[i].bracketed) {
            tell_optional(story, text_of(record, tales[i].bracketed));
        }
        return;
    }
    fail_msg("no tale for %s", record->kind);
}

const char *machine_story(struct machine *machine)
{
    strbuf_reset(&machine->story);
    for (; machine->told < machine->records.count; machine->told++) {
        if (machine->story.length > 0) {
            strbuf_add(&machine->story, " | ");
        }
        tell(&machine->story, &machine->records.items[machine->told]);
    }
    return machine->story.data;
}

static const char *effect_name(enum effect_kind kind)
{
    switch (kind) {
    case EFFECT_NONE:
        return "none";
    case EFFECT_PREPARE:
        return "prepare";
    case EFFECT_START:
        return "start";
    case EFFECT_RECOVER:
        return "recover";
    case EFFECT_STOP:
        return "stop";
    case EFFECT_END_QUIET:
        return "end quiet";
    case EFFECT_TIMER:
        return "timer";
    case EFFECT_CHILD_START:
        return "child";
    case EFFECT_CHILD_COMMAND:
        return "tell";
    case EFFECT_CHILD_END:
        return "end";
    case EFFECT_CHECKPOINT:
        return "checkpoint";
    case EFFECT_REST:
        return "rest";
    }
    return "?";
}

const char *machine_effects(struct machine *machine)
{
    struct strbuf *story = &machine->story;

    strbuf_reset(story);
    for (size_t i = 0; i < machine->effects.count; i++) {
        const struct kept_effect *effect = &machine->effects.items[i];

        strbuf_addf(story, "%s%s%s%s%s%s", i > 0 ? " | " : "", effect_name(effect->kind),
                    effect->step ? " " : "", effect->step ? effect->step : "",
                    effect->word ? " " : "", effect->word ? effect->word : "");
        if (effect->at) {
            strbuf_addf(story, " +%" PRId64, effect->at - machine->now);
        }
    }
    return story->data;
}

const struct step_state *machine_step(const struct machine *machine, const char *key)
{
    const struct step_state *step = run_find_step(machine->run, key);

    if (!step) {
        fail_msg("no step %s", key);
    }
    return step;
}

const struct phase_state *machine_phase(const struct machine *machine, const char *id)
{
    const struct phase_state *phase = run_find_phase(machine->run, id);

    if (!phase) {
        fail_msg("no phase %s", id);
    }
    return phase;
}

void assert_story(struct machine *machine, const char *expected)
{
    assert_string_equal(machine_story(machine), expected);
}

void assert_story_has(struct machine *machine, const char *part)
{
    const char *story = machine_story(machine);

    if (!strstr(story, part)) {
        fail_msg("not told: %s\ntold: %s", part, story);
    }
}

void assert_effects(struct machine *machine, const char *expected)
{
    assert_string_equal(machine_effects(machine), expected);
}

void assert_refused(struct machine *machine, const char *command, const char *part)
{
    assert_true(machine_command(machine, command) < 0);
    if (!strstr(machine->err.text, part)) {
        fail_msg("not said: %s\nsaid: %s", part, machine->err.text);
    }
}

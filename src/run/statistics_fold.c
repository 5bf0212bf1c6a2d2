/* SPDX-License-Identifier: MIT */
#include "run/statistics_fold.h"

#include "agents/event.h"
#include "base/alloc.h"
#include "run/usage.h"
#include "run/verdict.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* ---- the definition ---- */

/* "each" of "each[3]". */
static const struct step *find_step(const struct statistics_run *run, const char *key,
                                    const struct phase **ret_phase)
{
    char *id = mem_strndup(key, strcspn(key, "["));
    const struct step *step = run->workflow ? workflow_find_step(run->workflow, id, ret_phase)
                                            : NULL;

    free(id);
    return step;
}

static bool is_fix_step(const struct phase *phase, const struct step *step)
{
    for (size_t i = 0; phase && i < phase->fix_count; i++) {
        if (step == &phase->fix_steps[i]) {
            return true;
        }
    }
    return false;
}

struct mention {
    const char *step;
    bool is_found;
};

static const char *note_mention(void *context, const char *const *parts, size_t part_count,
                                char *ret_hint, size_t hint_size)
{
    struct mention *mention = context;

    (void)ret_hint;
    (void)hint_size;
    if (strcmp(parts[0], "steps") == 0) {
        assert(part_count >= 2); /* who reads a workflow refuses a path without a step */
        mention->is_found = mention->is_found || strcmp(parts[1], mention->step) == 0;
    }
    return NULL;
}

static bool is_named_in(const struct expression *until, const char *key)
{
    struct mention mention = {.step = mem_strndup(key, strcspn(key, "["))};

    if (until) {
        (void)expression_check_paths(until, note_mention, &mention, NULL);
    }
    free((char *)(uintptr_t)mention.step);
    return mention.is_found;
}

static bool is_named(const struct statistics_run *run, const char *key)
{
    const struct phase *phase = NULL;
    const struct step *step = find_step(run, key, &phase);

    for (size_t i = 0; step && i < run->workflow->phase_count; i++) {
        if (is_named_in(run->workflow->phases[i].iterate.until, key)) {
            return true;
        }
    }
    return step && is_named_in(run->workflow->iterate.until, key);
}

/* Whether something follows from its failure but the end of the run. */
static bool is_check(const struct statistics_run *run, const char *key)
{
    const struct phase *phase = NULL;
    const struct step *step = find_step(run, key, &phase);

    return step && !is_fix_step(phase, step) &&
           (phase->fix_count > 0 || phase->on_failure.action == FAILURE_GOTO ||
            step->on_failure.action == FAILURE_GOTO || is_named(run, key));
}

/* ---- who finds ---- */

static struct finder *get_finder(struct statistics *all, const char *kind, const char *name)
{
    for (size_t i = 0; i < all->finders.count; i++) {
        struct finder *finder = &all->finders.items[i];

        if (strcmp(finder->kind, kind) == 0 && strcmp(finder->name, name) == 0) {
            return finder;
        }
    }
    *VEC_PUSH(&all->finders) = (struct finder){.kind = kind,
                                               .name = arena_strdup(all->arena, name)};
    return &all->finders.items[all->finders.count - 1];
}

/* A step of the workflow: "autobuild/coach". */
static struct finder *get_step_finder(struct statistics_run *run, const char *kind, const char *key)
{
    const struct phase *phase = NULL;
    const struct step *step = find_step(run, key, &phase);
    char *name = mem_printf("%s/%s", run->workflow ? run->workflow->name : "?",
                            step ? step->id : key);
    struct finder *finder = get_finder(run->all, kind, name);

    free(name);
    return finder;
}

static bool is_counted(const struct statistics_run *run, const struct record *record)
{
    return record->at >= run->all->since;
}

/* ---- what is found wrong ---- */

static bool may_be_wrong(const struct work *work, const struct record *record)
{
    return work->has_passed && !work->is_sent_back && !work->is_judge &&
           (work->reset_seq == 0 || work->reset_seq == record->seq - 1);
}

/* The phase of the last work before the record that changed files; NULL: there is none. */
static const char *find_last_phase(const struct statistics_run *run, const struct record *record)
{
    for (size_t i = run->all->works.count; i > run->first; i--) {
        const struct work *work = &run->all->works.items[i - 1];

        if (may_be_wrong(work, record) && work->has_changed) {
            return work->phase;
        }
    }
    return NULL;
}

/* Of the phase (NULL: of all) what was done before `before`; how many. */
static int send_back(const struct statistics_run *run, const struct record *record,
                     const char *phase, int64_t before)
{
    bool has_changed = false;
    int count = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = run->first; i < run->all->works.count; i++) {
            struct work *work = &run->all->works.items[i];

            if (!may_be_wrong(work, record) || work->seq >= before ||
                (phase && !is_same(work->phase, phase))) {
                continue;
            }
            if (pass == 0) {
                has_changed = has_changed || work->has_changed;
            } else if (work->has_changed || !has_changed) {
                work->is_sent_back = true;
                count++;
            }
        }
    }
    return count;
}

static void blame(const struct statistics_run *run, const struct record *record, const char *phase)
{
    if (send_back(run, record, phase, record->seq) == 0) {
        const char *last = find_last_phase(run, record);

        if (last) {
            (void)send_back(run, record, last, record->seq);
        }
    }
}

/* ---- records ---- */

static void add_usage(const struct record *record, struct sample_sums *sums)
{
    struct agent_usage usage;

    agent_usage_decode(record->data, &usage);
    sums->duration_ms = record->duration_ms;
    sums->timed = 1;
    if (usage.input_tokens >= 0 || usage.output_tokens >= 0) {
        sums->tokens = (usage.input_tokens > 0 ? usage.input_tokens : 0) +
                       (usage.output_tokens > 0 ? usage.output_tokens : 0);
        sums->counted = 1;
    }
    if (usage.cost_usd >= 0) {
        sums->cost_usd = usage.cost_usd;
        sums->priced = 1;
    }
}

/* What is not the agent's doing says nothing of its work, unless its answer was there. */
static bool is_failure_of_agent(const struct record *record, enum failure_class class_)
{
    switch (class_) {
    case CLASS_NONE:
        return false;
    case CLASS_PERMANENT:
    case CLASS_REFUSED:
    case CLASS_TIMEOUT:
        return true;
    case CLASS_TRANSIENT:
    case CLASS_LIMIT:
    case CLASS_CANCELLED:
    case CLASS_LOST:
        return record->is_answered;
    }
    return false;
}

/* In the project, and there to stay. */
static bool has_changed_files(const json_t *files)
{
    if (json_object_get(files, "refused") || json_object_get(files, "conflicts")) {
        return false;
    }
    return json_get_integer(files, "merged", json_get_integer(files, "count", 0)) > 0;
}

static enum failure_class class_of(const struct record *record)
{
    int class_ = record->class_ ? failure_class_parse(record->class_) : CLASS_NONE;

    return class_ < 0 ? CLASS_PERMANENT : (enum failure_class)class_;
}

static struct work *push_work(struct statistics_run *run, const struct record *record)
{
    struct arena *arena = run->all->arena;
    struct work *work = VEC_PUSH(&run->all->works);

    *work = (struct work){.run = run->id,
                          .phase = arena_strdup(arena, record->phase),
                          .step = arena_strdup(arena, record->step),
                          .seq = record->seq};
    work->sample.kind = run->kind;
    work->sample.at = record->at;
    return work;
}

static void note_agent(struct statistics_run *run, const struct record *record)
{
    const struct phase *phase = NULL;
    const struct step *step = find_step(run, record->step, &phase);
    enum failure_class class_ = class_of(record);
    struct work *work;

    if (json_get_boolean(record->data, USAGE_NOT_STARTED, false)) {
        return; /* nobody was called */
    }
    work = push_work(run, record);
    work->has_passed = class_ == CLASS_NONE && !record->question;
    work->has_changed = has_changed_files(record->files);
    work->is_fix = is_fix_step(phase, step);
    work->is_judge = is_named(run, record->step);
    work->sample.agent = arena_strdup(run->all->arena, record->agent);
    work->sample.expert = arena_strdup(run->all->arena, step && step->expert ? step->expert : NULL);
    work->sample.attempts = 1;
    work->sample.succeeded = work->has_passed;
    work->sample.failed = is_failure_of_agent(record, class_);
    if (class_ != CLASS_NONE) {
        work->sample.by_class[class_] = 1;
    }
    add_usage(record, &work->sample.all);
    if (work->has_passed) {
        work->sample.well = work->sample.all;
    }
    if (work->is_judge && is_counted(run, record)) {
        struct finder *finder = get_step_finder(run, "judge", record->step);

        finder->asked += work->has_passed;
        finder->passed += work->has_passed; /* taken back when it sends something back */
        sample_add_sums(&finder->cost, &work->sample.all);
    }
}

static void note_code(struct statistics_run *run, const struct record *record)
{
    bool has_failed = class_of(record) != CLASS_NONE;

    if (!record->phase || strncmp(record->step, "gate:", strlen("gate:")) == 0) {
        return; /* of a gate: gate_checked tells more */
    }
    *VEC_PUSH(&run->codes) = (struct code_work){
        .phase = arena_strdup(run->all->arena, record->phase),
        .step = arena_strdup(run->all->arena, record->step),
        .seq = record->seq,
        .has_failed = has_failed};
    if (is_counted(run, record) && is_check(run, record->step)) {
        struct finder *finder = get_step_finder(run, "check", record->step);

        finder->asked++;
        finder->passed++; /* as above */
        finder->cost.duration_ms += record->duration_ms;
        finder->cost.timed++;
    }
}

static void note_child(struct statistics_run *run, const struct record *record)
{
    struct work *work;

    for (size_t i = run->first; i < run->all->works.count; i++) {
        if (is_same(run->all->works.items[i].child, record->other)) {
            return;
        }
    }
    work = push_work(run, record);
    work->child = arena_strdup(run->all->arena, record->other);
    work->has_passed = true;
    work->has_changed = true;
}

static void note_found(struct finder *finder, const struct statistics_run *run,
                       const struct record *record)
{
    if (is_counted(run, record)) {
        finder->found++;
        finder->passed -= finder->passed > 0;
    }
}

static void note_gate(struct statistics_run *run, const struct record *record)
{
    struct finder *finder = get_finder(run->all, "gate", record->name);
    bool is_counted_here = is_counted(run, record);

    if (record->kind == RECORD_GATE_CHECKED) {
        finder->cost.duration_ms += is_counted_here
                                        ? json_get_integer(record->data, "duration_ms", 0)
                                        : 0;
        finder->cost.timed += is_counted_here;
    } else if (record->kind == RECORD_GATE_SKIPPED) {
        finder->skipped += is_counted_here;
    } else {
        bool has_failed = is_same(record->status, verdict_name(VERDICT_FAIL));
        bool has_passed = is_same(record->status, verdict_name(VERDICT_PASS));

        finder->asked += is_counted_here;
        finder->passed += is_counted_here && has_passed;
        finder->found += is_counted_here && has_failed;
        finder->unknown += is_counted_here && !has_passed && !has_failed;
        if (has_failed) {
            json_put_text(run->failed_gate, record->phase, record->name);
            blame(run, record, record->phase);
        }
    }
}

/* The last step of the phase that is no agent, where it failed; NULL: it was not that. */
static const struct code_work *find_failed_code(const struct statistics_run *run, const char *phase)
{
    for (size_t i = run->codes.count; i > 0; i--) {
        const struct code_work *code = &run->codes.items[i - 1];

        if (code->reset_seq == 0 && is_same(code->phase, phase)) {
            return code->has_failed ? code : NULL;
        }
    }
    return NULL;
}

/* The phase `failed` sends the run back to `target`, or has itself fixed. */
static void note_failed_phase(struct statistics_run *run, const struct record *record,
                              const char *failed, const char *target)
{
    const struct code_work *code = find_failed_code(run, failed);

    if (json_object_get(run->failed_gate, failed)) {
        if (!is_same(failed, target)) {
            (void)send_back(run, record, target, record->seq); /* it was counted as the gate's */
        }
    } else if (code) {
        note_found(get_step_finder(run, "check", code->step), run, record);
        blame(run, record, target);
    }
}

static void note_reset(struct statistics_run *run, const struct record *record)
{
    bool is_for_fix = is_same(record->reason, "fix");

    (void)json_object_del(run->failed_gate, record->phase);
    for (size_t i = run->first; i < run->all->works.count; i++) {
        struct work *work = &run->all->works.items[i];

        /* What was fixed is what the phase now looks at. */
        if (work->reset_seq == 0 && is_same(work->phase, record->phase) &&
            !(is_for_fix && work->is_fix)) {
            work->reset_seq = record->seq;
        }
    }
    for (size_t i = 0; i < run->codes.count; i++) {
        struct code_work *code = &run->codes.items[i];

        if (code->reset_seq == 0 && is_same(code->phase, record->phase)) {
            code->reset_seq = record->seq;
        }
    }
}

/* A phase is reset just before its `iterated`, all phases just after that of the run. */
static bool is_of_round(int64_t reset_seq, const struct record *record)
{
    return reset_seq == 0 || reset_seq == record->seq - 1;
}

/* The last of the checks (that failed, or any) that the condition names; NULL: none. */
static const struct code_work *find_named_code(const struct statistics_run *run,
                                               const struct record *record,
                                               const struct expression *until,
                                               bool must_have_failed)
{
    for (size_t i = run->codes.count; i > 0; i--) {
        const struct code_work *code = &run->codes.items[i - 1];

        if (is_of_round(code->reset_seq, record) && is_named_in(until, code->step) &&
            (code->has_failed || !must_have_failed)) {
            return code;
        }
    }
    return NULL;
}

static const struct work *find_judge(const struct statistics_run *run, const struct record *record,
                                     const struct expression *until)
{
    for (size_t i = run->all->works.count; i > run->first; i--) {
        const struct work *work = &run->all->works.items[i - 1];

        if (work->is_judge && work->has_passed && is_of_round(work->reset_seq, record) &&
            is_named_in(until, work->step)) {
            return work;
        }
    }
    return NULL;
}

static void note_iterated(struct statistics_run *run, const struct record *record)
{
    const struct phase *phase = run->workflow && record->phase
                                    ? workflow_find_phase(run->workflow, record->phase)
                                    : NULL;
    const struct expression *until = phase ? phase->iterate.until
                                     : run->workflow && !record->phase
                                         ? run->workflow->iterate.until
                                         : NULL;
    const struct code_work *code = find_named_code(run, record, until, true);
    const struct work *judge = code ? NULL : find_judge(run, record, until);

    code = code || judge ? code : find_named_code(run, record, until, false);
    if (code) {
        note_found(get_step_finder(run, "check", code->step), run, record);
    } else if (judge) {
        note_found(get_step_finder(run, "judge", judge->step), run, record);
    }
    if (code || judge) {
        (void)send_back(run, record, record->phase, code ? code->seq : judge->seq);
    }
}

static void note_reuse(struct statistics_run *run, const struct record *record)
{
    struct arena *arena = run->all->arena;

    if (is_counted(run, record)) {
        *VEC_PUSH(&run->all->reuses) = (struct reused_work){
            .agent = arena_strdup(arena, record->agent),
            .run = arena_strdup(arena, record->other),
            .step = arena_strdup(arena, record->other_step),
            .duration_ms = record->duration_ms};
    }
}

void statistics_run_init(struct statistics_run *run, struct statistics *all, const char *id,
                         const struct workflow *workflow)
{
    *run = (struct statistics_run){.all = all,
                                   .id = arena_strdup(all->arena, id),
                                   .workflow = workflow,
                                   .kind = TASK_KIND_OTHER,
                                   .first = all->works.count,
                                   .failed_gate = json_object()};
}

void statistics_run_release(struct statistics_run *run)
{
    json_decref(run->failed_gate);
    VEC_RELEASE(&run->codes);
}

void statistics_run_add(struct statistics_run *run, const struct record *record)
{
    /* Only these say something of the worth of work. */
    if (record->kind == RECORD_RUN_CREATED && record->model) {
        run->kind = arena_strdup(run->all->arena, record->model);
    } else if (record->kind == RECORD_ATTEMPT_ENDED && record->agent) {
        note_agent(run, record);
    } else if (record->kind == RECORD_ATTEMPT_ENDED || record->kind == RECORD_STEP_DONE) {
        note_code(run, record);
    } else if (record->kind == RECORD_STEP_WAITING && record->other) {
        note_child(run, record);
    } else if (record->kind == RECORD_GATE_CHECKED || record->kind == RECORD_GATE_DECIDED ||
               record->kind == RECORD_GATE_SKIPPED) {
        note_gate(run, record);
    } else if (record->kind == RECORD_PHASE_MOVED && is_same(record->reason, "fix")) {
        note_failed_phase(run, record, record->phase, record->phase);
    } else if (record->kind == RECORD_WENT_TO) {
        note_failed_phase(run, record, record->phase, record->other);
    } else if (record->kind == RECORD_PHASE_RESET) {
        note_reset(run, record);
    } else if (record->kind == RECORD_ITERATED) {
        note_iterated(run, record);
    } else if (record->kind == RECORD_STEP_REUSED) {
        note_reuse(run, record);
    }
}

/* ---- over all runs ---- */

static bool spread_from(struct statistics *all, const struct work *child)
{
    bool is_new = false;

    for (size_t i = 0; i < all->works.count; i++) {
        struct work *work = &all->works.items[i];

        if (is_same(work->run, child->child) && work->has_passed && work->has_changed &&
            !work->is_sent_back) {
            work->is_sent_back = true;
            is_new = true;
        }
    }
    return is_new;
}

static void settle(struct work *work)
{
    if (work->is_sent_back) {
        work->sample.succeeded = 0;
        work->sample.failed = 1;
        work->sample.sent_back = 1;
    }
}

void statistics_spread(struct statistics *all)
{
    bool goes_on = true;
    size_t kept = 0;

    while (goes_on) {
        goes_on = false;
        for (size_t i = 0; i < all->works.count; i++) {
            const struct work *work = &all->works.items[i];

            goes_on = (work->child && work->is_sent_back && spread_from(all, work)) || goes_on;
        }
    }
    for (size_t i = 0; i < all->works.count; i++) {
        if (!all->works.items[i].child) {
            all->works.items[kept] = all->works.items[i];
            settle(&all->works.items[kept++]);
        }
    }
    all->works.count = kept;
}

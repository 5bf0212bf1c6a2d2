/* SPDX-License-Identifier: MIT */
#include "run/statistics_fold.h"

#include "base/alloc.h"
#include "support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char definition[] =
    "name: w\n"
    "iterate: { max: 3, until: steps.judge.output == 'good' }\n"
    "phases:\n"
    "  - id: make\n"
    "    steps: [{ id: build, agent: a, prompt: Build, expert: builder }, { id: note, agent: a, "
    "prompt: Note }]\n"
    "  - id: test\n"
    "    mode: adaptive\n"
    "    steps: [{ id: unit, run: make test }]\n"
    "    fix: [{ id: repair, agent: b, prompt: Repair }]\n"
    "  - id: look\n"
    "    steps: [{ id: judge, agent: c, prompt: Judge }, { id: after, agent: a, prompt: Say }]\n";

/* Rounds of a phase, checks that are named or go back, and a judge of the phase and of the run. */
static const char rounds[] =
    "name: v\n"
    "iterate: { max: 3, until: steps.judge.output == 'good' }\n"
    "phases:\n"
    "  - id: make\n"
    "    steps: [{ id: build, agent: a, prompt: Build }]\n"
    "  - id: polish\n"
    "    iterate:\n"
    "      max: 3\n"
    "      until: phases.make.status == 'completed' and steps.unit.status == 'completed' and "
    "steps.lint.status == 'completed' and steps.critic.output == 'good'\n"
    "    steps: [{ id: write, agent: a, prompt: Write }, { id: unit, run: make test }, { id: lint, "
    "run: make lint }, { id: tidy, run: make tidy }, { id: critic, agent: c, prompt: Judge }]\n"
    "  - id: look\n"
    "    steps: [{ id: judge, agent: c, prompt: Judge }]\n"
    "  - id: pack\n"
    "    on_failure: { goto: make }\n"
    "    steps: [{ id: build_all, run: make }]\n"
    "  - id: ship\n"
    "    steps: [{ id: send, run: make send, on_failure: { goto: make } }, { id: list, run: ls }]\n"
    "  - id: mend\n"
    "    mode: adaptive\n"
    "    steps: [{ id: whole, run: make check }]\n"
    "    fix: [{ id: format, run: make format }]\n";

struct world {
    struct statistics all;
    struct statistics_run run;
    struct parsed parsed;
    const struct workflow *workflow;
    int64_t seq;
};

static void set_up_with(struct world *world, const char *text)
{
    *world = (struct world){.all = {.arena = arena_new()}};
    world->parsed = parse_text(text);
    world->workflow = world->parsed.workflow;
    assert_non_null(world->workflow);
    statistics_run_init(&world->run, &world->all, "wf_1", world->workflow);
}

static void set_up(struct world *world)
{
    set_up_with(world, definition);
}

static void tear_down(struct world *world)
{
    statistics_run_release(&world->run);
    parsed_release(&world->parsed);
    VEC_RELEASE(&world->all.works);
    VEC_RELEASE(&world->all.finders);
    VEC_RELEASE(&world->all.reuses);
    arena_free(world->all.arena);
}

static void add(struct world *world, struct record record)
{
    record.seq = ++world->seq;
    record.at = 1000 + record.seq;
    statistics_run_add(&world->run, &record);
}

static void add_agent(struct world *world, const char *phase, const char *step, const char *class_,
                      int64_t files)
{
    json_t *changed = json_object();

    json_put_integer(changed, "count", files);
    add(world, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                               .phase = phase,
                               .step = step,
                               .agent = step,
                               .class_ = class_,
                               .files = changed,
                               .duration_ms = 5});
    json_decref(changed);
}

static void add_code(struct world *world, const char *phase, const char *step, const char *class_)
{
    add(world, (struct record){
                   .kind = RECORD_ATTEMPT_ENDED, .phase = phase, .step = step, .class_ = class_});
}

static void reset(struct world *world, const char *phase, const char *reason)
{
    add(world, (struct record){.kind = RECORD_PHASE_RESET, .phase = phase, .reason = reason});
}

/* The last work of this step; its agent is called the same. */
static const struct work *find(const struct world *world, const char *step)
{
    for (size_t i = world->all.works.count; i > 0; i--) {
        if (strcmp(world->all.works.items[i - 1].step, step) == 0) {
            return &world->all.works.items[i - 1];
        }
    }
    fail_msg("there is no work of %s", step);
    return NULL;
}

/* NULL: nobody of that name looked at anything. */
static const struct finder *find_finder(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->all.finders.count; i++) {
        if (strcmp(world->all.finders.items[i].name, name) == 0) {
            return &world->all.finders.items[i];
        }
    }
    return NULL;
}

static int64_t found_by(const struct world *world, const char *name)
{
    const struct finder *finder = find_finder(world, name);

    return finder ? finder->found : 0;
}

static void decide_gate(struct world *world, const char *phase, const char *status)
{
    add(world, (struct record){
                   .kind = RECORD_GATE_DECIDED, .phase = phase, .name = "g", .status = status});
}

/* The phase (NULL: the run) begins its next round. */
static void iterate(struct world *world, const char *phase)
{
    if (phase) {
        reset(world, phase, "iterate");
    }
    add(world, (struct record){.kind = RECORD_ITERATED, .phase = phase, .number = 2});
}

static void each_class_is_success_failure_or_neither(void **state)
{
    static const struct {
        const char *class_;
        bool is_answered;
        int succeeded, failed;
    } cases[] = {
        {"none", false, 1, 0},      {"permanent", false, 0, 1}, {"refused", false, 0, 1},
        {"timeout", false, 0, 1},   {"transient", false, 0, 0}, {"limit", false, 0, 0},
        {"cancelled", false, 0, 0}, {"lost", false, 0, 0},      {"transient", true, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;

        set_up(&world);
        add(&world, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                    .phase = "make",
                                    .step = "build",
                                    .agent = "a",
                                    .class_ = cases[i].class_,
                                    .is_answered = cases[i].is_answered});
        statistics_spread(&world.all);
        assert_int_equal(find(&world, "build")->sample.succeeded, cases[i].succeeded);
        assert_int_equal(find(&world, "build")->sample.failed, cases[i].failed);
        tear_down(&world);
    }
}

static void who_asks_back_or_could_not_be_started_is_no_sample(void **state)
{
    struct world world;
    json_t *usage = json_pack("{s:b}", "not_started", 1);
    json_t *question = json_object();

    (void)state;
    set_up(&world);
    add(&world, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                .phase = "make",
                                .step = "build",
                                .agent = "a",
                                .class_ = "permanent",
                                .data = usage});
    assert_int_equal(world.all.works.count, 0);
    add(&world, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                .phase = "make",
                                .step = "build",
                                .agent = "a",
                                .class_ = "none",
                                .question = question});
    assert_int_equal(find(&world, "build")->sample.succeeded, 0);
    assert_int_equal(find(&world, "build")->sample.failed, 0);
    json_decref(usage);
    json_decref(question);
    tear_down(&world);
}

static void a_sample_has_the_kind_of_its_run_and_the_expert_of_its_step(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add(&world, (struct record){.kind = RECORD_RUN_CREATED, .model = "fix"});
    add_agent(&world, "make", "build", "none", 1);
    add_agent(&world, "make", "note", "none", 0);
    assert_string_equal(find(&world, "build")->sample.kind, "fix");
    assert_string_equal(find(&world, "build")->sample.expert, "builder");
    assert_null(find(&world, "note")->sample.expert);
    tear_down(&world);
}

/* The tests fail twice: first for what was built, then for what was repaired. */
static void what_is_fixed_blames_the_work_before_and_then_the_fix(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add_agent(&world, "make", "build", "none", 2);
    add_agent(&world, "make", "note", "none", 0);
    add_code(&world, "test", "unit", "permanent");
    add(&world, (struct record){.kind = RECORD_PHASE_MOVED, .phase = "test", .reason = "fix"});
    assert_true(find(&world, "build")->is_sent_back);
    assert_false(find(&world, "note")->is_sent_back); /* it changed nothing, and others did */
    assert_int_equal(found_by(&world, "w/unit"), 1);
    add_agent(&world, "test", "repair", "none", 1);
    reset(&world, "test", "fix");
    assert_false(find(&world, "repair")->is_sent_back);
    add_code(&world, "test", "unit", "permanent");
    add(&world, (struct record){.kind = RECORD_PHASE_MOVED, .phase = "test", .reason = "fix"});
    assert_true(find(&world, "repair")->is_sent_back);
    assert_int_equal(found_by(&world, "w/unit"), 2);
    tear_down(&world);
}

static void an_agent_that_failed_itself_finds_nothing(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add_agent(&world, "make", "build", "none", 2);
    add_code(&world, "test", "unit", "none");
    add(&world, (struct record){.kind = RECORD_PHASE_MOVED, .phase = "test", .reason = "fix"});
    assert_false(find(&world, "build")->is_sent_back);
    tear_down(&world);
}

static void the_judge_of_the_run_blames_what_came_before_it(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add_agent(&world, "make", "build", "none", 2);
    add_agent(&world, "look", "judge", "none", 0);
    add_agent(&world, "look", "after", "none", 2);
    add(&world, (struct record){.kind = RECORD_ITERATED, .number = 2});
    assert_true(find(&world, "build")->is_sent_back);
    assert_false(find(&world, "judge")->is_sent_back);
    assert_false(find(&world, "after")->is_sent_back);
    assert_int_equal(found_by(&world, "w/judge"), 1);
    tear_down(&world);
}

static void an_unknown_gate_proves_nothing(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add_agent(&world, "make", "build", "none", 2);
    add(&world,
        (struct record){
            .kind = RECORD_GATE_DECIDED, .phase = "make", .name = "g", .status = "unknown"});
    assert_false(find(&world, "build")->is_sent_back);
    add(&world, (struct record){
                    .kind = RECORD_GATE_DECIDED, .phase = "make", .name = "g", .status = "fail"});
    assert_true(find(&world, "build")->is_sent_back);
    assert_int_equal(found_by(&world, "g"), 1);
    tear_down(&world);
}

static void work_of_before_a_new_round_is_not_blamed_for_it(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add_agent(&world, "make", "build", "none", 2);
    reset(&world, "make", "retry");
    add(&world, (struct record){.kind = RECORD_RUN_WISHED, .status = "none"});
    add_agent(&world, "make", "note", "none", 2);
    add(&world, (struct record){
                    .kind = RECORD_GATE_DECIDED, .phase = "make", .name = "g", .status = "fail"});
    assert_false(find(&world, "build")->is_sent_back);
    assert_true(find(&world, "note")->is_sent_back);
    tear_down(&world);
}

static void what_is_found_of_a_called_run_holds_for_what_it_did(void **state)
{
    struct world world;
    struct statistics_run child;

    (void)state;
    set_up(&world);
    statistics_run_release(&world.run);
    statistics_run_init(&child, &world.all, "wf_2", world.workflow);
    world.run = child;
    add_agent(&world, "make", "build", "none", 2);
    statistics_run_release(&world.run);
    statistics_run_init(&world.run, &world.all, "wf_1", world.workflow);
    for (int i = 0; i < 2; i++) { /* it is told again after a restart */
        add(&world, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = "make",
                                    .step = "note",
                                    .reason = "workflow",
                                    .other = "wf_2"});
    }
    add(&world, (struct record){
                    .kind = RECORD_GATE_DECIDED, .phase = "make", .name = "g", .status = "fail"});
    statistics_spread(&world.all);
    assert_int_equal(world.all.works.count, 1);
    assert_int_equal(find(&world, "build")->sample.sent_back, 1);
    assert_int_equal(find(&world, "build")->sample.failed, 1);
    assert_int_equal(find(&world, "build")->sample.succeeded, 0);
    tear_down(&world);
}

static void without_its_definition_a_run_has_no_judges(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    statistics_run_release(&world.run);
    statistics_run_init(&world.run, &world.all, "wf_1", NULL);
    add_agent(&world, "make", "build", "none", 2);
    add_agent(&world, "look", "judge", "none", 0);
    add(&world, (struct record){.kind = RECORD_ITERATED, .number = 2});
    assert_false(find(&world, "build")->is_sent_back);
    assert_null(find(&world, "build")->sample.expert);
    tear_down(&world);
}

static void a_class_that_is_not_known_is_a_failure_of_the_agent(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add_agent(&world, "make", "build", "of_a_later_version", 0);
    assert_int_equal(find(&world, "build")->sample.failed, 1);
    assert_int_equal(find(&world, "build")->sample.by_class[CLASS_PERMANENT], 1);
    tear_down(&world);
}

static void what_an_agent_does_not_tell_of_its_tokens_is_not_counted(void **state)
{
    static const struct {
        const char *usage;
        int64_t tokens, counted;
    } cases[] = {
        {"{}", 0, 0},
        {"{\"input_tokens\": 7}", 7, 1},
        {"{\"output_tokens\": 5}", 5, 1},
        {"{\"input_tokens\": 7, \"output_tokens\": 5}", 12, 1},
        {"{\"cost_usd\": 0.5}", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        json_t *usage = json_loads(cases[i].usage, 0, NULL);

        set_up(&world);
        add(&world, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                    .phase = "make",
                                    .step = "build",
                                    .agent = "a",
                                    .class_ = "none",
                                    .data = usage});
        assert_int_equal(find(&world, "build")->sample.all.tokens, cases[i].tokens);
        assert_int_equal(find(&world, "build")->sample.all.counted, cases[i].counted);
        json_decref(usage);
        tear_down(&world);
    }
}

static void only_what_came_into_the_project_has_changed_it(void **state)
{
    static const struct {
        const char *files;
        bool has_changed;
    } cases[] = {
        {"{\"count\": 2}", true},
        {"{\"count\": 0}", false},
        {"{\"count\": 2, \"merged\": 1}", true},
        {"{\"count\": 2, \"merged\": 0}", false},
        {"{\"count\": 2, \"refused\": true}", false},
        {"{\"count\": 2, \"conflicts\": [\"a.c\"]}", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        json_t *files = json_loads(cases[i].files, 0, NULL);

        set_up(&world);
        add(&world, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                    .phase = "make",
                                    .step = "build",
                                    .agent = "a",
                                    .class_ = "none",
                                    .files = files});
        assert_int_equal(find(&world, "build")->has_changed, cases[i].has_changed);
        json_decref(files);
        tear_down(&world);
    }
}

/* What follows from its failure but the end of the run makes a step a check. */
static void a_step_is_a_check_where_its_failure_leads_somewhere(void **state)
{
    static const struct {
        const char *phase, *step, *name;
        bool is_check;
    } cases[] = {
        {"polish", "unit", "v/unit", true},
        {"polish", "tidy", "v/tidy", false},
        {"pack", "build_all", "v/build_all", true},
        {"ship", "send", "v/send", true},
        {"ship", "list", "v/list", false},
        {"mend", "whole", "v/whole", true},
        {"mend", "format", "v/format", false},
        {"polish", "gone", "v/gone", false},
        {NULL, "unit", "v/unit", false},
        {"mend", "gate:g/1", "v/gate:g/1", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world world;
        const struct finder *finder;

        set_up_with(&world, rounds);
        add_code(&world, cases[i].phase, cases[i].step, "none");
        finder = find_finder(&world, cases[i].name);
        assert_int_equal(finder != NULL, cases[i].is_check);
        if (finder) {
            assert_string_equal(finder->kind, "check");
            assert_int_equal(finder->asked, 1);
            assert_int_equal(finder->passed, 1);
        }
        tear_down(&world);
    }
}

static void finders_of_one_name_are_told_apart_by_their_kind(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    add_code(&world, "test", "unit", "none");
    add(&world,
        (struct record){
            .kind = RECORD_GATE_DECIDED, .phase = "test", .name = "w/unit", .status = "pass"});
    add_code(&world, "test", "unit", "none");
    assert_int_equal(world.all.finders.count, 2);
    assert_int_equal(world.all.finders.items[0].asked, 2);
    assert_string_equal(world.all.finders.items[1].kind, "gate");
    assert_int_equal(world.all.finders.items[1].passed, 1);
    tear_down(&world);
}

static void an_until_is_found_unmet_by_the_check_in_it_that_failed(void **state)
{
    struct world world;

    (void)state;
    set_up_with(&world, rounds);
    add_agent(&world, "make", "build", "none", 1);
    add_agent(&world, "polish", "write", "none", 1);
    add_code(&world, "polish", "unit", "permanent");
    add_code(&world, "polish", "lint", "none");
    add_code(&world, "polish", "tidy", "permanent"); /* nobody asks for that */
    add_agent(&world, "polish", "critic", "none", 0);
    iterate(&world, "polish");
    assert_int_equal(found_by(&world, "v/unit"), 1);
    assert_int_equal(found_by(&world, "v/lint"), 0);
    assert_int_equal(found_by(&world, "v/tidy"), 0);
    assert_int_equal(found_by(&world, "v/critic"), 0);
    assert_true(find(&world, "write")->is_sent_back);
    assert_false(find(&world, "build")->is_sent_back); /* it is of another phase */
    tear_down(&world);
}

static void what_failed_in_the_round_before_finds_nothing_in_this_one(void **state)
{
    struct world world;

    (void)state;
    set_up_with(&world, rounds);
    add_code(&world, "polish", "unit", "permanent");
    iterate(&world, "polish");
    add_agent(&world, "polish", "write", "none", 1);
    add_code(&world, "polish", "unit", "none");
    add_code(&world, "polish", "lint", "none");
    iterate(&world, "polish");
    assert_int_equal(found_by(&world, "v/unit"), 1);
    assert_int_equal(found_by(&world, "v/lint"), 1); /* the last of those that are named */
    assert_true(find(&world, "write")->is_sent_back);
    tear_down(&world);
}

static void the_judge_of_an_until_is_one_that_it_names_and_that_judged_in_this_round(void **state)
{
    struct world world;

    (void)state;
    set_up_with(&world, rounds);
    add_agent(&world, "polish", "write", "none", 1);
    add_agent(&world, "look", "judge", "none", 0);
    add_agent(&world, "polish", "critic", "none", 0);
    iterate(&world, "polish");
    assert_int_equal(found_by(&world, "v/critic"), 1);
    assert_int_equal(found_by(&world, "v/judge"), 0);
    iterate(&world, "polish"); /* nobody judged since */
    assert_int_equal(found_by(&world, "v/critic"), 1);
    add_agent(&world, "polish", "critic", "permanent", 0);
    iterate(&world, "polish");
    assert_int_equal(found_by(&world, "v/critic"), 1);
    add_agent(&world, "polish", "critic", "none", 0);
    iterate(&world, NULL); /* whose judge is another */
    assert_int_equal(found_by(&world, "v/critic"), 1);
    assert_int_equal(found_by(&world, "v/judge"), 1);
    assert_int_equal(find_finder(&world, "v/critic")->asked, 2);
    assert_int_equal(find_finder(&world, "v/critic")->passed, 1);
    tear_down(&world);
}

static void a_round_of_a_phase_that_is_not_there_any_more_blames_nobody(void **state)
{
    struct world world;

    (void)state;
    set_up_with(&world, rounds);
    add_agent(&world, "gone", "write", "none", 1);
    add_agent(&world, "look", "judge", "none", 0);
    add_code(&world, "polish", "unit", "permanent");
    iterate(&world, "gone");
    assert_false(find(&world, "write")->is_sent_back);
    assert_int_equal(found_by(&world, "v/judge") + found_by(&world, "v/unit"), 0);
    tear_down(&world);
}

static void a_gate_tells_how_often_it_was_left_out_and_what_it_took(void **state)
{
    struct world world;
    json_t *data = json_pack("{s:i}", "duration_ms", 40);
    const struct finder *gate;

    (void)state;
    set_up(&world);
    add(&world,
        (struct record){.kind = RECORD_GATE_CHECKED, .phase = "make", .name = "g", .data = data});
    decide_gate(&world, "make", "pass");
    decide_gate(&world, "make", "unknown");
    add(&world, (struct record){.kind = RECORD_GATE_SKIPPED, .phase = "make", .name = "g"});
    gate = find_finder(&world, "g");
    assert_int_equal(gate->cost.duration_ms, 40);
    assert_int_equal(gate->cost.timed, 1);
    assert_int_equal(gate->asked, 2);
    assert_int_equal(gate->passed, 1);
    assert_int_equal(gate->unknown, 1);
    assert_int_equal(gate->found, 0);
    assert_int_equal(gate->skipped, 1);
    json_decref(data);
    tear_down(&world);
}

/* A gate of today may fail for the work of yesterday. */
static void what_was_before_is_folded_but_not_counted(void **state)
{
    struct world world;
    json_t *data = json_pack("{s:i}", "duration_ms", 40);

    (void)state;
    set_up(&world);
    world.all.since = 2000; /* `add` gives times just above 1000 */
    add_agent(&world, "make", "build", "none", 2);
    add_code(&world, "test", "unit", "permanent");
    add(&world, (struct record){.kind = RECORD_PHASE_MOVED, .phase = "test", .reason = "fix"});
    add_agent(&world, "look", "judge", "none", 0);
    add(&world,
        (struct record){.kind = RECORD_GATE_CHECKED, .phase = "make", .name = "g", .data = data});
    decide_gate(&world, "make", "pass");
    decide_gate(&world, "make", "unknown");
    decide_gate(&world, "make", "fail");
    add(&world, (struct record){.kind = RECORD_GATE_SKIPPED, .phase = "make", .name = "g"});
    add(&world, (struct record){
                    .kind = RECORD_STEP_REUSED, .step = "build", .agent = "a", .other = "wf_0"});
    assert_true(find(&world, "build")->is_sent_back);
    for (size_t i = 0; i < world.all.finders.count; i++) {
        const struct finder *finder = &world.all.finders.items[i];

        assert_int_equal(finder->asked + finder->passed + finder->found, 0);
        assert_int_equal(finder->unknown + finder->skipped, 0);
        assert_int_equal(finder->cost.duration_ms + finder->cost.timed, 0);
    }
    assert_int_equal(world.all.reuses.count, 0);
    json_decref(data);
    tear_down(&world);
}

static void a_phase_without_work_blames_the_last_that_changed_files(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    decide_gate(&world, "test", "fail"); /* nobody has done anything */
    add_agent(&world, "make", "note", "none", 0);
    decide_gate(&world, "test", "fail"); /* nor has anybody changed a file */
    assert_false(find(&world, "note")->is_sent_back);
    add_agent(&world, "make", "build", "none", 1);
    add_agent(&world, "look", "after", "permanent", 1); /* which did not pass */
    decide_gate(&world, "test", "fail");
    assert_true(find(&world, "build")->is_sent_back);
    assert_false(find(&world, "note")->is_sent_back);
    assert_false(find(&world, "after")->is_sent_back);
    assert_int_equal(found_by(&world, "g"), 3);
    tear_down(&world);
}

static void a_check_that_failed_before_its_phase_began_anew_finds_nothing(void **state)
{
    struct world world;

    (void)state;
    set_up_with(&world, rounds);
    add_agent(&world, "make", "build", "none", 1);
    add_code(&world, "pack", "build_all", "permanent");
    reset(&world, "pack", "retry");
    add(&world, (struct record){.kind = RECORD_WENT_TO, .phase = "pack", .other = "make"});
    assert_false(find(&world, "build")->is_sent_back);
    assert_int_equal(found_by(&world, "v/build_all"), 0);
    add_code(&world, "pack", "build_all", "permanent");
    add(&world, (struct record){.kind = RECORD_WENT_TO, .phase = "pack", .other = "make"});
    assert_true(find(&world, "build")->is_sent_back);
    assert_int_equal(found_by(&world, "v/build_all"), 1);
    tear_down(&world);
}

/* The gate has found it; what it was sent back to is blamed, too. */
static void the_way_back_of_a_gate_is_counted_once(void **state)
{
    struct world world;

    (void)state;
    set_up_with(&world, rounds);
    add_agent(&world, "make", "build", "none", 1);
    add_agent(&world, "pack", "wrap", "none", 1);
    add_code(&world, "pack", "build_all", "permanent");
    decide_gate(&world, "pack", "fail");
    assert_true(find(&world, "wrap")->is_sent_back);
    assert_false(find(&world, "build")->is_sent_back);
    add(&world, (struct record){.kind = RECORD_PHASE_MOVED, .phase = "pack", .reason = "fix"});
    assert_false(find(&world, "build")->is_sent_back);
    add(&world, (struct record){.kind = RECORD_WENT_TO, .phase = "pack", .other = "make"});
    assert_true(find(&world, "build")->is_sent_back);
    assert_int_equal(found_by(&world, "g"), 1);
    assert_int_equal(found_by(&world, "v/build_all"), 0);
    tear_down(&world);
}

static void without_its_definition_a_check_is_named_by_its_step_alone(void **state)
{
    struct world world;

    (void)state;
    set_up(&world);
    statistics_run_release(&world.run);
    statistics_run_init(&world.run, &world.all, "wf_1", NULL);
    add_agent(&world, "make", "build", "none", 2);
    add_code(&world, "test", "unit[1]", "permanent");
    add(&world, (struct record){.kind = RECORD_PHASE_MOVED, .phase = "test", .reason = "fix"});
    assert_true(find(&world, "build")->is_sent_back);
    assert_int_equal(found_by(&world, "?/unit[1]"), 1);
    iterate(&world, "test");
    assert_int_equal(found_by(&world, "?/unit[1]"), 1); /* what the rounds wait for is not known */
    tear_down(&world);
}

static void of_a_called_run_only_what_changed_files_is_blamed(void **state)
{
    static const char *const called[] = {"wf_2", "wf_3"};
    struct world world;

    (void)state;
    set_up(&world);
    for (size_t i = 0; i < ARRAY_LEN(called); i++) {
        statistics_run_release(&world.run);
        statistics_run_init(&world.run, &world.all, called[i], world.workflow);
        add_agent(&world, "make", i == 0 ? "build" : "after", "none", 2);
        add_agent(&world, "make", "note", "none", 0);
        add_agent(&world, "look", "judge", "permanent", 1);
    }
    statistics_run_release(&world.run);
    statistics_run_init(&world.run, &world.all, "wf_1", world.workflow);
    for (size_t i = 0; i < ARRAY_LEN(called); i++) {
        add(&world, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = i == 0 ? "make" : "look",
                                    .step = called[i],
                                    .reason = "workflow",
                                    .other = called[i]});
    }
    decide_gate(&world, "make", "fail");
    statistics_spread(&world.all);
    assert_int_equal(world.all.works.count, 6);
    for (size_t i = 0; i < world.all.works.count; i++) {
        const struct work *work = &world.all.works.items[i];

        assert_int_equal(work->sample.sent_back, strcmp(work->step, "build") == 0);
    }
    assert_int_equal(find(&world, "after")->sample.succeeded, 1);
    tear_down(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_is_success_failure_or_neither),
        cmocka_unit_test(who_asks_back_or_could_not_be_started_is_no_sample),
        cmocka_unit_test(a_sample_has_the_kind_of_its_run_and_the_expert_of_its_step),
        cmocka_unit_test(what_is_fixed_blames_the_work_before_and_then_the_fix),
        cmocka_unit_test(an_agent_that_failed_itself_finds_nothing),
        cmocka_unit_test(the_judge_of_the_run_blames_what_came_before_it),
        cmocka_unit_test(an_unknown_gate_proves_nothing),
        cmocka_unit_test(work_of_before_a_new_round_is_not_blamed_for_it),
        cmocka_unit_test(what_is_found_of_a_called_run_holds_for_what_it_did),
        cmocka_unit_test(without_its_definition_a_run_has_no_judges),
        cmocka_unit_test(a_class_that_is_not_known_is_a_failure_of_the_agent),
        cmocka_unit_test(what_an_agent_does_not_tell_of_its_tokens_is_not_counted),
        cmocka_unit_test(only_what_came_into_the_project_has_changed_it),
        cmocka_unit_test(a_step_is_a_check_where_its_failure_leads_somewhere),
        cmocka_unit_test(finders_of_one_name_are_told_apart_by_their_kind),
        cmocka_unit_test(an_until_is_found_unmet_by_the_check_in_it_that_failed),
        cmocka_unit_test(what_failed_in_the_round_before_finds_nothing_in_this_one),
        cmocka_unit_test(the_judge_of_an_until_is_one_that_it_names_and_that_judged_in_this_round),
        cmocka_unit_test(a_round_of_a_phase_that_is_not_there_any_more_blames_nobody),
        cmocka_unit_test(a_gate_tells_how_often_it_was_left_out_and_what_it_took),
        cmocka_unit_test(what_was_before_is_folded_but_not_counted),
        cmocka_unit_test(a_phase_without_work_blames_the_last_that_changed_files),
        cmocka_unit_test(a_check_that_failed_before_its_phase_began_anew_finds_nothing),
        cmocka_unit_test(the_way_back_of_a_gate_is_counted_once),
        cmocka_unit_test(without_its_definition_a_check_is_named_by_its_step_alone),
        cmocka_unit_test(of_a_called_run_only_what_changed_files_is_blamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

struct world {
    struct statistics all;
    struct statistics_run run;
    struct parsed parsed;
    const struct workflow *workflow;
    int64_t seq;
};

static void set_up(struct world *world)
{
    *world = (struct world){.all = {.arena = arena_new()}};
    world->parsed = parse_text(definition);
    world->workflow = world->parsed.workflow;
    assert_non_null(world->workflow);
    statistics_run_init(&world->run, &world->all, "wf_1", world->workflow);
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

static int64_t found_by(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->all.finders.count; i++) {
        if (strcmp(world->all.finders.items[i].name, name) == 0) {
            return world->all.finders.items[i].found;
        }
    }
    return 0;
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

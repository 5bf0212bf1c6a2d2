/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"
#include "run/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ONE "name: w\nphases: [{ id: p, steps: [{ id: sub, workflow: other }] }]\n"

struct fixture {
    struct machine m;
    struct batch batch;
    struct turn turn;
};

static void begin(struct fixture *fixture)
{
    machine_begin(&fixture->m, ONE);
    batch_init(&fixture->batch);
    fixture->turn = (struct turn){.run = fixture->m.run,
                                  .batch = &fixture->batch,
                                  .limits = &fixture->m.limits,
                                  .now = 77,
                                  .random = 5};
}

static void end(struct fixture *fixture)
{
    batch_release(&fixture->batch);
    machine_release(&fixture->m);
}

static void a_record_is_numbered_dated_copied_and_applied(void **state)
{
    struct fixture f;
    char name[] = "ready";
    json_t *value = json_integer(3);
    struct record record;
    int64_t before;

    (void)state;
    begin(&f);
    before = f.m.run->seq;
    turn_emit(&f.turn,
              (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = name, .data = value});
    name[0] = 'x';
    json_decref(value);
    assert_int_equal(f.batch.records.count, 1);
    record = record_vec_get(&f.batch.records, 0);
    assert_int_equal(record.seq, before + 1);
    assert_int_equal(record.at, 77);
    assert_string_equal(record.name, "ready");
    assert_int_equal(json_integer_value(record.data), 3);
    assert_true(batch_has(&f.batch, RECORD_SIGNAL_RECEIVED));
    assert_false(batch_has(&f.batch, RECORD_RUN_MOVED));
    assert_int_equal(json_integer_value(json_object_get(f.m.run->signals, "ready")), 3);
    end(&f);
}

static void texts_that_are_those_of_the_record_before_are_kept_once(void **state)
{
    struct fixture f;
    char name[] = "ready";
    struct record one;
    struct record two;
    struct record three;

    (void)state;
    begin(&f);
    turn_emit(&f.turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = name, .by = "me"});
    turn_emit(&f.turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = name});
    name[4] = 'Y';
    turn_emit(&f.turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = name, .by = "me"});
    one = record_vec_get(&f.batch.records, 0);
    two = record_vec_get(&f.batch.records, 1);
    three = record_vec_get(&f.batch.records, 2);
    assert_ptr_equal(one.name, two.name);
    assert_string_equal(two.name, "ready");
    assert_null(two.by);
    assert_string_equal(three.name, "readY");
    assert_string_equal(three.by, "me");
    end(&f);
}

static void an_effect_remembers_the_nested_run_that_it_is_for(void **state)
{
    struct fixture f;
    char child[RUN_ID_SIZE];

    (void)state;
    begin(&f);
    memcpy(child, machine_step(&f.m, "sub")->child, RUN_ID_SIZE);
    turn_effect(&f.turn, EFFECT_CHILD_COMMAND, 0, 0, "cancel");
    step_cancel(&f.turn, 0, "test");
    phase_reset(&f.turn, 0, "restore");
    assert_null(machine_step(&f.m, "sub")->child);
    assert_string_equal(f.batch.effects.items[0].child, child);
    assert_string_equal(f.batch.effects.items[0].word, "cancel");
    end(&f);
}

static void save_checkpoint(struct fixture *fixture)
{
    checkpoint_save(&fixture->turn, "mark", "me");
    assert_null(fixture->batch.effects.items[0].view.data);
}

static void a_checkpoint_is_shown_as_it_was_before_the_next_record(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    save_checkpoint(&f);
    turn_emit(&f.turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = "later"});
    assert_non_null(f.batch.effects.items[0].view.data);
    assert_null(strstr(f.batch.effects.items[0].view.data, "later"));
    assert_non_null(json_object_get(f.m.run->signals, "later"));
    end(&f);
}

/* Its status is not in it. */
static void a_checkpoint_stays_open_while_only_its_run_moves(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    save_checkpoint(&f);
    run_move(&f.turn, RUN_FAILED, "failure", NULL);
    assert_null(f.batch.effects.items[0].view.data);
    batch_close_checkpoints(&f.batch, f.m.run);
    assert_non_null(f.batch.effects.items[0].view.data);
    end(&f);
}

#define TWO                                                                                        \
    "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }, { id: q, steps: [{ id: b, run: x }]" \
    " }]\n"

static void begin_two(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    machine_begin(&fixture->m, TWO);
    batch_init(&fixture->batch);
    fixture->turn = (struct turn){
        .run = fixture->m.run, .batch = &fixture->batch, .limits = &fixture->m.limits, .now = 77};
    checkpoint_save(&fixture->turn, "p", NULL);
}

/* What it says of the others was noted with it. */
static void a_checkpoint_of_a_phase_stays_open_while_only_other_phases_move(void **state)
{
    struct fixture f;
    json_t *view;

    (void)state;
    begin_two(&f);
    step_cancel(&f.turn, 1, "test");
    checkpoint_save(&f.turn, "q", NULL);
    assert_int_equal(f.batch.open.count, 2);
    batch_close_checkpoints(&f.batch, f.m.run);
    view = json_loads(f.batch.effects.items[0].view.data, 0, NULL);
    assert_int_equal(json_get_integer(json_object_get(view, "steps"), "cancelled", -1), 0);
    assert_int_equal(json_get_integer(view, "seq", 0) + 2, f.m.run->seq);
    json_decref(view);
    view = json_loads(f.batch.effects.items[1].view.data, 0, NULL);
    assert_int_equal(json_get_integer(json_object_get(view, "steps"), "cancelled", -1), 1);
    json_decref(view);
    end(&f);
}

static void a_checkpoint_of_a_phase_is_made_before_a_step_of_it_moves(void **state)
{
    struct fixture f;

    (void)state;
    begin_two(&f);
    step_cancel(&f.turn, 0, "test");
    assert_int_equal(f.batch.open.count, 0);
    assert_null(strstr(f.batch.effects.items[0].view.data, "\"status\": \"cancelled\""));
    end(&f);
}

static void a_batch_can_be_used_again(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    turn_emit(&f.turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = "one"});
    turn_effect(&f.turn, EFFECT_REST, -1, 0, NULL);
    (void)turn_hold(&f.turn, json_integer(1));
    batch_reset(&f.batch);
    assert_int_equal(f.batch.records.count, 0);
    assert_int_equal(f.batch.effects.count, 0);
    assert_int_equal(f.batch.held.count, 0);
    turn_emit(&f.turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = "two"});
    assert_string_equal(record_vec_get(&f.batch.records, 0).name, "two");
    end(&f);
}

static void one_random_value_gives_many_that_differ_and_repeat(void **state)
{
    struct turn one = {.random = 5};
    struct turn other = {.random = 5};
    uint64_t first = turn_random(&one);

    (void)state;
    assert_int_equal(turn_random(&other), first);
    assert_int_not_equal(turn_random(&one), first);
}

static void a_text_longer_than_its_place_is_cut(void **state)
{
    struct fixture f;
    char text[5000];

    (void)state;
    begin(&f);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_string_equal(turn_text(&f.turn, "%d of %s", 3, "four"), "3 of four");
    assert_int_equal(strlen(turn_text(&f.turn, "%s", text)), 2047);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_numbered_dated_copied_and_applied),
        cmocka_unit_test(texts_that_are_those_of_the_record_before_are_kept_once),
        cmocka_unit_test(an_effect_remembers_the_nested_run_that_it_is_for),
        cmocka_unit_test(a_checkpoint_is_shown_as_it_was_before_the_next_record),
        cmocka_unit_test(a_checkpoint_stays_open_while_only_its_run_moves),
        cmocka_unit_test(a_checkpoint_of_a_phase_stays_open_while_only_other_phases_move),
        cmocka_unit_test(a_checkpoint_of_a_phase_is_made_before_a_step_of_it_moves),
        cmocka_unit_test(a_batch_can_be_used_again),
        cmocka_unit_test(one_random_value_gives_many_that_differ_and_repeat),
        cmocka_unit_test(a_text_longer_than_its_place_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

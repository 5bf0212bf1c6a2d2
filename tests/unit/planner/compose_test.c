/* SPDX-License-Identifier: MIT */
#include "planner/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

struct scene {
    struct repository repository;
    struct analysis analysis;
    struct composed composed;
};

static void set_up(struct scene *scene, const char *task, bool has_clones, const char *const *paths)
{
    const struct compose_options options = {.has_clones = has_clones};

    memset(scene, 0, sizeof(*scene));
    for (; *paths; paths++) {
        repository_add(&scene->repository, *paths);
    }
    analyze(task, &scene->repository, &scene->analysis);
    compose(&scene->analysis, &options, &scene->composed);
}

static void tear_down(struct scene *scene)
{
    compose_release(&scene->composed);
    analysis_release(&scene->analysis);
    repository_release(&scene->repository);
}

static const struct composed_step *find(const struct scene *scene, const char *id)
{
    for (size_t i = 0; i < scene->composed.count; i++) {
        if (strcmp(scene->composed.steps[i].id, id) == 0) {
            return &scene->composed.steps[i];
        }
    }
    return NULL;
}

#define BOTH_SIDES "Add the payment form to the page and its handler to the server"
static const char *const sides[] = {"src/client/Pay.tsx", "src/server/pay.ts", "tests/pay.test.ts",
                                    NULL};

static void sides_that_share_no_file_are_built_at_once(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene, BOTH_SIDES, true, sides);
    assert_int_equal(find(&scene, "backend")->wave, 0);
    assert_int_equal(find(&scene, "frontend")->wave, 0);
    assert_int_equal(find(&scene, "backend")->file_count, 1);
    assert_true(scene.composed.has_tests_gate);
    assert_non_null(find(&scene, "security"));
    tear_down(&scene);
}

static void without_clones_one_builds_after_the_other(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene, BOTH_SIDES, false, sides);
    assert_int_equal(find(&scene, "backend")->wave, 0);
    assert_int_equal(find(&scene, "frontend")->wave, 1);
    tear_down(&scene);
}

static void what_nobody_can_foresee_is_not_risked(void **state)
{
    const char *const none[] = {NULL};
    struct scene scene;

    (void)state;
    set_up(&scene, BOTH_SIDES, true, none);
    assert_int_equal(find(&scene, "frontend")->wave, 1);
    assert_false(scene.composed.has_tests_gate);
    assert_int_equal(scene.composed.notes.count, 1);
    tear_down(&scene);
}

static void the_server_side_waits_for_the_database(void **state)
{
    const char *const paths[] = {"db/schema.sql", "src/server/pay.ts", NULL};
    struct scene scene;

    (void)state;
    set_up(&scene, "Add a database column and the server handler for it", true, paths);
    assert_int_equal(find(&scene, "database")->wave, 0);
    assert_int_equal(find(&scene, "backend")->wave, 1);
    tear_down(&scene);
}

#define ITEMS "Do these:\n- fix orders.c\n- fix orders.c again\n- fix users.c\n- fix something\n"

static void items_that_touch_one_file_are_never_in_one_wave(void **state)
{
    const char *const paths[] = {"src/orders.c", "src/users.c", NULL};
    struct scene scene;

    (void)state;
    set_up(&scene, ITEMS, true, paths);
    assert_int_equal(find(&scene, "part-1")->wave, 0);
    assert_int_equal(find(&scene, "part-2")->wave, 1);
    assert_int_equal(find(&scene, "part-3")->wave, 0);
    assert_int_equal(find(&scene, "part-4")->wave, 2);
    assert_string_equal(find(&scene, "part-3")->item, "fix users.c");
    assert_null(find(&scene, "backend"));
    assert_string_equal(find(&scene, "part-1")->expert, "backend-expert");
    tear_down(&scene);

    set_up(&scene, "- add a button to the page\n- add a handler to the server\n", true, paths);
    assert_string_equal(find(&scene, "part-1")->expert, "frontend-expert");
    assert_string_equal(find(&scene, "part-2")->expert, "backend-expert");
    tear_down(&scene);
}

static void a_list_beyond_the_ceiling_is_cut_and_said(void **state)
{
    const char *const none[] = {NULL};
    struct scene scene;
    struct strbuf task;

    (void)state;
    strbuf_init(&task, 4096);
    strbuf_add(&task, "All of these:\n");
    for (int i = 0; i < COMPOSED_ITEMS_MAX + 20; i++) {
        strbuf_add(&task, "- add one\n");
    }
    set_up(&scene, task.data, true, none);
    assert_true(scene.composed.count <= COMPOSED_STEPS_MAX);
    assert_non_null(find(&scene, "tests"));
    assert_non_null(find(&scene, "review"));
    assert_non_null(strstr(scene.composed.notes.items[0].text, "are left out"));
    tear_down(&scene);
    strbuf_release(&task);
}

static bool has_none(const char *name, void *context)
{
    (void)context;
    return strcmp(name, "testing-expert") != 0;
}

static void an_expert_who_is_not_there_takes_no_part(void **state)
{
    const struct compose_options options = {.has_expert = has_none};
    struct scene scene = {0};

    (void)state;
    analyze("Add a button", &scene.repository, &scene.analysis);
    compose(&scene.analysis, &options, &scene.composed);
    assert_null(find(&scene, "tests"));
    assert_non_null(find(&scene, "review"));
    tear_down(&scene);
}

static void its_name_is_made_of_words_of_the_task(void **state)
{
    const char *const none[] = {NULL};
    struct scene scene;

    (void)state;
    set_up(&scene, "Fix the \"crash\" of ../importer: $(rm -rf x)\nquickly", true, none);
    assert_string_equal(scene.composed.name, "plan-fix-crash-importer-rm-rf");
    assert_string_equal(scene.composed.title, "Fix the \"crash\" of ../importer: $(rm -rf x)");
    tear_down(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_that_share_no_file_are_built_at_once),
        cmocka_unit_test(without_clones_one_builds_after_the_other),
        cmocka_unit_test(what_nobody_can_foresee_is_not_risked),
        cmocka_unit_test(the_server_side_waits_for_the_database),
        cmocka_unit_test(items_that_touch_one_file_are_never_in_one_wave),
        cmocka_unit_test(a_list_beyond_the_ceiling_is_cut_and_said),
        cmocka_unit_test(an_expert_who_is_not_there_takes_no_part),
        cmocka_unit_test(its_name_is_made_of_words_of_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

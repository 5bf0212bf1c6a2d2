/* SPDX-License-Identifier: MIT */
#include "run/writer.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/own.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN "wf_000000000001"

static struct writer writer_of(const struct run_project *project, const char *attempt)
{
    return (struct writer){.store = project->store,
                           .project = project->project,
                           .folder = project->folder,
                           .run_id = RUN,
                           .attempt = attempt};
}

/* An attempt's folder of the run. free() it. */
static char *attempt_of(const struct run_project *project, const char *name)
{
    char *path = mem_printf("%s/workflows/" RUN "/attempts/%s", project->folder, name);

    assert_int_equal(file_make_folders(path, NULL), 0);
    return path;
}

static void who_is_at_work_keeps_others_away_until_it_lets_go(void **state)
{
    struct run_project *project = *state;
    char *path = attempt_of(project, "a.1");
    struct writer first = writer_of(project, path);
    struct writer second = writer_of(project, "/nonexistent/b.1");
    int lock = -1;

    assert_int_equal(writer_take(&first, NULL), 0);
    assert_int_equal(run_lock(project->folder, RUN, &lock, NULL), 0);
    assert_int_equal(writer_take(&second, NULL), ERROR_BUSY);
    assert_int_equal(writer_take(&first, NULL), 0);
    writer_release(&second); /* changes nothing */
    assert_int_equal(writer_take(&second, NULL), ERROR_BUSY);
    writer_release(&first);
    assert_int_equal(writer_take(&second, NULL), 0);
    (void)close(lock);
    free(path);
}

static void who_never_had_it_leaves_nothing_behind(void **state)
{
    struct run_project *project = *state;
    struct writer none = writer_of(project, "/nonexistent/a.1");

    writer_release(&none);
    assert_false(run_project_has(project, ".fermata/writer"));
}

static void while_its_run_is_owned_what_it_left_is_seen_to(void **state)
{
    struct run_project *project = *state;
    struct writer first = writer_of(project, "/nonexistent/a.1");
    struct writer second = writer_of(project, "/nonexistent/b.1");
    int lock = -1;

    assert_int_equal(writer_take(&first, NULL), 0);
    assert_int_equal(run_lock(project->folder, RUN, &lock, NULL), 0);
    assert_int_equal(writer_take(&second, NULL), ERROR_BUSY);
    (void)close(lock);
    assert_int_equal(writer_take(&second, NULL), 0);
}

static void what_never_began_cannot_begin_any_more(void **state)
{
    struct run_project *project = *state;
    char *path = attempt_of(project, "a.1");
    struct writer first = writer_of(project, path);
    struct writer second = writer_of(project, "/nonexistent/b.1");
    char *claim;

    assert_int_equal(writer_take(&first, NULL), 0);
    assert_int_equal(writer_take(&second, NULL), 0);
    claim = path_join(path, "claim");
    assert_true(file_exists(claim));
    free(claim);
    free(path);
}

static void a_run_within_the_writers_step_is_part_of_it(void **state)
{
    struct run_project *project = *state;
    char *path = attempt_of(project, "a.1");
    struct writer outer = writer_of(project, path);
    struct writer inner = writer_of(project, "/nonexistent/b.1");
    int lock = -1;

    inner.run_id = "wf_000000000002";
    inner.within = RUN;
    assert_int_equal(writer_take(&outer, NULL), 0);
    assert_int_equal(run_lock(project->folder, RUN, &lock, NULL), 0);
    assert_int_equal(writer_take(&inner, NULL), 0);
    writer_release(&inner);
    inner.within = NULL;
    assert_int_equal(writer_take(&inner, NULL), ERROR_BUSY);
    (void)close(lock);
    free(path);
}

static void what_is_held_keeps_everybody_away_until_its_process_lets_go(void **state)
{
    struct run_project *project = *state;
    struct writer agent = writer_of(project, "/nonexistent/a.1");
    struct writer undo = {
        .store = project->store, .project = project->project, .folder = project->folder};
    int held = -1;
    int other = -1;

    assert_int_equal(writer_hold(&undo, &held, NULL), 0);
    assert_int_equal(writer_hold(&undo, &other, NULL), ERROR_BUSY);
    assert_int_equal(writer_take(&agent, NULL), ERROR_BUSY);
    (void)close(held);
    assert_int_equal(writer_take(&agent, NULL), 0);
}

static void nothing_is_held_while_an_agent_is_at_work(void **state)
{
    struct run_project *project = *state;
    struct writer agent = writer_of(project, "/nonexistent/a.1");
    struct writer undo = {
        .store = project->store, .project = project->project, .folder = project->folder};
    int lock = -1;
    int held = -1;

    assert_int_equal(writer_take(&agent, NULL), 0);
    assert_int_equal(run_lock(project->folder, RUN, &lock, NULL), 0);
    assert_int_equal(writer_hold(&undo, &held, NULL), ERROR_BUSY);
    (void)close(lock);
    assert_int_equal(writer_hold(&undo, &held, NULL), 0);
    (void)close(held);
}

/* A link to itself in the place of one of its files. */
static void hide(const struct run_project *project, const char *name)
{
    char *path = path_join(project->folder, name);

    (void)unlink(path);
    assert_int_equal(symlink(name, path), 0);
    free(path);
}

static void who_cannot_look_may_not_begin(void **state)
{
    struct run_project *project = *state;
    struct writer agent = writer_of(project, "/nonexistent/a.1");
    struct error err = ERROR_INIT;
    int held = -1;
    int r;

    hide(project, "writer.held");
    r = writer_take(&agent, &err);
    assert_true(r < 0 && r != ERROR_BUSY);
    assert_non_null(strstr(err.text, "writer.held"));
    r = writer_hold(&agent, &held, &err);
    assert_true(r < 0 && r != ERROR_BUSY);
    hide(project, "writer");
    r = writer_take(&agent, &err);
    assert_true(r < 0 && r != ERROR_BUSY);
    r = writer_hold(&agent, &held, &err);
    assert_true(r < 0 && r != ERROR_BUSY);
    writer_release(&agent);
}

static void what_neither_lives_nor_can_be_claimed_keeps_others_away(void **state)
{
    struct run_project *project = *state;
    char *path = attempt_of(project, "a.1");
    char *claim = path_join(path, "claim");
    struct writer first = writer_of(project, path);
    struct writer second = writer_of(project, "/nonexistent/b.1");

    assert_int_equal(writer_take(&first, NULL), 0);
    assert_int_equal(symlink("claim", claim), 0);
    assert_int_equal(writer_take(&second, NULL), ERROR_BUSY);
    assert_int_equal(unlink(claim), 0);
    assert_int_equal(writer_take(&second, NULL), 0);
    free(claim);
    free(path);
}

static void a_run_within_another_is_no_part_of_this_one(void **state)
{
    struct run_project *project = *state;
    struct writer outer = writer_of(project, "/nonexistent/a.1");
    struct writer inner = writer_of(project, "/nonexistent/b.1");
    int lock = -1;

    inner.run_id = "wf_000000000002";
    inner.within = "wf_000000000003";
    assert_int_equal(writer_take(&outer, NULL), 0);
    assert_int_equal(run_lock(project->folder, RUN, &lock, NULL), 0);
    assert_int_equal(writer_take(&inner, NULL), ERROR_BUSY);
    (void)close(lock);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_is_at_work_keeps_others_away_until_it_lets_go),
        CASE(who_never_had_it_leaves_nothing_behind),
        CASE(who_cannot_look_may_not_begin),
        CASE(what_neither_lives_nor_can_be_claimed_keeps_others_away),
        CASE(a_run_within_another_is_no_part_of_this_one),
        CASE(while_its_run_is_owned_what_it_left_is_seen_to),
        CASE(what_never_began_cannot_begin_any_more),
        CASE(a_run_within_the_writers_step_is_part_of_it),
        CASE(what_is_held_keeps_everybody_away_until_its_process_lets_go),
        CASE(nothing_is_held_while_an_agent_is_at_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What can fail of a check is wrapped, see the Makefile. */
#include "run/live.h"
#include "run/own.h"

#include "base/alloc.h"
#include "support/run_project.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is to fail of the checks from now on, and how often; and how far they have come. */
static struct {
    int watches, probes, launches, starts, reads; /* so many fail; a probe sees nothing there */
    bool is_full;                                 /* a start fails for want of space */
    int launched, read;                           /* checks that were put together, or looked at */
    const struct launch *launch;                  /* of the last check */
    const struct collect *collect;
} faults;
static struct error no_space;

int __real_pidfd_open(pid_t pid, unsigned int flags);
int __wrap_pidfd_open(pid_t pid, unsigned int flags);
int __real_attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                         struct error *err);
int __wrap_attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                         struct error *err);
int __real_launch_new_check(struct active *active, const struct check_wish *wish,
                            struct launch **ret_launch, struct error *err);
int __wrap_launch_new_check(struct active *active, const struct check_wish *wish,
                            struct launch **ret_launch, struct error *err);
int __real_launch_start(struct launch *launch, pid_t *ret_keeper, struct error *err);
int __wrap_launch_start(struct launch *launch, pid_t *ret_keeper, struct error *err);
struct collect *__real_collect_new_check(struct active *active, const struct live_attempt *live,
                                         const struct check_wish *wish);
struct collect *__wrap_collect_new_check(struct active *active, const struct live_attempt *live,
                                         const struct check_wish *wish);
const struct error *__real_collect_lacks_storage(const struct collect *collect);
const struct error *__wrap_collect_lacks_storage(const struct collect *collect);

static bool fails(int *times)
{
    bool is_due = *times > 0;

    *times -= is_due;
    return is_due;
}

int __wrap_pidfd_open(pid_t pid, unsigned int flags)
{
    if (fails(&faults.watches)) {
        errno = EMFILE;
        return -1;
    }
    return __real_pidfd_open(pid, flags);
}

int __wrap_attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                         struct error *err)
{
    if (strstr(folder, "/gate/") && fails(&faults.probes)) {
        *ret_presence = ATTEMPT_ABSENT;
        *ret_keeper = 0;
        return 0;
    }
    return __real_attempt_probe(folder, ret_presence, ret_keeper, err);
}

int __wrap_launch_new_check(struct active *active, const struct check_wish *wish,
                            struct launch **ret_launch, struct error *err)
{
    int r;

    if (fails(&faults.launches)) {
        return error_set(err, ERROR_INVALID, "there is no such function");
    }
    r = __real_launch_new_check(active, wish, ret_launch, err);
    faults.launch = *ret_launch;
    faults.launched++;
    return r;
}

int __wrap_launch_start(struct launch *launch, pid_t *ret_keeper, struct error *err)
{
    if (launch == faults.launch && fails(&faults.starts)) {
        errno = faults.is_full ? ENOSPC : EACCES;
        return error_set_errno(err, "cannot make its folder");
    }
    return __real_launch_start(launch, ret_keeper, err);
}

struct collect *__wrap_collect_new_check(struct active *active, const struct live_attempt *live,
                                         const struct check_wish *wish)
{
    struct collect *collect = __real_collect_new_check(active, live, wish);

    faults.collect = collect;
    faults.read++;
    return collect;
}

const struct error *__wrap_collect_lacks_storage(const struct collect *collect)
{
    if (collect == faults.collect && fails(&faults.reads)) {
        return &no_space;
    }
    return __real_collect_lacks_storage(collect);
}

#define AGENT                                                                                      \
    "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, 'cat >/dev/null; echo x "  \
    ">>asked; echo done'] }\n"
#define WORKFLOW(checks)                                                                           \
    "name: w\ngates: { g: { commands: [" checks "] } }\n"                                          \
    "phases: [{ id: p, steps: [{ id: s, prompt: go, workspace: clone, gate: g, retry: { "          \
    "attempts: 1 } }] }]\n"

static const json_t *gate_of(struct run_project *project)
{
    const json_t *record = run_project_find(project, "attempt_ended", NULL, 0);

    return json_object_get(json_object_get(record, "files"), "gate");
}

static void what_passes_in_the_clone_is_merged_behind_it(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    assert_string_equal(
        run_project_run(project, WORKFLOW("{ run: test -e asked -a ! -e "
                                          "$FERMATA_PROJECT/asked }, { run: 'true' }")),
        "completed");
    assert_true(run_project_has(project, "asked"));
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "pass");
    assert_int_equal(json_array_size(json_object_get(gate_of(project), "checks")), 2);
}

static void the_first_check_that_does_not_pass_ends_it_and_nothing_is_merged(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    assert_string_equal(run_project_run(project, WORKFLOW("{ run: exit 3 }, { run: 'true' }")),
                        "paused");
    assert_false(run_project_has(project, "asked"));
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "fail");
    assert_int_equal(json_array_size(json_object_get(gate_of(project), "checks")), 1);
}

static void what_proves_nothing_lets_nothing_through(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    assert_string_equal(run_project_run(project, WORKFLOW("{ run: echo, tests_min: 1 }")),
                        "paused");
    assert_false(run_project_has(project, "asked"));
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "unknown");
}

static bool is_at_work(const struct run_project *project)
{
    return run_project_has(project, "begun");
}

static void a_check_at_work_as_its_engine_ends_is_watched_by_the_next_one(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char *text;

    run_project_configure(project, AGENT);
    run_project_start(project,
                      WORKFLOW("{ run: 'echo x >>$FERMATA_PROJECT/first' }, { run: 'echo x "
                               ">>$FERMATA_PROJECT/begun; until [ -e $FERMATA_PROJECT/go ]; do "
                               "sleep 0.01; done' }"),
                      NULL);
    run_project_turn_until(project, is_at_work);
    run_project_drop_engine(project);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    for (size_t i = 0; i < 3; i++) {
        text = run_project_read(project, ((const char *[]){"asked", "first", "begun"})[i]);
        assert_string_equal(text, "x\n");
        free(text);
    }
}

static void a_check_that_never_began_is_begun_in_a_folder_of_its_own(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: [sh, "
                                   "-c, 'cat >/dev/null; mkdir -p $FERMATA_RUN_FOLDER/attempts/s.1/"
                                   "gate/1.1; echo x >>asked; echo done'] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW("{ run: 'true' }")), "completed");
    assert_true(run_project_has(project, "asked"));
}

/* ---- what fails of a check ---- */

/* It ran once, and what the agent did has come into the project. */
static void assert_passed(struct run_project *project)
{
    char *text;

    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "pass");
    assert_int_equal(json_array_size(json_object_get(gate_of(project), "checks")), 1);
    text = run_project_read(project, "asked");
    assert_string_equal(text, "x\n");
    free(text);
    text = run_project_read(project, "begun");
    assert_string_equal(text, "x\n");
    free(text);
}

/* Nobody knows what the check would have said: another agent could not change that. */
static void assert_refused(struct run_project *project, const char *reason)
{
    const json_t *record = run_project_find(project, "attempt_ended", NULL, 0);

    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "unknown");
    assert_string_equal(json_get_text(record, "class", ""), "permanent");
    assert_non_null(strstr(json_get_text(record, "error", ""), reason));
    assert_int_equal(run_project_count(project, "attempt_started", NULL), 1);
    assert_false(run_project_has(project, "asked"));
}

#define ONE_CHECK WORKFLOW("{ run: echo x >>$FERMATA_PROJECT/begun }")
#define LONG_CHECK                                                                                 \
    WORKFLOW("{ run: 'echo x >>$FERMATA_PROJECT/begun; until [ -e $FERMATA_PROJECT/go ]; do "      \
             "sleep 0.01; done' }")

static void a_check_whose_keeper_is_killed_is_begun_again_when_nothing_of_it_is_left(void **state)
{
    struct run_project *project = *state;
    const json_t *check;

    run_project_configure(project, AGENT);
    assert_string_equal(
        run_project_run(project,
                        WORKFLOW("{ run: 'cd $FERMATA_PROJECT; if [ -e first ]; then ! kill -0 "
                                 "$(cat first); else echo $$ >first; kill -9 $PPID; sleep 600; "
                                 "fi' }")),
        "completed");
    check = json_array_get(json_object_get(gate_of(project), "checks"), 0);
    assert_string_equal(json_get_text(check, "verdict", ""), "pass");
    assert_int_equal(faults.launched, 2);
    assert_true(run_project_has(project, "asked"));
}

static void a_check_that_is_lost_each_time_is_given_up(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: [sh, "
                                   "-c, 'cat >/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do mkdir "
                                   "-p $FERMATA_RUN_FOLDER/attempts/s.1/gate/1.$i; done; echo x "
                                   ">>asked; echo done'] }\n");
    (void)run_project_run(project, ONE_CHECK);
    assert_refused(project, "was lost without a trace 10 times");
    assert_false(run_project_has(project, "begun"));
}

static void a_check_that_cannot_be_looked_for_refuses_the_gate(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: [sh, "
                                   "-c, 'cat >/dev/null; mkdir $FERMATA_RUN_FOLDER/attempts/s.1/"
                                   "gate; touch $FERMATA_RUN_FOLDER/attempts/s.1/gate/1.1; echo x "
                                   ">>asked; echo done'] }\n");
    (void)run_project_run(project, ONE_CHECK);
    assert_refused(project, "gate g: unknown");
    assert_false(run_project_has(project, "begun"));
}

static void a_check_that_cannot_be_put_together_refuses_the_gate(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    faults.launches = 1;
    (void)run_project_run(project, ONE_CHECK);
    assert_refused(project, "there is no such function");
}

static void a_check_that_cannot_be_started_refuses_the_gate(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    faults.starts = 1;
    (void)run_project_run(project, ONE_CHECK);
    assert_refused(project, "cannot make its folder");
    assert_int_equal(project->stalls, 0);
}

static void a_check_waits_for_space_to_start_in(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    faults.starts = 2;
    faults.is_full = true;
    (void)run_project_run(project, ONE_CHECK);
    assert_passed(project);
    assert_int_equal(faults.launched, 3);
    assert_int_equal(project->stalls, 1);
    assert_int_equal(project->unstalls, 1);
}

static void what_a_check_left_is_read_again_when_there_is_space(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    faults.reads = 1;
    (void)run_project_run(project, ONE_CHECK);
    assert_passed(project);
    assert_int_equal(faults.launched, 1);
    assert_int_equal(faults.read, 2);
    assert_int_equal(project->stalls, 1);
}

static const struct live_attempt *find_live(const struct run_project *project)
{
    char key[RUN_ID_SIZE + 2];

    (void)snprintf(key, sizeof(key), "%s/s", project->id);
    return map_find(project->engine->live, key);
}

static bool is_looked_for(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->gate && live->is_on_pool;
}

static bool is_being_started(const struct run_project *project)
{
    return faults.launched > 0 && find_live(project)->is_on_pool;
}

static bool is_being_read(const struct run_project *project)
{
    return faults.read > 0 && find_live(project)->is_on_pool;
}

static bool is_watched(const struct run_project *project)
{
    return faults.launched > 0 && find_live(project)->watch && !find_live(project)->is_on_pool;
}

static bool is_parked(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->pause.value;
}

static void a_check_that_cannot_be_watched_yet_is_watched_later(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    run_project_start(project, ONE_CHECK, NULL);
    run_project_turn_until(project, is_looked_for);
    faults.watches = 1;
    run_project_go(project);
    assert_int_equal(faults.watches, 0);
    assert_passed(project);
    assert_int_equal(faults.launched, 1);
}

static void a_check_without_a_limit_is_not_hurried(void **state)
{
    struct run_project *project = *state;
    uint64_t urge;

    run_project_configure(project, AGENT);
    run_project_start(
        project,
        WORKFLOW("{ run: 'echo x >>$FERMATA_PROJECT/begun; until [ -e $FERMATA_PROJECT/go "
                 "]; do sleep 0.01; done', timeout: 0 }"),
        NULL);
    run_project_turn_until(project, is_looked_for);
    urge = find_live(project)->urge.value; /* its agent's, which has ended */
    run_project_turn_until(project, is_watched);
    assert_int_equal(find_live(project)->urge.value, urge);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_passed(project);
}

/* ---- an engine that ends, or loses the run, meanwhile ---- */

static void goes_on_elsewhere(struct run_project *project,
                              bool (*is_so)(const struct run_project *))
{
    struct error err = ERROR_INIT;

    run_project_configure(project, AGENT);
    run_project_start(project, ONE_CHECK, NULL);
    run_project_turn_until(project, is_so);
    run_project_drop_engine(project);
    assert_int_equal(run_project_count(project, "attempt_ended", NULL), 0);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_passed(project);
}

static void an_engine_that_ends_while_it_looks_for_a_check_leaves_it_to_the_next(void **state)
{
    goes_on_elsewhere(*state, is_looked_for);
}

static void an_engine_that_ends_while_it_starts_a_check_leaves_it_to_the_next(void **state)
{
    goes_on_elsewhere(*state, is_being_started);
}

static void an_engine_that_ends_while_it_reads_a_check_leaves_it_to_the_next(void **state)
{
    goes_on_elsewhere(*state, is_being_read);
}

static void a_check_of_a_run_that_is_lost_is_not_watched(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    run_project_configure(project, AGENT);
    run_project_start(project, LONG_CHECK, NULL);
    run_project_turn_until(project, is_being_started);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    run_project_go(project);
    assert_int_equal(project->engine->processes, 0);
    assert_int_equal(run_project_count(project, "attempt_ended", NULL), 0);
    run_project_drop_engine(project);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_passed(project);
}

/* It was seen absent a moment before its keeper claimed it. */
static void a_check_that_is_claimed_just_now_is_watched(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    run_project_configure(project, AGENT);
    run_project_start(project, LONG_CHECK, NULL);
    run_project_turn_until(project, is_at_work);
    run_project_drop_engine(project);
    faults.probes = 1;
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_int_equal(faults.probes, 0);
    assert_passed(project);
    assert_int_equal(faults.launched, 1);
}

static void a_check_that_nobody_kept_meanwhile_is_begun_again(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    enum attempt_presence presence;
    pid_t keeper = 0;
    char *folder;
    char *text;

    run_project_configure(project, AGENT);
    run_project_start(project, LONG_CHECK, NULL);
    run_project_turn_until(project, is_at_work);
    run_project_drop_engine(project);
    folder = mem_printf("%s/workflows/%s/attempts/s.1/gate/1.1", project->folder, project->id);
    assert_int_equal(attempt_probe(folder, &presence, &keeper, &err), 0);
    assert_int_equal(presence, ATTEMPT_ALIVE);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    free(folder);
    run_project_write(project, "go", "");
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(faults.launched, 2);
    text = run_project_read(project, "begun");
    assert_string_equal(text, "x\nx\n");
    free(text);
}

/* ---- a stop ---- */

static void assert_stopped(struct run_project *project)
{
    const json_t *record;

    run_project_go(project);
    record = run_project_find(project, "attempt_ended", NULL, 0);
    assert_string_equal(json_get_text(record, "class", ""), "cancelled");
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_false(run_project_has(project, "asked"));
}

static void a_stop_reaches_a_check_that_is_being_started(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    run_project_start(project, LONG_CHECK, NULL);
    run_project_turn_until(project, is_looked_for);
    engine_interrupt(project->engine, true);
    assert_stopped(project);
}

static void a_stop_reaches_a_check_that_waits_for_space(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    faults.starts = 100;
    faults.is_full = true;
    run_project_start(project, LONG_CHECK, NULL);
    run_project_turn_until(project, is_parked);
    engine_interrupt(project->engine, true);
    assert_stopped(project);
    assert_false(run_project_has(project, "begun"));
}

/* It had passed, and nobody waits for space to keep that any more. */
static void a_stop_ends_the_wait_for_what_a_check_left(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    faults.reads = 100;
    run_project_start(project, ONE_CHECK, NULL);
    run_project_turn_until(project, is_parked);
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_int_equal(run_project_count(project, "attempt_ended", NULL), 1);
    assert_int_not_equal(faults.reads, 0);
}

static int set_up(void **state)
{
    memset(&faults, 0, sizeof(faults));
    (void)error_set(&no_space, ERROR_LIMIT, "no space left");
    no_space.is_storage_full = true;
    return run_project_set_up(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_passes_in_the_clone_is_merged_behind_it),
        CASE(the_first_check_that_does_not_pass_ends_it_and_nothing_is_merged),
        CASE(what_proves_nothing_lets_nothing_through),
        CASE(a_check_at_work_as_its_engine_ends_is_watched_by_the_next_one),
        CASE(a_check_that_never_began_is_begun_in_a_folder_of_its_own),
        CASE(a_check_whose_keeper_is_killed_is_begun_again_when_nothing_of_it_is_left),
        CASE(a_check_that_is_lost_each_time_is_given_up),
        CASE(a_check_that_cannot_be_looked_for_refuses_the_gate),
        CASE(a_check_that_cannot_be_put_together_refuses_the_gate),
        CASE(a_check_that_cannot_be_started_refuses_the_gate),
        CASE(a_check_waits_for_space_to_start_in),
        CASE(what_a_check_left_is_read_again_when_there_is_space),
        CASE(a_check_that_cannot_be_watched_yet_is_watched_later),
        CASE(a_check_without_a_limit_is_not_hurried),
        CASE(an_engine_that_ends_while_it_looks_for_a_check_leaves_it_to_the_next),
        CASE(an_engine_that_ends_while_it_starts_a_check_leaves_it_to_the_next),
        CASE(an_engine_that_ends_while_it_reads_a_check_leaves_it_to_the_next),
        CASE(a_check_of_a_run_that_is_lost_is_not_watched),
        CASE(a_check_that_is_claimed_just_now_is_watched),
        CASE(a_check_that_nobody_kept_meanwhile_is_begun_again),
        CASE(a_stop_reaches_a_check_that_is_being_started),
        CASE(a_stop_reaches_a_check_that_waits_for_space),
        CASE(a_stop_ends_the_wait_for_what_a_check_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

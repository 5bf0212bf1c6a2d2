/* SPDX-License-Identifier: MIT */
/* This program is a subreaper here, as the keeper is, and has real descendants. */
#include "../../../support/process.h"
#include "agents/keeper/keeper.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define DAEMONS 3

struct fixture {
    char *folder;
    struct process_mark mark;
};

static int set_up(void **state)
{
    struct fixture *fixture = malloc(sizeof(*fixture));

    fixture->folder = process_make_folder();
    fixture->mark = process_mark_new(fixture->folder, "mark");
    *state = fixture;
    return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void end_all(void)
{
    while (waitpid(-1, NULL, WNOHANG) >= 0) {
        (void)keeper_tree_kill();
        (void)usleep(1000);
    }
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    end_all();
    process_mark_release(&fixture->mark);
    process_remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

static pid_t start_agent(const struct fixture *fixture, const char *mode, int count)
{
    char *const argv[] = {(char *)(uintptr_t)process_own_path(), (char[]){"--agent"},
                          (char *)(uintptr_t)mode, fixture->mark.path, NULL};
    pid_t pid;

    assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
    process_mark_wait(&fixture->mark, count);
    return pid;
}

static void without_descendants_nothing_is_found(void **state)
{
    struct keeper_tree tree;

    (void)state;
    assert_int_equal(keeper_tree_open(&tree), 0);
    assert_int_equal(keeper_tree_walk(&tree, 0), 0);
    assert_int_equal(tree.count, 0);
    keeper_tree_close(&tree);
    assert_int_equal(keeper_tree_kill(), 0);
    assert_int_equal(keeper_tree_terminate(), 0);
}

static void check_walk(const struct fixture *fixture, bool by_parents)
{
    struct keeper_tree tree;
    pid_t agent = start_agent(fixture, "chain", 5);
    bool seen = false;

    assert_int_equal(keeper_tree_open(&tree), 0);
    tree.by_parents = by_parents;
    assert_int_equal(keeper_tree_walk(&tree, 0), 5);
    assert_int_equal(tree.count, 5);
    for (size_t i = 0; i < tree.count; i++) {
        seen = seen || tree.pids[i] == agent;
    }
    assert_true(seen);
    assert_int_equal(keeper_tree_walk(&tree, 0), 0); /* nobody new */
    assert_int_equal(tree.count, 5);
    keeper_tree_close(&tree);
}

static void five_generations_are_found_by_their_children(void **state)
{
    check_walk(*state, false);
}

static void five_generations_are_found_by_their_parents(void **state)
{
    check_walk(*state, true);
}

static void daemons_are_found_after_their_parents_ended(void **state)
{
    const struct fixture *fixture = *state;
    pid_t agent = start_agent(fixture, "leave-daemons", DAEMONS);
    struct keeper_tree tree;

    assert_int_equal(waitpid(agent, NULL, 0), agent);
    assert_int_equal(keeper_tree_open(&tree), 0);
    assert_int_equal(keeper_tree_walk(&tree, 0), DAEMONS);
    keeper_tree_close(&tree);
}

static void terminate_counts_but_cannot_end_who_ignores_it(void **state)
{
    const struct fixture *fixture = *state;

    (void)start_agent(fixture, "daemons", DAEMONS + 1);
    assert_int_equal(keeper_tree_terminate(), DAEMONS + 1);
    assert_false(process_mark_is_gone(&fixture->mark));
}

static void terminate_wakes_the_suspended(void **state)
{
    const struct fixture *fixture = *state;
    pid_t agent = start_agent(fixture, "suspended", 1);
    int status;

    assert_int_equal(waitpid(agent, &status, WUNTRACED), agent);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(keeper_tree_terminate(), 1);
    assert_int_equal(waitpid(agent, &status, 0), agent);
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void kill_ends_all_of_them(void **state)
{
    const struct fixture *fixture = *state;

    (void)start_agent(fixture, "daemons", DAEMONS + 1);
    assert_int_equal(keeper_tree_kill(), DAEMONS + 1);
    end_all();
    assert_int_equal(errno, ECHILD);
    assert_true(process_mark_is_gone(&fixture->mark));
}

static void a_zombie_is_not_alive(void **state)
{
    pid_t child = fork();
    siginfo_t info;

    (void)state;
    if (child == 0) {
        _exit(0);
    }
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(keeper_tree_kill(), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(without_descendants_nothing_is_found),
        TREE_TEST(five_generations_are_found_by_their_children),
        TREE_TEST(five_generations_are_found_by_their_parents),
        TREE_TEST(daemons_are_found_after_their_parents_ended),
        TREE_TEST(terminate_counts_but_cannot_end_who_ignores_it),
        TREE_TEST(terminate_wakes_the_suspended),
        TREE_TEST(kill_ends_all_of_them),
        TREE_TEST(a_zombie_is_not_alive),
    };
    int agent_status = process_agent_main(argc, argv);

    return agent_status >= 0 ? agent_status : cmocka_run_group_tests(tests, NULL, NULL);
}

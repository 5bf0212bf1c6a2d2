/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void sqlite_works_with_our_memory(void **state)
{
    struct sqlite3 *db = NULL;

    (void)state;
    store_init_memory();
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(100000));"
                                  "UPDATE t SET x = hex(x)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A sanitizer's allocator ends the process in its own way, and says so. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_OTHER_ALLOCATOR
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OTHER_ALLOCATOR
#endif

#ifndef HAS_OTHER_ALLOCATOR
/* In a child: SQLite asks for what no process can have. */
static _Noreturn void ask_for_too_much(void)
{
    const struct rlimit none = {0};
    const struct rlimit little = {.rlim_cur = 64 << 20, .rlim_max = 64 << 20};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)close(STDERR_FILENO);
    (void)setrlimit(RLIMIT_AS, &little);
    _exit(sqlite3_malloc(1 << 30) ? 1 : 2);
}

static void without_memory_the_program_ends(void **state)
{
    int status = 0;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        ask_for_too_much();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlite_works_with_our_memory),
#ifndef HAS_OTHER_ALLOCATOR
        cmocka_unit_test(without_memory_the_program_ends),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

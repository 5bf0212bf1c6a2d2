/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sizes_of_nothing_still_give_memory(void **state)
{
    void *memory[] = {mem_alloc(0), mem_zero(0, 0), mem_zero(0, 8), mem_resize(NULL, 0, 8)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(memory); i++) {
        assert_non_null(memory[i]);
        free(memory[i]);
    }
}

static void zeroed_memory_is_zero(void **state)
{
    unsigned char *bytes = mem_zero(100, 3);

    (void)state;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(bytes[i], 0);
    }
    free(bytes);
}

static void resized_memory_keeps_its_content(void **state)
{
    char *text = mem_strdup("abc");

    (void)state;
    text = mem_resize(text, 1000, 1);
    assert_string_equal(text, "abc");
    free(text);
}

static void copies_of_text_are_terminated(void **state)
{
    char *whole = mem_strdup("abc");
    char *part = mem_strndup("abcdef", 2);
    char *bytes = mem_strndup("a\0b", 3);

    (void)state;
    assert_string_equal(whole, "abc");
    assert_string_equal(part, "ab");
    assert_memory_equal(bytes, "a\0b", 4);
    assert_null(mem_strdup(NULL));
    free(bytes);
    free(part);
    free(whole);
}

static void formatted_text_has_any_length(void **state)
{
    char *text = mem_printf("%d %5000s", 7, "x");

    (void)state;
    assert_int_equal(strlen(text), 5002);
    assert_memory_equal(text, "7  ", 3);
    free(text);
}

static void libraries_get_the_same_memory(void **state)
{
    char *text = NULL;
    char *memory = mem_resize_bytes(NULL, 3);

    (void)state;
    memcpy(memory, "ab", 3);
    memory = mem_resize_bytes(memory, 5000);
    assert_string_equal(memory, "ab");
    assert_int_equal(mem_print_checked(&text, 1, "%s-%d", memory, 7), 4);
    assert_string_equal(text, "ab-7");
    free(text);
    free(memory);
}

static sigjmp_buf after_abort;

static void leave_abort(int signal_number)
{
    (void)signal_number;
    siglongjmp(after_abort, 1);
}

/* The message goes to standard error, which is put aside meanwhile. */
static void a_size_that_overflows_aborts(void **state)
{
    struct sigaction action = {.sa_handler = leave_abort};
    struct sigaction before;
    int kept = dup(STDERR_FILENO);
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    volatile int aborted = 0;

    (void)state;
    assert_int_equal(sigaction(SIGABRT, &action, &before), 0);
    assert_true(dup2(quiet, STDERR_FILENO) >= 0);
    if (sigsetjmp(after_abort, 1) == 0) {
        free(mem_resize(NULL, SIZE_MAX / 2, 3));
    } else {
        aborted = 1;
    }
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    (void)close(quiet);
    assert_int_equal(sigaction(SIGABRT, &before, NULL), 0);
    assert_true(aborted);
}

/* Of a process that ends itself: what it says before. */
static void assert_abort(void (*end)(void), const char *wanted)
{
    char text[200] = "";
    int status;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        mem_init();
        end();
        _exit(0);
    }
    (void)close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    (void)close(ends[0]);
    assert_non_null(strstr(text, wanted));
}

static void an_abort_of_a_library_has_a_word(void **state)
{
    (void)state;
    assert_abort(abort, "fermata: aborted: out of memory");
}

static void check_no_memory(void)
{
    mem_check(ENOMEM);
}

static void what_the_c_library_could_not_allocate_ends_the_process_too(void **state)
{
    (void)state;
    mem_check(0);
    mem_check(EBADF);
    assert_abort(check_no_memory, "fermata: out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_nothing_still_give_memory),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(resized_memory_keeps_its_content),
        cmocka_unit_test(copies_of_text_are_terminated),
        cmocka_unit_test(formatted_text_has_any_length),
        cmocka_unit_test(libraries_get_the_same_memory),
        cmocka_unit_test(a_size_that_overflows_aborts),
        cmocka_unit_test(an_abort_of_a_library_has_a_word),
        cmocka_unit_test(what_the_c_library_could_not_allocate_ends_the_process_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

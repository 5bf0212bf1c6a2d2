/* SPDX-License-Identifier: MIT */
#include "simulate.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIAL_SECONDS_MAX 30
#define SAID_BYTES_MAX 65536

/* Of the sanitizers, where they are linked: what dies here is no report of the test. */
extern void __sanitizer_set_report_path(const char *path) __attribute__((weak));

void trial_limit(int seconds)
{
    struct itimerval limit = {.it_value.tv_sec = seconds};

    (void)setitimer(ITIMER_PROF, &limit, NULL);
}

static void run_child(const struct sim_input *input, int said, struct sim_result *result)
{
    struct sim_result ended;

    (void)dup2(said, STDERR_FILENO);
    if (__sanitizer_set_report_path) {
        __sanitizer_set_report_path("stderr");
    }
    trial_limit(TRIAL_SECONDS_MAX);
    simulate(input, &ended);
    *result = ended;
    if (input->log) {
        (void)fflush(input->log);
    }
    _exit(0);
}

/* The line that says why: of an assertion, or of a sanitizer. */
static void find_last_words(char *said, int status, struct sim_result *ret_result)
{
    static const char *const marks[] = {"Assertion ", "SUMMARY: ", "runtime error: "};
    const char *words = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ended the process";

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char *found = strstr(said, marks[i]);

        if (found) {
            found[strcspn(found, "\n")] = '\0';
            words = found;
            break;
        }
    }
    *ret_result = (struct sim_result){.has_failed = true};
    (void)snprintf(ret_result->failure, sizeof(ret_result->failure), "%s", words);
}

void trial_run(const struct sim_input *input, struct sim_result *ret_result)
{
    struct sim_result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int said = memfd_create("said", MFD_CLOEXEC);
    char text[SAID_BYTES_MAX];
    ssize_t length;
    int status = -1;
    pid_t pid;

    if (shared == MAP_FAILED || said < 0) {
        abort();
    }
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        run_child(input, said, shared);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        abort();
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        *ret_result = *shared;
    } else {
        length = pread(said, text, sizeof(text) - 1, 0);
        text[length > 0 ? length : 0] = '\0';
        find_last_words(text, status, ret_result);
    }
    (void)close(said);
    (void)munmap(shared, sizeof(*shared));
}

/* The next word without a digit; names and numbers have one. NULL: none. */
static const char *next_word(const char **text, size_t *ret_length)
{
    while (**text) {
        const char *word = *text + strspn(*text, " ");
        size_t length = strcspn(word, " ");
        bool has_digit = false;

        *text = word + length;
        for (size_t i = 0; i < length; i++) {
            has_digit = has_digit || isdigit((unsigned char)word[i]);
        }
        if (length > 0 && !has_digit) {
            *ret_length = length;
            return word;
        }
    }
    return NULL;
}

bool failure_is_alike(const char *left, const char *right)
{
    for (;;) {
        size_t left_length = 0;
        size_t right_length = 0;
        const char *left_word = next_word(&left, &left_length);
        const char *right_word = next_word(&right, &right_length);

        if (!left_word || !right_word) {
            return !left_word && !right_word;
        }
        if (left_length != right_length || memcmp(left_word, right_word, left_length) != 0) {
            return false;
        }
    }
}

/* SPDX-License-Identifier: MIT */
/* A stand-in for a coding agent: agent SECONDS FOLDER [WHAT-THE-ADAPTER-ADDS]...
 *
 * Reads its prompt, then streams for so long as Gemini CLI does, twenty pieces a second, as a
 * model's answer comes. The wall clock at its last byte, in microseconds, goes to a file in FOLDER
 * that is named by its process; "-" is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 50000000L
#define PER_SECOND 20

static long long now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void say_when(const char *folder, long long at_us)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%d", folder, (int)getpid());
    file = fopen(path, "w");
    if (file) {
        (void)fprintf(file, "%lld\n", at_us);
        (void)fclose(file);
    }
}

static void say(const char *text, long number)
{
    (void)printf("{\"type\":\"message\",\"role\":\"assistant\",\"delta\":true,"
                 "\"content\":\"%s %ld. \"}\n",
                 text, number);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    long pieces = argc > 1 ? strtol(argv[1], NULL, 10) * PER_SECOND : 0;
    char block[4096];

    while (read(STDIN_FILENO, block, sizeof(block)) > 0) {
    }
    (void)printf("{\"type\":\"init\",\"session_id\":\"s\",\"model\":\"model\"}\n");
    for (long i = 0; i < pieces; i++) {
        say("some words of an answer, as they come, number", i);
        (void)nanosleep(&pause, NULL);
    }
    say("the end, number", pieces);
    (void)printf("{\"type\":\"result\",\"status\":\"success\",\"stats\":"
                 "{\"input_tokens\":10,\"output_tokens\":20}}\n");
    (void)fflush(stdout);
    if (argc > 2 && strcmp(argv[2], "-") != 0) {
        say_when(argv[2], now_us());
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* A stand-in for a coding agent: agent SECONDS [FOLDER]
 *
 * Reads its prompt, then streams events (docs/agents.md, `output: jsonl`) for so long, twenty a
 * second, as a model's answer comes. With FOLDER the wall clock at its last byte, in microseconds,
 * goes to a file there that is named by its process. */
#include <stdio.h>
#include <stdlib.h>
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

int main(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    long pieces = argc > 1 ? strtol(argv[1], NULL, 10) * PER_SECOND : 0;
    char block[4096];

    while (read(STDIN_FILENO, block, sizeof(block)) > 0) {
    }
    (void)printf("{\"event\":\"session\",\"id\":\"s\",\"name\":\"model\"}\n");
    for (long i = 0; i < pieces; i++) {
        (void)printf(
            "{\"event\":\"text\",\"partial\":true,\"text\":\"some words of an answer, as they "
            "come, number %ld. \"}\n",
            i);
        (void)fflush(stdout);
        (void)nanosleep(&pause, NULL);
    }
    (void)printf("{\"event\":\"text\",\"partial\":true,\"text\":\"the end\"}\n"
                 "{\"event\":\"usage\",\"usage\":{\"input_tokens\":10,\"output_tokens\":20}}\n"
                 "{\"event\":\"done\",\"text\":\"stop\"}\n");
    (void)fflush(stdout);
    if (argc > 2) {
        say_when(argv[2], now_us());
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* A line for the seed, one for each choice: place, who and what (hexadecimal), turn, value. What
 * stands behind a # is for readers. */
#include "simulate.h"

#include "base/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char *path, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: %s\n", path, line, what);
    return -1;
}

int case_write(const char *path, const struct sim_case *given, const char *failure)
{
    FILE *file = fopen(path, "wx");

    if (!file) {
        return refuse(path, 0, strerror(errno));
    }
    (void)fprintf(file, "# %s\nseed %" PRIu64 "\n", failure, given->seed);
    for (size_t i = 0; i < given->choices.count; i++) {
        const struct choice *choice = &given->choices.items[i];

        (void)fprintf(file, "%s %" PRIx32 " %" PRIx32 " %d %d\n", place_name(choice->place),
                      choice->who, choice->what, choice->turn, choice->value);
    }
    return fclose(file) == 0 ? 0 : refuse(path, 0, strerror(errno));
}

#define WORDS_MAX 5

static size_t split(char *line, char *words[WORDS_MAX])
{
    size_t count = 0;
    char *save = NULL;

    line[strcspn(line, "#\n")] = '\0';
    for (char *word = strtok_r(line, " ", &save); word && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &save)) {
        words[count++] = word;
    }
    return count;
}

/* False: not a number of this base, or too large. */
static bool read_number(const char *word, int base, uint64_t max, uint64_t *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtoull(word, &end, base);
    return errno == 0 && end != word && !*end && *ret_number <= max;
}

/* NULL, or what is wrong with the line. */
static const char *read_line(char *line, struct sim_case *given)
{
    static const struct {
        int base;
        uint64_t max;
    } forms[WORDS_MAX] = {
        {0, 0}, {16, UINT32_MAX}, {16, UINT32_MAX}, {10, INT32_MAX}, {10, INT32_MAX}};
    uint64_t numbers[WORDS_MAX] = {0};
    char *words[WORDS_MAX];
    size_t count = split(line, words);

    if (count == 0) {
        return NULL;
    }
    if (count == 2 && strcmp(words[0], "seed") == 0) {
        return read_number(words[1], 10, UINT64_MAX, &given->seed) ? NULL : "not a seed";
    }
    for (size_t i = 1; i < WORDS_MAX; i++) {
        if (i >= count || !read_number(words[i], forms[i].base, forms[i].max, &numbers[i])) {
            return "not a choice: PLACE WHO WHAT TURN VALUE";
        }
    }
    if (place_parse(words[0]) < 0) {
        return "there is no such choice any more; make the case anew or take it out";
    }
    *VEC_PUSH(&given->choices) = (struct choice){.place = (enum place)place_parse(words[0]),
                                                 .who = (uint32_t)numbers[1],
                                                 .what = (uint32_t)numbers[2],
                                                 .turn = (int)numbers[3],
                                                 .value = (int)numbers[4]};
    return NULL;
}

int case_read(const char *path, struct sim_case *ret_case)
{
    FILE *file = fopen(path, "r");
    struct sim_case given = {0};
    const char *problem = NULL;
    char line[256];
    int number = 0;

    if (!file) {
        return refuse(path, 0, strerror(errno));
    }
    while (!problem && fgets(line, sizeof(line), file)) {
        number++;
        problem = read_line(line, &given);
    }
    (void)fclose(file);
    if (problem) {
        case_release(&given);
        return refuse(path, number, problem);
    }
    *ret_case = given;
    return 0;
}

void case_release(struct sim_case *given)
{
    VEC_RELEASE(&given->choices);
}

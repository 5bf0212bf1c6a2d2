/* SPDX-License-Identifier: MIT */
/* Delta debugging over the choices (Zeller, Hildebrandt 2002): halves, quarters, and so on are left
 * out as long as the same fails; then each value is lowered. What is left says what it takes. */
#include "simulate.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct shrinker {
    const struct sim_input *input;
    struct shrunk *shrunk;
    int64_t ends_at;
};

static int64_t now_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static bool is_over(const struct shrinker *shrinker)
{
    return now_seconds() >= shrinker->ends_at;
}

static bool fails_alike(struct shrinker *shrinker, const struct choice_vec *choices)
{
    struct sim_input input = {.seed = shrinker->input->seed,
                              .given = choices,
                              .forgets_timers = shrinker->input->forgets_timers};
    struct sim_result result;

    shrinker->shrunk->trials++;
    trial_run(&input, &result);
    if (!result.has_failed || !failure_is_alike(result.failure, shrinker->shrunk->failure)) {
        return false;
    }
    memcpy(shrinker->shrunk->failure, result.failure, sizeof(result.failure));
    return true;
}

/* True when they could be left out. */
static bool leave_out(struct shrinker *shrinker, size_t first, size_t count)
{
    struct choice_vec *choices = &shrinker->shrunk->choices;
    struct choice_vec fewer = {0};
    bool is_alike;

    for (size_t i = 0; i < choices->count; i++) {
        if (i < first || i >= first + count) {
            *VEC_PUSH(&fewer) = choices->items[i];
        }
    }
    is_alike = fails_alike(shrinker, &fewer);
    if (is_alike) {
        VEC_RELEASE(choices);
        *choices = fewer;
    } else {
        VEC_RELEASE(&fewer);
    }
    return is_alike;
}

static bool leave_out_pieces(struct shrinker *shrinker, size_t size)
{
    bool has_changed = false;

    /* From the end: what came last is needed least. */
    for (size_t end = shrinker->shrunk->choices.count; end > 0 && !is_over(shrinker);) {
        size_t first = end > size ? end - size : 0;

        has_changed = leave_out(shrinker, first, end - first) || has_changed;
        end = first;
    }
    return has_changed;
}

static void leave_out_all(struct shrinker *shrinker)
{
    for (size_t size = shrinker->shrunk->choices.count / 2; size > 1; size /= 2) {
        (void)leave_out_pieces(shrinker, size);
    }
    while (!is_over(shrinker) && leave_out_pieces(shrinker, 1)) {
    }
}

static bool lower_to(struct shrinker *shrinker, size_t index, int value)
{
    struct choice *choice = &shrinker->shrunk->choices.items[index];
    int before = choice->value;

    choice->value = value;
    if (fails_alike(shrinker, &shrinker->shrunk->choices)) {
        return true;
    }
    choice->value = before;
    return false;
}

static bool lower(struct shrinker *shrinker, size_t index)
{
    const struct choice *choice = &shrinker->shrunk->choices.items[index];
    int before = choice->value;

    if (choice->value > 1 && lower_to(shrinker, index, 1)) {
        return true;
    }
    while (choice->value > 3 && !is_over(shrinker) &&
           lower_to(shrinker, index, choice->value / 2)) {
    }
    while (choice->value > 1 && choice->value < 20 && !is_over(shrinker) &&
           lower_to(shrinker, index, choice->value - 1)) {
    }
    return choice->value < before;
}

static bool lower_all(struct shrinker *shrinker)
{
    bool has_changed = false;

    for (size_t i = 0; i < shrinker->shrunk->choices.count && !is_over(shrinker); i++) {
        has_changed = lower(shrinker, i) || has_changed;
    }
    return has_changed;
}

void shrunk_release(struct shrunk *shrunk)
{
    VEC_RELEASE(&shrunk->choices);
}

/* What the seed chooses; the process may not come back, so it writes them where they are seen. */
static void find_choices(const struct sim_input *input, struct shrunk *shrunk)
{
    struct sim_input wanted = *input;
    struct sim_result result;

    wanted.log = NULL;
    wanted.made = mmap(NULL, sizeof(*wanted.made), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(wanted.made != MAP_FAILED);
    trial_run(&wanted, &result);
    memcpy(shrunk->failure, result.failure, sizeof(result.failure));
    for (size_t i = 0; i < wanted.made->count; i++) {
        *VEC_PUSH(&shrunk->choices) = wanted.made->items[i];
    }
    (void)munmap(wanted.made, sizeof(*wanted.made));
}

void shrink(const struct sim_input *input, int64_t seconds_max, struct shrunk *ret_shrunk)
{
    struct shrinker shrinker = {
        .input = input, .shrunk = ret_shrunk, .ends_at = now_seconds() + seconds_max};

    *ret_shrunk = (struct shrunk){0};
    find_choices(input, ret_shrunk);
    if (!fails_alike(&shrinker, &ret_shrunk->choices)) {
        return;
    }
    ret_shrunk->before = ret_shrunk->choices.count;
    do {
        leave_out_all(&shrinker);
    } while (!is_over(&shrinker) && lower_all(&shrinker));
}

/* SPDX-License-Identifier: MIT */
/* The keeper has the keys of its program, as it starts it with them: so it is here that they are
 * taken out of the output, before any of it is on a disk. */
#include "agents/keeper/keeper.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define STREAMS 2

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

int keeper_keys_read(char *const *environment, struct keeper_keys *ret_keys)
{
    const char *said = redact_find_names(environment);
    struct redact_key keys[REDACT_KEYS_MAX];
    char *names = said && *said ? map(strlen(said) + 1) : NULL;
    char *memory;
    size_t count;
    size_t size;

    *ret_keys = (struct keeper_keys){.rest = NULL};
    if (!said || !*said) {
        return 0;
    }
    if (!names) {
        return -ENOMEM;
    }
    memcpy(names, said, strlen(said));
    count = redact_find_keys(environment, names, keys);
    if (count == 0) {
        return 0;
    }
    size = redact_size(keys, count);
    /* No form is larger than all of them. */
    memory = map(size * (1 + STREAMS));
    if (!memory) {
        return -ENOMEM;
    }
    redact_init(&ret_keys->redact, memory, keys, count);
    ret_keys->rest = memory + size;
    return 0;
}

struct redact_stream keeper_keys_stream(struct keeper_keys *keys)
{
    struct redact_stream stream = {.redact = &keys->redact, .held = keys->rest};

    if (keys->rest) {
        keys->rest += keys->redact.longest;
    }
    return stream;
}

/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <stdio.h>
#include <string.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void run_id_format(uint64_t random_bits, char ret_id[RUN_ID_SIZE])
{
    memcpy(ret_id, "wf_", 3);
    for (int i = 3; i < RUN_ID_LENGTH; i++) {
        ret_id[i] = alphabet[random_bits & 31];
        random_bits >>= 5;
    }
    ret_id[RUN_ID_LENGTH] = '\0';
}

bool run_id_is_valid(const char *text)
{
    return strncmp(text, "wf_", 3) == 0 && strlen(text) == RUN_ID_LENGTH &&
           strspn(text + 3, alphabet) == RUN_ID_LENGTH - 3;
}

uint64_t run_id_parse(const char *text)
{
    uint64_t bits = 0;

    if (!run_id_is_valid(text)) {
        return 0;
    }
    for (int i = RUN_ID_LENGTH - 1; i >= 3; i--) {
        bits = bits << 5 | (uint64_t)(strchr(alphabet, text[i]) - alphabet);
    }
    return bits;
}

void task_id_of_run(const char *run_id, char ret_id[TASK_ID_SIZE])
{
    (void)snprintf(ret_id, TASK_ID_SIZE, TASK_ID_PREFIX "%s", run_id + strlen("wf_"));
}

/* SPDX-License-Identifier: MIT */
/* The name of a run: "wf_" + 12 characters of lower-case Crockford base32 (60 random bits).
 * https://www.crockford.com/base32.html */
#ifndef FERMATA_BASE_ID_H
#define FERMATA_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define RUN_ID_LENGTH 15
#define RUN_ID_SIZE (RUN_ID_LENGTH + 1)

void run_id_format(uint64_t random_bits, char ret_id[RUN_ID_SIZE]);
bool run_id_is_valid(const char *text);
/* The bits again; 0 for what is no such name. */
uint64_t run_id_parse(const char *text);

#endif

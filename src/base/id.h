/* SPDX-License-Identifier: MIT */
/* The name of a run: "wf_" + 12 characters of lower-case Crockford base32 (60 random bits); that of
 * a task begins with "task_".
 * https://www.crockford.com/base32.html */
#ifndef FERMATA_BASE_ID_H
#define FERMATA_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define RUN_ID_LENGTH 15
#define RUN_ID_SIZE (RUN_ID_LENGTH + 1)
#define TASK_ID_PREFIX "task_"
#define TASK_ID_SIZE (RUN_ID_SIZE + 2)

void run_id_format(uint64_t random_bits, char ret_id[RUN_ID_SIZE]);
bool run_id_is_valid(const char *text);
/* The bits again; 0 for what is no such name. */
uint64_t run_id_parse(const char *text);
/* The task of a run that was started for none: the same characters. */
void task_id_of_run(const char *run_id, char ret_id[TASK_ID_SIZE]);

#endif

/* SPDX-License-Identifier: MIT */
/* The n-th call of SQLite fails, with any code: for programs that are linked with --wrap (see the
 * Makefile). What fails did nothing. */
#ifndef FERMATA_TESTS_SQLITE_FAULTS_H
#define FERMATA_TESTS_SQLITE_FAULTS_H

#include <stdbool.h>

/* From now on so many calls go well, then one fails; system_errno is what SQLite says it was. */
void sqlite_faults_set(int calls, int extended_code, int system_errno);
/* Stops, and says whether a call failed meanwhile. */
bool sqlite_faults_clear(void);

#endif

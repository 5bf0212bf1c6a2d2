/* SPDX-License-Identifier: MIT */
/* A private folder for tests whose subject is files or processes. */
#ifndef FERMATA_TESTS_SCRATCH_H
#define FERMATA_TESTS_SCRATCH_H

#include <stddef.h>

char *scratch_new(void);            /* absolute; aborts when there is none to be had */
void scratch_remove(char *scratch); /* the folder and the name */

/* For the names below: free() them. */
char *scratch_path(const char *scratch, const char *name);
void scratch_write(const char *scratch, const char *name, const char *text);
void scratch_write_bytes(const char *scratch, const char *name, const void *bytes, size_t length);

#endif

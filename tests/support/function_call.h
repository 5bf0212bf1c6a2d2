/* SPDX-License-Identifier: MIT */
/* Built-in functions in tests: call one by name, look into what it gave. */
#ifndef FERMATA_TESTS_FUNCTION_CALL_H
#define FERMATA_TESTS_FUNCTION_CALL_H

#include "functions/functions.h"

/* The output as text; fails the test when the function fails. Takes the arguments; free() it. */
char *function_text(const char *project, const char *name, json_t *arguments);
/* The same for JSON output; the caller owns it. */
json_t *function_json(const char *project, const char *name, json_t *arguments);
/* The code of a call that must fail. Takes the arguments. */
int function_failure(const char *project, const char *name, json_t *arguments, struct error *err);

/* The finding of this rule in this file (NULL: any), or NULL. */
json_t *find_finding(const json_t *result, const char *rule, const char *file);

#endif

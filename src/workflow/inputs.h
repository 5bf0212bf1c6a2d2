/* SPDX-License-Identifier: MIT */
/* One value for one declared input. Private to workflow/: defaults are checked with it as well. */
#ifndef FERMATA_WORKFLOW_INPUTS_H
#define FERMATA_WORKFLOW_INPUTS_H

#include "workflow/workflow.h"

#define INPUT_BYTES_MAX (1024U * 1024)

const char *input_type_name(enum input_type type); /* "string" "integer" ... */

/* The value as the declared type, checked against choices and pattern. Text for another type is
 * converted when it is exactly such a value. The caller owns *ret_value. The error does not name
 * the input: "expected an integer, got ...". */
int input_convert(const struct workflow_input *input, const json_t *given, json_t **ret_value,
                  struct error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* What servers say when something went wrong, in all their shapes. Pure. */
#ifndef FERMATA_DRIVE_FAILURE_H
#define FERMATA_DRIVE_FAILURE_H

#include "drive/answer.h"

/* Is this value an error, also where the status was 200? {"error": ...}, {"type": "error", ...}. */
bool failure_is(const json_t *value);
/* From such a value. `status` 0: it came inside a stream; then what the value says counts, and what
 * says nothing may be tried again. */
struct failure failure_read(const json_t *value, int status);
/* From the body of a status that is not 2xx, whatever it is: JSON, a page, text, nothing. */
struct failure failure_read_body(const char *body, size_t length, int status);

#endif

/* SPDX-License-Identifier: MIT */
/* What the journal keeps of a record, read back as JSON. */
#ifndef FERMATA_TESTS_RECORD_BODY_H
#define FERMATA_TESTS_RECORD_BODY_H

#include "run/record.h"

json_t *record_body(const struct record *record); /* the caller owns it */

#endif

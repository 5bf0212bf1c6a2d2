/* SPDX-License-Identifier: MIT */
/* JSON Schema 2020-12 (https://json-schema.org/draft/2020-12): core, applicators, validation and
 * unevaluated. One schema is one document: $ref, $anchor and $dynamicRef reach only into it,
 * nothing is ever fetched. format and content keywords are remarks, as the specification has it by
 * default. */
#ifndef FERMATA_WORKFLOW_JSON_SCHEMA_H
#define FERMATA_WORKFLOW_JSON_SCHEMA_H

#include "base/error.h"
#include "base/json.h"

#define JSON_SCHEMA_DEPTH_MAX 400      /* of schemas within schemas while a value is checked */
#define JSON_SCHEMA_WORK_MAX 5000000   /* schemas, members and elements looked at */
#define JSON_SCHEMA_SCHEMAS_MAX 100000 /* in one document */

/* Is this a schema that can be used? Keywords have the right types, references resolve, patterns
 * compile. ERROR_INVALID names the place in the schema; unknown keywords are remarks. */
int json_schema_check_schema(const json_t *schema, struct error *err);

/* 0: the value is as the schema wants. ERROR_VALIDATION: it is not; the text names the place in the
 * value (a JSON pointer) and what was expected there. ERROR_LIMIT: too much work. ERROR_INVALID:
 * the schema is not usable. */
int json_schema_check(const json_t *schema, const json_t *value, struct error *err);

#endif

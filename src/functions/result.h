/* SPDX-License-Identifier: MIT */
/* The frame that the result of every angle has: {angle, status: ok|unknown, summary, covered, ...}.
 */
#ifndef FERMATA_FUNCTIONS_RESULT_H
#define FERMATA_FUNCTIONS_RESULT_H

#include "functions/functions.h"

/* For "%zu file%s" in summaries. */
#define PLURAL(count) ((count) == 1 ? "" : "s")

json_t *result_new(const char *angle);
void result_summarise(json_t *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define NUMBER_SIZE 32
/* 1,234,567 */
const char *number_format(size_t number, char buffer[NUMBER_SIZE]);
/* The angle could not be looked at: why, and what to do. */
void result_unknown(json_t *result, const char *why, const char *hint);
/* Writes the result as JSON into the call's output and frees it. */
int result_write(json_t *result, const struct function_call *call, struct error *err);

/* Arguments with ceilings: the value, the fallback when absent, ERROR_INVALID when out of range. */
int argument_integer(const struct function_call *call, const char *name, json_int_t fallback,
                     const json_int_t range[2], json_int_t *ret_value, struct error *err);
/* The argument `band`, how much effort a review is worth; small when absent. */
enum band { BAND_SMALL, BAND_MEDIUM, BAND_LARGE };
#define BANDS 3

int argument_band(const struct function_call *call, enum band *ret_band, struct error *err);
/* An object argument, or a text that holds one (bare or in a Markdown fence). NULL when absent or
 * of another form. The caller owns it. */
json_t *argument_object(const json_t *value);

#endif

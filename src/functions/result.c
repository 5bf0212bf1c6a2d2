/* SPDX-License-Identifier: MIT */
#include "functions/result.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define SUMMARY_BYTES_MAX 2000

json_t *result_new(const char *angle)
{
    json_t *result = json_object();

    json_put_text(result, "angle", angle);
    json_put_text(result, "status", "ok");
    json_put_text(result, "summary", "");
    json_put(result, "covered", json_object());
    return result;
}

void result_summarise(json_t *result, const char *format, ...)
{
    struct strbuf text;
    va_list args;

    strbuf_init(&text, SUMMARY_BYTES_MAX);
    va_start(args, format);
    strbuf_vaddf(&text, format, args);
    va_end(args);
    json_put_text(result, "summary", text.data);
    strbuf_release(&text);
}

const char *number_format(size_t number, char buffer[NUMBER_SIZE])
{
    char *at = &buffer[NUMBER_SIZE - 1];
    size_t digits = 0;

    *at = '\0';
    do {
        if (digits > 0 && digits % 3 == 0) {
            *--at = ',';
        }
        *--at = (char)('0' + number % 10);
        number /= 10;
        digits++;
    } while (number > 0);
    return at;
}

void result_unknown(json_t *result, const char *why, const char *hint)
{
    json_put_text(result, "status", "unknown");
    json_put_text(result, "why", why);
    json_put_text(result, "hint", hint);
    json_put_text(result, "summary", why);
    if (!json_object_get(result, "findings")) {
        json_put(result, "findings", json_array());
    }
}

int result_write(json_t *result, const struct function_call *call, struct error *err)
{
    char *text = json_dump_pretty(result);
    int r = 0;

    json_decref(result);
    strbuf_add(call->output, text);
    if (call->output->overflow || strlen(text) > JSON_BYTES_MAX) {
        r = error_set(err, ERROR_LIMIT, "the result of %zu bytes is too large", strlen(text));
    }
    free(text);
    return r;
}

int argument_integer(const struct function_call *call, const char *name, json_int_t fallback,
                     const json_int_t range[2], json_int_t *ret_value, struct error *err)
{
    const json_t *given = json_object_get(call->arguments, name);
    json_int_t value = fallback;

    if (json_is_integer(given)) {
        value = json_integer_value(given);
    } else if (json_is_string(given)) {
        char *end = NULL;

        value = strtoll(json_string_value(given), &end, 10);
        if (*end != '\0' || end == json_string_value(given)) {
            value = range[0] - 1;
        }
    } else if (given && !json_is_null(given)) {
        value = range[0] - 1;
    }
    if (value < range[0] || value > range[1]) {
        return error_set(err, ERROR_INVALID,
                         "argument %s: expected a whole number from %" JSON_INTEGER_FORMAT
                         " to %" JSON_INTEGER_FORMAT,
                         name, range[0], range[1]);
    }
    *ret_value = value;
    return 0;
}

int argument_band(const struct function_call *call, enum band *ret_band, struct error *err)
{
    static const char *const names[] = {"small", "medium", "large"};
    const json_t *given = json_object_get(call->arguments, "band");

    if (!given || json_is_null(given)) {
        *ret_band = BAND_SMALL;
        return 0;
    }
    for (size_t i = 0; json_is_string(given) && i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], json_string_value(given)) == 0) {
            *ret_band = (enum band)i;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "argument band: expected small, medium or large");
}

/* What models write around JSON: a fence, or a sentence before it. */
static json_t *object_in_text(const char *text)
{
    const char *fence = strstr(text, "```json");
    const char *start = strchr(fence ? fence : text, '{');
    const char *end = strrchr(text, '}');
    json_t *value = NULL;

    if (fence && strstr(fence + 7, "```")) {
        const char *close = strstr(fence + 7, "\n```");

        end = close ? close - 1 : end;
        while (start && end && end > start && *end != '}') {
            end--;
        }
    }
    if (start && end && end > start &&
        json_parse_text(start, (size_t)(end - start) + 1, "argument", &value, NULL) == 0 &&
        json_is_object(value)) {
        return value;
    }
    json_decref(value);
    return NULL;
}

json_t *argument_object(const json_t *value)
{
    if (json_is_object(value)) {
        return json_incref((json_t *)value);
    }
    return json_is_string(value) ? object_in_text(json_string_value(value)) : NULL;
}

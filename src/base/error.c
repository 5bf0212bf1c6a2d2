/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_status;
} code_table[] = {
    [-ERROR_NONE] = {"ok", 0},
    [-ERROR_INVALID] = {"invalid", 2},
    [-ERROR_NOT_FOUND] = {"not_found", 6},
    [-ERROR_CONFLICT] = {"conflict", 1},
    [-ERROR_BUSY] = {"busy", 75},
    [-ERROR_LIMIT] = {"limit", 5},
    [-ERROR_UNAVAILABLE] = {"unavailable", 4},
    [-ERROR_IO] = {"io", 1},
    [-ERROR_CANCELLED] = {"cancelled", 130},
    [-ERROR_VALIDATION] = {"validation", 7},
    [-ERROR_INTERNAL] = {"internal", 1},
};
static_assert(ARRAY_LEN(code_table) == ERROR_CODES, "one row for each code");

static size_t character_length(unsigned char lead)
{
    if (lead < 0xC0) {
        return 1;
    }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* A cut must not leave half a UTF-8 character behind. */
static void trim_partial_character(char *text, size_t size)
{
    size_t length = strlen(text);
    size_t start = length;

    if (length + 1 < size) {
        return;
    }
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start > 0 && length - start + 1 < character_length((unsigned char)text[start - 1])) {
        text[start - 1] = '\0';
    }
}

static void __attribute__((format(printf, 3, 0)))
put_text(char *target, size_t size, const char *format, va_list args)
{
    (void)vsnprintf(target, size, format, args);
    trim_partial_character(target, size);
}

int error_set(struct error *err, int code, const char *format, ...)
{
    va_list args;

    assert(code < 0 && code > -ERROR_CODES);
    if (!err) {
        return code;
    }
    err->code = code;
    err->is_storage_full = false;
    err->hint[0] = '\0';
    va_start(args, format);
    put_text(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}

static int code_from_errno(int number)
{
    switch (number) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EAGAIN:
    case EBUSY:
        return ERROR_BUSY;
    case EMFILE:
    case ENFILE:
    case EFBIG:
    case ENOSPC:
    case EDQUOT:
        return ERROR_LIMIT;
    default:
        return ERROR_IO;
    }
}

int error_set_errno(struct error *err, const char *format, ...)
{
    int number = errno;
    int code = code_from_errno(number);
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    put_text(text, sizeof(text), format, args);
    va_end(args);
    (void)error_set(err, code, "%s: %s", text, strerror(number));
    if (err && (number == ENOSPC || number == EDQUOT)) {
        err->is_storage_full = true;
        error_hint(err, "free some disk space, then try again");
    }
    return code;
}

void error_hint(struct error *err, const char *format, ...)
{
    va_list args;

    if (!err) {
        return;
    }
    va_start(args, format);
    put_text(err->hint, sizeof(err->hint), format, args);
    va_end(args);
}

void error_context(struct error *err, const char *format, ...)
{
    char context[ERROR_TEXT_MAX / 2];
    char text[ERROR_TEXT_MAX];
    va_list args;

    if (!err) {
        return;
    }
    assert(err->code < 0);
    va_start(args, format);
    put_text(context, sizeof(context), format, args);
    va_end(args);
    memcpy(text, err->text, sizeof(text));
    (void)snprintf(err->text, sizeof(err->text), "%s: %.*s", context,
                   (int)(sizeof(err->text) - strlen(context) - 3), text);
    trim_partial_character(err->text, sizeof(err->text));
}

const char *error_code_name(int code)
{
    assert(code <= 0 && code > -ERROR_CODES);
    return code_table[-code].name;
}

int error_code_exit_status(int code)
{
    assert(code <= 0 && code > -ERROR_CODES);
    return code_table[-code].exit_status;
}

/* SPDX-License-Identifier: MIT */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/pattern.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_STEPS_MAX 1000000
#define MATCH_DEPTH_MAX 10000
#define MATCH_HEAP_KIB_MAX 20000
#define GROUP_DEPTH_MAX 100

struct pattern {
    char *text;
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *match;
};

static void *take(size_t size, void *context)
{
    (void)context;
    return mem_alloc(size);
}

static void give(void *memory, void *context)
{
    (void)context;
    free(memory);
}

static pcre2_code *compile(const char *text, pcre2_general_context *memory, int *ret_reason,
                           size_t *ret_offset)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_ALT_BSUX | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP;
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_code *code;

    (void)pcre2_set_parens_nest_limit(context, GROUP_DEPTH_MAX);
    (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    code = pcre2_compile((PCRE2_SPTR)text, strlen(text), options, ret_reason, ret_offset, context);
    pcre2_compile_context_free(context);
    return code;
}

int pattern_new(const char *text, struct pattern **ret_pattern, struct error *err)
{
    struct pattern *pattern;
    pcre2_general_context *memory;
    unsigned char reason_text[128] = "";
    int reason = 0;
    size_t offset = 0;
    pcre2_code *code;

    if (strlen(text) > PATTERN_BYTES_MAX) {
        return error_set(err, ERROR_LIMIT, "the pattern has %zu bytes; at most %d", strlen(text),
                         PATTERN_BYTES_MAX);
    }
    memory = pcre2_general_context_create(take, give, NULL);
    code = compile(text, memory, &reason, &offset);
    if (!code) {
        pcre2_general_context_free(memory);
        (void)pcre2_get_error_message(reason, reason_text, sizeof(reason_text));
        return error_set(err, ERROR_INVALID, "the pattern \"%s\" is wrong at byte %zu: %s",
                         UTF8_CUT(text, 200), offset, (const char *)reason_text);
    }
    pattern = mem_zero(1, sizeof(*pattern));
    pattern->code = code;
    pattern->text = mem_strdup(text);
    pattern->match = pcre2_match_data_create(1, memory);
    pattern->limits = pcre2_match_context_create(memory);
    pcre2_general_context_free(memory);
    (void)pcre2_set_match_limit(pattern->limits, MATCH_STEPS_MAX);
    (void)pcre2_set_depth_limit(pattern->limits, MATCH_DEPTH_MAX);
    (void)pcre2_set_heap_limit(pattern->limits, MATCH_HEAP_KIB_MAX);
    *ret_pattern = pattern;
    return 0;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern) {
        return;
    }
    pcre2_match_context_free(pattern->limits);
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    free(pattern->text);
    free(pattern);
}

int pattern_match(const struct pattern *pattern, const char *text, size_t length, bool *ret_matches,
                  struct error *err)
{
    int r = pcre2_match(pattern->code, (PCRE2_SPTR)text, length, 0, 0, pattern->match,
                        pattern->limits);
    unsigned char reason[128] = "";

    /* 0: it matched, with more groups than we gave room for. */
    if (r >= 0 || r == PCRE2_ERROR_NOMATCH) {
        *ret_matches = r >= 0;
        return 0;
    }
    if (r == PCRE2_ERROR_MATCHLIMIT || r == PCRE2_ERROR_DEPTHLIMIT || r == PCRE2_ERROR_HEAPLIMIT ||
        r == PCRE2_ERROR_NOMEMORY) {
        return error_set(err, ERROR_LIMIT,
                         "the pattern \"%s\" takes too much work on a text of %zu bytes",
                         UTF8_CUT(pattern->text, 200), length);
    }
    (void)pcre2_get_error_message(r, reason, sizeof(reason));
    return error_set(err, ERROR_INVALID, "the pattern \"%s\" cannot be tried: %s",
                     UTF8_CUT(pattern->text, 200), (const char *)reason);
}

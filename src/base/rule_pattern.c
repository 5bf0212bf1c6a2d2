/* SPDX-License-Identifier: MIT */
#include "base/rule_pattern.h"

#include "base/alloc.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 1000

struct rule_pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
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

struct rule_pattern *rule_pattern_new(const char *text)
{
    struct rule_pattern *pattern = mem_zero(1, sizeof(*pattern));
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_general_context *memory = pcre2_general_context_create(take, give, NULL);
    pcre2_compile_context *compile = pcre2_compile_context_create(memory);

    pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_MULTILINE, &code,
                                  &offset, compile);
    assert(pattern->code);
    pcre2_compile_context_free(compile);
    (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
    pattern->data = pcre2_match_data_create_from_pattern(pattern->code, memory);
    pattern->context = pcre2_match_context_create(memory);
    pcre2_general_context_free(memory);
    (void)pcre2_set_match_limit(pattern->context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(pattern->context, DEPTH_LIMIT);
    return pattern;
}

void rule_pattern_free(struct rule_pattern *pattern)
{
    if (!pattern) {
        return;
    }
    pcre2_match_context_free(pattern->context);
    pcre2_match_data_free(pattern->data);
    pcre2_code_free(pattern->code);
    free(pattern);
}

bool rule_pattern_find(const struct rule_pattern *pattern, const char *text, size_t length,
                       size_t from, struct rule_pattern_match *ret_match)
{
    const PCRE2_SIZE *offsets;
    int count = pcre2_match(pattern->code, (PCRE2_SPTR)text, length, from, 0, pattern->data,
                            pattern->context);

    if (count < 1) {
        return false;
    }
    offsets = pcre2_get_ovector_pointer(pattern->data);
    if (ret_match) {
        bool has_group = count > 1 && offsets[2] != PCRE2_UNSET;

        *ret_match = (struct rule_pattern_match){.start = offsets[0],
                                                 .end = offsets[1],
                                                 .group_start = offsets[has_group ? 2 : 0],
                                                 .group_end = offsets[has_group ? 3 : 1]};
    }
    return true;
}

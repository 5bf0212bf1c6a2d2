/* SPDX-License-Identifier: MIT */
/* libFuzzer target: templates, texts with ${{ }}. What parses can be formatted and evaluated,
 * whatever the paths give, to a text or value or a clear error. */
#include "workflow/expression.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The value depends on the path alone: a text, a number, a list, an object or nothing. */
static json_t *look_up(void *context, const char *const *parts, size_t part_count)
{
    size_t length = strlen(parts[part_count - 1]);

    (void)context;
    switch (length % 6) {
    case 0:
        return NULL;
    case 1:
        return json_string(parts[0]);
    case 2:
        return json_integer((json_int_t)length);
    case 3:
        return json_pack("[i,s,n]", 1, "two");
    case 4:
        return json_pack("{s:b}", "key", 1);
    default:
        return json_real(0.5);
    }
}

static const char *allow(void *context, const char *const *parts, size_t part_count, char *ret_hint,
                         size_t hint_size)
{
    (void)context;
    (void)ret_hint;
    (void)hint_size;
    return part_count > 0 && parts[0][0] != '\0' ? NULL : "empty path";
}

static void check_problem(const struct expression_problem *problem, size_t size)
{
    if (problem->text[0] == '\0' || problem->offset > size) {
        abort();
    }
}

struct report {
    size_t size;
    size_t count;
};

static void note_problem(void *context, const struct expression_problem *problem)
{
    struct report *report = context;

    check_problem(problem, report->size);
    report->count++;
}

static void check_template(struct arena *arena, const char *text, size_t size)
{
    struct template *template_ = NULL;
    struct report report = {.size = size};
    struct expression_reporter reporter = {.add = note_problem, .context = &report};
    struct error err = ERROR_INIT;
    struct strbuf target;
    json_t *value = NULL;

    if (template_parse(arena, text, size, &reporter, &template_) != report.count) {
        abort();
    }
    (void)template_check_paths(template_, allow, NULL, &reporter);
    strbuf_init(&target, 1U << 20);
    if (template_format(template_, look_up, NULL, &target, &err) < 0 && err.text[0] == '\0') {
        abort();
    }
    strbuf_release(&target);
    if (template_evaluate(template_, look_up, NULL, &value, &err) == 0) {
        json_decref(value);
    } else if (err.text[0] == '\0') {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();

    check_template(arena, (const char *)data, size);
    arena_free(arena);
    return 0;
}

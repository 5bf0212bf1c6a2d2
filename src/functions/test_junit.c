/* SPDX-License-Identifier: MIT */
/* Test counts of JUnit XML, by a small tolerant scanner of bounded depth.
 *
 * Test cases are counted one by one, so nested suites and the sums in their attributes cannot count
 * twice. Attributes count only for a suite that has neither cases nor suites inside. Entities
 * are never expanded; nothing is allocated. */
#include "functions/test_reader.h"

#include <string.h>

#define NAME_BYTES_MAX 32

struct xml_tag {
    char name[NAME_BYTES_MAX]; /* without prefix; cut when longer, then it is none of ours */
    bool is_end;               /* </name> */
    bool is_empty;             /* <name/> */
    const char *attributes;
    const char *end; /* behind the '>' */
};

struct junit_suite {
    bool has_children;
    int64_t tests, failed, skipped; /* attributes; tests -1: none */
};

struct junit_reader {
    struct junit_suite suites[TEST_JUNIT_DEPTH_MAX];
    size_t depth;
    bool is_in_case;
    bool case_failed, case_skipped;
    struct test_tally tally;
    bool is_partial;
};

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.' ||
           byte == ':' || (unsigned char)byte >= 0x80;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool starts_with(const char *text, const char *end, const char *prefix)
{
    size_t length = strlen(prefix);

    return (size_t)(end - text) >= length && memcmp(text, prefix, length) == 0;
}

/* What follows the mark; end, and a note, when it never comes. */
static const char *skip_past(struct junit_reader *junit, const char *text, const char *end,
                             const char *mark)
{
    const char *found = memmem(text, (size_t)(end - text), mark, strlen(mark));

    if (found == NULL) {
        junit->is_partial = true;
        return end;
    }
    return found + strlen(mark);
}

/* Steps over comments, CDATA, declarations; NULL when text is none of these. */
static const char *skip_special(struct junit_reader *junit, const char *text, const char *end)
{
    if (starts_with(text, end, "<!--")) {
        return skip_past(junit, text + 4, end, "-->");
    }
    if (starts_with(text, end, "<![CDATA[")) {
        return skip_past(junit, text + 9, end, "]]>");
    }
    if (starts_with(text, end, "<?")) {
        return skip_past(junit, text + 2, end, "?>");
    }
    if (starts_with(text, end, "<!")) {
        return skip_past(junit, text + 2, end, ">");
    }
    return NULL;
}

static const char *read_name(const char *text, const char *end, char ret_name[NAME_BYTES_MAX])
{
    size_t length = 0;

    for (; text < end && is_name_byte(*text); text++) {
        if (*text == ':') {
            length = 0;
        } else if (length < NAME_BYTES_MAX - 1) {
            ret_name[length++] = *text;
        }
    }
    ret_name[length] = '\0';
    return text;
}

/* text is at a '<'. False when it begins no complete tag. */
static bool read_tag(const char *text, const char *end, struct xml_tag *ret_tag)
{
    char quote = '\0';

    text++;
    ret_tag->is_end = text < end && *text == '/';
    if (ret_tag->is_end) {
        text++;
    }
    if (text >= end || !is_name_byte(*text)) {
        return false;
    }
    text = read_name(text, end, ret_tag->name);
    ret_tag->attributes = text;
    for (; text < end; text++) {
        if (quote != '\0') {
            quote = *text == quote ? '\0' : quote;
        } else if (*text == '"' || *text == '\'') {
            quote = *text;
        } else if (*text == '<') {
            return false;
        } else if (*text == '>') {
            ret_tag->is_empty = text[-1] == '/';
            ret_tag->end = text + 1;
            return true;
        }
    }
    return false;
}

/* The attribute's text within the tag; NULL when absent. */
static const char *find_attribute(const struct xml_tag *tag, const char *name, size_t *ret_length)
{
    const char *text = tag->attributes;
    const char *end = tag->end - 1;
    char found[NAME_BYTES_MAX];

    while (text < end) {
        const char *value;
        const char *close;

        if (!is_name_byte(*text)) {
            text++;
            continue;
        }
        text = read_name(text, end, found);
        while (text < end && is_space(*text)) {
            text++;
        }
        if (text >= end || *text != '=') {
            continue;
        }
        for (text++; text < end && is_space(*text); text++) {
        }
        if (text >= end || (*text != '"' && *text != '\'')) {
            continue;
        }
        value = text + 1;
        close = memchr(value, *text, (size_t)(end - value));
        if (close == NULL) {
            return NULL;
        }
        if (strcmp(found, name) == 0) {
            *ret_length = (size_t)(close - value);
            return value;
        }
        text = close + 1;
    }
    return NULL;
}

static int64_t get_number(const struct xml_tag *tag, const char *name)
{
    size_t length;
    const char *text = find_attribute(tag, name, &length);
    int64_t number = 0;

    if (text == NULL || length == 0 || length > 9) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

static int64_t get_sum(const struct xml_tag *tag, const char *first, const char *second)
{
    int64_t a = get_number(tag, first);
    int64_t b = get_number(tag, second);

    return (a < 0 ? 0 : a) + (b < 0 ? 0 : b);
}

static bool attribute_is(const struct xml_tag *tag, const char *name, const char *wanted)
{
    size_t length;
    const char *text = find_attribute(tag, name, &length);

    return text != NULL && length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

static void end_suite(struct junit_reader *junit)
{
    const struct junit_suite *suite = &junit->suites[--junit->depth];
    int64_t passed;

    if (!suite->has_children && suite->tests > 0) {
        passed = suite->tests - suite->failed - suite->skipped;
        junit->tally.passed += passed < 0 ? 0 : passed;
        junit->tally.failed += suite->failed;
        junit->tally.skipped += suite->skipped;
    }
}

static void begin_suite(struct junit_reader *junit, const struct xml_tag *tag)
{
    junit->tally.is_seen = true;
    if (junit->depth > 0) {
        junit->suites[junit->depth - 1].has_children = true;
    }
    if (junit->depth == TEST_JUNIT_DEPTH_MAX) {
        junit->is_partial = true;
        return;
    }
    junit->suites[junit->depth++] = (struct junit_suite){
        .tests = get_number(tag, "tests"),
        .failed = get_sum(tag, "failures", "errors"),
        .skipped = get_sum(tag, "skipped", "disabled"),
    };
    if (tag->is_empty) {
        end_suite(junit);
    }
}

static void end_case(struct junit_reader *junit)
{
    junit->is_in_case = false;
    if (junit->case_failed) {
        junit->tally.failed++;
    } else if (junit->case_skipped) {
        junit->tally.skipped++;
    } else {
        junit->tally.passed++;
    }
}

static void begin_case(struct junit_reader *junit, const struct xml_tag *tag)
{
    if (junit->is_in_case) {
        /* The one before was never closed: whether it passed is not known. */
        junit->is_partial = true;
    }
    junit->tally.is_seen = true;
    if (junit->depth > 0) {
        junit->suites[junit->depth - 1].has_children = true;
    }
    junit->is_in_case = true;
    junit->case_failed = attribute_is(tag, "status", "fail");
    junit->case_skipped = attribute_is(tag, "status", "notrun") ||
                          attribute_is(tag, "status", "disabled") ||
                          attribute_is(tag, "status", "skipped") ||
                          attribute_is(tag, "result", "skipped") ||
                          attribute_is(tag, "result", "suppressed");
    if (tag->is_empty) {
        end_case(junit);
    }
}

static void read_element(struct junit_reader *junit, const struct xml_tag *tag)
{
    bool is_suite = strcmp(tag->name, "testsuite") == 0 || strcmp(tag->name, "testsuites") == 0;

    if (strcmp(tag->name, "testcase") == 0) {
        if (!tag->is_end) {
            begin_case(junit, tag);
        } else if (junit->is_in_case) {
            end_case(junit);
        }
    } else if (is_suite && tag->is_end) {
        if (junit->is_in_case) {
            junit->is_in_case = false;
            junit->is_partial = true;
        }
        if (junit->depth > 0) {
            end_suite(junit);
        }
    } else if (is_suite) {
        begin_suite(junit, tag);
    } else if (junit->is_in_case && !tag->is_end) {
        junit->case_failed |= strcmp(tag->name, "failure") == 0 || strcmp(tag->name, "error") == 0;
        junit->case_skipped |= strcmp(tag->name, "skipped") == 0;
    }
}

void test_counts_read_junit(const char *xml, size_t length, struct test_counts *ret_counts)
{
    struct junit_reader junit = {.depth = 0};
    struct test_counts counts = {
        .executed = -1, .passed = -1, .failed = -1, .skipped = -1, .coverage = -1};
    const char *end = xml + length;
    const char *text = xml;
    struct xml_tag tag;

    while (text < end) {
        const char *next;

        text = memchr(text, '<', (size_t)(end - text));
        if (text == NULL) {
            break;
        }
        next = skip_special(&junit, text, end);
        if (next == NULL && read_tag(text, end, &tag)) {
            read_element(&junit, &tag);
            next = tag.end;
        } else if (next == NULL) {
            junit.is_partial = true;
            next = text + 1;
        }
        text = next;
    }
    if (junit.tally.is_seen) {
        counts.passed = junit.tally.passed;
        counts.failed = junit.tally.failed;
        counts.skipped = junit.tally.skipped;
        counts.executed = counts.passed + counts.failed;
        counts.is_partial = junit.is_partial || junit.is_in_case || junit.depth > 0;
        memcpy(counts.runner, "junit", sizeof("junit"));
    }
    *ret_counts = counts;
}

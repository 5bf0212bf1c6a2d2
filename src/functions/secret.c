/* SPDX-License-Identifier: MIT */
#include "functions/secret.h"

#include "base/alloc.h"
#include "base/rule_pattern.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_CHARACTERS 4
#define AROUND_BYTES 40
#define LINE_BYTES_MAX 4000 /* longer lines are data, and only the strict rules look at them */

enum secret_kind {
    KIND_TOKEN,     /* the form itself proves it */
    KIND_KEY_BLOCK, /* a header: what follows has to look like key material */
    KIND_GENERIC,   /* a name that promises a secret: the value has to look random */
    KIND_PASSWORD,  /* in a URL */
};

static const struct {
    const char *rule;
    const char *needle; /* literal that must be there, lower case when folded */
    bool folded;        /* the needle is looked for in lower case text */
    enum secret_kind kind;
    enum severity severity;
    const char *confidence;
    const char *pattern; /* group 1 is the secret */
    const char *message;
} rules[] = {
    {"private-key", "-----BEGIN ", false, KIND_KEY_BLOCK, SEVERITY_HIGH, "high",
     "-----BEGIN ((?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY|PGP PRIVATE KEY BLOCK)-----",
     "a private key"},
    {"aws-access-key", "A", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "(?<![A-Za-z0-9])((?:AKIA|ASIA)[A-Z2-7]{16})(?![A-Za-z0-9])", "an AWS access key id"},
    {"aws-secret-key", "aws", true, KIND_GENERIC, SEVERITY_HIGH, "medium",
     "(?i)aws.{0,20}(?:secret|key).{0,20}[\"'= :]([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
     "an AWS secret key"},
    {"github-token", "gh", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "(?<![A-Za-z0-9_])(gh[pousr]_[A-Za-z0-9]{36,255})(?![A-Za-z0-9])", "a GitHub token"},
    {"github-token", "github_pat_", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "\\b(github_pat_[A-Za-z0-9_]{50,255})\\b", "a GitHub token"},
    {"gitlab-token", "glpat-", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "\\b(glpat-[A-Za-z0-9_-]{20,64})", "a GitLab token"},
    {"slack-token", "xox", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "\\b(xox[abposr]-[0-9]{8,}-[A-Za-z0-9-]{10,})", "a Slack token"},
    {"slack-webhook", "hooks.slack.com/services/", false, KIND_TOKEN, SEVERITY_MEDIUM, "high",
     "hooks\\.slack\\.com/services/(T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{20,})",
     "a Slack webhook address"},
    {"google-api-key", "AIza", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "(?<![A-Za-z0-9_-])(AIza[A-Za-z0-9_-]{35})(?![A-Za-z0-9_-])", "a Google API key"},
    {"stripe-key", "_live_", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "\\b([sr]k_live_[A-Za-z0-9]{20,100})\\b", "a Stripe live key"},
    {"npm-token", "npm_", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "(?<![A-Za-z0-9_])(npm_[A-Za-z0-9]{36})(?![A-Za-z0-9])", "an npm token"},
    {"pypi-token", "pypi-AgEI", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "(pypi-AgEI[A-Za-z0-9_-]{50,})", "a PyPI token"},
    {"sendgrid-key", "SG.", false, KIND_TOKEN, SEVERITY_HIGH, "high",
     "(?<![A-Za-z0-9])(SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43})", "a SendGrid key"},
    {"model-api-key", "sk-", false, KIND_TOKEN, SEVERITY_HIGH, "medium",
     "(?<![A-Za-z0-9_-])(sk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,200})(?![A-Za-z0-9_-])",
     "a key of a model provider"},
    {"jwt", "eyJ", false, KIND_TOKEN, SEVERITY_MEDIUM, "medium",
     "(?<![A-Za-z0-9])(eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{20,})",
     "a JSON Web Token"},
    {"url-password", "://", false, KIND_PASSWORD, SEVERITY_MEDIUM, "medium",
     "[a-z][a-z0-9+.-]{1,20}://[A-Za-z0-9._%+-]{1,64}:([^\\s:@/\"'<>{}$()\\\\,]{4,100})@"
     "[A-Za-z0-9.-]+[:/\"'\\s?]",
     "a password in a URL"},
    {"assigned-secret", "secret", true, KIND_GENERIC, SEVERITY_MEDIUM, "low",
     "(?i)secret[a-z0-9_-]{0,20}[\"']?\\s{0,3}(?:=|:|=>|:=)\\s{0,3}[\"']([^\"'\\s]{12,120})[\"']",
     "what looks like a secret is assigned a random text"},
    {"assigned-secret", "token", true, KIND_GENERIC, SEVERITY_MEDIUM, "low",
     "(?i)token[a-z0-9_-]{0,20}[\"']?\\s{0,3}(?:=|:|=>|:=)\\s{0,3}[\"']([^\"'\\s]{16,120})[\"']",
     "what looks like a token is assigned a random text"},
    {"assigned-secret", "key", true, KIND_GENERIC, SEVERITY_MEDIUM, "low",
     "(?i)(?:api|access|auth|private|secret|encryption)[_-]?key[a-z0-9_-]{0,12}[\"']?\\s{0,3}"
     "(?:=|:|=>|:=)\\s{0,3}[\"']([^\"'\\s]{16,120})[\"']",
     "what looks like a key is assigned a random text"},
    {"assigned-password", "passw", true, KIND_GENERIC, SEVERITY_MEDIUM, "low",
     "(?i)passw(?:or)?d[\"']?\\s{0,3}(?:=|:|=>|:=)\\s{0,3}[\"']([^\"'\\s]{8,80})[\"']",
     "what looks like a password is assigned a random text"},
};

struct secret_scanner {
    struct rule_pattern *patterns[ARRAY_LEN(rules)];
};

struct secret_scanner *secret_scanner_new(void)
{
    struct secret_scanner *scanner = mem_zero(1, sizeof(*scanner));

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        scanner->patterns[i] = rule_pattern_new(rules[i].pattern);
    }
    return scanner;
}

void secret_scanner_free(struct secret_scanner *scanner)
{
    if (!scanner) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        rule_pattern_free(scanner->patterns[i]);
    }
    free(scanner);
}

/* Base 2, by squaring: the only logarithm here is not worth the mathematics library. */
static double logarithm(double value)
{
    double result = 0;
    double bit = 1;

    while (value >= 2) {
        value /= 2;
        result += 1;
    }
    for (int i = 0; i < 16; i++) {
        value *= value;
        bit /= 2;
        if (value >= 2) {
            value /= 2;
            result += bit;
        }
    }
    return result;
}

/* Bits a character (Shannon). */
static double entropy(const char *text, size_t length)
{
    size_t counts[256] = {0};
    double bits = 0;

    for (size_t i = 0; i < length; i++) {
        counts[(unsigned char)text[i]]++;
    }
    for (size_t i = 0; i < 256; i++) {
        if (counts[i] > 0) {
            bits += (double)counts[i] * logarithm((double)length / (double)counts[i]);
        }
    }
    return length > 0 ? bits / (double)length : 0;
}

static bool is_placeholder(const char *text, size_t length)
{
    static const char *const words[] = {
        "example", "placeholder", "changeme",   "change_me", "change-me", "your",    "dummy",
        "sample",  "xxxx",        "****",       "redacted",  "insert",    "replace", "<",
        "${",      "{{",          "%s",         "%(",        "$(",        "fake",    "foobar",
        "mock",    "todo",        "1234567890", "abcdef",    "000000",    "...",     "test",
        "secret",  "passw",       "none",       "null",      "hunter2",   "s3cr3t",  "default",
        "notreal", "undefined",
    };
    char lower[128];
    size_t used = length < sizeof(lower) - 1 ? length : sizeof(lower) - 1;

    for (size_t i = 0; i < used; i++) {
        lower[i] = (char)tolower((unsigned char)text[i]);
    }
    lower[used] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strstr(lower, words[i])) {
            return true;
        }
    }
    return entropy(text, length) < 2.0;
}

/* Letters and digits mixed, no words with separators, no path, no call. */
static bool looks_random(const char *text, size_t length)
{
    size_t digits = 0;
    size_t letters = 0;
    size_t changes = 0;

    for (size_t i = 0; i < length; i++) {
        bool is_digit = isdigit((unsigned char)text[i]);

        if (strchr("(){}[]<>$ ,;|\\", text[i]) || text[i] == ':') {
            return false;
        }
        digits += is_digit;
        letters += isalpha((unsigned char)text[i]) != 0;
        changes += i > 0 && is_digit != (isdigit((unsigned char)text[i - 1]) != 0);
    }
    return digits >= 2 && letters >= 2 && changes >= 3 &&
           entropy(text, length) >= (length >= 20 ? 3.5 : 2.9);
}

/* Is there key material behind the header, also inside a string with "\n" escapes? */
static bool has_key_material(const char *text, size_t length)
{
    size_t run = 0;

    for (size_t i = 0; i < length && i < 400; i++) {
        if (isalnum((unsigned char)text[i]) || text[i] == '+' || text[i] == '/') {
            if (++run >= 32) {
                return true;
            }
        } else {
            run = 0;
        }
    }
    return false;
}

static bool is_secret(size_t rule, const char *text, size_t length,
                      const struct rule_pattern_match *match)
{
    const char *secret = text + match->group_start;
    size_t secret_length = match->group_end - match->group_start;

    switch (rules[rule].kind) {
    case KIND_KEY_BLOCK:
        return has_key_material(text + match->end, length - match->end);
    case KIND_TOKEN:
        return !is_placeholder(secret, secret_length);
    case KIND_PASSWORD:
        return !is_placeholder(secret, secret_length) &&
               !memmem(text + match->start, match->end - match->start, "user:", 5) &&
               !memmem(text + match->start, match->end - match->start, "pass", 4);
    case KIND_GENERIC:
        return !is_placeholder(secret, secret_length) && looks_random(secret, secret_length);
    }
    return false;
}

static void rule_scan(const struct secret_scanner *scanner, size_t rule, const char *text,
                      const struct secret_hit *line, secret_sink sink, void *context,
                      size_t *claimed, size_t length)
{
    struct rule_pattern_match match;
    size_t from = line->line_start;

    while (from < line->line_end &&
           rule_pattern_find(scanner->patterns[rule], text, line->line_end, from, &match)) {
        if (match.group_start >= *claimed && is_secret(rule, text, length, &match)) {
            struct secret_hit hit = *line;

            hit.rule = rules[rule].rule;
            hit.severity = rules[rule].severity;
            hit.confidence = rules[rule].confidence;
            hit.message = rules[rule].message;
            hit.start = match.group_start;
            hit.end = match.group_end;
            *claimed = match.group_end;
            sink(context, text, &hit);
        }
        from = match.end > from ? match.end : from + 1;
    }
}

static void line_scan(const struct secret_scanner *scanner, const char *text, const char *lower,
                      const struct secret_hit *line, secret_sink sink, void *context, size_t length)
{
    size_t line_length = line->line_end - line->line_start;
    size_t claimed = line->line_start;

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const char *view = rules[i].folded ? lower : text;

        if (rules[i].kind == KIND_GENERIC && line_length > LINE_BYTES_MAX) {
            continue;
        }
        if (memmem(view + line->line_start, line_length, rules[i].needle,
                   strlen(rules[i].needle))) {
            rule_scan(scanner, i, text, line, sink, context, &claimed, length);
        }
    }
}

static const char *const needles[] = {
    "-----BEGIN ",
    "AKIA",
    "ASIA",
    "aws",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "hooks.slack.com",
    "aiza",
    "_live_",
    "npm_",
    "pypi-",
    "sg.",
    "sk-",
    "eyj",
    "://",
    "secret",
    "token",
    "key",
    "passw",
};

/* Needles begin in lower case unless the case matters. */
static size_t needle_find(const char *needle, const char *text, const char *lower, size_t at,
                          size_t length)
{
    const char *view = isupper((unsigned char)needle[0]) || needle[0] == '-' ? text : lower;
    const char *found = memmem(view + at, length - at, needle, strlen(needle));

    return found ? (size_t)(found - view) : length;
}

/* Where the nearest needle from `at` on is; next[] remembers the place of each. */
static size_t nearest_find(size_t *next, const char *text, const char *lower, size_t at,
                           size_t length)
{
    size_t nearest = length;

    for (size_t i = 0; i < ARRAY_LEN(needles); i++) {
        if (next[i] < at) {
            next[i] = needle_find(needles[i], text, lower, at, length);
        }
        nearest = next[i] < nearest ? next[i] : nearest;
    }
    return nearest;
}

/* Only lines that hold a needle are worth a closer look; most texts hold none. */
void secret_scan(const struct secret_scanner *scanner, const char *text, size_t length,
                 secret_sink sink, void *context)
{
    char *lower = mem_alloc(length + 1);
    size_t next[ARRAY_LEN(needles)];
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        lower[i] = (char)tolower((unsigned char)text[i]);
    }
    lower[length] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(needles); i++) {
        next[i] = needle_find(needles[i], text, lower, 0, length);
    }
    while (at < length) {
        size_t nearest = nearest_find(next, text, lower, at, length);
        struct secret_hit line = {.line_start = nearest};
        const char *end;

        if (nearest >= length) {
            break;
        }
        while (line.line_start > 0 && text[line.line_start - 1] != '\n') {
            line.line_start--;
        }
        end = memchr(text + nearest, '\n', length - nearest);
        line.line_end = end ? (size_t)(end - text) : length;
        line_scan(scanner, text, lower, &line, sink, context, length);
        at = line.line_end + 1;
    }
    free(lower);
}

void secret_mask(const char *text, const struct secret_hit *hit, struct strbuf *target)
{
    size_t from = hit->line_start;
    size_t to = hit->line_end;
    size_t length = hit->end - hit->start;

    while (from < hit->start && isspace((unsigned char)text[from])) {
        from++;
    }
    if (strcmp(hit->rule, "private-key") == 0) { /* the header itself is no secret */
        utf8_add_valid(target, text + hit->start, length);
        return;
    }
    if (hit->start - from > AROUND_BYTES) {
        from = hit->start - AROUND_BYTES;
        while (from < hit->start && ((unsigned char)text[from] & 0xC0) == 0x80) {
            from++;
        }
        strbuf_add(target, "\xE2\x80\xA6");
    }
    utf8_add_valid(target, text + from, hit->start - from);
    utf8_add_valid(target, text + hit->start, length > 12 ? SHOWN_CHARACTERS : 1);
    strbuf_addf(target, "\xE2\x80\xA6[%zu characters]", length);
    /* What follows may be another secret; the rest of the line is not needed to find the place. */
    if (to > hit->end && strchr("\"'`;,)@", text[hit->end])) {
        strbuf_add_char(target, text[hit->end]);
    }
}

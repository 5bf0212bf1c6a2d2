/* SPDX-License-Identifier: MIT */
/* Why a call failed, from an HTTP status or, where there is none, from the words of a message. */
#include "agents/reader.h"
#include "base/alloc.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Looked for in this order, whatever their case. What is too long for a model, quota and sign-in
 * come before limits and connections, since their messages also say "limit" or "try again"; so
 * does what a policy forbids. */
static const struct {
    const char *words;
    enum agent_failure failure;
} phrases[] = {
    {"context limit", AGENT_PERMANENT},
    {"context window", AGENT_PERMANENT},
    {"context length", AGENT_PERMANENT},
    {"context_length", AGENT_PERMANENT},
    {"prompt is too long", AGENT_PERMANENT},
    {"content filter", AGENT_REFUSED},
    {"content_filter", AGENT_REFUSED},
    {"content management policy", AGENT_REFUSED},
    {"content policy", AGENT_REFUSED},
    {"usage policy", AGENT_REFUSED},
    {"usage policies", AGENT_REFUSED},
    {"refusal", AGENT_REFUSED},
    {"insufficient_quota", AGENT_PERMANENT},
    {"quota", AGENT_PERMANENT},
    {"billing", AGENT_PERMANENT},
    {"credit balance", AGENT_PERMANENT},
    {"payment required", AGENT_PERMANENT},
    {"rate limit", AGENT_LIMIT},
    {"rate_limit", AGENT_LIMIT},
    {"ratelimit", AGENT_LIMIT},
    {"usage limit", AGENT_LIMIT},
    {"session limit", AGENT_LIMIT},
    {"weekly limit", AGENT_LIMIT},
    {"hour limit", AGENT_LIMIT},
    {"hit your limit", AGENT_LIMIT},
    {"too many requests", AGENT_LIMIT},
    {"resource_exhausted", AGENT_LIMIT},
    {"overloaded", AGENT_TRANSIENT},
    {"high demand", AGENT_TRANSIENT},
    {"server busy", AGENT_TRANSIENT},
    {"internal server error", AGENT_TRANSIENT},
    {"bad gateway", AGENT_TRANSIENT},
    {"service unavailable", AGENT_TRANSIENT},
    {"temporarily unavailable", AGENT_TRANSIENT},
    {"connection", AGENT_TRANSIENT},
    {"connect error", AGENT_TRANSIENT},
    {"could not connect", AGENT_TRANSIENT},
    {"econn", AGENT_TRANSIENT},
    {"enotfound", AGENT_TRANSIENT},
    {"eai_again", AGENT_TRANSIENT},
    {"etimedout", AGENT_TRANSIENT},
    {"socket hang up", AGENT_TRANSIENT},
    {"fetch failed", AGENT_TRANSIENT},
    {"network error", AGENT_TRANSIENT},
    {"stream disconnected", AGENT_TRANSIENT},
    {"timed out", AGENT_TRANSIENT},
    {"timeout", AGENT_TRANSIENT},
};

static enum agent_failure classify_words(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        if (strcasestr(text, phrases[i].words)) {
            return phrases[i].failure;
        }
    }
    return AGENT_PERMANENT;
}

static bool is_status_at(const char *text, const char *start)
{
    return (start == text || !isalnum((unsigned char)start[-1])) &&
           (start[0] == '4' || start[0] == '5') && isdigit((unsigned char)start[1]) &&
           isdigit((unsigned char)start[2]) && !isalnum((unsigned char)start[3]);
}

/* "unexpected status 401 Unauthorized", "API Error: 529 {...}", "HTTP 503", "last status: 429". */
static int find_status(const char *text)
{
    static const char *const markers[] = {"status", "error:", "error", "http"};

    for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
        const char *found = text;

        while ((found = strcasestr(found, markers[i])) != NULL) {
            found += strlen(markers[i]);
            if (strncasecmp(found, " code", strlen(" code")) == 0) {
                found += strlen(" code");
            }
            found += strspn(found, " :=(/\"");
            if (is_status_at(text, found)) {
                return (found[0] - '0') * 100 + (found[1] - '0') * 10 + (found[2] - '0');
            }
        }
    }
    return 0;
}

bool agent_is_quota(const char *text)
{
    return strcasestr(text, "quota") || strcasestr(text, "billing") ||
           strcasestr(text, "credit balance");
}

static enum agent_failure classify_status(int status, const char *text)
{
    if (status == 429) {
        return agent_is_quota(text) ? AGENT_PERMANENT : AGENT_LIMIT;
    }
    if (status == 408 || status == 409 || status == 425 || status >= 500) {
        return AGENT_TRANSIENT;
    }
    /* What a filter before the model stops is a bad request to some. */
    return classify_words(text) == AGENT_REFUSED ? AGENT_REFUSED : AGENT_PERMANENT;
}

enum agent_failure agent_classify(int status, const char *text)
{
    if (status == 0) {
        status = find_status(text);
    }
    return status >= 400 ? classify_status(status, text) : classify_words(text);
}

/* SPDX-License-Identifier: MIT */
#include "agents/reader.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

struct sample {
    int status;
    const char *text;
    enum agent_failure failure;
};

static void assert_classes(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum agent_failure found = agent_classify(samples[i].status, samples[i].text);

        if (found != samples[i].failure) {
            fail_msg("%d \"%s\" is %s, not %s", samples[i].status, samples[i].text,
                     agent_failure_name(found), agent_failure_name(samples[i].failure));
        }
    }
}

static void a_status_decides_alone_but_for_429(void **state)
{
    static const struct sample samples[] = {
        {408, "", AGENT_TRANSIENT},
        {409, "", AGENT_TRANSIENT},
        {500, "", AGENT_TRANSIENT},
        {503, "invalid api key", AGENT_TRANSIENT},
        {529, "Overloaded", AGENT_TRANSIENT},
        {429, "slow down", AGENT_LIMIT},
        {429, "insufficient_quota", AGENT_PERMANENT},
        {400, "timeout must be positive", AGENT_PERMANENT},
        {401, "", AGENT_PERMANENT},
        {404, "connection", AGENT_PERMANENT},
        {413, "", AGENT_PERMANENT},
    };

    (void)state;
    assert_classes(samples, ARRAY_LEN(samples));
}

static void a_status_is_found_in_a_message(void **state)
{
    static const struct sample samples[] = {
        {0, "unexpected status 401 Unauthorized: connection to https://x", AGENT_PERMANENT},
        {0, "exceeded retry limit, last status: 429 Too Many Requests", AGENT_LIMIT},
        {0, "API Error: 529 {\"type\":\"error\"}", AGENT_TRANSIENT},
        {0, "[API Error: 500 status code (no body)]", AGENT_TRANSIENT},
        {0, "HTTP 503", AGENT_TRANSIENT},
        {0, "status code 502", AGENT_TRANSIENT},
        {0, "error: 4000 lines are too many", AGENT_PERMANENT},
    };

    (void)state;
    assert_classes(samples, ARRAY_LEN(samples));
}

static void words_decide_where_there_is_no_status(void **state)
{
    static const struct sample samples[] = {
        {0, "API Error: Connection refused", AGENT_TRANSIENT},
        {0, "connect ECONNREFUSED 127.0.0.1:1", AGENT_TRANSIENT},
        {0, "Could not connect to local model provider at http://127.0.0.1:1/v1.", AGENT_TRANSIENT},
        {0, "stream disconnected before completion: closed", AGENT_TRANSIENT},
        {0, "Request timed out.", AGENT_TRANSIENT},
        {0, "You have hit your usage limit. Try again later.", AGENT_LIMIT},
        {0, "Rate limit reached", AGENT_LIMIT},
        {0, "Quota exceeded. Check your plan and billing details.", AGENT_PERMANENT},
        {0, "blocked by the content filter", AGENT_REFUSED},
        {0, "Not logged in", AGENT_PERMANENT},
        {0, "Segmentation fault", AGENT_PERMANENT},
        {0, "", AGENT_PERMANENT},
    };

    (void)state;
    assert_classes(samples, ARRAY_LEN(samples));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_decides_alone_but_for_429),
        cmocka_unit_test(a_status_is_found_in_a_message),
        cmocka_unit_test(words_decide_where_there_is_no_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

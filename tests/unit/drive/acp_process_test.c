/* SPDX-License-Identifier: MIT */
#include "drive/acp_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void keep_error(void *context, const struct agent_event *event)
{
    if (event->kind == AGENT_ERROR) {
        (void)snprintf(context, 300, "%s: %s", agent_failure_name(event->failure), event->text);
    }
}

static void assert_failure(char *const *argv, struct acp_limits limits, const char *part)
{
    struct acp_call call = {.prompt = "Go", .cwd = "/"};
    char said[300] = "";

    assert_false(acp_drive(&call, argv, &limits, keep_error, said));
    if (!strstr(said, part)) {
        fail_msg("not said: %s, but %s", part, said);
    }
}

static void how_a_program_ended_is_told(void **state)
{
    struct acp_limits limits = {.grace_ms = 100};

    (void)state;
    assert_failure((char *[]){"/no/such", NULL}, limits, "permanent: the agent's program /no/such");
    assert_failure((char *[]){"sh", "-c", "exit 3", NULL}, limits, "ended with status 3");
    assert_failure((char *[]){"sh", "-c", "kill -9 $$", NULL}, limits, "killed by signal 9");
    assert_failure((char *[]){"sh", "-c", "exec >&-; exec sleep 60", NULL}, limits,
                   "closed its output");
}

static void its_deadline_ends_it(void **state)
{
    (void)state;
    assert_failure((char *[]){"sh", "-c", "cat >/dev/null", NULL},
                   (struct acp_limits){.grace_ms = 100, .timeout_ms = 100},
                   "timeout: the agent took too long");
    assert_failure((char *[]){"sleep", "60", NULL},
                   (struct acp_limits){.grace_ms = 100, .timeout_ms = 100},
                   "timeout: the agent took too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_program_ended_is_told),
        cmocka_unit_test(its_deadline_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

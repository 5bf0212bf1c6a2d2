/* SPDX-License-Identifier: MIT */
#include "drive/acp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_mode(bool is_read_only, const char *session, const char *expected, bool missing)
{
    struct acp_call call = {.is_read_only = is_read_only};
    json_t *value = json_loads(session, 0, NULL);
    bool is_missing = !missing;
    char *mode;

    assert_non_null(value);
    mode = acp_choose_mode(&call, value, &is_missing);
    assert_string_equal(mode ? mode : "(none)", expected ? expected : "(none)");
    assert_int_equal(is_missing, missing);
    free(mode);
    json_decref(value);
}

#define MODES(current, list)                                                                       \
    "{\"modes\":{\"currentModeId\":\"" current "\",\"availableModes\":[" list "]}}"

static void a_reader_gets_a_mode_that_changes_nothing(void **state)
{
    (void)state;
    assert_mode(true, MODES("auto", "{\"id\":\"default\"},{\"id\":\"plan\"}"), "plan", false);
    assert_mode(true, MODES("a", "{\"id\":\"read-only\"}"), "read-only", false);
    assert_mode(true, MODES("a", "{\"id\":\"https://x/#plan\"}"), "https://x/#plan", false);
    assert_mode(true, MODES("plan", "{\"id\":\"plan\"}"), NULL, false);
    assert_mode(true, MODES("a", "{\"id\":\"default\"}"), NULL, true);
    assert_mode(true, "{}", NULL, true);
}

static void who_edits_gets_the_mode_that_asks(void **state)
{
    (void)state;
    assert_mode(false, MODES("auto", "{\"id\":\"yolo\"},{\"id\":\"default\"}"), "default", false);
    assert_mode(false, MODES("agent", "{\"id\":\"workspace-write\"}"), "workspace-write", false);
    assert_mode(false, MODES("build", "{\"id\":\"build\"},{\"id\":\"plan\"}"), NULL, false);
    assert_mode(false, "{}", NULL, false);
}

static void modes_may_stand_among_the_options(void **state)
{
    (void)state;
    assert_mode(true,
                "{\"configOptions\":[{\"id\":\"model\"},{\"id\":\"m\",\"category\":\"mode\","
                "\"currentValue\":\"build\",\"options\":[{\"value\":\"p\",\"name\":\"Plan\"}]}]}",
                "p", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_a_mode_that_changes_nothing),
        cmocka_unit_test(who_edits_gets_the_mode_that_asks),
        cmocka_unit_test(modes_may_stand_among_the_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *report_of(json_t *validation, const char *key, json_t *value)
{
    json_t *arguments = json_pack("{s:{s:[{s:s,s:s},{s:s,s:s}],s:[],s:{}},s:o}", "fold", "angles",
                                  "id", "one", "status", "ok", "id", "two", "status", "skipped",
                                  "findings", "outputs", "validation", validation);

    json_put(arguments, key, value);
    return function_text("/", "report", arguments);
}

static json_t *validation_of(json_t *attackers, json_t *objections)
{
    return json_pack("{s:{},s:[],s:s,s:[],s:o,s:o}", "counts", "attacks", "summary", "s",
                     "findings", "attackers", attackers, "objections", objections);
}

static void attacks_and_objections_stand_above_the_answer_and_the_recommendation(void **state)
{
    char *text = report_of(
        validation_of(json_pack("[{s:s,s:s,s:i,s:i,s:i,s:i,s:s}]", "id", "first", "status", "ok",
                                "refuted", 2, "lowered", 1, "strangers", 0, "silent", 3, "summary",
                                "all but two"),
                      json_pack("[{s:s,s:s}]", "about", "the plan", "why", "it is not so")),
        "answer", json_string("# Do this\nfirst"));
    const char *round = strstr(text, "`first`: 2 refuted, 1 made less severe; 3 findings it did "
                                     "not speak of. all but two");
    const char *objection = strstr(text, "- the plan: it is not so");
    const char *answer = strstr(text, "## Answer\n\n> # Do this\n> first\n");

    (void)state;
    assert_non_null(round);
    assert_non_null(objection);
    assert_non_null(answer);
    assert_true(round < objection && objection < answer);
    assert_true(answer < strstr(text, "## Recommendation"));
    assert_null(strstr(text, "No agent attacked"));
    free(text);
}

static void that_nobody_attacked_is_said_with_the_reason(void **state)
{
    char *text = report_of(validation_of(json_pack("[{s:s,s:s,s:s}]", "id", "first", "status",
                                                   "unknown", "why", "no agent is ready"),
                                         json_array()),
                           "answer_error", json_string("no agent is ready"));

    (void)state;
    assert_non_null(strstr(text, "**No agent attacked this** (no agent is ready)"));
    assert_non_null(strstr(text, "## Answer\n\n**None**: no agent is ready."));
    free(text);
}

static void title_band_and_angles_left_out_are_told(void **state)
{
    char *text = report_of(validation_of(json_array(), json_array()), "title",
                           json_string("Gap analysis"));

    (void)state;
    assert_int_equal(strncmp(text, "# Gap analysis\n", 15), 0);
    assert_non_null(strstr(text, "Angles that this band leaves out: `two`.\n"));
    assert_null(strstr(text, "### two"));
    free(text);
    text = report_of(validation_of(json_array(), json_array()), "band",
                     json_string("{\"band\": \"large\", \"reason\": \"asked for\"}"));
    assert_non_null(strstr(text, "**Band:** large, for: asked for"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attacks_and_objections_stand_above_the_answer_and_the_recommendation),
        cmocka_unit_test(that_nobody_attacked_is_said_with_the_reason),
        cmocka_unit_test(title_band_and_angles_left_out_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

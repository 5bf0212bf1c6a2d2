/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const struct terminal plain = {.columns = 80};

static void check(void (*print)(const struct terminal *terminal, const json_t *result,
                                int64_t now_ms, struct strbuf *target),
                  const char *json, const char *expected)
{
    json_t *result = json_loads(json, 0, NULL);
    struct strbuf text;

    assert_non_null(result);
    strbuf_init(&text, 10000);
    print(&plain, result, 0, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(result);
}

static void an_analysis_has_its_reasons(void **state)
{
    (void)state;
    check(print_analysis,
          "{\"task\":\"Fix \\u001b[1mit\",\"kind\":\"fix\",\"kind_why\":\"it says\","
          "\"phase_name\":\"Implementation\",\"complexity\":{\"score\":2,\"reasons\":["
          "{\"points\":3,\"why\":\"a fix\"},{\"points\":-1,\"why\":\"small\"}]},\"surfaces\":["
          "{\"surface\":\"api\",\"why\":\"w\",\"files\":1,\"example\":\"a.c\"},"
          "{\"surface\":\"tests\",\"why\":\"v\",\"files\":0}],\"risks\":[\"r1\",\"r2\"]}",
          "Fix it\n\nkind: fix (it says)\nphase: Implementation\ncomplexity: 2 of 10\n"
          "  +3 a fix\n  -1 small\ntouches:\n  api: w; 1 file such as a.c\n"
          "  tests: v; no file here says that it belongs to it\nrisks: r1, r2\n");
}

static void a_ranking_says_what_does_not_fit(void **state)
{
    (void)state;
    check(print_recommendations,
          "{\"kind\":\"fix\",\"workflows\":[{\"name\":\"w\",\"score\":20,\"fits\":false,"
          "\"description\":\"D.\",\"why\":[{\"points\":20,\"why\":\"k\"}]}],\"experts\":[]}",
          "A task of kind fix\n\nWorkflows\n  20 w (does not fit well enough)\n    D.\n"
          "      +20 k\n\nExperts\n  none knows of such a task\n\n"
          "plan it: fermata plan TASK; with one of these: fermata plan TASK -w NAME\n");
}

static void a_suggestion_ends_with_its_command(void **state)
{
    (void)state;
    check(print_suggestions,
          "{\"kind\":\"fix\",\"phase_name\":\"P\",\"workflow\":\"w\",\"suggestions\":["
          "{\"type\":\"workflow\",\"name\":\"w\",\"reason\":\"r\"}]}",
          "A task of kind fix (P)\n  workflow w: r\n\nrun it: fermata run TASK -w w\n");
    check(print_suggestions, "{\"kind\":\"fix\",\"phase_name\":\"P\",\"suggestions\":[]}",
          "A task of kind fix (P)\n\nno workflow fits; a plan of experts: fermata plan TASK\n"
          "run that plan: fermata run TASK\n");
}

#define PLAN                                                                                       \
    "\"workflow\":\"p\",\"why\":[\"w\"],\"yaml\":\"name: p\\n\",\"graph\":\"[p]\\n\",\"waves\":["  \
    "{\"phase\":\"a\",\"mode\":\"parallel\",\"steps\":["                                           \
    "{\"step\":\"s\",\"expert\":\"e\",\"what\":\"claude\",\"workspace\":\"clone\"},"               \
    "{\"step\":\"t\",\"missing\":\"no agent is ready\",\"read_only\":true}]},"                     \
    "{\"phase\":\"b\",\"mode\":\"adaptive\",\"gate\":\"tests\",\"repairs_max\":3,\"steps\":["      \
    "{\"step\":\"u\",\"using\":\"command\",\"what\":\"make\",\"routing\":{\"agent\":\"a\","        \
    "\"samples\":7,\"why\":\"w\"}}]}]"

static void a_plan_says_who_does_what_when(void **state)
{
    (void)state;
    check(print_planned, "{" PLAN ",\"notes\":[\"n\"],\"missing\":\"m\"}",
          "Plan: p\n  w\n\n1. a, at once\n   s  e, by claude, in a clone\n"
          "   t  MISSING: no agent is ready, reads only\n\n"
          "2. b, gate tests, repairs and tries again 3 times at most\n   u  command make\n   u "
          "goes to a: w\n"
          "\nnote: n\n\nm\n"
          "\nrun it: fermata run TASK; as a file: fermata plan TASK -o plan.yaml\n");
    check(print_planned,
          "{\"workflow\":\"p\",\"estimate\":{\"steps\":3,\"tokens\":1200.0,\"tokens_known\":3,"
          "\"cost_usd_known\":0,\"seconds\":7.5,\"seconds_known\":2}}",
          "Plan: p\n\nestimate: tokens 1200; cost unknown; time 7.5s for 2 of 3 steps, the "
          "others\nunknown\n"
          "\nrun it: fermata run TASK; as a file: fermata plan TASK -o plan.yaml\n");
    check(print_planned, "{\"workflow\":\"p\",\"file\":\"a.yaml\"}",
          "Plan: p\n\nwritten to a.yaml; run it: fermata run -w ./a.yaml\n");
    check(print_planned, "{\"workflow\":\"p\",\"file\":\"/tmp/a.yaml\"}",
          "Plan: p\n\nwritten to /tmp/a.yaml; run it: fermata run -w /tmp/a.yaml\n");
    check(print_planned, "{" PLAN ",\"form\":\"yaml\"}", "name: p\n");
    check(print_planned, "{" PLAN ",\"form\":\"graph\"}", "[p]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_analysis_has_its_reasons),
        cmocka_unit_test(a_ranking_says_what_does_not_fit),
        cmocka_unit_test(a_suggestion_ends_with_its_command),
        cmocka_unit_test(a_plan_says_who_does_what_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

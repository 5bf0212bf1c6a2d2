/* SPDX-License-Identifier: MIT */
#include "workflow/reader.h"

#include "../../support/workflow_text.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_known(enum outside_kind kind, const char *name, void *context)
{
    (void)kind;
    return strcmp(name, context) == 0;
}

static void list_names(enum outside_kind kind, struct name_list *names, void *context)
{
    static const char *const words[] = {[OUTSIDE_AGENT] = "some-agent",
                                        [OUTSIDE_EXPERT] = "some-expert",
                                        [OUTSIDE_FUNCTION] = "some-function",
                                        [OUTSIDE_WORKFLOW] = "some-workflow",
                                        [OUTSIDE_GATE] = "some-gate"};

    *VEC_PUSH(names) = mem_strdup(context);
    *VEC_PUSH(names) = mem_strdup(words[kind]);
}

static char *check_with_names(const char *text)
{
    struct workflow_names names = {.has = is_known, .list_names = list_names, .context = "known"};
    struct parsed parsed = parse_bytes(text, strlen(text), &names);
    char *messages = mem_strdup(parsed.messages);

    parsed_release(&parsed);
    return messages;
}

static void names_of_the_outside_must_exist(void **state)
{
    (void)state;
    char *messages = check_with_names(
        "name: w\n"
        "defaults: { agent: a1 }\n"
        "gates: { g: { commands: [{ use: f1 }, { use: known }] } }\n"
        "phases:\n"
        "- id: p\n"
        "  gate: g\n"
        "  steps:\n"
        "  - { id: a, agent: a2, expert: e1, fallback: [known, a3] }\n"
        "  - { id: b, agent: known, expert: known, fallback: a4, static: { use: f2 } }\n"
        "  - { id: c, use: f3 }\n"
        "  - { id: d, workflow: w1 }\n"
        "  - { id: e, workflow: known }\n");

    assert_string_equal(
        messages,
        "t.yaml:2:20: error: there is no agent \"a1\" (configure it under `agents:` in "
        "config.yaml)\n"
        "t.yaml:3:33: error: there is no function \"f1\"\n"
        "t.yaml:8:21: error: there is no agent \"a2\" (configure it under `agents:` in "
        "config.yaml)\n"
        "t.yaml:8:33: error: there is no expert \"e1\" (put it as NAME.md into .fermata/experts)\n"
        "t.yaml:8:55: error: there is no agent \"a3\" (configure it under `agents:` in "
        "config.yaml)\n"
        "t.yaml:9:53: error: there is no agent \"a4\" (configure it under `agents:` in "
        "config.yaml)\n"
        "t.yaml:9:72: error: there is no function \"f2\"\n"
        "t.yaml:10:19: error: there is no function \"f3\"\n"
        "t.yaml:11:24: error: there is no workflow \"w1\" (`fermata workflows` lists them)\n");
    free(messages);
}

static void the_nearest_name_of_its_kind_is_told(void **state)
{
    (void)state;
    char *messages = check_with_names(
        "name: w\n"
        "phases:\n"
        "- id: p\n"
        "  gate: sume-gate\n"
        "  steps:\n"
        "  - { id: a, agent: sume-agent, expert: sume-expert, fallback: [knwon] }\n"
        "  - { id: c, use: sume-function }\n"
        "  - { id: d, workflow: sume-workflow }\n");

    assert_string_equal(
        messages, "t.yaml:4:9: error: there is no gate \"sume-gate\" (did you mean "
                  "\"some-gate\"?)\n"
                  "t.yaml:6:21: error: there is no agent \"sume-agent\" (did you mean "
                  "\"some-agent\"?)\n"
                  "t.yaml:6:41: error: there is no expert \"sume-expert\" (did you mean "
                  "\"some-expert\"?)\n"
                  "t.yaml:6:65: error: there is no agent \"knwon\" (did you mean \"known\"?)\n"
                  "t.yaml:7:19: error: there is no function \"sume-function\" (did you mean "
                  "\"some-function\"?)\n"
                  "t.yaml:8:24: error: there is no workflow \"sume-workflow\" (did you mean "
                  "\"some-workflow\"?)\n");
    free(messages);
}

static void names_are_not_checked_where_nobody_knows_them(void **state)
{
    (void)state;
    struct workflow_names names = {.has = NULL};
    const char
        *text = "name: w\nphases: [{ id: p, steps: [{ id: a, agent: any, expert: any }] }]\n";
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    assert_string_equal(parsed.messages, "");
    parsed_release(&parsed);
}

static void the_report_is_a_step(void **state)
{
    (void)state;
    assert_message(
        "name: w\nreport: outlin\nphases: [{ id: p, steps: [{ id: outline, run: x }] }]\n",
        "t.yaml:2:9: error: there is no step \"outlin\" for the report (did you mean "
        "\"outline\"?)");
}

static void a_phase_must_do_something(void **state)
{
    (void)state;
    assert_message("name: w\nphases: [{ id: p }]\n", "the phase \"p\" does nothing");
    assert_message("name: w\nphases: [{ id: p, steps: [] }]\n", "the phase \"p\" does nothing");
}

static void a_phase_that_can_never_run_is_an_error(void **state)
{
    (void)state;
    assert_message(
        "name: w\nphases: [{ id: p, gate: pre-push, when: false }]\n",
        "t.yaml:2:41: error: the phase \"p\" can never run: its condition is always false");
    assert_message("name: w\nphases: [{ id: p, gate: pre-push, when: 1 > 2 }]\n", "can never run");
    assert_message("name: w\nphases: [{ id: p, gate: pre-push, trigger: one_success }]\n",
                   "it waits for one success of nothing");
}

static void conditions_that_never_change_are_suspicious(void **state)
{
    (void)state;
    assert_message("name: w\nphases: [{ id: p, gate: pre-push, when: true }]\n",
                   "warning: this condition is always true");
    assert_message("name: w\nphases: [{ id: p, steps: [{ id: s, run: x, when: 'false' }] }]\n",
                   "warning: this condition is always false");
    assert_message(
        "name: w\niterate: { max: 2, until: 'true' }\nphases: [{ id: p, gate: pre-push }]\n",
        "warning: this condition is always true, so there is only one round");
    assert_message(
        "name: w\nphases: [{ id: p, gate: pre-push, iterate: { max: 2, until: 'false' } }]\n",
        "warning: this condition is always false, so there are always `max` rounds");
    assert_messages("name: w\nphases: [{ id: p, gate: pre-push, when: run.iteration > 1 }]\n", "");
}

static void a_step_runs_for_each_of_a_list(void **state)
{
    (void)state;
    assert_message(
        "name: w\nphases: [{ id: p, steps: [{ id: s, run: x, foreach: '5' }] }]\n",
        "t.yaml:2:54: error: the step \"s\" is to run for each of what is no list (write a list");
    assert_message("name: w\nphases: [{ id: p, steps: [{ id: s, run: x, foreach: '\"a\"' }] }]\n",
                   "no list");
    assert_messages("name: w\nphases: [{ id: p, steps: [{ id: s, run: x, foreach: '[1, 2]' }] }]\n",
                    "");
    assert_messages("name: w\nphases: [{ id: p, steps: [{ id: s, run: x, foreach: [] }] }]\n", "");
}

static void keys_without_their_mode_are_told(void **state)
{
    (void)state;
    assert_message("name: w\nphases: [{ id: p, steps: [{ id: s, prompt: x, gate: pre-push }] }]\n",
                   "the step \"s\" has a gate, but no work that would be merged");
    assert_message("name: w\nphases: [{ id: p, steps: [{ id: s, prompt: x, read_only: true, "
                   "workspace: clone, gate: pre-push }] }]\n",
                   "the step \"s\" has a gate, but no work that would be merged");
    assert_messages("name: w\nphases: [{ id: p, steps: [{ id: s, prompt: x, workspace: clone, "
                    "gate: pre-push }] }]\n",
                    "");
    assert_message("name: w\nphases: [{ id: p, gate: pre-push, width: 2 }]\n",
                   "warning: the width has no effect");
    assert_message("name: w\nphases: [{ id: p, gate: pre-push, rounds: 2 }]\n",
                   "warning: the rounds have no effect");
    assert_message("name: w\nphases: [{ id: p, gate: pre-push, fix: [{ id: f, run: x }] }]\n",
                   "error: only adaptive phases have fix steps");
    assert_message("name: w\nphases: [{ id: p, gate: pre-push, mode: adaptive }]\n",
                   "warning: the adaptive phase \"p\" has no fix steps");
}

static void steps_that_hide_each_other_are_told(void **state)
{
    (void)state;
    assert_message(
        "name: w\nphases: [{ id: p, steps: [{ id: a, run: x, output: o }, { id: b, run: x, "
        "output: o }] }]\n",
        "warning: the output \"o\" is also that of the step \"a\"");
    assert_message("name: w\nphases: [{ id: p, steps: [{ id: a, agent: x, fallback: [x] }] }]\n",
                   "warning: the agent \"x\" is its own fallback");
    assert_message(
        "name: w\nphases: [{ id: p, steps: [{ id: a, run: x, trigger: one_success }] }]\n",
        "the step \"a\" can never run");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_the_outside_must_exist),
        cmocka_unit_test(the_nearest_name_of_its_kind_is_told),
        cmocka_unit_test(names_are_not_checked_where_nobody_knows_them),
        cmocka_unit_test(the_report_is_a_step),
        cmocka_unit_test(a_phase_must_do_something),
        cmocka_unit_test(a_phase_that_can_never_run_is_an_error),
        cmocka_unit_test(conditions_that_never_change_are_suspicious),
        cmocka_unit_test(a_step_runs_for_each_of_a_list),
        cmocka_unit_test(keys_without_their_mode_are_told),
        cmocka_unit_test(steps_that_hide_each_other_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "workflow/workflow.h"

#include "../../support/workflow_text.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *describe(const char *text)
{
    struct parsed parsed = parse_clean(text);
    json_t *result = json_object();

    workflow_describe_whole(parsed.workflow, result);
    parsed_release(&parsed);
    return result;
}

/* As JSON, with single quotes; keys in the order of the description. Digest and lines left out. */
static void expect(json_t *value, const char *wanted)
{
    char *text = json_dump_compact(value);

    for (char *c = text; *c; c++) {
        *c = *c == '"' ? '\'' : *c;
    }
    if (strcmp(text, wanted) != 0) {
        fail_msg("expected %s, got %s", wanted, text);
    }
    free(text);
}

static json_t *phase_of(json_t *whole, size_t index)
{
    return json_array_get(json_object_get(whole, "phases"), index);
}

static json_t *step_of(json_t *whole, size_t phase, size_t index)
{
    return json_array_get(json_object_get(phase_of(whole, phase), "steps"), index);
}

static void what_the_workflow_says_of_itself_is_there_in_its_words(void **state)
{
    json_t *whole = describe("name: w\n"
                             "title: The W\n"
                             "description: Does it\n"
                             "tier: pro\n"
                             "inputs: { a: { type: enum, choices: [x, y], default: x } }\n"
                             "on_failure: continue\n"
                             "iterate: { max: 2, until: inputs.a == 'x' }\n"
                             "checkpoint: { auto: false, retention: 5 }\n"
                             "concurrency: 8\n"
                             "timeout: 2h\n"
                             "strategy: static\n"
                             "report: s\n"
                             "phases: [{ id: p, steps: [{ id: s, use: noop }] }]\n");

    (void)state;
    assert_int_equal(strlen(json_get_text(whole, "digest", "")), 64);
    (void)json_object_del(whole, "digest");
    (void)json_object_del(whole, "phases");
    expect(whole, "{'title':'The W','description':'Does it','tier':'pro','phase_count':1,"
                  "'step_count':1,'inputs':[{'name':'a','type':'enum','required':false,"
                  "'default':'x','choices':['x','y']}],'strategy':'static','concurrency':8,"
                  "'timeout_ms':7200000,'on_failure':'continue','iterate':{'max':2,'until':"
                  "'inputs.a == 'x''},'checkpoint':{'auto':false,'retention':5},'report':'s'}");
    json_decref(whole);
}

static void a_phase_has_its_place_in_the_graph_its_gate_and_its_fixes(void **state)
{
    json_t *whole = describe(
        "name: w\n"
        "gates: { g: { allow_skip: false, commands: [{ run: make, tests_min: 2 "
        "}] } }\n"
        "phases:\n"
        "- { id: a, steps: [{ id: s, use: noop }] }\n"
        "- id: b\n"
        "  mode: adaptive\n"
        "  rounds: 4\n"
        "  trigger: all_done\n"
        "  gate: g\n"
        "  on_failure: { goto: a, max: 3 }\n"
        "  steps: [{ id: t, use: noop }]\n"
        "  fix: [{ id: f, use: noop }]\n"
        "- { id: c, needs: [], mode: parallel, width: 2, steps: [{ id: u, use: "
        "noop }] }\n");

    (void)state;
    (void)json_object_del(phase_of(whole, 1), "steps");
    (void)json_object_del(phase_of(whole, 2), "steps");
    expect(json_object_get(json_array_get(json_object_get(phase_of(whole, 1), "fix"), 0), "id"),
           "'f'");
    (void)json_object_del(phase_of(whole, 1), "fix");
    expect(phase_of(whole, 1),
           "{'id':'b','name':'b','mode':'adaptive','needs':['a'],'trigger':'all_done',"
           "'optional':false,'allow_skip':true,'on_failure':{'goto':'a','max':3},'rounds':4,"
           "'gate':{'name':'g','allow_skip':false,'commands':[{'name':'make','run':'make',"
           "'exit_status':0,'tests_min':2,'timeout_ms':600000}]},'line':5}");
    expect(phase_of(whole, 2),
           "{'id':'c','name':'c','mode':'parallel','width':2,'needs':[],'optional':false,"
           "'allow_skip':true,'line':13}");
    json_decref(whole);
}

static void a_step_says_what_it_does_and_when(void **state)
{
    json_t *whole = describe(
        "name: w\n"
        "defaults: { timeout: 1m, retry: { attempts: 1 } }\n"
        "phases:\n"
        "- id: p\n"
        "  steps:\n"
        "  - { id: a, prompt: 'Do ${{ run.task }}', agent: claude, expert: e, read_only: true, "
        "static: { run: ls } }\n"
        "  - { id: b, run: make, foreach: [1, 2], width: 2, retry: { attempts: 2, delay: 1s, on: "
        "[lost] }, artifacts: { log: a.log }, success: [0, 1], optional: true }\n"
        "  - { id: c, approve: 'Go on?', allow_skip: false }\n"
        "  - { id: d, workflow: other, inputs: { x: '${{ steps.a.output }}' }, when: "
        "steps.a.output == 'x' }\n");
    json_t *agent = step_of(whole, 0, 0);

    (void)state;
    expect(json_object_get(agent, "static"),
           "{'name':'a','kind':'command','run':'ls','success':[0],'timeout_ms':60000}");
    (void)json_object_del(agent, "static");
    expect(agent, "{'id':'a','name':'a','kind':'agent','agent':'claude','expert':'e','prompt':"
                  "'Do ${{ run.task }}','read_only':true,'workspace':'shared','questions':5,"
                  "'timeout_ms':60000,'needs':[],'optional':false,'allow_skip':true,'line':6}");
    expect(step_of(whole, 0, 1),
           "{'id':'b','name':'b','kind':'command','run':'make','artifacts':{'log':'a.log'},"
           "'success':[0,1],'retry':{'attempts':2,'backoff':'exponential','delay_ms':1000,"
           "'max_delay_ms':60000,'jitter':true,'on':['lost']},'timeout_ms':60000,'needs':[],"
           "'foreach':'[1, 2]','width':2,'optional':true,'allow_skip':true,'line':7}");
    expect(step_of(whole, 0, 2), "{'id':'c','name':'c','kind':'approval','approve':'Go on?',"
                                 "'needs':[],'optional':false,'allow_skip':false,'line':8}");
    expect(step_of(whole, 0, 3),
           "{'id':'d','name':'d','kind':'workflow','workflow':'other','inputs':{'x':"
           "'${{ steps.a.output }}'},'needs':[],'when':'steps.a.output == 'x'','optional':false,"
           "'allow_skip':true,'line':9}");
    json_decref(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_workflow_says_of_itself_is_there_in_its_words),
        cmocka_unit_test(a_phase_has_its_place_in_the_graph_its_gate_and_its_fixes),
        cmocka_unit_test(a_step_says_what_it_does_and_when),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

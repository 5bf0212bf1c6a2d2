/* SPDX-License-Identifier: MIT */
/* `test-agent`: one call of one agent, outside any workflow of the user's. It is a run like any
 * other, so that it is limited, recorded and shown like any other. */
#include "agents/event.h"
#include "base/alloc.h"
#include "ops/agent.h"

#include <stdlib.h>
#include <string.h>

#define WORKFLOW_NAME "agent-test"
#define STEP_ID "test"
#define TEXT_LENGTH_MAX 65536U

/* A JSON string is a double-quoted scalar of YAML as well. */
static void add_key(struct strbuf *text, const char *key, const char *value)
{
    json_t *string = json_text_lossy(value, strlen(value));
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);

    strbuf_addf(text, "        %s: %s\n", key, quoted);
    free(quoted);
    json_decref(string);
}

/* The working folder, relative to the project; NULL: the project itself, or elsewhere. */
static const char *find_folder(const struct ops *ops)
{
    size_t length = strlen(ops->project);
    const char *cwd = ops->settings->cwd;

    return strncmp(cwd, ops->project, length) == 0 && cwd[length] == '/' && cwd[length + 1]
               ? cwd + length + 1
               : NULL;
}

static void write_workflow(const struct ops *ops, const struct agent_config *agent,
                           const json_t *arguments, struct strbuf *text)
{
    const char *model = json_get_text(arguments, "model", NULL);
    int64_t timeout_ms = json_get_integer(arguments, "timeout", 0);
    const char *folder = find_folder(ops);

    strbuf_add(text, "name: " WORKFLOW_NAME "\n"
                     "title: Test of an agent\n"
                     "on_failure: fail\n"
                     "report: " STEP_ID "\n"
                     "phases:\n"
                     "  - id: " STEP_ID "\n"
                     "    steps:\n"
                     "      - id: " STEP_ID "\n"
                     "        prompt: \"${{ run.task }}\"\n"
                     "        strategy: ai\n"
                     "        reuse: never\n"
                     "        retry: { attempts: 1 }\n");
    add_key(text, "agent", agent->name);
    if (json_get_boolean(arguments, "read_only", false)) {
        strbuf_add(text, "        read_only: true\n");
    }
    if (model) {
        add_key(text, "model", model);
    }
    if (folder) {
        add_key(text, "cwd", folder);
    }
    if (timeout_ms > 0) {
        strbuf_addf(text, "        timeout: %lldms\n", (long long)timeout_ms);
    }
}

static int parse_workflow(struct ops *ops, const struct strbuf *text,
                          struct workflow **ret_workflow, struct error *err)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow_names names;
    int r;

    ops_workflow_names(ops, &names);
    r = workflow_parse(text->data, text->length, WORKFLOW_NAME, &names, ret_workflow, problems,
                       err);
    if (r == ERROR_VALIDATION && problems->count > 0) {
        r = error_set(err, ERROR_INVALID, "%s", problems->items[0].text);
        error_hint(err, "%s", problems->items[0].hint);
    }
    free(problems);
    return r;
}

/* Failed for good, and nobody seems to be signed in: that is then the likely reason. */
static bool lacks_account(const json_t *run, const struct agent_facts *facts)
{
    const json_t *problem = json_array_get(json_object_get(run, "problems"), 0);

    return strcmp(json_get_text(problem, "class", ""), "permanent") == 0 &&
           !agent_is_quota(json_get_text(problem, "error", "")) && facts->state == AGENT_UNSURE &&
           facts->adapter->sign_in != NULL && !facts->account;
}

static void describe(const struct agent_facts *facts, json_t *run)
{
    json_t *agent = json_object();
    bool lacks = lacks_account(run, facts);

    json_put_text(agent, "name", facts->config->name);
    json_put_text(agent, "type", facts->config->type);
    json_put_text(agent, "version", facts->version);
    json_put(agent, "signed_in", lacks ? json_false() : NULL);
    json_put_text(agent, "hint", lacks ? facts->adapter->sign_in : NULL);
    json_put(run, "agent", agent);
}

static int run_test(struct ops *ops, const struct agent_config *agent, const json_t *arguments,
                    const struct ops_view *view, json_t **ret_result, struct error *err)
{
    struct run_request request = {.task = json_get_text(arguments, "prompt", ""), .is_fresh = true};
    const struct drive drive = {.request = &request};
    struct workflow *workflow = NULL;
    struct strbuf text;
    int r;

    strbuf_init(&text, TEXT_LENGTH_MAX);
    write_workflow(ops, agent, arguments, &text);
    r = parse_workflow(ops, &text, &workflow, err);
    strbuf_release(&text);
    if (r < 0) {
        return r;
    }
    r = agent_check_step(ops, agent, &workflow->phases[0].steps[0], err);
    if (r < 0) {
        error_hint(err, "leave that option out, or ask another agent");
    } else {
        request.workflow = workflow;
        request.inputs = json_object();
        r = ops_drive(ops, &drive, view, ret_result, err);
        json_decref((json_t *)(uintptr_t)request.inputs);
    }
    workflow_free(workflow);
    return r;
}

int op_test_agent(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                  json_t **ret_result, struct error *err)
{
    const struct agent_config *agent = NULL;
    struct agent_facts facts;
    int r = ops_find_agent(ops, json_get_text(arguments, "name", ""), &agent, err);

    if (r == 0) {
        r = ops_need_trust(ops, view, err);
    }
    if (r == 0) {
        r = ops_need_library(ops, err);
    }
    if (r < 0) {
        return r;
    }
    agent_facts_init(ops, agent, &facts);
    if (facts.state == AGENT_LACKING || facts.state == AGENT_DISABLED) {
        r = error_set(err, ERROR_UNAVAILABLE, "agent %s cannot be used: %s", agent->name,
                      facts.detail);
        error_hint(err, "%s", facts.hint ? facts.hint : "`fermata agents` lists all");
    }
    if (r == 0) {
        agent_facts_ask(ops, &facts, 1, (struct agent_questions){.versions = true});
        r = ops_make_project(ops, view, err);
    }
    if (r == 0) {
        r = run_test(ops, agent, arguments, view, ret_result, err);
    }
    if (r == 0) {
        describe(&facts, *ret_result);
    }
    agent_facts_release(&facts);
    return r;
}

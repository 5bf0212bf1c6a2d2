/* SPDX-License-Identifier: MIT */
#include "drive/acp.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define METHOD_NOT_FOUND (-32601)
#define AUTH_REQUIRED (-32000)
#define ERROR_MARK "Error: "

/*   INITIALIZE -> LOAD -> NEW -> MODE -> MODEL -> PROMPT -> OVER     (each but the first may be
 * left out; a session that cannot be loaded is made anew; any may go to OVER) */
enum stage { INITIALIZE, LOAD, NEW, MODE, MODEL, PROMPT, OVER };

struct acp {
    struct acp_call call;
    struct acp_output output;
    struct acp_output kept; /* the same, by way of keep_event() */
    struct acp_tools *tools;
    enum stage stage;
    bool is_cancelled, is_fine;
    bool was_denied;    /* something that it asked for */
    json_int_t request; /* the id of our request that is open */
    char *session;
    char *mode; /* to be set; NULL: none */
    bool has_models;
    char *model_option; /* the id of the option that is its model; NULL: none */
    char *fault; /* what the agent said went wrong with its model, though it goes on; NULL: none */
    int fault_status;
    bool is_fault_final;
    bool has_text;    /* since its last tool */
    char *said_error; /* the last piece of its text, when it looks like one; NULL: none */
    enum acp_agent agent;
    int garbage;
};

/* Codex may tell a failure without its reason, which is then its answer. */
static void note_reason(struct acp *acp, const char *text)
{
    size_t length = strlen(text);

    while (length > 0 && text[length - 1] == '\n') {
        length--;
    }
    if (acp->is_fault_final && !acp->fault && length > 0) {
        acp->fault = mem_strndup(text, length);
    }
}

/* As who reads them takes them: a tool begins a new message. */
static void keep_event(void *context, const struct agent_event *event)
{
    struct acp *acp = context;
    bool is_tool = event->kind == AGENT_TOOL_CALL || event->kind == AGENT_TOOL_RESULT;

    if (is_tool || event->kind == AGENT_TEXT) {
        acp->has_text = event->kind == AGENT_TEXT && event->is_partial;
        free(acp->said_error);
        acp->said_error = acp->has_text && strncmp(event->text, ERROR_MARK, strlen(ERROR_MARK)) == 0
                              ? mem_strdup(event->text)
                              : NULL;
    }
    if (event->kind == AGENT_TEXT) {
        note_reason(acp, event->text);
    }
    acp->output.on_event(acp->output.context, event);
}

struct acp *acp_new(const struct acp_call *call, const struct acp_output *output)
{
    struct acp *acp = mem_zero(1, sizeof(*acp));

    acp->call = *call;
    acp->output = *output;
    acp->kept = (struct acp_output){output->send, keep_event, acp};
    acp->tools = acp_tools_new();
    return acp;
}

void acp_free(struct acp *acp)
{
    if (acp) {
        acp_tools_free(acp->tools);
        free(acp->said_error);
        free(acp->session);
        free(acp->mode);
        free(acp->model_option);
        free(acp->fault);
        free(acp);
    }
}

bool acp_is_over(const struct acp *acp)
{
    return acp->stage == OVER;
}

bool acp_is_fine(const struct acp *acp)
{
    return acp->stage == OVER && acp->is_fine;
}

/* ---- what we say ---- */

/* Takes the message over. */
static void send_message(struct acp *acp, json_t *message)
{
    assert(message);
    json_put_text(message, "jsonrpc", "2.0");
    acp->output.send(acp->output.context, message);
    json_decref(message);
}

static void request(struct acp *acp, enum stage stage, const char *method, json_t *params)
{
    acp->stage = stage;
    send_message(acp, json_pack("{s:I, s:s, s:o}", "id", ++acp->request, "method", method, "params",
                                params));
}

static void emit_error(struct acp *acp, enum agent_failure failure, int status, const char *text)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_ERROR);
    event.failure = failure; /* AGENT_FINE: who reads it finds the class */
    event.status = status;
    event.text = text;
    acp->output.on_event(acp->output.context, &event);
}

void acp_fail(struct acp *acp, enum agent_failure failure, const char *text)
{
    if (acp->stage != OVER) {
        acp->stage = OVER;
        emit_error(acp, failure, 0, text);
    }
}

void acp_start(struct acp *acp)
{
    /* No file or terminal of ours: agents then use their own, under the policy of permissions. */
    request(acp, INITIALIZE, "initialize",
            json_pack("{s:i, s:{s:{s:b, s:b}, s:b}, s:{s:s, s:s, s:s}}", "protocolVersion", 1,
                      "clientCapabilities", "fs", "readTextFile", 0, "writeTextFile", 0, "terminal",
                      0, "clientInfo", "name", "fermata", "title", "Fermata", "version",
                      FERMATA_VERSION));
}

static void send_session(struct acp *acp, enum stage stage)
{
    json_t *params = json_pack("{s:s, s:[]}", "cwd", acp->call.cwd, "mcpServers");

    if (stage == LOAD) {
        json_put_text(params, "sessionId", acp->call.session);
    }
    request(acp, stage, stage == LOAD ? "session/load" : "session/new", params);
}

static void send_prompt(struct acp *acp)
{
    request(acp, PROMPT, "session/prompt",
            json_pack("{s:s, s:[{s:s, s:s}]}", "sessionId", acp->session, "prompt", "type", "text",
                      "text", acp->call.prompt));
}

static void send_model(struct acp *acp)
{
    if (!acp->call.model) {
        send_prompt(acp);
    } else if (acp->has_models) {
        request(acp, MODEL, "session/set_model",
                json_pack("{s:s, s:s}", "sessionId", acp->session, "modelId", acp->call.model));
    } else if (acp->model_option) {
        request(acp, MODEL, "session/set_config_option",
                json_pack("{s:s, s:s, s:s}", "sessionId", acp->session, "configId",
                          acp->model_option, "value", acp->call.model));
    } else {
        acp_fail(acp, AGENT_PERMANENT, "the agent lets nobody choose its model");
    }
}

static void send_mode(struct acp *acp)
{
    if (!acp->mode) {
        send_model(acp);
        return;
    }
    request(acp, MODE, "session/set_mode",
            json_pack("{s:s, s:s}", "sessionId", acp->session, "modeId", acp->mode));
}

void acp_cancel(struct acp *acp)
{
    if (acp->stage != PROMPT || acp->agent == ACP_GEMINI) {
        acp_fail(acp, AGENT_CANCELLED, "stopped");
    } else if (!acp->is_cancelled) {
        send_message(acp, json_pack("{s:s, s:{s:s}}", "method", "session/cancel", "params",
                                    "sessionId", acp->session));
    }
    acp->is_cancelled = true;
}

/* ---- what the agent answers ---- */

/* The caller frees it. */
static char *describe_error(const char *what, const json_t *error)
{
    const json_t *data = json_object_get(error, "data");
    const char *message = json_get_text(error, "message", "");
    const char *details = json_get_text(
        data, "details", json_get_text(data, "message", json_get_text(data, "errorName", NULL)));

    return mem_printf("%s: %s%s%s", what, message, details ? ": " : "", details ? details : "");
}

static void fail_by(struct acp *acp, const json_t *error)
{
    json_int_t code = json_get_integer(error, "code", 0);
    /* Some give the HTTP status of their model as the code. */
    int status = code >= 400 && code < 600 ? (int)code : 0;
    char *text = describe_error("the agent answered with an error", error);

    if (acp->stage != OVER) {
        acp->stage = OVER;
        emit_error(acp,
                   acp->is_cancelled       ? AGENT_CANCELLED
                   : code == AUTH_REQUIRED ? AGENT_PERMANENT
                                           : AGENT_FINE,
                   status, text);
    }
    free(text);
}

static enum acp_agent agent_of(const json_t *info)
{
    const char *name = json_get_text(info, "name", "");

    return strcmp(name, "Copilot") == 0      ? ACP_COPILOT
           : strcmp(name, "OpenCode") == 0   ? ACP_OPENCODE
           : strcmp(name, "gemini-cli") == 0 ? ACP_GEMINI
                                             : ACP_OTHER;
}

static void take_initialized(struct acp *acp, const json_t *result)
{
    const json_t *abilities = json_object_get(result, "agentCapabilities");

    acp->agent = agent_of(json_object_get(result, "agentInfo"));
    acp_tools_set_agent(acp->tools, acp->agent);

    if (json_get_integer(result, "protocolVersion", 0) != 1) {
        acp_fail(acp, AGENT_PERMANENT, "the agent does not speak version 1 of the protocol");
        return;
    }
    send_session(acp, acp->call.session && json_get_boolean(abilities, "loadSession", false) ? LOAD
                                                                                             : NEW);
}

static void tell_session(struct acp *acp, const json_t *result)
{
    const json_t *option = acp_find_option(result, "model");
    struct agent_event event;

    agent_event_init(&event, AGENT_SESSION);
    event.id = acp->session;
    event.name = acp->call.model
                     ? acp->call.model
                     : json_get_text(json_object_get(result, "models"), "currentModelId",
                                     json_get_text(option, "currentValue", NULL));
    acp->output.on_event(acp->output.context, &event);
}

/* A loaded session names no id: it is the one that was asked for. */
static void take_session(struct acp *acp, const json_t *result)
{
    const char *id = json_get_text(result, "sessionId",
                                   acp->stage == LOAD ? acp->call.session : NULL);
    bool is_missing = false;

    if (!id) {
        acp_fail(acp, AGENT_PERMANENT, "the agent made a session without an id");
        return;
    }
    acp->session = mem_strdup(id);
    acp_tools_set_earlier(acp->tools, acp->stage == LOAD ? acp->call.earlier_usd : 0);
    acp->has_models = json_object_get(result, "models") != NULL;
    acp->model_option = mem_strdup(json_get_text(acp_find_option(result, "model"), "id", NULL));
    acp->mode = acp_choose_mode(&acp->call, result, &is_missing);
    tell_session(acp, result);
    if (is_missing) {
        acp_fail(acp, AGENT_PERMANENT,
                 "the step is read-only, and the agent offers no mode that changes nothing");
        return;
    }
    send_mode(acp);
}

static void finish(struct acp *acp)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_DONE);
    event.text = "end_turn";
    acp->stage = OVER;
    acp->is_fine = true;
    acp->output.on_event(acp->output.context, &event);
}

/* Some end their turn without another word, or as if we had cancelled it; another try would too. */
static void give_up(struct acp *acp)
{
    acp_fail(acp, AGENT_PERMANENT,
             "the agent gave up when it was denied what the step does not allow");
}

/* Failures of the model that an agent tells as if they were its answer. */
static void end_turn(struct acp *acp, const struct agent_usage *usage)
{
    if (acp->is_fault_final) {
        acp->stage = OVER;
        emit_error(acp, AGENT_FINE, acp->fault_status,
                   acp->fault ? acp->fault : "the agent's model failed");
    } else if (acp->said_error && (usage->output_tokens < 0 || acp->agent == ACP_COPILOT)) {
        acp->stage = OVER;
        emit_error(acp, AGENT_FINE, 0, acp->said_error);
    } else if (acp->was_denied && !acp->has_text) {
        give_up(acp);
    } else {
        finish(acp);
    }
}

static void take_answer(struct acp *acp, const json_t *result)
{
    static const struct {
        const char *reason;
        enum agent_failure failure;
        const char *text;
    } reasons[] = {
        {"max_tokens", AGENT_PERMANENT, "the answer was cut: the model's limit of tokens"},
        {"max_turn_requests", AGENT_PERMANENT, "the agent reached its limit of turns"},
        {"refusal", AGENT_REFUSED, "the model refused"},
        {"cancelled", AGENT_CANCELLED, "the agent was cancelled"},
    };
    const char *reason = json_get_text(result, "stopReason", "");
    struct agent_event event;

    agent_event_init(&event, AGENT_USAGE);
    acp_read_usage(acp->tools, result, &event.usage);
    if (event.usage.input_tokens >= 0 || event.usage.output_tokens >= 0) {
        acp->output.on_event(acp->output.context, &event);
    }
    if (acp->is_cancelled) {
        acp_fail(acp, AGENT_CANCELLED, "stopped");
        return;
    }
    if (acp->was_denied && strcmp(reason, "cancelled") == 0) {
        give_up(acp);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (strcmp(reason, reasons[i].reason) == 0) {
            acp_fail(acp, reasons[i].failure, reasons[i].text);
            return;
        }
    }
    if (strcmp(reason, "end_turn") == 0) {
        end_turn(acp, &event.usage);
    } else {
        acp_fail(acp, AGENT_PERMANENT, "the agent ended for a reason that is not known");
    }
}

static void take_result(struct acp *acp, const json_t *result)
{
    switch (acp->stage) {
    case INITIALIZE:
        take_initialized(acp, result);
        break;
    case LOAD:
    case NEW:
        take_session(acp, result);
        break;
    case MODE:
        send_model(acp);
        break;
    case MODEL:
        send_prompt(acp);
        break;
    case PROMPT:
        take_answer(acp, result);
        break;
    case OVER:
        break;
    }
}

/* It is gone; the prompt is whole without it. */
static void lose_session(struct acp *acp, const json_t *error)
{
    char *text = describe_error("its session is lost, a new one begins", error);

    emit_error(acp, AGENT_TRANSIENT, 0, text);
    free(text);
    send_session(acp, NEW);
}

static void take_error(struct acp *acp, const json_t *error)
{
    if (acp->stage == LOAD) {
        lose_session(acp, error);
    } else if (acp->stage == MODE && !acp->call.is_read_only) {
        send_model(acp);
    } else {
        fail_by(acp, error);
    }
}

/* ---- what the agent asks and tells ---- */

static void answer(struct acp *acp, const json_t *id, const char *key, json_t *value)
{
    json_t *message = json_object();

    json_put(message, "id", json_incref((json_t *)id));
    json_put(message, key, value);
    send_message(acp, message);
}

static void answer_permission(struct acp *acp, const json_t *id, const json_t *params)
{
    const json_t *tool = json_object_get(params, "toolCall");
    const char *tool_id = json_get_text(tool, "toolCallId", NULL);
    bool is_allowed = false;
    const char *option = NULL;

    acp_tools_note(acp->tools, tool, &acp->kept);
    if (!acp->is_cancelled && acp->stage == PROMPT) {
        option = acp_choose_option(&acp->call, params, acp_tools_kind(acp->tools, tool_id),
                                   &is_allowed);
        if (!is_allowed) {
            acp->was_denied = true;
            acp_tools_deny(acp->tools, tool, &acp->kept);
        }
    }
    answer(acp, id, "result",
           option
               ? json_pack("{s:{s:s, s:s}}", "outcome", "outcome", "selected", "optionId", option)
               : json_pack("{s:{s:s}}", "outcome", "outcome", "cancelled"));
}

static int find_status(const json_t *info)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)info, key, value)
    {
        json_int_t status = json_get_integer(value, "httpStatusCode", 0);

        if (status >= 400 && status < 600) {
            return (int)status;
        }
    }
    return 0;
}

/* Codex tells errors of its model beside the protocol, and ends its turn well after them. */
static void read_fault(struct acp *acp, const json_t *update)
{
    const json_t *codex = json_object_get(json_object_get(update, "_meta"), "codex");
    const json_t *error = json_object_get(codex, "error");
    const json_t *status = json_object_get(codex, "threadStatus");

    if (error) {
        free(acp->fault);
        acp->fault = mem_strdup(json_get_text(error, "additionalDetails",
                                              json_get_text(error, "message", "it failed")));
        acp->fault_status = find_status(json_object_get(error, "codexErrorInfo"));
        acp->is_fault_final = !json_get_boolean(error, "willRetry", false);
    }
    if (strcmp(json_get_text(status, "type", ""), "systemError") == 0) {
        acp->is_fault_final = true;
    }
}

static void take_update(struct acp *acp, const json_t *params)
{
    const json_t *update = json_object_get(params, "update");

    /* Before the prompt it is history that a loaded session replays. */
    if (acp->stage != PROMPT) {
        return;
    }
    read_fault(acp, update);
    acp_read_update(acp->tools, update, &acp->kept);
}

static void take_call(struct acp *acp, const char *method, const json_t *message)
{
    const json_t *id = json_object_get(message, "id");
    const json_t *params = json_object_get(message, "params");

    if (strcmp(method, "session/update") == 0) {
        take_update(acp, params);
    } else if (id && strcmp(method, "session/request_permission") == 0) {
        answer_permission(acp, id, params);
    } else if (id) {
        answer(acp, id, "error",
               json_pack("{s:i, s:s}", "code", METHOD_NOT_FOUND, "message", "Method not found"));
    }
}

static void take_message(struct acp *acp, const json_t *message)
{
    const char *method = json_get_text(message, "method", NULL);
    const json_t *id = json_object_get(message, "id");
    const json_t *error = json_object_get(message, "error");

    if (method) {
        take_call(acp, method, message);
    } else if (json_is_integer(id) && json_integer_value(id) == acp->request &&
               acp->stage != OVER) {
        if (error) {
            take_error(acp, error);
        } else {
            take_result(acp, json_object_get(message, "result"));
        }
    }
}

static bool is_blank(const char *line, size_t length)
{
    size_t i = 0;

    while (i < length && strchr(" \t\r", line[i])) {
        i++;
    }
    return i == length;
}

void acp_handle(struct acp *acp, const char *line, size_t length)
{
    json_error_t where;
    json_t *message = json_loadb(line, length, 0, &where);

    if (json_is_object(message)) {
        take_message(acp, message);
    } else if (!is_blank(line, length) && ++acp->garbage > ACP_GARBAGE_MAX) {
        acp_fail(acp, AGENT_PERMANENT, "the agent prints what is no message of the protocol");
    }
    json_decref(message);
}

/* SPDX-License-Identifier: MIT */
#include "drive/acp.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct talk {
    struct strbuf sent;   /* methods and outcomes */
    struct strbuf events; /* names and texts */
    struct acp *acp;
    char error[64]; /* the text of the last one */
};

static void note_sent(void *context, const json_t *message)
{
    struct talk *talk = context;
    const json_t *outcome = json_object_get(json_object_get(message, "result"), "outcome");
    const json_t *error = json_object_get(message, "error");
    const char *option = json_get_text(json_object_get(message, "params"), "configId", NULL);

    if (error) {
        strbuf_addf(&talk->sent, "%d ", (int)json_get_integer(error, "code", 0));
    } else {
        strbuf_addf(&talk->sent, "%s%s%s ",
                    json_get_text(message, "method", json_get_text(outcome, "outcome", "?")),
                    option ? ":" : "", option ? option : "");
    }
}

static void note_event(void *context, const struct agent_event *event)
{
    struct talk *talk = context;

    if (event->kind == AGENT_USAGE) {
        strbuf_addf(&talk->events, "usage(%.2f) ", event->usage.cost_usd);
        return;
    }
    if (event->kind == AGENT_ERROR) {
        (void)snprintf(talk->error, sizeof(talk->error), "%s", event->text);
    }
    strbuf_addf(&talk->events, "%s(%s) ", agent_event_name(event->kind),
                event->kind == AGENT_ERROR ? agent_failure_name(event->failure) : event->text);
}

static void begin(struct talk *talk, const struct acp_call *call)
{
    struct acp_output output = {note_sent, note_event, talk};

    strbuf_init(&talk->sent, 1 << 16);
    strbuf_init(&talk->events, 1 << 16);
    talk->acp = acp_new(call, &output);
    acp_start(talk->acp);
}

static void hear(struct talk *talk, const char *line)
{
    acp_handle(talk->acp, line, strlen(line));
}

static void assert_end(struct talk *talk, const char *sent, const char *events, bool is_fine)
{
    assert_string_equal(talk->sent.data, sent);
    assert_string_equal(talk->events.data, events);
    assert_true(acp_is_over(talk->acp));
    assert_int_equal(acp_is_fine(talk->acp), is_fine);
    acp_free(talk->acp);
    strbuf_release(&talk->sent);
    strbuf_release(&talk->events);
}

static const struct acp_call plain = {.prompt = "Go", .cwd = "/"};

#define INITIALIZED                                                                                \
    "{\"id\":1,\"result\":{\"protocolVersion\":1,\"agentCapabilities\":{\"loadSession\":true}}}"
#define MADE "{\"id\":2,\"result\":{\"sessionId\":\"s\"}}"
#define CHUNK(text)                                                                                \
    "{\"method\":\"session/update\",\"params\":{\"update\":{\"sessionUpdate\":"                    \
    "\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"" text "\"}}}}"
#define END(id) "{\"id\":" #id ",\"result\":{\"stopReason\":\"end_turn\"}}"
#define OPENING "initialize session/new session/prompt "

static void a_prompt_is_answered_in_pieces(void **state)
{
    struct talk talk;

    (void)state;
    begin(&talk, &plain);
    hear(&talk, INITIALIZED);
    hear(&talk, MADE);
    hear(&talk, CHUNK("Do"));
    hear(&talk, CHUNK("ne"));
    hear(&talk, END(3));
    assert_end(&talk, OPENING, "session() text(Do) text(ne) done(end_turn) ", true);
}

static bool is_fine_after(const char *bytes, size_t length)
{
    struct talk talk;
    bool is_fine;

    begin(&talk, &plain);
    for (size_t at = 0; at < length;) {
        const char *end = memchr(bytes + at, '\n', length - at);
        size_t part = end ? (size_t)(end - bytes) - at : length - at;

        acp_handle(talk.acp, bytes + at, part);
        at += part + 1;
    }
    acp_fail(talk.acp, AGENT_TRANSIENT, "the agent ended");
    is_fine = acp_is_fine(talk.acp);
    acp_free(talk.acp);
    strbuf_release(&talk.sent);
    strbuf_release(&talk.events);
    return is_fine;
}

static void a_conversation_cut_at_any_byte_is_no_success(void **state)
{
    static const char bytes[] = INITIALIZED "\n" MADE "\n" CHUNK("Do") "\n" CHUNK(
        "ne") "\n"
              "{\"id\":3,\"result\":{\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":3,"
              "\"outputTokens\":4}}}";

    (void)state;
    for (size_t cut = 0; cut < sizeof(bytes) - 1; cut++) {
        assert_false(is_fine_after(bytes, cut));
    }
    assert_true(is_fine_after(bytes, sizeof(bytes) - 1));
}

static void what_a_loaded_session_replays_is_no_answer(void **state)
{
    struct acp_call call = plain;
    struct talk talk;

    (void)state;
    call.session = "old";
    begin(&talk, &call);
    hear(&talk, INITIALIZED);
    hear(&talk, CHUNK("history"));
    hear(&talk, "{\"id\":2,\"result\":{}}");
    hear(&talk, CHUNK("new"));
    hear(&talk, END(3));
    assert_end(&talk, "initialize session/load session/prompt ",
               "session() text(new) done(end_turn) ", true);
}

static void a_session_that_is_lost_is_told_and_made_anew(void **state)
{
    struct acp_call call = plain;
    struct talk talk;

    (void)state;
    call.session = "old";
    begin(&talk, &call);
    hear(&talk, INITIALIZED);
    hear(&talk, "{\"id\":2,\"error\":{\"code\":-32603,\"message\":\"no session\"}}");
    hear(&talk, "{\"id\":3,\"result\":{\"sessionId\":\"s\"}}");
    hear(&talk, CHUNK("new"));
    hear(&talk, END(4));
    assert_end(&talk, "initialize session/load session/new session/prompt ",
               "error(transient) session() text(new) done(end_turn) ", true);
}

#define COST(usd)                                                                                  \
    "{\"method\":\"session/update\",\"params\":{\"update\":{\"sessionUpdate\":"                    \
    "\"usage_update\",\"cost\":{\"amount\":" #usd ",\"currency\":\"USD\"}}}}"

static void what_a_session_cost_before_is_counted_once(void **state)
{
    struct acp_call call = plain;
    struct talk talk;

    (void)state;
    call.session = "old";
    call.earlier_usd = 0.1 + 0.2; /* a little more than 0.3 */
    begin(&talk, &call);
    hear(&talk, INITIALIZED);
    hear(&talk, COST(0.3));
    hear(&talk, "{\"id\":2,\"result\":{}}");
    hear(&talk, COST(0.3));
    hear(&talk, COST(0.8));
    hear(&talk, COST(0.2)); /* it began to count anew */
    hear(&talk, END(3));
    assert_end(&talk, "initialize session/load session/prompt ",
               "session() usage(0.00) usage(0.50) usage(0.20) done(end_turn) ", true);
    begin(&talk, &call);
    hear(&talk, INITIALIZED);
    hear(&talk, "{\"id\":2,\"error\":{\"code\":-32603,\"message\":\"no session\"}}");
    hear(&talk, "{\"id\":3,\"result\":{\"sessionId\":\"s\"}}");
    hear(&talk, COST(0.8));
    hear(&talk, END(4));
    assert_end(&talk, "initialize session/load session/new session/prompt ",
               "error(transient) session() usage(0.80) done(end_turn) ", true);
}

static void a_failure_of_the_model_is_no_answer(void **state)
{
    static const char *const lines[] = {
        "{\"method\":\"session/update\",\"params\":{\"update\":{\"sessionUpdate\":"
        "\"session_info_update\",\"_meta\":{\"codex\":{\"error\":{\"message\":\"x\",\"willRetry\":"
        "false,\"codexErrorInfo\":{\"a\":{\"httpStatusCode\":403}}}}}}}}",
        CHUNK("Error: no key (HTTP 403)")};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct talk talk;

        begin(&talk, &plain);
        hear(&talk, INITIALIZED);
        hear(&talk, MADE);
        hear(&talk, lines[i]);
        hear(&talk, END(3));
        assert_end(&talk, OPENING,
                   i == 0 ? "session() error(none) "
                          : "session() text(Error: no key (HTTP 403)) error(none) ",
                   false);
    }
}

/* Where Codex says why beside the protocol, that is it; else its answer is. */
static void the_answer_of_codex_may_be_the_reason_of_its_failure(void **state)
{
    static const char failed[] =
        "{\"method\":\"session/update\",\"params\":{\"update\":{\"sessionUpdate\":"
        "\"session_info_update\",\"_meta\":{\"codex\":{\"threadStatus\":{\"type\":"
        "\"systemError\"}}}}}}";
    static const char told[] =
        "{\"method\":\"session/update\",\"params\":{\"update\":{\"sessionUpdate\":"
        "\"session_info_update\",\"_meta\":{\"codex\":{\"error\":{\"message\":\"it is why\"}}}}}}";

    (void)state;
    for (int is_told = 0; is_told < 2; is_told++) {
        struct talk talk;

        begin(&talk, &plain);
        hear(&talk, INITIALIZED);
        hear(&talk, MADE);
        if (is_told) {
            hear(&talk, told);
        }
        hear(&talk, failed);
        hear(&talk, CHUNK("last status: 429\\n\\n"));
        hear(&talk, END(3));
        assert_string_equal(talk.error, is_told ? "it is why" : "last status: 429");
        assert_end(&talk, OPENING, "session() text(last status: 429\n\n) error(none) ", false);
    }
}

static void the_last_word_of_copilot_may_be_a_failure(void **state)
{
    static const char initialized[] =
        "{\"id\":1,\"result\":{\"protocolVersion\":1,\"agentInfo\":{\"name\":\"Copilot\"}}}";
    static const char end[] = "{\"id\":3,\"result\":{\"stopReason\":\"end_turn\",\"usage\":"
                              "{\"inputTokens\":3,\"outputTokens\":4}}}";

    (void)state;
    for (int is_last = 0; is_last < 2; is_last++) {
        struct talk talk;

        begin(&talk, &plain);
        hear(&talk, initialized);
        hear(&talk, MADE);
        hear(&talk, CHUNK("half"));
        hear(&talk, CHUNK("Error: 401"));
        if (!is_last) {
            hear(&talk, CHUNK(" is met"));
        }
        hear(&talk, end);
        assert_end(&talk, OPENING,
                   is_last ? "session() text(half) text(Error: 401) usage(-1.00) error(none) "
                           : "session() text(half) text(Error: 401) text( is met) usage(-1.00) "
                             "done(end_turn) ",
                   !is_last);
    }
}

static void copilot_gives_up_over_a_denial(void **state)
{
    struct talk talk;

    (void)state;
    begin(&talk, &plain);
    hear(&talk,
         "{\"id\":1,\"result\":{\"protocolVersion\":1,\"agentInfo\":{\"name\":\"Copilot\"}}}");
    hear(&talk, MADE);
    hear(&talk, "{\"id\":7,\"method\":\"session/request_permission\",\"params\":{\"toolCall\":"
                "{\"toolCallId\":\"t\",\"kind\":\"execute\"},\"options\":[{\"optionId\":\"n\","
                "\"kind\":\"reject_once\"}]}}");
    hear(&talk, CHUNK("Info: Operation cancelled by user"));
    hear(&talk, END(3));
    assert_end(&talk, OPENING "selected ",
               "session() tool_call() tool_result(denied: the step does not allow it) text() "
               "error(transient) error(permanent) ",
               false);
}

/* It would take the turn out of its session, which could then not be gone on with. */
static void gemini_is_ended_instead_of_cancelled(void **state)
{
    struct talk talk;

    (void)state;
    begin(&talk, &plain);
    hear(&talk,
         "{\"id\":1,\"result\":{\"protocolVersion\":1,\"agentInfo\":{\"name\":\"gemini-cli\"}}}");
    hear(&talk, MADE);
    hear(&talk, CHUNK("Do"));
    acp_cancel(talk.acp);
    assert_end(&talk, OPENING, "session() text(Do) error(cancelled) ", false);
}

static void permissions_after_a_cancel_are_cancelled(void **state)
{
    struct talk talk;

    (void)state;
    begin(&talk, &plain);
    hear(&talk, INITIALIZED);
    hear(&talk, MADE);
    acp_cancel(talk.acp);
    acp_cancel(talk.acp);
    hear(&talk, "{\"id\":7,\"method\":\"session/request_permission\",\"params\":{\"toolCall\":"
                "{\"kind\":\"read\"},\"options\":[{\"optionId\":\"y\",\"kind\":\"allow_once\"}]}}");
    hear(&talk, "{\"id\":3,\"result\":{\"stopReason\":\"cancelled\"}}");
    assert_end(&talk, OPENING "session/cancel cancelled ", "session() error(cancelled) ", false);
}

static void who_is_stopped_early_says_so(void **state)
{
    struct talk talk;

    (void)state;
    begin(&talk, &plain);
    acp_cancel(talk.acp);
    acp_fail(talk.acp, AGENT_TIMEOUT, "late");
    hear(&talk, INITIALIZED);
    assert_end(&talk, "initialize ", "error(cancelled) ", false);
}

static void unknown_requests_get_an_error_and_unknown_notes_nothing(void **state)
{
    struct talk talk;

    (void)state;
    begin(&talk, &plain);
    hear(&talk, "{\"id\":\"x\",\"method\":\"fs/read_text_file\",\"params\":{}}");
    hear(&talk, "{\"method\":\"_auth/status\",\"params\":{}}");
    hear(&talk, "");
    hear(&talk, "no JSON");
    hear(&talk, "[]");
    hear(&talk, "{\"id\":99,\"result\":{}}");
    assert_string_equal(talk.sent.data, "initialize -32601 ");
    acp_fail(talk.acp, AGENT_TIMEOUT, "late");
    assert_end(&talk, "initialize -32601 ", "error(timeout) ", false);
}

static void a_model_is_chosen_where_that_is_possible(void **state)
{
    struct acp_call call = plain;
    struct talk talk;

    (void)state;
    call.model = "m";
    begin(&talk, &call);
    hear(&talk, INITIALIZED);
    hear(&talk, "{\"id\":2,\"result\":{\"sessionId\":\"s\",\"models\":{}}}");
    hear(&talk, "{\"id\":3,\"result\":{}}");
    hear(&talk, END(4));
    assert_end(&talk, "initialize session/new session/set_model session/prompt ",
               "session() done(end_turn) ", true);
    begin(&talk, &call);
    hear(&talk, INITIALIZED);
    hear(&talk, "{\"id\":2,\"result\":{\"sessionId\":\"s\",\"configOptions\":[{\"id\":\"x\","
                "\"category\":\"mode\"},{\"id\":\"y\",\"category\":\"model\"}]}}");
    hear(&talk, "{\"id\":3,\"result\":{}}");
    hear(&talk, END(4));
    assert_end(&talk, "initialize session/new session/set_config_option:y session/prompt ",
               "session() done(end_turn) ", true);
    begin(&talk, &call);
    hear(&talk, INITIALIZED);
    hear(&talk, MADE);
    assert_end(&talk, "initialize session/new ", "session() error(permanent) ", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_is_answered_in_pieces),
        cmocka_unit_test(a_conversation_cut_at_any_byte_is_no_success),
        cmocka_unit_test(what_a_loaded_session_replays_is_no_answer),
        cmocka_unit_test(a_session_that_is_lost_is_told_and_made_anew),
        cmocka_unit_test(what_a_session_cost_before_is_counted_once),
        cmocka_unit_test(a_failure_of_the_model_is_no_answer),
        cmocka_unit_test(the_answer_of_codex_may_be_the_reason_of_its_failure),
        cmocka_unit_test(the_last_word_of_copilot_may_be_a_failure),
        cmocka_unit_test(copilot_gives_up_over_a_denial),
        cmocka_unit_test(gemini_is_ended_instead_of_cancelled),
        cmocka_unit_test(permissions_after_a_cancel_are_cancelled),
        cmocka_unit_test(who_is_stopped_early_says_so),
        cmocka_unit_test(unknown_requests_get_an_error_and_unknown_notes_nothing),
        cmocka_unit_test(a_model_is_chosen_where_that_is_possible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

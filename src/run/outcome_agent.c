/* SPDX-License-Identifier: MIT */
#include "run/outcome_agent.h"
#include "agents/clarification.h"
#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_FILE "events.jsonl"
#define ANSWER_BYTES_MAX AGENT_LINE_BYTES_MAX

#define CLAIMS_MAX 10000

struct reading {
    FILE *stream; /* of events.jsonl; NULL: it cannot be written, which fails nobody */
    struct strbuf line;
    json_t *claims;
    bool has_tools; /* it tells which tools it uses */
    bool has_many;  /* more claims than are kept */
};

/* ---- events.jsonl ---- */

/* The program knows the folder, and may have put anything there. */
static FILE *open_events(const char *folder)
{
    char *path = path_join(folder, EVENTS_FILE);
    FILE *stream = NULL;
    int fd;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        stream = fdopen(fd, "w");
        if (!stream) {
            (void)close(fd);
        }
    }
    free(path);
    return stream;
}

static void write_event(struct reading *reading, const struct agent_event *event)
{
    if (reading->stream) {
        strbuf_reset(&reading->line);
        agent_event_add_line(event, &reading->line);
        (void)fwrite(reading->line.data, 1, reading->line.length, reading->stream);
    }
}

/* ---- claims ---- */

static void note_claim(struct reading *reading, const struct agent_event *event)
{
    bool is_edit = event->kind == AGENT_EDIT;

    reading->has_tools = reading->has_tools || is_edit || event->kind == AGENT_TOOL_CALL;
    if (!is_edit || !*event->text) {
        return;
    }
    if (json_object_size(reading->claims) < CLAIMS_MAX) {
        json_put(reading->claims, event->text, json_true());
    } else {
        reading->has_many = true;
    }
}

/* Who works without a word of its tools claims nothing, rather than that it changed nothing. */
static json_t *claims_of(const struct transcript *transcript, const struct reading *reading)
{
    enum adapter_kind kind = transcript_agent(transcript)->adapter->kind;
    bool tells = kind == ADAPTER_PROGRAM || kind == ADAPTER_PROTOCOL || reading->has_tools;

    return tells && !reading->has_many && !transcript_has_gap(transcript)
               ? json_incref(reading->claims)
               : NULL;
}

static void on_event(void *context, const struct agent_event *event)
{
    write_event(context, event);
    note_claim(context, event);
}

/* ---- the result ---- */

static enum failure_class class_of(enum agent_failure failure)
{
    switch (failure) {
    case AGENT_FINE:
        return CLASS_NONE;
    case AGENT_TRANSIENT:
        return CLASS_TRANSIENT;
    case AGENT_LIMIT:
        return CLASS_LIMIT;
    case AGENT_PERMANENT:
        return CLASS_PERMANENT;
    case AGENT_REFUSED:
        return CLASS_REFUSED;
    case AGENT_TIMEOUT:
        return CLASS_TIMEOUT;
    case AGENT_CANCELLED:
        return CLASS_CANCELLED;
    }
    return CLASS_PERMANENT;
}

/* Who was to go on with a session and failed for good before the first word has not got it any
 * more, as after a crash before it was kept. The work may be begun anew. */
static bool has_lost_session(const struct transcript *transcript, const struct agent_result *result)
{
    return transcript_resumed(transcript) && result->failure == AGENT_PERMANENT &&
           !result->has_begun;
}

static char *describe_error(const struct transcript *transcript, const struct agent_result *result)
{
    return has_lost_session(transcript, result)
               ? mem_printf("its session is lost, a new one begins: %s",
                            result->error ? result->error : "it failed")
               : mem_strdup(result->error);
}

/* A session that was gone on with and did not tell its name again is still the same, unless the
 * backend may not have it any more. */
static const char *session_of(const struct transcript *transcript,
                              const struct agent_result *result)
{
    if (!(transcript_agent(transcript)->adapter->abilities & CAN_RESUME) ||
        has_lost_session(transcript, result)) {
        return NULL;
    }
    if (!result->session && result->failure != AGENT_PERMANENT) {
        return transcript_resumed(transcript);
    }
    return result->session;
}

static json_t *question_of(const struct agent_result *result)
{
    if (result->failure != AGENT_FINE) {
        return NULL;
    }
    return result->question && *result->question
               ? clarification_new(result->question)
               : clarification_find(result->answer, strlen(result->answer));
}

static void take_result(const struct transcript *transcript, const struct agent_result *result,
                        struct agent_outcome *outcome)
{
    const struct agent_profile *agent = transcript_agent(transcript);

    *outcome = (struct agent_outcome){
        .class_ = has_lost_session(transcript, result) ? CLASS_LOST : class_of(result->failure),
        .error = describe_error(transcript, result),
        .agent = mem_strdup(agent->name),
        .model = mem_strdup(result->model ? result->model : agent->model),
        .session = mem_strdup(session_of(transcript, result)),
        .question = question_of(result),
        .retry_after_ms = result->retry_after_ms > 0 ? result->retry_after_ms : 0,
        .json = json_incref((json_t *)result->json),
        .usage = result->usage,
        .denials = result->denials,
    };
    strbuf_init(&outcome->answer, ANSWER_BYTES_MAX);
    strbuf_add(&outcome->answer, result->answer);
}

int agent_outcome_read(const char *folder, const struct agent_end *end,
                       struct agent_outcome *ret_outcome, struct error *err)
{
    struct reading reading = {0};
    struct transcript *transcript;
    int r = transcript_open(folder, on_event, &reading, &transcript, err);

    if (r < 0) {
        return r;
    }
    reading.stream = open_events(folder);
    reading.claims = json_object();
    strbuf_init(&reading.line, SIZE_MAX);
    r = transcript_read(transcript, err);
    if (r == 0) {
        take_result(transcript, transcript_end(transcript, end), ret_outcome);
        ret_outcome->claims = claims_of(transcript, &reading);
        ret_outcome->can_edit = transcript_agent(transcript)->adapter->abilities & CAN_EDIT;
    }
    if (reading.stream) {
        (void)fclose(reading.stream);
    }
    strbuf_release(&reading.line);
    json_decref(reading.claims);
    transcript_free(transcript);
    (void)attempt_clear(folder, NULL);
    return r;
}

void agent_outcome_release(struct agent_outcome *outcome)
{
    free(outcome->error);
    free(outcome->agent);
    free(outcome->model);
    free(outcome->session);
    json_decref(outcome->question);
    json_decref(outcome->json);
    json_decref(outcome->claims);
    if (outcome->answer.data) {
        strbuf_release(&outcome->answer);
    }
    *outcome = (struct agent_outcome){0};
}

/* ---- JSON in an answer ---- */

/* The block that begins behind the fence at `start`; *ret_next: behind its end. */
static bool read_fence(const char *start, const char **ret_begin, const char **ret_end)
{
    const char *begin = strchr(start, '\n');
    const char *end = begin ? strstr(begin, "\n```") : NULL;

    if (!end) {
        return false;
    }
    *ret_begin = begin + 1;
    *ret_end = end;
    return true;
}

/* Models say a sentence before and after, whatever they were told. */
static json_t *find_fenced(const char *answer)
{
    json_t *found = NULL;
    const char *begin;
    const char *end;

    while (!found && (answer = strstr(answer, "```")) != NULL && read_fence(answer, &begin, &end)) {
        if (end > begin) {
            (void)json_parse_text(begin, (size_t)(end - begin), "the answer", &found, NULL);
        }
        answer = end + strlen("\n```");
    }
    return found;
}

int agent_outcome_parse(const struct agent_outcome *outcome, json_t **ret_value, struct error *err)
{
    json_t *value = json_incref(outcome->json);
    int r = 0;

    if (!value) {
        r = json_parse_text(outcome->answer.data, outcome->answer.length, "the answer", &value,
                            err);
    }
    if (r < 0) {
        value = find_fenced(outcome->answer.data);
        r = value ? 0 : r;
    }
    if (r == 0) {
        *ret_value = value;
    }
    return r;
}

/* SPDX-License-Identifier: MIT */
/* Recorded output of the real programs (tests/agents/samples), played into a reader. */
#ifndef FERMATA_TESTS_AGENT_STREAM_H
#define FERMATA_TESTS_AGENT_STREAM_H

#include "agents/adapter.h"

/* What a played stream has to come to. */
struct stream_case {
    const char *sample; /* file name */
    int exit_status;
    enum agent_failure failure;
    const char *words; /* the answer; of a failure: words of its message */
    int status;        /* HTTP */
    int denials;
    int64_t input_tokens; /* -1: unknown */
    int64_t output_tokens;
};

char *agent_stream_read(const char *sample, size_t *ret_length); /* free() it */
/* Whole, by bytes and in pieces: each time the same events. Asserts what the case says. */
void agent_stream_check(const struct adapter *adapter, const struct stream_case *expected);
/* Those that are a success, cut at every byte before the last line ends, with exit status 0: none.
 */
void agent_stream_check_cuts(const struct adapter *adapter, const struct stream_case *cases,
                             size_t count);

/* A stream under our hands: add, end, look, free. */
struct stream {
    struct agent_profile agent;
    struct agent_reader *reader;
    const struct agent_result *result; /* after agent_stream_end() */
    struct strbuf events;              /* as lines */
    int fatal;                         /* how many errors were */
};
void agent_stream_begin(struct stream *stream, const struct adapter *adapter);
void agent_stream_add(struct stream *stream, const char *text);
void agent_stream_play(struct stream *stream, const char *sample);
void agent_stream_end(struct stream *stream, const struct agent_end *end);
void agent_stream_release(struct stream *stream);

/* The command line of a call; `argv` and `env` one a line. */
struct stream_call {
    struct agent_profile agent;
    struct agent_call call;
    struct agent_command command;
    char *argv, *env; /* after agent_stream_call_make() */
};
void agent_stream_call_init(struct stream_call *made, const struct adapter *adapter);
int agent_stream_call_make(struct stream_call *made, struct error *err);
void agent_stream_call_release(struct stream_call *made);

#endif

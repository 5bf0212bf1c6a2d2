/* SPDX-License-Identifier: MIT */
/* An adapter: how one kind of backend is called and understood. One file and one row each; nothing
 * here knows runs or steps.
 *
 * Every call is a process under a keeper (agents/attempt.h), so that it outlives us and is never
 * paid twice. A coding program is started itself; its output goes to files and is translated by
 * `read_line`. A model server or an ACP agent is driven by a small program of ours (fermata-call,
 * fermata-acp), which reads the call as JSON on its standard input and prints agent events: they
 * hold the libraries that we do not load (decision 12).
 *
 * Adapters are pure but for `command` and `conclude`, which may read files; they may be used on any
 * thread. */
#ifndef FERMATA_AGENTS_ADAPTER_H
#define FERMATA_AGENTS_ADAPTER_H

#include "agents/event.h"
#include "base/strbuf.h"
#include "base/vec.h"

enum adapter_kind {
    ADAPTER_PROGRAM,  /* a coding program with a stream of its own */
    ADAPTER_PROTOCOL, /* ACP */
    ADAPTER_SERVER,   /* a model server over HTTP */
    ADAPTER_COMMAND,  /* any program, by configuration alone */
    ADAPTER_HOST,     /* the program that called us answers (exit status 42) */
};

/* What a backend can do. A step that needs what is missing is refused before anything is spent. */
enum adapter_ability {
    CAN_STREAM = 1 << 0,    /* events while it works */
    CAN_RESUME = 1 << 1,    /* goes on with an earlier session */
    CAN_EDIT = 1 << 2,      /* changes files */
    CAN_READ_ONLY = 1 << 3, /* a mode of its own that changes none */
    CAN_TOOLS = 1 << 4,     /* takes a list of allowed tools */
    CAN_TURNS = 1 << 5,     /* takes a limit of turns */
    CAN_BUDGET = 1 << 6,    /* takes a limit in money */
    CAN_COST = 1 << 7,      /* reports money */
    CAN_TOKENS = 1 << 8,    /* reports tokens */
    CAN_SCHEMA = 1 << 9,    /* takes a JSON Schema for its answer */
    CAN_ASK = 1 << 10,      /* may ask a question */
    CAN_MODEL = 1 << 11,    /* takes a model */
};

/* A configured backend. Strings are borrowed, and outlive what is made of it. */
struct agent_profile {
    const char *name;
    const struct adapter *adapter;
    const char *const *command;           /* program and arguments that go before ours */
    size_t command_count;                 /* 0: the adapter's program */
    const char *const *read_only_command; /* of ADAPTER_COMMAND: instead of it, whole */
    size_t read_only_count;               /* 0: it has no mode that changes nothing */
    const char *endpoint;                 /* NULL: the adapter's */
    const char *model;                    /* NULL: the backend's own choice */
    const char *key;           /* "env:NAME" or "file:PATH"; NULL: the adapter's variable, if set */
    const char *prompt_by;     /* of ADAPTER_COMMAND: "stdin", "argument", "file" */
    const char *output_format; /* of ADAPTER_COMMAND: "text", "json", "jsonl" */
    const json_t *output_map;  /* of ADAPTER_COMMAND: where in its JSON what is; NULL: none */
    const json_t *options;     /* handed to servers as they are, such as temperature; NULL: none */
    int64_t silence_ms;        /* of a server: longest time without output; 0: the adapter's */
    bool is_offline;           /* needs no network */
};

struct agent_call {
    const struct agent_profile *agent;
    const char *prompt; /* whole, as in `prompt` of the attempt's folder */
    size_t prompt_length;
    const char *model; /* instead of the profile's; NULL: that one */
    bool is_read_only;
    const char *const *tools;          /* allowed ones, in the backend's own names */
    size_t tool_count;                 /* 0: as the mode has it */
    int turns_max;                     /* 0: no limit */
    double budget_usd;                 /* 0: no limit */
    const json_t *schema;              /* NULL: free text */
    const char *session;               /* to go on with; NULL: a new one */
    const struct agent_usage *earlier; /* of that session, as for the reader; NULL: none */
    const char *cwd;                   /* absolute */
    const char *folder;  /* the attempt's, absolute: for files that go with the call */
    int64_t timeout_ms;  /* 0: none; the keeper ends it in any case */
    const char *libexec; /* where fermata-call and fermata-acp lie */
};

struct agent_command_file {
    char *name; /* in the attempt's folder */
    char *data;
    size_t length;
};

/* What is run. The caller has it filled, and releases it. */
struct agent_command {
    VEC(char *) argv; /* not terminated; no prompt and no secret is ever in it */
    VEC(char *) env;  /* "NAME=value": replaces what the step has under that name */
    struct strbuf input;
    VEC(struct agent_command_file) files;
    bool has_own_tmp;     /* it leaves files in TMPDIR: it gets one that goes with the attempt */
    bool has_file_output; /* it loses output when that is a pipe: it needs a regular file */
};

void agent_command_init(struct agent_command *command);
void agent_command_release(struct agent_command *command);
void agent_command_add(struct agent_command *command, const char *argument);
/* Adds several texts. */
#define agent_command_add_all(command, ...)                                                        \
    agent_command_add_list(command, (const char *const[]){__VA_ARGS__, NULL})
void agent_command_add_list(struct agent_command *command, const char *const *arguments);
void agent_command_set(struct agent_command *command, const char *name, const char *value);
void agent_command_add_file(struct agent_command *command, const char *name, const char *data,
                            size_t length);

/* How the process ended. */
struct agent_end {
    int exit_status; /* -1: by a signal, or never started */
    int signal;
    bool timed_out, stopped; /* by us */
    int64_t ended_at_ms;     /* wall clock; 0: not known */
    const char *errors;      /* its standard error, or the end of it */
    const char *folder;      /* the attempt's, for what the call had it write there; NULL: none */
};

/* What came of an attempt. Strings are owned by the reader. */
struct agent_result {
    enum agent_failure failure;
    const char *error;      /* one sentence, with the backend's own words; NULL: none */
    int status;             /* HTTP status behind it; 0: none */
    int64_t retry_after_ms; /* below zero: not said */
    const char *answer;     /* the final text; "" when there is none */
    const json_t *json;     /* the structured answer, where the backend gives one apart; NULL */
    const char *session;    /* NULL: none */
    const char *model;      /* that really answered; NULL: not said */
    const char *question;   /* NULL: none; then the step waits for an answer */
    int denials;            /* tools or edits that were refused to it */
    bool has_begun;         /* it said, thought or did something */
    struct agent_usage usage;
};

struct agent_reader;

struct adapter {
    const char *type; /* in the configuration: "claude" */
    const char *title;
    enum adapter_kind kind;
    unsigned abilities;       /* enum adapter_ability */
    const char *program;      /* argv[0]; NULL: a driver of ours, or from the configuration */
    const char *endpoint;     /* of servers; NULL: must be configured */
    const char *key_variable; /* the customary one, such as ANTHROPIC_API_KEY; NULL: none */
    const char *project_file; /* of the project, that it reads by itself; NULL: none */
    /* What it is documented to read, for its settings and its own account: names, with `*` for any
     * text, with spaces between them; NULL: nothing. "NAME?OTHER": only while OTHER is set. */
    const char *variables;
    const char *install; /* one sentence for whoever has not got it */
    const char *sign_in; /* and for whoever is not signed in; NULL: nothing to do */
    int64_t silence_ms;  /* of a server's driver; 0: it has none */
    int (*command)(const struct agent_call *call, struct agent_command *command, struct error *err);
    /* One line of standard output; `value` is NULL where it is no JSON. What is not known is
     * ignored: these programs change weekly. */
    void (*read_line)(struct agent_reader *reader, const json_t *value, const char *text);
    /* Its verdict over the whole: success needs the success event, its fields and the exit status
     * together. NULL: agent_reader_conclude() alone. */
    void (*conclude)(struct agent_reader *reader, const struct agent_end *end);
};

const struct adapter *adapter_find(const char *type); /* NULL: none */
const struct adapter *const *adapter_list(size_t *ret_count);

/* ---- reading ---- */

typedef void (*agent_event_callback)(void *context, const struct agent_event *event);

/* Lines may come in any pieces and be as long as LINE_BYTES_MAX; longer ones are left out. */
#define AGENT_LINE_BYTES_MAX (64U * 1024 * 1024)
/* The callback may be NULL. */
struct agent_reader *agent_reader_new(const struct agent_profile *agent,
                                      agent_event_callback on_event, void *context);
/* The attempt goes on with a session: what its attempts so far reported, added up (what one did not
 * report counts as nothing). Some programs only know the usage of the whole session. */
void agent_reader_set_earlier(struct agent_reader *reader, const struct agent_usage *earlier);
void agent_reader_free(struct agent_reader *reader); /* accepts NULL */
void agent_reader_add(struct agent_reader *reader, const char *bytes, size_t length);
/* After the last byte. The result lives as long as the reader. */
const struct agent_result *agent_reader_end(struct agent_reader *reader,
                                            const struct agent_end *end);

#endif

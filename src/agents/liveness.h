/* SPDX-License-Identifier: MIT */
/* Whether an attempt lives, in one word, from two signals: what it prints and what its processes
 * do. The judgement is pure: a function of what looks have found, and when.
 *
 *   dead               no process of it lives any more, though it has not ended
 *   wants input        one of its processes reads from a terminal, where nobody types
 *   quiet              for longer than its limit it has printed nothing and used no processor time
 *   working            it printed something or used processor time just now, or its stream told of
 *                      a tool that has not given its result yet
 *   waiting for model  none of these
 *
 * The first that holds is the word. Silence alone says nothing of a tool at work, so one that uses
 * processor time is never quiet; and none whose processes cannot be read is ever to be stopped. */
#ifndef FERMATA_AGENTS_LIVENESS_H
#define FERMATA_AGENTS_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum liveness {
    LIVENESS_UNKNOWN, /* nobody has looked yet */
    LIVENESS_WORKING,
    LIVENESS_WAITING,
    LIVENESS_QUIET,
    LIVENESS_WANTS_INPUT,
    LIVENESS_DEAD,
};
#define LIVENESS_WORDS 6
const char *liveness_name(enum liveness word); /* "working", "waiting for model", ...; "" */
/* Is it one that a person should know of? */
bool liveness_is_trouble(enum liveness word);

#define LIVENESS_NAME_SIZE 16
/* What one look finds. */
struct liveness_look {
    uint64_t stamp;                /* of its streams: another one when anything was printed since */
    bool is_readable;              /* its processes could be read; else the next ones say nothing */
    int processes;                 /* that live, without its keeper */
    int64_t cpu_ms;                /* of all of them so far, and of those that have ended */
    pid_t asker;                   /* reads from a terminal; 0: none does */
    char name[LIVENESS_NAME_SIZE]; /* of the asker, else of the one that used most */
};
/* Blocking: for the pool. keeper: that holds the attempt of the folder, by now perhaps another
 * process; 0: not known. */
void liveness_look(const char *folder, pid_t keeper, struct liveness_look *ret_look);

/* What is known of the tools that its stream tells of. */
enum liveness_tools {
    LIVENESS_TOOLS_UNKNOWN, /* it never told of one */
    LIVENESS_TOOLS_IDLE,    /* all have given their result */
    LIVENESS_TOOLS_RUN,
};
struct liveness_facts {
    int64_t now_ms;   /* of a clock that never goes back */
    int64_t pace_ms;  /* between two looks; what is far longer is no time of the attempt */
    int64_t quiet_ms; /* how long it may be quiet; 0: as long as it likes */
    bool has_model;   /* it is an agent's */
    enum liveness_tools tools;
    struct liveness_look look;
};

/* What is kept from one look to the next; the caller zeroes it but for `began_ms`. */
struct liveness_state {
    enum liveness word;
    int64_t began_ms; /* when it was first known to be at work */
    int64_t since_ms; /* the word holds since */
    int64_t heard_ms; /* it printed something last */
    int64_t busy_ms;  /* its processes were seen at work last */
    int64_t looked_ms;
    int share;     /* percent of one processor, of the time between the last two looks */
    bool may_stop; /* it is silent beyond its limit, and nothing that is at work would be lost */
    struct liveness_look last;
    int64_t dead_ms, asking_ms; /* since when the looks say so without a break; 0: they do not */
};
/* Takes what a look has found; true when the word is another one than before. */
bool liveness_judge(struct liveness_state *state, const struct liveness_facts *facts);

#endif

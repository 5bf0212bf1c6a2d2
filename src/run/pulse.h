/* SPDX-License-Identifier: MIT */
/* Whether the attempts of an engine live: all are looked at together every few seconds, on the
 * pool, and only while there are some. What a person should know of becomes an event of the run;
 * the word itself lies in the attempt's folder for other processes to show. Private to run/; on the
 * loop's thread. */
#ifndef FERMATA_RUN_PULSE_H
#define FERMATA_RUN_PULSE_H

#include "agents/liveness.h"
#include "run/live.h"

/* In the attempt's folder: the word and what it rests on, see docs/agents.md. */
#define PULSE_FILE "liveness"
/* In the same place when it was stopped because it was quiet: for how many milliseconds. */
#define PULSE_SILENT_FILE "silent"

struct pulse *pulse_start(struct live_attempt *live, pid_t keeper);
void pulse_stop(struct pulse *pulse);    /* accepts NULL */
void pulses_free(struct pulses *pulses); /* when all have stopped; accepts NULL */
/* The word and since when it holds (wall clock); LIVENESS_UNKNOWN until the first look. */
enum liveness pulse_word(const struct pulse *pulse, int64_t *ret_since_at);
/* The event of the attempt that it is to end was committed. */
void pulse_end_quiet(struct live_attempt *live);
/* What another process wrote of an attempt that is at work; NULL: nothing. The caller owns it. */
json_t *pulse_read(const char *folder);

#endif

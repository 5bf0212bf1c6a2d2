/* SPDX-License-Identifier: MIT */
/* Private to run/: the shell around decide(). The commits of one turn are under way at a time;
 * events that arrive meanwhile are gathered for the next one. */
#ifndef FERMATA_RUN_ENGINE_H
#define FERMATA_RUN_ENGINE_H

#include "base/map.h"
#include "base/vec.h"
#include "run/decide.h"
#include "run/journal.h"
#include "run/run.h"

#define STORAGE_RETRY_MS 500
#define FILE_TASKS_MAX 2000 /* waiting to be written; nothing more is decided meanwhile */
/* An agent's stream holds far more than its answer: so many times more of it is kept. */
#define AGENT_OUTPUT_FACTOR 8

/* A run that this process owns. */
struct active {
    struct engine *engine;
    struct run_state *state;
    const struct workflow *workflow; /* shared, see definition_take in own.c */
    char *folder;                    /* PROJECT/.fermata/workflows/ID */
    char id[RUN_ID_SIZE];            /* before there is a state, too */
    bool is_locked;
    int64_t generation;
    struct batch batch;
    bool is_dirty;       /* its batch waits for a commit */
    bool is_in_commit;   /* which is under way: nothing more is decided until it is over */
    bool needs_lease;    /* it is taken with that commit, whatever else is in it */
    loop_id state_timer; /* until state.json is written again; 0: it is as it should be */
    bool is_state_due;   /* as soon as its batch is committed */
    struct logs *logs;   /* lines that wait to be written */
    struct strbuf view;  /* state.json as it will be when the run rests; data NULL: not made yet */
    struct budget_run *budget; /* its place in its tree, see budgets.h; NULL: not taken over yet */
    json_t *relatives;         /* of that tree, as they were read; NULL: none, or in it by now */
    struct file_task *end_files; /* of a run that is over, until they are written; see files_end */
    json_t *end_checkpoints; /* names: those it ended with, whose files are among them; or NULL */
    int64_t stall_mark_ms;   /* how long the engine had waited for space when it decided last */
    int64_t ended_at_us;     /* when the last end of an attempt was learned; only when measuring */
    const struct lookup_watch *watch; /* of what goes into its steps; NULL: none */
};

/* An event with everything it points to. */
struct queued_event {
    struct queued_event *next;
    char run[RUN_ID_SIZE];
    struct event event;
    struct arena *arena;
    json_t *held[8];
    /* Of an attempt: how long it waited for space, and engine_stalled_ms when that was counted. */
    bool has_space_wait;
    int64_t space_wait_ms, stall_mark_ms;
    int64_t inbox_id;      /* of a command from another process; 0: none */
    int64_t learned_at_us; /* of an attempt's end; 0: nothing is measured */
};

/* What some runs that changed write, in one transaction. */
struct commit_job {
    struct engine *engine;
    VEC(struct commit *) commits;
    size_t records;
    loop_id retry; /* it waits for space on the disk */
    struct commit_job *next;
};

struct timer {
    struct engine *engine;
    char run[RUN_ID_SIZE];
    char *key; /* NULL: a deadline */
    int64_t at;
    loop_id id;
    /* What is due; it gets the run as it is then. */
    void (*on_due)(struct active *active, const char *key);
    struct timer *next, **link;
};

/* An inline output without a schema, as it was printed and as it is described. */
struct inline_last {
    char *text; /* NULL: there was none yet */
    bool is_json;
    json_t *described;
};

struct engine {
    struct engine_options options;
    struct decide_limits limits;
    char *blobs;         /* folder */
    int locks_fd;        /* see own.h */
    struct map *runs;    /* id -> struct active */
    struct map *takings; /* id -> struct taking, of nested runs on their way */
    struct map *budgets; /* id -> struct budget_run, of all trees, see budgets.h */
    struct definitions *definitions;
    VEC(struct active *) dirty;
    struct map *live;            /* "run/key" -> struct live_attempt, see live.h */
    struct followers *followers; /* of agents' streams; NULL: there was none yet */
    struct pulses *pulses;       /* of attempts; NULL: there was none yet */
    struct reach *reach;         /* NULL: nobody was asked yet */
    struct spared *spared;       /* who waits for a breaker; NULL: nobody did yet */
    struct timer *timers;
    struct queued_event *queue_head, **queue_tail;
    struct live_attempt *waiting_head, **waiting_tail; /* for a free place */
    int processes;
    int64_t launches; /* processes ever */
    int changers;     /* processes that may change the project */
    int64_t changes;  /* such processes and merges ever */
    int processes_max;
    int pool_jobs;           /* pieces of work on the pool */
    int inline_budget;       /* inline steps that this turn may still take */
    struct inline_last last; /* what the last of them gave */
    int deferred;            /* calls of the loop's next turn that refer to the engine */
    struct commit_job *jobs; /* the commits under way, of one turn */
    struct file_task *file_tasks, **file_tasks_tail; /* readable files to be written */
    int file_task_count;
    bool is_writing_files, is_file_start_deferred;
    loop_id file_start;      /* they are begun then at the latest */
    loop_id pace;            /* the next turn waits for it */
    int64_t committed_at_ms; /* monotonic: the last turn's end */
    loop_id wake;            /* watches the file that askers touch */
    loop_id logs_timer;      /* lines of a run wait to be written */
    bool is_merging;         /* one attempt's work comes into the project at a time */
    int parked;              /* attempts that do */
    int64_t timer_stride_ms; /* how long the wall clock may jump unnoticed */
    bool is_pump_deferred;
    bool is_inbox_wanted; /* it is read in the next turn */
    bool is_rest_deferred;
    bool is_inbox_being_read;
    bool is_inbox_stale;                  /* something came since the reading began */
    int64_t stalled_ms, stalled_since_ms; /* for want of space: before, and since when now */
    bool is_stalled;                      /* it waits for the storage, and said so */
    bool lacks_space;                     /* because the disk is full: its runs count as paused */
    bool is_closing;
    bool has_failed;
    struct error failure;
};

/* engine.c */
struct queued_event *event_new(struct active *active, enum event_kind kind, const char *step);
/* Keeps text or JSON alive with the event. */
const char *event_keep(struct queued_event *event, const char *text);
const json_t *event_hold(struct queued_event *event, json_t *value);
/* Decides what waits, in the next turn. */
void engine_go_on(struct engine *engine);
void engine_post(struct engine *engine, struct queued_event *event);
int64_t engine_clock_us(const struct engine *engine); /* 0 unless something is measured */
struct active *engine_find(const struct engine *engine, const char *run_id);
/* A run of this engine that a step of this one began; NULL: there is none. */
struct active *engine_find_nested(const struct engine *engine, const char *parent_id);
void engine_fail(struct engine *engine, const struct error *err);
void engine_check_rest(struct engine *engine);
void engine_work_done(struct engine *engine); /* one of pool_jobs came back */
/* Takes the first of the queue; NULL: it is empty. */
struct queued_event *engine_take_event(struct engine *engine);
void event_free(struct queued_event *event);
/* Tells the view what everything waits for, once; NULL: it goes on. */
void engine_stall(struct engine *engine, const struct error *err);
/* How long it has waited for space on the disk so far. */
int64_t engine_stalled_ms(const struct engine *engine);
int engine_load_blob(void *engine, const char *digest, char **ret_text, size_t *ret_length);

/* pump.c: decides what waits, unless the last turn is not over yet */
void pump(struct engine *engine);
/* Gives up commits that wait for space. */
void pump_stop_waiting(struct engine *engine);
/* Is this command of the inbox in hand already, its answer not committed yet? */
bool engine_has_letter(const struct engine *engine, int64_t inbox_id);

/* effects.c */
void effects_carry_out(struct active *active);
/* Tells whoever measures that a step begins. */
void effects_tell_begin(const struct active *active, const struct step_state *step);

/* inline.c: runs the built-in function of an inline step and posts its end. */
void inline_start(struct active *active, int step);
/* Evaluates an inline step within the turn (see struct decide_limits). */
bool inline_run(void *engine, const struct run_state *run, int step, json_t **ret_output);

/* timer.c: wall-clock times that may be days ahead, over jumps of the clock */
void timer_start(struct active *active, const char *key, int64_t at,
                 void (*on_due)(struct active *active, const char *key));
void timers_release(struct engine *engine);

/* nested.c: a step that is a run of its own */
void nested_start(struct active *active, int step);
void nested_command(struct active *active, const char *child_id, const char *word);
/* Cancels a run that the step has left, wherever it stands. */
void nested_end(struct active *active, const char *key, const char *child);
void nested_tell_parent(struct active *child);
/* The nested run went to another process: its step looks at it again and again. */
void nested_await(struct active *child);
json_t *nested_command_text(const char *word); /* the command as JSON; the caller owns it */

/* launch.c: from a step to a process or an inline call. launch_new works on the loop; launch_start
 * blocks and belongs on the pool. */
struct launch;
int launch_new(struct active *active, int step, const char *folder, struct launch **ret_launch,
               struct error *err);
void launch_free(struct launch *launch);
int launch_start(struct launch *launch, pid_t *ret_keeper, struct error *err);
/* It failed because another agent changes the files just now, or because other processes make all
 * the calls that its agent takes at once: later it can be started again. */
bool launch_waits_for_turn(const struct launch *launch);
int launch_inline(struct active *active, int step, struct strbuf *output, struct error *err);

/* outcome.c: from what a process left to a value. collect_read blocks and belongs on the pool. */
struct collect;
struct live_attempt;
struct collect *collect_new(struct active *active, int step, const struct live_attempt *live);
void collect_free(struct collect *collect);
void collect_read(struct collect *collect);
/* NULL, or why what it left cannot be kept yet: read it again later. */
const struct error *collect_lacks_storage(const struct collect *collect);
/* What it did in its clone is to come into the project. collect_merge blocks; below 0: later, for
 * another agent changes the project now, or the disk is full (the error says so) and `may_wait`. */
bool collect_wants_merge(const struct collect *collect);
int collect_merge(struct collect *collect, bool may_wait, struct error *err);
/* `now_ms` is after its end, perhaps long after: who hits a limit tells how long it holds. */
void collect_fill(const struct collect *collect, int64_t now_ms, struct queued_event *event);
/* outcome_inline.c: the outcome of an inline function, on the loop. What of its output belongs into
 * a blob was kept before, on the pool: inline_keep_write. */
struct inline_keep {
    char *blobs, *folder;
    char *name; /* of the artifact that it is as well; NULL: none */
    struct strbuf output;
    int result;
    struct error err;
};
/* NULL: it fails, or is kept outside the journal. What is the same as the last one is shared. */
json_t *inline_output(struct inline_last *last, const struct step *definition,
                      const struct strbuf *output);
void inline_last_release(struct inline_last *last);
bool inline_needs_blob(const struct step *definition, const struct strbuf *output);
struct inline_keep *inline_keep_new(struct active *active, int step, const struct strbuf *output);
void inline_keep_free(struct inline_keep *keep);
void inline_keep_write(struct inline_keep *keep);
void outcome_of_inline(struct active *active, int step, const struct strbuf *output,
                       const struct error *err, struct queued_event *event);

/* inbox.c: from the first run that is owned on */
void inbox_watch(struct engine *engine);

/* logs.c: orchestrator.log and phase-ID.log of a run */
void logs_open(struct active *active);
/* Formats the lines of its batch while their commit is under way; logs_add tells them. */
void logs_prepare(struct active *active);
void logs_add(struct active *active);
void logs_flush(struct active *active);
void logs_close(struct active *active); /* accepts a run that has none open */

#endif

/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: the project with its lazily opened parts, and the functions
 * behind the rows of the table. */
#ifndef FERMATA_OPS_INTERNAL_H
#define FERMATA_OPS_INTERNAL_H

#include "ops/ops.h"
#include "ops/table.h"
#include "run/query.h"
#include "run/run.h"
#include "run/sample.h"
#include "workflow/config.h"
#include "workflow/library.h"
#include "workflow/workflow.h"

#define PROJECT_FOLDER_NAME ".fermata"
#define CONFIG_FILE_NAME "config.yaml"
#define OTHER_CONFIG_FILE_NAME "agents.yaml" /* of a project that has no config.yaml */
#define TEXT_BYTES_MAX (64U * 1024 * 1024)   /* of an answer that is text */

struct ops {
    const struct ops_settings *settings;
    struct loop *loop; /* NULL until needed, like all below */
    char *project;     /* the folder that holds .fermata */
    char *folder;      /* PROJECT/.fermata */
    char *keeper;
    struct store *store;
    struct config *config;
    bool has_chosen_agent;  /* config's default agent is what was found, or none */
    size_t config_warnings; /* that `validate` prints */
    struct library *library;
    struct map *called; /* name -> struct workflow that a step calls; NULL: none was looked at */
    struct name_list mentioned; /* names of workflows that were looked for so, there or not */
    struct engine *engine;      /* while a run goes on in this process */
    bool is_left;               /* told to leave at once */
    bool is_interrupted;        /* nothing new is to begin */
    bool is_stalled;            /* the storage takes nothing at the moment */
    loop_id patience;           /* interrupted and stalled: until it is left */
};

/* project.c */
/* Finds .fermata upward from the working folder; ERROR_NOT_FOUND when there is none. */
int ops_need_project(struct ops *ops, struct error *err);
/* The same, but makes a bare one at the top of the git tree (or here) and says so. */
int ops_make_project(struct ops *ops, const struct ops_view *view, struct error *err);
bool ops_has_project(struct ops *ops);
/* Where the project is, or would be made. free() it. */
int ops_project_path(struct ops *ops, char **ret_path, struct error *err);
/* An absolute path from one given relative to the working folder. free() it. */
char *ops_path(const struct ops *ops, const char *path);
/* A program of that name or path, looked up in PATH of the environment that steps get; NULL: not
 * there. free() it. */
char *ops_find_program(const struct ops *ops, const char *name);

/* workflow_list.c: the built-in workflows as Markdown; free() the page. */
int ops_workflow_list(struct ops *ops, char **ret_page, struct error *err);

/* ops.c: each opens what it names on first use. */
int ops_need_config(struct ops *ops, struct error *err);
int ops_need_library(struct ops *ops, struct error *err);
/* For questions: ERROR_NOT_FOUND when the project has no store yet. */
int ops_need_store(struct ops *ops, struct error *err);
/* For running: makes the store. */
int ops_make_store(struct ops *ops, struct error *err);
bool ops_has_store(const struct ops *ops);
int ops_need_keeper(struct ops *ops, struct error *err);
/* Everything the engine wants but its callbacks. */
int ops_engine_options(struct ops *ops, struct engine_options *ret_options, struct error *err);
void ops_notice(const struct ops_view *view, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Reads PROJECT's (or what was named instead) or the user's config.yaml; *ret_text NULL when there
 * is none. */
int ops_read_config(struct ops *ops, bool is_project, char **ret_text, char **ret_file,
                    struct error *err);

/* trust.c */
/* May what came with the project start programs? True where there is no project. */
bool ops_is_trusted(struct ops *ops);
/* Before anything of the project's is run; asks where a person can answer (view may be NULL).
 * ERROR_UNAVAILABLE: it may not. */
int ops_need_trust(struct ops *ops, const struct ops_view *view, struct error *err);
int ops_record_trust(const struct ops *ops, const char *project, struct error *err);
/* Is there anything in this folder .fermata that can start programs? */
bool ops_has_foreign_files(const char *folder);

/* names.c */
void ops_workflow_names(struct ops *ops, struct workflow_names *ret_names);
void ops_forget_called(struct ops *ops);
char *ops_nearest_workflow(const struct ops *ops, const char *name); /* free() it; NULL: none */

/* load.c */
/* By name or by file (a text with '/' or that ends in .yaml or .yml). */
int ops_load_workflow(struct ops *ops, const char *name, struct workflow **ret_workflow,
                      struct error *err);
bool ops_is_file_name(const char *name);
/* No workflow has this name, and some have it before a slash: "launch". Library and configuration
 * have to be there. */
bool ops_is_pack(const struct ops *ops, const char *name);
/* ERROR_NOT_FOUND with the nearest name unless there is one of this name. */
int ops_check_workflow_name(struct ops *ops, const char *name, struct error *err);
/* What is run when none is named; NULL: nothing was said. The configuration has to be there. */
const char *ops_default_workflow(const struct ops *ops);
/* The text behind a name or file; *ret_file is what messages call it. Both are the caller's. */
int ops_read_workflow(struct ops *ops, const char *name, char **ret_text, size_t *ret_length,
                      char **ret_file, struct error *err);
/* The workflow of that name among files and built-in ones; NULL: config.yaml has it (it comes
 * before built-in ones), or nobody. */
const struct library_entry *ops_find_entry(const struct ops *ops, const char *name);
int ops_find_configured(const struct ops *ops, const char *name); /* negative: none */
/* Problems of a definition as one error: as many lines as fit. */
int ops_problems_error(const char *what, const struct problems *problems, struct error *err);

/* agent.c */
/* Whether it can be used as far as files tell; a server may still not answer. */
bool ops_is_agent_usable(struct ops *ops, const struct agent_config *config);
bool ops_has_agent(void *ops, const char *name); /* the same, by name or role */
/* The agent of steps that name none: the configured one, else the first of the configuration that
 * is ready, else the first coding program in the built-in order. NULL: none is there. It becomes
 * the configuration's. */
const char *ops_default_agent(struct ops *ops);
/* agents.c: what every adapter can do, as Markdown; free() it. */
char *ops_agent_matrix(void);
/* agents.c: ERROR_NOT_FOUND with the nearest name. */
int ops_no_such_agent(const struct config *config, const char *name, struct error *err);
/* By name or role; the same error. */
int ops_find_agent(struct ops *ops, const char *name, const struct agent_config **ret_agent,
                   struct error *err);

/* init.c: the text of config.yaml for a new project, with the agents that were found here, and
 * their names. Both are the caller's. */
int ops_config_example(struct ops *ops, char **ret_text, json_t **ret_agents, struct error *err);

/* drive.c: lets a run go on here until it rests, and says how it stands then. Exactly one of
 * request and run_id is given. */
struct drive {
    const struct run_request *request;
    const char *run_id;
    bool may_ask; /* ask for approvals where a person can answer */
};
int ops_drive(struct ops *ops, const struct drive *drive, const struct ops_view *view,
              json_t **ret_result, struct error *err);
/* The engine waits for the storage, or (NULL) goes on: said to the view, and whoever was told to
 * end meanwhile waits no longer for it than some moments. */
void ops_tell_stall(struct ops *ops, const struct ops_view *view, const struct error *err);
/* No run goes on here any more. */
void ops_forget_stall(struct ops *ops, const struct ops_view *view);
/* entitlement.c: whether the workflow, and each that it may call, is of a tier that may be started.
 * `wanted` is what --tier says, or NULL. ERROR_CONFLICT: it is too high; ERROR_UNAVAILABLE: who has
 * to allow it could not be asked. */
int ops_check_tier(struct ops *ops, const struct workflow *workflow, const char *wanted,
                   struct error *err);
/* Puts `entitled`: true, false, or null where that is asked when it is started. */
void ops_put_entitled(const struct ops *ops, const char *tier, const char *wanted, json_t *target);
/* {mode, tier, file, line}: what the configuration says. */
json_t *ops_describe_entitlement(const struct ops *ops, const char *wanted);
/* A warning where the configuration does not allow it. */
void ops_warn_tier(struct ops *ops, const char *file, const struct workflow *workflow,
                   struct problems *problems);
/* start.c: ERROR_INVALID for an input of type path that leads out of the project. */
int ops_check_input_paths(struct ops *ops, const struct workflow *workflow, const json_t *inputs,
                          struct error *err);
/* start.c: what the workflow needs and is not there. */
int ops_check_missing_inputs(const struct workflow *workflow, const json_t *inputs,
                             struct error *err);
/* start.c: ERROR_UNAVAILABLE, ...: steps need agents that cannot be used. */
int ops_check_agents(struct ops *ops, const struct run_request *request, struct error *err);
/* fork.c: those that a run was started with (see run_find_origin), unless the arguments give
 * others; what the workflow has no more is left out. */
int ops_inherit_inputs(struct ops *ops, const struct workflow *workflow, const json_t *origin,
                       const json_t *arguments, json_t **ret_inputs, struct error *err);
/* start.c: with the arguments of `run`: asks for trust where it has to, makes what is missing of
 * the project, and starts the run here or in the background. */
int ops_start(struct ops *ops, const json_t *arguments, struct run_request *request,
              const struct ops_view *view, json_t **ret_result, struct error *err);
/* repeat.c: `run --repeat`, many runs in one process, and what they took. */
bool ops_has_repeat(const json_t *arguments);
/* Before anything starts: what does not go together, what is out of range. */
int ops_check_repeat(const struct ops *ops, const json_t *arguments, struct error *err);
int ops_repeat(struct ops *ops, const json_t *arguments, const struct run_request *request,
               const struct ops_view *view, json_t **ret_result, struct error *err);
/* Starts `fermata drive RUN` in a session of its own. */
int ops_detach(struct ops *ops, const char *run_id, json_t **ret_result, struct error *err);
/* Takes the run and goes on, here or (`detach` in the arguments) in the background. */
int ops_go_on(struct ops *ops, const char *run_id, const json_t *arguments,
              const struct ops_view *view, json_t **ret_result, struct error *err);

/* start.c: not empty, and not too long. */
int ops_check_task(const struct ops *ops, const char *task, struct error *err);

/* tasks.c */
int ops_check_metadata(const json_t *metadata, struct error *err);
/* Notes one that has no run yet; the store has to be there. */
int ops_add_task(struct ops *ops, const char *description, const json_t *metadata,
                 const char *origin, char ret_id[TASK_ID_SIZE], struct error *err);
/* By id, the beginning of one, a run's id, or "last", as task_show gives it. */
int ops_find_task(struct ops *ops, const char *name, json_t **ret_task, struct error *err);
/* ERROR_CONFLICT while one of its runs is not over. */
int ops_need_free_task(const json_t *task, struct error *err);

/* ask.c */
/* {do, by, and the arguments of these keys}; the last key is NULL. */
json_t *ops_new_command(const struct ops *ops, const char *what, const json_t *arguments,
                        const char *const *keys);
/* Takes the command over. With `resume` in the arguments goes on at once, unless somebody does. */
int ops_ask_and_go_on(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                      json_t *command, json_t **ret_result, struct error *err);

/* bridge.c */
/* Puts `host`: what the host is to do for this run and its nested runs that rest. */
void ops_add_host_requests(struct ops *ops, json_t *run);
/* ERROR_VALIDATION: a response of the host is wrong. */
int ops_check_host(struct ops *ops, const json_t *run, struct error *err);

/* answer.c */
/* The first step of what run_show gave whose agent waits for an answer, and how many do. */
const json_t *ops_find_question(const json_t *run, size_t *ret_count);
/* Asks a person all that the step's agent asks; NULL: not everything was answered. */
json_t *ops_ask_questions(const struct ops_view *view, const json_t *step);

/* overdue.c: what a wait looks like once its time is over */
/* Puts `overdue` and takes answers that come too late from the options. */
void ops_mark_overdue(json_t *run, int64_t now_ms);

/* report.c */
/* run_show; on the way the run's readable files are put right where a crash left them behind. */
int ops_show_run(struct ops *ops, const char *run_id, json_t **ret_run, struct error *err);
/* The state of a run as run_show gives it, plus folder, problems (failed steps with the last lines
 * of their output) and, when with_report, the report. */
int ops_describe_run(struct ops *ops, const char *run_id, bool with_report, json_t **ret_run,
                     struct error *err);
/* [{phase, step, class, error, tail, lacks (an agent that cannot be used), hint}] of the same. */
json_t *ops_find_problems(struct ops *ops, const json_t *run);
/* Adds these to what run_show or engine_show gave. */
void ops_complete_run(struct ops *ops, bool with_report, json_t *run);
/* The text behind {bytes,digest,inline,json,cut}; free() it. */
int ops_read_output(struct ops *ops, const json_t *output, char **ret_text, size_t *ret_length,
                    struct error *err);
/* RUN of the arguments ("last" when absent) as a full id. */
/* `--limit`, 1 to 1000. */
int ops_read_limit(const json_t *arguments, int fallback, int *ret_limit, struct error *err);
int ops_resolve_run(struct ops *ops, const json_t *arguments, char ret_id[RUN_ID_SIZE],
                    struct error *err);
/* PROJECT/.fermata/workflows/RUN; free() it. */
char *ops_run_folder(const struct ops *ops, const char *run_id);
/* The step, instance, fix step or check with this key inside what run_show gave; NULL: none. */
const json_t *ops_find_step(const json_t *run, const char *key);
/* ERROR_NOT_FOUND with the keys that there are. */
int ops_no_such_step(const json_t *run, const char *key, struct error *err);

#endif

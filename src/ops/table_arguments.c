/* SPDX-License-Identifier: MIT */
/* What each operation takes. */
#include "ops/table_arguments.h"

#include "run/sample.h"

#include <stddef.h>

/* clang-format off */
#define RUN_REQUIRED                                                                               \
    {.name = "run", .type = ARGUMENT_RUN, .is_positional = true, .is_required = true,              \
     .value_name = "RUN", .help = "The run: its id, the beginning of it, or \"last\""}
#define RUN_OPTIONAL                                                                               \
    {.name = "run", .type = ARGUMENT_RUN, .is_positional = true, .value_name = "RUN",              \
     .fallback = "last", .help = "The run: its id, the beginning of it, or \"last\""}
#define GO_ON                                                                                      \
    {.name = "resume", .type = ARGUMENT_BOOLEAN,                                                   \
     .help = "Go on with the run at once, in the foreground"},                                     \
    {.name = "detach", .letter = 'd', .type = ARGUMENT_BOOLEAN,                                    \
     .help = "With --resume: go on in the background"}

const struct argument init_arguments[] = {
    {.name = "folder", .type = ARGUMENT_PATH, .is_positional = true, .value_name = "FOLDER",
     .help = "Where to make .fermata; the working folder when absent"},
};

const struct argument trust_arguments[] = {
    {.name = "remove", .type = ARGUMENT_BOOLEAN, .help = "Take the word back"},
};

const struct argument run_arguments[] = {
    {.name = "task", .type = ARGUMENT_TEXT, .is_positional = true, .value_name = "TASK",
     .help = "What is to be done, in a sentence; fills the workflow's one required text input"},
    {.name = "workflow", .letter = 'w', .type = ARGUMENT_WORKFLOW, .value_name = "WORKFLOW",
     .help = "The workflow: its name, or a file (with a / or ending in .yaml)"},
    {.name = "input", .letter = 'i', .type = ARGUMENT_PAIRS, .value_name = "KEY=VALUE",
     .help = "An input of the workflow; KEY=@FILE reads a file; may be given again"},
    {.name = "strategy", .letter = 's', .type = ARGUMENT_CHOICE, .choices = "ai|static|hybrid",
     .value_name = "STRATEGY",
     .help = "With agents (ai), with functions and commands (static), or ai, else static "
             "(hybrid)"},
    {.name = "tier", .type = ARGUMENT_CHOICE, .choices = "free|pro|team|enterprise",
     .value_name = "TIER",
     .help = "The highest tier that is allowed, instead of `tier` of the configuration; with "
             "`mode: server` it can only be narrowed"},
    {.name = "fast", .type = ARGUMENT_BOOLEAN,
     .help = "The same as -i fast=true, for workflows that have this input: least effort"},
    {.name = "dry_run", .letter = 'n', .type = ARGUMENT_BOOLEAN,
     .help = "Say what each step would do, and run nothing"},
    {.name = "detach", .letter = 'd', .type = ARGUMENT_BOOLEAN,
     .help = "Print the run's id and go on in the background"},
    {.name = "fresh", .type = ARGUMENT_BOOLEAN,
     .help = "Reuse no step of an earlier run"},
    {.name = "no_input", .type = ARGUMENT_BOOLEAN,
     .help = "Never ask for inputs or approvals"},
    {.name = "offline", .type = ARGUMENT_BOOLEAN,
     .help = "Use only agents that need no network, also when the run is resumed"},
    {.name = "bridge", .type = ARGUMENT_BOOLEAN,
     .help = "The calling program does the work of agents that cannot be used here, and is told by "
             "exit status 42"},
    {.name = "yes", .letter = 'y', .type = ARGUMENT_BOOLEAN,
     .help = "Without a workflow: run the plan that is made without asking"},
    {.name = "budget", .type = ARGUMENT_PAIRS, .value_name = "KIND=AMOUNT",
     .help = "What it may use with all its nested runs: tokens=200k, usd=5, time=30m, steps=40; may "
             "be given again"},
    {.name = "label", .letter = 'l', .type = ARGUMENT_TEXT, .value_name = "LABEL",
     .help = "A word of yours to find the run by"},
    {.name = "task_id", .type = ARGUMENT_TASK, .value_name = "ID",
     .help = "Run this task, which `fermata tasks` lists; its description is the task"},
    {.name = "meta", .type = ARGUMENT_PAIRS, .value_name = "KEY=VALUE",
     .help = "What else is to be known of the task; may be given again"},
    {.name = "kind", .letter = 'k', .type = ARGUMENT_CHOICE, .choices = TASK_KINDS,
     .value_name = "KIND",
     .help = "What kind of task it is; `fermata stats` keeps agents' figures by it"},
    {.name = "repeat", .type = ARGUMENT_INTEGER, .value_name = "NUMBER",
     .help = "Measure: run it so many times in this process"},
    {.name = "parallel", .type = ARGUMENT_INTEGER, .fallback = "1", .value_name = "NUMBER",
     .help = "With --repeat: so many of the runs at once"},
    {.name = "report", .type = ARGUMENT_PATH, .value_name = "FILE",
     .help = "With --repeat: write what was measured to this file, as JSON"},
};

#define TASK_REQUIRED                                                                              \
    {.name = "task", .type = ARGUMENT_TEXT, .is_positional = true, .is_required = true,            \
     .value_name = "TASK", .help = "What is to be done, in a sentence or as a list of lines"}

const struct argument task_argument[] = { TASK_REQUIRED };

const struct argument recommend_arguments[] = {
    TASK_REQUIRED,
    {.name = "limit", .letter = 'n', .type = ARGUMENT_INTEGER, .fallback = "5",
     .value_name = "NUMBER", .help = "How many of each at most, up to 50"},
};

const struct argument plan_arguments[] = {
    TASK_REQUIRED,
    {.name = "workflow", .letter = 'w', .type = ARGUMENT_WORKFLOW, .value_name = "WORKFLOW",
     .help = "Plan it with this one; `dynamic` asks an agent to break the task down"},
    {.name = "input", .letter = 'i', .type = ARGUMENT_PAIRS, .value_name = "KEY=VALUE",
     .help = "An input of the workflow; KEY=@FILE reads a file; may be given again"},
    {.name = "graph", .letter = 'g', .type = ARGUMENT_BOOLEAN, .help = "What waits for what"},
    {.name = "yaml", .letter = 'y', .type = ARGUMENT_BOOLEAN,
     .help = "The plan as a workflow file that runs as it is"},
    {.name = "output", .letter = 'o', .type = ARGUMENT_PATH, .value_name = "FILE",
     .help = "Write that file; it must not be there yet"},
};

const struct argument resume_arguments[] = {
    RUN_OPTIONAL,
    {.name = "retry_failed", .type = ARGUMENT_BOOLEAN,
     .help = "Try the steps again that failed"},
    {.name = "budget", .type = ARGUMENT_PAIRS, .value_name = "KIND=AMOUNT",
     .help = "Set a budget of the run first, or with +AMOUNT raise it: usd=+5, tokens=300k, of one "
             "step STEP.tokens=+20k; may be given again"},
    {.name = "detach", .letter = 'd', .type = ARGUMENT_BOOLEAN,
     .help = "Go on in the background"},
    {.name = "no_input", .type = ARGUMENT_BOOLEAN, .help = "Never ask for approvals"},
};

const struct argument loop_arguments[] = {
    {.name = "file", .type = ARGUMENT_PATH, .is_positional = true, .value_name = "FILE",
     .help = "The stories: JSON or a Markdown check list; tasks/prd.json when absent"},
    {.name = "workflow", .letter = 'w', .type = ARGUMENT_WORKFLOW, .value_name = "WORKFLOW",
     .help = "The workflow of each story; `default` when none is configured"},
    {.name = "input", .letter = 'i', .type = ARGUMENT_PAIRS, .value_name = "KEY=VALUE",
     .help = "An input of the workflow, the same for each story; may be given again"},
    {.name = "strategy", .letter = 's', .type = ARGUMENT_CHOICE, .choices = "ai|static|hybrid",
     .value_name = "STRATEGY", .help = "As of `fermata run`"},
    {.name = "max", .letter = 'm', .type = ARGUMENT_INTEGER, .value_name = "NUMBER",
     .help = "So many stories at most"},
    {.name = "keep_going", .letter = 'k', .type = ARGUMENT_BOOLEAN,
     .help = "Go on with the next story when one failed"},
    {.name = "dry_run", .letter = 'n', .type = ARGUMENT_BOOLEAN,
     .help = "Say which stories would be taken in which order, and run nothing"},
    {.name = "offline", .type = ARGUMENT_BOOLEAN,
     .help = "Use only agents that need no network"},
    {.name = "no_input", .type = ARGUMENT_BOOLEAN, .help = "Never ask anything"},
};

const struct argument run_argument[] = { RUN_REQUIRED };
const struct argument last_run_argument[] = { RUN_OPTIONAL };

const struct argument cancel_arguments[] = {
    RUN_REQUIRED,
    {.name = "reason", .type = ARGUMENT_TEXT, .value_name = "TEXT", .help = "Why; kept with the run"},
};

const struct argument retry_arguments[] = {
    RUN_REQUIRED,
    {.name = "step", .type = ARGUMENT_STEP, .is_positional = true, .value_name = "STEP",
     .help = "The step; all that failed when absent"},
    GO_ON,
};

const struct argument skip_arguments[] = {
    RUN_REQUIRED,
    {.name = "step", .type = ARGUMENT_STEP, .is_positional = true, .value_name = "STEP",
     .help = "The step to skip"},
    {.name = "phase", .type = ARGUMENT_PHASE, .value_name = "ID", .help = "Skip a whole phase"},
    {.name = "gate", .type = ARGUMENT_PHASE, .value_name = "PHASE",
     .help = "Skip the gate of this phase"},
    {.name = "reason", .letter = 'r', .type = ARGUMENT_TEXT, .is_required = true,
     .value_name = "TEXT", .help = "Why; kept with the run"},
    GO_ON,
};

const struct argument answer_arguments[] = {
    RUN_REQUIRED,
    {.name = "step", .type = ARGUMENT_STEP, .is_positional = true, .value_name = "STEP",
     .help = "The step that waits; not needed when there is only one"},
    {.name = "comment", .letter = 'm', .type = ARGUMENT_TEXT, .value_name = "TEXT",
     .help = "A remark; kept with the run"},
    GO_ON,
};

const struct argument question_arguments[] = {
    RUN_REQUIRED,
    {.name = "text", .type = ARGUMENT_TEXT, .is_positional = true, .is_repeated = true,
     .value_name = "TEXT",
     .help = "The answer: one to all questions, or one to each. Before it may stand the step that "
             "asks, which is not needed when there is only one"},
    {.name = "step", .letter = 's', .type = ARGUMENT_STEP, .value_name = "STEP",
     .help = "The step that asks, where the text could be taken for one"},
    {.name = "file", .letter = 'f', .type = ARGUMENT_PATH, .value_name = "FILE",
     .help = "The answer is the text of this file; - is standard input"},
    GO_ON,
};

const struct argument signal_arguments[] = {
    RUN_REQUIRED,
    {.name = "name", .type = ARGUMENT_TEXT, .is_positional = true, .is_required = true,
     .value_name = "NAME", .help = "The signal, such as design-approved"},
    {.name = "value", .type = ARGUMENT_TEXT, .value_name = "JSON",
     .help = "What comes with it: JSON, or any text"},
    GO_ON,
};

const struct argument checkpoint_arguments[] = {
    RUN_REQUIRED,
    {.name = "name", .letter = 'n', .type = ARGUMENT_TEXT, .value_name = "NAME",
     .help = "What to call it; by the time when absent"},
};

const struct argument restore_arguments[] = {
    RUN_REQUIRED,
    {.name = "checkpoint", .type = ARGUMENT_CHECKPOINT, .is_positional = true, .is_required = true,
     .value_name = "CHECKPOINT", .help = "Its name, as `fermata checkpoints RUN` lists it"},
    GO_ON,
};

const struct argument list_arguments[] = {
    {.name = "status", .letter = 's', .type = ARGUMENT_CHOICE,
     .choices = "pending|running|paused|completed|failed|cancelled", .value_name = "STATUS",
     .help = "Only runs with this status"},
    {.name = "workflow", .letter = 'w', .type = ARGUMENT_WORKFLOW, .value_name = "WORKFLOW",
     .help = "Only runs of this workflow"},
    {.name = "limit", .letter = 'n', .type = ARGUMENT_INTEGER, .fallback = "20",
     .value_name = "NUMBER", .help = "How many at most"},
    {.name = "before", .type = ARGUMENT_RUN, .value_name = "RUN",
     .help = "Only runs older than this one: the next page"},
};

const struct argument tasks_arguments[] = {
    {.name = "task", .type = ARGUMENT_TASK, .is_positional = true, .value_name = "TASK",
     .help = "Show this one: its id, the beginning of it, a run of it, or \"last\""},
    {.name = "status", .letter = 's', .type = ARGUMENT_CHOICE,
     .choices = "pending|in_progress|completed|failed|cancelled", .value_name = "STATUS",
     .help = "Only tasks with this status"},
    {.name = "meta", .type = ARGUMENT_PAIRS, .value_name = "KEY=VALUE",
     .help = "Only tasks of which this was said; with --add: say it. May be given again"},
    {.name = "limit", .letter = 'n', .type = ARGUMENT_INTEGER, .value_name = "NUMBER",
     .help = "How many at most, 1 to 1000; 20 when absent"},
    {.name = "before", .type = ARGUMENT_TASK, .value_name = "TASK",
     .help = "Only tasks older than this one: the next page"},
    {.name = "add", .type = ARGUMENT_TEXT, .value_name = "TEXT",
     .help = "Note a task; `fermata run --task-id ID` runs it"},
    {.name = "cancel", .type = ARGUMENT_BOOLEAN,
     .help = "Cancel the task, which was not begun yet"},
    {.name = "statistics", .type = ARGUMENT_BOOLEAN,
     .help = "How many there are of each status, and how long one takes"},
    {.name = "clean_up", .type = ARGUMENT_BOOLEAN,
     .help = "Remove tasks that ended long ago, with their runs"},
    {.name = "older_than", .type = ARGUMENT_DURATION, .value_name = "DURATION",
     .help = "With --clean-up: how long ago; 30d when absent"},
    {.name = "clear", .type = ARGUMENT_BOOLEAN,
     .help = "Remove all tasks that are not in progress, with their runs; asks first"},
    {.name = "yes", .letter = 'y', .type = ARGUMENT_BOOLEAN, .help = "With --clear: do not ask"},
    {.name = "dry_run", .type = ARGUMENT_BOOLEAN,
     .help = "With --clean-up or --clear: only say what would be removed"},
};

const struct argument show_arguments[] = {
    RUN_OPTIONAL,
    {.name = "metrics", .letter = 'm', .type = ARGUMENT_BOOLEAN,
     .help = "Durations, attempts, retries, gate verdicts, utilisation"},
};

const struct argument logs_arguments[] = {
    RUN_OPTIONAL,
    {.name = "phase", .type = ARGUMENT_PHASE, .value_name = "ID", .help = "Only this phase"},
    {.name = "step", .letter = 's', .type = ARGUMENT_STEP, .value_name = "KEY",
     .help = "What this step printed"},
    {.name = "attempt", .type = ARGUMENT_INTEGER, .value_name = "NUMBER",
     .help = "With --step: this attempt; the last one when absent"},
    {.name = "stderr", .type = ARGUMENT_BOOLEAN,
     .help = "With --step: standard error instead of standard output"},
    {.name = "raw", .type = ARGUMENT_BOOLEAN,
     .help = "With --step: what an agent's program printed, as it is, instead of what it means"},
    {.name = "follow", .letter = 'f', .type = ARGUMENT_BOOLEAN,
     .help = "Go on printing until the run rests"},
    {.name = "records", .type = ARGUMENT_BOOLEAN,
     .help = "The journal itself, one JSON record a line"},
    {.name = "format", .type = ARGUMENT_CHOICE, .choices = "text|json", .value_name = "FORMAT",
     .help = "How log lines are printed; --log-format does the same"},
};

const struct argument artifacts_arguments[] = {
    RUN_OPTIONAL,
    {.name = "limit", .letter = 'n', .type = ARGUMENT_INTEGER, .fallback = "100",
     .value_name = "NUMBER", .help = "About how many, 1 to 1000"},
    {.name = "before", .type = ARGUMENT_INTEGER, .value_name = "NUMBER",
     .help = "The next page: the number that the page before ended with"},
};

const struct argument cat_arguments[] = {
    RUN_REQUIRED,
    {.name = "name", .type = ARGUMENT_CONTENT, .is_positional = true, .is_required = true,
     .value_name = "ARTIFACT|STEP", .help = "An artifact, or a step whose output is wanted"},
};

const struct argument explain_arguments[] = {
    RUN_OPTIONAL,
    {.name = "step", .type = ARGUMENT_STEP, .is_positional = true, .value_name = "STEP",
     .help = "Only this step"},
};

const struct argument diff_arguments[] = {
    RUN_OPTIONAL,
    {.name = "step", .type = ARGUMENT_STEP, .is_positional = true, .value_name = "STEP",
     .help = "Only what this step did"},
    {.name = "stat", .type = ARGUMENT_BOOLEAN, .help = "How much changed in which file, not what"},
};

const struct argument undo_arguments[] = {
    RUN_REQUIRED,
    {.name = "step", .type = ARGUMENT_STEP, .is_positional = true, .value_name = "STEP",
     .help = "Only what this step did"},
    {.name = "force", .type = ARGUMENT_BOOLEAN,
     .help = "Also files that changed since; what stands there now is kept"},
    {.name = "back", .type = ARGUMENT_BOOLEAN, .help = "Take the last undo of this run back"},
};

const struct argument audit_arguments[] = {
    {.name = "action", .type = ARGUMENT_CHOICE, .is_positional = true, .fallback = "list",
     .choices = "list|verify", .value_name = "ACTION", .help = "What is to be done"},
    {.name = "run", .type = ARGUMENT_RUN, .value_name = "RUN", .help = "Only entries of this run"},
    {.name = "limit", .letter = 'n', .type = ARGUMENT_INTEGER, .fallback = "20",
     .value_name = "NUMBER", .help = "How many at most"},
    {.name = "before", .type = ARGUMENT_INTEGER, .value_name = "NUMBER",
     .help = "The next page: the number that the page before ended with"},
    {.name = "head", .type = ARGUMENT_TEXT, .value_name = "HASH",
     .help = "With verify: a hash that was noted before; it has to be in the log still"},
};

const struct argument workflows_arguments[] = {
    {.name = "name", .type = ARGUMENT_WORKFLOW, .is_positional = true, .value_name = "NAME",
     .help = "Show this one: its name or a file; or list a pack"},
    {.name = "tier", .type = ARGUMENT_CHOICE, .choices = "free|pro|team|enterprise",
     .value_name = "TIER", .help = "Say what is allowed with this tier"},
    {.name = "tree", .type = ARGUMENT_BOOLEAN, .help = "Its phases and steps (the default)"},
    {.name = "graph", .type = ARGUMENT_BOOLEAN, .help = "What waits for what"},
    {.name = "source", .type = ARGUMENT_BOOLEAN, .help = "Its text"},
};

const struct argument validate_arguments[] = {
    {.name = "name", .type = ARGUMENT_WORKFLOW, .is_positional = true, .is_repeated = true,
     .value_name = "NAME|FILE", .help = "Workflows or files; everything when absent"},
};

const struct argument experts_arguments[] = {
    {.name = "name", .type = ARGUMENT_EXPERT, .is_positional = true, .value_name = "NAME|import",
     .help = "Show this one; or import: take over those of other programs"},
    {.name = "from", .type = ARGUMENT_PATH, .value_name = "FOLDER",
     .help = "With import: another project, or a folder of such files"},
    {.name = "dry_run", .letter = 'n', .type = ARGUMENT_BOOLEAN,
     .help = "With import: say what would be done, and write nothing"},
};

const struct argument gate_arguments[] = {
    {.name = "name", .type = ARGUMENT_GATE, .is_positional = true, .value_name = "NAME",
     .help = "The gate to run; without it all are listed"},
    {.name = "prove", .type = ARGUMENT_BOOLEAN,
     .help = "Plant faults in a copy of the project: does each check turn red?"},
    {.name = "no_input", .type = ARGUMENT_BOOLEAN, .help = "Never ask anything"},
};

const struct argument schema_arguments[] = {
    {.name = "what", .type = ARGUMENT_CHOICE, .choices = "workflow|config|expert|reference|agents|experts|workflows",
     .is_positional = true, .fallback = "workflow", .value_name = "WHAT",
     .help = "workflow, config, expert: their JSON Schema; reference: all keys, agents: what each type of "
             "agent can do, experts and workflows: the built-in ones, as Markdown"},
};

const struct argument agents_arguments[] = {
    {.name = "name", .type = ARGUMENT_AGENT, .is_positional = true, .value_name = "NAME",
     .help = "Everything about this one"},
    {.name = "check", .letter = 'c', .type = ARGUMENT_BOOLEAN,
     .help = "Ask model servers whether they are there and which models they have, and whether "
             "the addresses of all others can be reached"},
    {.name = "quick", .type = ARGUMENT_BOOLEAN,
     .help = "Start no program: versions only as far as they are known"},
};

const struct argument reset_agent_arguments[] = {
    {.name = "name", .type = ARGUMENT_AGENT, .is_positional = true, .is_required = true,
     .value_name = "NAME", .help = "The agent, by its name or role"},
};

const struct argument test_agent_arguments[] = {
    {.name = "name", .type = ARGUMENT_AGENT, .is_positional = true, .is_required = true,
     .value_name = "NAME", .help = "The agent, by its name or role"},
    {.name = "prompt", .type = ARGUMENT_TEXT, .is_positional = true, .is_required = true,
     .value_name = "PROMPT", .help = "What it is asked"},
    {.name = "read_only", .letter = 'r', .type = ARGUMENT_BOOLEAN,
     .help = "It may change no file"},
    {.name = "model", .letter = 'm', .type = ARGUMENT_TEXT, .value_name = "MODEL",
     .help = "The model, instead of the agent's"},
    {.name = "timeout", .letter = 't', .type = ARGUMENT_DURATION, .fallback = "30m",
     .value_name = "DURATION", .help = "Longest time of the call"},
};

const struct argument doctor_arguments[] = {
    {.name = "rebuild", .type = ARGUMENT_BOOLEAN,
     .help = "Build tables and the files of runs again from the journal; say what differed"},
};

const struct argument models_arguments[] = {
    {.name = "action", .type = ARGUMENT_CHOICE, .is_positional = true, .fallback = "status",
     .choices = "status|list|pull|remove", .value_name = "ACTION", .help = "What is to be done"},
    {.name = "model", .type = ARGUMENT_TEXT, .is_positional = true, .value_name = "MODEL",
     .help = "The model to pull or remove"},
    {.name = "agent", .letter = 'a', .type = ARGUMENT_TEXT, .value_name = "NAME",
     .help = "Only the server of this agent"},
    {.name = "endpoint", .letter = 'e', .type = ARGUMENT_TEXT, .value_name = "URL",
     .help = "A server at this address, configured or not"},
    {.name = "type", .letter = 't', .type = ARGUMENT_CHOICE, .fallback = "ollama",
     .choices = "ollama|llamacpp|localai|text-generation-webui|openai-compatible|groq|anthropic|"
                "gemini-api",
     .value_name = "TYPE", .help = "With --endpoint: what kind of server it is"},
};

const struct argument gc_arguments[] = {
    {.name = "older_than", .type = ARGUMENT_DURATION, .value_name = "DURATION",
     .help = "Also remove whole finished runs older than this, such as 30d"},
    {.name = "dry_run", .letter = 'n', .type = ARGUMENT_BOOLEAN,
     .help = "Only say what would be removed"},
};

const struct argument function_arguments[] = {
    {.name = "name", .type = ARGUMENT_TEXT, .is_positional = true, .is_required = true,
     .value_name = "NAME", .help = "A built-in function"},
};
/* clang-format on */

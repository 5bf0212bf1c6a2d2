/* SPDX-License-Identifier: MIT */
#include "workflow/keys.h"

#include "base/alloc.h"
#include "base/nearest.h"

#include <assert.h>
#include <string.h>

#define L(level) LEVEL_BIT(LEVEL_##level)
#define K(kind) (1U << (unsigned)STEP_##kind)

static const struct level levels[] = {
    [LEVEL_WORKFLOW] = {"workflow", "a workflow", "The file itself: one workflow a file."},
    [LEVEL_INPUT] =
        {"input", "an input",
         "A value that a run asks for, given with `-i name=value`; read as "
         "`${{ inputs.NAME }}`, and by commands as `$FERMATA_INPUT_NAME`. A value above "
         "96 KiB is too large for the environment: then the variable is not set, and "
         "`$FERMATA_INPUT_NAME_FILE` names a file that holds the value."},
    [LEVEL_DEFAULTS] = {"defaults", "the defaults",
                        "What holds for every step that does not say otherwise."},
    [LEVEL_RETRY] = {"retry", "a retry policy",
                     "When and how often a failed step is tried again. Agent steps are tried three "
                     "times and other steps once where nothing is said."},
    [LEVEL_QUIET] =
        {"quiet", "a limit of quiet",
         "How long an attempt may print nothing and use no processor time, and what happens then. "
         "First that is told: as a record, a line of the log, and by `status`. What a step says "
         "goes before what its agent says. See [Liveness](agents.md#liveness)."},
    [LEVEL_GOTO] = {"goto", "a goto", "Going back to an earlier phase after a failure."},
    [LEVEL_ITERATE] = {"iterate", "an iteration",
                       "Runs the same phases (or the steps of one phase) again until a condition "
                       "holds."},
    [LEVEL_CHECKPOINT] = {"checkpoint", "the checkpoint settings",
                          "Snapshots of the run that can be restored."},
    [LEVEL_GATE] =
        {"gate", "a gate",
         "Checks that must pass before the run goes on. The verdict is `pass`, `fail` or "
         "`unknown`; only `pass` passes. Built in: `pre-commit` (lint, format, types), "
         "`pre-push` (tests, coverage), `pre-deploy` (security, build)."},
    [LEVEL_CHECK] = {"check", "a check",
                     "One command or function of a gate, and what it must show."},
    [LEVEL_PHASE] =
        {"phase", "a phase",
         "A named stage. Phases run one after the other unless `needs` says otherwise."},
    [LEVEL_STEP] =
        {"step", "a step",
         "The smallest thing that is run. Exactly one of `prompt`, `run`, `use`, `approve`, "
         "`workflow` says its kind; with `agent` or `expert` alone it is an agent step "
         "whose prompt is the run's task."},
    [LEVEL_STATIC] =
        {"static", "a static alternative",
         "What runs instead of an agent under the strategy `static`, or after the agent "
         "failed under `hybrid`: a command or a function."},
    [LEVEL_CONFIG] =
        {"config", "the configuration",
         "`config.yaml` of a project (`.fermata/`) or user. A project's file adds to the "
         "user's and may narrow its limits."},
    [LEVEL_AGENT] =
        {"agent", "an agent",
         "A backend. `fermata agents` lists those that need no configuration; one of the same "
         "name here takes from it what is not said. A project's file may narrow an agent of the "
         "user's file, never make it another program, address, key or environment."},
    [LEVEL_MAP] =
        {"agent-map", "a map of an output",
         "Where what is in the JSON that a program of type `command` prints. A path names keys and "
         "indexes with dots between them; what is not there is not said. With `events` each line "
         "is "
         "read by the rule of its kind and the other keys have no effect; without, the whole "
         "value, "
         "or each line of `jsonl`, by the other keys. See [Any program](agents.md#any-program)."},
    [LEVEL_MAP_EVENT] = {"agent-map-event", "an event of a map",
                         "What a line of one kind is to Fermata."},
    [LEVEL_MAP_USAGE] = {"agent-map-usage", "the usage of a map",
                         "The same keys may stand in the event itself."},
    [LEVEL_PRICE] = {"price", "a price",
                     "What a model costs, in USD for a million tokens. Counts where the backend "
                     "does not say what a call cost; without a price that stays unknown."},
    [LEVEL_CHAIN] = {"chain", "a list workflow", "A workflow as a plain list of agent steps."},
    [LEVEL_CHAIN_STEP] = {"chain-step", "a step of a list workflow",
                          "One agent call; it sees the outputs of the steps before it."},
    [LEVEL_SETTINGS] = {"settings", "the settings",
                        "Settings in the form of `agents.yaml`: for list workflows, and for all "
                        "where it says so."},
    [LEVEL_FALLBACK] = {"settings-fallback", "the fallback settings",
                        "Which agent stands in for which; pairs may also stand here beside `map`."},
    [LEVEL_OFFLINE] = {"settings-offline", "the offline settings", "Work without a network."},
    [LEVEL_ENTITLEMENT] =
        {"entitlement", "an entitlement",
         "Which tiers of workflows may be started. Of two files the narrower word holds. See "
         "[Packs](packs.md#tiers)."},
    [LEVEL_BUDGET] =
        {"budget", "a budget",
         "What a run with all its nested runs, or a step with all its attempts, may use. Where one "
         "is used up the run pauses and asks. See [Budgets](budgets.md)."},
    [LEVEL_EXPERT] = {"expert", "an expert",
                      "`.fermata/experts/NAME.md`: between two lines `---` the front matter with "
                      "these keys, all "
                      "optional; behind it, in Markdown, what the agent is told as its role. See "
                      "[Experts](experts.md)."},
    [LEVEL_SUITS] =
        {"suits", "what a workflow suits",
         "The tasks that it is meant for, so that `fermata recommend` and `fermata plan` "
         "find it. See [Planning](planner.md)."},
};
static_assert(ARRAY_LEN(levels) == KEY_LEVELS, "one row for each level");

static const struct key keys[] = {
    /* ---- workflow --------------------------------------------------------------------------- */
    {L(WORKFLOW), "name", SHAPE_NAME, .help = "The workflow's name.", .is_required = true,
     .example = "feature-development"},
    {L(WORKFLOW), "title", SHAPE_TEXT, .help = "Shown instead of the name."},
    {L(WORKFLOW) | L(INPUT) | L(GATE) | L(AGENT) | L(CHAIN) | L(CHAIN_STEP), "description",
     SHAPE_TEXT, .help = "What it is for, in a sentence."},
    {L(WORKFLOW), "tier", SHAPE_WORD,
     .help = "The tier that it needs; `entitlement` of the configuration says which are allowed.",
     .words = "free pro team enterprise", .fallback = "free"},
    {L(WORKFLOW), "inputs", SHAPE_NAMED, .help = "The values that a run asks for.",
     .of = LEVEL_INPUT, .example = "{ feature: { type: string, required: true } }"},
    {L(WORKFLOW), "defaults", SHAPE_OBJECT, .help = "What holds for all steps.",
     .of = LEVEL_DEFAULTS},
    {L(WORKFLOW), "on_failure", SHAPE_WORD, .help = "What happens when a phase failed for good.",
     .words = "pause fail continue", .fallback = "pause"},
    {L(WORKFLOW), "gates", SHAPE_NAMED,
     .help = "Own gates; a built-in one of the same name is replaced.", .of = LEVEL_GATE},
    {L(WORKFLOW), "iterate", SHAPE_OBJECT, .help = "Runs all phases again until a condition holds.",
     .of = LEVEL_ITERATE, .example = "{ max: 3, until: steps.review.suggestions <= 3 }"},
    {L(WORKFLOW), "checkpoint", SHAPE_OBJECT,
     .help = "When snapshots are taken and how many are kept.", .of = LEVEL_CHECKPOINT},
    {L(WORKFLOW), "concurrency", SHAPE_INTEGER,
     .help = "Steps at once in the whole run; 0: no limit.", .most = 10000, .fallback = "0"},
    {L(WORKFLOW), "timeout", SHAPE_DURATION,
     .help =
         "Longest time of the whole run, its pauses not counted; 0: no limit. Then it fails, and "
         "`resume --retry-failed` gives it that time again.",
     .fallback = "0", .example = "4h"},
    {L(WORKFLOW) | L(DEFAULTS) | L(STEP) | L(CONFIG), "strategy", SHAPE_WORD,
     .help =
         "`ai` uses agents, `static` their static alternatives, `hybrid` tries the agent and "
         "falls back. Under `static` what has no alternative is skipped where it is `optional`; "
         "else nothing is begun.",
     .words = "ai static hybrid", .kinds = K(AGENT) | K(WORKFLOW)},
    {L(WORKFLOW), "phases", SHAPE_OBJECTS, .help = "The stages.", .of = LEVEL_PHASE,
     .is_required = true},
    {L(WORKFLOW) | L(STEP) | L(CONFIG), "budget", SHAPE_OBJECT,
     .help = "What may be used: by the run with all its nested runs, by the step in all its "
             "attempts and instances (of a step that calls a workflow: by the run of that). In the "
             "configuration: by every run whose workflow and caller do not say otherwise.",
     .of = LEVEL_BUDGET, .example = "{ tokens: 200k, usd: 5, time: 30m, steps: 40 }",
     .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION) | K(WORKFLOW)},
    {L(WORKFLOW), "read_only", SHAPE_BOOLEAN,
     .help = "Whether no step may change anything: all agents are `read_only`; commands, gates, "
             "functions that write or start what the project brings, clones and "
             "calls of workflows that are not read-only are refused.",
     .fallback = "false"},
    {L(WORKFLOW), "contracts", SHAPE_WORDS,
     .help = "Rules that the prompt of every agent step ends with. `evidence`: each claim has its "
             "source, and what was not looked at is unknown; `yagni`: nothing is proposed that "
             "nothing speaks for. A run keeps the texts it started with.",
     .words = "evidence yagni", .example = "[evidence, yagni]"},
    {L(WORKFLOW), "suits", SHAPE_OBJECT, .help = "The tasks that it is meant for.",
     .of = LEVEL_SUITS,
     .example = "{ kinds: [migration], words: [schema, column], surfaces: [database] }"},
    {L(WORKFLOW), "report", SHAPE_ID, .help = "The step whose output is the run's report.",
     .example = "summary"},

    /* ---- suits ------------------------------------------------------------------------------ */
    {L(SUITS), "kinds", SHAPE_WORDS, .help = "Kinds of task.",
     .words = "feature fix refactor test documentation review security performance migration "
              "infrastructure research design other",
     .example = "[migration]"},
    {L(SUITS), "words", SHAPE_TEXTS,
     .help = "Words and phrases that speak for it, in any form: `migrate` is also \"migrating\".",
     .example = "[schema, \"not null\"]"},
    {L(SUITS), "unless", SHAPE_TEXTS, .help = "Words and phrases that speak against it."},
    {L(SUITS), "surfaces", SHAPE_WORDS, .help = "What a task has to touch, all of it.",
     .words = "backend frontend database api security tests infrastructure monitoring "
              "documentation performance"},

    /* ---- input ------------------------------------------------------------------------------ */
    {L(INPUT), "type", SHAPE_WORD,
     .help = "The type. A path is relative to the project's folder and stays inside it, also "
             "behind links; a place elsewhere is a string.",
     .words = "string integer number boolean enum path", .fallback = "string"},
    {L(INPUT), "required", SHAPE_BOOLEAN, .help = "Whether a run cannot start without it.",
     .fallback = "false"},
    {L(INPUT), "default", SHAPE_ANY, .help = "The value when none is given; it must fit the type."},
    {L(INPUT), "pattern", SHAPE_TEXT, .help = "A regular expression (PCRE2) for strings and paths.",
     .example = "\"^[a-z]+$\""},
    {L(INPUT), "choices", SHAPE_TEXTS, .help = "The allowed values of an enum.",
     .example = "[low, high]"},

    /* ---- defaults; most are also keys of steps ---------------------------------------------- */
    {L(DEFAULTS) | L(STEP) | L(STATIC), "timeout", SHAPE_DURATION,
     .help = "Longest time of one attempt; 0: no limit. Approvals and nested workflows have none "
             "unless "
             "they say so themselves.",
     .fallback = "30m"},
    {L(DEFAULTS) | L(STEP) | L(STATIC), "retry", SHAPE_OBJECT,
     .help = "When a failed attempt is repeated.", .of = LEVEL_RETRY,
     .example = "{ attempts: 3, delay: 2s }"},
    {L(DEFAULTS) | L(STEP) | L(STATIC) | L(AGENT), "quiet", SHAPE_OBJECT,
     .help = "How long an attempt may be quiet, and what happens then.", .of = LEVEL_QUIET,
     .example = "{ after: 10m, then: stop }", .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},
    {L(DEFAULTS) | L(STEP), "workspace", SHAPE_WORD,
     .help = "Where an agent works: in the project itself, or in a private clone of it.",
     .words = "shared clone", .fallback = "shared", .kinds = K(AGENT)},
    {L(DEFAULTS) | L(STEP), "on_conflict", SHAPE_NAME,
     .help = "Who settles it when what the step did in its clone cannot be merged, for the project "
             "changed the same lines meanwhile: an agent, which gets both sides and works in that "
             "clone, or `pause`, so that a person does.",
     .fallback = "pause", .example = "claude", .kinds = K(AGENT)},
    {L(DEFAULTS) | L(STEP), "commit", SHAPE_BOOLEAN,
     .help = "What the step did in its clone is, once merged, also a commit of git under "
             "refs/fermata/RUN, which no branch holds.",
     .fallback = "false", .kinds = K(AGENT)},
    {L(DEFAULTS) | L(STEP), "on_limit", SHAPE_WORD,
     .help =
         "When the agent's limit is over at a time that it told: `park` waits until then, and no "
         "try is lost; `fallback` asks the next agent, where there is one; `auto` parks when "
         "that is within the `max_delay` of `retry`, else asks the next agent.",
     .words = "auto park fallback", .fallback = "auto", .kinds = K(AGENT)},
    {L(DEFAULTS) | L(STEP), "questions", SHAPE_INTEGER,
     .help = "How often an agent may ask a person something before the step fails; 0: never. Each "
             "question pauses the step until `fermata answer`.",
     .most = 100, .fallback = "5", .kinds = K(AGENT)},
    {L(DEFAULTS) | L(STEP), "agent", SHAPE_NAME, .help = "The agent that is asked.",
     .example = "claude", .kinds = K(AGENT)},
    {L(DEFAULTS) | L(STEP) | L(STATIC), "env", SHAPE_VARIABLES,
     .help = "Environment variables; the way to hand values to a command.",
     .example = "{ FEATURE: \"${{ inputs.feature }}\" }",
     .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},

    /* ---- budget ----------------------------------------------------------------------------- */
    {L(BUDGET), "tokens", SHAPE_COUNT,
     .help = "Tokens of agents, in and out, what came from a cache included; 0: no limit.",
     .fallback = "0", .example = "200k"},
    {L(BUDGET), "usd", SHAPE_NUMBER, .help = "What agents cost, in dollars; 0: no limit.",
     .most = 1000000, .fallback = "0", .example = "5"},
    {L(BUDGET), "time", SHAPE_DURATION,
     .help = "Of a run: wall time while it is running, its pauses not counted. Of a step: the time "
             "of its attempts together. 0: no limit.",
     .fallback = "0", .example = "30m"},
    {L(BUDGET), "steps", SHAPE_COUNT,
     .help =
         "Steps of agents, commands and functions that were begun, each instance and each round "
         "counted, further tries not. 0: no limit.",
     .fallback = "0", .example = "40"},

    /* ---- quiet ------------------------------------------------------------------------------ */
    {L(QUIET), "after", SHAPE_DURATION,
     .help = "How long nothing is printed and no processor time is used; 0: no limit.",
     .fallback = "5m"},
    {L(QUIET), "then", SHAPE_WORD,
     .help = "`report` only tells; `stop` tells, then ends the attempt as timed out, unless its "
             "stream told of a tool that is still at work, or its processes cannot be read.",
     .words = "report stop", .fallback = "report"},

    /* ---- retry ------------------------------------------------------------------------------ */
    {L(RETRY), "attempts", SHAPE_INTEGER, .help = "Tries in all.", .least = 1, .most = 100,
     .fallback = "3"},
    {L(RETRY), "backoff", SHAPE_WORD, .help = "How the delay grows.", .words = "exponential fixed",
     .fallback = "exponential"},
    {L(RETRY), "delay", SHAPE_DURATION, .help = "The wait before the second attempt.",
     .fallback = "2s"},
    {L(RETRY), "max_delay", SHAPE_DURATION, .help = "The longest wait between two attempts.",
     .fallback = "60s"},
    {L(RETRY), "jitter", SHAPE_BOOLEAN, .help = "Whether the wait is a random part of the delay.",
     .fallback = "true"},
    {L(RETRY), "on", SHAPE_WORDS,
     .help =
         "The classes of failure that are tried again; the `retry` of a command or function step "
         "itself means `permanent` as well, for that is what its failing is.",
     .words = "transient limit permanent refused timeout lost",
     .fallback = "[transient, limit, timeout]"},

    /* ---- goto, iterate, checkpoint ---------------------------------------------------------- */
    {L(GOTO), "goto", SHAPE_ID, .help = "The phase to go back to; it must lie before this one.",
     .is_required = true},
    {L(GOTO), "max", SHAPE_INTEGER, .help = "How often at most; then the run pauses.", .least = 1,
     .most = 1000, .fallback = "3"},
    {L(ITERATE), "max", SHAPE_INTEGER, .help = "Rounds at most.", .least = 1, .most = 1000,
     .is_required = true},
    {L(ITERATE), "until", SHAPE_EXPRESSION, .help = "Ends the rounds when it is true after one.",
     .example = "steps.review.suggestions <= 3"},
    {L(CHECKPOINT), "auto", SHAPE_BOOLEAN, .help = "Whether one is taken when a phase completes.",
     .fallback = "true"},
    {L(CHECKPOINT), "retention", SHAPE_INTEGER, .help = "How many of the newest are kept; 0: all.",
     .most = 100000, .fallback = "0"},

    /* ---- gate and check --------------------------------------------------------------------- */
    {L(GATE), "allow_skip", SHAPE_BOOLEAN, .help = "Whether a person may skip it, with a reason.",
     .fallback = "true"},
    {L(GATE), "commands", SHAPE_OBJECTS, .help = "The checks, run one after the other.",
     .of = LEVEL_CHECK, .is_required = true, .example = "[{ run: make check, tests_min: 1 }]"},
    {L(CHECK), "name", SHAPE_TEXT, .help = "Shown; the command or function when not given."},
    {L(CHECK), "run", SHAPE_TEXT, .help = "A command for `sh -c`."},
    {L(CHECK), "use", SHAPE_NAME, .help = "A built-in function, instead of `run`."},
    {L(CHECK), "with", SHAPE_VARIABLES, .help = "Arguments of the function."},
    {L(CHECK), "exit_status", SHAPE_INTEGER, .help = "The exit status that counts as success.",
     .most = 255, .fallback = "0"},
    {L(CHECK), "tests_min", SHAPE_INTEGER,
     .help = "Fewest tests that must have run, read from its output.", .most = 1000000000},
    {L(CHECK), "coverage_min", SHAPE_NUMBER,
     .help = "Least coverage in percent, read from its output.", .most = 100},
    {L(CHECK), "timeout", SHAPE_DURATION, .help = "Longest time; beyond it the verdict is unknown.",
     .fallback = "10m"},
    {L(CHECK), "junit", SHAPE_PATH, .help = "A JUnit XML file that the command writes.",
     .example = "build/junit.xml"},

    /* ---- phase; many are also keys of steps ------------------------------------------------- */
    {L(PHASE) | L(STEP), "id", SHAPE_ID, .help = "Its name in references; unique in the workflow.",
     .is_required = true, .example = "plan"},
    {L(PHASE) | L(STEP) | L(STATIC), "name", SHAPE_TEXT, .help = "Shown instead of the id."},
    {L(PHASE), "needs", SHAPE_NAMES,
     .help = "The phases that must be over before; by default the one before it in the file, `[]` "
             "for none.",
     .example = "[plan]"},
    {L(STEP), "needs", SHAPE_NAMES, .help = "The steps of the same phase that must be over before.",
     .example = "[outline]"},
    {L(PHASE), "mode", SHAPE_WORD,
     .help = "`sequential` runs the steps in file order, `parallel` at once, `adaptive` runs them, "
             "and after "
             "a failure runs `fix` and then them again.",
     .words = "sequential parallel adaptive", .fallback = "sequential"},
    {L(PHASE), "width", SHAPE_INTEGER, .help = "Steps at once in parallel mode; 0: no limit.",
     .most = 10000, .fallback = "0"},
    {L(STEP), "width", SHAPE_INTEGER, .help = "Instances at once with `foreach`; 0: no limit.",
     .most = 10000, .fallback = "0"},
    {L(PHASE) | L(STEP), "trigger", SHAPE_WORD,
     .help =
         "How what it `needs` must have ended. What was skipped, or failed where that is allowed "
         "(`optional`, `on_failure: continue`), counts as a success.",
     .words = "all_success one_success all_done", .fallback = "all_success"},
    {L(PHASE) | L(STEP), "when", SHAPE_EXPRESSION, .help = "Skipped unless this is true.",
     .example = "inputs.level == \"high\""},
    {L(PHASE), "gate", SHAPE_NAME, .help = "The gate that must pass after the steps.",
     .example = "pre-commit"},
    {L(STEP), "gate", SHAPE_NAME,
     .help =
         "The gate that must pass in the clone in which the step worked, before that is merged. "
         "Where it fails, or proves nothing, the step fails, and its clone is kept.",
     .example = "pre-commit", .kinds = K(AGENT)},
    {L(PHASE) | L(STEP), "optional", SHAPE_BOOLEAN,
     .help = "Whether its failure is no failure of the whole.", .fallback = "false"},
    {L(PHASE) | L(STEP), "allow_skip", SHAPE_BOOLEAN,
     .help = "Whether a person may skip it, with a reason. Of a phase that may not be skipped the "
             "last step that is left may not be either.",
     .fallback = "true"},
    {L(PHASE), "timeout", SHAPE_DURATION,
     .help = "Longest time of the phase, pauses of the run not counted; 0: no limit.",
     .fallback = "0"},
    {L(PHASE) | L(STEP), "on_failure", SHAPE_WORD | SHAPE_OBJECT,
     .help = "What happens when it failed for good; the enclosing level decides when not given.",
     .words = "pause fail continue", .of = LEVEL_GOTO, .example = "{ goto: implement, max: 3 }"},
    {L(PHASE), "iterate", SHAPE_OBJECT, .help = "Runs the phase again until a condition holds.",
     .of = LEVEL_ITERATE},
    {L(PHASE), "rounds", SHAPE_INTEGER, .help = "Rounds of fixing in adaptive mode.", .least = 1,
     .most = 100, .fallback = "3"},
    {L(PHASE), "steps", SHAPE_OBJECTS,
     .help = "What it does; may be left out when it only has a gate.", .of = LEVEL_STEP},
    {L(PHASE), "fix", SHAPE_OBJECTS,
     .help = "The steps of adaptive mode that run, one after the other, when a step or the gate "
             "failed.",
     .of = LEVEL_STEP},

    /* ---- step ------------------------------------------------------------------------------- */
    {L(STEP), "prompt", SHAPE_TEMPLATE, .help = "Makes an agent step: what the agent is asked.",
     .fallback = "\"${{ run.task }}\"", .example = "\"Plan: ${{ inputs.feature }}\"",
     .kinds = K(AGENT)},
    {L(STEP) | L(STATIC), "run", SHAPE_TEXT,
     .help =
         "Makes a command step: a command for `sh -c`. Values are never pasted into it; use `env`.",
     .example = "make test", .kinds = K(COMMAND)},
    {L(STEP) | L(STATIC), "use", SHAPE_NAME,
     .help = "Makes a function step: a built-in function; `fermata schema reference` lists them.",
     .example = "inventory", .kinds = K(FUNCTION)},
    {L(STEP), "approve", SHAPE_TEMPLATE,
     .help = "Makes an approval: the question that a person answers. With a `timeout`, an answer "
             "that comes later is refused. A run that only waits rests, so the step fails when "
             "`resume` lets it go on; `status` and `list` call it overdue until then.",
     .example = "\"Deploy to production?\"", .kinds = K(APPROVAL)},
    {L(STEP), "workflow", SHAPE_NAME,
     .help = "Makes a nested run: the workflow's name. The step's output is that of the step which "
             "the workflow names as its `report`, else of its last step.",
     .kinds = K(WORKFLOW)},
    {L(STEP) | L(STATIC), "with", SHAPE_VARIABLES, .help = "Arguments of the function.",
     .kinds = K(FUNCTION)},
    {L(STEP), "inputs", SHAPE_VARIABLES, .help = "Inputs of the nested workflow.",
     .kinds = K(WORKFLOW)},
    {L(STEP), "expert", SHAPE_NAME,
     .help = "The role that the agent gets; `fermata experts` lists them. What the expert says of "
             "permission, tools and model holds where the step does not say otherwise.",
     .example = "security-expert", .kinds = K(AGENT)},
    {L(STEP), "fallback", SHAPE_NAMES,
     .help = "The agents that are asked, one after the other, when this one is given up; without "
             "it, those of `fallback` in the settings.",
     .example = "[codex, local-instruct]", .kinds = K(AGENT)},
    {L(STEP), "model", SHAPE_TEXT, .help = "The model, instead of the agent's.", .kinds = K(AGENT)},
    {L(STEP), "read_only", SHAPE_BOOLEAN,
     .help =
         "Whether the agent may change nothing: it is called in its own read-only mode, and the "
         "step fails when the project is another afterwards.",
     .fallback = "false", .kinds = K(AGENT)},
    {L(STEP), "tools", SHAPE_TEXTS,
     .help = "Tools that the agent may use beside those of its mode (reading, and, unless "
             "`read_only`, editing), in its own names; `*` allows every tool.",
     .example = "[\"Bash(git log:*)\", \"Bash(make:*)\"]", .kinds = K(AGENT)},
    {L(STEP), "turns_max", SHAPE_INTEGER,
     .help = "Most turns of the agent in one attempt; 0: no limit.", .most = 100000,
     .fallback = "0", .kinds = K(AGENT)},
    {L(STEP), "budget_usd", SHAPE_NUMBER,
     .help = "What one attempt of the agent may cost, in dollars; 0: no limit. The agent itself "
             "sees to it, after each answer.",
     .most = 100000, .fallback = "0", .kinds = K(AGENT)},
    {L(STEP), "static", SHAPE_OBJECT,
     .help = "What runs instead of the agent where no agent is wanted.", .of = LEVEL_STATIC,
     .example = "{ run: make lint }", .kinds = K(AGENT)},
    {L(STEP) | L(STATIC), "cwd", SHAPE_PATH, .help = "The working folder, relative to the project.",
     .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},
    {L(STEP), "foreach", SHAPE_EXPRESSION | SHAPE_VALUES,
     .help =
         "One instance for each member of this list; the member is `item`, its place is `index`.",
     .example = "steps.list.output.files",
     .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION) | K(WORKFLOW)},
    {L(STEP) | L(STATIC), "output", SHAPE_PATH,
     .help = "Keeps the standard output as an artifact of this name.", .example = "plan.md",
     .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},
    {L(STEP) | L(STATIC), "format", SHAPE_WORD,
     .help = "What the output is; `json` is parsed and checked.", .words = "text json",
     .fallback = "text", .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},
    {L(STEP) | L(STATIC), "schema", SHAPE_ANY,
     .help = "The JSON Schema that JSON output must fit; makes `format` json.",
     .example = "{ type: object, required: [files] }",
     .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},
    {L(STEP) | L(STATIC), "artifacts", SHAPE_PATHS,
     .help = "Files that are kept: artifact name to path.",
     .example = "{ coverage: build/coverage.xml }", .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},
    {L(STEP), "reuse", SHAPE_WORD,
     .help =
         "When an earlier result is taken: `never`, by its `inputs`, or by these and the "
         "`tree` of files. Where nothing is said: an agent's by the tree, a function's by what it "
         "reads, a command's never.",
     .words = "never inputs tree", .kinds = K(AGENT) | K(COMMAND) | K(FUNCTION)},
    {L(STEP) | L(STATIC), "success", SHAPE_INTEGERS,
     .help = "The exit statuses that count as success.", .most = 255, .fallback = "[0]",
     .kinds = K(COMMAND)},

    /* ---- config ----------------------------------------------------------------------------- */
    {L(CONFIG), "agents", SHAPE_NAMED, .help = "The agents.", .of = LEVEL_AGENT,
     .example = "{ claude: { type: claude } }"},
    {L(CONFIG), "gates", SHAPE_NAMED, .help = "Gates; a built-in one of the same name is replaced.",
     .of = LEVEL_GATE},
    {L(CONFIG), "workflows", SHAPE_NAMED, .help = "Workflows as plain lists of agent steps.",
     .of = LEVEL_CHAIN, .of_items = LEVEL_CHAIN_STEP,
     .example = "{ quick: [{ agent: codex, task: implement }] }"},
    {L(CONFIG), "settings", SHAPE_OBJECT, .help = "Settings of list workflows.",
     .of = LEVEL_SETTINGS},
    {L(CONFIG), "default_agent", SHAPE_NAME, .help = "The agent of steps that name none."},
    {L(CONFIG) | L(SETTINGS), "default_workflow", SHAPE_NAME,
     .help = "The workflow of runs that name none."},
    {L(CONFIG), "offline", SHAPE_BOOLEAN | SHAPE_WORD,
     .help = "`true`: only agents that need no network. `auto`: an agent whose address cannot be "
             "reached is passed over where the step has one that needs none. `false`: nobody asks.",
     .words = "auto", .fallback = "auto"},
    {L(CONFIG), "concurrency", SHAPE_INTEGER,
     .help = "Processes at once in one orchestrator; 0: twice the processor's cores.",
     .most = 10000, .fallback = "0"},
    {L(CONFIG), "output_bytes_max", SHAPE_BYTES, .help = "How much of each output is kept.",
     .least = 4096, .most = INT64_C(1) << 30, .fallback = "8MiB"},
    {L(CONFIG), "steps_max", SHAPE_INTEGER, .help = "Steps in one run, instances included.",
     .least = 1, .most = 1000000, .fallback = "100000"},
    {L(CONFIG), "nesting_max", SHAPE_INTEGER, .help = "How deep workflows may call workflows.",
     .least = 1, .most = 32, .fallback = "8"},
    {L(CONFIG), "workspace_files", SHAPE_TEXTS,
     .help = "Of what git ignores, the files and folders that a step with `workspace: clone` finds "
             "in its clone too.",
     .example = "[.env, config/local.json]"},
    {L(CONFIG), "project_context", SHAPE_WORD,
     .help = "Whether `AGENTS.md` of the project is a part of the prompts: `auto`, unless the "
             "agent's program reads a file of that kind by itself. Of a larger one the first 32 "
             "KiB are.",
     .words = "auto always never", .fallback = "auto"},
    {L(CONFIG), "pass_env", SHAPE_TEXTS,
     .help = "Environment variables that all agents get, beside those that they get by themselves; "
             "`*` stands for any text. That of another agent's `key` is never among them.",
     .example = "[AWS_PROFILE, \"DOCKER_*\"]"},
    {L(CONFIG), "log_format", SHAPE_WORD, .help = "The form of log lines.", .words = "text json",
     .fallback = "text"},
    {L(CONFIG), "entitlement", SHAPE_OBJECT,
     .help = "Which tiers of workflows may be started; every one when absent.",
     .of = LEVEL_ENTITLEMENT, .example = "{ tier: pro }"},
    {L(CONFIG), "roles", SHAPE_NAME_MAP,
     .help = "Role to the agent that has it: a step may name either.",
     .example = "{ reviewer: gemini }"},
    {L(CONFIG), "prices", SHAPE_NAMED,
     .help = "Model to its price; `*` and `?` stand for any text and any character, and the first "
             "that fits counts, a name of its own before all patterns.",
     .of = LEVEL_PRICE, .example = "{ \"gpt-5*\": { input: 1.25, output: 10 } }"},
    {L(CONFIG), "agentic_team", SHAPE_ANY, .help = "a workflow says which agent does what",
     .is_ignored = true},

    /* ---- agent ------------------------------------------------------------------------------ */
    {L(AGENT), "type", SHAPE_NAME,
     .help = "The adapter; `cli` takes the one that the provider, adapter, name or command tells.",
     .fallback = "cli", .example = "claude"},
    {L(AGENT), "enabled", SHAPE_BOOLEAN, .help = "Whether it may be used.", .fallback = "true"},
    {L(AGENT), "command", SHAPE_TEXT | SHAPE_TEXTS,
     .help = "The program and its arguments; a text is split at spaces. Of type `command`, "
             "`{prompt}`, `{prompt_file}`, `{model}` and `{cwd}` in it stand for their values.",
     .example = "[house-agent, --print]"},
    {L(AGENT), "read_only_command", SHAPE_TEXTS,
     .help =
         "The same for steps that are `read_only`: how a program of type `command` is started so "
         "that it changes nothing. Without it such an agent gets no read-only step.",
     .example = "[house-agent, --print, --no-edits]"},
    {L(AGENT), "endpoint", SHAPE_TEXT, .help = "The address of a server.",
     .example = "http://127.0.0.1:11434"},
    {L(AGENT), "model", SHAPE_TEXT, .help = "The model."},
    {L(AGENT), "key", SHAPE_SECRET,
     .help = "Where its key is: in a variable of the environment or in a file. Never the key "
             "itself.",
     .example = "env:HOUSE_API_KEY"},
    {L(AGENT), "env", SHAPE_VARIABLES,
     .help = "Environment variables of its process, such as the folder of another account.",
     .example = "{ CODEX_HOME: /home/ada/.codex-work }"},
    {L(AGENT), "pass_env", SHAPE_TEXTS,
     .help = "Variables of Fermata's own environment that it gets too; `*` stands for any text.",
     .example = "[AWS_PROFILE, \"DOCKER_*\"]"},
    {L(AGENT), "role", SHAPE_TEXT,
     .help = "What it is good at, in a word; a step may name the role instead of the agent."},
    {L(AGENT), "capabilities", SHAPE_TEXTS, .help = "What it is good for; shown.",
     .example = "[code, review]"},
    {L(AGENT), "offline", SHAPE_BOOLEAN,
     .help = "Whether it works without a network; true of servers whose address is this machine's.",
     .fallback = "false"},
    {L(AGENT), "online_at", SHAPE_TEXT,
     .help =
         "The address (URL, or host:port) that tells by a connection whether it is online, where "
         "`offline` wants to know; by default where it calls.",
     .example = "https://gateway.example.com"},
    {L(AGENT), "timeout", SHAPE_DURATION,
     .help = "Longest time of one call; 0: the step decides. The shorter of the two counts.",
     .fallback = "0"},
    {L(AGENT), "silence", SHAPE_DURATION,
     .help = "The same as `quiet: { after: ..., then: stop }`, which it yields to. Of a model "
             "server the longest time without a byte of its answer; 0: ten minutes.",
     .fallback = "0"},
    {L(AGENT), "breaker_threshold", SHAPE_INTEGER,
     .help =
         "Its circuit breaker opens after so many transient failures and timeouts in a row, over "
         "all runs of the project: then it is not called for a while; 0: it has none.",
     .most = 1000, .fallback = "5"},
    {L(AGENT), "breaker_recovery", SHAPE_DURATION,
     .help = "How long its open circuit breaker lets no call through; then one call tries.",
     .fallback = "60s"},
    {L(AGENT), "rate_limit", SHAPE_INTEGER,
     .help =
         "Calls a minute, over all runs of the project; further ones wait for their turn; 0: no "
         "limit.",
     .most = 60000, .fallback = "0"},
    {L(AGENT), "account", SHAPE_NAME,
     .help = "Agents of one account share one `rate_limit`, the least that one of them says."},
    {L(AGENT), "concurrency", SHAPE_INTEGER,
     .help =
         "Calls at once in one orchestrator, within the `concurrency` of all; 0: no limit of its "
         "own.",
     .most = 10000, .fallback = "0"},
    {L(AGENT), "prompt_by", SHAPE_WORD,
     .help = "How the prompt reaches a program of type `command`. An argument can be read by every "
             "user of the machine.",
     .words = "stdin argument file", .fallback = "stdin"},
    {L(AGENT), "output", SHAPE_WORD,
     .help = "What a program of type `command` prints: its answer, one JSON value, or one a line. "
             "`jsonl` without a `map` is Fermata's own events.",
     .words = "text json jsonl", .fallback = "text"},
    {L(AGENT), "map", SHAPE_OBJECT,
     .help =
         "Where what is in the JSON of a program of type `command`; without one the whole value "
         "is the answer.",
     .of = LEVEL_MAP, .example = "{ answer: result.text, session: id }"},
    {L(AGENT), "options", SHAPE_MAP,
     .help = "What else a model server gets with every call, by its own names; of coding programs "
             "see docs/agents.md.",
     .example = "{ temperature: 0.2, num_ctx: 32768 }"},
    {L(AGENT), "temperature", SHAPE_NUMBER, .help = "The same in `options`; from 0 to 2.",
     .least = -1000, .most = 1000},
    {L(AGENT), "max_tokens", SHAPE_INTEGER, .help = "The same in `options`.", .least = 1,
     .most = 100000000},
    {L(AGENT), "keep_alive", SHAPE_TEXT | SHAPE_INTEGER,
     .help = "The same in `options`: how long the server keeps the model in memory.", .least = -1,
     .most = 100000000},
    {L(AGENT), "provider", SHAPE_TEXT, .help = "Tells the adapter of type `cli`."},
    {L(AGENT), "adapter", SHAPE_TEXT, .help = "Tells the adapter of type `cli`."},
    {L(AGENT), "max_retries", SHAPE_ANY,
     .help = "`retry` of a step, or `max_retries` of the settings, says how often it is tried",
     .is_ignored = true},
    {L(AGENT), "model_path", SHAPE_ANY, .help = "the server is started with its model file",
     .is_ignored = true},

    /* ---- the map of an output --------------------------------------------------------------- */
    {L(MAP), "answer", SHAPE_POINTER,
     .help =
         "The answer. What is no text is taken as JSON; a map or a list is the step's data, too.",
     .example = "choices.0.text"},
    {L(MAP), "session", SHAPE_POINTER, .help = "The name of the conversation; kept and shown."},
    {L(MAP), "model", SHAPE_POINTER, .help = "The model that answered."},
    {L(MAP), "question", SHAPE_POINTER,
     .help = "What it asks a person; nothing, or an empty text, when it asks nothing."},
    {L(MAP), "error", SHAPE_POINTER,
     .help = "Why it failed; nothing, or an empty text, when it did not."},
    {L(MAP) | L(MAP_EVENT), "status", SHAPE_POINTER,
     .help = "The HTTP status of its error, which tells the class of the failure."},
    {L(MAP) | L(MAP_EVENT) | L(MAP_USAGE), "input_tokens", SHAPE_POINTER,
     .help = "Tokens of the input, the cached part included."},
    {L(MAP) | L(MAP_EVENT) | L(MAP_USAGE), "output_tokens", SHAPE_POINTER,
     .help = "Tokens of the output."},
    {L(MAP) | L(MAP_EVENT) | L(MAP_USAGE), "cached_tokens", SHAPE_POINTER,
     .help = "The part of the input that came from a cache."},
    {L(MAP) | L(MAP_EVENT) | L(MAP_USAGE), "cost_usd", SHAPE_POINTER,
     .help = "What the call cost, in USD."},
    {L(MAP) | L(MAP_EVENT) | L(MAP_USAGE), "turns", SHAPE_POINTER, .help = "Turns of the model."},
    {L(MAP), "type", SHAPE_POINTER, .help = "Where a line of `events` says of what kind it is.",
     .fallback = "type"},
    {L(MAP), "events", SHAPE_NAMED,
     .help = "Of `jsonl`: a kind of line to what it is. Lines of other kinds mean nothing. Where a "
             "kind is `done`, an output without such a line was cut and is no success.",
     .of = LEVEL_MAP_EVENT,
     .example = "{ delta: { event: text, partial: true, text: body.text }, end: { event: done } }"},
    {L(MAP_EVENT), "event", SHAPE_WORD,
     .help = "What happened. The texts are the answer; a `usage` is that of the whole call so far.",
     .words = "text thinking tool_call tool_result edit usage session question error done",
     .is_required = true},
    {L(MAP_EVENT), "text", SHAPE_POINTER,
     .help =
         "Its text: of the answer, the thinking, the question or the error; what a tool does or "
         "gave; the path of an edited file."},
    {L(MAP_EVENT), "partial", SHAPE_BOOLEAN,
     .help = "Whether a text goes on with the next line of its kind.", .fallback = "false"},
    {L(MAP_EVENT), "id", SHAPE_POINTER,
     .help = "Of a session its name; of a tool's call and result what they have in common."},
    {L(MAP_EVENT), "name", SHAPE_POINTER,
     .help = "Of a tool's call the tool; of a session the model that answers."},
    {L(MAP_EVENT), "is_error", SHAPE_BOOLEAN | SHAPE_POINTER,
     .help = "Whether a tool failed: always, or where it says `true`.", .fallback = "false"},
    {L(MAP_EVENT), "fatal", SHAPE_BOOLEAN,
     .help = "Of an error: it goes on trying in vain, and may be stopped.", .fallback = "false"},
    {L(MAP_EVENT), "failure", SHAPE_WORD,
     .help = "The class of an error; without one its status and text tell it.",
     .words = "transient limit permanent refused timeout"},
    {L(MAP_EVENT), "usage", SHAPE_OBJECT, .help = "What was used so far.", .of = LEVEL_MAP_USAGE},

    /* ---- price ------------------------------------------------------------------------------ */
    {L(PRICE), "input", SHAPE_NUMBER, .help = "Of the input.", .most = 1000000, .example = "3"},
    {L(PRICE), "cached_input", SHAPE_NUMBER,
     .help = "Of the part of the input that came from a cache; as `input` when not said.",
     .most = 1000000, .example = "0.3"},
    {L(PRICE), "output", SHAPE_NUMBER, .help = "Of the output.", .most = 1000000, .example = "15"},

    /* ---- list workflows --------------------------------------------------------------------- */
    {L(CHAIN), "steps", SHAPE_OBJECTS, .help = "The steps.", .of = LEVEL_CHAIN_STEP,
     .is_required = true},
    {L(CHAIN), "offline", SHAPE_BOOLEAN,
     .help = "Whether it is meant to work without a network: then an agent that does not is told.",
     .fallback = "false"},
    {L(CHAIN_STEP), "agent", SHAPE_NAME, .help = "The agent.", .is_required = true},
    {L(CHAIN_STEP), "task", SHAPE_TEXT,
     .help = "What it does: implement, review, refine, document, test, or any text. Goes before "
             "`role`."},
    {L(CHAIN_STEP), "role", SHAPE_TEXT,
     .help = "The same as a role: implementer, reviewer, refiner, ..."},
    {L(CHAIN_STEP), "fallback", SHAPE_NAMES,
     .help = "The agents that are asked when this one fails."},

    /* ---- settings --------------------------------------------------------------------------- */
    {L(SETTINGS), "max_iterations", SHAPE_INTEGER, .help = "Rounds at most.", .least = 1,
     .most = 1000, .fallback = "3"},
    {L(SETTINGS), "min_suggestions_threshold", SHAPE_INTEGER,
     .help = "The rounds end when no review has more suggestions.", .most = 1000000,
     .fallback = "3"},
    {L(SETTINGS), "fallback", SHAPE_OBJECT,
     .help = "Which agent stands in for which, where a step names no `fallback`.",
     .of = LEVEL_FALLBACK},
    {L(SETTINGS), "max_retries", SHAPE_INTEGER, .help = "Tries of each step.", .least = 1,
     .most = 100, .fallback = "3"},
    {L(SETTINGS), "retry_delay", SHAPE_DURATION | SHAPE_NUMBER,
     .help = "The wait before the second try.", .most = 86400, .fallback = "2s"},
    {L(SETTINGS), "max_concurrent_agents", SHAPE_INTEGER,
     .help = "As `concurrency` of the configuration.", .least = 1, .most = 10000},
    {L(SETTINGS), "request_timeout", SHAPE_DURATION, .help = "Longest time of each step."},
    {L(SETTINGS), "json_logs", SHAPE_BOOLEAN, .help = "As `log_format: json`.",
     .fallback = "false"},
    {L(SETTINGS), "max_task_length", SHAPE_INTEGER,
     .help = "Characters in the task of a run, of any workflow.", .least = 1, .most = 1000000000,
     .fallback = "10000"},
    {L(SETTINGS), "allowed_commands", SHAPE_TEXTS,
     .help = "The programs that agents of any workflow may be, by name; all when absent."},
    {L(SETTINGS), "offline", SHAPE_OBJECT, .help = "Work without a network.", .of = LEVEL_OFFLINE},
    {L(SETTINGS), "output_dir", SHAPE_ANY,
     .help = "`output` of a step names its artifact, `fermata artifacts` lists them",
     .is_ignored = true},
    {L(SETTINGS), "workspace_dir", SHAPE_ANY, .help = "`workspace` of a step says where it works",
     .is_ignored = true},
    {L(SETTINGS), "create_reports", SHAPE_ANY, .help = "every run keeps its report",
     .is_ignored = true},
    {L(SETTINGS), "reports_dir", SHAPE_ANY, .help = "a report lies in the folder of its run",
     .is_ignored = true},
    {L(SETTINGS), "sessions_dir", SHAPE_ANY, .help = "a session is kept with its step",
     .is_ignored = true},
    {L(SETTINGS), "logs_dir", SHAPE_ANY, .help = "logs lie in the folder of their run",
     .is_ignored = true},
    {L(SETTINGS), "log_file", SHAPE_ANY, .help = "logs lie in the folder of their run",
     .is_ignored = true},
    {L(SETTINGS), "log_level", SHAPE_ANY, .help = "everything is logged; `fermata logs` shows it",
     .is_ignored = true},
    {L(SETTINGS), "colored_output", SHAPE_ANY, .help = "`--no-color` and NO_COLOR say so",
     .is_ignored = true},
    {L(SETTINGS), "project_path", SHAPE_ANY, .help = "`--project` and FERMATA_PROJECT name it",
     .is_ignored = true},
    {L(SETTINGS), "enable_caching", SHAPE_ANY, .help = "`reuse` of a step says so",
     .is_ignored = true},
    {L(SETTINGS), "cache_ttl", SHAPE_ANY,
     .help = "a finished step is reused as long as what went into it stays the same",
     .is_ignored = true},
    {L(SETTINGS), "enable_metrics", SHAPE_ANY, .help = "`fermata show --metrics` prints them",
     .is_ignored = true},
    {L(SETTINGS), "metrics_port", SHAPE_ANY, .help = "`fermata show --metrics` prints them",
     .is_ignored = true},
    {L(SETTINGS), "metrics_path", SHAPE_ANY, .help = "`fermata show --metrics` prints them",
     .is_ignored = true},
    {L(SETTINGS), "enable_distributed_tracing", SHAPE_ANY, .help = "the journal has every event",
     .is_ignored = true},
    {L(SETTINGS), "enable_rate_limiting", SHAPE_BOOLEAN,
     .help = "Whether `rate_limit_per_minute` counts; `true` without that key: 60.",
     .fallback = "true"},
    {L(SETTINGS), "rate_limit_per_minute", SHAPE_INTEGER,
     .help = "Calls a minute of each agent that has no narrower `rate_limit`; 0: no limit.",
     .most = 60000, .fallback = "0"},
    {L(FALLBACK), "enabled", SHAPE_BOOLEAN, .help = "Whether the map is used.", .fallback = "true"},
    {L(FALLBACK), "map", SHAPE_NAME_MAP, .help = "Agent to the one that stands in.",
     .example = "{ codex: local-code }"},
    {L(OFFLINE), "enabled", SHAPE_BOOLEAN,
     .help = "Whether only agents that work without a network may be used, in any workflow.",
     .fallback = "false"},
    {L(OFFLINE), "auto_detect", SHAPE_BOOLEAN,
     .help = "Whether it is found out who cannot be reached: `offline: auto`, else `false`.",
     .fallback = "true"},

    /* ---- entitlement ------------------------------------------------------------------------ */
    {L(ENTITLEMENT), "mode", SHAPE_WORD,
     .help = "`local`: this file says it. `server`: `command` is asked whenever a workflow above "
             "`free` is to be started.",
     .words = "local server", .fallback = "local"},
    {L(ENTITLEMENT), "tier", SHAPE_WORD,
     .help = "The highest tier that is allowed; every tier when absent.",
     .words = "free pro team enterprise"},
    {L(ENTITLEMENT), "command", SHAPE_TEXT | SHAPE_TEXTS,
     .help =
         "With `mode: server`: the program that is asked, and its arguments; a text is split at "
         "spaces. It prints the tier that is allowed, alone, and ends with exit status 0 "
         "within ten seconds; anything else allows nothing above `free`.",
     .example = "[curl, -fsS, \"https://licences.example/tier\"]"},

    /* ---- expert ----------------------------------------------------------------------------- */
    {L(EXPERT), "name", SHAPE_NAME, .help = "The name of the file, without `.md`.",
     .example = "security-expert"},
    {L(EXPERT), "description", SHAPE_TEXT,
     .help = "What it is good for, in a sentence; else the first line of the text."},
    {L(EXPERT), "kind", SHAPE_ID, .help = "The group that `fermata experts` lists it in."},
    {L(EXPERT), "permission", SHAPE_WORD,
     .help = "`read-only`: its steps are `read_only` unless they say otherwise.",
     .words = "read-only edit", .fallback = "edit"},
    {L(EXPERT), "tools", SHAPE_TEXTS | SHAPE_MAP,
     .help = "As `tools` of a step: for the step's own agent, or by agent or its type.",
     .example = "{ claude: [\"Bash(git log:*)\"] }"},
    {L(EXPERT), "model", SHAPE_TEXT | SHAPE_MAP,
     .help = "The model where neither the step nor the configuration of the agent names one: for "
             "the step's own agent, or by agent or its type. An agent that takes no model goes "
             "without.",
     .example = "{ claude: opus }"},
    {L(EXPERT), "temperature", SHAPE_NUMBER,
     .help = "For model servers whose configuration says none; from 0 to 2.", .most = 2},
};

#undef L
#undef K
#undef NONE

const struct key *key_table(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(keys);
    return keys;
}

const struct level *key_level_get(enum key_level level)
{
    assert((size_t)level < ARRAY_LEN(levels));
    return &levels[level];
}

bool key_level_has_free_keys(enum key_level level)
{
    return level == LEVEL_FALLBACK;
}

const struct key *key_find(enum key_level level, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if ((keys[i].levels & LEVEL_BIT(level)) && strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

const char *key_nearest(enum key_level level, const char *name)
{
    const char *names[ARRAY_LEN(keys)];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if ((keys[i].levels & LEVEL_BIT(level)) && !keys[i].is_ignored) {
            names[count++] = keys[i].name;
        }
    }
    return nearest_name(name, names, count);
}

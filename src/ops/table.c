/* SPDX-License-Identifier: MIT */
/* The operations table. Command line, help, man page and completions read these rows. */
#include "base/alloc.h"
#include "ops/exits.h"
#include "ops/internal.h"
#include "ops/table_arguments.h"
#include "ops/table_fork.h"
#include "ops/table_stats.h"

#define ARGUMENTS(list) .arguments = (list), .argument_count = ARRAY_LEN(list)

const struct operation ops_rows[] = {
    {.name = "init",
     .group = "Start",
     .summary = "Make a project: .fermata with a configuration and an example",
     .description = "Makes the folder .fermata with a commented config.yaml, the example workflow "
                    "hello and a .gitignore that keeps runs out of git. Nothing that exists is "
                    "overwritten. `fermata run` makes a bare .fermata by itself, so this is only "
                    "needed for workflows and settings of your own.",
     .example = "fermata init\n"
                "    in the working folder\n"
                "fermata run -w hello -i who=Ada\n"
                "    runs the example",
     ARGUMENTS(init_arguments),
     .exits = exits_house,
     .run = op_init},
    {.name = "trust",
     .group = "Start",
     .summary = "Let the files that came with a project start programs",
     .description =
         "A project that was not made here (by init or run) may have come with settings, "
         "workflows or runs that start any program with your rights. Nothing of it is "
         "run before you have looked at its folder .fermata and said so, once: here, or "
         "where run asks. It holds for this folder, also when its files change; a new "
         "clone is another project. FERMATA_TRUST=1 in the environment trusts all.",
     .example = "fermata validate\n"
                "    shows that its files are sound; `fermata run --dry-run` what would be run\n"
                "fermata trust\n"
                "    from now on they may",
     ARGUMENTS(trust_arguments),
     .exits = exits_house,
     .run = op_trust},
    {.name = "run",
     .group = "Start",
     .summary = "Run a workflow",
     .description =
         "Starts a run and shows its progress until it ends or waits. The report, when the "
         "workflow "
         "has one, goes to standard output, everything else to standard error.\n\n"
         "Ctrl-C pauses the run cleanly: running steps end, no new ones begin. The second Ctrl-C "
         "stops the running steps; they run again on resume. The third leaves at once, before they "
         "have stopped.\n\n"
         "An agent's step, or a built-in function's, whose inputs and files are the same as in an "
         "earlier run is not run again; a command's is, unless it says `reuse`. --fresh runs "
         "everything.\n\n"
         "--repeat measures: the workflow is run so many times in one process, --parallel of the "
         "runs at once, each as durable as any other run and kept like one. What was measured is "
         "printed, and written to the file of --report: seconds from the first run's begin to the "
         "last one's end; steps that were begun; gap_p50_us and gap_p99_us, the median and the "
         "99th percentile of the time from the end of a step to the begin of the next one of the "
         "same run, with what is between them; peak_rss_mb, the memory of this process at its "
         "highest. Nothing is asked meanwhile. Ctrl-C pauses the runs under way and begins no "
         "more; then no file is written. Exit status 1 when a run failed, 3 when one waits.",
     .example = "fermata run \"Review this repository\" -w code-review --strategy static\n"
                "    reviews the working folder without any agent\n"
                "fermata run -w hello -i who=@name.txt\n"
                "    gives an input whose text is that of a file\n"
                "fermata run -w code-review --dry-run\n"
                "    shows what each step would do\n"
                "fermata run -w code-review --budget tokens=200k --budget time=30m\n"
                "    pauses and asks when that is used up\n"
                "fermata run -w code-review --detach\n"
                "    goes on in the background\n"
                "fermata run -w hello --repeat 100 --parallel 8 --report out.json\n"
                "    measures a hundred runs, eight at once",
     ARGUMENTS(run_arguments),
     .exits = exits_run,
     .run = op_run},
    {.name = "resume",
     .group = "Start",
     .summary = "Go on with a run that was paused, interrupted or lost its process",
     .description = "Takes the run over and goes on where it stands. Finished steps stay finished; "
                    "steps that went on by themselves are taken over with their output.",
     .example = "fermata resume\n"
                "    the last run\n"
                "fermata resume last --retry-failed\n"
                "    tries failed steps again\n"
                "fermata resume last --budget usd=+5\n"
                "    allows it more, when its budget is used up\n"
                "fermata resume last --detach\n"
                "    in the background",
     ARGUMENTS(resume_arguments),
     .exits = exits_run,
     .stray = "one step again: `fermata retry RUN STEP --resume`",
     .run = op_resume},
    FORK_ROW,
    EDIT_ROW,
    {.name = "loop",
     .group = "Start",
     .summary = "Work off a file of stories: run each, and mark it when it is done",
     .description =
         "Takes the next open story of a PRD (JSON: `userStories` with id, title, description, "
         "acceptanceCriteria, priority, passes) or of a Markdown check list (`- [ ]`), runs the "
         "workflow with it as the task, marks it in the file when the run completed, and goes on. "
         "Only the mark is changed; what you write into the file meanwhile stays.\n\n"
         "Ctrl-C pauses the run as it does with `fermata run`. The same command goes on with it: a "
         "story has one run, which is resumed after a pause, a failure or a crash, and one that "
         "has completed is marked without running it again. A story that failed ends the loop "
         "unless --keep-going. Two loops at one file are refused.",
     .example = "fermata loop --dry-run\n"
                "    which stories of tasks/prd.json are open, in order\n"
                "fermata loop TODO.md -w quick --max 1\n"
                "    the next item of a check list",
     ARGUMENTS(loop_arguments),
     .exits = exits_loop,
     .stray = "one file at a time",
     .run = op_loop},
    {.name = "plan",
     .group = "Plan",
     .summary = "Make a plan for a task: which workflow, or who does what when",
     .description =
         "Looks at the task and at the project, chooses the workflow that fits best, or composes a "
         "plan of experts where none does: phases, waves of steps that can go on at once, expert "
         "and agent of each, gates. Steps that will touch the same files are never in one wave. "
         "What it would cost is told from what such steps cost so far, else it is unknown.\n\n"
         "`-w dynamic` asks an agent to break the task down; its answer is checked like any "
         "workflow, sent back once when it is wrong, and else the composed plan is taken.\n\n"
         "Nothing is run. `fermata run TASK` without a workflow makes the same plan, shows it, "
         "asks "
         "and runs it.",
     .example = "fermata plan \"Add pagination to the orders API\"\n"
                "    who would do what\n"
                "fermata plan \"Fix the crash of the importer\" -o plan.yaml\n"
                "    as a file, to change it and to run it with fermata run -w ./plan.yaml",
     ARGUMENTS(plan_arguments),
     .exits = exits_definitions,
     .stray = "quote the task: it is one argument",
     .run = op_plan},
    {.name = "analyze",
     .group = "Plan",
     .summary = "Say what a task is: its kind, what it touches, how complex and risky it is",
     .description = "Read from the words of the task and from the files of the project; nobody is "
                    "asked. Each figure says what it comes from.",
     .example = "fermata analyze \"Migrate the database to PostgreSQL\"",
     ARGUMENTS(task_argument),
     .is_read_only = true,
     .exits = exits_definitions,
     .stray = "quote the task: it is one argument",
     .run = op_analyze},
    {.name = "suggest",
     .group = "Plan",
     .summary = "Say in short what to do about a task, with the command for it",
     .description =
         "The workflow that fits best, or that a plan would be composed; and the experts "
         "who know most of it.",
     .example = "fermata suggest \"The product page is slow\"",
     ARGUMENTS(task_argument),
     .is_read_only = true,
     .exits = exits_definitions,
     .stray = "quote the task: it is one argument",
     .run = op_suggest},
    {.name = "recommend",
     .group = "Plan",
     .summary = "Rank workflows and experts for a task, each with why",
     .description = "A workflow says with `suits` which tasks it is for; your own take part like "
                    "those that are built in. From 32 points on a workflow fits.",
     .example = "fermata recommend \"Look for vulnerabilities in the login\" --limit 10",
     ARGUMENTS(recommend_arguments),
     .is_read_only = true,
     .exits = exits_definitions,
     .stray = "quote the task: it is one argument",
     .run = op_recommend},
    {.name = "pause",
     .group = "Steer",
     .summary = "Pause a run: running steps end, no new ones begin",
     .description = "Asks the process that drives the run. `fermata resume` goes on.",
     .example = "fermata pause last",
     ARGUMENTS(run_argument),
     .exits = exits_steer,
     .stray = "steps are not paused alone: `fermata pause RUN`",
     .run = op_pause},
    {.name = "cancel",
     .group = "Steer",
     .summary = "Cancel a run for good; running steps are stopped",
     .description = "A cancelled run does not go on. What its steps did stays to be looked at.",
     .example = "fermata cancel last --reason \"wrong branch\"",
     ARGUMENTS(cancel_arguments),
     .exits = exits_steer,
     .stray = "--reason",
     .run = op_cancel},
    {.name = "retry",
     .group = "Steer",
     .summary = "Try a failed step again, or all that failed",
     .description =
         "The step becomes pending again, and so does what waits for it. The run goes on "
         "with `fermata resume`, or at once with --resume.",
     .example = "fermata retry last unit --resume",
     ARGUMENTS(retry_arguments),
     .exits = exits_go_on,
     .stray = "one step at a time, or all that failed: `fermata retry RUN`",
     .run = op_retry},
    {.name = "skip",
     .group = "Steer",
     .summary = "Skip a step, a phase or a gate, where that is allowed",
     .description = "The reason is kept with the run. Steps and gates with `allow_skip: false` "
                    "cannot be skipped.",
     .example = "fermata skip last lint --reason \"fixed in the next change\" --resume\n"
                "    a step\n"
                "fermata skip last --gate test --reason \"known flaky\"\n"
                "    the gate of the phase test",
     ARGUMENTS(skip_arguments),
     .exits = exits_go_on,
     .stray = "--reason",
     .run = op_skip},
    {.name = "approve",
     .group = "Steer",
     .summary = "Approve what a run waits for",
     .description =
         "Answers an approval step with yes. Of a read-only step that failed only because files "
         "are not as before, it takes the answer that was kept; that needs a --comment. The run "
         "goes on with `fermata resume`, or at once with --resume.",
     .example = "fermata approve last --comment \"looks right\" --resume\n"
                "fermata approve last review --comment \"I saved that file\" --resume",
     ARGUMENTS(answer_arguments),
     .exits = exits_go_on,
     .stray = "--comment",
     .run = op_approve},
    {.name = "reject",
     .group = "Steer",
     .summary = "Reject what a run waits for",
     .description = "Answers an approval step with no: the step fails.",
     .example = "fermata reject last --comment \"the plan misses the migration\"",
     ARGUMENTS(answer_arguments),
     .exits = exits_go_on,
     .stray = "--comment",
     .run = op_reject},
    {.name = "answer",
     .group = "Steer",
     .summary = "Answer what the agent of a step asks",
     .description =
         "The step is tried again with the answer, in the agent's own session where it has one. "
         "Without a text the questions are asked one after the other on a terminal. `fermata "
         "status` shows them. The run goes on with `fermata resume`, or at once with --resume.",
     .example = "fermata answer last \"Use PostgreSQL 15\" --resume\n"
                "    the only step that asks\n"
                "fermata answer last design \"Two\" \"Because of the tests\"\n"
                "    one answer to each question of the step design\n"
                "fermata answer last --file answer.md\n"
                "    a longer one",
     ARGUMENTS(question_arguments),
     .exits = exits_go_on,
     .run = op_answer},
    {.name = "signal",
     .group = "Steer",
     .summary = "Tell a run that something happened outside",
     .description = "Signals have names of your choice; steps and conditions of the workflow refer "
                    "to them as signals.NAME.",
     .example = "fermata signal last design-approved --value '{\"by\": \"Ada\"}'",
     ARGUMENTS(signal_arguments),
     .exits = exits_go_on,
     .stray = "--value",
     .run = op_signal},
    {.name = "checkpoint",
     .group = "Steer",
     .summary = "Save a checkpoint of a run now",
     .description = "Whenever a phase completes, a checkpoint with its name is saved; this saves "
                    "one in between. It holds the phases that are complete by now: `fermata "
                    "restore` keeps these and makes all others pending again. It counts among "
                    "those of which `checkpoint: { retention: N }` keeps the newest.",
     .example = "fermata checkpoint last --name before-my-change",
     ARGUMENTS(checkpoint_arguments),
     .exits = exits_steer,
     .stray = "--name",
     .run = op_checkpoint},
    {.name = "restore",
     .group = "Steer",
     .summary = "Go back to a checkpoint of a run",
     .description = "The phases after the checkpoint become pending again; their history is kept. "
                    "The run goes on with `fermata resume`, or at once with --resume.",
     .example = "fermata restore last angles --resume",
     ARGUMENTS(restore_arguments),
     .exits = exits_go_on,
     .run = op_restore},
    {.name = "undo",
     .group = "Steer",
     .summary = "Take back what the agents of a run, or of one step, did to the files",
     .description =
         "Every file that they changed, made or deleted becomes what it was before, byte for byte; "
         "ignored files too. Files that changed since are named and nothing is done, unless "
         "--force. What is replaced is kept first: --back brings it back. What lies in .git stays "
         "as it is, commits too.",
     .example = "fermata undo last\n"
                "fermata undo last implement\n"
                "    what one step did\n"
                "fermata undo last --back\n"
                "    as if nothing had been undone",
     ARGUMENTS(undo_arguments),
     .exits = exits_steer,
     .run = op_undo},
    {.name = "list",
     .group = "Look",
     .summary = "List runs, the newest first",
     .description =
         "One line a run. --json gives all fields and the id for the next page. A workflow "
         "that neither exists nor ever ran is an error (exit 6), no empty list.",
     .example = "fermata list --status paused\n"
                "    what waits for you",
     ARGUMENTS(list_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .stray = "--workflow",
     .run = op_list},
    {.name = "tasks",
     .group = "Look",
     .summary = "List what was to be done; note, cancel and remove tasks",
     .description =
         "Every run belongs to a task. `fermata run` makes one of what it was asked, --add notes "
         "one "
         "for later, and `fermata run --task-id` runs it, again too where it failed. The status is "
         "that of its runs: in_progress while one is under way or paused, then that of the newest. "
         "What it took is the time of all its runs, their pauses included.\n\n"
         "--clean-up removes what ended, --clear also what was not begun; neither touches a run "
         "that is not over. What is removed is gone, with the logs and results of its runs.",
     .example = "fermata tasks --status failed\n"
                "    what went wrong\n"
                "fermata tasks --add \"Rate limit for the login\" --meta area=auth\n"
                "    notes one for later\n"
                "fermata tasks --statistics\n"
                "    how many, and how long one takes\n"
                "fermata tasks --clean-up --older-than 90d --dry-run",
     ARGUMENTS(tasks_arguments),
     .exits = exits_steer,
     .stray = "one task at a time, or all: `fermata tasks`",
     .run = op_tasks},
    STATS_ROW,
    {.name = "status",
     .group = "Look",
     .summary = "Say in short how a run stands and what it waits for",
     .description = "Phases, what went wrong, and the commands that are possible now. The exit "
                    "status tells the state, as that of `fermata run` would.",
     .example = "fermata status\n"
                "    the last run",
     ARGUMENTS(last_run_argument),
     .is_read_only = true,
     .exits = exits_status,
     .stray = "a step: `fermata logs RUN --step STEP` is what it printed, `fermata cat RUN STEP` "
              "its output",
     .run = op_status},
    {.name = "show",
     .group = "Look",
     .summary = "Show everything about a run: inputs, phases, steps, gates, proofs",
     .description = "With --metrics also durations, attempts, retries, gate verdicts, utilisation. "
                    "Utilisation is the share of the run's time in which its attempts were under "
                    "way, in percent; above 100 % when several were at once. --json gives it as a "
                    "number, where 1 is 100 %. Gate checks that are made again are no retries.",
     .example = "fermata show last --metrics",
     ARGUMENTS(show_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .stray = "a step: `fermata logs RUN --step STEP` is what it printed, `fermata cat RUN STEP` "
              "its output",
     .run = op_show},
    {.name = "logs",
     .group = "Look",
     .summary = "Print the log of a run, or what one of its steps printed",
     .description = "--log-format json prints one JSON object a line. With --follow, what agents "
                    "say and do while they work stands between the lines of the log, after the key "
                    "of their step; --step shows one of them alone.",
     .example = "fermata logs -f\n"
                "    follows the last run, with what its agents do\n"
                "fermata logs last --step linters --stderr\n"
                "    what a step wrote to standard error\n"
                "fermata logs last --records\n"
                "    the journal",
     ARGUMENTS(logs_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .stray = "--step",
     .run = op_logs},
    {.name = "checkpoints",
     .group = "Look",
     .summary = "List the checkpoints of a run",
     .description = "A checkpoint is saved when a phase completes, and by `fermata checkpoint`; "
                    "`fermata restore` goes back to one.",
     .example = "fermata checkpoints last",
     ARGUMENTS(last_run_argument),
     .is_read_only = true,
     .exits = exits_look,
     .stray = "`fermata restore RUN CHECKPOINT` goes back to one",
     .run = op_checkpoints},
    {.name = "artifacts",
     .group = "Look",
     .summary = "List the result files of a run",
     .description = "`fermata cat` prints one.",
     .example = "fermata artifacts last",
     ARGUMENTS(artifacts_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .stray = "`fermata cat RUN ARTIFACT` prints one",
     .run = op_artifacts},
    {.name = "cat",
     .group = "Look",
     .summary = "Print an artifact, or the output of a step",
     .description = "The bytes are printed as they are; on a terminal control characters are left "
                    "out.",
     .example = "fermata cat last report.md",
     ARGUMENTS(cat_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .stray = "one at a time; `fermata artifacts RUN` lists them",
     .run = op_cat},
    {.name = "diff",
     .group = "Look",
     .summary = "Show what the agents of a run, or of one step, did to the files",
     .description =
         "A unified diff from before the first of them to after the last, new files and ignored "
         "ones too. Of a step that is at work: what it did so far.",
     .example = "fermata diff last --stat\n"
                "    which files, and how much\n"
                "fermata diff last implement >changes.patch\n"
                "    what one step did",
     ARGUMENTS(diff_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .run = op_diff},
    {.name = "audit",
     .group = "Look",
     .summary = "Show who did what, or verify that this is what was written",
     .description =
         "Who created runs, approved, skipped, answered, cancelled and undid; which agent was "
         "called "
         "for which step, and how that ended. Each entry holds the SHA-256 of itself and of the "
         "one "
         "before it: `verify` follows that chain and compares it with the journals of the runs. "
         "What "
         "was changed, put in or taken out shows, and exit status 1 says so. Note the head that it "
         "prints somewhere else: with --head a later log has to go on from it.",
     .example = "fermata audit --run last\n"
                "fermata audit --json -n 1000\n"
                "fermata audit verify\n"
                "    ends with 1 when something was tampered with",
     ARGUMENTS(audit_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .run = op_audit},
    {.name = "explain",
     .group = "Look",
     .summary = "Say for each step why it was run or reused",
     .description = "A step is reused when everything that went into it is the same as in an "
                    "earlier run. Where it was run, this says what differed.",
     .example = "fermata explain last inventory",
     ARGUMENTS(explain_arguments),
     .is_read_only = true,
     .exits = exits_look,
     .stray = "one step at a time, or all: `fermata explain RUN`",
     .run = op_explain},
    {.name = "workflows",
     .group = "Workflows",
     .summary = "List workflows, or show one",
     .description = "Workflows come from the project, the user and the program itself; the first "
                    "found wins, and the list says which one hides which, and which are above the "
                    "tier that is allowed. The name of a folder (`launch`) lists that pack. --json "
                    "of one gives its phases and steps as data, in the words of the file.",
     .example = "fermata workflows\n"
                "    all\n"
                "fermata workflows launch\n"
                "    a pack\n"
                "fermata workflows code-review --graph\n"
                "    what waits for what",
     ARGUMENTS(workflows_arguments),
     .is_read_only = true,
     .exits = exits_definitions,
     .stray = "one at a time, or all: `fermata workflows`",
     .run = op_workflows},
    {.name = "experts",
     .group = "Workflows",
     .summary = "List the experts, show one, or import those of other programs",
     .description =
         "An expert is a role that a step gives its agent (`expert: security-expert`): a Markdown "
         "file whose front matter may also say what the agent may do, its model and temperature. "
         "Your own are .fermata/experts/NAME.md of the project, or experts/NAME.md in the "
         "folder of your own configuration; they go before built-in ones of the same name.\n\n"
         "`import` makes experts of .claude/agents and .opencode/agent of the project, says what "
         "of each it did not take over, and replaces nothing. A run keeps the experts that it was "
         "started with.",
     .example = "fermata experts\n"
                "    all, and where each comes from\n"
                "fermata experts security-expert\n"
                "    what an agent is told\n"
                "fermata experts import --dry-run\n"
                "    what would be taken over",
     ARGUMENTS(experts_arguments),
     .exits = exits_definitions,
     .stray = "one at a time, or all: `fermata experts`",
     .run = op_experts},
    {.name = "gate",
     .group = "Workflows",
     .summary = "List the gates, run one alone, or prove that it notices faults",
     .description =
         "Without a name: every gate with the commands that were found for this project, and what "
         "is missing. `gates:` of .fermata/config.yaml sets others.\n\n"
         "With a name the gate is run as in a workflow, as a run of its own that keeps the proof. "
         "What could not be found out is unknown, and unknown never passes.\n\n"
         "--prove is the positive control: in a copy of the project each check has to pass, and to "
         "turn red for a planted fault (a failing test, a lint error, a key in a file...). A check "
         "that passes with every fault is worthless, and is called so. Nothing of the project "
         "itself is changed.",
     .example = "fermata gate\n"
                "    what each gate would run here\n"
                "fermata gate pre-push\n"
                "    runs this one\n"
                "fermata gate pre-push --prove\n"
                "    shows that it turns red",
     ARGUMENTS(gate_arguments),
     .exits = exits_run,
     .stray = "one gate at a time",
     .run = op_gate},
    {.name = "validate",
     .group = "Workflows",
     .summary = "Check workflows and the configuration without running anything",
     .description =
         "Prints every problem as file:line:column, those of the workflows that a named one calls "
         "included. Exit status 7 when there are errors.",
     .example = "fermata validate\n"
                "    everything\n"
                "fermata validate ./draft.yaml\n"
                "    one file",
     ARGUMENTS(validate_arguments),
     .is_read_only = true,
     .exits = exits_definitions,
     .run = op_validate},
    {.name = "schema",
     .group = "Workflows",
     .summary = "Print the JSON Schema of workflows, config.yaml or experts, or the reference",
     .description = "Editors complete and check YAML files with a JSON Schema.",
     .example = "fermata schema workflow >workflow.schema.json",
     ARGUMENTS(schema_arguments),
     .is_read_only = true,
     .exits = exits_print,
     .run = op_schema},
    {.name = "agents",
     .group = "Agents",
     .summary = "List the agents: state, version, role, what they cost so far",
     .description =
         "Lists what can be asked: the agents of the configuration, and those that need none. An "
         "installed coding program works as it is. A step that names no agent gets `default_agent` "
         "of the configuration, else the first agent of the configuration that is ready, else the "
         "first installed of claude, codex, gemini, copilot, qwen, opencode: one that is signed in "
         "before one of which that cannot be told. That one is marked.\n\n"
         "Cost and tokens are those of all runs that are kept, as far as the agents told them; "
         "what is not known is never shown as 0.",
     .example = "fermata agents\n"
                "    all\n"
                "fermata agents codex\n"
                "    one, with what it can do\n"
                "fermata agents --check\n"
                "    also asks the model servers",
     ARGUMENTS(agents_arguments),
     .is_read_only = true,
     .exits = exits_agents,
     .stray = "one at a time, or all: `fermata agents`",
     .run = op_agents},
    {.name = "test-agent",
     .group = "Agents",
     .summary = "Ask one agent something, outside any workflow",
     .description =
         "Calls the agent once, in the working folder, exactly as a step would: with its limits, "
         "its events shown while it works, its answer on standard output, and kept as a run of the "
         "workflow agent-test. It may change files unless --read-only. A failure is told with its "
         "class: transient and limit would be tried again in a run, the others not. Exit status 4 "
         "when it is not there or not signed in.",
     .example = "fermata test-agent codex \"Explain this repository in a sentence\" --read-only\n"
                "    asks without letting it change anything",
     ARGUMENTS(test_agent_arguments),
     .exits = exits_run,
     .run = op_test_agent},
    {.name = "reset-agent",
     .group = "Agents",
     .summary = "Close the circuit breaker of an agent by hand",
     .description =
         "After transient failures and timeouts in a row (`breaker_threshold` of the agent, 5) an "
         "agent is not called for a while (`breaker_recovery`, 60 s): steps go to their fallback, "
         "or "
         "wait. Whoever knows that it is back need not wait: its failures are forgotten. Steps "
         "that "
         "wait already ask when they were told to. `fermata agents NAME` shows the breaker.",
     .example = "fermata reset-agent claude\n"
                "    the next step calls it at once",
     ARGUMENTS(reset_agent_arguments),
     .exits = exits_agents,
     .run = op_reset_agent},
    {.name = "models",
     .group = "Agents",
     .summary = "Show, list, pull and remove models of model servers",
     .description =
         "Asks the servers themselves: the agents of the configuration that are model servers, and "
         "the local ones that need no configuration (ollama, llamacpp, localai, "
         "text-generation-webui). `status` shows which are there, their version and health; `list` "
         "their models; `pull` fetches a model with Ollama or LocalAI, and Ctrl-C ends it; "
         "`remove` "
         "removes one. With --agent or --endpoint a server that is not there is an error (exit 4).",
     .example = "fermata models\n"
                "    which servers are there\n"
                "fermata models pull qwen2.5-coder:7b\n"
                "    with the local Ollama\n"
                "fermata models list --endpoint http://127.0.0.1:8080 --type llamacpp\n"
                "    a server that is not configured",
     ARGUMENTS(models_arguments),
     .exits = exits_agents,
     .run = op_models},
    {.name = "doctor",
     .group = "House",
     .summary = "Check that everything is there that runs need",
     .description = "Each check passes, fails or is unknown, and what does not pass says what to "
                    "do. Exit status 1 when a check fails.",
     .example = "fermata doctor\n"
                "    what is there, and what to do about the rest\n"
                "fermata doctor --rebuild\n"
                "    also builds the tables and the files of runs again from the journal",
     ARGUMENTS(doctor_arguments),
     .exits = exits_house,
     .run = op_doctor},
    {.name = "gc",
     .group = "House",
     .summary = "Remove what nothing refers to, and on request old runs",
     .description =
         "Unfinished runs and what they refer to are never touched. Contents younger than "
         "ten minutes stay until the next time, for a run may be about to refer to "
         "them.",
     .example = "fermata gc --older-than 30d --dry-run",
     ARGUMENTS(gc_arguments),
     .exits = exits_house,
     .stray = "--older-than",
     .run = op_gc},
    {.name = "version",
     .group = "House",
     .summary = "Print the version",
     .description = "The same as --version; with --json as an object.",
     .example = "fermata version --json",
     .is_read_only = true,
     .exits = exits_print,
     .run = op_version},
    {.name = "drive",
     .group = "House",
     .summary = "Go on with a run until it rests (the process behind --detach)",
     .description = "Adopts the run and never asks anything.",
     .example = "fermata drive last",
     ARGUMENTS(run_argument),
     .is_hidden = true,
     .exits = exits_run,
     .run = op_drive},
    {.name = "function",
     .group = "House",
     .summary = "Run a built-in function (the process behind `use:` steps)",
     .description =
         "Reads {\"project\",\"arguments\",\"now_ms\"} from standard input and prints the "
         "result.",
     .example = "echo '{\"project\":\".\",\"arguments\":{}}' | fermata function inventory",
     ARGUMENTS(function_arguments),
     .is_hidden = true,
     .exits = exits_look,
     .run = op_function},
};
const size_t ops_row_count = ARRAY_LEN(ops_rows);

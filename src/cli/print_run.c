/* SPDX-License-Identifier: MIT */
/* Runs as text: the list, one in short, one in full. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_NAME_COLUMNS 32
#define FIELD_COLUMNS 12 /* of a field's name */
#define INPUT_COLUMNS 60 /* of its value */
#define ROOM_COLUMNS_MIN 8
#define HELP_COLUMNS_MAX 1000
#define OPTION_COLUMNS 42 /* of a command, before what it does */

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static bool is(const json_t *object, const char *key, const char *word)
{
    return strcmp(get(object, key), word) == 0;
}

/* Text from steps and people on one line, harmless. */
static void add_clean(struct strbuf *target, const char *text, size_t columns)
{
    utf8_add_cut(target, text, columns);
}

/* Columns that are left on a line. */
static size_t room(const struct terminal *terminal, size_t used)
{
    size_t columns = (size_t)terminal->columns;

    return columns > used + ROOM_COLUMNS_MIN ? columns - used : ROOM_COLUMNS_MIN;
}

/* Wrapped, on a line that already has so many columns; the next lines begin below the text. */
static void add_hanging(const struct terminal *terminal, size_t used, const char *text,
                        struct strbuf *target)
{
    struct strbuf wrapped;

    strbuf_init(&wrapped, OUTPUT_BYTES_MAX);
    add_wrapped(terminal, &wrapped, text, used);
    strbuf_add(target, wrapped.data + strspn(wrapped.data, " "));
    strbuf_release(&wrapped);
}

static void add_duration(struct strbuf *target, const json_t *object)
{
    json_int_t started = json_get_integer(object, "started_at", 0);
    json_int_t ended = json_get_integer(object, "ended_at", 0);
    json_int_t duration = json_get_integer(object, "duration_ms", -1);
    char text[DURATION_SIZE];

    if (duration < 0 && started > 0 && ended >= started) {
        duration = ended - started;
    }
    if (duration >= 0) {
        duration_format(duration, text);
        strbuf_add(target, text);
    }
}

/* ---- list ---- */

/* What the status alone does not say: a run that nobody drives stands still. */
static const char *standing(const json_t *run)
{
    if (json_get_boolean(run, "overdue", false)) {
        return " (overdue)";
    }
    if (is(run, "reason", "storage")) {
        return " (storage full)";
    }
    return (is(run, "status", "running") || is(run, "status", "pending")) &&
                   !json_get_boolean(run, "owned", true)
               ? " (no driver)"
               : "";
}

static void add_run_row(struct table *table, const struct terminal *terminal, const json_t *run,
                        int64_t now_ms)
{
    const json_t *steps = json_object_get(run, "steps");
    json_int_t done = json_get_integer(steps, "completed", 0) +
                      json_get_integer(steps, "skipped", 0);
    const char *status = get(run, "status");
    char ago[32];
    char *text;
    struct strbuf duration;

    table_add(table, get(run, "id"));
    text = mem_printf("%s %s%s", status_mark(terminal, status), status, standing(run));
    table_add_styled(table, text, status_style(status));
    free(text);
    table_add(table, get(run, "workflow"));
    text = mem_printf("%lld/%lld", (long long)done, (long long)json_get_integer(steps, "total", 0));
    table_add(table, text);
    free(text);
    format_ago(json_get_integer(run, "created_at", 0), now_ms, ago, sizeof(ago));
    table_add(table, ago);
    strbuf_init(&duration, DURATION_SIZE);
    add_duration(&duration, run);
    table_add(table, duration.data);
    strbuf_release(&duration);
    table_add(table, *get(run, "label") ? get(run, "label") : get(run, "task"));
}

void print_run_list(const struct terminal *terminal, const json_t *list, int64_t now_ms,
                    struct strbuf *target)
{
    static const char *const header[] = {"RUN",     "STATUS", "WORKFLOW", "STEPS",
                                         "CREATED", "TOOK",   "TASK"};
    const json_t *runs = json_object_get(list, "runs");
    const char *next = json_get_text(list, "next", NULL);
    struct table *table;
    const json_t *run;
    size_t i;

    if (json_array_size(runs) == 0) {
        strbuf_add(target, "No runs.\n");
        return;
    }
    table = table_new(ARRAY_LEN(header), ARRAY_LEN(header) - 1);
    for (i = 0; i < ARRAY_LEN(header); i++) {
        table_add(table, header[i]);
    }
    json_array_foreach(runs, i, run)
    {
        add_run_row(table, terminal, run, now_ms);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
    if (next) {
        strbuf_addf(target, "more: fermata list --before %s\n", next);
    }
}

/* ---- in short ---- */

static void add_wait(const json_t *run, struct strbuf *target)
{
    json_int_t until = json_get_integer(run, "waits_until", 0);
    char text[TIMESTAMP_SIZE];

    if (until > 0) {
        timestamp_format(until, text);
        strbuf_addf(target, "  %s %s\n",
                    json_get_boolean(run, "overdue", false) ? "overdue: its time was over at"
                                                            : "at most until",
                    text);
    }
}

/* What becomes of it, as far as the status does not say it. */
static void add_prospect(const json_t *run, struct strbuf *target)
{
    bool is_under_way = is(run, "status", "running") || is(run, "status", "pending");

    if (is_under_way && !json_get_boolean(run, "owned", false)) {
        strbuf_addf(target, "  %sno process drives it\n",
                    is(run, "wish", "pause") || is(run, "wish", "stop")
                        ? "it was asked to pause, and "
                        : "");
    } else if (is(run, "wish", "pause")) {
        strbuf_add(target,
                   "  it was asked to pause and will when the steps under way have ended\n");
    } else if (*get(run, "wish") && !is(run, "wish", "none")) {
        strbuf_add(target, "  its steps are being stopped\n");
    }
}

static void add_head(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const char *status = get(run, "status");
    const char *why = *get(run, "detail") ? get(run, "detail") : get(run, "reason");
    struct strbuf duration;
    size_t used;

    strbuf_init(&duration, OUTPUT_BYTES_MAX);
    if (json_get_integer(run, "ended_at", 0) > 0) {
        strbuf_add(&duration, " in ");
        add_duration(&duration, run);
    }
    used = utf8_width("x Run  () ") + utf8_width(get(run, "id")) + utf8_width(status) +
           utf8_width(duration.data);
    add_styled(terminal, target, status_style(status), status_mark(terminal, status));
    strbuf_addf(target, " Run %s (", get(run, "id"));
    add_clean(target, get(run, "workflow"), room(terminal, used));
    strbuf_add(target, ") ");
    add_styled(terminal, target, STYLE_BOLD, status);
    strbuf_addf(target, "%s\n", duration.data);
    strbuf_release(&duration);
    if (*why && strcmp(why, status) != 0 && !is(run, "status", "completed")) {
        struct strbuf clean;

        strbuf_init(&clean, OUTPUT_BYTES_MAX);
        add_clean(&clean, why, 400);
        add_wrapped(terminal, target, clean.data, 2);
        strbuf_release(&clean);
    }
    add_wait(run, target);
    add_prospect(run, target);
}

static int count_steps(const json_t *phase, const char *status)
{
    const json_t *step;
    int count = 0;
    size_t i;

    json_array_foreach(json_object_get(phase, "steps"), i, step)
    {
        count += is(step, "status", status) ? 1 : 0;
    }
    return count;
}

/* What was left out was not done. */
static void add_steps(const json_t *phase, struct strbuf *text)
{
    int total = (int)json_array_size(json_object_get(phase, "steps"));
    int skipped = count_steps(phase, "skipped");

    strbuf_addf(text, "%d/%d step%s", count_steps(phase, "completed"), total,
                total == 1 ? "" : "s");
    if (skipped > 0) {
        strbuf_addf(text, ", %d skipped", skipped);
    }
}

static void add_phase_row(const struct terminal *terminal, struct table *table, const json_t *phase)
{
    const char *status = get(phase, "status");
    const json_t *gate = json_object_get(phase, "gate");
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    table_add_styled(table, status_mark(terminal, status), status_style(status));
    table_add(table, get(phase, "id"));
    table_add_styled(table, status, status_style(status));
    add_steps(phase, &text);
    table_add(table, text.data);
    strbuf_reset(&text);
    add_duration(&text, phase);
    table_add(table, text.data);
    strbuf_reset(&text);
    if (*get(gate, "name")) {
        strbuf_addf(&text, "gate %s%s%s", get(gate, "name"), *get(gate, "verdict") ? ": " : "",
                    get(gate, "verdict"));
    } else {
        add_clean(&text, get(phase, "error"), 200);
    }
    table_add(table, text.data);
    strbuf_release(&text);
}

static void add_phases(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    struct table *table = table_new(6, 5);
    const json_t *phase;
    size_t i;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        add_phase_row(terminal, table, phase);
    }
    table_format(table, terminal, 2, false, target);
    table_free(table);
}

/* "Step s of phase p failed after 3 attempts (permanent)", without its first word. */
static void add_what_failed(const json_t *problem, struct strbuf *text)
{
    json_int_t attempts = json_get_integer(problem, "attempts", 0);

    if (*get(problem, "gate")) {
        strbuf_addf(text, "%s of phase %s: %s", get(problem, "gate"), get(problem, "phase"),
                    get(problem, "verdict"));
        return;
    }
    strbuf_addf(text, "%s of phase %s failed", get(problem, "step"), get(problem, "phase"));
    if (attempts > 1) {
        strbuf_addf(text, " after %lld attempts", (long long)attempts);
    }
    if (*get(problem, "class") && !is(problem, "class", "none")) {
        strbuf_addf(text, " (%s)", get(problem, "class"));
    }
}

static void add_problem(const struct terminal *terminal, const json_t *problem,
                        struct strbuf *target)
{
    bool is_gate = *get(problem, "gate");
    struct strbuf text;
    const json_t *line;
    size_t i;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    add_what_failed(problem, &text);
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, is_gate ? status_style(get(problem, "verdict")) : STYLE_RED,
               is_gate ? "Gate " : "Step ");
    add_hanging(terminal, utf8_width("Step "), text.data, target);
    strbuf_release(&text);
    if (*get(problem, "error")) {
        struct strbuf clean;

        strbuf_init(&clean, OUTPUT_BYTES_MAX);
        utf8_add_printable(&clean, get(problem, "error"), strlen(get(problem, "error")));
        add_wrapped(terminal, target, clean.data, 2);
        strbuf_release(&clean);
    }
    if (*get(problem, "lacks")) {
        char *hint = mem_printf("hint: %s", get(problem, "hint"));

        add_wrapped(terminal, target, hint, 2);
        free(hint);
    }
    json_array_foreach(json_object_get(problem, "tail"), i, line)
    {
        size_t columns = (size_t)terminal->columns;

        strbuf_add(target, "  | ");
        add_clean(target, json_string_value(line), columns > 8 ? columns - 4 : columns);
        strbuf_add_char(target, '\n');
    }
}

/* Commands and what they do: all side by side where all fit, else one below the other. */
/* It may be what an agent asks. free() it. */
static char *clean_help(const json_t *option)
{
    struct strbuf clean;
    char *help;

    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_cut(&clean, get(option, "help"), HELP_COLUMNS_MAX);
    help = strbuf_take(&clean);
    strbuf_release(&clean);
    return help;
}

static void add_commands(const struct terminal *terminal, const json_t *options,
                         struct strbuf *target)
{
    size_t columns = OPTION_COLUMNS;
    size_t widest = 0;
    const json_t *option;
    size_t i;

    json_array_foreach(options, i, option)
    {
        size_t width = utf8_width(get(option, "command"));
        size_t help = utf8_width(get(option, "help"));

        columns = width + 2 > columns ? width + 2 : columns;
        widest = help > widest ? help : widest;
    }
    json_array_foreach(options, i, option)
    {
        const char *command = get(option, "command");
        char *help = clean_help(option);

        strbuf_add(target, "  ");
        add_styled(terminal, target, STYLE_BOLD, command);
        if (2 + columns + widest <= (size_t)terminal->columns) {
            add_spaces(target, columns - utf8_width(command));
            strbuf_addf(target, "%s\n", help);
        } else {
            strbuf_add_char(target, '\n');
            add_wrapped(terminal, target, help, 6);
        }
        free(help);
    }
}

/* Of one command. Takes over the text of the command. */
static void add_command(const struct terminal *terminal, char *command, const char *help,
                        struct strbuf *target)
{
    json_t *options = json_pack("[{s:s, s:s}]", "command", command, "help", help);

    add_commands(terminal, options, target);
    json_decref(options);
    free(command);
}

static void add_options(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const json_t *options = json_object_get(run, "options");

    if (json_array_size(options) == 0) {
        return;
    }
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "What you can do");
    strbuf_add_char(target, '\n');
    add_commands(terminal, options, target);
}

static void add_next(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const char *report = json_get_text(json_object_get(run, "report"), "path", NULL);

    if (!is(run, "status", "completed")) {
        return;
    }
    strbuf_add_char(target, '\n');
    if (report) {
        strbuf_addf(target, "Report  %s\n", shown_path(terminal, report));
    }
    add_command(terminal, mem_printf("fermata show %s", get(run, "id")), "everything about it",
                target);
    add_command(terminal, mem_printf("fermata artifacts %s", get(run, "id")), "its result files",
                target);
}

/* Of `test-agent`: it failed for good, and nobody seems to be signed in. */
static void add_sign_in(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const char *hint = get(json_object_get(run, "agent"), "hint");
    char *text;

    if (*hint) {
        text = mem_printf("No sign-in was found: %s", hint);
        strbuf_add_char(target, '\n');
        add_wrapped(terminal, target, text, 0);
        free(text);
    }
}

void print_run_status(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const json_t *problem;
    size_t i;

    add_head(terminal, run, target);
    add_phases(terminal, run, target);
    print_usage(run, "  usage     ", target);
    print_budget(run, "  budget    ", target);
    print_alternatives(terminal, run, target);
    print_liveness(terminal, run, target);
    if (!is(run, "status", "completed")) {
        json_array_foreach(json_object_get(run, "problems"), i, problem)
        {
            add_problem(terminal, problem, target);
        }
        print_waits(terminal, run, target);
        add_options(terminal, run, target);
    }
    add_sign_in(terminal, run, target);
    add_next(terminal, run, target);
}

/* ---- in full ---- */

static void add_field(const struct terminal *terminal, const char *name, const char *text,
                      struct strbuf *target)
{
    struct strbuf clean;

    if (text && *text) {
        strbuf_init(&clean, OUTPUT_BYTES_MAX);
        add_clean(&clean, text, 1000);
        strbuf_addf(target, "  %-10s", name);
        add_hanging(terminal, FIELD_COLUMNS, clean.data, target);
        strbuf_release(&clean);
    }
}

static void add_time(const struct terminal *terminal, const char *name, const json_t *run,
                     const char *key, struct strbuf *target)
{
    char text[TIMESTAMP_SIZE];

    if (json_get_integer(run, key, 0) > 0) {
        timestamp_format(json_get_integer(run, key, 0), text);
        add_field(terminal, name, text, target);
    }
}

static void add_inputs(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(run, "inputs"), key, value)
    {
        char *text = json_is_string(value) ? mem_strdup(json_string_value(value))
                                           : json_dump_compact(value);
        struct strbuf line;

        strbuf_init(&line, OUTPUT_BYTES_MAX);
        strbuf_addf(&line, "%s = ", key);
        add_clean(&line, text, INPUT_COLUMNS);
        add_field(terminal, "input", line.data, target);
        strbuf_release(&line);
        free(text);
    }
}

/* The name says more than the key. */
static bool has_own_name(const json_t *step)
{
    return *get(step, "name") && !is(step, "key", get(step, "name"));
}

/* Adds "a; b; c". */
static void add_note(struct strbuf *target, const char *note)
{
    if (*note) {
        strbuf_add(target, target->length ? "; " : "");
        add_clean(target, note, 300);
    }
}

static void add_count_note(struct strbuf *target, json_int_t count, const char *what)
{
    char note[64];

    if (count > 1) {
        (void)snprintf(note, sizeof(note), "%lld %s", (long long)count, what);
        add_note(target, note);
    }
}

/* Beside the duration, of which it is no part. */
static void add_space_wait(struct strbuf *text, json_int_t wait_ms)
{
    char duration[DURATION_SIZE];
    char note[DURATION_SIZE + 32];

    if (wait_ms > 0) {
        duration_format(wait_ms, duration);
        (void)snprintf(note, sizeof(note), "waited %s for disk space", duration);
        add_note(text, note);
    }
}

/* What is reused has no attempt that says who answered. */
static void add_reuse(struct strbuf *text, const json_t *step)
{
    struct strbuf note;

    if (json_get_boolean(step, "reused", false)) {
        strbuf_init(&note, OUTPUT_BYTES_MAX);
        strbuf_addf(&note, "reused from %s", get(step, "reused_from"));
        print_answerer(step, ", by ", &note);
        add_note(text, note.data);
        strbuf_release(&note);
    }
}

static void add_step_row(const struct terminal *terminal, const json_t *step, bool is_fix,
                         struct table *table)
{
    const char *status = get(step, "status");
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    table_add_styled(table, status_mark(terminal, status), status_style(status));
    table_add(table, get(step, "key"));
    table_add(table, get(step, "kind"));
    table_add_styled(table, status, status_style(status));
    add_duration(&text, step);
    table_add(table, text.data);
    strbuf_reset(&text);
    add_note(&text, is_fix ? "fixes" : "");
    add_space_wait(&text, json_get_integer(step, "space_wait_ms", 0));
    add_reuse(&text, step);
    add_count_note(&text, json_get_integer(step, "attempts", 0), "attempts");
    add_count_note(&text, (json_int_t)json_array_size(json_object_get(step, "instances")),
                   "instances");
    add_note(&text, *get(step, "error")                           ? get(step, "error")
                    : *get(step, "reason") || !has_own_name(step) ? get(step, "reason")
                                                                  : get(step, "name"));
    table_add(table, text.data);
    strbuf_release(&text);
}

/* The verdict with its reason, and below it what was run. */
static void add_check(const struct terminal *terminal, const json_t *check, struct strbuf *target)
{
    const json_t *proof = json_object_get(check, "proof");
    const char *verdict = proof ? get(proof, "verdict") : get(check, "status");
    const char *why = proof ? get(proof, "reason") : get(check, "error");
    const char *stated = get(json_object_get(proof, "stated"), "command");
    const char *command = *stated ? stated : get(proof, "command");
    const char *name = get(check, "name");
    struct strbuf line;

    strbuf_init(&line, OUTPUT_BYTES_MAX);
    add_clean(&line, name, CHECK_NAME_COLUMNS);
    strbuf_addf(&line, ": %s%s%s", verdict, *why ? ", " : "", why);
    strbuf_add(target, "      ");
    add_clean(target, line.data, (size_t)terminal->columns - 6);
    strbuf_add_char(target, '\n');
    if (*command && (strcmp(command, name) != 0 || strlen(name) > CHECK_NAME_COLUMNS)) {
        strbuf_add(target, "        $ ");
        add_clean(target, command, (size_t)terminal->columns - 10);
        strbuf_add_char(target, '\n');
    }
    strbuf_release(&line);
}

static void add_gate(const struct terminal *terminal, const json_t *gate, struct strbuf *target)
{
    const json_t *check;
    size_t i;

    if (!*get(gate, "name")) {
        return;
    }
    strbuf_add(target, "    ");
    add_styled(terminal, target, status_style(get(gate, "verdict")),
               status_mark(terminal, get(gate, "verdict")));
    strbuf_addf(target, " gate %s%s%s\n", get(gate, "name"), *get(gate, "verdict") ? ": " : "",
                get(gate, "verdict"));
    json_array_foreach(json_object_get(gate, "checks"), i, check)
    {
        add_check(terminal, check, target);
    }
}

static void add_phase_head(const struct terminal *terminal, const json_t *phase,
                           struct strbuf *target)
{
    json_int_t round = json_get_integer(phase, "round", 1);
    struct strbuf facts;
    struct strbuf id;

    strbuf_init(&facts, OUTPUT_BYTES_MAX);
    strbuf_init(&id, OUTPUT_BYTES_MAX);
    strbuf_addf(&facts, " %s ", get(phase, "status"));
    add_duration(&facts, phase);
    if (round > 1) {
        strbuf_addf(&facts, "%sround %lld", facts.data[facts.length - 1] == ' ' ? "" : " ",
                    (long long)round);
    }
    add_clean(&id, get(phase, "id"), room(terminal, 2 + utf8_width(facts.data)));
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, status_style(get(phase, "status")),
               status_mark(terminal, get(phase, "status")));
    strbuf_add_char(target, ' ');
    add_styled(terminal, target, STYLE_BOLD, id.data);
    strbuf_addf(target, "%s\n", facts.data);
    strbuf_release(&id);
    strbuf_release(&facts);
}

static void add_phase_details(const struct terminal *terminal, const json_t *phase,
                              struct strbuf *target)
{
    struct table *table = table_new(6, 5);
    const json_t *step;
    size_t i;

    add_phase_head(terminal, phase, target);
    json_array_foreach(json_object_get(phase, "steps"), i, step)
    {
        add_step_row(terminal, step, false, table);
    }
    json_array_foreach(json_object_get(phase, "fix"), i, step)
    {
        add_step_row(terminal, step, true, table);
    }
    table_format(table, terminal, 4, false, target);
    table_free(table);
    if (json_object_get(phase, "usage")) {
        strbuf_add_char(target, '\n');
        print_agent_work(terminal, json_object_get(phase, "steps"), target);
        print_agent_work(terminal, json_object_get(phase, "fix"), target);
        print_usage(phase, "    in all: ", target);
    }
    json_array_foreach(json_object_get(phase, "steps"), i, step)
    {
        char *label = mem_printf("    budget of %s: ", get(step, "key"));

        print_budget(step, label, target);
        free(label);
    }
    add_gate(terminal, json_object_get(phase, "gate"), target);
}

void print_run_details(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const json_t *metrics = json_object_get(run, "metrics");
    const json_t *problem;
    const json_t *phase;
    size_t i;

    add_head(terminal, run, target);
    add_field(terminal, "task", get(run, "task"), target);
    add_field(terminal, "label", get(run, "label"), target);
    add_field(terminal, "strategy", get(run, "strategy"), target);
    add_field(terminal, "parent", get(run, "parent"), target);
    add_field(terminal, "fork of", get(run, "forked_from"), target);
    add_time(terminal, "created", run, "created_at", target);
    add_time(terminal, "started", run, "started_at", target);
    add_time(terminal, "ended", run, "ended_at", target);
    add_field(terminal, "folder", shown_path(terminal, get(run, "folder")), target);
    add_field(terminal, "workflow", get(run, "workflow_digest"), target);
    add_inputs(terminal, run, target);
    print_usage(run, "  usage     ", target);
    print_budget(run, "  budget    ", target);
    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        add_phase_details(terminal, phase, target);
    }
    print_alternatives(terminal, run, target);
    print_liveness(terminal, run, target);
    if (!is(run, "status", "completed")) {
        json_array_foreach(json_object_get(run, "problems"), i, problem)
        {
            add_problem(terminal, problem, target);
        }
        print_waits(terminal, run, target);
        add_options(terminal, run, target);
    }
    if (metrics) {
        strbuf_add_char(target, '\n');
        print_metrics(terminal, metrics, target);
    }
}

/* ---- answers ---- */

static void print_checkpoint(const struct terminal *terminal, const json_t *answer,
                             struct strbuf *target)
{
    strbuf_addf(target, "Checkpoint %s of run %s is saved.\n", get(answer, "checkpoint"),
                get(answer, "id"));
    add_command(terminal,
                mem_printf("fermata restore %s %s", get(answer, "id"), get(answer, "checkpoint")),
                "go back to it", target);
}

void print_answer(const struct terminal *terminal, const json_t *answer, struct strbuf *target)
{
    const char *status = get(answer, "status");
    const char *id = get(answer, "id");
    bool has_owner = json_get_boolean(answer, "owner", false);
    bool has_options = json_array_size(json_object_get(answer, "options")) > 0;

    if (is(answer, "done", "checkpoint")) {
        print_checkpoint(terminal, answer, target);
        return;
    }
    strbuf_addf(target, "Run %s is %s", id, status);
    if (has_owner) {
        strbuf_add(target, "; the process that drives it was told");
    } else if (strcmp(status, "running") == 0 || strcmp(status, "pending") == 0) {
        strbuf_add(target, ", but no process drives it: nothing new begins");
    }
    strbuf_add(target, ".\n");
    if (has_options) {
        add_options(terminal, answer, target);
        return;
    }
    add_command(terminal, mem_printf("fermata status %s", id), "how it stands", target);
}

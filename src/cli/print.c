/* SPDX-License-Identifier: MIT */
/* One function a result; runs are printed by print_run.c. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_COLUMNS 22 /* mark and name of a check of doctor */

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static void add_header(struct table *table, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        table_add(table, names[i]);
    }
}

typedef void (*printer)(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                        struct strbuf *target);

static void add_gap(const json_t *result, const char *key, const char *name, struct strbuf *target)
{
    const json_t *gap = json_object_get(result, key);

    if (json_is_integer(gap)) {
        strbuf_addf(target, "  gap, %-15s  %lld us\n", name, (long long)json_integer_value(gap));
    }
}

static bool is_measured(const json_t *result)
{
    return json_object_get(result, "gap_p50_us") != NULL;
}

/* What many runs took. */
static void print_measured(const json_t *result, struct strbuf *target)
{
    double seconds = json_number_value(json_object_get(result, "seconds"));
    json_int_t steps = json_get_integer(result, "steps", 0);

    strbuf_addf(target, "%lld run%s: %lld completed, %lld failed, %lld not at an end\n",
                (long long)json_get_integer(result, "runs", 0),
                json_get_integer(result, "runs", 0) == 1 ? "" : "s",
                (long long)json_get_integer(result, "completed", 0),
                (long long)json_get_integer(result, "failed", 0),
                (long long)json_get_integer(result, "waiting", 0));
    strbuf_addf(target, "  seconds               %.3f\n", seconds);
    strbuf_addf(target, "  steps                 %lld (%.0f a second)\n", (long long)steps,
                seconds > 0 ? (double)steps / seconds : 0.0);
    add_gap(result, "gap_p50_us", "median", target);
    add_gap(result, "gap_p99_us", "99th percentile", target);
    strbuf_addf(target, "  memory at most        %.1f MB\n",
                json_number_value(json_object_get(result, "peak_rss_mb")));
}

static void print_run(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                      struct strbuf *target)
{
    (void)now_ms;
    if (json_object_get(result, "removed")) {
        print_edit_preview(terminal, result, target);
    } else if (json_get_boolean(result, "dry_run", false)) {
        print_dry_run(terminal, result, target);
    } else if (json_get_boolean(result, "detached", false)) {
        strbuf_addf(target, "%s\n", get(result, "id"));
    } else if (json_object_get(result, "done")) {
        print_answer(terminal, result, target);
    } else if (is_measured(result)) {
        print_measured(result, target);
    }
    /* A run that was driven here has its summary on standard error and its report from the view. */
}

static void print_status(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                         struct strbuf *target)
{
    (void)now_ms;
    print_run_status(terminal, result, target);
}

static void print_show(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                       struct strbuf *target)
{
    (void)now_ms;
    print_run_details(terminal, result, target);
}

/* ---- results ---- */

static void print_checkpoints(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                              struct strbuf *target)
{
    static const char *const header[] = {"CHECKPOINT", "SAVED", "PHASES"};
    const json_t *list = json_object_get(result, "checkpoints");
    const json_t *checkpoint;
    const json_t *phase;
    struct table *table;
    size_t i;
    size_t k;

    if (json_array_size(list) == 0) {
        strbuf_add(target, "No checkpoints.\n");
        return;
    }
    table = table_new(ARRAY_LEN(header), 2);
    add_header(table, header, ARRAY_LEN(header));
    json_array_foreach(list, i, checkpoint)
    {
        struct strbuf phases;
        char ago[32];

        strbuf_init(&phases, OUTPUT_BYTES_MAX);
        json_array_foreach(json_object_get(checkpoint, "phases"), k, phase)
        {
            strbuf_addf(&phases, "%s%s", k ? ", " : "",
                        json_is_string(phase) ? json_string_value(phase) : "");
        }
        format_ago(json_get_integer(checkpoint, "at", 0), now_ms, ago, sizeof(ago));
        table_add(table, get(checkpoint, "name"));
        table_add(table, ago);
        table_add(table, phases.data);
        strbuf_release(&phases);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
    strbuf_addf(target, "go back to one: fermata restore %s CHECKPOINT\n", get(result, "id"));
}

static void print_artifacts(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                            struct strbuf *target)
{
    static const char *const header[] = {"ARTIFACT", "STEP", "SIZE", "MADE"};
    const json_t *list = json_object_get(result, "artifacts");
    const json_t *artifact;
    struct table *table;
    size_t i;

    if (json_array_size(list) == 0) {
        strbuf_add(target, "No artifacts.\n");
        return;
    }
    table = table_new(ARRAY_LEN(header), 0);
    add_header(table, header, ARRAY_LEN(header));
    json_array_foreach(list, i, artifact)
    {
        char text[32];

        table_add(table, get(artifact, "name"));
        table_add(table, get(artifact, "step"));
        format_bytes(json_get_integer(artifact, "bytes", 0), text, sizeof(text));
        table_add(table, text);
        format_ago(json_get_integer(artifact, "at", 0), now_ms, text, sizeof(text));
        table_add(table, text);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
    if (json_is_integer(json_object_get(result, "next"))) {
        strbuf_addf(target, "more: fermata artifacts %s --before %lld\n", get(result, "id"),
                    (long long)json_get_integer(result, "next", 0));
    }
}

static void print_explain(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                          struct strbuf *target)
{
    const json_t *step;
    const json_t *part;
    size_t i;
    size_t k;

    (void)now_ms;
    json_array_foreach(json_object_get(result, "steps"), i, step)
    {
        add_styled(terminal, target, STYLE_BOLD, get(step, "key"));
        strbuf_addf(target, "  %s\n", get(step, "decision"));
        add_wrapped(terminal, target, get(step, "why"), 2);
        if (*get(step, "from")) {
            strbuf_addf(target, "  from %s", get(step, "from"));
            print_answerer(step, ", by ", target);
            strbuf_add_char(target, '\n');
        }
        json_array_foreach(json_object_get(step, "differs"), k, part)
        {
            char *text = json_is_string(part) ? mem_strdup(json_string_value(part))
                                              : json_dump_compact(part);

            strbuf_add(target, "  differs: ");
            utf8_add_cut(target, text, (size_t)terminal->columns - 11);
            strbuf_add_char(target, '\n');
            free(text);
        }
    }
}

/* ---- workflows ---- */

static bool is_refused(const json_t *workflow)
{
    return json_is_false(json_object_get(workflow, "entitled"));
}

/* Only where a tier is not allowed, or not known to be, does it say more than the table. */
static void add_entitlement(const struct terminal *terminal, const json_t *entitlement,
                            struct strbuf *target)
{
    bool asks = strcmp(get(entitlement, "mode"), "server") == 0;
    struct strbuf text;

    if (!entitlement || (!asks && strcmp(get(entitlement, "tier"), "enterprise") == 0)) {
        return;
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    strbuf_addf(&text, "Allowed: up to the tier %s", get(entitlement, "tier"));
    if (*get(entitlement, "file")) {
        strbuf_addf(&text, " (%s:%lld)", shown_path(terminal, get(entitlement, "file")),
                    (long long)json_get_integer(entitlement, "line", 0));
    }
    strbuf_add(&text, asks ? "; above free a server is asked at the start of a run" : "");
    strbuf_add_char(target, '\n');
    add_wrapped(terminal, target, text.data, 0);
    strbuf_release(&text);
}

/* What is not as with most of them stands before the description: names take half of a line. */
static void add_particulars(const json_t *workflow, struct strbuf *target)
{
    if (json_get_boolean(workflow, "hidden", false)) {
        strbuf_addf(target, "(hidden by %s) ", get(workflow, "hidden_by"));
    }
    if (json_get_boolean(workflow, "invalid", false)) {
        strbuf_add(target, "(has errors: fermata validate)");
        return;
    }
    if (strcmp(get(workflow, "origin"), "built in") != 0) {
        strbuf_addf(target, "(%s) ", get(workflow, "origin"));
    }
    if (strcmp(get(workflow, "tier"), "free") != 0 && *get(workflow, "tier")) {
        strbuf_addf(target, "(%s%s) ", get(workflow, "tier"),
                    is_refused(workflow) ? ", not allowed" : "");
    }
    strbuf_add(target, get(workflow, "description"));
}

static void print_workflow_list(const struct terminal *terminal, const json_t *list,
                                struct strbuf *target)
{
    static const char *const header[] = {"WORKFLOW", "DESCRIPTION"};
    struct table *table = table_new(ARRAY_LEN(header), 1);
    const json_t *workflow;
    size_t i;

    add_header(table, header, ARRAY_LEN(header));
    json_array_foreach(list, i, workflow)
    {
        bool is_hidden = json_get_boolean(workflow, "hidden", false);
        bool is_invalid = json_get_boolean(workflow, "invalid", false);
        enum style style = is_hidden || is_refused(workflow) ? STYLE_DIM
                           : is_invalid                      ? STYLE_RED
                                                             : STYLE_NONE;
        struct strbuf text;

        strbuf_init(&text, OUTPUT_BYTES_MAX);
        add_particulars(workflow, &text);
        table_add_styled(table, get(workflow, "name"), style);
        table_add_styled(table, text.data, style);
        strbuf_release(&text);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
}

static void print_inputs(const struct terminal *terminal, const json_t *inputs,
                         struct strbuf *target)
{
    struct table *table;
    const json_t *input;
    size_t i;

    if (json_array_size(inputs) == 0) {
        return;
    }
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "Inputs");
    strbuf_add_char(target, '\n');
    table = table_new(4, 3);
    json_array_foreach(inputs, i, input)
    {
        const json_t *fallback = json_object_get(input, "default");
        char *text = fallback ? json_dump_compact(fallback) : NULL;
        char *need = text ? mem_printf("= %s", text) : NULL;

        table_add(table, get(input, "name"));
        table_add(table, get(input, "type"));
        table_add(table, need                                         ? need
                         : json_get_boolean(input, "required", false) ? "required"
                                                                      : "");
        table_add(table, get(input, "description"));
        free(need);
        free(text);
    }
    table_format(table, terminal, 2, false, target);
    table_free(table);
}

/* What files hold, harmless for a terminal. */
static void add_text(struct strbuf *target, const char *text)
{
    utf8_add_printable(target, text, strlen(text));
}

static void add_description(const struct terminal *terminal, const char *text,
                            struct strbuf *target)
{
    struct strbuf clean;

    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    add_text(&clean, text);
    add_wrapped(terminal, target, clean.data, 2);
    strbuf_release(&clean);
}

/* On one line where it fits. */
static void add_origin(const struct terminal *terminal, const json_t *workflow,
                       struct strbuf *target)
{
    char *origin = mem_printf("  (%s: %s)\n", get(workflow, "origin"),
                              shown_path(terminal, get(workflow, "file")));
    size_t width = utf8_width(get(workflow, "name")) + utf8_width(origin);

    add_styled(terminal, target, STYLE_BOLD, get(workflow, "name"));
    strbuf_addf(target, "%s%s", width > (size_t)terminal->columns ? "\n" : "", origin);
    free(origin);
}

static void print_workflows(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                            struct strbuf *target)
{
    const json_t *list = json_object_get(result, "workflows");

    (void)now_ms;
    if (list) {
        print_workflow_list(terminal, list, target);
        add_entitlement(terminal, json_object_get(result, "entitlement"), target);
        return;
    }
    if (strcmp(get(result, "form"), "tree") == 0) {
        add_origin(terminal, result, target);
        add_description(terminal, get(result, "description"), target);
        if (*get(result, "tier") && strcmp(get(result, "tier"), "free") != 0) {
            strbuf_addf(target, "  Tier: %s%s\n", get(result, "tier"),
                        is_refused(result) ? " (not allowed)" : "");
            add_entitlement(terminal, json_object_get(result, "entitlement"), target);
        }
        print_inputs(terminal, json_object_get(result, "inputs"), target);
        strbuf_add_char(target, '\n');
    }
    add_text(target, get(result, "text"));
}

static void print_validate(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                           struct strbuf *target)
{
    size_t files = json_array_size(json_object_get(result, "files"));
    json_int_t errors = json_get_integer(result, "errors", 0);
    json_int_t warnings = json_get_integer(result, "warnings", 0);

    (void)terminal;
    (void)now_ms;
    add_text(target, get(result, "text"));
    strbuf_addf(target, "%zu file%s checked: %lld error%s, %lld warning%s\n", files,
                files == 1 ? "" : "s", (long long)errors, errors == 1 ? "" : "s",
                (long long)warnings, warnings == 1 ? "" : "s");
}

static void print_schema(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                         struct strbuf *target)
{
    const char *text = json_get_text(result, "text", NULL);
    char *pretty;

    (void)terminal;
    (void)now_ms;
    if (text) {
        strbuf_add(target, text);
        return;
    }
    pretty = json_dump_pretty(result);
    strbuf_add(target, pretty);
    free(pretty);
}

/* ---- house ---- */

static void print_trust(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                        struct strbuf *target)
{
    (void)now_ms;
    (void)terminal;
    strbuf_addf(target, "%s is %strusted\n", get(result, "project"),
                json_get_boolean(result, "trusted", false) ? "" : "not ");
}

static void print_init(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                       struct strbuf *target)
{
    const json_t *agents = json_object_get(result, "agents");
    struct strbuf names;
    const json_t *name;
    size_t i;

    (void)now_ms;
    strbuf_addf(target, "Made %s\n", get(result, "folder"));
    strbuf_add(target, "  config.yaml            settings, agents and gates of this project\n"
                       "  workflows/hello.yaml   an example to start from\n\n");
    strbuf_init(&names, OUTPUT_BYTES_MAX);
    strbuf_add(&names, json_array_size(agents) ? "Found agents: " : "Found no agent");
    json_array_foreach(agents, i, name)
    {
        strbuf_addf(&names, "%s%s", i ? ", " : "", json_string_value(name));
    }
    add_wrapped(terminal, target, names.data, 0);
    strbuf_release(&names);
    strbuf_add(target, "\nNext\n"
                       "  fermata run -w hello   runs the example\n"
                       "  fermata workflows      lists everything that can be run\n"
                       "  fermata agents         lists who can be asked\n");
}

/* Beside its name; a text that passes may be cut, any other is shown whole. */
static void add_detail(const struct terminal *terminal, const char *detail, bool is_whole,
                       struct strbuf *target)
{
    struct strbuf clean;
    struct strbuf wrapped;

    if (!is_whole) {
        utf8_add_cut(target, detail, (size_t)terminal->columns - CHECK_COLUMNS);
        strbuf_add_char(target, '\n');
        return;
    }
    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    strbuf_init(&wrapped, OUTPUT_BYTES_MAX);
    utf8_add_printable(&clean, detail, strlen(detail));
    add_wrapped(terminal, &wrapped, clean.data, CHECK_COLUMNS);
    strbuf_add(target, wrapped.data + strspn(wrapped.data, " "));
    strbuf_release(&wrapped);
    strbuf_release(&clean);
}

static void print_doctor(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                         struct strbuf *target)
{
    const json_t *check;
    size_t i;

    (void)now_ms;
    json_array_foreach(json_object_get(result, "checks"), i, check)
    {
        const char *status = get(check, "status");

        add_styled(terminal, target, status_style(status), status_mark(terminal, status));
        strbuf_add_char(target, ' ');
        add_padded(target, get(check, "name"), CHECK_COLUMNS - 2);
        strbuf_add(target, strlen(get(check, "name")) >= CHECK_COLUMNS - 2 ? " " : "");
        add_detail(terminal, get(check, "detail"), strcmp(status, "fail") == 0, target);
        if (*get(check, "hint") && strcmp(status, "pass") != 0) {
            add_wrapped(terminal, target, get(check, "hint"), CHECK_COLUMNS);
        }
    }
    strbuf_addf(target, "%lld passed, %lld failed, %lld unknown\n",
                (long long)json_get_integer(result, "passed", 0),
                (long long)json_get_integer(result, "failed", 0),
                (long long)json_get_integer(result, "unknown", 0));
}

static void print_gc(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                     struct strbuf *target)
{
    json_int_t runs = json_get_integer(result, "runs", 0);
    json_int_t blobs = json_get_integer(result, "blobs", 0);
    json_int_t kept = json_get_integer(result, "kept", 0);
    json_int_t folders = json_get_integer(result, "folders", 0);
    char bytes[32];

    (void)terminal;
    (void)now_ms;
    format_bytes(json_get_integer(result, "bytes", 0), bytes, sizeof(bytes));
    strbuf_addf(target, "%s %lld run%s and %lld blob%s (%s)",
                json_get_boolean(result, "dry_run", false) ? "Would remove" : "Removed",
                (long long)runs, runs == 1 ? "" : "s", (long long)blobs, blobs == 1 ? "" : "s",
                bytes);
    if (folders > 0) {
        strbuf_addf(target, ", %lld folder%s without a run", (long long)folders,
                    folders == 1 ? "" : "s");
    }
    strbuf_addf(target, "; %lld run%s kept\n", (long long)kept, kept == 1 ? "" : "s");
}

static void print_undo(const struct terminal *terminal, const json_t *report, int64_t now_ms,
                       struct strbuf *target)
{
    const json_t *files = json_object_get(report, "files");
    const json_t *file;
    size_t i;

    (void)terminal;
    (void)now_ms;
    json_array_foreach(files, i, file)
    {
        const char *path = get(file, "path");

        strbuf_addf(target, "%-9s ", get(file, "status"));
        utf8_add_printable(target, path, strlen(path));
        strbuf_add_char(target, '\n');
    }
    if (json_array_size(files) == 0) {
        strbuf_add(target, "Every file is as it was: nothing to do\n");
    } else {
        strbuf_addf(target, "%zu file%s %s; `fermata undo %s --back` takes that back\n",
                    json_array_size(files), json_array_size(files) == 1 ? "" : "s",
                    json_get_boolean(report, "is_back", false) ? "as before the undo" : "as before",
                    get(report, "id"));
    }
    json_array_foreach(json_object_get(report, "lacks"), i, file)
    {
        const char *path = json_string_value(file);

        strbuf_add(target, i == 0 ? "Too large to be kept, left as they are: " : ", ");
        utf8_add_printable(target, path, strlen(path));
    }
    strbuf_add(target, json_object_get(report, "lacks") ? "\n" : "");
}

static void print_version(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                          struct strbuf *target)
{
    (void)terminal;
    (void)now_ms;
    strbuf_addf(target, "fermata %s\n", get(result, "version"));
}

/* Items were printed as they came. */
static void print_nothing(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                          struct strbuf *target)
{
    (void)terminal;
    (void)result;
    (void)now_ms;
    (void)target;
}

void print_log_lines(const struct terminal *terminal, const char *lines, struct strbuf *target)
{
    if (!terminal->has_color) {
        strbuf_add(target, lines);
        return;
    }
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        char *line = mem_strndup(lines, length);
        enum style style = strstr(line, "] [ERROR] ")  ? STYLE_RED
                           : strstr(line, "] [WARN] ") ? STYLE_YELLOW
                                                       : STYLE_NONE;

        add_styled(terminal, target, style, line);
        strbuf_add_char(target, '\n');
        free(line);
        lines += length + (lines[length] == '\n');
    }
}

void print_clean(const struct terminal *terminal, const char *text, int indent,
                 struct strbuf *target)
{
    struct strbuf clean;

    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_printable(&clean, text, strlen(text));
    add_wrapped(terminal, target, clean.data, indent);
    strbuf_release(&clean);
}

/* ---- table ---- */

static const struct {
    const char *operation;
    printer print;
} printers[] = {
    {"init", print_init},
    {"run", print_run},
    {"resume", print_run},
    {"drive", print_run},
    {"fork", print_run},
    {"edit", print_run},
    {"pause", print_run},
    {"cancel", print_run},
    {"retry", print_run},
    {"skip", print_run},
    {"approve", print_run},
    {"reject", print_run},
    {"signal", print_run},
    {"checkpoint", print_run},
    {"restore", print_run},
    {"list", print_run_list},
    {"status", print_status},
    {"show", print_show},
    {"logs", print_nothing},
    {"checkpoints", print_checkpoints},
    {"artifacts", print_artifacts},
    {"cat", print_nothing},
    {"explain", print_explain},
    {"workflows", print_workflows},
    {"validate", print_validate},
    {"schema", print_schema},
    {"agents", print_agents},
    {"test-agent", print_run},
    {"doctor", print_doctor},
    {"gc", print_gc},
    {"version", print_version},
    {"function", print_nothing},
    {"models", print_models},
    {"trust", print_trust},
    {"answer", print_run},
    {"diff", print_nothing},
    {"undo", print_undo},
    {"reset-agent", print_reset_agent},
    {"audit", print_audit},
    {"experts", print_experts},
    {"gate", print_gate},
    {"tasks", print_tasks},
    {"stats", print_stats},
    {"loop", print_loop},
    {"analyze", print_analysis},
    {"suggest", print_suggestions},
    {"recommend", print_recommendations},
    {"plan", print_planned},
};

void print_result(const struct terminal *terminal, const char *operation, const json_t *result,
                  int64_t now_ms, struct strbuf *target)
{
    char *text;

    for (size_t i = 0; i < ARRAY_LEN(printers); i++) {
        if (strcmp(printers[i].operation, operation) == 0) {
            printers[i].print(terminal, result, now_ms, target);
            return;
        }
    }
    text = json_dump_pretty(result);
    strbuf_add(target, text);
    free(text);
}

/* ---- exit status ---- */

#define HOST_EXIT_STATUS 42

static int run_exit_status(const json_t *run)
{
    const json_t *agent = json_object_get(run, "agent");
    const char *status = get(run, "status");
    const json_t *problem = json_array_get(json_object_get(run, "problems"), 0);
    const char *class_ = get(problem, "class");

    if (json_get_boolean(run, "left", false)) {
        return 130;
    }
    if (*get(problem, "lacks") &&
        (strcmp(status, "failed") == 0 || strcmp(get(run, "reason"), "failure") == 0)) {
        return error_code_exit_status(ERROR_UNAVAILABLE);
    }
    if (strcmp(status, "paused") == 0 && strcmp(get(run, "reason"), "budget") == 0) {
        return error_code_exit_status(ERROR_LIMIT);
    }
    if (strcmp(status, "paused") == 0) {
        return json_array_size(json_object_get(run, "host")) > 0 ? HOST_EXIT_STATUS : 3;
    }
    if (strcmp(status, "failed") == 0 && !json_get_boolean(agent, "signed_in", true)) {
        return error_code_exit_status(ERROR_UNAVAILABLE);
    }
    if (strcmp(status, "failed") == 0) {
        if (strcmp(class_, "timeout") == 0 || strcmp(get(run, "reason"), "timeout") == 0) {
            return 124;
        }
        return strcmp(class_, "limit") == 0 || strcmp(get(run, "reason"), "limit") == 0
                   ? error_code_exit_status(ERROR_LIMIT)
                   : 1;
    }
    return strcmp(status, "cancelled") == 0 ? 1 : 0;
}

static int loop_exit_status(const json_t *result)
{
    const char *stopped = get(result, "stopped");
    int status = run_exit_status(json_object_get(result, "run"));

    if (strcmp(stopped, "failed") == 0) {
        return status == 0 || status == 3 ? 1 : status;
    }
    if (strcmp(stopped, "waits") == 0 || strcmp(stopped, "interrupted") == 0) {
        return status == 0 || status == 1 ? 3 : status;
    }
    return 0;
}

int result_exit_status(const char *operation, const json_t *result)
{
    if (strcmp(operation, "loop") == 0) {
        return loop_exit_status(result);
    }
    if (strcmp(operation, "validate") == 0) {
        return json_get_integer(result, "errors", 0) > 0 ? error_code_exit_status(ERROR_VALIDATION)
                                                         : 0;
    }
    if (strcmp(operation, "audit") == 0) {
        return json_get_boolean(result, "sound", true) ? 0 : 1;
    }
    if (strcmp(operation, "doctor") == 0) {
        return json_get_integer(result, "failed", 0) > 0 ? 1 : 0;
    }
    if (!json_get_boolean(result, "proven", true)) {
        return 1;
    }
    if (strcmp(operation, "models") == 0) {
        return json_get_boolean(result, "missing", false)
                   ? error_code_exit_status(ERROR_UNAVAILABLE)
                   : 0;
    }
    if (strcmp(operation, "list") == 0 || strcmp(operation, "show") == 0 ||
        json_object_get(result, "done")) {
        return 0;
    }
    if (is_measured(result)) {
        return json_get_integer(result, "failed", 0) > 0    ? 1
               : json_get_integer(result, "waiting", 0) > 0 ? 3
                                                            : 0;
    }
    return json_object_get(result, "phases") && json_object_get(result, "problems")
               ? run_exit_status(result)
               : 0;
}

/* SPDX-License-Identifier: MIT */
/* Runs the installed linters and syntax checkers that apply, with configurations of our own, on a
 * bounded number of files. Nothing of the project is executed: no plugins, no configuration that is
 * code, no build. A tool that is missing, fails or runs out of time is `unknown`, never clean. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/file.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/linter.h"
#include "functions/program.h"
#include "functions/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARGUMENTS_MAX 64
#define CALLS_MIN 3 /* of a tool, in the time that it has */
#define BATCH_FILES 10
#define OUTPUT_BYTES_MAX (8U * 1024 * 1024)
#define VERSION_TIMEOUT_MS 5000
#define TIDY_FILES_MAX 6
#define FILES_MAX 10000

static const char *const tool_environment[] = {
    "GOPROXY=off",   "GOTOOLCHAIN=local",         "GOFLAGS=-mod=readonly",
    "CGO_ENABLED=0", "PYTHONDONTWRITEBYTECODE=1", NULL,
};

static const struct {
    json_int_t files, seconds; /* with each tool */
} reach_of_band[BANDS] = {
    [BAND_SMALL] = {60, 15},
    [BAND_MEDIUM] = {400, 90},
    [BAND_LARGE] = {FILES_MAX, 300},
};

struct run {
    const struct function_call *call;
    struct tree *tree;
    struct findings *findings;
    size_t files_max;
    int64_t timeout_ms;
};

/* "file:line:" at the start of a line of output; the rest is the message. */
static bool place_split(char *line, char **ret_file, size_t *ret_line, char **ret_rest)
{
    char *colon = line;

    while ((colon = strchr(colon, ':')) != NULL) {
        char *end = NULL;
        unsigned long number = strtoul(colon + 1, &end, 10);

        if (isdigit((unsigned char)colon[1]) && end && (*end == ':' || *end == ' ') && number > 0) {
            *colon = '\0';
            *ret_file = strncmp(line, "./", 2) == 0 ? line + 2 : line;
            *ret_line = number;
            *ret_rest = end + 1;
            while (isdigit((unsigned char)**ret_rest)) { /* the column */
                (*ret_rest)++;
            }
            *ret_rest += strspn(*ret_rest, ": ");
            return true;
        }
        colon++;
    }
    return false;
}

static enum severity severity_read(char **message)
{
    static const struct {
        const char *word;
        enum severity severity;
    } words[] = {
        {"error: ", SEVERITY_MEDIUM},     {"[error] ", SEVERITY_MEDIUM},
        {"warning: ", SEVERITY_LOW},      {"[warning] ", SEVERITY_INFO},
        {"note: ", SEVERITY_INFO},        {"style: ", SEVERITY_INFO},
        {"portability: ", SEVERITY_INFO}, {"info: ", SEVERITY_INFO},
        {"information: ", SEVERITY_INFO},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t length = strlen(words[i].word);

        if (strncmp(*message, words[i].word, length) == 0) {
            *message += length;
            return words[i].severity;
        }
    }
    return SEVERITY_LOW;
}

/* "[id]" at the end of a message, as most tools print it. */
static char *rule_read(const struct linter *tool, char *message)
{
    size_t length = strlen(message);
    char *open = strrchr(message, '[');
    char *rule;

    if (length < 3 || message[length - 1] != ']' || !open) {
        return mem_strdup(tool->name);
    }
    rule = mem_printf("%s:%.*s", tool->name, (int)(length - 2 - (size_t)(open - message)),
                      open + 1);
    while (open > message && open[-1] == ' ') {
        open--;
    }
    *open = '\0';
    return rule;
}

/* What follows from values that the tool guessed without the project's headers: a function that
 * does not return, or sets its argument, is enough to refute it. */
static bool is_guess(const char *rule)
{
    static const char *const marks[] = {
        "cppcheck:nullPointer",  "cppcheck:ctu",           "cppcheck:uninit",
        "RedundantCheck",        "cppcheck:negativeIndex", "cppcheck:arrayIndexThenCheck",
        "cppcheck:arrayIndexOu", "cppcheck:pointerOutOf",  "cppcheck:pointerSize",
    };

    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (strstr(rule, marks[i])) {
            return true;
        }
    }
    return false;
}

static void line_report(const struct run *run, const struct linter *tool, char *line, size_t *count)
{
    char *path;
    char *message;
    char *rule;
    size_t number;
    char *text = NULL;
    size_t length = 0;
    const struct tree_file *file;
    enum severity severity;
    const char *context;

    if (!place_split(line, &path, &number, &message)) {
        return;
    }
    file = tree_find(run->tree, path);
    if (!file || strncmp(message, "note: ", 6) == 0) {
        return;
    }
    severity = severity_read(&message);
    rule = rule_read(tool, message);
    context = tree_context_name(file->traits);
    if (context && severity > SEVERITY_INFO) {
        severity--;
    }
    (*count)++;
    {
        struct finding finding = {.rule = rule,
                                  .severity = severity,
                                  .confidence = is_guess(rule) ? "low" : "medium",
                                  .file = path,
                                  .line = number,
                                  .message = message,
                                  .fix = "see the tool's page for this rule",
                                  .context = context};

        if (tree_read(run->tree, (struct tree_file *)file, &text, &length)) {
            struct source source;

            source_init(&source, NULL, text, length);
            if (number <= source.lines) {
                finding.evidence = source_line(&source, text, number, &finding.evidence_length);
            }
            findings_add(run->findings, &finding);
            source_release(&source);
        } else {
            findings_add(run->findings, &finding);
        }
    }
    free(text);
    free(rule);
}

static void output_report(const struct run *run, const struct linter *tool, char *output,
                          size_t *count)
{
    char *save = NULL;

    for (char *line = strtok_r(output, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        line_report(run, tool, line, count);
    }
}

static void version_put(const struct linter *tool, json_t *entry)
{
    struct program_result result;

    if (tool->version && program_run(&(struct program_request){.argv = tool->version,
                                                               .merges_errors = true,
                                                               .output_bytes_max = 4096,
                                                               .timeout_ms = VERSION_TIMEOUT_MS},
                                     &result, NULL) == 0) {
        const char *digit = strpbrk(result.output.data, "0123456789");

        if (digit) {
            json_put(entry, "version", json_text_lossy(digit, strcspn(digit, " \n\t,)")));
        }
    }
    if (tool->version) {
        program_result_release(&result);
    }
}

static void entry_finish(json_t *entry, const char *status, const char *why)
{
    json_put_text(entry, "status", status);
    json_put_text(entry, "why", why);
}

enum reach { REACH_DONE, REACH_LATE, REACH_BROKEN };

/* One call of the tool; adds to *count. Broken: it could not do its work, and the entry says why.
 */
static enum reach tool_run(const struct run *run, const struct linter *tool,
                           const char *const *argv, int64_t timeout_ms, size_t *count,
                           json_t *entry)
{
    struct program_result result;
    struct error err = ERROR_INIT;
    size_t before = *count;
    char *why = NULL;
    enum reach reach = REACH_DONE;

    if (program_run(&(struct program_request){.argv = argv,
                                              .folder = run->call->project,
                                              .environment = tool_environment,
                                              .merges_errors = true,
                                              .output_bytes_max = OUTPUT_BYTES_MAX,
                                              .timeout_ms = timeout_ms},
                    &result, &err) < 0) {
        why = mem_strdup(err.text);
    } else {
        char *first = mem_strndup(result.output.data, strcspn(result.output.data, "\n"));

        output_report(run, tool, result.output.data, count);
        if (result.timed_out) {
            reach = REACH_LATE;
        } else if (result.exit_status < 0 ||
                   (result.exit_status > tool->statuses_max && *count == before)) {
            why = mem_printf("it ended with status %d: %.200s", result.exit_status, first);
        }
        free(first);
    }
    if (why) {
        entry_finish(entry, "unknown", why);
        reach = REACH_BROKEN;
    }
    free(why);
    program_result_release(&result);
    return reach;
}

/* A compilation database can name compiler plugins, which are code. */
static const char *database_refusal(const struct run *run)
{
    char *path = path_join(run->call->project, "compile_commands.json");
    char *text = NULL;
    size_t length;
    const char *refusal = NULL;

    if (file_read(path, 32U * 1024 * 1024, &text, &length, NULL) < 0) {
        refusal = "there is no compile_commands.json in the root folder";
    } else if (strstr(text, "plugin") || strstr(text, "-load") || strstr(text, "\"@") ||
               strstr(text, " @")) {
        refusal =
            "compile_commands.json loads compiler plugins or response files, which are not trusted";
    }
    free(text);
    free(path);
    return refusal;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A tool that saw some of the files and found nothing there has not shown the others clean. */
static void entry_conclude(json_t *entry, size_t count, size_t files, size_t files_all)
{
    char *why = files < files_all
                    ? mem_printf("only %zu of %zu files were looked at, large ones first", files,
                                 files_all)
                    : NULL;
    const char *nothing_found = why ? "unknown" : "clean";

    entry_finish(entry, count > 0 ? "findings" : nothing_found, why);
    free(why);
}

static void entry_be_late(const struct run *run, json_t *entry, size_t late, bool is_over)
{
    char *why = is_over ? mem_printf("time ran out (%d s)", (int)(run->timeout_ms / 1000))
                        : mem_printf("%zu file%s took too long", late, late == 1 ? "" : "s");

    entry_finish(entry, "unknown", why);
    free(why);
}

static size_t next_batch(size_t batch)
{
    return 2 * batch < BATCH_FILES ? 2 * batch : BATCH_FILES;
}

/* What one tool is run over. */
struct sweep {
    const struct run *run;
    const struct linter *tool;
    const struct linter_files *chosen;
    bool is_whole; /* it finds its files by itself */
    size_t files_max;
    size_t files; /* that were looked at */
    size_t late;  /* that took too long */
    size_t count; /* of what it found */
};

/* One file that takes forever must not take the time of all others. */
static int64_t call_time_ms(const struct sweep *sweep, int64_t left_ms)
{
    int64_t call_ms = sweep->run->timeout_ms / CALLS_MIN;

    left_ms = left_ms > call_ms && !sweep->is_whole ? call_ms : left_ms;
    return left_ms > 1 ? left_ms : 1;
}

/* In batches that begin small, so that what was checked before the time ran out is known and kept.
 * `argv` has the command's own arguments, `fixed` of them. */
static enum reach sweep_files(struct sweep *sweep, const char **argv, size_t fixed, json_t *entry)
{
    int64_t deadline_ms = now_ms() + sweep->run->timeout_ms;
    enum reach reach = REACH_DONE;
    size_t batch_max = 1;

    while (reach != REACH_BROKEN && sweep->files + sweep->late < sweep->files_max) {
        size_t first = sweep->files + sweep->late;
        size_t batch = sweep->files_max - first;
        int64_t left_ms = deadline_ms - now_ms();

        if (left_ms <= 0) {
            break;
        }
        batch = batch > batch_max && !sweep->is_whole ? batch_max : batch;
        for (size_t i = 0; i < batch && !sweep->is_whole; i++) {
            argv[fixed + i] = sweep->chosen->items[first + i].file->path;
        }
        argv[fixed + (sweep->is_whole ? 0 : batch)] = NULL;
        reach = tool_run(sweep->run, sweep->tool, argv, call_time_ms(sweep, left_ms), &sweep->count,
                         entry);
        sweep->files += reach == REACH_DONE ? batch : 0;
        sweep->late += reach == REACH_LATE ? batch : 0;
        batch_max = reach == REACH_LATE ? 1 : next_batch(batch_max);
    }
    return reach;
}

static void command_run(const struct run *run, const struct linter *tool,
                        const struct linter_files *chosen, json_t *entry)
{
    static const char *const tidy[] = {
        "clang-tidy",
        "--quiet",
        "--config={}",
        "-p=.",
        "--checks=-*,clang-analyzer-*,bugprone-infinite-loop,bugprone-sizeof-expression",
        NULL};
    const char *const *command = tool->command ? tool->command : tidy;
    const char *argv[ARGUMENTS_MAX];
    struct sweep sweep = {.run = run,
                          .tool = tool,
                          .chosen = chosen,
                          .is_whole = strcmp(tool->name, "go") == 0,
                          .files_max = tool->command ? run->files_max : TIDY_FILES_MAX};
    enum reach reach;
    size_t fixed = 0;

    if (sweep.is_whole || sweep.files_max > chosen->count) {
        sweep.files_max = chosen->count;
    }
    while (command[fixed]) {
        argv[fixed] = command[fixed];
        fixed++;
    }
    reach = sweep_files(&sweep, argv, fixed, entry);
    json_put_integer(entry, "count", (json_int_t)sweep.count);
    json_put_integer(entry, "files_checked", (json_int_t)sweep.files);
    if (reach == REACH_BROKEN) {
        return;
    }
    if (sweep.files < sweep.files_max) {
        entry_be_late(run, entry, sweep.late, sweep.files + sweep.late < sweep.files_max);
    } else {
        entry_conclude(entry, sweep.count, sweep.files, chosen->count);
    }
}

/* pyflakes tells what ruff tells: one of the two is enough, and their absence is said once. */
static bool is_needless(const struct linter *tool)
{
    bool has_ruff = program_is_installed("ruff");
    bool has_pyflakes = program_is_installed("pyflakes");

    return (strcmp(tool->name, "ruff") == 0 && !has_ruff && has_pyflakes) ||
           (strcmp(tool->name, "pyflakes") == 0 && (has_ruff || !has_pyflakes));
}

static json_t *tool_check(const struct run *run, const struct linter *tool)
{
    struct linter_files chosen = {0};
    json_t *entry = json_object();
    const char *refusal = NULL;

    linter_choose_files(tool, run->tree, &chosen);
    json_put_text(entry, "tool", tool->name);
    json_put(entry, "applies", json_boolean(chosen.count > 0));
    json_put_integer(entry, "files", (json_int_t)chosen.count);
    json_put_text(entry, "purpose", tool->purpose);
    if (chosen.count == 0) {
        json_put_text(entry, "why", "no files of its kind");
    } else if (strcmp(tool->name, "eslint") == 0) {
        entry_finish(
            entry, "unknown",
            "its configuration is program code of the project, which is not executed here");
    } else if (!program_is_installed(tool->name)) {
        entry_finish(entry, "unknown",
                     strcmp(tool->name, "ruff") == 0 ? "not installed, nor is pyflakes"
                                                     : "not installed");
    } else {
        if (!tool->command) {
            refusal = database_refusal(run);
        }
        version_put(tool, entry);
        if (refusal) {
            entry_finish(entry, "unknown", refusal);
        } else {
            command_run(run, tool, &chosen, entry);
        }
    }
    VEC_RELEASE(&chosen);
    return entry;
}

static void result_fill(const struct run *run, json_t *result)
{
    json_t *list = json_array();
    size_t applying = 0;
    size_t unknown = 0;
    size_t with_findings = 0;
    size_t count;
    const struct linter *tools = linter_table(&count);

    for (size_t i = 0; i < count; i++) {
        json_t *entry;
        const char *status;

        if (is_needless(&tools[i])) {
            continue;
        }
        entry = tool_check(run, &tools[i]);
        status = json_get_text(entry, "status", "");
        applying += json_get_boolean(entry, "applies", false);
        unknown += strcmp(status, "unknown") == 0;
        with_findings += strcmp(status, "findings") == 0;
        (void)json_array_append_new(list, entry);
    }
    json_put(result, "tools", list);
    json_put_integer(result, "unknown_tools", (json_int_t)unknown);
    json_put_integer(json_object_get(result, "covered"), "files_max", (json_int_t)run->files_max);
    findings_finish(run->findings, result);
    result_summarise(result, "%zu tools apply: %zu clean, %zu with findings, %zu unknown", applying,
                     applying - unknown - with_findings, with_findings, unknown);
    if (applying > 0 && applying == unknown) {
        json_put_text(result, "status", "unknown");
        json_put_text(result, "why", "no tool that applies could look at everything");
    }
}

int linters_run(const struct function_call *call, struct error *err)
{
    struct run run = {.call = call};
    json_int_t files = 0;
    json_int_t seconds = 0;
    json_t *result;
    enum band band = BAND_SMALL;
    int r = argument_band(call, &band, err);

    if (r == 0) {
        r = argument_integer(call, "files", reach_of_band[band].files,
                             (const json_int_t[2]){1, FILES_MAX}, &files, err);
    }
    if (r == 0) {
        r = argument_integer(call, "seconds", reach_of_band[band].seconds,
                             (const json_int_t[2]){1, 3600}, &seconds, err);
    }
    if (r == 0) {
        r = tree_open(call->project, &run.tree, err);
    }
    if (r < 0) {
        return r;
    }
    /* What a script is, its first lines tell. */
    for (size_t i = 0; i < run.tree->count; i++) {
        struct tree_file *file = &run.tree->files[i];
        char *text;
        size_t length;

        if ((!file->language || language_is(file->language, "Shell")) &&
            tree_read(run.tree, file, &text, &length)) {
            free(text);
        }
    }
    run.files_max = (size_t)files;
    run.timeout_ms = seconds * 1000;
    run.findings = findings_new("linters");
    result = result_new("linters");
    result_fill(&run, result);
    tree_free(run.tree);
    return result_write(result, call, err);
}

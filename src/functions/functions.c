/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include "functions/builtin.h"

#include "functions/checks.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#define FUNCTIONS_MAX 64

#define REFERENCE_BYTES_MAX (64U * 1024)
#define BAND "`small`, `medium` or `large`"
#define FOLDED "the output of `fold`"

static const struct function_argument nothing[] = {{NULL, NULL}};
static const struct function_argument of_noop[] = {{"value", "any value"}, {NULL, NULL}};
static const struct function_argument of_fail[] = {{"message", "the error text"}, {NULL, NULL}};
static const struct function_argument of_sleep[] = {{"milliseconds", "how long, at most one hour"},
                                                    {NULL, NULL}};
static const struct function_argument of_inventory[] = {
    {"largest", "how many of the largest files to name (default 15)"}, {NULL, NULL}};
static const struct function_argument of_history[] = {
    {"band", BAND},
    {"commits", "the newest ones to read (default by band: 3000, 20000, 100000)"},
    {NULL, NULL}};
static const struct function_argument of_secrets[] = {
    {"band", BAND},
    {"commits", "the newest ones to read (default by band: 2000, 10000, all)"},
    {"megabytes", "of changes to read (default by band: 128, 512, 4096)"},
    {NULL, NULL}};
static const struct function_argument of_linters[] = {
    {"band", BAND},
    {"files", "checked at most with each tool (default by band: 60, 400, 10000)"},
    {"seconds", "for each tool (default by band: 15, 90, 300)"},
    {NULL, NULL}};
static const struct function_argument of_fold[] = {{"angles", "step id to {status, error, output}"},
                                                   {NULL, NULL}};
static const struct function_argument of_band[] = {
    {"band", "`auto` (default), or " BAND ", which is then taken"},
    {"fast", "`true`: small unless a band is asked for, and one round"},
    {NULL, NULL}};
static const struct function_argument of_validate[] = {
    {"fold", FOLDED},
    {"attacks", "what agents said against it: step id to {status, error, output}"},
    {NULL, NULL}};
#define REVIEW                                                                                     \
    "the file of a review: Markdown with recommendations, or JSON with findings or suggestions"
#define PLANNED "the output of `subtasks`, `modes` or `waves`"
static const struct function_argument of_feature[] = {
    {"report", REVIEW}, {"name", "instead of the report's title"}, {NULL, NULL}};
static const struct function_argument of_subtasks[] = {
    {"report", REVIEW}, {"feature", "the output of `feature`"}, {NULL, NULL}};
static const struct function_argument of_modes[] = {
    {"subtasks", PLANNED},
    {"mode", "`auto`, or for all `direct`, `task-work` or `manual`"},
    {NULL, NULL}};
static const struct function_argument of_waves[] = {
    {"subtasks", PLANNED},
    {"width", "subtasks at once, at most (default 0: any number)"},
    {NULL, NULL}};
static const struct function_argument of_workspaces[] = {{"subtasks", "the output of `waves`"},
                                                         {NULL, NULL}};
static const struct function_argument of_task_files[] = {
    {"subtasks", PLANNED},
    {"folder", "in the project (default tasks/SLUG)"},
    {"part", "`folder`, `subtasks`, `guide` or `readme`"},
    {NULL, NULL}};
static const struct function_argument of_report[] = {
    {"fold", FOLDED},
    {"validation", "the output of `validate` or an agent's text"},
    {"task", "what was asked"},
    {"focus", "what to look at"},
    {"title", "the first heading (default `Code review`)"},
    {"band", "the output of `band`"},
    {"answer", "what was written on the ground of the findings, in Markdown"},
    {"answer_title", "its heading (default `Answer`)"},
    {"answer_error", "why there is none"},
    {"strategy", "that of the run: under static no agent writes one"},
    {"date", "shown at the top"},
    {NULL, NULL}};

static const struct function_argument of_prove[] = {
    {"use", "the check: one of the functions `check-...`"},
    {"with", "its arguments"},
    {"run", "a command, instead of `use`"},
    {"exit_status", "with `run`: what counts as success (default 0)"},
    {"timeout", "seconds for each try (default 600)"},
    {NULL, NULL}};

static const struct function own_functions[] = {
    {"noop", "does nothing; gives back its value", of_noop, true, true, READS_NOTHING, noop_run},
    {"fail", "fails, for tests of failures", of_fail, true, false, READS_NOTHING, fail_run},
    {"sleep", "waits, for tests and demonstrations", of_sleep, false, true, READS_NOTHING,
     sleep_run},
    {"inventory", "files by language and size, build systems, entry points, licence", of_inventory,
     false, true, READS_TREE, inventory_run},
    {"history", "hot spots, files changed together, bus factor and activity from git's history",
     of_history, false, true, READS_OUTSIDE, history_run},
    {"secrets", "secrets in the tree and in git's history, masked", of_secrets, false, true,
     READS_OUTSIDE, secrets_run},
    {"risks", "risky constructs outside comments and strings, very long functions and files",
     nothing, false, true, READS_TREE, risks_run},
    {"linters", "the installed linters and syntax checkers that apply; a missing one is unknown",
     of_linters, false, true, READS_OUTSIDE, linters_run},
    {"tests", "test files, frameworks, folders without tests, CI configuration", nothing, false,
     true, READS_TREE, tests_run},
    {"dependencies",
     "what manifests declare and C files include from outside, and what of it is not exact",
     nothing, false, true, READS_TREE, dependencies_run},
    {"licences", "licence files, SPDX lines and manifest fields, and where they do not go together",
     nothing, false, true, READS_TREE, licences_run},
    {"links", "links and anchors of Markdown pages that lead nowhere in the tree", nothing, false,
     true, READS_TREE, links_run},
    {"prove-check",
     "plants faults in a copy of the project and sees whether a check turns red for one of them",
     of_prove, false, true, MAY_CHANGE, prove_run},
    {"band",
     "small, medium or large, by files, subsystems, surface of security and data, with reason",
     of_band, false, true, READS_TREE, band_run},
    {"fold", "merges the full outputs of parallel angles into one ranked list of findings", of_fold,
     false, true, READS_NOTHING, fold_run},
    {"validate", "checks that each finding's place exists and says what is claimed", of_validate,
     false, true, READS_TREE, validate_run},
    {"feature", "the title and the short name of the work that a review leads to", of_feature,
     false, true, READS_TREE, feature_run},
    {"subtasks", "the recommendations of a review as subtasks, with the files that they touch",
     of_subtasks, false, true, READS_TREE, subtasks_run},
    {"modes", "how each subtask is to be done: `direct`, or `task-work` with all gates", of_modes,
     true, true, READS_NOTHING, modes_run},
    {"waves", "which subtasks can be done at once: they touch no file together", of_waves, false,
     true, READS_NOTHING, waves_run},
    {"workspaces", "a name for the workspace of each subtask", of_workspaces, true, true,
     READS_NOTHING, workspaces_run},
    {"task-files", "planned work as new files of the project", of_task_files, false, false,
     MAY_CHANGE, task_files_run},
    {"report", "a Markdown report with the validation above the recommendation", of_report, false,
     false, READS_NOTHING, report_run},
};

/* Joined at the first call, and never changed again. */
const struct function *function_table(size_t *ret_count)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct function table[FUNCTIONS_MAX];
    static size_t count;

    (void)pthread_mutex_lock(&lock);
    if (count == 0) {
        size_t extra = 0;
        const struct function *checks = checks_table(&extra);

        assert(ARRAY_LEN(own_functions) + extra <= FUNCTIONS_MAX);
        memcpy(table, own_functions, sizeof(own_functions));
        memcpy(table + ARRAY_LEN(own_functions), checks, extra * sizeof(*checks));
        count = ARRAY_LEN(own_functions) + extra;
    }
    *ret_count = count;
    (void)pthread_mutex_unlock(&lock);
    return table;
}

const struct function *function_find(const char *name)
{
    size_t count;
    const struct function *table = function_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

const char *function_nearest(const char *name)
{
    const char *names[FUNCTIONS_MAX];
    size_t count;
    const struct function *table = function_table(&count);

    for (size_t i = 0; i < count; i++) {
        names[i] = table[i].name;
    }
    return nearest_name(name, names, count);
}

char *function_reference(void)
{
    size_t count;
    const struct function *table = function_table(&count);
    struct strbuf text;
    char *page;

    strbuf_init(&text, REFERENCE_BYTES_MAX);
    strbuf_add(&text, "## Built-in functions\n\n"
                      "What `use` of a step or a check may name, and what its `with` may hold.\n\n"
                      "| function | what it does | `with` |\n|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct function_argument *argument = table[i].arguments;

        strbuf_addf(&text, "| `%s` | %s | ", table[i].name, table[i].help);
        for (; argument->name; argument++) {
            strbuf_addf(&text, "%s`%s`: %s", argument == table[i].arguments ? "" : "; ",
                        argument->name, argument->what);
        }
        strbuf_add(&text, argument == table[i].arguments ? "|\n" : " |\n");
    }
    page = strbuf_take(&text);
    strbuf_release(&text);
    return page;
}

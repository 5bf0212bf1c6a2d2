/* SPDX-License-Identifier: MIT */
#include "functions/checks.h"

#include "base/alloc.h"
#include "functions/check_plan.h"
#include "functions/check_run.h"
#include "functions/result.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_SECONDS_DEFAULT 3600
#define TIMEOUT_SECONDS_MAX (24 * 3600)
#define COVERAGE_MIN_DEFAULT 80
#define TESTS_MIN_MAX 1000000000
#define RESULT_BYTES_MAX (16U * 1024 * 1024)

static const struct {
    const char *nothing; /* why nothing was run */
    const char *hint;
} checks[CHECK_KINDS] = {
    [CHECK_LINT] = {"no linter is set up that this check knows",
                    "add a `lint` target to the Makefile or a `lint` script to package.json"},
    [CHECK_FORMAT] = {"no formatter is set up that this check knows",
                      "add a `format-check` target to the Makefile or a `format:check` script"},
    [CHECK_TYPES] = {"no type checker is set up that this check knows",
                     "add a `typecheck` target to the Makefile or a `typecheck` script"},
    [CHECK_TESTS] = {"no tests were found that this check can run",
                     "add a `test` target to the Makefile or a `test` script to package.json"},
    [CHECK_COVERAGE] = {"no coverage tool is set up that this check knows",
                        "add a `coverage` target that runs the tests and prints the total"},
    [CHECK_SECURITY] = {"no security scanner is set up that works offline",
                        "add a `security` target to the Makefile, or install the scanner of your "
                        "language"},
    [CHECK_BUILD] = {"no build was found that this check can run",
                     "add a `build` target to the Makefile or a `build` script to package.json"},
};

json_t *check_describe(const char *project_folder, const char *function)
{
    int kind = check_kind_of(function);
    struct check_project *project;
    struct check_plan plan = {.commands = {0}};
    json_t *commands = json_array();

    if (kind == CHECK_KINDS) {
        json_decref(commands);
        return NULL;
    }
    project = check_project_open(project_folder);
    check_plan_make(project, (enum check_kind)kind, &plan);
    if (kind == CHECK_SECURITY) {
        (void)json_array_append_new(commands, json_pack("{s:s}", "tool", "secrets"));
    }
    for (size_t i = 0; i < plan.commands.count; i++) {
        const struct check_command *command = &plan.commands.items[i];
        json_t *row = json_object();

        json_put(row, "command", check_command_text(command));
        json_put_text(row, "tool", command->tool);
        json_put_text(row, "problem", command->problem);
        json_put_text(row, "hint", command->problem != NULL ? command->hint : NULL);
        (void)json_array_append_new(commands, row);
    }
    if (plan.commands.count == 0) {
        json_t *row = json_object();

        json_put_text(row, "problem", checks[kind].nothing);
        json_put_text(row, "hint", checks[kind].hint);
        (void)json_array_append_new(commands, row);
    }
    check_plan_release(&plan);
    check_project_free(project);
    return commands;
}

enum outcome { OUTCOME_PASS, OUTCOME_UNKNOWN, OUTCOME_FAIL }; /* the worst is the greatest */

static enum outcome outcome_of(const json_t *run)
{
    const char *verdict = json_get_text(run, "verdict", "unknown");

    if (strcmp(verdict, "pass") == 0) {
        return OUTCOME_PASS;
    }
    return strcmp(verdict, "fail") == 0 ? OUTCOME_FAIL : OUTCOME_UNKNOWN;
}

static json_t *new_part(const char *tool, const char *verdict)
{
    json_t *part = json_object();

    json_put_text(part, "tool", tool);
    json_put_text(part, "verdict", verdict);
    return part;
}

/* Secrets are looked for by the function of that name; only plain, certain finds in the tree fail.
 */
static json_t *scan_secrets(const struct function_call *call)
{
    const struct function *secrets = function_find("secrets");
    json_t *arguments = json_object();
    json_t *found = NULL;
    json_t *part = new_part("secrets", "unknown");
    const json_t *finding;
    struct function_call inner = {
        .project = call->project, .arguments = arguments, .now_ms = call->now_ms};
    struct error problem = ERROR_INIT;
    struct strbuf output;
    size_t count = 0;
    size_t index;

    strbuf_init(&output, RESULT_BYTES_MAX);
    inner.output = &output;
    if (secrets == NULL || secrets->run(&inner, &problem) < 0 ||
        json_parse_text(output.data, output.length, "secrets", &found, &problem) < 0) {
        json_put_text(part, "reason",
                      problem.text[0] != '\0' ? problem.text : "secrets were not looked for");
    } else if (strcmp(json_get_text(found, "status", "unknown"), "ok") != 0) {
        json_put_text(part, "reason", json_get_text(found, "why", "secrets were not looked for"));
    } else {
        json_array_foreach(json_object_get(found, "findings"), index, finding)
        {
            count += strcmp(json_get_text(finding, "severity", ""), "high") == 0 &&
                     json_object_get(finding, "context") == NULL &&
                     json_object_get(finding, "commit") == NULL;
        }
        json_put_text(part, "verdict", count > 0 ? "fail" : "pass");
        json_put(part, "reason",
                 json_sprintf("%zu secret%s in the tree", count, count == 1 ? "" : "s"));
    }
    json_decref(found);
    json_decref(arguments);
    strbuf_release(&output);
    return part;
}

/* Adds the numbers of all parts: a project of two languages has two test runners. */
static void put_tests(json_t *result, const json_t *runs)
{
    static const char *const keys[] = {"executed", "passed", "failed", "skipped"};
    json_t *sum = NULL;
    const json_t *run;
    size_t index;

    json_array_foreach(runs, index, run)
    {
        const json_t *tests = json_object_get(run, "tests");

        if (tests == NULL) {
            continue;
        }
        if (sum == NULL) {
            sum = json_deep_copy(tests);
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            json_put_integer(sum, keys[i],
                             json_get_integer(sum, keys[i], 0) +
                                 json_get_integer(tests, keys[i], 0));
        }
    }
    json_put(result, "tests", sum);
}

static void copy_key(json_t *target, const json_t *source, const char *key)
{
    json_put(target, key, json_incref(json_object_get(source, key)));
}

/* The worst part speaks for all. */
static json_t *summarise(enum check_kind kind, json_t *runs)
{
    static const char *const keys[] = {"verdict", "reason",      "hint",    "command",
                                       "tool",    "exit_status", "coverage"};
    json_t *result = json_object();
    const json_t *worst = NULL;
    const json_t *run;
    size_t index;

    json_array_foreach(runs, index, run)
    {
        if (worst == NULL || outcome_of(run) > outcome_of(worst)) {
            worst = run;
        }
    }
    json_put_text(result, "check", check_name(kind));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        copy_key(result, worst, keys[i]);
    }
    put_tests(result, runs);
    json_put(result, "runs", runs);
    return result;
}

static int read_expectation(const struct function_call *call, enum check_kind kind,
                            struct check_expectation *ret_expectation, struct error *err)
{
    static const json_int_t timeout_range[2] = {1, TIMEOUT_SECONDS_MAX};
    static const json_int_t percent_range[2] = {0, 100};
    static const json_int_t tests_range[2] = {0, TESTS_MIN_MAX};
    bool asks_tests = kind == CHECK_TESTS;
    json_int_t timeout = TIMEOUT_SECONDS_DEFAULT;
    json_int_t percent = COVERAGE_MIN_DEFAULT;
    json_int_t tests_min = 1;
    int r;

    r = argument_integer(call, "timeout", timeout, timeout_range, &timeout, err);
    if (r == 0 && asks_tests) {
        r = argument_integer(call, "tests_min", tests_min, tests_range, &tests_min, err);
    }
    if (r == 0 && kind == CHECK_COVERAGE) {
        r = argument_integer(call, "min", percent, percent_range, &percent, err);
    }
    if (r < 0) {
        return r;
    }
    *ret_expectation = (struct check_expectation){
        .timeout_ms = timeout * 1000,
        .counts_tests = asks_tests || kind == CHECK_COVERAGE,
        .tests_min = asks_tests ? tests_min : 0,
        .coverage_min = kind == CHECK_COVERAGE ? (double)percent : -1,
    };
    return 0;
}

/* What only makes the thing to test is told of when it fails. */
static void run_commands(const char *project, const struct check_plan *plan,
                         const struct check_expectation *expectation, json_t *runs)
{
    const struct check_expectation of_preparation = {.timeout_ms = expectation->timeout_ms,
                                                     .coverage_min = -1};

    for (size_t i = 0; i < plan->commands.count; i++) {
        const struct check_command *command = &plan->commands.items[i];
        json_t *run = check_run(project, command,
                                command->is_preparation ? &of_preparation : expectation);

        if (!command->is_preparation) {
            (void)json_array_append_new(runs, run);
        } else if (outcome_of(run) == OUTCOME_PASS) {
            json_decref(run);
        } else {
            (void)json_array_append_new(runs, run);
            i++;
        }
    }
}

/* Before anything is paid for: is it of use to go on? */
static bool only_finds(const struct function_call *call)
{
    return strcmp(json_get_text(call->arguments, "find", ""), "true") == 0;
}

static int run_check(const struct function_call *call, enum check_kind kind, struct error *err)
{
    struct check_project *project = NULL;
    struct check_plan plan = {.commands = {0}};
    struct check_expectation expectation;
    json_t *runs = json_array();
    int r;

    r = read_expectation(call, kind, &expectation, err);
    if (r < 0) {
        goto out;
    }
    project = check_project_open(call->project);
    check_plan_make(project, kind, &plan);
    if (kind == CHECK_SECURITY) {
        (void)json_array_append_new(runs, scan_secrets(call));
    }
    if (plan.commands.count == 0) {
        json_t *part = new_part(NULL, "unknown");

        json_put_text(part, "reason", checks[kind].nothing);
        json_put_text(part, "hint", checks[kind].hint);
        (void)json_array_append_new(runs, part);
    }
    if (plan.commands.count > 0 && only_finds(call)) {
        json_t *part = new_part(NULL, "pass");

        json_put_text(part, "reason", "there is something that can measure it");
        (void)json_array_append_new(runs, part);
    } else {
        run_commands(call->project, &plan, &expectation, runs);
    }
    r = result_write(summarise(kind, json_incref(runs)), call, err);
out:
    check_plan_release(&plan);
    check_project_free(project);
    json_decref(runs);
    return r;
}

static int run_lint(const struct function_call *call, struct error *err)
{
    return run_check(call, CHECK_LINT, err);
}

static int run_format(const struct function_call *call, struct error *err)
{
    return run_check(call, CHECK_FORMAT, err);
}

static int run_types(const struct function_call *call, struct error *err)
{
    return run_check(call, CHECK_TYPES, err);
}

static int run_tests(const struct function_call *call, struct error *err)
{
    return run_check(call, CHECK_TESTS, err);
}

static int run_coverage(const struct function_call *call, struct error *err)
{
    return run_check(call, CHECK_COVERAGE, err);
}

static int run_security(const struct function_call *call, struct error *err)
{
    return run_check(call, CHECK_SECURITY, err);
}

static int run_build(const struct function_call *call, struct error *err)
{
    return run_check(call, CHECK_BUILD, err);
}

#define TIMEOUT "seconds for each command (default 3600)"

static const struct function_argument of_all[] = {{"timeout", TIMEOUT}, {NULL, NULL}};
static const struct function_argument of_tests[] = {
    {"tests_min", "least number of executed tests (default 1)"},
    {"timeout", TIMEOUT},
    {NULL, NULL}};
static const struct function_argument of_coverage[] = {
    {"min", "least coverage in percent (default 80)"},
    {"find", "`true`: runs nothing, passes where there is something that could measure it"},
    {"timeout", TIMEOUT},
    {NULL, NULL}};

static const struct function table[] = {
    {"check-lint", "runs the project's linter", of_all, false, true, MAY_CHANGE, run_lint},
    {"check-format", "checks the format of the sources", of_all, false, true, MAY_CHANGE,
     run_format},
    {"check-types", "runs the project's type checker", of_all, false, true, MAY_CHANGE, run_types},
    {"check-tests", "runs the project's tests and counts those that were executed", of_tests, false,
     true, MAY_CHANGE, run_tests},
    {"check-coverage", "runs the tests with coverage and compares it with a threshold", of_coverage,
     false, true, MAY_CHANGE, run_coverage},
    {"check-security", "looks for secrets and runs the installed scanners that work offline",
     of_all, false, true, MAY_CHANGE, run_security},
    {"check-build", "builds the project", of_all, false, true, MAY_CHANGE, run_build},
};

const struct function *checks_table(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(table);
    return table;
}

/* SPDX-License-Identifier: MIT */
/* The positive control of a check: in a copy of the project it passes, and for a planted fault it
 * no longer does. One that passes whatever is planted is worthless; one that does not pass in the
 * copy to begin with shows nothing either way. */
#include "base/alloc.h"
#include "functions/builtin.h"
#include "functions/check_run.h"
#include "functions/checks.h"
#include "functions/fault.h"
#include "functions/project_copy.h"
#include "functions/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_SECONDS_DEFAULT 600
#define TIMEOUT_SECONDS_MAX (24 * 3600)
#define STATUS_MAX 255

struct proof {
    const struct function *check; /* NULL: a command */
    json_t *arguments;            /* of the check */
    const char *command;
    json_int_t exit_status;
    json_int_t timeout_seconds;
    struct project_copy copy;
    int64_t now_ms;
};

/* ---- one try --------------------------------------------------------------------------------- */

static json_t *try_function(const struct proof *proof)
{
    struct strbuf output;
    struct function_call call = {.project = proof->copy.folder,
                                 .arguments = proof->arguments,
                                 .now_ms = proof->now_ms,
                                 .output = &output};
    struct error problem = ERROR_INIT;
    json_t *result = NULL;

    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    if (proof->check->run(&call, &problem) < 0 ||
        json_parse_text(output.data, output.length, "check", &result, &problem) < 0) {
        result = json_pack("{s:s}", "verdict", "unknown");
        json_put(result, "reason", json_text_lossy(problem.text, strlen(problem.text)));
    }
    strbuf_release(&output);
    return result;
}

static json_t *try_command(const struct proof *proof)
{
    char status[16];
    const char *const other[] = {
        "sh", "-c", "sh -c \"$1\"; [ $? -eq \"$2\" ]", "sh", proof->command, status, NULL};
    const char *const plain[] = {"sh", "-c", proof->command, NULL};
    const struct check_expectation expectation = {.timeout_ms = proof->timeout_seconds * 1000,
                                                  .coverage_min = -1};
    struct check_command command = {
        .tool = "the command", .argv = (const char **)(proof->exit_status == 0 ? plain : other)};

    (void)snprintf(status, sizeof(status), "%d", (int)proof->exit_status);
    return check_run(proof->copy.folder, &command, &expectation);
}

static json_t *try_once(const struct proof *proof)
{
    return proof->check != NULL ? try_function(proof) : try_command(proof);
}

/* ---- with faults ----------------------------------------------------------------------------- */

static json_t *short_verdict(const json_t *result)
{
    json_t *part = json_object();

    json_put_text(part, "verdict", json_get_text(result, "verdict", "unknown"));
    json_put_text(part, "reason", json_get_text(result, "reason", NULL));
    json_put_text(part, "hint", json_get_text(result, "hint", NULL));
    return part;
}

static void say(const struct fault *fault)
{
    char *line = mem_printf("== with %s: %s\n", fault->what, fault->path);

    (void)!write(STDERR_FILENO, line, strlen(line));
    free(line);
}

/* What the check says with this fault; NULL: the copy can no longer be used. */
static json_t *try_fault(const struct proof *proof, const struct fault *fault, struct error *err)
{
    char *before = NULL;
    json_t *result = NULL;
    json_t *part;

    if (fault_plant(proof->copy.folder, fault, &before, err) < 0) {
        free(before);
        return NULL;
    }
    say(fault);
    result = try_once(proof);
    part = short_verdict(result);
    json_put_text(part, "fault", fault->what);
    json_put_text(part, "file", fault->path);
    json_decref(result);
    if (fault_remove(proof->copy.folder, fault, before, err) < 0) {
        json_decref(part);
        part = NULL;
    }
    return part;
}

static bool is_green(const json_t *part)
{
    return strcmp(json_get_text(part, "verdict", ""), "pass") == 0;
}

/* Until one turns it red. */
static int try_faults(const struct proof *proof, int kind, json_t *result, struct error *err)
{
    struct fault_list list = {.count = 0};
    struct tree *tree = NULL;
    json_t *tried = json_array();
    const json_t *red = NULL;
    int r = tree_open(proof->copy.folder, &tree, err);

    if (r == 0) {
        fault_find(tree, kind, &list);
    }
    for (size_t i = 0; r == 0 && i < list.count && red == NULL; i++) {
        json_t *part = try_fault(proof, &list.items[i], err);

        r = part != NULL ? 0 : ERROR_IO;
        red = part != NULL && !is_green(part) ? part : NULL;
        if (part != NULL) {
            (void)json_array_append_new(tried, part);
        }
    }
    if (red != NULL) {
        json_put_text(result, "verdict", "proven");
        json_put(result, "reason",
                 json_sprintf("%s in %s turns it red: %s", json_get_text(red, "fault", ""),
                              json_get_text(red, "file", ""), json_get_text(red, "reason", "")));
    } else if (list.count == 0) {
        json_put_text(result, "verdict", "unknown");
        json_put_text(result, "reason", "no fault is known for what this project holds");
    } else {
        json_put_text(result, "verdict", "worthless");
        json_put(result, "reason",
                 json_sprintf("it passes with each of %zu planted fault%s", list.count,
                              PLURAL(list.count)));
        json_put_text(result, "hint", "what it runs does not look at the files of these faults");
    }
    json_put(result, "faults", tried);
    fault_list_release(&list);
    tree_free(tree);
    return r;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int read_proof(const struct function_call *call, struct proof *ret_proof, struct error *err)
{
    static const json_int_t status_range[2] = {0, STATUS_MAX};
    static const json_int_t timeout_range[2] = {1, TIMEOUT_SECONDS_MAX};
    const char *use = json_get_text(call->arguments, "use", NULL);
    json_t *with = argument_object(json_object_get(call->arguments, "with"));
    int r;

    *ret_proof = (struct proof){
        .arguments = with != NULL ? with : json_object(),
        .command = json_get_text(call->arguments, "run", NULL),
        .timeout_seconds = TIMEOUT_SECONDS_DEFAULT,
        .copy = {.lock = -1},
        .now_ms = call->now_ms,
    };
    if ((use != NULL) == (ret_proof->command != NULL)) {
        return error_set(err, ERROR_INVALID, "one of the arguments use and run is needed");
    }
    ret_proof->check = use != NULL ? function_find(use) : NULL;
    if (use != NULL && ret_proof->check == NULL) {
        return error_set(err, ERROR_INVALID, "there is no function %s", use);
    }
    r = argument_integer(call, "timeout", ret_proof->timeout_seconds, timeout_range,
                         &ret_proof->timeout_seconds, err);
    if (r == 0) {
        r = argument_integer(call, "exit_status", 0, status_range, &ret_proof->exit_status, err);
    }
    if (r == 0 && use != NULL && check_kind_of(use) < CHECK_KINDS &&
        json_object_get(ret_proof->arguments, "timeout") == NULL) {
        json_put_integer(ret_proof->arguments, "timeout", ret_proof->timeout_seconds);
    }
    return r;
}

int prove_run(const struct function_call *call, struct error *err)
{
    struct proof proof;
    json_t *result = json_object();
    json_t *control = NULL;
    int r = read_proof(call, &proof, err);

    if (r == 0) {
        r = project_copy_make(call->project, &proof.copy, err);
    }
    if (r < 0) {
        goto out;
    }
    json_put_text(result, "check", proof.check != NULL ? proof.check->name : proof.command);
    control = try_once(&proof);
    json_put(result, "control", short_verdict(control));
    if (is_green(control)) {
        r = try_faults(&proof, proof.check != NULL ? check_kind_of(proof.check->name) : FAULT_ANY,
                       result, err);
    } else {
        json_put_text(result, "verdict", "unknown");
        json_put(result, "reason",
                 json_sprintf("in a copy of the project it does not pass even without a fault: %s",
                              json_get_text(control, "reason", "")));
        json_put_text(result, "hint", json_get_text(control, "hint", NULL));
    }
    if (r == 0) {
        r = result_write(json_incref(result), call, err);
    }
out:
    project_copy_remove(&proof.copy);
    json_decref(proof.arguments);
    json_decref(control);
    json_decref(result);
    return r;
}

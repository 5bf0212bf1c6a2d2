/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The call goes through descriptors 0 and 1, as in the process that it is made for. */
static int call_function(struct ops_project *project, const char *name, const char *call,
                         char *output, struct error *err)
{
    json_t *arguments = json_pack("{s:s}", "name", name);
    json_t *result = NULL;
    int saved[2] = {dup(0), dup(1)};
    int in[2];
    int out[2];
    ssize_t length;
    int r;

    assert_int_equal(pipe(in) + pipe(out), 0);
    assert_int_equal(write(in[1], call, strlen(call)), strlen(call));
    (void)close(in[1]);
    (void)fflush(stdout);
    (void)dup2(in[0], 0);
    (void)dup2(out[1], 1);
    r = ops_call(project->ops, ops_find("function"), arguments, NULL, &result, err);
    (void)dup2(saved[0], 0);
    (void)dup2(saved[1], 1);
    (void)close(out[1]);
    length = read(out[0], output, 255);
    output[length > 0 ? length : 0] = '\0';
    (void)close(in[0]);
    (void)close(out[0]);
    (void)close(saved[0]);
    (void)close(saved[1]);
    json_decref(result);
    json_decref(arguments);
    return r;
}

static void a_function_reads_its_call_and_prints_its_result(void **state)
{
    char output[256];

    assert_int_equal(call_function(*state, "noop",
                                   "{\"project\":\"/\",\"arguments\":{},\"now_ms\":1}", output,
                                   NULL),
                     0);
}

static void a_call_that_cannot_be_read_fails(void **state)
{
    struct error err = ERROR_INIT;
    char output[256];

    assert_int_equal(call_function(*state, "noop", "nonsense", output, &err), ERROR_INVALID);
    assert_int_equal(call_function(*state, "noop", "{}", output, &err), ERROR_INVALID);
    assert_string_equal(output, "");
    assert_int_equal(call_function(*state, "nop", "{}", output, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "noop"));
}

static void gc_of_a_project_without_runs_has_nothing_to_do(void **state)
{
    json_t *result = ops_project_call(*state, "gc", json_object());

    assert_int_equal(json_get_integer(result, "runs", -1), 0);
    assert_false(ops_project_has(*state, ".fermata/fermata.db"));
    json_decref(result);
}

static void gc_removes_old_runs_when_asked_and_only_then(void **state)
{
    json_t *result;

    ops_project_steps(*state, "w", (const char *const[]){"'true'", NULL});
    json_decref(ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "w")));
    json_decref(ops_project_call(*state, "gc", json_object()));
    result = ops_project_call(*state, "list", json_object());
    assert_int_equal(json_array_size(json_object_get(result, "runs")), 1);
    json_decref(result);
}

static void the_version_is_the_programs(void **state)
{
    json_t *result = ops_project_call(*state, "version", json_object());

    assert_string_equal(json_get_text(result, "version", ""), "1.2.3");
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_function_reads_its_call_and_prints_its_result,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_call_that_cannot_be_read_fails, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(gc_of_a_project_without_runs_has_nothing_to_do,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(gc_removes_old_runs_when_asked_and_only_then,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_version_is_the_programs, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

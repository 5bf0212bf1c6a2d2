/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "support/ops_project.h"
#include "support/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define OK(body) "HTTP/1.0 200 OK\r\n\r\n" body

static void configure(struct ops_project *project, const char *format, const struct web *web)
{
    char *text = mem_printf("agents:\n  mine: {type: %s, endpoint: \"%s\"}\n"
                            "  ollama: {enabled: false}\n  llamacpp: {enabled: false}\n"
                            "  localai: {enabled: false}\n"
                            "  text-generation-webui: {enabled: false}\n",
                            format, web->url);

    ops_project_write(project, ".fermata/config.yaml", text);
    ops_project_reopen(project);
    free(text);
}

static void the_configured_servers_are_asked(void **state)
{
    const struct web_answer answers[] = {
        {.text = OK("{\"models\":[{\"name\":\"m\"}]}")},
        {.text = OK("{\"models\":[]}")},
        {.text = OK("{\"version\":\"1.2\"}")},
    };
    struct ops_project *project = *state;
    const json_t *server;
    struct web web;
    json_t *result;

    web_start(&web, answers, 3);
    configure(project, "ollama", &web);
    result = ops_project_call(project, "models", json_object());
    assert_int_equal(json_array_size(json_object_get(result, "servers")), 1);
    assert_false(json_get_boolean(result, "missing", true));
    server = json_array_get(json_object_get(result, "servers"), 0);
    assert_string_equal(json_get_text(server, "agent", ""), "mine");
    assert_string_equal(json_get_text(server, "version", ""), "1.2");
    assert_int_equal(json_array_size(json_object_get(server, "models")), 1);
    json_decref(result);
    web_stop(&web);
}

static void a_server_that_was_asked_for_and_is_not_there_is_missing(void **state)
{
    const struct web_answer answers[] = {{.text = ""}};
    struct ops_project *project = *state;
    struct web web;
    json_t *result;

    web_start(&web, answers, 1);
    web_stop(&web);
    configure(project, "ollama", &web);
    result = ops_project_call(project, "models", json_object());
    assert_false(json_get_boolean(result, "missing", true));
    json_decref(result);
    result = ops_project_call(project, "models", json_pack("{s:s}", "agent", "mine"));
    assert_true(json_get_boolean(result, "missing", false));
    json_decref(result);
    result = ops_project_call(project, "models",
                              json_pack("{s:s,s:s}", "endpoint", web.url, "type", "llamacpp"));
    assert_true(json_get_boolean(result, "missing", false));
    json_decref(result);
}

static void count_items(void *context, const json_t *item)
{
    assert_non_null(json_object_get(item, "progress"));
    ++*(int *)context;
}

static void a_pull_tells_its_progress(void **state)
{
    const struct web_answer answers[] = {
        {.text = OK("{\"status\":\"a\"}\n{\"status\":\"success\"}\n")}};
    struct ops_project *project = *state;
    int count = 0;
    struct web web;
    json_t *result;

    web_start(&web, answers, 1);
    configure(project, "ollama", &web);
    project->view.on_item = count_items;
    project->view.context = &count;
    result = ops_project_call(project, "models",
                              json_pack("{s:s,s:s}", "action", "pull", "model", "m"));
    assert_int_equal(count, 2);
    assert_string_equal(json_get_text(result, "agent", ""), "mine");
    assert_string_equal(json_get_text(result, "model", ""), "m");
    json_decref(result);
    web_stop(&web);
}

static void a_line_without_end_of_the_driver_is_an_error(void **state)
{
    struct ops_project *project = *state;
    char *folder = path_join(project->home, "libexec");
    char *keeper = path_join(folder, "fermata-keep");
    char *driver = path_join(folder, "fermata-call");
    const struct web nobody = {.url = "http://127.0.0.1:1"};
    const char *script = "#!/bin/sh\ncat >/dev/null\nhead -c 9M /dev/zero | tr '\\0' x\necho\n";
    struct error err = ERROR_INIT;

    assert_int_equal(file_make_folders(folder, &err), 0);
    assert_int_equal(file_write(driver, script, strlen(script), FILE_NO_SYNC, &err), 0);
    assert_int_equal(file_write(keeper, script, strlen(script), FILE_NO_SYNC, &err), 0);
    assert_int_equal(chmod(driver, 0700), 0);
    assert_int_equal(chmod(keeper, 0700), 0);
    project->settings.keeper = keeper;
    configure(project, "ollama", &nobody);
    assert_int_equal(ops_project_fail(project, "models",
                                      json_pack("{s:s,s:s}", "action", "remove", "model", "m"),
                                      &err),
                     ERROR_LIMIT);
    assert_string_equal(err.text, "fermata-call answered with a line of more than 8 MB");
    free(driver);
    free(keeper);
    free(folder);
}

static void what_fails_has_a_code(void **state)
{
    static const struct {
        const char *answer;
        int code;
    } cases[] = {
        {"HTTP/1.0 404 No\r\n\r\n{\"error\":\"not found\"}", ERROR_NOT_FOUND},
        {"HTTP/1.0 500 No\r\n\r\n{\"error\":\"boom\"}", ERROR_IO},
    };
    struct ops_project *project = *state;
    struct web web = {.url = "http://127.0.0.1:1"};
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct web_answer answers[] = {{.text = cases[i].answer}};

        web_start(&web, answers, 1);
        configure(project, "ollama", &web);
        assert_int_equal(ops_project_fail(project, "models",
                                          json_pack("{s:s,s:s}", "action", "remove", "model", "m"),
                                          &err),
                         cases[i].code);
        web_stop(&web);
    }
    configure(project, "ollama", &web); /* nobody listens there any more */
    assert_int_equal(ops_project_fail(project, "models",
                                      json_pack("{s:s,s:s}", "action", "remove", "model", "m"),
                                      &err),
                     ERROR_UNAVAILABLE);
}

static void check_refused(struct ops_project *project, json_t *arguments, int code,
                          const char *words)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(project, "models", arguments, &err), code);
    assert_non_null(strstr(err.text, words));
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct web web = {.url = "http://127.0.0.1:1"};
    struct ops_project *project = *state;

    configure(project, "llamacpp", &web);
    check_refused(project, json_pack("{s:s}", "action", "pull"), ERROR_INVALID, "name the model");
    check_refused(project, json_pack("{s:s,s:s}", "action", "list", "model", "m"), ERROR_INVALID,
                  "takes no name");
    check_refused(project, json_pack("{s:s}", "agent", "nobody"), ERROR_NOT_FOUND, "no agent");
    check_refused(project, json_pack("{s:s}", "agent", "claude"), ERROR_INVALID, "no model server");
    check_refused(project, json_pack("{s:s,s:s}", "agent", "mine", "endpoint", "x"), ERROR_INVALID,
                  "do not go together");
    check_refused(project, json_pack("{s:s,s:s}", "action", "pull", "model", "m"),
                  ERROR_UNAVAILABLE, "no enabled agent fetches models");
    check_refused(project,
                  json_pack("{s:s,s:s,s:s}", "action", "pull", "model", "m", "agent", "mine"),
                  ERROR_IO, "cannot pull models by itself");
}

static void of_two_that_fetch_models_one_must_be_named(void **state)
{
    struct ops_project *project = *state;

    ops_project_write(project, ".fermata/config.yaml",
                      "agents:\n  a: {type: ollama}\n  b: {type: localai}\n");
    ops_project_reopen(project);
    check_refused(project, json_pack("{s:s,s:s}", "action", "pull", "model", "m"), ERROR_INVALID,
                  "both a and b fetch models");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_configured_servers_are_asked, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_was_asked_for_and_is_not_there_is_missing,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_pull_tells_its_progress, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_end_of_the_driver_is_an_error,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_fails_has_a_code, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(of_two_that_fetch_models_one_must_be_named,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "base/alloc.h"
#include "support/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const char *find_nothing(const char *name)
{
    (void)name;
    return NULL;
}

/* A call of the type to the server; `more` is JSON that follows. */
static void make(struct call *call, const char *type, const struct web *web, const char *more)
{
    static const struct call_environment environment = {.find = find_nothing};
    char *text = mem_printf("{\"type\":\"%s\",\"endpoint\":\"%s\"%s}", type, web->url, more);
    json_t *input = json_loads(text, 0, NULL);

    assert_non_null(input);
    assert_int_equal(call_read(input, &environment, call, NULL), 0);
    free(text);
}

#define OK(body) "HTTP/1.0 200 OK\r\n\r\n" body
#define NO(status, body) "HTTP/1.0 " status " No\r\n\r\n" body

static void on_progress(void *context, const json_t *line)
{
    char *text = json_dump_sorted(line);

    strbuf_add(context, text);
    free(text);
}

typedef json_t *(*pull_function)(const struct call *call, call_progress on_progress, void *context);

static json_t *run(pull_function function, const char *type, const struct web_answer *answers,
                   size_t count, struct strbuf *lines)
{
    struct call call;
    struct web web;
    json_t *result;

    strbuf_init(lines, 10000);
    web_start(&web, answers, count);
    make(&call, type, &web, ",\"model\":\"m\"");
    result = function(&call, on_progress, lines);
    call_release(&call);
    web_stop(&web);
    return result;
}

static void check(json_t *result, bool is_ok, const char *words, struct strbuf *lines,
                  const char *expected_lines)
{
    assert_int_equal(json_is_true(json_object_get(result, "ok")), is_ok);
    assert_non_null(strstr(json_get_text(result, "error", ""), words));
    assert_string_equal(lines->data, expected_lines);
    strbuf_release(lines);
    json_decref(result);
}

static void ollamas_progress_is_handed_on(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = OK("{\"status\":\"pulling manifest\"}\n{\"status\":\"pulling x\",\"digest\":"
                    "\"d\",\"total\":10,\"completed\":5}\n{\"status\":\"success\"}\n"),
         .piece = 3}};
    struct strbuf lines;
    json_t *result = run(call_pull, "ollama", answers, 1, &lines);

    check(result, true, "", &lines,
          "{\"status\":\"pulling manifest\"}{\"completed\":5,\"digest\":\"d\",\"status\":"
          "\"pulling x\",\"total\":10}{\"status\":\"success\"}");
}

static void a_pull_that_does_not_say_success_has_failed(void **state)
{
    (void)state;
    const struct web_answer answers[][1] = {
        {{.text = OK("{\"status\":\"a\"}\n{\"error\":\"file does not exist\"}\n")}},
        {{.text = OK("{\"status\":\"a\"}\n")}},
        {{.text = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"status\":\"a\"}\n"}},
    };
    static const char *const words[] = {"file does not exist", "without saying", "broke off"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct strbuf lines;
        json_t *result = run(call_pull, "ollama", answers[i], 1, &lines);

        check(result, false, words[i], &lines, "{\"status\":\"a\"}");
    }
}

static void localais_job_is_asked_for_until_it_ends(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = OK("{\"uuid\":\"j\"}")},
        {.text = OK("{\"processed\":false,\"progress\":40.7,\"message\":\"processing\"}")},
        {.text = OK("{\"processed\":true,\"progress\":100,\"message\":\"completed\",\"error\":"
                    "null}")},
    };
    struct strbuf lines;
    json_t *result = run(call_pull, "localai", answers, 3, &lines);

    check(result, true, "", &lines,
          "{\"completed\":40,\"status\":\"processing\",\"total\":100}"
          "{\"completed\":100,\"status\":\"completed\",\"total\":100}");
}

static void a_job_may_fail_in_many_ways(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        const char *words;
    } cases[] = {
        {OK("{\"error\":\"no space\"}"), "no space"},
        {OK("{\"error\":{\"message\":\"no such\"}}"), "no such"},
        {OK("{\"cancelled\":true}"), "cancelled"},
        {NO("500", "{\"error\":{\"message\":\"lost\"}}"), "lost"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct web_answer answers[] = {{.text = OK("{\"uuid\":\"j\"}")},
                                             {.text = cases[i].answer}};
        struct strbuf lines;
        json_t *result = run(call_remove, "localai", answers, 2, &lines);

        check(result, false, cases[i].words, &lines, "");
    }
}

static void a_model_is_removed_or_was_not_there(void **state)
{
    (void)state;
    const struct web_answer gone[] = {{.text = OK("")}};
    const struct web_answer missing[] = {{.text = NO("404", "{\"error\":\"not found\"}")}};
    struct strbuf lines;
    json_t *result = run(call_remove, "ollama", gone, 1, &lines);

    check(result, true, "", &lines, "");
    result = run(call_remove, "ollama", missing, 1, &lines);
    check(result, false, "not found", &lines, "");
}

static void who_cannot_pull_says_so(void **state)
{
    (void)state;
    struct strbuf lines;
    json_t *result = run(call_pull, "llamacpp", NULL, 0, &lines);

    check(result, false, "llama.cpp cannot pull models by itself", &lines, "");
    result = run(call_remove, "anthropic", NULL, 0, &lines);
    check(result, false, "its vendor decides", &lines, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ollamas_progress_is_handed_on),
        cmocka_unit_test(a_pull_that_does_not_say_success_has_failed),
        cmocka_unit_test(localais_job_is_asked_for_until_it_ends),
        cmocka_unit_test(a_job_may_fail_in_many_ways),
        cmocka_unit_test(a_model_is_removed_or_was_not_there),
        cmocka_unit_test(who_cannot_pull_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

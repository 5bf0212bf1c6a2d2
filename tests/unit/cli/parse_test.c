/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "cli/parse.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 16

/* Parses the words; argv[0] is added. */
static int parse(struct cli_call *call, struct error *err, const char *const *words)
{
    static char *argv[WORDS_MAX];
    int argc = 0;

    argv[argc++] = (char *)(uintptr_t) "fermata";
    for (; *words; words++) {
        argv[argc++] = (char *)(uintptr_t)*words;
    }
    *err = (struct error)ERROR_INIT;
    return cli_parse(argc, argv, call, err);
}

#define PARSE(...) parse(&call, &err, (const char *const[]){__VA_ARGS__, NULL})

static void assert_arguments(struct cli_call *call, const char *expected)
{
    char *text = json_dump_sorted(call->arguments);

    assert_string_equal(text, expected);
    free(text);
    cli_call_release(call);
}

static void options_stand_anywhere_and_in_every_form(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("--json", "run", "task", "-w", "x", "--strategy=ai", "-dn"), 0);
    assert_true(call.wants_json);
    assert_string_equal(call.operation->name, "run");
    assert_arguments(&call,
                     "{\"detach\":true,\"dry_run\":true,\"strategy\":\"ai\",\"task\":\"task\","
                     "\"workflow\":\"x\"}");
    assert_int_equal(PARSE("run", "-wx", "-C", "dir", "--no-input"), 0);
    assert_string_equal(call.project, "dir");
    assert_arguments(&call, "{\"no_input\":true,\"workflow\":\"x\"}");
    assert_int_equal(PARSE("run", "-dw=x"), 0);
    assert_arguments(&call, "{\"detach\":true,\"workflow\":\"x\"}");
}

static void the_last_value_of_an_option_wins(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("list", "-n", "1", "--limit", "2"), 0);
    assert_arguments(&call, "{\"limit\":\"2\"}");
}

static void behind_two_dashes_everything_is_a_word(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("run", "--", "--detach"), 0);
    assert_arguments(&call, "{\"task\":\"--detach\"}");
    assert_int_equal(PARSE("run", "-"), 0);
    assert_arguments(&call, "{\"task\":\"-\"}");
}

static void a_repeated_positional_takes_all_words(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("validate", "a", "b", "c"), 0);
    assert_arguments(&call, "{\"name\":[\"a\",\"b\",\"c\"]}");
    assert_int_equal(PARSE("status", "a", "b"), ERROR_INVALID);
    cli_call_release(&call);
}

static void pairs_are_collected_and_files_read(void **state)
{
    char *scratch = scratch_new();
    char *file = scratch_path(scratch, "value");
    char *pair = mem_printf("c=@%s", file);
    struct cli_call call;
    struct error err;

    (void)state;
    scratch_write(scratch, "value", "from file");
    assert_int_equal(PARSE("run", "-i", "a=1=2", "-i", "b=", "-i", pair, "-i", "d=@@x"), 0);
    assert_arguments(&call,
                     "{\"input\":{\"a\":\"1=2\",\"b\":\"\",\"c\":\"from file\",\"d\":\"@x\"}}");
    assert_int_equal(PARSE("run", "-i", "novalue"), ERROR_INVALID);
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "-i", "=x"), ERROR_INVALID);
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "-i", "a=1", "-i", "ab=1", "--input", "a=1"), ERROR_INVALID);
    assert_non_null(strstr(err.text, "--input a is given twice"));
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "-i", "a=@/nonexistent/file"), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "-i a"));
    cli_call_release(&call);
    free(pair);
    free(file);
    scratch_remove(scratch);
}

static void mistakes_name_what_was_meant(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("rnu"), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "fermata run"));
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "--worklow", "x"), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "--workflow"));
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "-q"), ERROR_INVALID);
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "-w"), ERROR_INVALID);
    assert_non_null(strstr(err.text, "needs a value"));
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "--fresh=1"), ERROR_INVALID);
    cli_call_release(&call);
    assert_int_equal(PARSE("list", "--log-format", "xml"), ERROR_INVALID);
    cli_call_release(&call);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("run", "\xff\xfe"), ERROR_INVALID);
    cli_call_release(&call);
    assert_int_equal(PARSE("run", "-i", "\xff=a"), ERROR_INVALID);
    cli_call_release(&call);
}

static void json_is_known_even_when_the_words_before_are_wrong(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("--nonsense", "--json"), ERROR_INVALID);
    assert_true(call.wants_json);
    cli_call_release(&call);
}

static void commands_of_the_line_itself_keep_their_words(void **state)
{
    struct cli_call call;
    struct error err;

    (void)state;
    assert_int_equal(PARSE("help", "run"), 0);
    assert_int_equal(call.word, WORD_HELP);
    assert_string_equal(call.rest[0], "run");
    cli_call_release(&call);
    assert_int_equal(PARSE("complete", "run", "--nonsense", "-"), 0);
    assert_int_equal(call.rest_count, 3);
    cli_call_release(&call);
    assert_int_equal(parse(&call, &err, (const char *const[]){NULL}), 0);
    assert_int_equal(call.word, WORD_NONE);
    cli_call_release(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere_and_in_every_form),
        cmocka_unit_test(the_last_value_of_an_option_wins),
        cmocka_unit_test(behind_two_dashes_everything_is_a_word),
        cmocka_unit_test(a_repeated_positional_takes_all_words),
        cmocka_unit_test(pairs_are_collected_and_files_read),
        cmocka_unit_test(mistakes_name_what_was_meant),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(json_is_known_even_when_the_words_before_are_wrong),
        cmocka_unit_test(commands_of_the_line_itself_keep_their_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

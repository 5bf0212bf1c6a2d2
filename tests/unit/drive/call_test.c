/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const char *home;    /* NULL: not set */
static const char *project; /* likewise */

static const char *find_variable(const char *name)
{
    if (strcmp(name, "HOME") == 0 || strcmp(name, "FERMATA_PROJECT") == 0) {
        return *name == 'H' ? home : project;
    }
    return strcmp(name, "MY_KEY") == 0     ? " secret\n"
           : strcmp(name, "EMPTY") == 0    ? " "
           : strcmp(name, "SSL_CERT_FILE") ? NULL
                                           : "/ca.pem";
}

static const struct call_environment environment = {.find = find_variable};

static int read_call(const char *text, struct call *call, struct error *err)
{
    json_t *input = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(input);
    return call_read(input, &environment, call, err);
}

#define SERVER "\"type\":\"ollama\",\"endpoint\":\"http://h\""

static void a_call_has_what_was_asked_for(void **state)
{
    (void)state;
    struct call call;

    assert_int_equal(read_call("{" SERVER ",\"model\":\"m\",\"prompt\":\"hi\",\"system\":\"s\","
                               "\"schema\":{},\"options\":null,\"silence_ms\":5,"
                               "\"timeout_ms\":7}",
                               &call, NULL),
                     0);
    assert_string_equal(call.place.root, "http://h");
    assert_string_equal(call.model, "m");
    assert_string_equal(call.prompt, "hi");
    assert_string_equal(call.system, "s");
    assert_non_null(call.schema);
    assert_null(call.options);
    assert_int_equal(call.silence_ms, 5);
    assert_int_equal(call.timeout_ms, 7);
    assert_string_equal(call.ca_file, "/ca.pem");
    assert_null(call.key_header);
    call_release(&call);
}

static void check_header(const char *type, const char *header)
{
    char *text = mem_printf("{\"type\":\"%s\",\"endpoint\":\"h\",\"key_variable\":\"MY_KEY\"}",
                            type);
    struct call call;

    assert_int_equal(read_call(text, &call, NULL), 0);
    assert_string_equal(call.key_header, header);
    assert_string_equal(call.key_name, "MY_KEY");
    call_release(&call);
    free(text);
}

static void a_key_goes_into_the_header_that_its_server_reads(void **state)
{
    (void)state;
    check_header("openai-compatible", "Authorization: Bearer secret");
    check_header("ollama", "Authorization: Bearer secret");
    check_header("anthropic", "x-api-key: secret");
    check_header("gemini-api", "x-goog-api-key: secret");
}

static void a_key_may_be_in_a_file(void **state)
{
    (void)state;
    char *folder = scratch_new();
    char *path = path_join(folder, "key");
    char *text = mem_printf("{" SERVER ",\"key_file\":\"%s\"}", path);
    struct error err = ERROR_INIT;
    struct call call;

    assert_int_equal(read_call(text, &call, &err), ERROR_NOT_FOUND);
    assert_int_equal(file_write(path, "from-file\n", 10, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(read_call(text, &call, NULL), 0);
    assert_string_equal(call.key, "from-file");
    assert_string_equal(call.key_name, path);
    call_release(&call);
    assert_int_equal(file_write(path, "\n", 1, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(read_call(text, &call, &err), ERROR_INVALID);
    free(text);
    free(path);
    scratch_remove(folder);
}

static void a_key_file_lies_in_the_home_folder_or_the_project(void **state)
{
    static const char *const names[] = {"~/key", "key"};
    char *folder = scratch_new();
    char *path = path_join(folder, "key");
    struct call call;

    (void)state;
    assert_int_equal(file_write(path, "from-file\n", 10, FILE_NO_SYNC, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *text = mem_printf("{" SERVER ",\"key_file\":\"%s\"}", names[i]);

        home = i == 0 ? folder : NULL;
        project = i == 0 ? NULL : folder;
        assert_int_equal(read_call(text, &call, NULL), 0);
        assert_string_equal(call.key, "from-file");
        call_release(&call);
        free(text);
    }
    project = NULL;
    free(path);
    scratch_remove(folder);
}

static void a_customary_key_need_not_be_there_but_a_named_one_must(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct call call;

    assert_int_equal(
        read_call("{" SERVER ",\"key_variable\":\"OTHER\",\"key_optional\":true}", &call, NULL), 0);
    assert_null(call.key);
    assert_string_equal(call.key_name, "OTHER");
    call_release(&call);
    assert_int_equal(read_call("{" SERVER ",\"key_variable\":\"OTHER\"}", &call, &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "OTHER"));
    assert_int_equal(read_call("{" SERVER ",\"key_variable\":\"EMPTY\"}", &call, &err),
                     ERROR_INVALID);
}

static void check_refused(const char *text, const char *words)
{
    struct error err = ERROR_INIT;
    struct call call;

    assert_int_equal(read_call(text, &call, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, words));
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct call call;

    check_refused("[]", "object");
    check_refused("{}", "type");
    check_refused("{\"type\":\"ollama\"}", "endpoint");
    check_refused("{\"type\":\"ollama\",\"endpoint\":\"\"}", "endpoint");
    check_refused("{" SERVER ",\"schema\":1}", "`schema`");
    check_refused("{" SERVER ",\"options\":[]}", "`options`");
    assert_int_equal(read_call("{\"type\":\"olama\"}", &call, &err), ERROR_INVALID);
    assert_string_equal(err.hint, "did you mean \"ollama\"?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_has_what_was_asked_for),
        cmocka_unit_test(a_key_goes_into_the_header_that_its_server_reads),
        cmocka_unit_test(a_key_may_be_in_a_file),
        cmocka_unit_test(a_customary_key_need_not_be_there_but_a_named_one_must),
        cmocka_unit_test(a_key_file_lies_in_the_home_folder_or_the_project),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

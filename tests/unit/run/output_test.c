/* SPDX-License-Identifier: MIT */
#include "run/output.h"

#include "base/json.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct strbuf *text, size_t length)
{
    strbuf_init(text, 4096);
    for (size_t i = 0; i < length; i++) {
        strbuf_add_char(text, 'x');
    }
}

static void a_text_lies_inline_up_to_a_kibibyte_and_without_nul_bytes(void **state)
{
    struct strbuf text;

    (void)state;
    fill(&text, 1024);
    assert_true(output_fits_inline(&text));
    strbuf_add_char(&text, 'x');
    assert_false(output_fits_inline(&text));
    strbuf_reset(&text);
    strbuf_add_bytes(&text, "a\0b", 3);
    assert_false(output_fits_inline(&text));
    strbuf_release(&text);
}

static void what_was_cut_is_said(void **state)
{
    struct stream_text stream = {.bytes = 12, .cut = 10};
    struct error err = ERROR_INIT;
    json_t *output;

    (void)state;
    fill(&stream.text, 2);
    output = output_describe(NULL, &stream, NULL, &err);
    assert_int_equal(json_integer_value(json_object_get(output, "bytes")), 12);
    assert_int_equal(json_integer_value(json_object_get(output, "cut")), 10);
    assert_string_equal(json_get_text(output, "inline", ""), "xx");
    json_decref(output);
    strbuf_release(&stream.text);
}

static void a_large_text_whose_blob_cannot_be_written_is_not_described(void **state)
{
    char *scratch = scratch_new();
    char *no_folder;
    struct stream_text stream = {.bytes = 2000};
    struct error err = ERROR_INIT;
    json_t *output;

    (void)state;
    scratch_write(scratch, "blobs", "a file");
    no_folder = scratch_path(scratch, "blobs");
    fill(&stream.text, 2000);
    assert_null(output_describe(no_folder, &stream, NULL, &err));
    assert_int_not_equal(err.code, 0);
    output = output_describe(scratch, &stream, NULL, &err);
    assert_int_equal(strlen(json_get_text(output, "digest", "")), DIGEST_HEX_SIZE - 1);
    assert_null(json_object_get(output, "inline"));
    json_decref(output);
    strbuf_release(&stream.text);
    free(no_folder);
    scratch_remove(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_lies_inline_up_to_a_kibibyte_and_without_nul_bytes),
        cmocka_unit_test(what_was_cut_is_said),
        cmocka_unit_test(a_large_text_whose_blob_cannot_be_written_is_not_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void ids_are_prefix_and_base32(void **state)
{
    char id[RUN_ID_SIZE];

    (void)state;
    run_id_format(0, id);
    assert_string_equal(id, "wf_000000000000");
    run_id_format(UINT64_MAX, id);
    assert_string_equal(id, "wf_zzzzzzzzzzzz");
    run_id_format(1 | (UINT64_C(31) << 55), id);
    assert_string_equal(id, "wf_10000000000z");
}

static void formatted_ids_are_valid(void **state)
{
    char id[RUN_ID_SIZE];
    uint64_t bits = 88172645463325252ULL;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        run_id_format(bits, id);
        assert_true(run_id_is_valid(id));
    }
}

static void other_texts_are_not_ids(void **state)
{
    (void)state;
    assert_false(run_id_is_valid(""));
    assert_false(run_id_is_valid("wf_"));
    assert_false(run_id_is_valid("wf_00000000000"));
    assert_false(run_id_is_valid("wf_0000000000000"));
    assert_false(run_id_is_valid("WF_000000000000"));
    assert_false(run_id_is_valid("wf_00000000000i"));
    assert_false(run_id_is_valid("wf_00000000000l"));
    assert_false(run_id_is_valid("wf_00000000000o"));
    assert_false(run_id_is_valid("wf_00000000000u"));
    assert_false(run_id_is_valid("wf_00000000000Z"));
    assert_false(run_id_is_valid("wf_../../../etc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_prefix_and_base32),
        cmocka_unit_test(formatted_ids_are_valid),
        cmocka_unit_test(other_texts_are_not_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "functions/test_counts.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct test_counts read_xml(const char *xml)
{
    struct test_counts counts;

    test_counts_read_junit(xml, strlen(xml), &counts);
    return counts;
}

static void expect(const char *xml, int executed, int failed, int skipped, bool is_partial)
{
    struct test_counts counts = read_xml(xml);

    if (counts.executed != executed || counts.failed != failed || counts.skipped != skipped ||
        counts.is_partial != is_partial) {
        fail_msg("%s: executed %d failed %d skipped %d partial %d", xml, (int)counts.executed,
                 (int)counts.failed, (int)counts.skipped, counts.is_partial);
    }
}

static void cases_are_counted_and_sums_in_attributes_are_not(void **state)
{
    (void)state;
    expect("<testsuites tests='50'><testsuite tests='50' failures='9'>"
           "<testcase name='a'/><testcase name='b'><failure/></testcase>"
           "<testcase name='c'><skipped/></testcase></testsuite></testsuites>",
           2, 1, 1, false);
}

static void nested_suites_do_not_count_twice(void **state)
{
    (void)state;
    expect("<testsuites tests='2'><testsuite tests='2'><testsuite tests='2'><testcase/><testcase/>"
           "</testsuite></testsuite></testsuites>",
           2, 0, 0, false);
}

static void a_suite_without_cases_is_known_by_its_attributes(void **state)
{
    (void)state;
    expect("<testsuite tests=\"7\" failures=\"1\" errors=\"1\" skipped=\"2\"/>", 5, 2, 2, false);
    expect("<testsuites tests='9'><testsuite tests='4'></testsuite><testsuite tests='5'/>"
           "</testsuites>",
           9, 0, 0, false);
}

static void an_empty_suite_has_executed_nothing(void **state)
{
    (void)state;
    expect("<?xml version='1.0'?><testsuites tests='0'></testsuites>", 0, 0, 0, false);
    expect("<testsuite/>", 0, 0, 0, false);
}

static void failure_and_error_of_one_case_are_one_failure(void **state)
{
    (void)state;
    expect("<testsuite><testcase><failure/><error/></testcase></testsuite>", 1, 1, 0, false);
}

static void comments_and_cdata_hold_no_cases(void **state)
{
    (void)state;
    expect("<testsuite><!-- <testcase/> --><testcase><system-out><![CDATA[<failure/>]]>"
           "</system-out></testcase></testsuite>",
           1, 0, 0, false);
}

static void quoted_brackets_do_not_end_a_tag(void **state)
{
    (void)state;
    expect("<testsuite><testcase name='a > b'/><testcase name=\"x/>\"><failure message='1 > 0'/>"
           "</testcase></testsuite>",
           2, 1, 0, false);
}

static void prefixes_of_namespaces_are_ignored(void **state)
{
    (void)state;
    expect("<j:testsuite xmlns:j='x'><j:testcase/></j:testsuite>", 1, 0, 0, false);
}

static void status_attributes_say_what_did_not_run(void **state)
{
    (void)state;
    expect("<testsuite><testcase status='notrun'/><testcase status='run' result='completed'/>"
           "<testcase status='disabled'/><testcase status='fail'/><testcase result='skipped'/>"
           "</testsuite>",
           2, 1, 3, false);
}

static void truncated_xml_is_partial_and_its_open_case_does_not_count(void **state)
{
    (void)state;
    expect("<testsuite tests='3'><testcase/><testcase><fail", 1, 0, 0, true);
    expect("<testsuite tests='3'><testcase/>", 1, 0, 0, true);
    expect("<testsuite><testcase/><!-- never ends", 1, 0, 0, true);
    expect("<testsuite><testcase/><testcase name='open", 1, 0, 0, true);
}

static void malformed_xml_is_partial(void **state)
{
    (void)state;
    expect("<testsuite><testcase/>< & <testcase/></testsuite>", 2, 0, 0, true);
    expect("<testsuite><testcase><testcase/></testsuite>", 1, 0, 0, true);
    expect("<testsuite><testcase></testsuite>", 0, 0, 0, true);
    expect("</testsuite></testcase></testsuites><testsuite/>", 0, 0, 0, false);
}

static void other_xml_has_no_numbers(void **state)
{
    (void)state;
    assert_int_equal(read_xml("<html><body>5 tests</body></html>").executed, -1);
    assert_int_equal(read_xml("").executed, -1);
    assert_int_equal(read_xml("plain <").executed, -1);
    assert_string_equal(read_xml("<x/>").runner, "");
}

static void depth_is_bounded(void **state)
{
    size_t count = 10000;
    char *xml = mem_alloc(count * 11 + 12);
    struct test_counts counts;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        memcpy(xml + i * 11, "<testsuite>", 11);
    }
    memcpy(xml + count * 11, "<testcase/>", 12);
    test_counts_read_junit(xml, count * 11 + 11, &counts);
    assert_int_equal(counts.executed, 1);
    assert_true(counts.is_partial);
    free(xml);
}

static void absurd_attributes_are_ignored(void **state)
{
    (void)state;
    expect("<testsuite tests='99999999999999999999'/>", 0, 0, 0, false);
    expect("<testsuite tests='-4' failures='x'/>", 0, 0, 0, false);
    expect("<testsuite tests='2' failures='5'/>", 5, 5, 0, false);
}

static void several_documents_are_added_up(void **state)
{
    (void)state;
    expect("<?xml version='1.0'?><testsuites><testsuite><testcase/></testsuite></testsuites>\n"
           "<?xml version='1.0'?><testsuites><testsuite><testcase/></testsuite></testsuites>",
           2, 0, 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_counted_and_sums_in_attributes_are_not),
        cmocka_unit_test(nested_suites_do_not_count_twice),
        cmocka_unit_test(a_suite_without_cases_is_known_by_its_attributes),
        cmocka_unit_test(an_empty_suite_has_executed_nothing),
        cmocka_unit_test(failure_and_error_of_one_case_are_one_failure),
        cmocka_unit_test(comments_and_cdata_hold_no_cases),
        cmocka_unit_test(quoted_brackets_do_not_end_a_tag),
        cmocka_unit_test(prefixes_of_namespaces_are_ignored),
        cmocka_unit_test(status_attributes_say_what_did_not_run),
        cmocka_unit_test(truncated_xml_is_partial_and_its_open_case_does_not_count),
        cmocka_unit_test(malformed_xml_is_partial),
        cmocka_unit_test(other_xml_has_no_numbers),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(absurd_attributes_are_ignored),
        cmocka_unit_test(several_documents_are_added_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

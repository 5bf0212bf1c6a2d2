/* SPDX-License-Identifier: MIT */
/* libFuzzer target: test counts from JUnit XML of any bytes stay within what the contract
 * promises. */
#include "functions/test_counts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct test_counts *counts)
{
    if (counts->executed < -1 || counts->passed < -1 || counts->failed < -1 ||
        counts->skipped < -1 || counts->coverage > 100 ||
        memchr(counts->runner, '\0', sizeof(counts->runner)) == NULL) {
        abort();
    }
    /* Found or not, all of them alike; and nothing is executed that neither passed nor failed. */
    if ((counts->executed < 0) != (counts->passed < 0) ||
        (counts->executed > 0 && counts->executed > counts->passed + counts->failed)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct test_counts counts;

    test_counts_read_junit((const char *)data, size, &counts);
    check(&counts);
    return 0;
}

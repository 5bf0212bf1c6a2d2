/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over the files that are named, as a test: what once crashed it lies in its
 * corpus. Prints TAP; a crash ends the program after the name of its file. */
#include "base/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX (16U * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of just this size, so that the sanitizer sees the first byte that is read beyond it. */
static void replay(const char *text, size_t length)
{
    uint8_t *data = malloc(length ? length : 1);

    if (!data) {
        abort();
    }
    for (size_t i = 0; i < length; i++) {
        data[i] = (uint8_t)text[i];
    }
    (void)LLVMFuzzerTestOneInput(data, length);
    free(data);
}

int main(int argc, char **argv)
{
    (void)printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        struct error err = ERROR_INIT;
        char *text = NULL;
        size_t length;

        (void)printf("# %s\n", argv[i]);
        (void)fflush(stdout);
        if (file_read(argv[i], FILE_BYTES_MAX, &text, &length, &err) < 0) {
            (void)printf("not ok %d %s\n", i, err.text);
            return 1;
        }
        replay(text, length);
        free(text);
        (void)printf("ok %d %s\n", i, argv[i]);
    }
    return argc > 1 ? 0 : 1;
}

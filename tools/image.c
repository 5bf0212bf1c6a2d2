/* SPDX-License-Identifier: MIT */
/* Writes the image of a new store as a C source, for run_store_image in src/run/run.h:
 *
 *   image OUT.c
 */
#include "run/run.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES_PER_LINE 24

static int write_source(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *out = fopen(path, "w");

    if (!out) {
        return -1;
    }
    (void)fprintf(out, "/* Made by tools/image. */\n#include \"run/run.h\"\n\n"
                       "static const unsigned char bytes[] = {");
    for (size_t i = 0; i < size; i++) {
        (void)fprintf(out, "%s%u,", i % BYTES_PER_LINE == 0 ? "\n" : "", bytes[i]);
    }
    (void)fprintf(out, "\n};\n\nstruct store_image run_store_image(void)\n{\n"
                       "    return (struct store_image){bytes, sizeof(bytes)};\n}\n");
    return ferror(out) | fclose(out) ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct store_options options = {0};
    struct error err = ERROR_INIT;
    unsigned char *bytes = NULL;
    size_t size = 0;
    int r;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: image OUT.c\n");
        return 2;
    }
    store_init_memory();
    options.migrations = run_migrations(&options.migration_count);
    if (store_make_image(&options, &bytes, &size, &err) < 0) {
        (void)fprintf(stderr, "image: %s\n", err.text);
        return 1;
    }
    r = write_source(argv[1], bytes, size);
    if (r < 0) {
        perror(argv[1]);
    }
    free(bytes);
    return r < 0 ? 1 : 0;
}

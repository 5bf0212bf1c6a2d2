/* SPDX-License-Identifier: MIT */
/* libFuzzer target: reviews that work is planned from. The plan is one that the next function
 * takes. */
#include "functions/functions.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The function reads a file; it is written once more for each input. */
static char folder[] = "/tmp/fermata-review-fuzz-XXXXXX";

static void leave(void)
{
    char path[sizeof(folder) + 16];

    (void)snprintf(path, sizeof(path), "%s/r.md", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/r.json", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void write_review(const char *name, const uint8_t *data, size_t size)
{
    char path[sizeof(folder) + 16];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

/* NULL: it was refused, with a reason. */
static json_t *call(const char *name, json_t *arguments)
{
    struct function_call call = {.project = folder, .arguments = arguments};
    struct error err = ERROR_INIT;
    struct strbuf output;
    json_t *result = NULL;

    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    call.output = &output;
    if (function_find(name)->run(&call, &err) < 0) {
        if (err.text[0] == '\0') {
            abort();
        }
    } else if (json_parse_text(output.data, output.length, name, &result, NULL) < 0) {
        abort();
    }
    strbuf_release(&output);
    json_decref(arguments);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"r.md", "r.json"};
    static int made;

    if (!made++) {
        if (!mkdtemp(folder) || atexit(leave) != 0) {
            abort();
        }
    }
    for (size_t i = 0; i < 2; i++) {
        json_t *plan;

        write_review(names[i], data, size);
        plan = call("subtasks", json_pack("{s:s}", "report", names[i]));
        if (plan) {
            json_t *modes = call("modes", json_pack("{s:o}", "subtasks", plan));
            json_t *waves = modes ? call("waves", json_pack("{s:o}", "subtasks", modes)) : NULL;

            if (!modes) {
                abort(); /* `waves` may refuse a circle */
            }
            json_decref(waves);
        }
    }
    return 0;
}

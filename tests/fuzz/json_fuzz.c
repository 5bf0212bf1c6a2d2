/* SPDX-License-Identifier: MIT */
/* libFuzzer target: JSON from outside. What is accepted survives a round trip; what is refused
 * names a place; text of any bytes becomes a valid string. */
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const json_t *value)
{
    char *text = json_dump_sorted(value);
    json_t *again = NULL;

    if (json_parse_text(text, strlen(text), "again", &again, NULL) < 0 ||
        !json_equal(value, again)) {
        abort();
    }
    json_decref(again);
    free(text);
}

static void check_lossy(const char *bytes, size_t size)
{
    json_t *text = json_text_lossy(bytes, size);

    if (!json_is_string(text)) {
        abort();
    }
    json_decref(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    json_t *value = NULL;

    if (json_parse_text((const char *)data, size, "input", &value, &err) == 0) {
        if (value == NULL) {
            abort();
        }
        check_round_trip(value);
        json_decref(value);
    } else if (value != NULL || err.code >= 0 || err.text[0] == '\0') {
        abort();
    }
    check_lossy((const char *)data, size);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "support/record_body.h"

#include <assert.h>
#include <stdint.h>

json_t *record_body(const struct record *record)
{
    struct strbuf text;
    json_t *body = NULL;
    int r;

    strbuf_init(&text, SIZE_MAX / 2);
    record_format(record, &text);
    r = json_parse_text(text.data, text.length, "record", &body, NULL);
    assert(r == 0);
    strbuf_release(&text);
    return body;
}

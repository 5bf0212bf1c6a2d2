/* SPDX-License-Identifier: MIT */
#include "support/manifest_text.h"

#include "base/strbuf.h"
#include "functions/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

void assert_manifest(const char *file, const char *text, const char *expected)
{
    struct manifest manifest = {.count = 0};
    struct strbuf found;

    strbuf_init(&found, 10000);
    manifest_kind_of(file)->parse(&manifest, text);
    for (size_t i = 0; i < manifest.count; i++) {
        strbuf_addf(&found, "%s %s %zu%s\n", manifest.items[i].name, manifest.items[i].version,
                    manifest.items[i].line, manifest.items[i].is_dev ? " dev" : "");
    }
    assert_string_equal(found.data, expected);
    strbuf_release(&found);
    manifest_release(&manifest);
}

/* SPDX-License-Identifier: MIT */
/* libFuzzer target: answers of model servers in each dialect, whole and as errors. However the
 * bytes are cut, the same comes of them; each answer ends once, and only one that its server ended
 * is whole. The first byte chooses the dialect, the second the cut. */
#include "base/utf8.h"
#include "drive/body.h"
#include "drive/failure.h"
#include "drive/listing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct strbuf text;
    int ends;
    bool is_done;
};

static void on_event(void *context, const struct agent_event *event)
{
    struct heard *heard = context;
    struct strbuf text;
    json_t *line;

    strbuf_init(&text, SIZE_MAX);
    agent_event_add_line(event, &text);
    line = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
    if (!line || !utf8_is_valid(event->text, strlen(event->text)) || heard->ends > 0) {
        abort();
    }
    if (event->kind == AGENT_DONE || event->kind == AGENT_ERROR) {
        heard->ends++;
        heard->is_done = event->kind == AGENT_DONE;
        if (event->kind == AGENT_ERROR && event->failure == AGENT_FINE) {
            abort();
        }
    }
    strbuf_add(&heard->text, event->text);
    json_decref(line);
    strbuf_release(&text);
}

static void read_all(const struct dialect *dialect, const char *bytes, size_t size, size_t piece,
                     struct heard *heard)
{
    bool goes_on = true;
    struct answer answer;
    struct body body;

    *heard = (struct heard){.ends = 0};
    strbuf_init(&heard->text, size * 8 + 10000);
    answer_init(&answer, on_event, heard);
    body_init(&body, dialect, &answer);
    for (size_t at = 0; at < size && goes_on; at += piece) {
        goes_on = body_add(&body, bytes + at, size - at < piece ? size - at : piece);
    }
    if (goes_on) {
        body_end(&body);
    }
    if (answer_conclude(&answer, 0) != heard->is_done || heard->ends != 1) {
        abort();
    }
    body_release(&body);
    answer_release(&answer);
}

static void read_failure(const char *bytes, size_t size)
{
    char *text = malloc(size + 1); /* bodies end with a NUL, and so is read beyond them noticed */
    struct failure failure;

    memcpy(text, bytes, size);
    text[size] = '\0';
    failure = failure_read_body(text, size, 429);
    if (!failure.text || !*failure.text || !utf8_is_valid(failure.text, strlen(failure.text)) ||
        failure.status != 429) {
        abort();
    }
    free(failure.text);
    free(text);
}

static void read_listing(const char *bytes, size_t size)
{
    json_t *value = json_loadb(bytes, size, 0, NULL);
    json_t *models = listing_read(server_find("ollama"), value);

    listing_mark_loaded(server_find("ollama"), models, value);
    if (!json_is_array(models)) {
        abort();
    }
    json_decref(models);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dialect *const dialects[] = {&dialect_chat, &dialect_ollama,
                                                     &dialect_anthropic, &dialect_gemini};
    const char *bytes = (const char *)data + 2;
    struct heard whole, pieces;

    if (size <= 2) {
        return 0;
    }
    size -= 2;
    read_all(dialects[data[0] % 4], bytes, size, size, &whole);
    read_all(dialects[data[0] % 4], bytes, size, data[1] % 16 + 1U, &pieces);
    if (strcmp(whole.text.data, pieces.text.data) != 0 || whole.is_done != pieces.is_done) {
        abort();
    }
    strbuf_release(&whole.text);
    strbuf_release(&pieces.text);
    read_failure(bytes, size);
    read_listing(bytes, size);
    return 0;
}

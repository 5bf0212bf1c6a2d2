/* SPDX-License-Identifier: MIT */
/* libFuzzer target: whatever a program prints, its adapter comes to a result that holds together,
 * and to the same one whether the bytes come at once or in pieces. The first line
 * names the adapter. More seeds: tests/agents/samples. */
#include "agents/adapter.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_event(void *context, const struct agent_event *event)
{
    size_t *count = context;

    if (!event->text || (size_t)event->kind >= AGENT_EVENT_KINDS) {
        abort();
    }
    ++*count;
}

static void check_result(const struct agent_result *result)
{
    if (!result->answer || (result->failure != AGENT_FINE) != (result->error != NULL) ||
        result->denials < 0 || result->status < 0 || result->status > 999) {
        abort();
    }
}

static struct agent_reader *read_all(const struct agent_profile *agent, const uint8_t *data,
                                     size_t size, size_t piece, size_t *count)
{
    struct agent_reader *reader = agent_reader_new(agent, check_event, count);

    for (size_t at = 0; at < size; at += piece) {
        agent_reader_add(reader, (const char *)data + at, size - at < piece ? size - at : piece);
    }
    return reader;
}

/* Any of them where the line names none. */
static const struct adapter *choose(const uint8_t *line, size_t length)
{
    char *type = mem_strndup((const char *)line, length);
    const struct adapter *adapter = adapter_find(type);
    const struct adapter *const *all;
    size_t count;

    free(type);
    all = adapter_list(&count);
    return adapter ? adapter : all[length % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    struct agent_end end = {.errors = "x\n"};
    struct agent_profile agent = {.name = "fuzz"};
    struct agent_reader *readers[2];
    const struct agent_result *results[2];
    size_t counts[2] = {0, 0};

    if (!newline) {
        return 0;
    }
    agent.adapter = choose(data, (size_t)(newline - data));
    size -= (size_t)(newline + 1 - data);
    data = newline + 1;
    end.exit_status = (int)(size % 2);
    for (size_t i = 0; i < 2; i++) {
        readers[i] = read_all(&agent, data, size, i == 0 ? size + 1 : 3, &counts[i]);
        results[i] = agent_reader_end(readers[i], &end);
        check_result(results[i]);
    }
    if (counts[0] != counts[1] || results[0]->failure != results[1]->failure ||
        strcmp(results[0]->answer, results[1]->answer) != 0) {
        abort();
    }
    agent_reader_free(readers[0]);
    agent_reader_free(readers[1]);
    return 0;
}

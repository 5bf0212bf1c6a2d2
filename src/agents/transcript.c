/* SPDX-License-Identifier: MIT */
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define DESCRIPTION_BYTES_MAX (1024U * 1024)
#define CHUNK_BYTES (256U * 1024)

struct transcript {
    char *folder;
    json_t *description; /* what the profile borrows from */
    struct agent_profile agent;
    struct agent_reader *reader;
    struct attempt_cursor cursor;
    bool has_gap;
};

char *transcript_describe(const struct agent_call *call, const struct agent_usage *earlier)
{
    const struct agent_profile *agent = call->agent;
    json_t *description = json_object();
    char *text;

    json_put_text(description, "agent", agent->name);
    json_put_text(description, "type", agent->adapter->type);
    json_put_text(description, "model", call->model ? call->model : agent->model);
    json_put_text(description, "format", agent->output_format);
    json_put(description, "map", json_incref((json_t *)agent->output_map));
    json_put_text(description, "session", call->session);
    json_put(description, "read_only", json_boolean(call->is_read_only));
    if (earlier) {
        json_put(description, "earlier", agent_usage_encode(earlier));
    }
    text = json_dump_pretty(description);
    json_decref(description);
    return text;
}

static int read_description(const char *folder, json_t **ret_description, struct error *err)
{
    char *path = path_join(folder, TRANSCRIPT_FILE);
    char *text = NULL;
    size_t length;
    int r = file_read(path, DESCRIPTION_BYTES_MAX, &text, &length, err);

    if (r == 0) {
        r = json_parse_text(text, length, path, ret_description, err);
    }
    free(text);
    free(path);
    return r;
}

static int use_description(struct transcript *transcript, struct error *err)
{
    const json_t *description = transcript->description;
    const char *type = json_get_text(description, "type", "");
    const json_t *map = json_object_get(description, "map");

    transcript->agent = (struct agent_profile){
        .name = json_get_text(description, "agent", "agent"),
        .adapter = adapter_find(type),
        .model = json_get_text(description, "model", NULL),
        .output_format = json_get_text(description, "format", NULL),
        .output_map = json_is_object(map) ? map : NULL,
    };
    return transcript->agent.adapter
               ? 0
               : error_set(err, ERROR_INVALID, "no adapter reads the output of type \"%s\"", type);
}

int transcript_open(const char *folder, agent_event_callback on_event, void *context,
                    struct transcript **ret_transcript, struct error *err)
{
    struct transcript *transcript = mem_zero(1, sizeof(*transcript));
    struct agent_usage earlier;
    int r = read_description(folder, &transcript->description, err);

    if (r == 0) {
        r = use_description(transcript, err);
    }
    if (r < 0) {
        transcript_free(transcript);
        return r;
    }
    transcript->folder = mem_strdup(folder);
    transcript->reader = agent_reader_new(&transcript->agent, on_event, context);
    agent_usage_decode(json_object_get(transcript->description, "earlier"), &earlier);
    agent_reader_set_earlier(transcript->reader, &earlier);
    *ret_transcript = transcript;
    return 0;
}

void transcript_free(struct transcript *transcript)
{
    if (!transcript) {
        return;
    }
    agent_reader_free(transcript->reader);
    json_decref(transcript->description);
    free(transcript->folder);
    free(transcript);
}

static int read_chunks(struct transcript *transcript, size_t least, struct error *err)
{
    static const char gap[] = "\n[... some output was left out here ...]\n";
    struct strbuf chunk;
    int r;

    strbuf_init(&chunk, CHUNK_BYTES);
    do {
        strbuf_reset(&chunk);
        r = attempt_read_more(transcript->folder, "stdout", &transcript->cursor, &chunk, err);
        if (r == 0 && transcript->cursor.has_gap) {
            transcript->has_gap = true;
            agent_reader_add(transcript->reader, gap, sizeof(gap) - 1);
        }
        agent_reader_add(transcript->reader, chunk.data, chunk.length);
    } while (r == 0 && chunk.length >= least);
    strbuf_release(&chunk);
    return r;
}

int transcript_read(struct transcript *transcript, struct error *err)
{
    return read_chunks(transcript, 1, err);
}

int transcript_peek(struct transcript *transcript, struct error *err)
{
    return read_chunks(transcript, CHUNK_BYTES, err);
}

int64_t transcript_bytes(const struct transcript *transcript)
{
    return transcript->cursor.offset;
}

bool transcript_has_gap(const struct transcript *transcript)
{
    return transcript->has_gap;
}

const struct agent_result *transcript_end(struct transcript *transcript,
                                          const struct agent_end *end)
{
    return agent_reader_end(transcript->reader, end);
}

const struct agent_profile *transcript_agent(const struct transcript *transcript)
{
    return &transcript->agent;
}

const char *transcript_resumed(const struct transcript *transcript)
{
    return json_get_text(transcript->description, "session", NULL);
}

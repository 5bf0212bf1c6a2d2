/* SPDX-License-Identifier: MIT */
#include "drive/server.h"

#include "base/alloc.h"
#include "base/nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPENAI_MODELS .models = "/models", .models_key = "data", .name_key = "id"

static const struct server servers[] = {
    {
        .type = "ollama",
        .title = "Ollama",
        .dialect = &dialect_ollama,
        .pull = PULL_OLLAMA,
        .is_local = true,
        .version = "/api/version",
        .version_key = "version",
        .models = "/api/tags",
        .models_key = "models",
        .name_key = "name",
        .loaded = "/api/ps",
        .start = "start it with `ollama serve`",
    },
    {
        .type = "llamacpp",
        .title = "llama.cpp",
        .dialect = &dialect_chat,
        .is_local = true,
        .is_model_free = true,
        .ready = "/health",
        .version = "/props",
        .version_key = "build_info",
        OPENAI_MODELS,
        .start = "start it with `llama-server -m MODEL.gguf --port PORT`",
    },
    {
        .type = "localai",
        .title = "LocalAI",
        .dialect = &dialect_chat,
        .pull = PULL_LOCALAI,
        .is_local = true,
        .ready = "/readyz",
        .version = "/version",
        .version_key = "version",
        OPENAI_MODELS,
        .start = "start it with `local-ai run`",
    },
    {
        .type = "text-generation-webui",
        .title = "text-generation-webui",
        .dialect = &dialect_chat,
        .is_local = true,
        .is_model_free = true,
        OPENAI_MODELS,
        .start = "start it with its flag --api",
    },
    {
        .type = "openai-compatible",
        .title = "an OpenAI-compatible server",
        .dialect = &dialect_chat,
        OPENAI_MODELS,
        .start = "start the server, or correct `endpoint`",
    },
    {
        .type = "groq",
        .title = "Groq",
        .dialect = &dialect_chat,
        OPENAI_MODELS,
        .start = "look whether this machine reaches it",
    },
    {
        .type = "anthropic",
        .title = "Anthropic",
        .dialect = &dialect_anthropic,
        .key = KEY_ANTHROPIC,
        .models = "/v1/models?limit=1000",
        .models_key = "data",
        .name_key = "id",
        .start = "look whether this machine reaches it",
    },
    {
        .type = "gemini-api",
        .title = "Gemini",
        .dialect = &dialect_gemini,
        .key = KEY_GEMINI,
        .models = "/v1beta/models?pageSize=1000",
        .models_key = "models",
        .name_key = "name",
        .start = "look whether this machine reaches it",
    },
};
#undef OPENAI_MODELS

const struct server *server_find(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        if (strcmp(servers[i].type, type) == 0) {
            return &servers[i];
        }
    }
    return NULL;
}

const char *server_nearest(const char *type)
{
    const char *names[ARRAY_LEN(servers)];

    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        names[i] = servers[i].type;
    }
    return nearest_name(type, names, ARRAY_LEN(servers));
}

/* ---- places ---- */

static bool cut_tail(char *url, const char *tail)
{
    size_t length = strlen(url);
    size_t tail_length = strlen(tail);

    if (length > tail_length && strcmp(url + length - tail_length, tail) == 0) {
        url[length - tail_length] = '\0';
        return true;
    }
    return false;
}

static void cut_slashes(char *url)
{
    while (cut_tail(url, "/")) {
    }
}

/* "/v1", "/v1beta", "/v4" at the end; NULL: none. */
static char *find_version(char *url)
{
    char *last = strrchr(url, '/');

    if (!last || last == url || last[-1] == '/' || last[1] != 'v' ||
        !isdigit((unsigned char)last[2])) {
        return NULL;
    }
    return last[strspn(last + 1, "abcdefghijklmnopqrstuvwxyz0123456789") + 1] ? NULL : last;
}

static bool has_path(const char *url)
{
    return strchr(strstr(url, "://") + 3, '/') != NULL;
}

int server_find_place(const struct server *server, const char *endpoint,
                      struct server_place *ret_place, struct error *err)
{
    const char *scheme = strstr(endpoint, "://");
    bool is_chat = server->dialect == &dialect_chat;
    char *url, *version, *base;

    if (!*endpoint || strpbrk(endpoint, " \t\r\n?#") || (scheme && !scheme[3])) {
        return error_set(err, ERROR_INVALID,
                         "the endpoint of %s is no address such as http://127.0.0.1:8080",
                         server->title);
    }
    url = scheme ? mem_strdup(endpoint) : mem_printf("http://%s", endpoint);
    cut_slashes(url);
    (void)(cut_tail(url, "/chat/completions") || cut_tail(url, "/v1/messages") ||
           cut_tail(url, "/api/chat") || cut_tail(url, "/api"));
    version = find_version(url);
    if (version || (!server->is_local && has_path(url))) {
        base = mem_strdup(url);
    } else {
        base = mem_printf("%s/v1", url);
    }
    if (version) {
        *version = '\0';
        cut_slashes(url);
    }
    if (!is_chat) {
        free(base);
        base = mem_strdup(url);
    }
    *ret_place = (struct server_place){.root = url, .base = base};
    return 0;
}

void server_place_release(struct server_place *place)
{
    free(place->root);
    free(place->base);
    *place = (struct server_place){0};
}

bool server_is_vendor(const struct server_place *place)
{
    return strncasecmp(place->root, "https://api.openai.com", strlen("https://api.openai.com")) ==
           0;
}

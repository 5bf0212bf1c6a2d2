/* SPDX-License-Identifier: MIT */
/* Model servers. All are driven by fermata-call (src/drive/call_main.c), which knows how each is
 * spoken to; here is what the engine has to know of them. They answer and change no files.
 *
 * A key never passes through us: the driver is told the name of the variable or of the file. */
#include "agents/reader.h"
#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define DRIVER "fermata-call"

/* A customary key is for the service that it is named after: whoever gives another address names
 * the key for it as well. */
static bool has_own_address(const struct agent_profile *agent)
{
    const char *own = agent->adapter->endpoint;

    return own && (!agent->endpoint || strcmp(agent->endpoint, own) == 0);
}

/* "env:NAME" or "file:PATH", else the customary variable, if it is set. */
static int put_key(const struct agent_profile *agent, json_t *input, struct error *err)
{
    const char *key = agent->key;

    if (!key && has_own_address(agent)) {
        json_put_text(input, "key_variable", agent->adapter->key_variable);
        json_put(input, "key_optional", json_true());
    } else if (!key) {
        return 0;
    } else if (strncmp(key, "env:", 4) == 0 && key[4]) {
        json_put_text(input, "key_variable", key + 4);
    } else if (strncmp(key, "file:", 5) == 0 && key[5]) {
        json_put_text(input, "key_file", key + 5);
    } else {
        /* It may be the key itself: never shown. */
        (void)error_set(err, ERROR_INVALID, "the key of agent %s is neither env:NAME nor file:PATH",
                        agent->name);
        error_hint(err, "put it into a variable or a file, and name that");
        return ERROR_INVALID;
    }
    return 0;
}

static int put_server(const struct agent_profile *agent, json_t *input, struct error *err)
{
    const char *endpoint = agent->endpoint ? agent->endpoint : agent->adapter->endpoint;

    if (!endpoint) {
        (void)error_set(err, ERROR_INVALID, "agent %s names no endpoint", agent->name);
        error_hint(err, "set `endpoint: http://HOST:PORT/v1` for it under `agents:` in the "
                        "configuration");
        return ERROR_INVALID;
    }
    json_put_text(input, "type", agent->adapter->type);
    json_put_text(input, "endpoint", endpoint);
    return put_key(agent, input, err);
}

static int server_command(const struct agent_call *call, struct agent_command *command,
                          struct error *err)
{
    const struct agent_profile *agent = call->agent;
    json_t *input = json_object();
    int r = put_server(agent, input, err);

    if (r == 0) {
        char *driver = path_join(call->libexec, DRIVER);
        char *text;

        json_put_text(input, "model", call->model ? call->model : agent->model);
        json_put(input, "prompt", json_text_lossy(call->prompt, call->prompt_length));
        json_put(input, "schema", json_incref((json_t *)call->schema));
        json_put(input, "options", json_incref((json_t *)agent->options));
        json_put_integer(input, "silence_ms",
                         agent->silence_ms > 0 ? agent->silence_ms : agent->adapter->silence_ms);
        json_put_integer(input, "timeout_ms", call->timeout_ms);
        text = json_dump_compact(input);
        strbuf_add(&command->input, text);
        agent_command_add(command, driver);
        free(text);
        free(driver);
    }
    json_decref(input);
    return r;
}

/* Servers queue calls and load models before the first word. */
#define SILENCE_MS (INT64_C(10) * 60 * 1000)
#define SERVER                                                                                     \
    .kind = ADAPTER_SERVER, .silence_ms = SILENCE_MS, .command = server_command,                   \
    .read_line = reader_read_event
#define ABILITIES (CAN_STREAM | CAN_READ_ONLY | CAN_TOKENS | CAN_MODEL)

const struct adapter adapter_ollama = {
    SERVER,
    .type = "ollama",
    .title = "Ollama",
    .abilities = ABILITIES | CAN_SCHEMA,
    .endpoint = "http://127.0.0.1:11434",
    .key_variable = "OLLAMA_API_KEY",
    .install = "install Ollama, start `ollama serve`, then `fermata models pull MODEL`",
};

const struct adapter adapter_llamacpp = {
    SERVER,
    .type = "llamacpp",
    .title = "llama.cpp",
    .abilities = ABILITIES | CAN_SCHEMA,
    .endpoint = "http://127.0.0.1:8080",
    .key_variable = "LLAMA_API_KEY",
    .install = "build llama.cpp and start `llama-server -m MODEL.gguf --port 8080`",
};

const struct adapter adapter_localai = {
    SERVER,
    .type = "localai",
    .title = "LocalAI",
    .abilities = ABILITIES | CAN_SCHEMA,
    .endpoint = "http://127.0.0.1:8080",
    .key_variable = "LOCALAI_API_KEY",
    .install = "install LocalAI, start `local-ai run`, then `fermata models pull MODEL`",
};

const struct adapter adapter_textgen = {
    SERVER,
    .type = "text-generation-webui",
    .title = "text-generation-webui",
    .abilities = ABILITIES,
    .endpoint = "http://127.0.0.1:5000",
    .key_variable = "TEXTGEN_API_KEY",
    .install = "install text-generation-webui and start it with --api",
};

const struct adapter adapter_openai = {
    SERVER,
    .type = "openai-compatible",
    .title = "an OpenAI-compatible server",
    .abilities = ABILITIES | CAN_SCHEMA,
    .install = "name the server as `endpoint` of the agent",
    .sign_in = "name its key: `key: env:NAME` for the agent",
};

const struct adapter adapter_groq = {
    SERVER,
    .type = "groq",
    .title = "Groq",
    .abilities = ABILITIES | CAN_SCHEMA,
    .endpoint = "https://api.groq.com/openai/v1",
    .key_variable = "GROQ_API_KEY",
    .install = "nothing to install: it needs the network and a key",
    .sign_in = "set GROQ_API_KEY",
};

const struct adapter adapter_anthropic = {
    SERVER,
    .type = "anthropic",
    .title = "Anthropic",
    .abilities = ABILITIES | CAN_SCHEMA,
    .endpoint = "https://api.anthropic.com",
    .key_variable = "ANTHROPIC_API_KEY",
    .install = "nothing to install: it needs the network and a key",
    .sign_in = "set ANTHROPIC_API_KEY",
};

const struct adapter adapter_gemini_api = {
    SERVER,
    .type = "gemini-api",
    .title = "Gemini",
    .abilities = ABILITIES | CAN_SCHEMA,
    .endpoint = "https://generativelanguage.googleapis.com",
    .key_variable = "GEMINI_API_KEY",
    .install = "nothing to install: it needs the network and a key",
    .sign_in = "set GEMINI_API_KEY",
};

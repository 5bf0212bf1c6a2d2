/* SPDX-License-Identifier: MIT */
/* A dialect: how one family of servers is asked for an answer, and how its stream is read. Pure. */
#ifndef FERMATA_DRIVE_DIALECT_H
#define FERMATA_DRIVE_DIALECT_H

#include "drive/answer.h"
#include "drive/stream.h"

/* What is asked for. Borrowed. */
struct question {
    const char *model; /* NULL: the server's only one */
    const char *prompt;
    size_t prompt_length;
    const char *system;    /* NULL: none */
    const json_t *schema;  /* NULL: free text */
    const json_t *options; /* an object, or NULL; see each dialect */
    bool is_vendor;        /* OpenAI's own server, which has names of its own */
};

struct dialect {
    enum stream_form form;
    /* The body of the request; the caller owns it. */
    json_t *(*request)(const struct question *question);
    /* The path below the root of the API; free() it. */
    char *(*path)(const struct question *question);
    /* One event of the stream, or the whole answer where the server does not stream. */
    void (*read)(struct answer *answer, const json_t *value);
    void (*begin)(struct answer *answer, const struct question *question); /* NULL: nothing */
    void (*done)(struct answer *answer); /* at the line "[DONE]"; NULL: it says nothing new */
};

/* Options go into the body as they are; null takes a field out that we would send. */
extern const struct dialect dialect_chat; /* OpenAI's chat completions and all that copy them */
/* Those that Ollama knows at the top stay there; all others are `options`, max_tokens is
 * num_predict. */
extern const struct dialect dialect_ollama;
/* A schema becomes a tool that the model must call. */
extern const struct dialect dialect_anthropic;
/* The usual names of options become those of generationConfig; others stay at the top. */
extern const struct dialect dialect_gemini;

/* ---- shared by the dialects ---- */

/* Sets each option in the body; null removes. */
void dialect_put_options(json_t *body, const json_t *options);
/* The limit of tokens that the options name, by any of its names; 0: none. */
json_int_t dialect_tokens_max(const json_t *options);
/* [{"role":"system",...},{"role":"user",...}] */
json_t *dialect_messages(const struct question *question);
/* The prompt as a JSON string, whatever its bytes. */
json_t *dialect_prompt(const struct question *question);

#endif

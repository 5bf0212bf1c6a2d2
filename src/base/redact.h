/* SPDX-License-Identifier: MIT */
/* Keys are taken out of a stream of bytes: "[key NAME]" stands for each, however the stream is cut
 * into pieces. A key is also known as it looks in a URL, in JSON and inside base64.
 *
 * Part of the keeper too (agents/keeper), hence libc alone and the caller's memory. */
#ifndef FERMATA_BASE_REDACT_H
#define FERMATA_BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

/* What is shorter is a word, not a key ("none", "ollama"), and would spoil whatever is said. */
#define REDACT_KEY_BYTES_MIN 8

/* In the environment of a step: the names of those of its variables that hold keys. */
#define REDACT_VARIABLE "FERMATA_KEYS"
#define REDACT_KEYS_MAX 256

struct redact_key {
    const char *name;
    const char *value; /* without the white space around it */
};

/* What REDACT_VARIABLE says; NULL: nothing. */
const char *redact_find_names(char *const *environment);
/* The keys of these names that are there: REDACT_KEYS_MAX at most. `names`, a copy of what
 * redact_find_names() found, is cut into its parts and has to stay, as has the environment. */
size_t redact_find_keys(char *const *environment, char *names, struct redact_key *ret_keys);

struct redact {
    struct redact_form *forms; /* in the caller's memory */
    size_t form_count;
    size_t longest;  /* 0: there is nothing to take out */
    bool first[256]; /* may a form begin with this byte? */
};

/* Of what redact_init() needs. The keys themselves may go afterwards, but for their names. */
size_t redact_size(const struct redact_key *keys, size_t count);
void redact_init(struct redact *redact, void *memory, const struct redact_key *keys, size_t count);

/* One stream. What may be the beginning of a key is held back until it is known. */
struct redact_stream {
    const struct redact *redact;
    char *held; /* redact->longest bytes */
    size_t held_length;
};

typedef void (*redact_write)(void *context, const char *bytes, size_t length);
void redact_add(struct redact_stream *stream, const char *bytes, size_t length, redact_write write,
                void *context);
/* The last piece was added: what is held is no key. */
void redact_end(struct redact_stream *stream, redact_write write, void *context);

#endif

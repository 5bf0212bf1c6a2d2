/* SPDX-License-Identifier: MIT */
/* The kinds of model servers: one row each. Pure. */
#ifndef FERMATA_DRIVE_SERVER_H
#define FERMATA_DRIVE_SERVER_H

#include "drive/dialect.h"

enum server_key { KEY_BEARER, KEY_ANTHROPIC, KEY_GEMINI };

/* How models are fetched and thrown away. */
enum server_pull { PULL_NONE, PULL_OLLAMA, PULL_LOCALAI };

struct server {
    const char *type;
    const char *title;
    const struct dialect *dialect;
    enum server_key key;
    enum server_pull pull;
    bool is_local;       /* where no path is configured that we did not expect */
    bool is_model_free;  /* answers without the name of a model: it has one */
    const char *ready;   /* path below the root; NULL: none */
    const char *version; /* likewise, and the key in its answer */
    const char *version_key;
    const char *models; /* path below the root; in OpenAI's dialect below the base */
    const char *models_key;
    const char *name_key; /* of a model */
    const char *loaded;   /* path of those in memory; NULL: not told */
    const char *start;    /* one sentence for whoever has it not running */
};

const struct server *server_find(const char *type); /* NULL: none */
const char *server_nearest(const char *type);       /* NULL: none is near */

/* Where a server is reached, from what people write: with or without scheme, version, path. */
struct server_place {
    char *root; /* "http://127.0.0.1:8080" */
    char *base; /* of OpenAI's dialect: "http://127.0.0.1:8080/v1"; else the root */
};

int server_find_place(const struct server *server, const char *endpoint,
                      struct server_place *ret_place, struct error *err);
void server_place_release(struct server_place *place);
/* Is it OpenAI's own? */
bool server_is_vendor(const struct server_place *place);

#endif

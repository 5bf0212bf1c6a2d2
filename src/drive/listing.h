/* SPDX-License-Identifier: MIT */
/* What a server says of itself: its models, its version, whether it is ready. Read, not guessed. */
#ifndef FERMATA_DRIVE_LISTING_H
#define FERMATA_DRIVE_LISTING_H

#include "drive/call.h"

/* The models of an answer, in one form: [{"name", "size", "modified", "family", "parameters",
 * "quantization", "context", "title", "loaded"}], what is not said is absent. Pure. */
json_t *listing_read(const struct server *server, const json_t *value);
/* Marks those that are in memory, from the other answer. Pure. */
void listing_mark_loaded(const struct server *server, json_t *models, const json_t *loaded);
/* NULL: *ret_failure says why. */
json_t *listing_fetch(const struct call *call, struct failure *ret_failure);
/* The only model that there is, NULL: there are none, or several, whose names are added. False:
 * *ret_failure says why the server could not be asked. */
bool listing_find_model(const struct call *call, char **ret_name, struct strbuf *names,
                        struct failure *ret_failure);

#endif

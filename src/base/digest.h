/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4) as lower-case hex: the name of every piece of content. */
#ifndef FERMATA_BASE_DIGEST_H
#define FERMATA_BASE_DIGEST_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define DIGEST_HEX_LENGTH 64
#define DIGEST_HEX_SIZE (DIGEST_HEX_LENGTH + 1)

struct digest; /* a digest being computed */

struct digest *digest_new(void);
void digest_add(struct digest *digest, const void *bytes, size_t length);
/* Adds the length as well, so that ("ab","c") and ("a","bc") differ. NULL differs from "". */
void digest_add_field(struct digest *digest, const char *text);
/* Writes the hex text and frees the digest. */
void digest_finish(struct digest *digest, char ret_hex[DIGEST_HEX_SIZE]);
/* The first 64 bits alone, for a checksum; frees the digest too. */
int64_t digest_finish_short(struct digest *digest);

void digest_bytes(const void *bytes, size_t length, char ret_hex[DIGEST_HEX_SIZE]);
/* The digest of a regular file's content; never follows a symbolic link. */
int digest_file(const char *path, char ret_hex[DIGEST_HEX_SIZE], struct error *err);

#endif

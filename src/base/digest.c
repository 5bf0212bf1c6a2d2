/* SPDX-License-Identifier: MIT */
/* OpenSSL's low-level SHA-256 is used on purpose: the EVP front end loads providers and
 * reads configuration files at the first call, which costs more than a short command's work. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include "base/alloc.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536

struct digest {
    SHA256_CTX context;
};

struct digest *digest_new(void)
{
    struct digest *digest = mem_alloc(sizeof(*digest));

    (void)SHA256_Init(&digest->context);
    return digest;
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
    (void)SHA256_Update(&digest->context, bytes, length);
}

void digest_add_field(struct digest *digest, const char *text)
{
    uint64_t length = text ? strlen(text) : UINT64_MAX;
    unsigned char encoded[8];

    for (size_t i = 0; i < sizeof(encoded); i++) {
        encoded[i] = (unsigned char)(length >> (8 * i));
    }
    digest_add(digest, encoded, sizeof(encoded));
    if (text) {
        digest_add(digest, text, (size_t)length);
    }
}

void digest_finish(struct digest *digest, char ret_hex[DIGEST_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[SHA256_DIGEST_LENGTH];

    (void)SHA256_Final(raw, &digest->context);
    for (size_t i = 0; i < sizeof(raw); i++) {
        ret_hex[2 * i] = hex[raw[i] >> 4];
        ret_hex[2 * i + 1] = hex[raw[i] & 15];
    }
    ret_hex[DIGEST_HEX_LENGTH] = '\0';
    free(digest);
}

int64_t digest_finish_short(struct digest *digest)
{
    unsigned char raw[SHA256_DIGEST_LENGTH];
    uint64_t bits = 0;

    (void)SHA256_Final(raw, &digest->context);
    for (size_t i = 0; i < sizeof(bits); i++) {
        bits = bits << 8 | raw[i];
    }
    free(digest);
    return (int64_t)bits;
}

void digest_bytes(const void *bytes, size_t length, char ret_hex[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();

    digest_add(digest, bytes, length);
    digest_finish(digest, ret_hex);
}

int digest_file(const char *path, char ret_hex[DIGEST_HEX_SIZE], struct error *err)
{
    char *block = NULL;
    struct digest *digest = NULL;
    struct stat status;
    ssize_t length;
    int fd;
    int r = 0;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return error_set_errno(err, "cannot open %s", path);
    }
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        r = error_set(err, ERROR_INVALID, "%s is not a regular file", path);
        goto out;
    }
    block = mem_alloc(READ_BYTES);
    digest = digest_new();
    while ((length = read(fd, block, READ_BYTES)) > 0) {
        digest_add(digest, block, (size_t)length);
    }
    if (length < 0) {
        r = error_set_errno(err, "cannot read %s", path);
        goto out;
    }
    digest_finish(digest, ret_hex);
    digest = NULL;
out:
    free(digest);
    free(block);
    (void)close(fd);
    return r;
}

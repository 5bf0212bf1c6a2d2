/* SPDX-License-Identifier: MIT */
/* What a manifest declares, with the line of each: package.json, Cargo.toml, go.mod,
 * pyproject.toml, requirements.txt, composer.json, pom.xml, build.gradle, Gemfile, CMakeLists.txt,
 * meson.build. Read as text, nothing is run or asked: what a manifest works out by itself is not
 * seen. */
#ifndef FERMATA_FUNCTIONS_MANIFEST_H
#define FERMATA_FUNCTIONS_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#define MANIFEST_DEPENDENCIES_MAX 5000

struct dependency {
    char *name;
    char *version; /* as it is written; "": any */
    size_t line;   /* from 1 */
    bool is_dev;   /* only to build or test */
};

struct manifest {
    struct dependency *items;
    size_t count, capacity;
};

struct manifest_kind {
    const char *file; /* its name; with a * at the end its beginning, ".txt" behind it */
    const char *ecosystem;
    const char *locks[5]; /* files of which one holds what is used exactly; none: it has no such */
    void (*parse)(struct manifest *manifest, const char *text);
};

/* By the name of a file; NULL: it is none. */
const struct manifest_kind *manifest_kind_of(const char *path);
void manifest_release(struct manifest *manifest);

/* For the parsers. */
void manifest_add(struct manifest *manifest, const struct dependency *dependency,
                  size_t name_length, size_t version_length);
void manifest_parse_npm(struct manifest *manifest, const char *text);
void manifest_parse_composer(struct manifest *manifest, const char *text);
void manifest_parse_cargo(struct manifest *manifest, const char *text);
void manifest_parse_pyproject(struct manifest *manifest, const char *text);

#endif

/* SPDX-License-Identifier: MIT */
#include "functions/manifest.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIGNS "-_./@:"

void manifest_add(struct manifest *manifest, const struct dependency *dependency,
                  size_t name_length, size_t version_length)
{
    if (name_length == 0 || manifest->count == MANIFEST_DEPENDENCIES_MAX) {
        return;
    }
    if (manifest->count == manifest->capacity) {
        manifest->capacity = manifest->capacity ? manifest->capacity * 2 : 32;
        manifest->items = mem_resize(manifest->items, manifest->capacity, sizeof(*manifest->items));
    }
    manifest->items[manifest->count] = *dependency;
    manifest->items[manifest->count].name = mem_strndup(dependency->name, name_length);
    manifest->items[manifest->count].version = mem_strndup(
        dependency->version ? dependency->version : "", version_length);
    manifest->count++;
}

void manifest_release(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        free(manifest->items[i].name);
        free(manifest->items[i].version);
    }
    free(manifest->items);
    *manifest = (struct manifest){.count = 0};
}

/* ---- those of one dependency a line ----------------------------------------------------- */

/* One line of a manifest, without its indent. */
struct manifest_line {
    struct manifest *manifest;
    const char *text;
    size_t length, number;
    bool is_inside; /* a block that an earlier line began; what that is the parser knows */
    struct dependency pending;
    size_t pending_length; /* of its name */
};

static void each_line(struct manifest *manifest, const char *text,
                      void (*handle)(struct manifest_line *line))
{
    struct manifest_line line = {.manifest = manifest};

    while (*text) {
        size_t length = strcspn(text, "\n");
        size_t indent = strspn(text, " \t");

        line.number++;
        line.text = text + (indent < length ? indent : length);
        line.length = length - (indent < length ? indent : length);
        handle(&line);
        text += length + (text[length] == '\n');
    }
}

static size_t word_length(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && (isalnum((unsigned char)text[count]) ||
                              (text[count] && strchr(NAME_SIGNS, text[count])))) {
        count++;
    }
    return count;
}

static void line_add(const struct manifest_line *line, const char *name, size_t name_length,
                     const char *version, size_t version_length, bool is_dev)
{
    struct dependency dependency = {
        .name = (char *)name, .version = (char *)version, .line = line->number, .is_dev = is_dev};

    manifest_add(line->manifest, &dependency, name_length, version_length);
}

static bool begins(const struct manifest_line *line, const char *word)
{
    size_t length = strlen(word);

    return line->length >= length && memcmp(line->text, word, length) == 0;
}

static size_t without_end_space(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    return length;
}

/* `require path v1.2.3`, or the same lines in `require ( ... )`. What is "// indirect" is chosen by
 * others. */
static void go_line(struct manifest_line *line)
{
    const char *at = line->text;
    size_t left = line->length;
    size_t name;
    size_t space;

    if (begins(line, "require (")) {
        line->is_inside = true;
        return;
    }
    if (begins(line, ")")) {
        line->is_inside = false;
        return;
    }
    if (begins(line, "require ")) {
        at += 8;
        left -= 8;
    } else if (!line->is_inside) {
        return;
    }
    name = strcspn(at, " \t\n");
    if (name >= left || memmem(at, left, "// indirect", 11) || at[0] == '/') {
        return;
    }
    space = strspn(at + name, " \t");
    line_add(line, at, name, at + name + space, strcspn(at + name + space, " \t\r\n"), false);
}

static void parse_go(struct manifest *manifest, const char *text)
{
    each_line(manifest, text, go_line);
}

static void requirement_line(struct manifest_line *line)
{
    size_t name = word_length(line->text, line->length);
    size_t end = 0;
    size_t extra;

    while (end < line->length && line->text[end] != '#' && line->text[end] != ';') {
        end++;
    }
    if (name == 0 || *line->text == '-' || *line->text == '.' || *line->text == '/') {
        return;
    }
    extra = line->text[name] == '[' ? strcspn(line->text + name, "]\n") + 1 : 0;
    extra += strspn(line->text + name + extra, " ");
    end = end > name + extra ? end : name + extra;
    line_add(line, line->text, name, line->text + name + extra,
             without_end_space(line->text + name + extra, end - name - extra), false);
}

static void parse_requirements(struct manifest *manifest, const char *text)
{
    each_line(manifest, text, requirement_line);
}

/* The text between the next two quotes; NULL: there is none in this line. */
static const char *quoted(const struct manifest_line *line, const char *from, size_t *ret_length)
{
    const char *end = line->text + line->length;
    const char *open = from;
    const char *close;

    while (open < end && *open != '"' && *open != '\'') {
        open++;
    }
    close = open < end ? memchr(open + 1, *open, (size_t)(end - open - 1)) : NULL;
    if (!close) {
        return NULL;
    }
    *ret_length = (size_t)(close - open - 1);
    return open + 1;
}

/* `gem "name", "version"` */
static void gem_line(struct manifest_line *line)
{
    size_t name_length;
    size_t version_length = 0;
    const char *name = begins(line, "gem ") ? quoted(line, line->text, &name_length) : NULL;
    const char *version;

    if (begins(line, "group ")) {
        line->is_inside = memmem(line->text, line->length, ":test", 5) ||
                          memmem(line->text, line->length, ":dev", 4);
    } else if (begins(line, "end")) {
        line->is_inside = false;
    }
    if (name) {
        version = name[name_length + 1] == ','
                      ? quoted(line, name + name_length + 1, &version_length)
                      : NULL;
        if (version && version[-1] != '"' && version[-1] != '\'') {
            version = NULL;
        }
        line_add(line, name, name_length, version ? version : "", version ? version_length : 0,
                 line->is_inside);
    }
}

static void parse_gems(struct manifest *manifest, const char *text)
{
    each_line(manifest, text, gem_line);
}

/* `implementation "group:name:version"` */
static void gradle_line(struct manifest_line *line)
{
    static const char *const words[] = {"implementation",      "api",
                                        "compileOnly",         "runtimeOnly",
                                        "testImplementation",  "testRuntimeOnly",
                                        "annotationProcessor", "kapt"};
    size_t length;
    const char *name = NULL;
    const char *version;

    for (size_t i = 0; i < ARRAY_LEN(words) && !name; i++) {
        size_t word = strlen(words[i]);

        if (begins(line, words[i]) && line->length > word &&
            (line->text[word] == ' ' || line->text[word] == '(')) {
            name = quoted(line, line->text, &length);
        }
    }
    if (!name || !memchr(name, ':', length)) {
        return;
    }
    version = memrchr(name, ':', length);
    if (memchr(name, ':', length) == version) {
        line_add(line, name, length, "", 0, begins(line, "test"));
    } else {
        line_add(line, name, (size_t)(version - name), version + 1,
                 (size_t)(name + length - version - 1), begins(line, "test"));
    }
}

static void parse_gradle(struct manifest *manifest, const char *text)
{
    each_line(manifest, text, gradle_line);
}

/* The text of `<name>` when it stands in this line. */
static const char *element(const struct manifest_line *line, const char *name, size_t *ret_length)
{
    const char *found = memmem(line->text, line->length, name, strlen(name));
    const char *end = found ? memchr(found, '\n', strlen(found)) : NULL;
    const char *close;

    if (!found) {
        return NULL;
    }
    found += strlen(name);
    close = memchr(found, '<', end ? (size_t)(end - found) : strlen(found));
    *ret_length = close ? (size_t)(close - found) : 0;
    return close ? found : NULL;
}

static void maven_end(struct manifest_line *line)
{
    if (line->pending.name) {
        manifest_add(line->manifest, &line->pending, line->pending_length,
                     line->pending.version ? strcspn(line->pending.version, "<") : 0);
    }
    line->pending = (struct dependency){.name = NULL};
    line->is_inside = false;
}

static void maven_line(struct manifest_line *line)
{
    size_t length;
    const char *value;

    if (begins(line, "<dependency>")) {
        line->is_inside = true;
    }
    if (!line->is_inside) {
        return;
    }
    value = element(line, "<artifactId>", &length);
    if (value && !line->pending.name) {
        line->pending.name = (char *)value;
        line->pending.line = line->number;
        line->pending_length = length;
    }
    value = element(line, "<version>", &length);
    line->pending.version = value ? (char *)value : line->pending.version;
    value = element(line, "<scope>", &length);
    line->pending.is_dev |= value && length == 4 && memcmp(value, "test", 4) == 0;
    if (memmem(line->text, line->length, "</dependency>", 13)) {
        maven_end(line);
    }
}

static void parse_maven(struct manifest *manifest, const char *text)
{
    each_line(manifest, text, maven_line);
}

/* `find_package(Name 1.2)` and `dependency('name', version: '>=1')` */
static void cmake_line(struct manifest_line *line)
{
    size_t name;
    const char *at;

    if (!begins(line, "find_package(")) {
        return;
    }
    at = line->text + 13 + strspn(line->text + 13, " ");
    name = word_length(at, line->length - (size_t)(at - line->text));
    line_add(line, at, name, at + name + strspn(at + name, " "),
             strspn(at + name + strspn(at + name, " "), "0123456789."), false);
}

static void parse_cmake(struct manifest *manifest, const char *text)
{
    each_line(manifest, text, cmake_line);
}

static void meson_line(struct manifest_line *line)
{
    const char *call = memmem(line->text, line->length, "dependency(", 11);
    const char *version;
    const char *name;
    size_t length;
    size_t version_length = 0;

    if (!call || *line->text == '#' ||
        (call > line->text && (isalnum((unsigned char)call[-1]) || call[-1] == '_'))) {
        return;
    }
    name = quoted(line, call, &length);
    version = memmem(call, line->length - (size_t)(call - line->text), "version", 7);
    version = version ? quoted(line, version, &version_length) : NULL;
    if (name) {
        line_add(line, name, length, version ? version : "", version ? version_length : 0, false);
    }
}

static void parse_meson(struct manifest *manifest, const char *text)
{
    each_line(manifest, text, meson_line);
}

/* ---- which is which --------------------------------------------------------------------- */

static const struct manifest_kind kinds[] = {
    {"package.json",
     "npm",
     {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"},
     manifest_parse_npm},
    {"Cargo.toml", "Cargo", {"Cargo.lock"}, manifest_parse_cargo},
    {"go.mod", "Go", {"go.sum"}, parse_go},
    {"pyproject.toml",
     "Python",
     {"poetry.lock", "uv.lock", "pdm.lock", "requirements.txt"},
     manifest_parse_pyproject},
    {"requirements*", "pip", {"poetry.lock", "uv.lock", "pdm.lock"}, parse_requirements},
    {"composer.json", "Composer", {"composer.lock"}, manifest_parse_composer},
    {"pom.xml", "Maven", {NULL}, parse_maven},
    {"build.gradle", "Gradle", {"gradle.lockfile"}, parse_gradle},
    {"build.gradle.kts", "Gradle", {"gradle.lockfile"}, parse_gradle},
    {"Gemfile", "Bundler", {"Gemfile.lock"}, parse_gems},
    {"CMakeLists.txt", "CMake", {NULL}, parse_cmake},
    {"meson.build", "Meson", {NULL}, parse_meson},
};

const struct manifest_kind *manifest_kind_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t length = strlen(kinds[i].file);
        const char *suffix = strrchr(name, '.');

        if (strcmp(name, kinds[i].file) == 0 ||
            (kinds[i].file[length - 1] == '*' && strncmp(name, kinds[i].file, length - 1) == 0 &&
             suffix && strcmp(suffix, ".txt") == 0)) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
/* What is in the project: files and lines by language, the largest files, binaries, generated and
 * vendored parts, build systems, entry points, licence. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/source.h"
#include "functions/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_MAX 40
#define LARGE_BINARY_BYTES (5 * 1024 * 1024)

struct tally {
    const char *name;
    enum language_kind kind;
    size_t files, lines, blank, comment, code;
    int64_t bytes;
};

struct sized {
    const char *path;
    size_t lines;
    int64_t bytes;
};

struct inventory {
    VEC(struct tally) languages;
    VEC(struct tally) folders;
    VEC(struct sized) largest;
    VEC(struct sized) binaries;
    json_t *entry_points;
    size_t vendored, generated, tests, too_large;
    struct tally total;
    struct findings *findings;
};

/* What a file's name says about how the project is built. */
static const struct {
    const char *name;
    const char *system;
} build_files[] = {
    {"Makefile", "Make"},
    {"GNUmakefile", "Make"},
    {"CMakeLists.txt", "CMake"},
    {"meson.build", "Meson"},
    {"configure.ac", "Autotools"},
    {"configure", "a configure script"},
    {"BUILD.bazel", "Bazel"},
    {"WORKSPACE", "Bazel"},
    {"package.json", "npm"},
    {"Cargo.toml", "Cargo"},
    {"go.mod", "Go modules"},
    {"pyproject.toml", "Python"},
    {"setup.py", "Python"},
    {"requirements.txt", "pip"},
    {"pom.xml", "Maven"},
    {"build.gradle", "Gradle"},
    {"build.gradle.kts", "Gradle"},
    {"Gemfile", "Bundler"},
    {"composer.json", "Composer"},
    {"mix.exs", "Mix"},
    {"Package.swift", "SwiftPM"},
    {"Dockerfile", "Docker"},
    {"docker-compose.yml", "Docker Compose"},
    {"compose.yaml", "Docker Compose"},
    {"flake.nix", "Nix"},
    {"SConstruct", "SCons"},
    {"build.zig", "Zig"},
};

static struct tally *tally_get(struct tally **items, size_t *count, size_t *capacity,
                               const char *name)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp((*items)[i].name, name) == 0) {
            return &(*items)[i];
        }
    }
    if (*count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 16;
        *items = mem_resize(*items, *capacity, sizeof(**items));
    }
    (*items)[*count] = (struct tally){.name = mem_strdup(name)};
    return &(*items)[(*count)++];
}

static void tally_add(struct tally *tally, const struct tree_file *file,
                      const struct source_counts *counts)
{
    tally->files++;
    tally->bytes += file->size;
    tally->blank += counts->blank;
    tally->comment += counts->comment;
    tally->code += counts->code;
    tally->lines += counts->blank + counts->comment + counts->code;
}

static int compare_tallies(const void *left, const void *right)
{
    const struct tally *a = left;
    const struct tally *b = right;

    if (a->lines != b->lines) {
        return a->lines > b->lines ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static int compare_sizes(const void *left, const void *right)
{
    const struct sized *a = left;
    const struct sized *b = right;

    if (a->lines != b->lines) {
        return a->lines > b->lines ? -1 : 1;
    }
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

/* A line that starts a program, in the languages where it can be told. */
static void entry_find(struct inventory *inventory, const struct tree_file *file,
                       const struct source *source)
{
    static const struct {
        const char *language;
        const char *mark;
    } marks[] = {
        {"C", "\nint main("},        {"C++", "\nint main("},
        {"Go", "\nfunc main()"},     {"Rust", "\nfn main()"},
        {"Python", "\nif __name__"}, {"Java", "public static void main("},
        {"Kotlin", "\nfun main("},   {"C#", "static void Main("},
    };

    if (json_array_size(inventory->entry_points) >= LIST_MAX ||
        (file->traits & (TRAIT_TEST | TRAIT_VENDORED | TRAIT_EXAMPLE | TRAIT_GENERATED))) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        const char *at;

        if (!language_is(file->language, marks[i].language)) {
            continue;
        }
        at = memmem(source->code, source->length, marks[i].mark, strlen(marks[i].mark));
        if (at) {
            json_t *entry = json_object();

            json_put_text(entry, "file", file->path);
            json_put_integer(entry, "line",
                             (json_int_t)source_line_of(source, (size_t)(at - source->code) + 1));
            (void)json_array_append_new(inventory->entry_points, entry);
        }
    }
}

static void file_add(struct inventory *inventory, const struct tree *tree, struct tree_file *file)
{
    struct source_counts counts = {0};
    struct source source = {0};
    char buffer[256];
    char *text = NULL;
    size_t length = 0;

    if (tree_read(tree, file, &text, &length)) {
        source_init(&source, file->language, text, length);
        source_count(&source, &counts);
        entry_find(inventory, file, &source);
        *VEC_PUSH(&inventory->largest) = (struct sized){
            file->path, counts.blank + counts.comment + counts.code, file->size};
    }
    inventory->vendored += (file->traits & TRAIT_VENDORED) != 0;
    inventory->generated += (file->traits & TRAIT_GENERATED) != 0;
    inventory->tests += (file->traits & TRAIT_TEST) != 0;
    inventory->too_large += (file->traits & TRAIT_TOO_LARGE) != 0;
    if (file->traits & (TRAIT_BINARY | TRAIT_TOO_LARGE)) {
        *VEC_PUSH(&inventory->binaries) = (struct sized){file->path, 0, file->size};
    } else {
        struct tally *tally = tally_get(&inventory->languages.items, &inventory->languages.count,
                                        &inventory->languages.capacity,
                                        file->language ? file->language->name : "other");

        tally->kind = file->language ? file->language->kind : LANGUAGE_DOCUMENT;
        tally_add(tally, file, &counts);
    }
    tally_add(tally_get(&inventory->folders.items, &inventory->folders.count,
                        &inventory->folders.capacity,
                        tree_top_folder(file->path, buffer, sizeof(buffer))),
              file, &counts);
    tally_add(&inventory->total, file, &counts);
    if (text) {
        source_release(&source);
        free(text);
    }
}

static json_t *tally_format(const struct tally *tally)
{
    json_t *value = json_object();

    json_put_text(value, "name", tally->name);
    json_put_integer(value, "files", (json_int_t)tally->files);
    json_put_integer(value, "lines", (json_int_t)tally->lines);
    json_put_integer(value, "code", (json_int_t)tally->code);
    json_put_integer(value, "comment", (json_int_t)tally->comment);
    json_put_integer(value, "blank", (json_int_t)tally->blank);
    json_put_integer(value, "bytes", tally->bytes);
    return value;
}

static json_t *tallies_format(struct tally *items, size_t count)
{
    json_t *list = json_array();

    if (count > 0) {
        qsort(items, count, sizeof(*items), compare_tallies);
    }
    for (size_t i = 0; i < count && i < LIST_MAX; i++) {
        (void)json_array_append_new(list, tally_format(&items[i]));
    }
    return list;
}

static json_t *sizes_format(struct sized *items, size_t count, size_t shown)
{
    json_t *list = json_array();

    if (count > 0) {
        qsort(items, count, sizeof(*items), compare_sizes);
    }
    for (size_t i = 0; i < count && i < shown; i++) {
        json_t *value = json_object();

        json_put_text(value, "file", items[i].path);
        if (items[i].lines > 0) {
            json_put_integer(value, "lines", (json_int_t)items[i].lines);
        }
        json_put_integer(value, "bytes", items[i].bytes);
        (void)json_array_append_new(list, value);
    }
    return list;
}

static json_t *builds_find(const struct tree *tree)
{
    json_t *list = json_array();

    for (size_t i = 0; i < ARRAY_LEN(build_files); i++) {
        if (tree_find(tree, build_files[i].name)) {
            json_t *build = json_object();

            json_put_text(build, "system", build_files[i].system);
            json_put_text(build, "file", build_files[i].name);
            (void)json_array_append_new(list, build);
        }
    }
    return list;
}

static const char *licence_find(const struct tree *tree)
{
    static const char *const names[] = {"LICENSE", "LICENCE", "COPYING", "UNLICENSE"};

    for (size_t i = 0; i < tree->count; i++) {
        for (size_t j = 0; j < ARRAY_LEN(names); j++) {
            if (!strchr(tree->files[i].path, '/') &&
                strncasecmp(tree->files[i].path, names[j], strlen(names[j])) == 0) {
                return tree->files[i].path;
            }
        }
    }
    return NULL;
}

static void findings_make(struct inventory *inventory, const char *licence)
{
    if (!licence && inventory->total.files > 0) {
        findings_add(inventory->findings,
                     &(struct finding){.rule = "no-licence",
                                       .severity = SEVERITY_LOW,
                                       .confidence = "high",
                                       .message = "no licence file in the root folder",
                                       .fix = "add a LICENSE file, so that others know what they "
                                              "may do with the code"});
    }
    for (size_t i = 0; i < inventory->binaries.count; i++) {
        const struct sized *binary = &inventory->binaries.items[i];

        if (binary->bytes > LARGE_BINARY_BYTES) {
            findings_add(inventory->findings,
                         &(struct finding){.rule = "large-file",
                                           .severity = SEVERITY_INFO,
                                           .confidence = "high",
                                           .file = binary->path,
                                           .message = "a file of more than 5 MB is tracked",
                                           .fix = "keep large files in a release, an artifact "
                                                  "store or Git LFS"});
        }
    }
}

static void inventory_release(struct inventory *inventory)
{
    for (size_t i = 0; i < inventory->languages.count; i++) {
        free((char *)inventory->languages.items[i].name);
    }
    for (size_t i = 0; i < inventory->folders.count; i++) {
        free((char *)inventory->folders.items[i].name);
    }
    VEC_RELEASE(&inventory->languages);
    VEC_RELEASE(&inventory->folders);
    VEC_RELEASE(&inventory->largest);
    VEC_RELEASE(&inventory->binaries);
}

/* The first that is code: translations and data are often longer. Sorted by then. */
static const char *main_language(const struct inventory *inventory)
{
    for (size_t i = 0; i < inventory->languages.count; i++) {
        const struct tally *tally = &inventory->languages.items[i];

        if (tally->kind == LANGUAGE_CODE) {
            return tally->name;
        }
    }
    return inventory->languages.count > 0 ? inventory->languages.items[0].name : "binary files";
}

/* Lines that a machine runs: neither prose, translations nor data. */
static size_t code_lines(const struct inventory *inventory)
{
    size_t lines = 0;

    for (size_t i = 0; i < inventory->languages.count; i++) {
        const struct tally *tally = &inventory->languages.items[i];

        lines += tally->kind == LANGUAGE_CODE ? (size_t)tally->code : 0;
    }
    return lines;
}

static void result_fill(json_t *result, struct inventory *inventory, const struct tree *tree,
                        size_t shown)
{
    const char *licence = licence_find(tree);
    char lines[NUMBER_SIZE];
    char code[NUMBER_SIZE];

    json_put(result, "covered", tree_coverage(tree));
    json_put(result, "total", tally_format(&inventory->total));
    json_put(result, "languages",
             tallies_format(inventory->languages.items, inventory->languages.count));
    json_put(result, "folders", tallies_format(inventory->folders.items, inventory->folders.count));
    json_put(result, "largest",
             sizes_format(inventory->largest.items, inventory->largest.count, shown));
    json_put(result, "binaries",
             sizes_format(inventory->binaries.items, inventory->binaries.count, shown));
    json_put_integer(result, "binary_files",
                     (json_int_t)(inventory->binaries.count - inventory->too_large));
    json_put_integer(result, "too_large_files", (json_int_t)inventory->too_large);
    json_put_integer(result, "vendored_files", (json_int_t)inventory->vendored);
    json_put_integer(result, "generated_files", (json_int_t)inventory->generated);
    json_put_integer(result, "test_files", (json_int_t)inventory->tests);
    json_put(result, "builds", builds_find(tree));
    json_put(result, "entry_points", inventory->entry_points);
    json_put_text(result, "licence", licence);
    findings_make(inventory, licence);
    findings_finish(inventory->findings, result);
    if (inventory->total.files == 0) {
        result_unknown(result, "there are no files in the project",
                       "run this in a folder with source code");
        return;
    }
    result_summarise(result, "%zu file%s, %s line%s (%s of code), mostly %s; %zu language%s",
                     inventory->total.files, PLURAL(inventory->total.files),
                     number_format(inventory->total.lines, lines), PLURAL(inventory->total.lines),
                     number_format(code_lines(inventory), code), main_language(inventory),
                     inventory->languages.count, PLURAL(inventory->languages.count));
}

int inventory_run(const struct function_call *call, struct error *err)
{
    struct inventory inventory = {.total = {.name = "total"}};
    struct tree *tree = NULL;
    json_t *result;
    json_int_t shown = 0;
    int r = argument_integer(call, "largest", 15, (const json_int_t[2]){1, 1000}, &shown, err);

    if (r == 0) {
        r = tree_open(call->project, &tree, err);
    }
    if (r < 0) {
        return r;
    }
    inventory.entry_points = json_array();
    inventory.findings = findings_new("inventory");
    for (size_t i = 0; i < tree->count; i++) {
        file_add(&inventory, tree, &tree->files[i]);
    }
    result = result_new("inventory");
    result_fill(result, &inventory, tree, (size_t)shown);
    inventory_release(&inventory);
    tree_free(tree);
    return result_write(result, call, err);
}

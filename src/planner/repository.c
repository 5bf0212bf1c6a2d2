/* SPDX-License-Identifier: MIT */
#include "planner/repository.h"

#include "base/alloc.h"
#include "functions/manifest.h"
#include "functions/tree.h"
#include "planner/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#define PART_MAX 64
#define TALLIES_MAX 128

static const char *const surface_names[SURFACES] = {
    [SURFACE_BACKEND] = "backend",
    [SURFACE_FRONTEND] = "frontend",
    [SURFACE_DATABASE] = "database",
    [SURFACE_API] = "api",
    [SURFACE_SECURITY] = "security",
    [SURFACE_TESTS] = "tests",
    [SURFACE_INFRASTRUCTURE] = "infrastructure",
    [SURFACE_MONITORING] = "monitoring",
    [SURFACE_DOCUMENTATION] = "documentation",
    [SURFACE_PERFORMANCE] = "performance",
};

const char *surface_name(enum surface surface)
{
    return surface_names[surface];
}

int surface_parse(const char *name)
{
    for (int i = 0; i < SURFACES; i++) {
        if (strcmp(surface_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* What a dependency is known for. */
static const struct {
    const char *package, *framework;
} known_packages[] = {
    {"react", "React"},
    {"vue", "Vue"},
    {"svelte", "Svelte"},
    {"@angular/core", "Angular"},
    {"next", "Next.js"},
    {"express", "Express"},
    {"fastify", "Fastify"},
    {"@nestjs/core", "Nest"},
    {"prisma", "Prisma"},
    {"django", "Django"},
    {"Django", "Django"},
    {"flask", "Flask"},
    {"Flask", "Flask"},
    {"fastapi", "FastAPI"},
    {"sqlalchemy", "SQLAlchemy"},
    {"SQLAlchemy", "SQLAlchemy"},
    {"rails", "Rails"},
    {"laravel/framework", "Laravel"},
    {"axum", "Axum"},
    {"actix-web", "Actix"},
    {"tokio", "Tokio"},
    {"github.com/gin-gonic/gin", "Gin"},
    {"pytest", "pytest"},
    {"jest", "Jest"},
    {"vitest", "Vitest"},
    {"@playwright/test", "Playwright"},
};

/* ---- a path ---- */

static bool part_is(const char *part, size_t length, const char *wanted)
{
    size_t wanted_length = strlen(wanted);

    return length == wanted_length && memcmp(part, wanted, length) == 0;
}

static bool path_has(const char *path, const char *wanted)
{
    size_t length = strlen(path);
    size_t wanted_length = strlen(wanted);

    if (wanted[0] == '.' && length > wanted_length &&
        strcmp(path + length - wanted_length, wanted) == 0) {
        return true;
    }
    for (const char *part = path; part;) {
        const char *slash = strchr(part, '/');
        size_t part_length = slash ? (size_t)(slash - part) : strlen(part);

        if (part_is(part, part_length, wanted)) {
            return true;
        }
        part = slash ? slash + 1 : NULL;
    }
    return false;
}

unsigned repository_path_surfaces(const char *path)
{
    unsigned surfaces = 0;

    for (size_t i = 0; i < path_word_count; i++) {
        if (path_has(path, path_words[i].part)) {
            surfaces |= 1U << path_words[i].surface;
        }
    }
    return surfaces;
}

/* ---- a project ---- */

static void add(struct repository *repository, const char *path, unsigned surfaces)
{
    struct repository_file *file;

    if (repository->count == repository->capacity) {
        repository->capacity = repository->capacity ? 2 * repository->capacity : 64;
        repository->files = mem_resize(repository->files, repository->capacity,
                                       sizeof(*repository->files));
    }
    file = &repository->files[repository->count++];
    file->path = mem_strdup(path);
    file->surfaces = surfaces;
    for (int i = 0; i < SURFACES; i++) {
        if ((surfaces & 1U << i) && repository->surface_files[i]++ == 0) {
            repository->surface_example[i] = file->path;
        }
    }
}

void repository_add(struct repository *repository, const char *path)
{
    add(repository, path, repository_path_surfaces(path));
}

struct tally {
    const char *name;
    size_t files;
};

static void count_language(struct tally *tallies, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(tallies[i].name, name) == 0) {
            tallies[i].files++;
            return;
        }
    }
    if (*count < TALLIES_MAX) {
        tallies[(*count)++] = (struct tally){name, 1};
    }
}

static int compare_tallies(const void *left, const void *right)
{
    const struct tally *a = left;
    const struct tally *b = right;

    return a->files != b->files ? (a->files < b->files ? 1 : -1) : strcmp(a->name, b->name);
}

static void add_framework(struct repository *repository, const char *package)
{
    for (size_t i = 0; i < ARRAY_LEN(known_packages); i++) {
        if (strcmp(known_packages[i].package, package) != 0) {
            continue;
        }
        for (size_t k = 0; k < repository->framework_count; k++) {
            if (repository->frameworks[k] == known_packages[i].framework) {
                return;
            }
        }
        if (repository->framework_count < REPOSITORY_NAMES_MAX) {
            repository->frameworks[repository->framework_count++] = known_packages[i].framework;
        }
    }
}

static void read_manifest(struct repository *repository, const struct tree *tree,
                          struct tree_file *file)
{
    const struct manifest_kind *kind = manifest_kind_of(file->path);
    struct manifest manifest = {0};
    char *text;
    size_t length;

    if (!kind || !tree_read(tree, file, &text, &length)) {
        return;
    }
    kind->parse(&manifest, text);
    for (size_t i = 0; i < manifest.count; i++) {
        add_framework(repository, manifest.items[i].name);
    }
    manifest_release(&manifest);
    free(text);
}

static void add_tree(struct repository *repository, const struct tree *tree)
{
    const unsigned outside = TRAIT_VENDORED | TRAIT_GENERATED;
    const unsigned aside = TRAIT_TEST | TRAIT_EXAMPLE | TRAIT_DOCUMENT;
    struct tally tallies[TALLIES_MAX] = {{NULL, 0}};
    size_t count = 0;

    for (size_t i = 0; i < tree->count; i++) {
        struct tree_file *file = &tree->files[i];
        unsigned surfaces = repository_path_surfaces(file->path);

        if (file->traits & outside) {
            continue;
        }
        surfaces |= file->traits & TRAIT_TEST ? 1U << SURFACE_TESTS : 0;
        if (surfaces == 0 && file->language && file->language->kind == LANGUAGE_CODE) {
            surfaces = 1U << SURFACE_BACKEND; /* that side says so seldom: it is what is left */
        }
        add(repository, file->path, surfaces);
        read_manifest(repository, tree, file);
        if (!(file->traits & aside) && file->language && file->language->kind == LANGUAGE_CODE) {
            repository->code_files++;
            count_language(tallies, &count, file->language->name);
        }
    }
    qsort(tallies, count, sizeof(*tallies), compare_tallies);
    for (size_t i = 0; i < count && i < REPOSITORY_NAMES_MAX; i++) {
        repository->languages[repository->language_count++] = tallies[i].name;
    }
}

int repository_read(const char *project, struct repository *ret_repository, struct error *err)
{
    struct tree *tree = NULL;
    int r = tree_open(project, &tree, err);

    memset(ret_repository, 0, sizeof(*ret_repository));
    if (r == 0) {
        ret_repository->is_git = tree->is_git;
        add_tree(ret_repository, tree);
    }
    tree_free(tree);
    return r;
}

void repository_release(struct repository *repository)
{
    for (size_t i = 0; i < repository->count; i++) {
        free(repository->files[i].path);
    }
    free(repository->files);
    memset(repository, 0, sizeof(*repository));
}

/* SPDX-License-Identifier: MIT */
/* Writes files into a C source, for src/workflow/embedded.h:
 *
 *   embed OUT.c workflows=FOLDER[:PATTERN] experts=FOLDER[:PATTERN]
 *
 * Patterns are *.yaml and *.md unless given. Folders are read recursively; a file's name is its
 * path below the folder without the suffix. The order is that of the names, so the same files
 * always give the same source. A missing or empty folder gives an empty table. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 8
#define FILE_BYTES_MAX (4L * 1024 * 1024)
#define BYTES_PER_LINE 24

struct file {
    char *name; /* below the folder, with the suffix */
    char *path;
};

struct table {
    const char *key;
    const char *pattern;
    char *folder; /* NULL: not named */
    struct file *files;
    size_t count;
};

static void fail(const char *what, const char *name)
{
    (void)fprintf(stderr, "embed: %s %s: %s\n", what, name,
                  errno ? strerror(errno) : "see tools/embed.c for the usage");
    exit(1);
}

static void *resize(void *memory, size_t size)
{
    void *resized = realloc(memory, size);

    if (!resized) {
        fail("no memory for", "a table");
    }
    return resized;
}

static char *join(const char *left, const char *separator, const char *right)
{
    size_t size = strlen(left) + strlen(separator) + strlen(right) + 1;
    char *text = resize(NULL, size);

    (void)snprintf(text, size, "%s%s%s", left, separator, right);
    return text;
}

static void collect(struct table *table, const char *folder, const char *prefix, int depth)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;

    if (!stream && errno == ENOENT && depth == 0) {
        return;
    }
    if (!stream || depth > DEPTH_MAX) {
        fail("cannot list", folder);
    }
    while ((entry = readdir(stream)) != NULL) {
        char *path = join(folder, "/", entry->d_name);
        char *name = join(prefix, *prefix ? "/" : "", entry->d_name);
        struct stat status;

        if (entry->d_name[0] != '.' && stat(path, &status) == 0) {
            if (S_ISDIR(status.st_mode)) {
                collect(table, path, name, depth + 1);
            } else if (S_ISREG(status.st_mode) && fnmatch(table->pattern, entry->d_name, 0) == 0) {
                table->files = resize(table->files, (table->count + 1) * sizeof(*table->files));
                table->files[table->count++] = (struct file){.name = name, .path = path};
                continue;
            }
        }
        free(path);
        free(name);
    }
    (void)closedir(stream);
}

/* The suffix goes first, so that the order is that of the names which are looked up. */
static void strip_suffixes(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        char *base = strrchr(table->files[i].name, '/');
        char *dot = strrchr(base ? base : table->files[i].name, '.');

        if (dot) {
            *dot = '\0';
        }
    }
}

static int compare_files(const void *left, const void *right)
{
    const struct file *a = left;
    const struct file *b = right;

    return strcmp(a->name, b->name);
}

static void write_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || *text == '?') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

/* As numbers: ISO C bounds the length of string literals. Signed, as char is here. */
static long write_data(FILE *out, const char *key, size_t index, const char *path)
{
    FILE *in = fopen(path, "rb");
    long length = 0;
    int byte;

    if (!in) {
        fail("cannot open", path);
    }
    (void)fprintf(out, "static const char %s_%zu[] = {", key, index);
    while ((byte = fgetc(in)) != EOF) {
        (void)fprintf(out, "%s%d,", length % BYTES_PER_LINE == 0 ? "\n    " : " ",
                      byte < 128 ? byte : byte - 256);
        if (++length > FILE_BYTES_MAX) {
            errno = EFBIG;
            fail("cannot embed", path);
        }
    }
    if (ferror(in)) {
        fail("cannot read", path);
    }
    (void)fclose(in);
    (void)fprintf(out, "\n    0};\n");
    return length;
}

static void write_table(FILE *out, const struct table *table)
{
    long *lengths = resize(NULL, (table->count + 1) * sizeof(*lengths));

    for (size_t i = 0; i < table->count; i++) {
        lengths[i] = write_data(out, table->key, i, table->files[i].path);
    }
    (void)fprintf(out, "static const struct embedded_file %s[] = {\n", table->key);
    for (size_t i = 0; i < table->count; i++) {
        (void)fprintf(out, "    {");
        write_text(out, table->files[i].name);
        (void)fprintf(out, ", %s_%zu, %ld},\n", table->key, i, lengths[i]);
    }
    (void)fprintf(out,
                  "    {0},\n};\n\n"
                  "const struct embedded_file *embedded_%s(size_t *ret_count)\n"
                  "{\n"
                  "    *ret_count = %zu;\n"
                  "    return %s;\n"
                  "}\n\n",
                  table->key, table->count, table->key);
    free(lengths);
}

static void read_argument(struct table *tables, size_t count, const char *argument)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(tables[i].key);
        char *colon;

        if (strncmp(argument, tables[i].key, length) == 0 && argument[length] == '=') {
            free(tables[i].folder);
            tables[i].folder = join(argument + length + 1, "", "");
            colon = strrchr(tables[i].folder, ':');
            if (colon) {
                *colon = '\0';
                tables[i].pattern = colon + 1;
            }
            return;
        }
    }
    errno = 0;
    fail("unknown argument", argument);
}

static void write_source(FILE *out, struct table *tables, size_t count)
{
    (void)fprintf(out, "/* SPDX-License-Identifier: MIT */\n"
                       "/* Generated by tools/embed.c. */\n"
                       "#include \"workflow/embedded.h\"\n\n");
    for (size_t i = 0; i < count; i++) {
        struct table *table = &tables[i];

        if (table->folder) {
            collect(table, table->folder, "", 0);
        }
        strip_suffixes(table);
        if (table->count > 0) {
            qsort(table->files, table->count, sizeof(*table->files), compare_files);
        }
        write_table(out, table);
        for (size_t k = 0; k < table->count; k++) {
            free(table->files[k].name);
            free(table->files[k].path);
        }
        free(table->files);
        free(table->folder);
    }
}

int main(int argc, char **argv)
{
    struct table tables[] = {{.key = "workflows", .pattern = "*.yaml"},
                             {.key = "experts", .pattern = "*.md"}};
    const size_t count = sizeof(tables) / sizeof(tables[0]);
    char *temporary;
    FILE *out;

    if (argc < 2) {
        errno = 0;
        fail("missing argument", "OUT.c");
    }
    for (int i = 2; i < argc; i++) {
        read_argument(tables, count, argv[i]);
    }
    temporary = join(argv[1], "", ".tmp");
    out = fopen(temporary, "w");
    if (!out) {
        fail("cannot create", temporary);
    }
    write_source(out, tables, count);
    if (fflush(out) != 0 || ferror(out) || fclose(out) != 0 || rename(temporary, argv[1]) != 0) {
        fail("cannot write", argv[1]);
    }
    free(temporary);
    return 0;
}

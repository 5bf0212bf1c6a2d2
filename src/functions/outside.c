/* SPDX-License-Identifier: MIT */
#include "functions/outside.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 200
#define FAMILY_MIN 10 /* own headers that begin alike, until it is a habit of the project */
#define ROWS_MAX 40

struct header {
    char *name; /* "openssl" of <openssl/evp.h>, "uv.h" of <uv.h> */
    char *first;
    const char *file;
    size_t line, files;
    const struct tree_file *last; /* counted already */
};

VEC_TYPE(headers, struct header);

/* Folders whose headers come with the system. */
static const char *const system_folders[] = {"sys",
                                             "linux",
                                             "net",
                                             "netinet",
                                             "arpa",
                                             "asm",
                                             "bits",
                                             "rpc",
                                             "asm-generic",
                                             "machine",
                                             "mach",
                                             "netpacket",
                                             "scsi",
                                             "experimental",
                                             "ext",
                                             "libkern",
                                             "mach-o",
                                             "IOKit",
                                             "CoreFoundation",
                                             "CoreServices",
                                             "CommonCrypto",
                                             "Security",
                                             "dispatch",
                                             "gnu",
                                             "libio",
                                             "locale"};
/* Without the .h. */
static const char system_headers[] =
    " aio alloca ar argp argz arpa assert bsd byteswap complex cpio crypt ctype dirent dlfcn elf "
    "endian envz err errno error execinfo fcntl fenv features float fmtmsg fnmatch fstab fts ftw "
    "getopt glob gnu grp iconv ifaddrs immintrin inttypes io iso646 langinfo libgen libintl limits "
    "link locale malloc math mcheck memory mntent monetary mqueue ndbm netdb nl_types nss obstack "
    "paths poll printf pthread pty pwd regex resolv sched search semaphore setjmp sgtty shadow "
    "signal spawn stab stdalign stdarg stdatomic stdbit stdbool stdckdint stddef stdint stdio "
    "stdio_ext stdlib stdnoreturn string strings stropts syscall sysexits syslog tar termio "
    "termios "
    "tgmath threads time ucontext ulimit unistd ustat utime utmp utmpx values wait wchar wctype "
    "wordexp windows winsock2 ws2tcpip process direct conio intrin emmintrin xmmintrin smmintrin "
    "arm_neon cpuid unwind winternl crtdbg aclapi afunix copyfile AvailabilityMacros libcharset "
    "gnu-versions tlhelp32 pthread_np xlocale osreldate libutil libproc crt_externs port "
    "priv ucred zone sysinfo Availability TargetConditionals sanitizer varargs cassert dos ";

/* What the tree itself has: the names of its files, and of its headers how many begin alike. */
struct own {
    struct map *names, *families;
};

static bool is_system(const char *name)
{
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : strlen(name);
    char *word;
    bool is_known;

    if (slash) {
        for (size_t i = 0; i < ARRAY_LEN(system_folders); i++) {
            if (strlen(system_folders[i]) == length &&
                memcmp(system_folders[i], name, length) == 0) {
                return true;
            }
        }
        return false;
    }
    if (!strchr(name, '.')) {
        return true; /* <vector>: of C++ itself */
    }
    word = mem_printf(" %.*s ", (int)strcspn(name, "."), name);
    is_known = strstr(system_headers, word) != NULL;
    free(word);
    return is_known;
}

/* "ngx" of ngx_auto_config.h; free() it. NULL: there is none. */
static char *family_of(const char *name)
{
    size_t length = strcspn(name, "_-./");

    return length >= 2 && (name[length] == '_' || name[length] == '-') ? mem_strndup(name, length)
                                                                       : NULL;
}

/* Many files of the tree begin like it: it is made by the build, or for another system. */
static bool is_of_family(const struct map *families, const char *name)
{
    char *family = family_of(name);
    bool is_known = family && (uintptr_t)map_find(families, family) >= FAMILY_MIN;

    free(family);
    return is_known;
}

/* Some file of the tree ends like it: it is found by -I. */
static bool is_own(const struct own *own, const char *name)
{
    const char *slash = strrchr(name, '/');

    return map_find(own->names, slash ? slash + 1 : name) || is_of_family(own->families, name);
}

static void own_note(struct own *own, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *end = strrchr(name, '.');
    char *family = end && strcmp(end, ".h") == 0 ? family_of(name) : NULL;

    (void)map_put(own->names, name, own);
    if (family) {
        uintptr_t count = (uintptr_t)map_find(own->families, family);

        (void)map_put(own->families, family, (void *)(count + 1));
    }
    free(family);
}

static void header_count(struct headers *headers, const char *name, const struct tree_file *file,
                         size_t line)
{
    size_t length = strcspn(name, "/");
    struct header *header = NULL;

    for (size_t i = 0; i < headers->count && !header; i++) {
        if (strlen(headers->items[i].name) == length &&
            memcmp(headers->items[i].name, name, length) == 0) {
            header = &headers->items[i];
        }
    }
    if (!header) {
        if (headers->count == HEADERS_MAX) {
            return;
        }
        header = VEC_PUSH(headers);
        *header = (struct header){.name = mem_strndup(name, length),
                                  .first = mem_strdup(name),
                                  .file = file->path,
                                  .line = line};
    }
    header->files += header->last != file;
    header->last = file;
}

static void includes_find(struct headers *headers, const struct own *own,
                          const struct tree_file *file, const char *text)
{
    for (size_t line = 1; *text; line++) {
        size_t length = strcspn(text, "\n");
        const char *at = text + strspn(text, " \t");

        if (*at == '#') {
            at += 1 + strspn(at + 1, " \t");
            if (strncmp(at, "include", 7) == 0) {
                size_t space = strspn(at + 7, " \t");
                size_t size = at[7 + space] == '<' ? strcspn(at + 8 + space, ">\n") : 0;
                /* <floss.h(floss_execl)> of one compiler is floss.h. */
                char *name = mem_strndup(at + 8 + space,
                                         size > 0 ? strcspn(at + 8 + space, ">(\n") : 0);

                if (size > 0 && at[8 + space + size] == '>' && !is_system(name) &&
                    !is_own(own, name)) {
                    header_count(headers, name, file, line);
                }
                free(name);
            }
        }
        text += length + (text[length] == '\n');
    }
}

static bool is_c(const struct language *language)
{
    return language_is(language, "C") || language_is(language, "C++") ||
           language_is(language, "Objective-C");
}

static int compare_headers(const void *left, const void *right)
{
    const struct header *a = left;
    const struct header *b = right;

    return a->files != b->files ? (a->files > b->files ? -1 : 1) : strcmp(a->name, b->name);
}

json_t *outside_headers(struct tree *tree)
{
    struct headers headers = {0};
    struct own own = {.names = map_new(), .families = map_new()};
    json_t *list = json_array();

    for (size_t i = 0; i < tree->count; i++) {
        own_note(&own, tree->files[i].path);
    }
    for (size_t i = 0; i < tree->count; i++) {
        struct tree_file *file = &tree->files[i];
        char *text;
        size_t length;

        if (is_c(file->language) && !(file->traits & TRAIT_VENDORED) &&
            tree_read(tree, file, &text, &length)) {
            includes_find(&headers, &own, file, text);
            free(text);
        }
    }
    if (headers.count > 0) {
        qsort(headers.items, headers.count, sizeof(struct header), compare_headers);
    }
    for (size_t i = 0; i < headers.count; i++) {
        json_t *row = json_object();

        json_put(row, "header",
                 json_text_lossy(headers.items[i].first, strlen(headers.items[i].first)));
        json_put_text(row, "file", headers.items[i].file);
        json_put_integer(row, "line", (json_int_t)headers.items[i].line);
        json_put_integer(row, "files", (json_int_t)headers.items[i].files);
        (void)json_array_append_new(list, row);
        free(headers.items[i].name);
        free(headers.items[i].first);
    }
    VEC_RELEASE(&headers);
    map_free(own.names);
    map_free(own.families);
    return list;
}

json_t *outside_table(const json_t *headers)
{
    json_t *rows = json_array();
    size_t index;
    json_t *row;

    json_array_foreach(headers, index, row)
    {
        char *place = mem_printf("%s:%d", json_get_text(row, "file", ""),
                                 (int)json_get_integer(row, "line", 0));

        if (index < ROWS_MAX) {
            (void)json_array_append_new(rows, json_pack("[s,I,s]", json_get_text(row, "header", ""),
                                                        json_get_integer(row, "files", 0), place));
        }
        free(place);
    }
    return json_pack("{s:s,s:[s,s,s],s:o}", "title", "C headers from outside", "columns", "Header",
                     "Files", "First", "rows", rows);
}

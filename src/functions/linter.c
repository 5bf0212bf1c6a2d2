/* SPDX-License-Identifier: MIT */
#include "functions/linter.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define C_BYTES_MAX (120 * 1024) /* larger ones take such tools minutes */
#define GIANT_BYTES (48 * 1024)  /* such a file alone can take all the time that there is */

/* Only compiles to a syntax tree; -I -S -B: no site packages, no project modules, no cache files.
 */
static const char python_script[] =
    "import sys\n"
    "for name in sys.argv[1:]:\n"
    "    try:\n"
    "        compile(open(name, 'rb').read(), name, 'exec', dont_inherit=True)\n"
    "    except SyntaxError as e:\n"
    "        print('%s:%d:%d: error: %s' % (name, e.lineno or 1, e.offset or 1, e.msg))\n"
    "    except ValueError as e:\n"
    "        print('%s:1:1: error: %s' % (name, e))\n";

/* Idioms of portable shell and what only the whole program can tell (names that another file sets
 * or uses, files sourced by a variable's name): they are reported in bulk and never mended. */
#define SHELLCHECK_IDIOMS "--exclude=1007,1083,1090,1091,2034,2121,2148,2154,2188,2209,3043"

static const struct linter linters[] = {
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
    {"shellcheck", "|Shell|",
     LIST("shellcheck", "--norc", "--format=gcc", "--severity=warning", SHELLCHECK_IDIOMS, "--"),
     LIST("shellcheck", "--version"), 1, "mistakes in shell scripts"},
    {"cppcheck", "|C|C++|",
     LIST("cppcheck", "--quiet", "--max-configs=1", "--enable=warning,portability",
          "--suppress=toomanyconfigs", "--suppress=internalAstError", "--suppress=syntaxError",
          "--suppress=unknownMacro", "--suppress=varFuncNullUB", "--suppress=allocaCalled",
          "--suppress=uselessAssignmentPtrArg", "--suppress=preprocessorErrorDirective",
          "--template={file}:{line}:{column}: {severity}: {message} [{id}]"),
     LIST("cppcheck", "--version"), 0, "undefined behaviour and leaks in C and C++"},
    {"clang-tidy", "|C|C++|", NULL, LIST("clang-tidy", "--version"), 1,
     "the static analyzer's findings in C and C++"},
    {"python3", "|Python|", LIST("python3", "-I", "-S", "-B", "-c", python_script),
     LIST("python3", "--version"), 0, "syntax errors in Python"},
    {"ruff", "|Python|",
     LIST("ruff", "check", "--isolated", "--no-cache", "--output-format=concise", "--select=E9,F",
          "--quiet", "--"),
     LIST("ruff", "--version"), 1, "undefined and unused names in Python"},
    {"pyflakes", "|Python|", LIST("pyflakes"), LIST("pyflakes", "--version"), 1,
     "undefined and unused names in Python"},
    {"eslint", "|JavaScript|TypeScript|", NULL, NULL, 0, "mistakes in JavaScript and TypeScript"},
    {"go", "|Go|", LIST("go", "vet", "./..."), LIST("go", "version"), 1,
     "suspicious constructs in Go"},
    {"hadolint", "|Dockerfile|",
     LIST("hadolint", "--no-fail", "--no-color", "--config=/dev/null", "--format=gnu"),
     LIST("hadolint", "--version"), 0, "mistakes in container files"},
    {"yamllint", "|YAML|",
     LIST("yamllint", "-d", "{extends: relaxed, rules: {line-length: disable}}", "-f", "parsable",
          "--"),
     LIST("yamllint", "--version"), 2, "YAML that cannot be read"},
    {"actionlint", "|actions|",
     LIST("actionlint", "-no-color", "-oneline", "-shellcheck=", "-pyflakes="),
     LIST("actionlint", "-version"), 1, "mistakes in GitHub workflows"},
#undef LIST
};

const struct linter *linter_table(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(linters);
    return linters;
}

static bool is_for(const struct linter *linter, const struct tree_file *file)
{
    const char *at;
    size_t length;

    if (!file->language || (file->traits & (TRAIT_VENDORED | TRAIT_GENERATED | TRAIT_TOO_LARGE)) ||
        file->path[0] == '-') {
        return false;
    }
    if (strcmp(linter->languages, "|actions|") == 0) {
        return language_is(file->language, "YAML") &&
               strncmp(file->path, ".github/workflows/", 18) == 0;
    }
    if (strcmp(linter->name, "cppcheck") == 0 || strcmp(linter->name, "clang-tidy") == 0) {
        const char *dot = strrchr(file->path, '.');

        if (!dot || dot[1] == 'h' || strcmp(dot, ".inl") == 0 || file->size > C_BYTES_MAX) {
            return false;
        }
    }
    if (strcmp(linter->name, "shellcheck") == 0 && strstr(file->path, ".zsh")) {
        return false; /* it does not know zsh */
    }
    length = strlen(file->language->name);
    for (at = strstr(linter->languages, file->language->name); at;
         at = strstr(at + 1, file->language->name)) {
        if (at[-1] == '|' && at[length] == '|') {
            return true;
        }
    }
    return false;
}

static int compare_choices(const void *left, const void *right)
{
    const struct linter_file *a = left;
    const struct linter_file *b = right;

    if (a->is_aside != b->is_aside) {
        return a->is_aside ? 1 : -1;
    }
    if (a->is_giant != b->is_giant) {
        return a->is_giant ? 1 : -1;
    }
    if (a->file->size != b->file->size) {
        return a->file->size > b->file->size ? -1 : 1;
    }
    return strcmp(a->file->path, b->file->path);
}

void linter_choose_files(const struct linter *linter, const struct tree *tree,
                         struct linter_files *ret_files)
{
    *ret_files = (struct linter_files){0};
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];

        if (is_for(linter, file)) {
            *VEC_PUSH(ret_files) = (struct linter_file){
                .file = file,
                .is_aside = (file->traits & (TRAIT_TEST | TRAIT_EXAMPLE)) != 0,
                .is_giant = file->size > GIANT_BYTES};
        }
    }
    if (ret_files->count > 0) {
        qsort(ret_files->items, ret_files->count, sizeof(struct linter_file), compare_choices);
    }
}

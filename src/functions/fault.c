/* SPDX-License-Identifier: MIT */
#include "functions/fault.h"

#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIT(kind) (1U << (unsigned)(kind))
#define TESTS (BIT(CHECK_TESTS) | BIT(CHECK_COVERAGE) | BIT(FAULT_ANY))
#define LINTS (BIT(CHECK_LINT) | BIT(FAULT_ANY))
#define FORMATS (BIT(CHECK_FORMAT) | BIT(FAULT_ANY))
/* Whoever reads or builds a program: all but formatters and scanners for secrets. */
#define PROGRAMS                                                                                   \
    (BIT(CHECK_TESTS) | BIT(CHECK_COVERAGE) | BIT(CHECK_BUILD) | BIT(CHECK_TYPES) |                \
     BIT(CHECK_LINT) | BIT(FAULT_ANY))
#define PLANTED "planted by fermata gate --prove"
#define FILE_BYTES_MAX (4U * 1024 * 1024)
#define PLACES_MAX 2 /* files of one row that are tried: not every file is part of every check */

enum place {
    BESIDE_TEST,   /* a new file in the folder of a test file of the language */
    BESIDE_SOURCE, /* the same of any source */
    IN_TEST,       /* in a test file */
    IN_SOURCE,
    AT_TOP, /* a file of this name at the top of the project, new or not */
};

struct row {
    const char *what;
    unsigned kinds;
    enum place place;
    const char *language; /* NULL: any */
    const char *file;     /* the new file, or with AT_TOP the file */
    const char *needs;    /* this file is at the top; NULL: nothing is needed */
    bool is_first;
    const char *text;
};

#define SYNTAX "a source that is no program"
#define TEST_SYNTAX "a test file that fails at once"
#define FAILING "a failing test"

/* clang-format off */
static const struct row rows[] = {
    {FAILING, TESTS, BESIDE_TEST, "Python", "test_fermata_fault.py", NULL, true,
     "import unittest\n\n\nclass FermataFault(unittest.TestCase):\n    def test_fault(self):\n        self.fail(\"" PLANTED "\")\n"},
    {FAILING, TESTS, BESIDE_TEST, "Go", "fermata_fault_test.go", NULL, true,
     "package {package}\n\nimport \"testing\"\n\nfunc TestFermataFault(t *testing.T) { t.Fatal(\"" PLANTED "\") }\n"},
    {FAILING, TESTS, BESIDE_SOURCE, "Go", "fermata_fault_test.go", NULL, true,
     "package {package}\n\nimport \"testing\"\n\nfunc TestFermataFault(t *testing.T) { t.Fatal(\"" PLANTED "\") }\n"},
    {FAILING, TESTS, IN_SOURCE, "Rust", NULL, "Cargo.toml", false,
     "\n#[cfg(test)]\nmod fermata_fault {\n    #[test]\n    fn fault() {\n        panic!(\"" PLANTED "\");\n    }\n}\n"},
    {FAILING, TESTS, AT_TOP, NULL, "CMakeLists.txt", "CMakeLists.txt", false,
     "\nenable_testing()\nadd_test(NAME fermata-fault COMMAND \"${CMAKE_COMMAND}\" -E false)\n"},
    {FAILING, TESTS, AT_TOP, NULL, "meson.build", "meson.build", false,
     "\ntest('fermata-fault', find_program('false'))\n"},
    {FAILING, TESTS, BESIDE_TEST, NULL, "fermata-fault.bats", NULL, true,
     "#!/usr/bin/env bats\n\n@test \"" PLANTED "\" {\n    false\n}\n"},
    {FAILING, TESTS, BESIDE_TEST, NULL, "fermata-fault.t", NULL, true,
     "use Test::More tests => 1;\nok(0, \"" PLANTED "\");\n"},
    {FAILING, TESTS, BESIDE_TEST, NULL, "fermata-fault_spec.rb", NULL, true,
     "RSpec.describe \"" PLANTED "\" do\n  it(\"fails\") { raise }\nend\n"},
    {FAILING, TESTS, BESIDE_TEST, "PHP", "FermataFaultTest.php", NULL, true,
     "<?php\nclass FermataFaultTest extends PHPUnit\\Framework\\TestCase\n{\n    public function testFault(): void\n    {\n        $this->fail(\"" PLANTED "\");\n    }\n}\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "JavaScript", NULL, NULL, true, "throw new Error(\"" PLANTED "\");\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "TypeScript", NULL, NULL, true, "throw new Error(\"" PLANTED "\");\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Python", NULL, NULL, true, "raise RuntimeError(\"" PLANTED "\")\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "C", NULL, NULL, true, "#error " PLANTED "\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "C++", NULL, NULL, true, "#error " PLANTED "\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Go", NULL, NULL, true, "fermata fault\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Rust", NULL, NULL, false, "\ncompile_error!(\"" PLANTED "\");\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Java", NULL, NULL, true, "fermata fault;\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Kotlin", NULL, NULL, true, "fermata fault;\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "C#", NULL, NULL, true, "fermata fault;\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Ruby", NULL, NULL, true, "raise \"" PLANTED "\"\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Perl", NULL, NULL, true, "die \"" PLANTED "\";\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Elixir", NULL, NULL, true, "raise \"" PLANTED "\"\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "PHP", NULL, NULL, true, "<?php throw new \\Exception(\"" PLANTED "\"); ?>\n"},
    {TEST_SYNTAX, TESTS, IN_TEST, "Shell", NULL, NULL, true, "exit 1 # " PLANTED "\n"},

    {"a value of the wrong type", BIT(CHECK_TYPES), IN_SOURCE, "Python", NULL, NULL, false,
     "\nfermata_fault: int = \"" PLANTED "\"\n"},
    {"a value of the wrong type", BIT(CHECK_TYPES), IN_SOURCE, "TypeScript", NULL, NULL, false,
     "\nexport const fermataFault: number = \"" PLANTED "\";\n"},

    {"an error that a linter knows", LINTS, IN_SOURCE, "Python", NULL, NULL, false,
     "\nfermata_fault = fermata_undefined_name\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "Shell", NULL, NULL, false,
     "\nfermata_fault() { rm -rf $1/* $fermata_undefined_name; cd $2; }\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "JavaScript", NULL, NULL, false,
     "\nvar fermataFault = fermataUndefinedName;\ndebugger;\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "TypeScript", NULL, NULL, false,
     "\nvar fermataFault: any = fermataUndefinedName;\ndebugger;\n"},
    {"an error that a linter knows", LINTS, BESIDE_SOURCE, "Go", "fermata_fault.go", NULL, true,
     "package {package}\n\nimport \"fmt\"\n\nfunc fermataFault() { fmt.Printf(\"%d\\n\", \"" PLANTED "\") }\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "Rust", NULL, NULL, false,
     "\nfn fermata_fault() {\n    let x = 1;\n}\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "C", NULL, NULL, false,
     "\nint fermata_fault(void);\nint fermata_fault(void)\n{\n    int a[1];\n    a[1] = 0;\n    return a[1];\n}\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "C++", NULL, NULL, false,
     "\nint fermata_fault();\nint fermata_fault()\n{\n    int a[1];\n    a[1] = 0;\n    return a[1];\n}\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "PHP", NULL, NULL, false,
     "\nfunction  fermata_fault( ){if(1)return\t1;}\n"},
    {"an error that a linter knows", LINTS, IN_SOURCE, "Ruby", NULL, NULL, false,
     "\ndef  FermataFault( );x=1;end\n"},

    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "Python", NULL, NULL, false,
     "\nfermata_fault   = {  'a':1   }\n"},
    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "Go", NULL, NULL, false,
     "\nfunc  fermataFault( ){  }\n"},
    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "Rust", NULL, NULL, false,
     "\nfn  fermata_fault( ){  }\n"},
    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "JavaScript", NULL, NULL, false,
     "\nconst   fermataFault   = {  a:1   }\n"},
    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "TypeScript", NULL, NULL, false,
     "\nconst   fermataFault   = {  a:1   }\n"},
    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "C", NULL, NULL, false,
     "\nint     fermata_fault   (  void  )  ;\n"},
    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "C++", NULL, NULL, false,
     "\nint     fermata_fault   (  )  ;\n"},
    {"a line that no formatter leaves", FORMATS, IN_SOURCE, "PHP", NULL, NULL, false,
     "\nfunction  fermata_fault( ){if(1)return\t1;}\n"},

    {SYNTAX, PROGRAMS, IN_SOURCE, "C", NULL, NULL, true, "#error " PLANTED "\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "C++", NULL, NULL, true, "#error " PLANTED "\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Rust", NULL, NULL, false, "\ncompile_error!(\"" PLANTED "\");\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Go", NULL, NULL, true, "fermata fault\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Java", NULL, NULL, true, "fermata fault;\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Kotlin", NULL, NULL, true, "fermata fault;\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "C#", NULL, NULL, true, "fermata fault;\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Elixir", NULL, NULL, true, "fermata fault )\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "TypeScript", NULL, NULL, true, "fermata fault (;\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "JavaScript", NULL, NULL, true, "fermata fault (;\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Python", NULL, NULL, true, "fermata fault (\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Ruby", NULL, NULL, true, "def fermata fault (\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "PHP", NULL, NULL, false, "\nfermata fault (\n"},
    {SYNTAX, PROGRAMS, IN_SOURCE, "Shell", NULL, NULL, true, "if fermata fault ( ;\n"},

    /* No row of a table may look like a secret itself. */
    {"a private key", BIT(CHECK_SECURITY) | BIT(FAULT_ANY), AT_TOP, NULL, "fermata_fault.pem", NULL, true,
     "-----BEGIN RSA " "PRIVATE KEY-----\n"
     "MIIEpAIBAAKCAQEAfermataPlantedThisKeyToSeeWhetherItIsFoundQx7v3kZ\n"
     "pLr9Yw2Nn8Tt5Gg1Hh6Jj4Kk0Ss3Dd7Ff9Aa2Zz8Xx5Cc1Vv6Bb4MmQ0qWeRtYuI\n"
     "-----END RSA " "PRIVATE KEY-----\n"},
};
/* clang-format on */

/* ---- where ----------------------------------------------------------------------------------- */

static bool is_new_file(enum place place)
{
    return place == BESIDE_TEST || place == BESIDE_SOURCE;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);

    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

/* Files of the language; for a row without one, those with the suffix of its new file. */
static bool row_takes(const struct row *row, const struct tree_file *file)
{
    bool wants_test = row->place == BESIDE_TEST || row->place == IN_TEST;
    bool is_bats = ends_with(file->path, ".bats");

    if ((file->traits & (TRAIT_VENDORED | TRAIT_GENERATED | TRAIT_BINARY | TRAIT_EXAMPLE)) != 0) {
        return false;
    }
    if (row->language == NULL) {
        return ends_with(file->path, row->file + strcspn(row->file, "._"));
    }
    if (is_bats || !language_is(file->language, row->language)) {
        return false;
    }
    if (wants_test) {
        return (file->traits & TRAIT_TEST) != 0;
    }
    /* Headers and declarations are part of nothing by themselves. */
    return (file->traits & TRAIT_TEST) == 0 && !ends_with(file->path, ".h") &&
           !ends_with(file->path, ".hpp") && !ends_with(file->path, ".d.ts");
}

static char *path_of(const struct row *row, const struct tree_file *file)
{
    const char *slash = strrchr(file->path, '/');

    if (!is_new_file(row->place)) {
        return mem_strdup(file->path);
    }
    return slash == NULL ? mem_strdup(row->file)
                         : mem_printf("%.*s/%s", (int)(slash - file->path), file->path, row->file);
}

static bool has_fault(const struct fault_list *list, const struct row *row, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].path, path) == 0 && strcmp(list->items[i].what, row->what) == 0) {
            return true;
        }
    }
    return false;
}

static void add_fault(struct fault_list *list, const struct row *row, char *path)
{
    if (list->count == FAULTS_MAX || has_fault(list, row, path)) {
        free(path);
        return;
    }
    list->items[list->count++] = (struct fault){
        .what = row->what, .text = row->text, .path = path, .is_first = row->is_first};
}

static void add_row(const struct tree *tree, const struct row *row, size_t places,
                    struct fault_list *list)
{
    size_t before = list->count;

    if (row->needs != NULL && tree_find(tree, row->needs) == NULL) {
        return;
    }
    if (row->place == AT_TOP) {
        add_fault(list, row, mem_strdup(row->file));
        return;
    }
    for (size_t i = 0; i < tree->count && list->count - before < places; i++) {
        if (row_takes(row, &tree->files[i])) {
            add_fault(list, row, path_of(row, &tree->files[i]));
        }
    }
}

void fault_find(const struct tree *tree, int kind, struct fault_list *ret_list)
{
    *ret_list = (struct fault_list){.count = 0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((rows[i].kinds & BIT(kind)) != 0) {
            add_row(tree, &rows[i], kind == FAULT_ANY ? 1 : PLACES_MAX, ret_list);
        }
    }
}

void fault_list_release(struct fault_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
    }
    *list = (struct fault_list){.count = 0};
}

/* ---- putting it there ------------------------------------------------------------------------ */

/* The word behind "package" in a Go file of the folder; "main" where there is none. */
static char *package_of(const char *folder, const char *path)
{
    struct tree *tree = NULL;
    char *package = NULL;
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;

    if (tree_open(folder, &tree, NULL) < 0) {
        return mem_strdup("main");
    }
    for (size_t i = 0; i < tree->count && package == NULL; i++) {
        const char *file = tree->files[i].path;
        char *text = NULL;
        size_t bytes;
        const char *line;

        if (strncmp(file, path, length) != 0 || strchr(file + length, '/') != NULL ||
            !ends_with(file, ".go") || strcmp(file, path) == 0 ||
            !tree_read(tree, &tree->files[i], &text, &bytes)) {
            continue;
        }
        line = strncmp(text, "package ", 8) == 0 ? text : strstr(text, "\npackage ");
        if (line != NULL) {
            line += *line == '\n' ? 9 : 8;
            package = mem_strndup(line, strcspn(line, " \t\r\n;/"));
        }
        free(text);
    }
    tree_free(tree);
    return package != NULL ? package : mem_strdup("main");
}

static char *text_of(const char *folder, const struct fault *fault)
{
    const char *mark = strstr(fault->text, "{package}");
    char *package;
    char *text;

    if (mark == NULL) {
        return mem_strdup(fault->text);
    }
    package = package_of(folder, fault->path);
    text = mem_printf("%.*s%s%s", (int)(mark - fault->text), fault->text, package,
                      mark + strlen("{package}"));
    free(package);
    return text;
}

/* The first line of a script says what runs it and stays the first. */
static size_t head_length(const char *text)
{
    size_t length = strncmp(text, "#!", 2) == 0 ? strcspn(text, "\n") : 0;

    return length > 0 && text[length] == '\n' ? length + 1 : length;
}

/* The file keeps its mode. */
static int put_text(const char *folder, const char *path, const char *text, struct error *err)
{
    char *whole = path_join(folder, path);
    struct stat status;
    bool is_there = stat(whole, &status) == 0;
    int r = file_write(whole, text, strlen(text), FILE_NO_SYNC, err);

    if (r == 0 && chmod(whole, is_there ? status.st_mode & 07777 : 0644) < 0) {
        r = error_set(err, ERROR_IO, "%s: its mode cannot be set", path);
    }
    free(whole);
    return r;
}

int fault_plant(const char *folder, const struct fault *fault, char **ret_before, struct error *err)
{
    char *path = path_join(folder, fault->path);
    char *added = text_of(folder, fault);
    char *whole = NULL;
    size_t length = 0;
    int r = 0;

    *ret_before = NULL;
    if (file_exists(path)) {
        r = file_read(path, FILE_BYTES_MAX, ret_before, &length, err);
    }
    if (r == 0) {
        const char *before = *ret_before != NULL ? *ret_before : "";
        size_t head = fault->is_first ? head_length(before) : strlen(before);

        whole = mem_printf("%.*s%s%s", (int)head, before, added, before + head);
        r = put_text(folder, fault->path, whole, err);
    }
    free(whole);
    free(added);
    free(path);
    return r;
}

int fault_remove(const char *folder, const struct fault *fault, char *before, struct error *err)
{
    char *path = path_join(folder, fault->path);
    int r = 0;

    if (before != NULL) {
        r = put_text(folder, fault->path, before, err);
    } else if (unlink(path) < 0) {
        r = error_set(err, ERROR_IO, "%s: it cannot be removed", path);
    }
    free(before);
    free(path);
    return r;
}

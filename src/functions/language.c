/* SPDX-License-Identifier: MIT */
#include "functions/language.h"

#include "base/alloc.h"

#include <string.h>
#include <strings.h>

#define HEAD_BYTES 1000
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define C_LIKE .line = {"//"}, .open = "/*", .close = "*/", .quotes = "\"'"
#define HASH_LIKE .line = {"#"}, .quotes = "\"'"

static const struct language languages[] = {
    {"C", LANGUAGE_CODE, LIST(".c", ".h"), NULL, NULL, {C_LIKE}},
    {"C++",
     LANGUAGE_CODE,
     LIST(".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".inl"),
     NULL,
     NULL,
     {C_LIKE, .lone_quote = true}},
    {"Objective-C", LANGUAGE_CODE, LIST(".m", ".mm"), NULL, NULL, {C_LIKE}},
    {"Python",
     LANGUAGE_CODE,
     LIST(".py", ".pyi", ".pyw"),
     LIST("SConstruct", "wscript"),
     "python",
     {HASH_LIKE, .triple = true}},
    {"JavaScript",
     LANGUAGE_CODE,
     LIST(".js", ".mjs", ".cjs", ".jsx"),
     NULL,
     "node",
     {.line = {"//"},
      .open = "/*",
      .close = "*/",
      .quotes = "\"'`",
      .long_quotes = "`",
      .regex = true}},
    {"TypeScript",
     LANGUAGE_CODE,
     LIST(".ts", ".tsx", ".mts", ".cts"),
     NULL,
     NULL,
     {.line = {"//"},
      .open = "/*",
      .close = "*/",
      .quotes = "\"'`",
      .long_quotes = "`",
      .regex = true}},
    {"Svelte/Vue",
     LANGUAGE_CODE,
     LIST(".svelte", ".vue"),
     NULL,
     NULL,
     {.open = "<!--", .close = "-->", .line = {NULL}}},
    {"Go",
     LANGUAGE_CODE,
     LIST(".go"),
     NULL,
     NULL,
     {.line = {"//"}, .open = "/*", .close = "*/", .quotes = "\"'`", .long_quotes = "`"}},
    {"Rust",
     LANGUAGE_CODE,
     LIST(".rs"),
     NULL,
     NULL,
     {C_LIKE, .long_quotes = "\"", .lone_quote = true}},
    {"Java", LANGUAGE_CODE, LIST(".java"), NULL, NULL, {C_LIKE, .triple = true}},
    {"Kotlin", LANGUAGE_CODE, LIST(".kt", ".kts"), NULL, NULL, {C_LIKE, .triple = true}},
    {"Scala",
     LANGUAGE_CODE,
     LIST(".scala"),
     NULL,
     NULL,
     {C_LIKE, .triple = true, .lone_quote = true}},
    {"Swift", LANGUAGE_CODE, LIST(".swift"), NULL, NULL, {C_LIKE, .triple = true}},
    {"C#", LANGUAGE_CODE, LIST(".cs"), NULL, NULL, {C_LIKE}},
    {"Dart", LANGUAGE_CODE, LIST(".dart"), NULL, NULL, {C_LIKE, .triple = true}},
    {"PHP",
     LANGUAGE_CODE,
     LIST(".php", ".phtml"),
     NULL,
     "php",
     {.line = {"//", "#"}, .open = "/*", .close = "*/", .quotes = "\"'", .long_quotes = "\"'"}},
    {"Ruby",
     LANGUAGE_CODE,
     LIST(".rb", ".rake", ".gemspec"),
     LIST("Rakefile", "Gemfile", "Vagrantfile"),
     "ruby",
     {HASH_LIKE, .word_hash = true, .open = "\n=begin", .close = "\n=end"}},
    {"Perl",
     LANGUAGE_CODE,
     LIST(".pl", ".pm", ".t", ".perl"),
     NULL,
     "perl",
     {HASH_LIKE, .word_hash = true, .open = "\n=pod", .close = "\n=cut"}},
    {"Shell",
     LANGUAGE_CODE,
     LIST(".sh", ".bash", ".zsh", ".ksh", ".bats"),
     LIST(".bashrc", ".profile", "PKGBUILD"),
     "sh",
     {HASH_LIKE, .word_hash = true, .long_quotes = "\"'"}},
    {"PowerShell",
     LANGUAGE_CODE,
     LIST(".ps1", ".psm1"),
     NULL,
     NULL,
     {HASH_LIKE, .open = "<#", .close = "#>"}},
    {"Lua",
     LANGUAGE_CODE,
     LIST(".lua"),
     NULL,
     "lua",
     {.line = {"--"}, .open = "--[[", .close = "]]", .quotes = "\"'"}},
    {"Tcl",
     LANGUAGE_CODE,
     LIST(".tcl", ".tk"),
     NULL,
     "tclsh",
     {.line = {"#"}, .quotes = "\"", .long_quotes = "\"", .word_hash = true}},
    {"R", LANGUAGE_CODE, LIST(".r", ".R"), NULL, "Rscript", {HASH_LIKE}},
    {"Julia", LANGUAGE_CODE, LIST(".jl"), NULL, NULL, {HASH_LIKE, .triple = true}},
    {"Elixir", LANGUAGE_CODE, LIST(".ex", ".exs"), NULL, NULL, {HASH_LIKE, .triple = true}},
    {"Erlang", LANGUAGE_CODE, LIST(".erl", ".hrl"), NULL, NULL, {.line = {"%"}, .quotes = "\""}},
    {"Haskell",
     LANGUAGE_CODE,
     LIST(".hs"),
     NULL,
     NULL,
     {.line = {"--"}, .open = "{-", .close = "-}", .quotes = "\""}},
    {"OCaml",
     LANGUAGE_CODE,
     LIST(".ml", ".mli"),
     NULL,
     NULL,
     {.open = "(*", .close = "*)", .quotes = "\"", .line = {NULL}}},
    {"Clojure",
     LANGUAGE_CODE,
     LIST(".clj", ".cljs"),
     NULL,
     NULL,
     {.line = {";"}, .quotes = "\"", .long_quotes = "\""}},
    {"Emacs Lisp",
     LANGUAGE_CODE,
     LIST(".el"),
     NULL,
     NULL,
     {.line = {";"}, .quotes = "\"", .long_quotes = "\""}},
    {"Zig", LANGUAGE_CODE, LIST(".zig"), NULL, NULL, {.line = {"//"}, .quotes = "\"'"}},
    {"Assembly",
     LANGUAGE_CODE,
     LIST(".s", ".S", ".asm"),
     NULL,
     NULL,
     {.line = {"#", ";"}, .open = "/*", .close = "*/", .quotes = "\""}},
    {"SQL",
     LANGUAGE_CODE,
     LIST(".sql"),
     NULL,
     NULL,
     {.line = {"--"}, .open = "/*", .close = "*/", .quotes = "'\""}},
    {"Protocol Buffers", LANGUAGE_CODE, LIST(".proto"), NULL, NULL, {C_LIKE}},
    {"GraphQL", LANGUAGE_CODE, LIST(".graphql", ".gql"), NULL, NULL, {HASH_LIKE, .triple = true}},
    {"Terraform",
     LANGUAGE_CODE,
     LIST(".tf", ".tfvars"),
     NULL,
     NULL,
     {.line = {"#", "//"}, .open = "/*", .close = "*/", .quotes = "\""}},
    {"Make",
     LANGUAGE_CODE,
     LIST(".mk", ".mak"),
     LIST("Makefile", "makefile", "GNUmakefile"),
     "make",
     {.line = {"#"}, .word_hash = true}},
    {"CMake",
     LANGUAGE_CODE,
     LIST(".cmake"),
     LIST("CMakeLists.txt"),
     NULL,
     {.line = {"#"}, .quotes = "\""}},
    {"Meson",
     LANGUAGE_CODE,
     LIST(".never-meson"),
     LIST("meson.build", "meson_options.txt"),
     NULL,
     {HASH_LIKE, .triple = true}},
    {"Autotools",
     LANGUAGE_CODE,
     LIST(".ac", ".m4", ".am"),
     NULL,
     NULL,
     {.line = {"#", "dnl "}, .word_hash = true}},
    {"Dockerfile",
     LANGUAGE_CODE,
     LIST(".dockerfile"),
     LIST("Dockerfile", "Containerfile"),
     NULL,
     {.line = {"#"}, .word_hash = true}},
    {"HTML",
     LANGUAGE_MARKUP,
     LIST(".html", ".htm", ".xhtml"),
     NULL,
     NULL,
     {.open = "<!--", .close = "-->", .line = {NULL}}},
    {"CSS",
     LANGUAGE_MARKUP,
     LIST(".css", ".scss", ".less"),
     NULL,
     NULL,
     {.open = "/*", .close = "*/", .quotes = "\"'", .line = {NULL}}},
    {"XML",
     LANGUAGE_DATA,
     LIST(".xml", ".svg", ".xsd", ".xsl", ".plist", ".csproj"),
     NULL,
     NULL,
     {.open = "<!--", .close = "-->", .line = {NULL}}},
    {"YAML",
     LANGUAGE_DATA,
     LIST(".yml", ".yaml"),
     LIST(".clang-format", ".clang-tidy"),
     NULL,
     {.line = {"#"}, .word_hash = true}},
    {"JSON",
     LANGUAGE_DATA,
     LIST(".json", ".jsonl", ".json5", ".webmanifest"),
     NULL,
     NULL,
     {.quotes = "\"", .line = {NULL}}},
    {"TOML", LANGUAGE_DATA, LIST(".toml"), NULL, NULL, {HASH_LIKE}},
    {"INI",
     LANGUAGE_DATA,
     LIST(".ini", ".cfg", ".conf", ".properties", ".env"),
     LIST(".gitconfig", ".gitmodules", ".editorconfig", ".env", ".npmrc"),
     NULL,
     {.line = {"#", ";"}, .word_hash = true}},
    {"CSV", LANGUAGE_DATA, LIST(".csv", ".tsv"), NULL, NULL, {.line = {NULL}}},
    {"Gettext", LANGUAGE_DATA, LIST(".po", ".pot"), NULL, NULL, {.line = {"#"}}},
    {"Markdown", LANGUAGE_DOCUMENT, LIST(".md", ".markdown", ".mdx"), NULL, NULL, {.line = {NULL}}},
    {"AsciiDoc",
     LANGUAGE_DOCUMENT,
     LIST(".adoc", ".asciidoc", ".asc"),
     NULL,
     NULL,
     {.line = {NULL}}},
    {"reStructuredText", LANGUAGE_DOCUMENT, LIST(".rst"), NULL, NULL, {.line = {NULL}}},
    {"TeX", LANGUAGE_DOCUMENT, LIST(".tex", ".texi", ".bib"), NULL, NULL, {.line = {"%"}}},
    {"Text",
     LANGUAGE_DOCUMENT,
     LIST(".txt", ".man", ".1", ".3", ".5", ".7", ".8"),
     LIST("README", "LICENSE", "COPYING", "NEWS", "AUTHORS", "CHANGES", "INSTALL", "TODO"),
     NULL,
     {.line = {NULL}}},
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t suffix_length = strlen(suffix);

    return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

const struct language *language_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        const char *const *known = languages[i].names;

        for (; known && *known; known++) {
            if (strcmp(name, *known) == 0) {
                return &languages[i];
            }
        }
    }
    if (strncmp(name, "Dockerfile.", 11) == 0) {
        return language_of_path("Dockerfile");
    }
    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        for (const char *const *suffix = languages[i].suffixes; *suffix; suffix++) {
            if (has_suffix(name, *suffix)) {
                return &languages[i];
            }
        }
    }
    return NULL;
}

const struct language *language_of_text(const char *text, size_t length)
{
    char head[HEAD_BYTES];
    char *line_end;

    if (length < 3 || text[0] != '#' || text[1] != '!') {
        return NULL;
    }
    length = length < sizeof(head) ? length : sizeof(head) - 1;
    memcpy(head, text, length);
    head[length] = '\0';
    /* Tcl programs begin as shell scripts that hand over at once. */
    if (strstr(head, "exec wish") || strstr(head, "exec tclsh")) {
        return language_of_path("x.tcl");
    }
    line_end = strchr(head, '\n');
    if (line_end) {
        *line_end = '\0';
    }
    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        if (languages[i].interpreter && strstr(head, languages[i].interpreter)) {
            return &languages[i];
        }
    }
    return NULL;
}

bool language_is(const struct language *language, const char *name)
{
    return language && strcasecmp(language->name, name) == 0;
}

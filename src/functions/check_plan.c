/* SPDX-License-Identifier: MIT */
#include "functions/check_plan.h"

#include "base/alloc.h"
#include "functions/program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 24
#define AND " && "
#define BIT(kind) (1U << (unsigned)(kind))

static const char *const kind_names[CHECK_KINDS] = {
    [CHECK_LINT] = "check-lint",         [CHECK_FORMAT] = "check-format",
    [CHECK_TYPES] = "check-types",       [CHECK_TESTS] = "check-tests",
    [CHECK_COVERAGE] = "check-coverage", [CHECK_SECURITY] = "check-security",
    [CHECK_BUILD] = "check-build",
};

const char *check_name(enum check_kind kind)
{
    return kind_names[kind];
}

int check_kind_of(const char *name)
{
    int kind = 0;

    while (kind < CHECK_KINDS && strcmp(kind_names[kind], name) != 0) {
        kind++;
    }
    return kind;
}

/* Names under which projects keep a check, best first; in Makefile, justfile and package.json. */
static const char *const declared_names[CHECK_KINDS][8] = {
    [CHECK_LINT] = {"lint", "check-lint", "lint-check", "lint:check", "check:lint"},
    [CHECK_FORMAT] = {"format-check", "check-format", "fmt-check", "check-fmt", "format:check",
                      "check:format", "fmt:check", "prettier:check"},
    [CHECK_TYPES] = {"typecheck", "type-check", "check-types", "types", "check:types", "tsc",
                     "types:check"},
    [CHECK_TESTS] = {"test", "tests", "check", "unit-test", "test:unit"},
    [CHECK_COVERAGE] = {"coverage", "test-coverage", "check-coverage", "test:coverage", "test:cov",
                        "cov"},
    [CHECK_SECURITY] = {"security", "check-security", "security-scan", "security:check"},
    [CHECK_BUILD] = {"build", "all", "compile"},
};

/* What a kind of project is checked with when it declares nothing itself. In the command, {shell}
 * and {c} stand for the files of that language, {cmake} and {meson} for the configured build
 * folder; what stands before " && " makes what is tested, for a tool that does not do so itself. */
struct check_rule {
    unsigned kinds;
    const char *group;   /* of rules for one kind of source: the first that fits and is installed */
    const char *files;   /* one of these exists: "a|b" */
    const char *mention; /* and holds this text, or files of this set exist; NULL: any */
    const char *command;
    const char *program; /* to be installed; NULL: the command's first word */
    const char *hint;
    bool is_silent;
};

#define PYTHON_FILES "pyproject.toml|setup.py|setup.cfg|tox.ini|requirements.txt"
#define MAKE_FILES "GNUmakefile|makefile|Makefile"
#define ESLINT_FILES                                                                               \
    "eslint.config.js|eslint.config.mjs|eslint.config.cjs|eslint.config.ts|.eslintrc|"             \
    ".eslintrc.js|.eslintrc.cjs|.eslintrc.json|.eslintrc.yml|.eslintrc.yaml"
#define PRETTIER_FILES                                                                             \
    ".prettierrc|.prettierrc.json|.prettierrc.yml|.prettierrc.yaml|.prettierrc.js|"                \
    ".prettierrc.cjs|.prettierrc.toml|prettier.config.js|prettier.config.mjs|prettier.config.cjs"
#define NODE_HINT "install the project's packages first (npm ci)"
#define COMPOSER_HINT "install the project's packages first (composer install)"
#define MESON_HINT "configure first: meson setup build"
#define CMAKE_HINT "configure first: cmake -S . -B build"

/* clang-format off */
static const struct check_rule rules[] = {
    {BIT(CHECK_LINT), "rust", "Cargo.toml", NULL, "cargo clippy --all-targets -- -D warnings",
     "cargo-clippy", "install clippy: rustup component add clippy", false},
    {BIT(CHECK_LINT), "go", ".golangci.yml|.golangci.yaml|.golangci.toml", NULL,
     "golangci-lint run", NULL, "install golangci-lint", false},
    {BIT(CHECK_LINT), "go", "go.mod", NULL, "go vet ./...", NULL, "install Go", false},
    {BIT(CHECK_LINT), "python", "ruff.toml|.ruff.toml", NULL, "ruff check .", NULL, "install ruff", false},
    {BIT(CHECK_LINT), "python", "pyproject.toml", "[tool.ruff", "ruff check .", NULL, "install ruff", false},
    {BIT(CHECK_LINT), "python", ".flake8", NULL, "flake8", NULL, "install flake8", false},
    {BIT(CHECK_LINT), "python", "setup.cfg|tox.ini", "[flake8]", "flake8", NULL, "install flake8", false},
    {BIT(CHECK_LINT), "python", PYTHON_FILES, NULL, "ruff check .", NULL, "install ruff", false},
    {BIT(CHECK_LINT), "python", PYTHON_FILES, NULL, "flake8", NULL, "install flake8", false},
    {BIT(CHECK_LINT), "javascript", ESLINT_FILES, NULL, "node_modules/.bin/eslint .", NULL, NODE_HINT, false},
    {BIT(CHECK_LINT), "javascript", "package.json", "\"eslintConfig\"", "node_modules/.bin/eslint .", NULL, NODE_HINT, false},
    {BIT(CHECK_LINT), "ruby", ".rubocop.yml", NULL, "rubocop", NULL, "install rubocop", false},
    {BIT(CHECK_LINT), "php", "phpcs.xml|phpcs.xml.dist", NULL, "vendor/bin/phpcs", NULL, COMPOSER_HINT, false},
    {BIT(CHECK_LINT), "shell", "{shell}", NULL, "shellcheck {shell}", NULL, "install shellcheck", false},
    {BIT(CHECK_LINT) | BIT(CHECK_SECURITY), "c", "{c}", NULL,
     "cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --suppress=missingInclude {c}",
     NULL, "install cppcheck", false},

    {BIT(CHECK_FORMAT), "rust", "Cargo.toml", NULL, "cargo fmt --all -- --check", "cargo-fmt",
     "install rustfmt: rustup component add rustfmt", false},
    {BIT(CHECK_FORMAT), "go", "go.mod", NULL, "gofmt -l .", NULL, "install Go", true},
    {BIT(CHECK_FORMAT), "python", "pyproject.toml", "[tool.black]", "black --check .", NULL, "install black", false},
    {BIT(CHECK_FORMAT), "python", "ruff.toml|.ruff.toml", NULL, "ruff format --check .", NULL, "install ruff", false},
    {BIT(CHECK_FORMAT), "python", "pyproject.toml", "[tool.ruff", "ruff format --check .", NULL, "install ruff", false},
    {BIT(CHECK_FORMAT), "c", ".clang-format|_clang-format", NULL, "clang-format --dry-run -Werror {c}",
     NULL, "install clang-format", false},
    {BIT(CHECK_FORMAT), "javascript", PRETTIER_FILES, NULL, "node_modules/.bin/prettier --check .", NULL, NODE_HINT, false},
    {BIT(CHECK_FORMAT), "javascript", "package.json", "\"prettier\"", "node_modules/.bin/prettier --check .", NULL, NODE_HINT, false},
    {BIT(CHECK_FORMAT), "php", ".php-cs-fixer.php|.php-cs-fixer.dist.php", NULL, "vendor/bin/php-cs-fixer check", NULL, COMPOSER_HINT, false},

    {BIT(CHECK_TYPES), "rust", "Cargo.toml", NULL, "cargo check --workspace --all-targets", NULL, "install Rust", false},
    {BIT(CHECK_TYPES), "go", "go.mod", NULL, "go vet ./...", NULL, "install Go", false},
    {BIT(CHECK_TYPES), "javascript", "tsconfig.json", NULL, "node_modules/.bin/tsc --noEmit", NULL, NODE_HINT, false},
    {BIT(CHECK_TYPES), "python", "mypy.ini|.mypy.ini", NULL, "mypy .", NULL, "install mypy", false},
    {BIT(CHECK_TYPES), "python", "pyproject.toml", "[tool.mypy", "mypy .", NULL, "install mypy", false},
    {BIT(CHECK_TYPES), "python", "setup.cfg", "[mypy", "mypy .", NULL, "install mypy", false},
    {BIT(CHECK_TYPES), "python", "pyrightconfig.json", NULL, "pyright", NULL, "install pyright", false},
    {BIT(CHECK_TYPES), "python", "pyproject.toml", "[tool.pyright", "pyright", NULL, "install pyright", false},

    {BIT(CHECK_TYPES), "php", "phpstan.neon|phpstan.neon.dist", NULL, "vendor/bin/phpstan analyse --no-progress", NULL, COMPOSER_HINT, false},

    {BIT(CHECK_TESTS), "rust", "Cargo.toml", NULL, "cargo test --workspace", NULL, "install Rust", false},
    {BIT(CHECK_TESTS), "go", "go.mod", NULL, "go test -v ./...", NULL, "install Go", false},
    {BIT(CHECK_TESTS), "python", "pytest.ini|conftest.py|tests/conftest.py", NULL, "pytest", NULL, "install pytest", false},
    {BIT(CHECK_TESTS), "python", PYTHON_FILES, "pytest", "pytest", NULL, "install pytest", false},
    {BIT(CHECK_TESTS), "python", PYTHON_FILES, NULL, "pytest", NULL, "install pytest", false},
    {BIT(CHECK_TESTS), "python", PYTHON_FILES, NULL, "python3 -m unittest discover -v", NULL, "install Python", false},
    {BIT(CHECK_TESTS), "python", "{python-tests}", NULL, "pytest", NULL, "install pytest", false},
    {BIT(CHECK_TESTS), "python", "{python-tests}", NULL, "python3 -m unittest discover -v", NULL, "install Python", false},
    {BIT(CHECK_TESTS), "cmake", "CMakeLists.txt", NULL, 
     "cmake --build {cmake} && ctest --test-dir {cmake} --output-on-failure", "ctest", CMAKE_HINT, false},
    {BIT(CHECK_TESTS), "meson", "meson.build", NULL, "meson test -C {meson}", NULL, MESON_HINT, false},
    {BIT(CHECK_TESTS), "java", "gradlew", NULL, "./gradlew test", NULL, "make gradlew executable", false},
    {BIT(CHECK_TESTS), "java", "build.gradle|build.gradle.kts", NULL, "gradle test", NULL, "install Gradle", false},
    {BIT(CHECK_TESTS), "java", "mvnw", NULL, "./mvnw -B test", NULL, "make mvnw executable", false},
    {BIT(CHECK_TESTS), "java", "pom.xml", NULL, "mvn -B test", NULL, "install Maven", false},
    {BIT(CHECK_TESTS), "ruby", "Gemfile.lock", "rspec", "bundle exec rspec", NULL, "install Bundler", false},
    {BIT(CHECK_TESTS), "ruby", ".rspec|spec/spec_helper.rb", NULL, "rspec", NULL, "install RSpec", false},
    {BIT(CHECK_TESTS), "php", "phpunit.xml|phpunit.xml.dist", NULL, "vendor/bin/phpunit", NULL, COMPOSER_HINT, false},
    {BIT(CHECK_TESTS), "php", "phpunit.xml|phpunit.xml.dist", NULL, "phpunit", NULL, COMPOSER_HINT, false},
    {BIT(CHECK_TESTS), "php", "composer.json", "\"test\":", "composer run-script test", NULL, "install Composer", false},
    {BIT(CHECK_TESTS), "perl", "{perl-tests}", NULL, "prove --lib --blib --recurse t", NULL, "install Perl", false},
    {BIT(CHECK_TESTS), "deno", "deno.json|deno.jsonc", NULL, "deno test", NULL, "install Deno", false},
    {BIT(CHECK_TESTS), "elixir", "mix.exs", NULL, "mix test", NULL, "install Elixir", false},
    {BIT(CHECK_TESTS), "dotnet", "{dotnet}", NULL, "dotnet test", NULL, "install the .NET SDK", false},
    {BIT(CHECK_TESTS), "bats", "{bats}", NULL, "bats {bats}", NULL, "install bats", false},

    {BIT(CHECK_COVERAGE), "rust", "Cargo.toml", NULL, "cargo llvm-cov --workspace", "cargo-llvm-cov", "install cargo-llvm-cov", false},
    {BIT(CHECK_COVERAGE), "rust", "Cargo.toml", NULL, "cargo tarpaulin --workspace", "cargo-tarpaulin", "install cargo-tarpaulin", false},
    {BIT(CHECK_COVERAGE), "go", "go.mod", NULL, "go test -v -cover ./...", NULL, "install Go", false},
    {BIT(CHECK_COVERAGE), "python", PYTHON_FILES "|pytest.ini", NULL, "pytest --cov --cov-report=term", "pytest", "install pytest and pytest-cov", false},
    {BIT(CHECK_COVERAGE), "deno", "deno.json|deno.jsonc", NULL, "deno test --coverage", NULL, "install Deno", false},

    {BIT(CHECK_SECURITY), "python", PYTHON_FILES, NULL, "bandit --quiet --recursive .", NULL, "install bandit", false},
    {BIT(CHECK_SECURITY), "go", "go.mod", NULL, "gosec ./...", NULL, "install gosec", false},
    {BIT(CHECK_SECURITY), "any", ".semgrep.yml", NULL,
     "semgrep scan --error --metrics=off --disable-version-check --config .semgrep.yml", NULL, "install semgrep", false},

    {BIT(CHECK_BUILD), "rust", "Cargo.toml", NULL, "cargo build --workspace --all-targets", NULL, "install Rust", false},
    {BIT(CHECK_BUILD), "go", "go.mod", NULL, "go build ./...", NULL, "install Go", false},
    {BIT(CHECK_BUILD), "java", "gradlew", NULL, "./gradlew assemble", NULL, "make gradlew executable", false},
    {BIT(CHECK_BUILD), "java", "build.gradle|build.gradle.kts", NULL, "gradle assemble", NULL, "install Gradle", false},
    {BIT(CHECK_BUILD), "java", "mvnw", NULL, "./mvnw -B -DskipTests package", NULL, "make mvnw executable", false},
    {BIT(CHECK_BUILD), "java", "pom.xml", NULL, "mvn -B -DskipTests package", NULL, "install Maven", false},
    {BIT(CHECK_BUILD), "dotnet", "{dotnet}", NULL, "dotnet build", NULL, "install the .NET SDK", false},
    {BIT(CHECK_BUILD), "elixir", "mix.exs", NULL, "mix compile --warnings-as-errors", NULL, "install Elixir", false},
    /* For C and C++ the compiler is the checker of types. */
    {BIT(CHECK_BUILD) | BIT(CHECK_TYPES), "c", "CMakeLists.txt", NULL, "cmake --build {cmake}", NULL, CMAKE_HINT, false},
    {BIT(CHECK_BUILD) | BIT(CHECK_TYPES), "c", "meson.build", NULL, "meson compile -C {meson}", NULL, MESON_HINT, false},
    {BIT(CHECK_TYPES), "c", MAKE_FILES, "{c}", "make", NULL, "install make", false},
    {BIT(CHECK_BUILD), "c", MAKE_FILES, NULL, "make", NULL, "install make", false},
};
/* clang-format on */

/* Placeholders of files: the languages or the suffix that belong to them. */
static const struct {
    const char *name;
    const char *languages[3];
    const char *suffixes[4];
    unsigned traits; /* of them all */
} file_sets[] = {
    {"{shell}", {"Shell"}, {NULL}, 0},   {"{c}", {"C", "C++"}, {NULL}, 0},
    {"{bats}", {NULL}, {".bats"}, 0},    {"{dotnet}", {NULL}, {".sln", ".csproj", ".fsproj"}, 0},
    {"{perl-tests}", {NULL}, {".t"}, 0}, {"{python-tests}", {"Python"}, {NULL}, TRAIT_TEST},
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);

    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

static bool is_in_set(const struct tree_file *file, size_t set)
{
    if ((file->traits & (TRAIT_VENDORED | TRAIT_GENERATED | TRAIT_BINARY)) != 0 ||
        (file->traits & file_sets[set].traits) != file_sets[set].traits) {
        return false;
    }
    for (size_t i = 0; i < 3 && file_sets[set].languages[i] != NULL; i++) {
        if (language_is(file->language, file_sets[set].languages[i]) &&
            !ends_with(file->path, ".bats")) {
            return true;
        }
    }
    for (size_t i = 0; i < 4 && file_sets[set].suffixes[i] != NULL; i++) {
        if (ends_with(file->path, file_sets[set].suffixes[i])) {
            return true;
        }
    }
    return false;
}

/* The set's number, or -1 when the word is no placeholder of files. */
static int find_set(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(file_sets); i++) {
        if (strcmp(file_sets[i].name, word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static size_t count_set(struct check_project *project, int set)
{
    const struct tree *tree = check_project_tree(project);
    size_t count = 0;

    for (size_t i = 0; tree != NULL && i < tree->count; i++) {
        count += is_in_set(&tree->files[i], (size_t)set);
    }
    return count;
}

struct words {
    VEC(const char *) list;
};

static void add_word(struct words *words, const char *text, size_t length)
{
    *VEC_PUSH(&words->list) = mem_strndup(text, length);
}

/* A path that begins with '-' must not become an option. */
static void add_set(struct words *words, const struct tree *tree, int set)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (is_in_set(&tree->files[i], (size_t)set)) {
            char *path = mem_printf("./%s", tree->files[i].path);

            add_word(words, path, strlen(path));
            free(path);
        }
    }
}

/* Splits the command and fills in its placeholders; returns why it cannot run, or NULL. */
static char *add_words(struct check_project *project, struct words *words, const char *command)
{
    char word[64];
    char *problem = NULL;

    while (*command != '\0') {
        size_t length = strcspn(command, " ");
        const char *folder = NULL;
        bool is_folder;
        int set;

        assert(length < sizeof(word));
        memcpy(word, command, length);
        word[length] = '\0';
        command += length;
        command += *command == ' ';
        set = find_set(word);
        is_folder = strcmp(word, "{cmake}") == 0 || strcmp(word, "{meson}") == 0;
        if (is_folder) {
            bool is_cmake = strcmp(word, "{cmake}") == 0;

            folder = check_project_build_folder(project,
                                                is_cmake ? "CMakeCache.txt" : "meson-private");
        }
        if (set >= 0 && count_set(project, set) > CHECK_COMMAND_FILES_MAX) {
            free(problem);
            problem = mem_printf("more than %d files are too many for one command",
                                 CHECK_COMMAND_FILES_MAX);
        } else if (set >= 0) {
            add_set(words, check_project_tree(project), set);
        } else if (is_folder && folder == NULL) {
            free(problem);
            problem = mem_strdup("there is no configured build folder");
            add_word(words, word, length);
        } else {
            add_word(words, folder != NULL ? folder : word,
                     folder != NULL ? strlen(folder) : length);
        }
    }
    return problem;
}

/* A program with a slash belongs to the project. */
static bool is_installed(const struct check_project *project, const char *program)
{
    return strchr(program, '/') != NULL ? check_project_has(project, program)
                                        : program_is_installed(program);
}

static void add_command(struct check_project *project, struct check_plan *plan,
                        const struct check_rule *rule, const char *text, const char *program)
{
    struct check_command command = {.hint = rule->hint, .is_silent = rule->is_silent};
    struct words words = {.list = {0}};

    command.problem = add_words(project, &words, text);
    *VEC_PUSH(&words.list) = NULL;
    command.argv = words.list.items;
    command.tool = program != NULL ? program : command.argv[0];
    if (!is_installed(project, command.tool)) {
        free(command.problem);
        command.problem = mem_printf("%s is not installed", command.tool);
    }
    *VEC_PUSH(&plan->commands) = command;
}

static void add_rule(struct check_project *project, struct check_plan *plan,
                     const struct check_rule *rule)
{
    const char *second = strstr(rule->command, AND);

    if (second != NULL) {
        char *first = mem_strndup(rule->command, (size_t)(second - rule->command));

        add_command(project, plan, rule, first, NULL);
        plan->commands.items[plan->commands.count - 1].is_preparation = true;
        free(first);
    }
    add_command(project, plan, rule, second != NULL ? second + strlen(AND) : rule->command,
                rule->program);
}

static bool rule_fits(struct check_project *project, const struct check_rule *rule)
{
    const char *file = rule->files;
    const char *mention = rule->mention;
    int set = find_set(rule->files);
    char name[64];

    if (set >= 0) {
        return count_set(project, set) > 0;
    }
    if (rule->mention != NULL && find_set(rule->mention) >= 0) {
        mention = NULL;
        if (count_set(project, find_set(rule->mention)) == 0) {
            return false;
        }
    }
    while (*file != '\0') {
        size_t length = strcspn(file, "|");

        assert(length < sizeof(name));
        memcpy(name, file, length);
        name[length] = '\0';
        if (mention != NULL ? check_project_mentions(project, name, mention)
                            : check_project_has(project, name)) {
            return true;
        }
        file += length;
        file += *file == '|';
    }
    return false;
}

static const char *rule_program(const struct check_rule *rule, char buffer[64])
{
    size_t length = strcspn(rule->command, " ");

    if (rule->program != NULL) {
        return rule->program;
    }
    assert(length < 64);
    memcpy(buffer, rule->command, length);
    buffer[length] = '\0';
    return buffer;
}

/* Of one group the first rule whose tool is installed; without any, the first that fits: its tool
 * is what is missing. */
static void add_group(struct check_project *project, enum check_kind kind, size_t first,
                      struct check_plan *plan)
{
    const struct check_rule *missing = NULL;
    char buffer[64];

    for (size_t i = first; i < ARRAY_LEN(rules); i++) {
        if ((rules[i].kinds & BIT(kind)) == 0 || strcmp(rules[i].group, rules[first].group) != 0 ||
            !rule_fits(project, &rules[i])) {
            continue;
        }
        if (is_installed(project, rule_program(&rules[i], buffer))) {
            add_rule(project, plan, &rules[i]);
            return;
        }
        missing = missing == NULL ? &rules[i] : missing;
    }
    if (missing != NULL) {
        add_rule(project, plan, missing);
    }
}

static bool is_first_of_group(enum check_kind kind, size_t rule)
{
    for (size_t i = 0; i < rule; i++) {
        if ((rules[i].kinds & BIT(kind)) != 0 && strcmp(rules[i].group, rules[rule].group) == 0) {
            return false;
        }
    }
    return (rules[rule].kinds & BIT(kind)) != 0;
}

static bool add_declared(struct check_project *project, enum check_kind kind,
                         struct check_plan *plan)
{
    const char *runner = check_project_script_runner(project);
    const struct {
        bool (*has)(const struct check_project *project, const char *name);
        const char *command;
        const char *hint;
    } sources[] = {
        {check_project_has_target, "make", "install make"},
        {check_project_has_recipe, "just", "install just"},
        {check_project_has_script, runner, "install Node and the project's package manager"},
    };

    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        for (size_t j = 0; j < ARRAY_LEN(declared_names[kind]); j++) {
            const char *name = declared_names[kind][j];
            struct check_rule rule = {.hint = sources[i].hint};
            char *command;

            if (name == NULL || !sources[i].has(project, name)) {
                continue;
            }
            command = mem_printf("%s %s%s", sources[i].command,
                                 sources[i].has == check_project_has_script ? "run " : "", name);
            rule.command = command;
            add_rule(project, plan, &rule);
            free(command);
            return true;
        }
    }
    return false;
}

void check_plan_make(struct check_project *project, enum check_kind kind,
                     struct check_plan *ret_plan)
{
    struct check_plan plan = {.commands = {0}};

    if (!add_declared(project, kind, &plan)) {
        for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
            if (is_first_of_group(kind, i)) {
                add_group(project, kind, i, &plan);
            }
        }
    }
    *ret_plan = plan;
}

void check_plan_release(struct check_plan *plan)
{
    for (size_t i = 0; i < plan->commands.count; i++) {
        struct check_command *command = &plan->commands.items[i];

        for (const char **word = command->argv; *word != NULL; word++) {
            free((char *)*word);
        }
        free(command->argv);
        free(command->problem);
    }
    VEC_RELEASE(&plan->commands);
}

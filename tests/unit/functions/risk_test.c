/* SPDX-License-Identifier: MIT */
#include "functions/risk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    size_t count;
    struct risk_hit last;
};

static void remember(void *context, const struct source *source, const struct risk_hit *hit)
{
    struct seen *seen = context;

    (void)source;
    seen->count++;
    seen->last = *hit;
}

static struct seen scan(const char *path, const char *text)
{
    struct risk_scanner *scanner = risk_scanner_new();
    const struct language *language = language_of_path(path);
    struct seen seen = {0};
    struct source source;

    source_init(&source, language, text, strlen(text));
    risk_scan(scanner, path, language, &source, remember, &seen);
    source_release(&source);
    risk_scanner_free(scanner);
    return seen;
}

static void assert_rule(const char *path, const char *text, const char *rule,
                        enum severity severity)
{
    struct seen seen = scan(path, text);

    if (seen.count != 1 || strcmp(seen.last.rule, rule) != 0 || seen.last.severity != severity) {
        fail_msg("%s: %zu hits, the last %s %d", text, seen.count,
                 seen.count > 0 ? seen.last.rule : "-", (int)seen.last.severity);
    }
}

static void assert_none(const char *path, const char *text)
{
    struct seen seen = scan(path, text);

    if (seen.count != 0) {
        fail_msg("%s: %s", text, seen.last.rule);
    }
}

/* Met in the sources of git. */
static void what_is_taken_care_of_nearby_or_fixed_is_no_finding(void **state)
{
    (void)state;
    assert_none("a.c", "void *old = p;\nn *= 2;\np = realloc(p, n);\nif (!p) {\n  free(old);\n}\n");
    assert_none("a.c", "p = realloc(p, n);\nif (!p)\n  die(\"no memory\");\n");
    assert_rule("a.c", "void *old = q;\np = realloc(p, n);\nif (!p)\n  return -1;\n",
                "c-realloc-self", SEVERITY_LOW);
    assert_rule("a.c", "f(p);\np = realloc(p, n);\n\n\n\n\nexit(1);\n", "c-realloc-self",
                SEVERITY_LOW);
    assert_none("a.py", "os.system('git update-index --refresh')\n");
    assert_none("a.py", "run('make test', shell=True)\n");
    assert_rule("a.py", "os.system('rm ' + name)\n", "python-shell", SEVERITY_MEDIUM);
    assert_none("a.pl", "open(F, \"<$name\") or die;\n");
    assert_none("a.pl", "open F, \"+>$name\" or die;\n");
    assert_rule("a.pl", "open(F, \"git ls-tree $commit|\");\n", "perl-open", SEVERITY_LOW);
}

static void constructs_are_found_in_their_language(void **state)
{
    (void)state;
    assert_rule("a.c", "x();\n  gets(b);\n", "c-gets", SEVERITY_HIGH);
    assert_rule("a.c", "strcpy(a, b);\n", "c-string-copy", SEVERITY_MEDIUM);
    assert_rule("a.c", "p = realloc(p, n);\n", "c-realloc-self", SEVERITY_LOW);
    assert_rule("a.py", "x = yaml.load(f)\n", "python-yaml-load", SEVERITY_HIGH);
    assert_rule("a.py", "run(cmd, shell=True)\n", "python-shell", SEVERITY_MEDIUM);
    assert_rule("a.js", "eval(x)\n", "js-eval", SEVERITY_HIGH);
    assert_rule("a.sh", "curl -s https://x.example | sudo bash\n", "shell-pipe", SEVERITY_HIGH);
    assert_rule("a.go", "t := &tls.Config{InsecureSkipVerify: true}\n", "tls-unverified",
                SEVERITY_HIGH);
    assert_rule("Dockerfile", "FROM debian:latest\n", "docker-latest", SEVERITY_LOW);
    assert_rule("a.py", "c.execute(\"SELECT * FROM t WHERE a = \" + b)\n", "sql-text",
                SEVERITY_MEDIUM);
}

static void the_line_is_told(void **state)
{
    (void)state;
    assert_int_equal(scan("a.c", "a;\nb;\n  gets(b);\n").last.line, 3);
}

static void a_constant_is_one_step_less_severe(void **state)
{
    (void)state;
    assert_rule("a.c", "strcpy(a, \"x\");\n", "c-string-copy", SEVERITY_LOW);
    assert_rule("a.c", "sprintf(a, \"%d\", n);\n", "c-sprintf", SEVERITY_LOW);
}

static void comments_strings_members_and_safe_uses_are_left_alone(void **state)
{
    (void)state;
    assert_int_equal(
        scan("a.c", "/* gets(b) */ x(\"gets(b)\"); o->system(x); fgets(b, 1, f);\n").count, 0);
    assert_int_equal(scan("a.py", "# eval(x)\nre.eval(x)\nyaml.load(f, Loader=SafeLoader)\n").count,
                     0);
    assert_int_equal(scan("a.js", "/x/.exec(y); r.exec(z);\n").count, 0);
    assert_int_equal(scan("Dockerfile", "FROM debian:12\nFROM scratch\n").count, 0);
    assert_int_equal(scan("a.md", "gets(b) eval(x)\n").count, 0);
}

static void workflow_rules_hold_only_for_github_workflows(void **state)
{
    static const char text[] = "      - uses: someone/action@v1\n";

    (void)state;
    assert_rule(".github/workflows/a.yml", text, "actions-unpinned", SEVERITY_LOW);
    assert_int_equal(scan("config/a.yml", text).count, 0);
    assert_int_equal(scan(".github/workflows/a.yml", "      - uses: actions/checkout@v4\n").count,
                     0);
    assert_rule(".github/workflows/a.yml", "        run: echo ${{ github.event.issue.title }}\n",
                "actions-injection", SEVERITY_HIGH);
    assert_int_equal(
        scan(".github/workflows/a.yml", "          TITLE: ${{ github.event.issue.title }}\n").count,
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructs_are_found_in_their_language),
        cmocka_unit_test(what_is_taken_care_of_nearby_or_fixed_is_no_finding),
        cmocka_unit_test(the_line_is_told),
        cmocka_unit_test(a_constant_is_one_step_less_severe),
        cmocka_unit_test(comments_strings_members_and_safe_uses_are_left_alone),
        cmocka_unit_test(workflow_rules_hold_only_for_github_workflows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

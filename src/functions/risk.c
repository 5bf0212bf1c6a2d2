/* SPDX-License-Identifier: MIT */
#include "functions/risk.h"

#include "base/alloc.h"
#include "base/rule_pattern.h"

#include <stdlib.h>
#include <string.h>

/* What a rule looks at: code without strings and comments, or with its strings. */
enum view { VIEW_CODE, VIEW_PLAIN };

#define C "|C|C++|Objective-C|"
#define JS "|JavaScript|TypeScript|Svelte/Vue|"
#define SCRIPTS "|Shell|Make|Dockerfile|YAML|"
#define ACTIONS "|actions|" /* YAML files in .github/workflows */
#define CALL "(?<![\\w.>:$])"

static const struct risk_rule {
    const char *rule;
    const char *languages;
    const char *needle;
    enum view view;
    enum severity severity;
    const char *confidence;
    const char *pattern;
    const char
        *softer; /* matches on the line in the plain view: one step less severe; NULL: never */
    const char *except; /* matches: no finding; NULL: none */
    const char *message;
    const char *fix;
} rules[] = {
    {"c-gets", C, "gets", VIEW_CODE, SEVERITY_HIGH, "high", CALL "gets\\s*\\(\\s*\\w", NULL,
     "\\bchar\\s*\\*?\\s*gets", "gets() cannot know the size of its buffer", "use fgets()"},
    {"c-string-copy", C, "str", VIEW_CODE, SEVERITY_MEDIUM, "low", CALL "str(?:cpy|cat)\\s*\\(",
     "str(?:cpy|cat)\\s*\\([^,]+,\\s*\"[^\"]*\"\\s*\\)", "^\\s*(?:#|extern|char\\s*\\*)",
     "an unbounded copy: right only while the source is known to fit",
     "pass the size of the target (snprintf, memcpy with a checked length)"},
    {"c-sprintf", C, "sprintf", VIEW_CODE, SEVERITY_MEDIUM, "low", CALL "v?sprintf\\s*\\(",
     "sprintf\\s*\\([^,]+,\\s*\"(?:[^\"%\\\\]|\\\\.|%%|%[-+ #0-9.]*(?:hh?|ll?|z|j)?[diuxXoc])*\"",
     "^\\s*(?:#|extern|int )", "unbounded formatting into a buffer", "use snprintf()"},
    {"c-scanf-string", C, "scanf", VIEW_PLAIN, SEVERITY_MEDIUM, "medium",
     "scanf\\s*\\([^\"]*\"[^\"]*%(?:s|\\[)", NULL, "%\\*s", "a %s without a width reads any length",
     "give the width of the buffer, as in %63s"},
    {"c-shell", C, "(", VIEW_CODE, SEVERITY_MEDIUM, "medium", CALL "(?:system|popen)\\s*\\(\\s*\\w",
     "(?:system|popen)\\s*\\(\\s*\"", "^\\s*(?:#|extern|static|int |FILE)",
     "a shell runs a text that the program builds",
     "start the program directly (posix_spawn, exec)"},
    {"c-shell", C, "(", VIEW_PLAIN, SEVERITY_LOW, "medium", CALL "(?:system|popen)\\s*\\(\\s*\"",
     NULL, NULL, "a shell runs a fixed text", "start the program directly (posix_spawn, exec)"},
    {"c-format", C, "printf", VIEW_CODE, SEVERITY_MEDIUM, "low",
     CALL "(?:printf\\s*\\(\\s*|fprintf\\s*\\(\\s*\\w+\\s*,\\s*|syslog\\s*\\(\\s*\\w+\\s*,\\s*)"
          "[a-z_]\\w*\\s*\\)",
     NULL, "^\\s*#|__VA_ARGS__", "a variable is the format: % in it is interpreted",
     "use a format of \"%s\""},
    {"c-temporary-name", C, "t", VIEW_CODE, SEVERITY_MEDIUM, "high",
     CALL "(?:mktemp|tmpnam|tempnam)\\s*\\(", NULL, "^\\s*(?:#|extern|static|char)",
     "the name can be taken by someone else before it is opened", "use mkstemp()"},
    {"c-realloc-self", C, "realloc", VIEW_CODE, SEVERITY_LOW, "medium",
     "(?<![\\w.>*])(\\w[\\w.>\\[\\]-]*)\\s*=\\s*realloc\\s*\\(\\s*\\1\\s*,", NULL, NULL,
     "when realloc() fails the old block is lost",
     "keep the old pointer until the new one is known"},
    {"c-alloca", C, "alloca", VIEW_CODE, SEVERITY_LOW, "medium", CALL "alloca\\s*\\(", NULL,
     "^\\s*#", "the stack grows by a size that nobody checks", "use a bounded array or the heap"},

    {"python-eval", "|Python|", "(", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     CALL "(?<!def )(?:eval|exec)\\s*\\(", "(?:eval|exec)\\s*\\(\\s*[\"']", NULL,
     "a text is run as a program", "parse the input (ast.literal_eval, a table of functions)"},
    {"python-pickle", "|Python|", "load", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\b(?:c?[pP]ickle|dill|marshal|shelve)\\.(?:loads?|open)\\s*\\(", NULL, NULL,
     "reading such data can run any program", "use JSON for data from outside"},
    {"python-yaml-load", "|Python|", "yaml", VIEW_CODE, SEVERITY_HIGH, "medium",
     "\\byaml\\.(?:load|load_all)\\s*\\(", NULL, "Safe|BaseLoader",
     "yaml.load() can create any object", "use yaml.safe_load()"},
    {"python-shell", "|Python|", "shell", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\bshell\\s*=\\s*True", NULL, "\\(\\s*[\"'][^\"'{%]*[\"']\\s*,",
     "a shell runs a text that the program builds", "give a list of arguments and no shell"},
    {"python-shell", "|Python|", "os.", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\bos\\.(?:system|popen)\\s*\\(", NULL, "\\(\\s*[\"'][^\"'{%]*[\"']\\s*\\)",
     "a shell runs a text that the program builds", "use subprocess.run() with a list"},
    {"tls-unverified", "|Python|", "verify", VIEW_CODE, SEVERITY_HIGH, "medium",
     "\\bverify(?:_ssl)?\\s*=\\s*False", NULL, "^\\s*def ", "the certificate is not checked",
     "verify certificates; add the missing authority instead"},
    {"python-mktemp", "|Python|", "mktemp", VIEW_CODE, SEVERITY_MEDIUM, "high",
     "\\btempfile\\.mktemp\\s*\\(", NULL, NULL, "the name can be taken before it is opened",
     "use NamedTemporaryFile or mkstemp"},
    {"python-bare-except", "|Python|", "except", VIEW_CODE, SEVERITY_LOW, "high",
     "^\\s*except\\s*:", NULL, NULL, "every error is swallowed, also a stop by the user",
     "name the exceptions that are expected"},
    {"python-mutable-default", "|Python|", "def ", VIEW_CODE, SEVERITY_LOW, "high",
     "^\\s*(?:async )?def \\w+\\([^)]*=\\s*(?:\\[\\]|\\{\\})", NULL, NULL,
     "the default value is shared by all calls", "use None and create it inside"},
    {"debug-mode", "|Python|", "debug", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\.run\\s*\\([^)]*debug\\s*=\\s*True", NULL, NULL, "the debugger lets anyone run code",
     "switch it on by a setting, only in development"},

    {"js-eval", JS, "eval", VIEW_CODE, SEVERITY_HIGH, "medium", "(?<![\\w.$])eval\\s*\\(",
     "eval\\s*\\(\\s*[\"']", NULL, "a text is run as a program",
     "parse the input (JSON.parse, a table)"},
    {"js-eval", JS, "Function", VIEW_CODE, SEVERITY_MEDIUM, "medium", "\\bnew\\s+Function\\s*\\(",
     NULL, NULL, "a text is run as a program", "write the function, or use a table"},
    {"js-html", JS, "HTML", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\.(?:innerHTML|outerHTML)\\s*\\+?=(?!=)|insertAdjacentHTML\\s*\\(|dangerouslySetInnerHTML",
     "(?:HTML\\s*\\+?=\\s*(?:\"[^\"]*\"|'[^']*'|`[^`$]*`)\\s*;?\\s*$)", NULL,
     "text becomes markup: script injection when any of it comes from outside",
     "set textContent, or sanitise"},
    {"js-html", "|Svelte/Vue|", "html", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\{@html |v-html=", NULL, NULL,
     "text becomes markup: script injection when any of it comes from outside", "sanitise it"},
    {"js-document-write", JS, "document.write", VIEW_CODE, SEVERITY_LOW, "medium",
     "document\\.write(?:ln)?\\s*\\(", NULL, NULL, "text becomes markup", "build elements instead"},
    {"js-shell", JS, "exec", VIEW_PLAIN, SEVERITY_MEDIUM, "medium",
     "(?:child_process|cp)\\.exec(?:Sync)?\\s*\\(|(?<![\\w.$])exec(?:Sync)\\s*\\(",
     "exec(?:Sync)?\\s*\\(\\s*(?:\"[^\"]*\"|'[^']*'|`[^`$]*`)\\s*[,)]", NULL,
     "a shell runs a text that the program builds", "use execFile or spawn with a list"},
    {"tls-unverified", JS, "eject", VIEW_PLAIN, SEVERITY_HIGH, "high",
     "rejectUnauthorized[\"']?\\s*:\\s*false|NODE_TLS_REJECT_UNAUTHORIZED", NULL, NULL,
     "the certificate is not checked", "verify certificates; add the missing authority instead"},

    {"shell-pipe", SCRIPTS, "|", VIEW_PLAIN, SEVERITY_HIGH, "medium",
     "\\b(?:curl|wget)\\s[^|;\\n]*\\|\\s*(?:sudo\\s+)?(?:ba|z|da|k)?sh\\b", NULL,
     "\\b(?:echo|printf)\\b", "a program from the network is run unseen",
     "fetch it, check its digest, then run it"},
    {"shell-eval", "|Shell|", "eval", VIEW_PLAIN, SEVERITY_LOW, "low",
     "(?:^|[;&|({]|\\b(?:then|do|else)\\s)\\s*eval\\s+[^#\\n]*\\$(?!\\()", NULL,
     "ssh-agent|shellenv|stty", "the value of a variable is run as program text",
     "use arrays, functions or indirect expansion"},
    {"shell-rm-variable", "|Shell|Make|", "rm ", VIEW_PLAIN, SEVERITY_MEDIUM, "low",
     "\\brm\\s+-\\w*[rR]\\w*\\s+(?:-\\w+\\s+)*\"?\\$[{(]?\\w+[)}]?\"?/\\*?[\"'\\s]*(?:$|[;&|])",
     NULL, "\\$\\{\\w+:\\?", "with an empty variable this removes from the root on",
     "write ${name:?} so that an empty one stops the script"},
    {"world-writable", "|Shell|Make|Dockerfile|", "777", VIEW_PLAIN, SEVERITY_MEDIUM, "medium",
     "\\bchmod\\s+(?:-\\w+\\s+)*0?777\\b", NULL, NULL, "everyone may change this",
     "give the least rights that work"},
    {"shell-temporary-name", "|Shell|", "/tmp/", VIEW_PLAIN, SEVERITY_LOW, "medium",
     "[>=]\\s*[\"']?/tmp/[\\w.-]*\\$\\$", NULL, NULL, "the name can be guessed by others",
     "use mktemp"},

    {"go-shell", "|Go|", "exec.Command", VIEW_PLAIN, SEVERITY_MEDIUM, "medium",
     "exec\\.Command(?:Context)?\\s*\\([^)\"]*\"(?:/bin/)?(?:ba)?sh\"\\s*,\\s*\"-c\"", NULL, NULL,
     "a shell runs a text that the program builds", "give the program its arguments"},
    {"tls-unverified", "|Go|", "InsecureSkipVerify", VIEW_CODE, SEVERITY_HIGH, "high",
     "InsecureSkipVerify\\s*[:=]+\\s*true", NULL, NULL, "the certificate is not checked",
     "verify certificates; add the missing authority instead"},
    {"go-html", "|Go|", "template.", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\btemplate\\.(?:HTML|JS|URL)\\s*\\(", "\\(\\s*[\"`]", NULL, "text becomes markup unescaped",
     "let the template escape it"},
    {"sql-text", "|Go|Java|Python|JavaScript|TypeScript|PHP|Ruby|C#|Kotlin|", "", VIEW_PLAIN,
     SEVERITY_MEDIUM, "low",
     "(?:[qQ]uery|[eE]xecute|[eE]xec|raw|prepare)\\w*\\s*\\(\\s*(?:f[\"']|fmt\\.Sprintf\\(\\s*|`)?["
     "\"'`]?\\s*"
     "(?:SELECT|INSERT INTO|UPDATE|DELETE "
     "FROM)\\s[^\\n]*(?:[\"']\\s*[+%.]\\s*[$\\w(]|\\$\\{|#\\{|[^%]%s)",
     NULL, "[,]\\s*[\\[(]", "a statement is put together from texts", "bind the values"},

    {"java-exec", "|Java|Kotlin|", "getRuntime", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "getRuntime\\s*\\(\\s*\\)\\s*\\.exec\\s*\\(", NULL, NULL, "a program is started from a text",
     "use ProcessBuilder with a list"},
    {"java-deserialize", "|Java|Kotlin|", "ObjectInputStream", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "new\\s+ObjectInputStream\\s*\\(", NULL, NULL, "reading such data can run any program",
     "use a data format, or an input filter"},
    {"csharp-deserialize", "|C#|", "BinaryFormatter", VIEW_CODE, SEVERITY_HIGH, "high",
     "new\\s+BinaryFormatter\\s*\\(", NULL, NULL, "reading such data can run any program",
     "use a data format"},
    {"rust-transmute", "|Rust|", "transmute", VIEW_CODE, SEVERITY_LOW, "medium",
     "\\btransmute(?:::<[^>]*>)?\\s*\\(", NULL, NULL, "bits are reinterpreted unchecked",
     "use a checked conversion"},
    {"php-eval", "|PHP|", "(", VIEW_CODE, SEVERITY_HIGH, "medium",
     "(?<![\\w>:$])(?:eval|create_function|assert)\\s*\\(\\s*[$\"']", NULL, NULL,
     "a text is run as a program", "write the function"},
    {"php-shell", "|PHP|", "(", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "(?<![\\w>:$])(?:system|shell_exec|passthru|popen|proc_open|exec)\\s*\\([^)]*\\$",
     "escapeshell", NULL, "a shell runs a text that the program builds",
     "escape every argument, or avoid the shell"},
    {"php-unserialize", "|PHP|", "unserialize", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "(?<![\\w>:$])unserialize\\s*\\(\\s*\\$", NULL, "allowed_classes",
     "reading such data can run code", "use JSON"},
    {"php-include", "|PHP|", "include", VIEW_CODE, SEVERITY_HIGH, "medium",
     "\\b(?:include|require)(?:_once)?\\s*\\(?\\s*\\$_(?:GET|POST|REQUEST|COOKIE)", NULL, NULL,
     "the visitor chooses the file that is run", "choose from a list"},
    {"ruby-eval", "|Ruby|", "eval", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "(?<![\\w.])(?:eval|instance_eval|class_eval)\\s*\\(?\\s*[\"\\w]", NULL, "\\bdo\\b|def ",
     "a text is run as a program", "use define_method or public_send with a list"},
    {"ruby-load", "|Ruby|", ".load", VIEW_CODE, SEVERITY_MEDIUM, "medium",
     "\\b(?:Marshal|YAML)\\.load\\b", NULL, "safe|permitted",
     "reading such data can create any object", "use YAML.safe_load or JSON"},
    {"ruby-html", "|Ruby|", "html_safe", VIEW_CODE, SEVERITY_LOW, "low", "\\.html_safe\\b", NULL,
     NULL, "text becomes markup unescaped", "let the template escape it"},
    {"perl-eval", "|Perl|", "eval", VIEW_PLAIN, SEVERITY_LOW, "medium", "\\beval\\s*\\(?\\s*[\"$]",
     NULL, NULL, "a text is run as a program", "use a block, or a table"},
    {"perl-open", "|Perl|", "open", VIEW_PLAIN, SEVERITY_LOW, "medium",
     "\\bopen\\s*\\(?\\s*(?:my\\s+)?[\\w$]+\\s*,\\s*[\"'](?!\\s*\\+?[<>])[^\"',]*\\$"
     "[^\"',]*[\"']\\s*[);o]",
     NULL, NULL, "the name decides whether a file or a program is opened",
     "use open with three arguments"},

    {"docker-add-url", "|Dockerfile|", "ADD", VIEW_PLAIN, SEVERITY_MEDIUM, "high",
     "^\\s*ADD\\s+(?:--\\S+\\s+)*https?://", NULL, "--checksum", "what is fetched is not checked",
     "give --checksum, or fetch and verify"},
    {"docker-latest", "|Dockerfile|", "FROM", VIEW_PLAIN, SEVERITY_LOW, "high",
     "^\\s*FROM\\s+(?:--\\S+\\s+)*[\\w./-]+(?::latest)?\\s*(?:$|\\s[aA][sS]\\s)", NULL,
     "FROM\\s+(?:--\\S+\\s+)*scratch", "the base image changes without notice",
     "name a version, best a digest"},
    {"terraform-open", "|Terraform|", "0.0.0.0/0", VIEW_PLAIN, SEVERITY_MEDIUM, "low",
     "cidr_blocks\\s*=.*\"0\\.0\\.0\\.0/0\"", NULL, NULL, "open to the whole internet",
     "name the networks that need it"},

    {"actions-target", ACTIONS, "pull_request_target", VIEW_PLAIN, SEVERITY_MEDIUM, "medium",
     "^\\s*(?:-\\s*)?pull_request_target\\b|^on:.*\\bpull_request_target\\b", NULL, NULL,
     "runs with secrets for pull requests from anyone",
     "never check out or run the request's code here"},
    {"actions-injection", ACTIONS, "github.", VIEW_PLAIN, SEVERITY_HIGH, "medium",
     "\\$\\{\\{[^}]*github\\.(?:event\\.(?:issue|pull_request|comment|review|discussion|head_"
     "commit)"
     "[\\w.]*\\.(?:title|body|message|ref|label|email|name)|head_ref)\\b[^}]*\\}\\}",
     NULL,
     "^\\s*(?:-\\s*)?(?:[A-Z][A-Z0-9_]*|group|if|ref|repository|name|key|concurrency|run-name|"
     "branch|title)\\s*:",
     "a text that anyone can write is pasted into a script", "pass it by an environment variable"},
    {"actions-unpinned", ACTIONS, "uses:", VIEW_PLAIN, SEVERITY_LOW, "high",
     "^\\s*(?:-\\s*)?uses:\\s*[\"']?(?!actions/|github/|\\./|docker:)[\\w.-]+/[\\w./"
     "-]+@(?![0-9a-f]{40}\\b)",
     NULL, NULL, "the action's owner can change what runs here", "pin it to a commit"},
    {"actions-write-all", ACTIONS, "write-all", VIEW_PLAIN, SEVERITY_MEDIUM, "high",
     "permissions:\\s*write-all", NULL, NULL, "every job may change everything",
     "name the permissions"},
};

/* What stands on the lines around a hit and makes it none. */
#define LINES_BEFORE 8
#define LINES_AFTER 4

static const struct excuse {
    const char *rule;
    const char *pattern; /* on those lines, in the code view */
} excuses[] = {
    /* The old block has another name, or the program ends with it. */
    {"c-realloc-self",
     "=\\s*(\\w[\\w.>\\[\\]-]*)\\s*;[\\s\\S]*(?<![\\w.>*])\\1\\s*=\\s*realloc\\s*\\(\\s*\\1\\s*,|"
     "=\\s*realloc\\s*\\([^;]*;[\\s\\S]*\\b(?:abort|_?exit|die\\w*|fatal\\w*|panic\\w*|err|errx|"
     "BUG|"
     "\\w*oom\\w*|\\w*out_of_memory\\w*)\\s*\\("},
};

#undef C
#undef JS
#undef SCRIPTS
#undef ACTIONS
#undef CALL

struct compiled {
    struct rule_pattern *pattern, *softer, *except;
};

struct risk_scanner {
    struct compiled rules[ARRAY_LEN(rules)];
    struct rule_pattern *excuses[ARRAY_LEN(excuses)];
};

struct risk_scanner *risk_scanner_new(void)
{
    struct risk_scanner *scanner = mem_zero(1, sizeof(*scanner));

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        scanner->rules[i].pattern = rule_pattern_new(rules[i].pattern);
        scanner->rules[i].softer = rules[i].softer ? rule_pattern_new(rules[i].softer) : NULL;
        scanner->rules[i].except = rules[i].except ? rule_pattern_new(rules[i].except) : NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(excuses); i++) {
        scanner->excuses[i] = rule_pattern_new(excuses[i].pattern);
    }
    return scanner;
}

void risk_scanner_free(struct risk_scanner *scanner)
{
    if (!scanner) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        rule_pattern_free(scanner->rules[i].pattern);
        rule_pattern_free(scanner->rules[i].softer);
        rule_pattern_free(scanner->rules[i].except);
    }
    for (size_t i = 0; i < ARRAY_LEN(excuses); i++) {
        rule_pattern_free(scanner->excuses[i]);
    }
    free(scanner);
}

static bool applies_to(const struct risk_rule *rule, const char *path,
                       const struct language *language)
{
    const char *at;
    size_t length = strlen(language->name);

    if (strcmp(rule->languages, "|actions|") == 0) {
        return language_is(language, "YAML") && strncmp(path, ".github/workflows/", 18) == 0;
    }
    at = strstr(rule->languages, language->name);
    while (at && !(at[-1] == '|' && at[length] == '|')) {
        at = strstr(at + 1, language->name);
    }
    return at != NULL;
}

static bool is_excused(const struct risk_scanner *scanner, size_t rule, const struct source *source,
                       size_t line)
{
    size_t first = line > LINES_BEFORE ? line - LINES_BEFORE : 1;
    size_t start = source->starts[first - 1];
    size_t end = line + LINES_AFTER < source->lines ? source->starts[line + LINES_AFTER]
                                                    : source->length;

    for (size_t i = 0; i < ARRAY_LEN(excuses); i++) {
        if (strcmp(excuses[i].rule, rules[rule].rule) == 0 &&
            rule_pattern_find(scanner->excuses[i], source->code + start, end - start, 0, NULL)) {
            return true;
        }
    }
    return false;
}

static void line_report(const struct risk_scanner *scanner, size_t rule,
                        const struct source *source, size_t line, risk_sink sink, void *context)
{
    const struct compiled *compiled = &scanner->rules[rule];
    struct risk_hit hit = {.rule = rules[rule].rule,
                           .severity = rules[rule].severity,
                           .confidence = rules[rule].confidence,
                           .message = rules[rule].message,
                           .fix = rules[rule].fix,
                           .line = line};
    size_t length;
    const char *plain = source_line(source, source->plain, line, &length);

    if ((compiled->except && rule_pattern_find(compiled->except, plain, length, 0, NULL)) ||
        is_excused(scanner, rule, source, line)) {
        return;
    }
    if (compiled->softer && rule_pattern_find(compiled->softer, plain, length, 0, NULL) &&
        hit.severity > SEVERITY_INFO) {
        hit.severity--;
    }
    sink(context, source, &hit);
}

/* The needle finds the lines that are worth a pattern. */
static void rule_scan(const struct risk_scanner *scanner, size_t rule, const struct source *source,
                      risk_sink sink, void *context)
{
    const char *view = rules[rule].view == VIEW_CODE ? source->code : source->plain;
    const char *needle = rules[rule].needle;
    bool is_everywhere = *needle == '\0' || strlen(needle) == 1;
    struct rule_pattern_match match;
    size_t at = 0;

    while (at < source->length) {
        size_t line;
        size_t end;

        if (is_everywhere) {
            if (!rule_pattern_find(scanner->rules[rule].pattern, view, source->length, at,
                                   &match)) {
                return;
            }
            line = source_line_of(source, match.end > 0 ? match.end - 1 : 0);
        } else {
            const char *found = memmem(view + at, source->length - at, needle, strlen(needle));

            if (!found) {
                return;
            }
            line = source_line_of(source, (size_t)(found - view));
        }
        end = line < source->lines ? source->starts[line] : source->length;
        if (is_everywhere ||
            rule_pattern_find(scanner->rules[rule].pattern, view + source->starts[line - 1],
                              end - source->starts[line - 1], 0, NULL)) {
            line_report(scanner, rule, source, line, sink, context);
        }
        at = end;
    }
}

void risk_scan(const struct risk_scanner *scanner, const char *path,
               const struct language *language, const struct source *source, risk_sink sink,
               void *context)
{
    for (size_t i = 0; language && i < ARRAY_LEN(rules); i++) {
        if (applies_to(&rules[i], path, language)) {
            rule_scan(scanner, i, source, sink, context);
        }
    }
}

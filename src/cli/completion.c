/* SPDX-License-Identifier: MIT */
/* Completions. The scripts are thin: they ask `fermata complete WORD...`, so that they never need
 * to change when commands do, and know the project's own runs, workflows and steps. */
#include "base/alloc.h"
#include "cli/help.h"
#include "cli/parse.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_NAME_MAX 64
#define RUNS_SHOWN 30

/* `fermata complete` prints "WORD<TAB>DESCRIPTION"; a line ":files" asks for file names. */
static const char bash_script[] =
    "# Completions of fermata for bash.\n"
    "_fermata()\n"
    "{\n"
    "    local line word cur words cword\n"
    "    if declare -F _init_completion >/dev/null; then\n"
    "        _init_completion -n =: || return\n"
    "    else\n"
    "        words=(\"${COMP_WORDS[@]}\") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        word=${line%%$'\\t'*}\n"
    "        if [[ $word == :files ]]; then\n"
    "            compopt -o default 2>/dev/null\n"
    "            while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -f -- "
    "\"$cur\")\n"
    "        elif [[ $word == \"$cur\"* ]]; then\n"
    "            COMPREPLY+=(\"$word\")\n"
    "        fi\n"
    "    done < <(\"${words[0]}\" complete \"${words[@]:1:cword}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _fermata fermata\n";

static const char zsh_script[] = "#compdef fermata\n"
                                 "# Completions of fermata for zsh.\n"
                                 "_fermata() {\n"
                                 "    local line word\n"
                                 "    local -a found\n"
                                 "    for line in ${(f)\"$(\"${words[1]}\" complete "
                                 "\"${(@)words[2,CURRENT]}\" 2>/dev/null)\"}; do\n"
                                 "        word=${line%%$'\\t'*}\n"
                                 "        if [[ $word == :files ]]; then\n"
                                 "            _files\n"
                                 "        else\n"
                                 "            found+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
                                 "        fi\n"
                                 "    done\n"
                                 "    (( $#found )) && _describe fermata found\n"
                                 "}\n"
                                 "if [ \"$funcstack[1]\" = _fermata ]; then _fermata \"$@\"; else "
                                 "compdef _fermata fermata; fi\n";

static const char fish_script[] = "# Completions of fermata for fish.\n"
                                  "function __fermata_complete\n"
                                  "    set -l words (commandline -opc) (commandline -ct)\n"
                                  "    for line in ($words[1] complete $words[2..-1] 2>/dev/null)\n"
                                  "        if test \"$line\" = :files\n"
                                  "            __fish_complete_path (commandline -ct)\n"
                                  "        else\n"
                                  "            echo $line\n"
                                  "        end\n"
                                  "    end\n"
                                  "end\n"
                                  "complete -c fermata -f -a '(__fermata_complete)'\n";

int completion_format(const char *shell, struct strbuf *target, struct error *err)
{
    static const struct {
        const char *shell;
        const char *script;
    } scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    int r;

    for (size_t i = 0; shell && i < ARRAY_LEN(scripts); i++) {
        if (strcmp(scripts[i].shell, shell) == 0) {
            strbuf_add(target, scripts[i].script);
            return 0;
        }
    }
    r = error_set(err, ERROR_INVALID, "completions for which shell? %s%s", shell ? shell : "None",
                  shell ? " is not known" : " was given");
    error_hint(err, "fermata completion bash, zsh or fish");
    return r;
}

/* ---- dynamic words ---- */

/* A word goes out only when it fits what was typed, so that shells have little to sift. */
struct words {
    struct ops *ops;
    const char *typed;
    struct strbuf *target;
};

static void offer(const struct words *words, const char *prefix, const char *word,
                  const char *description)
{
    char *full = mem_printf("%s%s", prefix, word);

    if (strncmp(full, words->typed, strlen(words->typed)) == 0 && !strpbrk(full, "\t\n")) {
        strbuf_addf(words->target, "%s\t%.*s\n", full, (int)strcspn(description, "\t\n"),
                    description);
    }
    free(full);
}

static json_t *call(const struct words *words, const char *name, json_t *arguments)
{
    json_t *result = NULL;

    if (ops_call(words->ops, ops_find(name), arguments, NULL, &result, NULL) < 0) {
        result = NULL;
    }
    json_decref(arguments);
    return result;
}

static void offer_runs(const struct words *words, const char *prefix)
{
    json_t *list = call(words, "list", json_pack("{s:i}", "limit", RUNS_SHOWN));
    const json_t *run;
    size_t i;

    json_array_foreach(json_object_get(list, "runs"), i, run)
    {
        char *text = mem_printf("%s, %s", json_get_text(run, "workflow", ""),
                                json_get_text(run, "status", ""));

        offer(words, prefix, json_get_text(run, "id", ""), text);
        free(text);
    }
    offer(words, prefix, "last", "the newest run");
    json_decref(list);
}

static void offer_workflows(const struct words *words, const char *prefix)
{
    json_t *list = call(words, "workflows", json_object());
    const json_t *workflow;
    size_t i;

    json_array_foreach(json_object_get(list, "workflows"), i, workflow)
    {
        if (!json_get_boolean(workflow, "hidden", false)) {
            offer(words, prefix, json_get_text(workflow, "name", ""),
                  json_get_text(workflow, "description", ""));
        }
    }
    json_decref(list);
}

static void offer_steps(const struct words *words, const char *prefix, const char *run_id)
{
    json_t *run = call(words, "show", json_pack("{s:s}", "run", run_id ? run_id : "last"));
    const json_t *phase;
    const json_t *step;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), k, step)
        {
            offer(words, prefix, json_get_text(step, "key", ""), json_get_text(step, "status", ""));
        }
    }
    json_decref(run);
}

static void offer_choices(const struct words *words, const char *prefix, const char *choices)
{
    char *copy = mem_strdup(choices);
    char *rest = NULL;

    for (char *word = strtok_r(copy, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
        offer(words, prefix, word, "");
    }
    free(copy);
}

static void offer_values(const struct words *words, const char *prefix,
                         const struct argument *argument, const char *run_id)
{
    switch (argument->type) {
    case ARGUMENT_RUN:
        offer_runs(words, prefix);
        return;
    case ARGUMENT_STEP:
        offer_steps(words, prefix, run_id);
        return;
    case ARGUMENT_WORKFLOW:
        offer_workflows(words, prefix);
        strbuf_add(words->target, ":files\n");
        return;
    case ARGUMENT_PATH:
        strbuf_add(words->target, ":files\n");
        return;
    case ARGUMENT_CHOICE:
        offer_choices(words, prefix, argument->choices);
        return;
    case ARGUMENT_TEXT:
    case ARGUMENT_INTEGER:
    case ARGUMENT_BOOLEAN:
    case ARGUMENT_DURATION:
    case ARGUMENT_PAIRS:
        return;
    }
}

static void offer_commands(const struct words *words)
{
    size_t count;
    const struct operation *rows = ops_table(&count);
    const struct cli_command *commands;

    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_hidden) {
            offer(words, "", rows[i].name, rows[i].summary);
        }
    }
    commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++) {
        offer(words, "", commands[i].name, commands[i].summary);
    }
}

static void offer_options(const struct words *words, const struct operation *operation)
{
    size_t count;
    const struct global_option *globals = cli_global_options(&count);

    for (size_t i = 0; operation && i < operation->argument_count; i++) {
        char name[OPTION_NAME_MAX];

        if (!operation->arguments[i].is_positional) {
            cli_option_name(&operation->arguments[i], name, sizeof(name));
            offer(words, "--", name, operation->arguments[i].help);
        }
    }
    for (size_t i = 0; i < count; i++) {
        offer(words, "--", globals[i].name, globals[i].help);
    }
}

/* The option that the word names and that wants the next word as its value; NULL: none. */
static const struct argument *open_option(const struct operation *operation, const char *word)
{
    for (size_t i = 0; operation && i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];
        char name[OPTION_NAME_MAX];

        cli_option_name(argument, name, sizeof(name));
        if (argument->is_positional || argument->type == ARGUMENT_BOOLEAN) {
            continue;
        }
        if ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, name) == 0) ||
            (word[0] == '-' && word[1] && word[1] == argument->letter && !word[2])) {
            return argument;
        }
    }
    return NULL;
}

static const struct argument *positional_at(const struct operation *operation, size_t position)
{
    for (size_t i = 0; i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];

        if (argument->is_positional && (position-- == 0 || argument->is_repeated)) {
            return argument;
        }
    }
    return NULL;
}

/* Where the last word stands: what came before it. */
struct place {
    const struct operation *operation;
    const struct argument *option; /* wants the last word as its value */
    const char *word;              /* of the command line itself: help, completion */
    const char *run_id;            /* first run given, for its steps */
    size_t positionals;
    bool only_words;
    bool is_global_value;
};

static void step_over(struct place *place, const char *word)
{
    const struct argument *argument;

    if (place->option || place->is_global_value) {
        place->option = NULL;
        place->is_global_value = false;
    } else if (!place->only_words && strcmp(word, "--") == 0) {
        place->only_words = true;
    } else if (!place->only_words && word[0] == '-') {
        place->option = open_option(place->operation, word);
        place->is_global_value = strcmp(word, "--project") == 0 || strcmp(word, "-C") == 0 ||
                                 strcmp(word, "--log-format") == 0;
    } else if (!place->operation && !place->word) {
        place->operation = ops_find(word);
        place->word = word;
    } else if (place->operation) {
        argument = positional_at(place->operation, place->positionals++);
        if (argument && argument->type == ARGUMENT_RUN) {
            place->run_id = word;
        }
    }
}

static void offer_at(struct words *words, const struct place *place)
{
    const struct argument *argument;
    const char *equals = strchr(words->typed, '=');

    if (place->is_global_value) {
        strbuf_add(words->target, ":files\n");
    } else if (place->option) {
        offer_values(words, "", place->option, place->run_id);
    } else if (!place->only_words && strncmp(words->typed, "--", 2) == 0 && equals) {
        char *name = mem_strndup(words->typed, (size_t)(equals - words->typed));
        char *prefix = mem_printf("%s=", name);

        argument = open_option(place->operation, name);
        if (argument) {
            offer_values(words, prefix, argument, place->run_id);
        }
        free(prefix);
        free(name);
    } else if (!place->only_words && words->typed[0] == '-') {
        offer_options(words, place->operation);
    } else if (!place->word || strcmp(place->word, "help") == 0) {
        offer_commands(words);
    } else if (strcmp(place->word, "completion") == 0) {
        offer_choices(words, "", "bash|zsh|fish");
    } else if (place->operation) {
        argument = positional_at(place->operation, place->positionals);
        if (argument) {
            offer_values(words, "", argument, place->run_id);
        }
    }
}

void completion_words(struct ops *ops, char **given, int count, struct strbuf *target)
{
    struct words words = {.ops = ops, .typed = count > 0 ? given[count - 1] : "", .target = target};
    struct place place = {0};

    for (int i = 0; i + 1 < count; i++) {
        step_over(&place, given[i]);
    }
    offer_at(&words, &place);
}

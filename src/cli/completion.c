/* SPDX-License-Identifier: MIT */
/* Completions. The scripts are thin: they ask `fermata complete WORD...`, so that they never need
 * to change when commands do, and know the project's own runs, workflows and steps. */
#include "base/alloc.h"
#include "cli/help.h"
#include "cli/parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_NAME_MAX 64
#define RUNS_SHOWN 30

/* `fermata complete` prints "WORD<TAB>DESCRIPTION"; a line ":files" asks for the names of files, in
 * the place of what stands behind the last = or @ of the word. */
static const char bash_script[] =
    "# Completions of fermata for bash.\n"
    "_fermata()\n"
    "{\n"
    "    local line word cur part prefix rest=$COMP_LINE i\n"
    "    local -a words=()\n"
    "    # Bash tears words at = and :; what stands together is put together again.\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        word=${rest#\"${rest%%[![:space:]]*}\"}\n"
    "        if ((i == 0)) || [[ $word != \"$rest\" ]]; then\n"
    "            words+=(\"${COMP_WORDS[i]}\")\n"
    "        else\n"
    "            words[-1]+=${COMP_WORDS[i]}\n"
    "        fi\n"
    "        rest=${word#\"${COMP_WORDS[i]}\"}\n"
    "    done\n"
    "    # Bash replaces no more than $2 of it.\n"
    "    cur=${words[-1]} part=${cur##*[=@]} prefix=${cur%\"$2\"}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        word=${line%%$'\\t'*}\n"
    "        if [[ $word == :files ]]; then\n"
    "            [[ $part != \"$2\" ]] || compopt -o filenames 2>/dev/null\n"
    "            while IFS= read -r word; do\n"
    "                word=${cur%\"$part\"}$word\n"
    "                COMPREPLY+=(\"${word#\"$prefix\"}\")\n"
    "            done < <(compgen -f -- \"$part\")\n"
    "        elif [[ $word == \"$cur\"* ]]; then\n"
    "            [[ $word != *= ]] || compopt -o nospace 2>/dev/null\n"
    "            COMPREPLY+=(\"${word#\"$prefix\"}\")\n"
    "        fi\n"
    "    done < <(\"${words[0]}\" complete \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "# As bash-completion does: where @ is a break, nothing behind it can be completed.\n"
    "COMP_WORDBREAKS=${COMP_WORDBREAKS//@/}\n"
    "complete -F _fermata fermata\n";

static const char zsh_script[] = "#compdef fermata\n"
                                 "# Completions of fermata for zsh.\n"
                                 "_fermata() {\n"
                                 "    local line word files\n"
                                 "    local -a found open\n"
                                 "    for line in ${(f)\"$(\"${words[1]}\" complete "
                                 "\"${(@)words[2,CURRENT]}\" 2>/dev/null)\"}; do\n"
                                 "        word=${line%%$'\\t'*}\n"
                                 "        if [[ $word == :files ]]; then\n"
                                 "            files=1\n"
                                 "        elif [[ $word == *= ]]; then\n"
                                 "            open+=(\"$word\")\n"
                                 "        else\n"
                                 "            found+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
                                 "        fi\n"
                                 "    done\n"
                                 "    (( $#open )) && compadd -S '' -- $open\n"
                                 "    (( $#found )) && _describe fermata found\n"
                                 "    if [[ -n $files ]]; then\n"
                                 "        compset -P '*[=@]'\n"
                                 "        _files\n"
                                 "    fi\n"
                                 "}\n"
                                 "if [ \"$funcstack[1]\" = _fermata ]; then _fermata \"$@\"; else "
                                 "compdef _fermata fermata; fi\n";

static const char fish_script[] =
    "# Completions of fermata for fish.\n"
    "function __fermata_complete\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    set -l before (string match -r '.*[=@]' -- $words[-1])\n"
    "    for line in ($words[1] complete $words[2..-1] 2>/dev/null)\n"
    "        if test \"$line\" = :files\n"
    "            for path in (__fish_complete_path (string replace -r '.*[=@]' '' -- $words[-1]))\n"
    "                echo $before$path\n"
    "            end\n"
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

/* Each of the list by one of its texts, described by another. */
static void offer_each(const struct words *words, const char *prefix, const json_t *list,
                       const char *const keys[2])
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        offer(words, prefix, json_get_text(item, keys[0], ""), json_get_text(item, keys[1], ""));
    }
}

static void offer_experts(const struct words *words, const char *prefix)
{
    static const char *const keys[] = {"name", "description"};
    json_t *list = call(words, "experts", json_object());
    const json_t *experts = json_object_get(list, "experts");
    json_t *shown = json_array();
    const json_t *expert;
    size_t i;

    json_array_foreach(experts, i, expert)
    {
        if (!json_get_boolean(expert, "hidden", false)) {
            (void)json_array_append_new(shown, json_incref((json_t *)(uintptr_t)expert));
        }
    }
    offer_each(words, prefix, shown, keys);
    offer(words, prefix, "import", "take over the personas of .claude and .opencode");
    json_decref(shown);
    json_decref(list);
}

static void offer_gates(const struct words *words, const char *prefix)
{
    static const char *const keys[] = {"name", "description"};
    json_t *list = call(words, "gate", json_object());

    offer_each(words, prefix, json_object_get(list, "gates"), keys);
    json_decref(list);
}

static void offer_tasks(const struct words *words, const char *prefix)
{
    static const char *const keys[] = {"id", "description"};
    json_t *list = call(words, "tasks", json_pack("{s:i}", "limit", RUNS_SHOWN));

    offer_each(words, prefix, json_object_get(list, "tasks"), keys);
    offer(words, prefix, "last", "the newest task");
    json_decref(list);
}

static void offer_steps(const struct words *words, const char *prefix, const json_t *run)
{
    static const char *const keys[] = {"key", "status"};
    const json_t *phase;
    size_t i;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        offer_each(words, prefix, json_object_get(phase, "steps"), keys);
    }
}

static void offer_agents(const struct words *words, const char *prefix)
{
    static const char *const keys[] = {"name", "description"};
    json_t *result = call(words, "agents", json_pack("{s:b}", "quick", 1));

    offer_each(words, prefix, json_object_get(result, "agents"), keys);
    json_decref(result);
}

static void offer_artifacts(const struct words *words, const char *prefix, const char *run_id)
{
    static const char *const keys[] = {"name", "step"};
    json_t *result = call(words, "artifacts", json_pack("{s:s}", "run", run_id));

    offer_each(words, prefix, json_object_get(result, "artifacts"), keys);
    json_decref(result);
}

/* What lies in a run. */
static void offer_of_run(const struct words *words, const char *prefix, enum argument_type type,
                         const char *given)
{
    static const char *const phase_keys[] = {"id", "status"};
    static const char *const checkpoint_keys[] = {"name", ""};
    const char *run_id = given ? given : "last";
    json_t *run = call(words, "show", json_pack("{s:s}", "run", run_id));

    if (type == ARGUMENT_PHASE) {
        offer_each(words, prefix, json_object_get(run, "phases"), phase_keys);
    } else if (type == ARGUMENT_CHECKPOINT) {
        offer_each(words, prefix, json_object_get(run, "checkpoints"), checkpoint_keys);
    } else {
        offer_steps(words, prefix, run);
    }
    if (type == ARGUMENT_CONTENT) {
        offer_artifacts(words, prefix, run_id);
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

/* ---- inputs of a workflow: KEY=VALUE ---- */

static json_t *find_workflow(const struct words *words, const char *given)
{
    json_t *list = given ? NULL : call(words, "workflows", json_object());
    const char *name = given ? given : json_get_text(list, "default", NULL);
    json_t *workflow = name ? call(words, "workflows", json_pack("{s:s}", "name", name)) : NULL;

    json_decref(list);
    return workflow;
}

/* The word is "KEY=" and the beginning of a value. */
static void offer_input_value(const struct words *words, const char *key, const json_t *input)
{
    const char *type = json_get_text(input, "type", "");
    const json_t *choice;
    size_t i;

    json_array_foreach(json_object_get(input, "choices"), i, choice)
    {
        offer(words, key, json_string_value(choice), "");
    }
    if (strcmp(type, "boolean") == 0) {
        offer_choices(words, key, "true|false");
    }
    if (words->typed[strlen(key)] == '@' || strcmp(type, "path") == 0) {
        strbuf_add(words->target, ":files\n");
    }
}

static void offer_inputs(const struct words *words, const char *prefix, const char *given)
{
    json_t *workflow = find_workflow(words, given);
    const json_t *input;
    size_t i;

    json_array_foreach(json_object_get(workflow, "inputs"), i, input)
    {
        char *key = mem_printf("%s%s=", prefix, json_get_text(input, "name", ""));

        if (strncmp(words->typed, key, strlen(key)) == 0) {
            offer_input_value(words, key, input);
        } else {
            offer(words, "", key, json_get_text(input, "description", ""));
        }
        free(key);
    }
    json_decref(workflow);
}

/* Where the last word stands: what came before it. */
struct place {
    const struct operation *operation;
    const struct argument *option; /* wants the last word as its value */
    const char *word;              /* of the command line itself: help, completion */
    const char *run_id;            /* first run given, for its steps */
    const char *workflow;          /* given, for its inputs */
    size_t positionals;
    bool only_words;
    bool is_global_value;
};

static void offer_values(const struct words *words, const char *prefix,
                         const struct argument *argument, const struct place *place)
{
    switch (argument->type) {
    case ARGUMENT_RUN:
        offer_runs(words, prefix);
        return;
    case ARGUMENT_STEP:
    case ARGUMENT_PHASE:
    case ARGUMENT_CHECKPOINT:
    case ARGUMENT_CONTENT:
        offer_of_run(words, prefix, argument->type, place->run_id);
        return;
    case ARGUMENT_PAIRS:
        if (strcmp(argument->name, "input") == 0) {
            offer_inputs(words, prefix, place->workflow);
        }
        return;
    case ARGUMENT_WORKFLOW:
        offer_workflows(words, prefix);
        strbuf_add(words->target, ":files\n");
        return;
    case ARGUMENT_AGENT:
        offer_agents(words, prefix);
        return;
    case ARGUMENT_EXPERT:
        offer_experts(words, prefix);
        return;
    case ARGUMENT_GATE:
        offer_gates(words, prefix);
        return;
    case ARGUMENT_TASK:
        offer_tasks(words, prefix);
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

/* "--workflow=NAME" */
static void note_workflow(struct place *place, const char *word)
{
    const char *equals = strchr(word, '=');
    char *name = equals ? mem_strndup(word, (size_t)(equals - word)) : NULL;
    const struct argument *option = name ? open_option(place->operation, name) : NULL;

    if (option && option->type == ARGUMENT_WORKFLOW) {
        place->workflow = equals + 1;
    }
    free(name);
}

static void step_over(struct place *place, const char *word)
{
    const struct argument *argument;

    if (place->option || place->is_global_value) {
        if (place->option && place->option->type == ARGUMENT_WORKFLOW) {
            place->workflow = word;
        }
        place->option = NULL;
        place->is_global_value = false;
    } else if (!place->only_words && strcmp(word, "--") == 0) {
        place->only_words = true;
    } else if (!place->only_words && word[0] == '-') {
        note_workflow(place, word);
        place->option = open_option(place->operation, word);
        place->is_global_value = strcmp(word, "--project") == 0 || strcmp(word, "-C") == 0 ||
                                 strcmp(word, "--log-format") == 0;
    } else if (!place->operation && !place->word) {
        place->operation = ops_find(word);
        place->word = word;
    } else if (!place->operation) {
        place->positionals++;
    } else {
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
        offer_values(words, "", place->option, place);
    } else if (!place->only_words && strncmp(words->typed, "--", 2) == 0 && equals) {
        char *name = mem_strndup(words->typed, (size_t)(equals - words->typed));
        char *prefix = mem_printf("%s=", name);

        argument = open_option(place->operation, name);
        if (argument) {
            offer_values(words, prefix, argument, place);
        }
        free(prefix);
        free(name);
    } else if (!place->only_words && words->typed[0] == '-') {
        offer_options(words, place->operation);
    } else if (!place->word ||
               ((strcmp(place->word, "help") == 0 || strcmp(place->word, "man") == 0) &&
                place->positionals == 0)) {
        offer_commands(words);
    } else if (strcmp(place->word, "completion") == 0 && place->positionals == 0) {
        offer_choices(words, "", "bash|zsh|fish");
    } else if (place->operation) {
        argument = positional_at(place->operation, place->positionals);
        if (argument) {
            offer_values(words, "", argument, place);
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

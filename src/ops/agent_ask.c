/* SPDX-License-Identifier: MIT */
/* The questions to programs and servers, and the memory of the answers: a program's version is
 * asked again only when its file is another. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/agent.h"
#include "ops/probe.h"
#include "run/environment.h"
#include "run/online.h"
#include "run/profile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VERSION_TIMEOUT_MS 10000
#define HEALTH_TIMEOUT_MS 3000
#define VERSIONS_FILE "versions.json"
#define VERSIONS_BYTES_MAX (256U * 1024)
#define VERSIONS_MAX 200
#define VERSION_LENGTH_MAX 40

/* ---- versions ---- */

/* What changes when the program is another: installers may set any time, but not that of the
 * change itself. */
static char *fingerprint(const char *path)
{
    struct stat status;

    return stat(path, &status) < 0
               ? NULL
               : mem_printf("%llu.%lld.%lld.%ld", (unsigned long long)status.st_ino,
                            (long long)status.st_size, (long long)status.st_ctim.tv_sec,
                            status.st_ctim.tv_nsec);
}

static char *versions_path(const struct ops *ops)
{
    return ops->settings->cache_folder ? path_join(ops->settings->cache_folder, VERSIONS_FILE)
                                       : NULL;
}

static json_t *load_versions(const struct ops *ops)
{
    char *path = versions_path(ops);
    json_t *versions = NULL;
    char *text;
    size_t length;

    if (path && file_exists(path) &&
        file_read(path, VERSIONS_BYTES_MAX, &text, &length, NULL) == 0) {
        (void)json_parse_text(text, length, path, &versions, NULL);
        free(text);
    }
    free(path);
    if (!json_is_object(versions) || json_object_size(versions) > VERSIONS_MAX) {
        json_decref(versions);
        versions = json_object();
    }
    return versions;
}

/* Only a memory: that it could not be written matters to nobody. */
static void save_versions(const struct ops *ops, const json_t *versions)
{
    char *path = versions_path(ops);
    char *text = json_dump_pretty(versions);

    if (path && file_make_folders(ops->settings->cache_folder, NULL) == 0) {
        (void)file_write(path, text, strlen(text), FILE_NO_SYNC, NULL);
    }
    free(text);
    free(path);
}

/* "codex-cli 0.169.0" is 0.169.0: the first word that begins with a number and a dot. */
static char *read_version(const char *text)
{
    for (const char *cursor = text; *cursor; cursor++) {
        size_t digits = strspn(cursor, "0123456789");
        size_t length;

        if (digits == 0 || cursor[digits] != '.' || !isdigit((unsigned char)cursor[digits + 1])) {
            cursor += digits ? digits - 1 : 0;
            continue;
        }
        length = strspn(cursor, "0123456789.abcdefghijklmnopqrstuvwxyz-+");
        length = length < VERSION_LENGTH_MAX ? length : VERSION_LENGTH_MAX;
        while (!isalnum((unsigned char)cursor[length - 1])) {
            length--; /* the end of a sentence */
        }
        return mem_strndup(cursor, length);
    }
    return NULL;
}

static void recall_version(const json_t *versions, struct agent_facts *facts)
{
    const json_t *known = json_object_get(versions, facts->path);
    char *print = fingerprint(facts->path);

    if (print && strcmp(json_get_text(known, "file", ""), print) == 0) {
        facts->version = mem_strdup(json_get_text(known, "version", NULL));
    }
    free(print);
}

static void keep_version(json_t *versions, const struct agent_facts *facts)
{
    json_t *known = json_object();
    char *print = fingerprint(facts->path);

    json_put_text(known, "file", print);
    json_put_text(known, "version", facts->version);
    json_put(versions, facts->path, known);
    free(print);
}

/* ---- health ---- */

static void replace(char **text, const char *by)
{
    free(*text);
    *text = mem_strdup(by);
}

/* Ollama alone has what it lists and nothing else; `name` is `name:latest` there. */
static bool lacks_model(const struct agent_facts *facts)
{
    const char *model = facts->config->model;
    size_t index;
    const json_t *entry;

    if (!model || !facts->models || strcmp(facts->config->type, "ollama") != 0) {
        return false;
    }
    json_array_foreach(facts->models, index, entry)
    {
        const char *name = json_get_text(entry, "name", "");
        size_t length = strlen(model);

        if (strcmp(name, model) == 0 ||
            (strncmp(name, model, length) == 0 && strcmp(name + length, ":latest") == 0)) {
            return false;
        }
    }
    return true;
}

static void refuse_model(struct agent_facts *facts)
{
    char *hint = mem_printf("`fermata models pull %s --agent %s` fetches it", facts->config->model,
                            facts->config->name);

    facts->state = AGENT_LACKING;
    replace(&facts->detail, "has no such model");
    replace(&facts->hint, hint);
    free(hint);
}

static void take_health(const char *text, size_t length, struct agent_facts *facts)
{
    json_t *health = NULL;
    const char *error;

    if (json_parse_text(text, length, "the health", &health, NULL) < 0) {
        replace(&facts->detail, "not asked");
        return;
    }
    error = json_get_text(health, "error", NULL);
    facts->models = json_incref(json_object_get(health, "models"));
    if (json_get_boolean(health, "ok", false)) {
        facts->state = AGENT_READY;
        facts->version = mem_strdup(json_get_text(health, "version", NULL));
        replace(&facts->detail, "ready");
        replace(&facts->hint, NULL);
        if (lacks_model(facts)) {
            refuse_model(facts);
        }
    } else {
        facts->state = json_get_boolean(health, "loading", false) ? AGENT_UNSURE : AGENT_LACKING;
        replace(&facts->detail, facts->state == AGENT_UNSURE ? "loading" : "does not answer");
        replace(&facts->hint, error ? error : facts->adapter->install);
    }
    json_decref(health);
}

/* ---- the questions ---- */

struct question {
    struct agent_facts *facts;
    struct agent_command command; /* of a server's health */
    const char **argv;
    VEC(char *) env;
    struct strbuf keys; /* the names of those in it */
};

static bool is_version_asked(const struct agent_facts *facts)
{
    return facts->path && facts->adapter->kind == ADAPTER_PROGRAM && facts->state != AGENT_DISABLED;
}

static bool is_health_asked(const struct agent_facts *facts)
{
    return facts->adapter && facts->adapter->kind == ADAPTER_SERVER && facts->state == AGENT_UNSURE;
}

static void ask_version(struct question *question, struct probe *probe)
{
    question->argv = mem_zero(3, sizeof(*question->argv));
    question->argv[0] = question->facts->path;
    question->argv[1] = "--version";
    probe->timeout_ms = VERSION_TIMEOUT_MS;
}

/* The same call that a step would make, as a question. */
static bool ask_health(struct ops *ops, struct question *question, struct probe *probe)
{
    const struct agent_config *config = question->facts->config;
    struct error err = ERROR_INIT;
    struct agent_profile profile;
    struct agent_call call = {.agent = &profile,
                              .prompt = "",
                              .cwd = ops->settings->cwd,
                              .folder = ops->settings->cwd,
                              .timeout_ms = HEALTH_TIMEOUT_MS};
    char *libexec;
    int r;

    if (ops_need_keeper(ops, &err) < 0) {
        return false;
    }
    libexec = path_folder(ops->keeper);
    call.libexec = libexec;
    profile_fill(config, question->facts->adapter, &profile);
    profile.silence_ms = HEALTH_TIMEOUT_MS;
    r = question->facts->adapter->command(&call, &question->command, &err);
    free(libexec);
    if (r < 0 || question->command.argv.count == 0) {
        return false;
    }
    question->argv = mem_zero(3, sizeof(*question->argv));
    question->argv[0] = question->command.argv.items[0];
    question->argv[1] = "--health";
    probe->input = question->command.input.data;
    probe->timeout_ms = HEALTH_TIMEOUT_MS + 1000;
    return true;
}

/* What keeps these programs from updating themselves on the way. */
static const char *const quiet[] = {
    "NO_COLOR=1",
    "DISABLE_AUTOUPDATER=1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
    "COPILOT_AUTO_UPDATE=false",
    "OPENCODE_DISABLE_AUTOUPDATE=1",
    "GEMINI_CLI_NO_RELAUNCH=true",
    "QWEN_CODE_NO_RELAUNCH=true",
    "NO_UPDATE_NOTIFIER=1",
};

static void env_put(struct question *question, const char *entry)
{
    size_t length = strcspn(entry, "=") + 1;

    for (size_t i = 0; i < question->env.count; i++) {
        if (strncmp(question->env.items[i], entry, length) == 0) {
            return;
        }
    }
    *VEC_PUSH(&question->env) = mem_strdup(entry);
}

/* The agent's own first: what is there already stays. */
static void fill_env(const struct ops *ops, struct question *question)
{
    const struct agent_config *config = question->facts->config;
    const struct environment environment = {ops->config, config, ops->settings->environment};

    for (size_t i = 0; i < config->env_count; i++) {
        char *entry = mem_printf("%s=%s", config->env[i].name, config->env[i].value);

        env_put(question, entry);
        free(entry);
    }
    for (size_t i = 0; i < ARRAY_LEN(quiet); i++) {
        env_put(question, quiet[i]);
    }
    for (const char *const *item = environment.items; *item; item++) {
        if (environment_passes(&environment, *item)) {
            env_put(question, *item);
        }
    }
    (void)environment_add_key_names(&environment, (const char *const *)question->env.items,
                                    question->env.count, &question->keys);
    *VEC_PUSH(&question->env) = NULL;
}

static void question_release(struct question *question)
{
    for (size_t i = 0; i < question->env.count; i++) {
        free(question->env.items[i]);
    }
    VEC_RELEASE(&question->env);
    strbuf_release(&question->keys);
    agent_command_release(&question->command);
    free(question->argv);
}

/* True when a version is to be remembered. */
static bool take_answer(const struct probe *probe, struct agent_facts *facts, json_t *versions)
{
    if (facts->adapter->kind == ADAPTER_SERVER) {
        take_health(probe->output.data, probe->output.length, facts);
        return false;
    }
    if (probe->exit_status == 0) {
        facts->version = read_version(probe->output.data);
    }
    if (facts->version) {
        keep_version(versions, facts);
    } else if (probe->start_errno != 0 || probe->exit_status != 0) {
        facts->state = AGENT_LACKING;
        replace(&facts->detail, probe->timed_out ? "does not answer" : "does not start");
        free(facts->hint);
        facts->hint = mem_printf("look at what `%s --version` prints", facts->path);
    }
    return facts->version != NULL;
}

/* True when there is something to ask. */
static bool prepare(struct ops *ops, struct question *question, struct probe *probe,
                    struct agent_questions wanted)
{
    struct agent_facts *facts = question->facts;

    if (!facts->config->is_builtin && !ops_is_trusted(ops)) {
        return false; /* it may name any program, and send a key anywhere */
    }
    if (is_version_asked(facts) && !facts->version && wanted.versions) {
        ask_version(question, probe);
    } else if (!wanted.servers || !is_health_asked(facts) || !ask_health(ops, question, probe)) {
        return false;
    }
    fill_env(ops, question);
    probe->argv = question->argv;
    probe->env = (const char *const *)question->env.items;
    probe->keys = question->keys.data;
    return true;
}

/* Who is not here, or was not set up by anybody, need not be reached. */
static char *address_of(struct ops *ops, const struct agent_facts *facts)
{
    const struct agent_config *config = facts->config;
    bool is_meant = (!config->is_builtin && ops_is_trusted(ops)) ||
                    (config->is_builtin && (facts->path || facts->account));

    return is_meant && config->enabled ? online_address(config, ops->settings->environment) : NULL;
}

static void ask_addresses(struct ops *ops, struct agent_facts *facts, size_t count)
{
    char **addresses = mem_zero(count + 1, sizeof(char *));
    enum reachable *found = mem_zero(count + 1, sizeof(*found));

    for (size_t i = 0; i < count; i++) {
        addresses[i] = address_of(ops, &facts[i]);
    }
    reach_look((const char *const *)addresses, count, REACH_CEILING_MS, found);
    for (size_t i = 0; i < count; i++) {
        facts[i].online = found[i];
        free(addresses[i]);
    }
    free(addresses);
    free(found);
}

void agent_facts_ask(struct ops *ops, struct agent_facts *facts, size_t count,
                     struct agent_questions wanted)
{
    struct question *questions = mem_zero(count + 1, sizeof(*questions));
    struct probe *probes = mem_zero(count + 1, sizeof(*probes));
    json_t *versions = load_versions(ops);
    size_t known = 0;
    size_t asked = 0;

    for (size_t i = 0; i < count; i++) {
        struct question *question = &questions[asked];

        *question = (struct question){.facts = &facts[i]};
        agent_command_init(&question->command);
        strbuf_init(&question->keys, SIZE_MAX);
        if (is_version_asked(&facts[i])) {
            recall_version(versions, &facts[i]);
        }
        if (prepare(ops, question, &probes[asked], wanted)) {
            asked++;
        } else {
            question_release(question);
        }
    }
    probe_run(probes, asked);
    if (wanted.addresses) {
        ask_addresses(ops, facts, count);
    }
    for (size_t i = 0; i < asked; i++) {
        known += take_answer(&probes[i], questions[i].facts, versions) ? 1 : 0;
        probe_release(&probes[i]);
        question_release(&questions[i]);
    }
    if (known > 0) {
        save_versions(ops, versions);
    }
    json_decref(versions);
    free(probes);
    free(questions);
}

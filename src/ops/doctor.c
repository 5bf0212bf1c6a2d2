/* SPDX-License-Identifier: MIT */
/* `doctor`: is everything there that runs need? Each check passes, fails or is unknown, and what
 * does not pass says what to do. */
#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "ops/agent.h"
#include "store/store.h"

#include <libfyaml.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <uv.h>

#define DISK_BYTES_LOW (INT64_C(512) * 1024 * 1024)
#define RUNS_LOOKED_AT 100

static void add_check(json_t *checks, const char *name, const char *status, const char *detail,
                      const char *hint)
{
    json_t *check = json_object();

    json_put_text(check, "name", name);
    json_put_text(check, "status", status);
    json_put(check, "detail", json_text_lossy(detail, strlen(detail)));
    json_put_text(check, "hint", hint);
    json_array_append_new(checks, check);
}

static void add_failure(json_t *checks, const char *name, const struct error *err)
{
    add_check(checks, name, "fail", err->text, *err->hint ? err->hint : NULL);
}

/* ---- checks of the machine ---- */

static void check_git(const struct ops *ops, json_t *checks)
{
    char *git = ops_find_program(ops, "git");

    if (git) {
        add_check(checks, "git", "pass", git, NULL);
    } else {
        add_check(checks, "git", "fail", "git is not in PATH",
                  "install git: histories, diffs and clones need it");
    }
    free(git);
}

static void check_libraries(json_t *checks)
{
    char *detail = mem_printf("libuv %s, SQLite %s, libfyaml %s, jansson %s", uv_version_string(),
                              sqlite3_libversion(), fy_library_version(), jansson_version_str());

    if (sqlite3_libversion_number() < 3037000) {
        add_check(checks, "libraries", "fail", detail, "SQLite 3.37 or newer is needed");
    } else {
        add_check(checks, "libraries", "pass", detail, NULL);
    }
    free(detail);
}

static void check_keeper(struct ops *ops, json_t *checks)
{
    struct error err = ERROR_INIT;

    if (ops_need_keeper(ops, &err) == 0) {
        add_check(checks, "keeper", "pass", ops->keeper, NULL);
    } else {
        if (!*err.hint) {
            error_hint(&err,
                       "fermata-keep lies beside fermata or in ../libexec/fermata; install it, "
                       "or correct FERMATA_KEEP");
        }
        add_failure(checks, "keeper", &err);
    }
}

/* Tools that built-in functions use when they are there: without one, its findings are unknown. */
static void check_tools(const struct ops *ops, json_t *checks)
{
    static const struct {
        const char *program;
        const char *use;
    } tools[] = {
        {"shellcheck", "mistakes in shell scripts"},
        {"cppcheck", "undefined behaviour and leaks in C and C++"},
        {"clang-tidy", "the static analyzer's findings in C and C++"},
        {"ruff", "undefined and unused names in Python"},
        {"python3", "Python files that cannot be compiled"},
        {"node", "JavaScript files that cannot be read"},
        {"yamllint", "YAML that cannot be read"},
    };

    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        char *path = ops_find_program(ops, tools[i].program);
        char *name = mem_printf("tool %s", tools[i].program);
        char *detail = mem_printf("%s: %s", path ? path : "not installed", tools[i].use);

        add_check(checks, name, path ? "pass" : "unknown", detail,
                  path ? NULL : "optional: install it and code reviews can tell more");
        free(detail);
        free(name);
        free(path);
    }
}

/* ---- agents ---- */

static void add_agent(const struct agent_facts *facts, json_t *checks)
{
    const struct agent_config *config = facts->config;
    bool is_cut_off = facts->online == UNREACHABLE && facts->state != AGENT_LACKING;
    bool is_ready = facts->state == AGENT_READY && !is_cut_off;
    bool is_wanted = !config->is_builtin; /* else nobody said that it should be there */
    char *name = mem_printf("agent %s", config->name);
    char *detail = mem_printf("%s%s%s%s%s%s", facts->version ? facts->version : "",
                              facts->version ? ", " : "", facts->detail, facts->account ? ", " : "",
                              facts->account ? facts->account : "",
                              is_cut_off ? "; its address cannot be reached" : "");

    add_check(checks, name,
              is_ready                                     ? "pass"
              : facts->state == AGENT_LACKING && is_wanted ? "fail"
                                                           : "unknown",
              detail,
              is_ready                     ? NULL
              : is_cut_off && !facts->hint ? "is there a network? until then, local agents do"
                                           : facts->hint);
    free(detail);
    free(name);
}

/* What becomes of agents that cannot be reached. */
static void check_offline(const struct ops *ops, json_t *checks)
{
    static const char *const meanings[] = {
        [OFFLINE_AUTO] = "auto: local agents stand in for who cannot be reached",
        [OFFLINE_NEVER] = "false: nobody is asked whether it can be reached",
        [OFFLINE_ONLY] = "true: only local agents are used",
    };

    add_check(checks, "offline", "pass", meanings[ops->config->offline], NULL);
}

/* Those that are set up, and coding programs: these need only be installed. */
static bool is_agent_shown(const struct agent_facts *facts)
{
    bool is_program = facts->adapter && facts->adapter->kind == ADAPTER_PROGRAM;

    return facts->state != AGENT_DISABLED &&
           (!facts->config->is_builtin || is_program || facts->state == AGENT_READY);
}

static void check_agents(struct ops *ops, json_t *checks)
{
    const char *preferred;
    struct agent_facts *facts;
    struct error err = ERROR_INIT;
    size_t count;

    if (ops_need_config(ops, &err) < 0) {
        return; /* said by the check of the configuration */
    }
    preferred = ops_default_agent(ops);
    count = ops->config->agent_count;
    facts = mem_zero(count, sizeof(*facts));
    for (size_t i = 0; i < count; i++) {
        agent_facts_init(ops, &ops->config->agents[i], &facts[i]);
    }
    agent_facts_ask(ops, facts, count,
                    (struct agent_questions){.versions = true, .servers = true, .addresses = true});
    check_offline(ops, checks);
    add_check(checks, "default agent", preferred ? "pass" : "unknown",
              preferred ? preferred : "no agent is ready",
              preferred ? NULL
                        : "steps that ask an agent need one: install one of those below, or name "
                          "a model server under `agents` in config.yaml");
    for (size_t i = 0; i < count; i++) {
        if (is_agent_shown(&facts[i])) {
            add_agent(&facts[i], checks);
        }
        agent_facts_release(&facts[i]);
    }
    free(facts);
}

/* ---- checks of the project ---- */

static void check_disk(const struct ops *ops, json_t *checks)
{
    struct statvfs disk;
    char *detail;
    int64_t free_bytes;

    if (statvfs(ops->folder, &disk) < 0) {
        add_check(checks, "disk space", "unknown", "the file system does not say", NULL);
        return;
    }
    free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    detail = mem_printf("%lld MB free", (long long)(free_bytes >> 20));
    if (free_bytes < DISK_BYTES_LOW) {
        add_check(checks, "disk space", "fail", detail, "make room; `fermata gc` removes old runs");
    } else {
        add_check(checks, "disk space", "pass", detail, NULL);
    }
    free(detail);
}

static void check_permissions(const struct ops *ops, json_t *checks)
{
    struct stat status;

    if (access(ops->folder, R_OK | W_OK | X_OK) < 0 || stat(ops->folder, &status) < 0) {
        add_check(checks, "permissions", "fail", "the project's .fermata cannot be written",
                  "make it yours: chown -R \"$USER\" .fermata");
    } else if (status.st_mode & S_IWOTH) {
        add_check(checks, "permissions", "fail", "everybody may write to .fermata",
                  "chmod o-w .fermata");
    } else {
        add_check(checks, "permissions", "pass", ops->folder, NULL);
    }
}

static void check_config(struct ops *ops, json_t *checks)
{
    struct error err = ERROR_INIT;

    if (ops_need_config(ops, &err) == 0 && ops->config_warnings > 0) {
        char *detail = mem_printf("sound, with %zu warning%s: `fermata validate`",
                                  ops->config_warnings, ops->config_warnings == 1 ? "" : "s");

        add_check(checks, "configuration", "pass", detail, NULL);
        free(detail);
    } else if (ops->config) {
        add_check(checks, "configuration", "pass", "config.yaml is sound or absent", NULL);
    } else {
        add_failure(checks, "configuration", &err);
    }
}

static void check_trust(struct ops *ops, json_t *checks)
{
    if (ops_is_trusted(ops)) {
        add_check(checks, "trust", "pass", "what the project holds may start programs", NULL);
    } else {
        add_check(checks, "trust", "warn", "what the project came with starts nothing yet",
                  "look at .fermata, then: fermata trust");
    }
}

static void check_store(struct ops *ops, json_t *checks)
{
    struct error err = ERROR_INIT;

    if (!ops_has_store(ops)) {
        add_check(checks, "store", "pass", "no runs yet", NULL);
    } else if (ops_make_store(ops, &err) < 0 || store_verify(ops->store, &err) < 0) {
        if (!*err.hint) {
            error_hint(&err, "copy .fermata/fermata.db* away before anything else; "
                             "`fermata doctor --rebuild` rebuilds the tables from the journal");
        }
        add_failure(checks, "store", &err);
    } else {
        add_check(checks, "store", "pass", "the integrity check found nothing", NULL);
    }
}

/* Runs under way that no process drives: what a crash leaves. */
static void check_leftovers(struct ops *ops, json_t *checks)
{
    const struct run_filter filter = {.status = "running", .limit = RUNS_LOOKED_AT};
    struct error err = ERROR_INIT;
    struct strbuf ids;
    const json_t *run;
    json_t *list;
    size_t count = 0;
    size_t i;

    if (!ops->store) {
        return;
    }
    if (run_list(ops->store, ops->folder, &filter, &list, &err) < 0) {
        add_failure(checks, "runs without owner", &err);
        return;
    }
    strbuf_init(&ids, 256);
    json_array_foreach(json_object_get(list, "runs"), i, run)
    {
        const char *id = json_get_text(run, "id", "");
        json_t *shown;

        if (run_show(ops->store, ops->folder, id, &shown, &err) < 0) {
            add_failure(checks, id, &err);
            continue;
        }
        if (!json_get_boolean(shown, "owned", false)) {
            strbuf_addf(&ids, "%s%s", count++ ? " " : "", id);
        }
        json_decref(shown);
    }
    if (count) {
        add_check(checks, "runs without owner", "unknown", ids.data,
                  "go on with one: fermata resume RUN (finished steps stay finished)");
    } else {
        add_check(checks, "runs without owner", "pass", "none", NULL);
    }
    strbuf_release(&ids);
    json_decref(list);
}

static const char *first_of(const json_t *report, const char *list)
{
    const char *text = json_string_value(json_array_get(json_object_get(report, list), 0));

    return text ? text : "";
}

static void add_failures(const json_t *report, json_t *checks, const char *name, const char *hint)
{
    if (json_array_size(json_object_get(report, "failures")) > 0) {
        add_check(checks, name, "fail", first_of(report, "failures"), hint);
    }
}

/* What an earlier version could leave behind. */
static void check_orphans(struct ops *ops, json_t *checks)
{
    struct error err = ERROR_INIT;
    json_t *ids = NULL;
    char *text;

    if (!ops->store) {
        return;
    }
    if (run_find_orphans(ops->store, &ids, &err) < 0) {
        add_failure(checks, "nested runs", &err);
    } else if (json_array_size(ids) == 0) {
        add_check(checks, "nested runs", "pass", "none is left behind by the run around it", NULL);
    } else {
        text = mem_printf("%zu left behind by the run around it: %s", json_array_size(ids),
                          json_string_value(json_array_get(ids, 0)));
        add_check(checks, "nested runs", "fail", text, "`fermata doctor --rebuild` cancels them");
        free(text);
    }
    json_decref(ids);
}

static int cancel_orphans(struct ops *ops, json_t *checks, json_t **ret_report, struct error *err)
{
    struct engine_options options;
    json_t *ids = NULL;
    size_t found;
    int r = run_find_orphans(ops->store, &ids, err);

    if (r < 0) {
        return r;
    }
    found = json_array_size(ids);
    json_decref(ids);
    if (found == 0) {
        return 0;
    }
    r = ops_engine_options(ops, &options, err);
    if (r == 0) {
        r = run_cancel_orphans(&options, ret_report, err);
    }
    if (r == 0) {
        char *text = mem_printf("%zu left behind by the run around it: cancelled",
                                json_array_size(json_object_get(*ret_report, "cancelled")));

        add_check(checks, "nested runs", "pass", text, NULL);
        free(text);
        add_failures(*ret_report, checks, "nested runs",
                     "look at it: fermata status, then fermata cancel");
    }
    return r;
}

/* Only compares: damage shows before somebody relies on it. */
static void check_journals(struct ops *ops, json_t *checks)
{
    struct error err = ERROR_INIT;
    json_t *report = NULL;
    char *detail;

    if (!ops->store) {
        return;
    }
    if (run_rebuild(ops->store, ops->folder, false, &report, &err) < 0) {
        add_failure(checks, "journals", &err);
        return;
    }
    detail = mem_printf("%lld run%s, %lld records: each is as it was written",
                        (long long)json_get_integer(report, "runs", 0),
                        json_get_integer(report, "runs", 0) == 1 ? "" : "s",
                        (long long)json_get_integer(report, "records", 0));
    if (json_array_size(json_object_get(report, "failures")) > 0) {
        add_failures(report, checks, "journals",
                     "bring the store back from a backup, or remove the run");
    } else {
        add_check(checks, "journals", "pass", detail, NULL);
    }
    if (json_array_size(json_object_get(report, "differences")) > 0) {
        add_check(checks, "tables", "fail", first_of(report, "differences"),
                  "`fermata doctor --rebuild` writes them again from the journals");
    }
    free(detail);
    json_decref(report);
}

static int rebuild_tables(struct ops *ops, json_t *checks, json_t **ret_report, struct error *err)
{
    char *detail;
    size_t count;
    int r = run_rebuild(ops->store, ops->folder, true, ret_report, err);

    if (r < 0) {
        return r;
    }
    count = json_array_size(json_object_get(*ret_report, "differences"));
    detail = mem_printf("%lld run%s, %lld records, %zu difference%s%s%s",
                        (long long)json_get_integer(*ret_report, "runs", 0),
                        json_get_integer(*ret_report, "runs", 0) == 1 ? "" : "s",
                        (long long)json_get_integer(*ret_report, "records", 0), count,
                        count == 1 ? "" : "s", count ? ", repaired: " : "",
                        count ? first_of(*ret_report, "differences") : "");
    add_check(checks, "journal and tables", "pass", detail, NULL);
    free(detail);
    add_failures(*ret_report, checks, "journals",
                 "its tables were left as they are; bring the store back from a backup, or remove "
                 "the run");
    return 0;
}

static int rebuild_files(struct ops *ops, json_t *checks, json_t **ret_report, struct error *err)
{
    char *detail;
    int r = run_rebuild_files(ops->store, ops->folder, ops->config->log_json, ret_report, err);

    if (r < 0) {
        return r;
    }
    detail = mem_printf("%lld files of runs written again",
                        (long long)json_get_integer(*ret_report, "files", 0));
    add_check(checks, "files of runs", "pass", detail, NULL);
    free(detail);
    add_failures(*ret_report, checks, "run folders", NULL);
    return 0;
}

static int rebuild(struct ops *ops, json_t *checks, json_t **ret_report, struct error *err)
{
    json_t *files = NULL;
    json_t *orphans = NULL;
    int r = ops_need_store(ops, err);

    if (r == 0) {
        r = ops_need_config(ops, err);
    }
    if (r == 0) {
        r = rebuild_tables(ops, checks, ret_report, err);
    }
    if (r == 0) {
        r = cancel_orphans(ops, checks, &orphans, err);
    }
    if (r == 0) {
        r = rebuild_files(ops, checks, &files, err);
    }
    if (r == 0) {
        json_put(*ret_report, "files", json_incref(json_object_get(files, "files")));
        json_put(*ret_report, "cancelled", json_incref(json_object_get(orphans, "cancelled")));
    }
    json_decref(orphans);
    json_decref(files);
    return r;
}

static int count_status(const json_t *checks, const char *status)
{
    const json_t *check;
    int count = 0;
    size_t i;

    json_array_foreach(checks, i, check)
    {
        count += strcmp(json_get_text(check, "status", ""), status) == 0 ? 1 : 0;
    }
    return count;
}

int op_doctor(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    json_t *checks = json_array();
    json_t *report = NULL;
    int r = 0;

    (void)view;
    check_git(ops, checks);
    check_keeper(ops, checks);
    check_libraries(checks);
    if (ops_has_project(ops)) {
        check_permissions(ops, checks);
        check_disk(ops, checks);
        check_config(ops, checks);
        check_trust(ops, checks);
        check_store(ops, checks);
        check_leftovers(ops, checks);
    } else {
        add_check(checks, "project", "unknown", "there is no .fermata here or above",
                  "`fermata init` makes one; `fermata run` does so by itself");
        check_config(ops, checks);
    }
    check_agents(ops, checks);
    check_tools(ops, checks);
    if (json_get_boolean(arguments, "rebuild", false)) {
        r = rebuild(ops, checks, &report, err);
    } else {
        check_orphans(ops, checks);
        check_journals(ops, checks);
    }
    if (r == 0) {
        *ret_result = json_pack(
            "{s:O, s:i, s:i, s:i}", "checks", checks, "passed", count_status(checks, "pass"),
            "failed", count_status(checks, "fail"), "unknown", count_status(checks, "unknown"));
        json_put(*ret_result, "rebuilt", json_incref(report));
    }
    json_decref(report);
    json_decref(checks);
    return r;
}

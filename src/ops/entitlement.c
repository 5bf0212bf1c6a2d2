/* SPDX-License-Identifier: MIT */
/* Which tiers of workflows may be started, by the configuration or by whom it names. Asked before a
 * run begins and never again: what has begun goes on whatever changes later. */
#include "base/alloc.h"
#include "base/map.h"
#include "base/utf8.h"
#include "ops/internal.h"
#include "ops/probe.h"
#include "run/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_TIMEOUT_MS 10000
#define ANSWER_SHOWN 40
#define DEPTH_MAX 32 /* nesting_max of the configuration can be no larger */

/* ---- what the configuration says ---- */

/* Of whoever starts it, else of the files. */
static enum tier local_tier(const struct ops *ops, const char *wanted)
{
    enum tier tier = ops->config->entitlement.tier;

    if (wanted) {
        (void)tier_parse(wanted, &tier);
    }
    return tier;
}

static char *describe_place(const struct entitlement *entitlement, const char *wanted)
{
    return wanted ? mem_strdup("--tier")
                  : mem_printf("%s:%d:%d",
                               entitlement->tier_file ? entitlement->tier_file : "configuration",
                               entitlement->tier_at.line, entitlement->tier_at.column);
}

json_t *ops_describe_entitlement(const struct ops *ops, const char *wanted)
{
    const struct entitlement *entitlement = &ops->config->entitlement;
    json_t *result = json_object();

    json_put_text(result, "mode", entitlement->asks_server ? "server" : "local");
    json_put_text(result, "tier", tier_name(local_tier(ops, wanted)));
    if (!wanted && entitlement->tier_file) {
        json_put_text(result, "file", entitlement->tier_file);
        json_put_integer(result, "line", entitlement->tier_at.line);
    }
    return result;
}

void ops_put_entitled(const struct ops *ops, const char *tier, const char *wanted, json_t *target)
{
    enum tier needed = TIER_FREE;

    (void)tier_parse(tier, &needed);
    if (needed > local_tier(ops, wanted)) {
        json_put(target, "entitled", json_false());
    } else {
        json_put(target, "entitled",
                 ops->config->entitlement.asks_server && needed > TIER_FREE ? json_null()
                                                                            : json_true());
    }
}

/* ---- what a workflow needs ---- */

struct need {
    struct workflow_names names;
    struct map *seen; /* names of workflows that were looked at */
    enum tier tier;
    char *name; /* of the workflow that needs it */
};

static void look(struct need *need, const struct workflow *workflow, int depth);

static void look_at_steps(struct need *need, const struct step *steps, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = steps[i].kind == STEP_WORKFLOW ? steps[i].workflow : NULL;
        const struct workflow *called = NULL;

        if (name && !map_put(need->seen, name, need)) {
            called = need->names.find_workflow(name, need->names.context);
        }
        if (called) {
            look(need, called, depth + 1);
        }
    }
}

static void look(struct need *need, const struct workflow *workflow, int depth)
{
    enum tier tier = TIER_FREE;

    (void)tier_parse(workflow->tier, &tier);
    if (!need->name || tier > need->tier) {
        free(need->name);
        need->name = mem_strdup(workflow->name);
        need->tier = tier;
    }
    for (size_t i = 0; i < workflow->phase_count && depth < DEPTH_MAX; i++) {
        look_at_steps(need, workflow->phases[i].steps, workflow->phases[i].step_count, depth);
        look_at_steps(need, workflow->phases[i].fix_steps, workflow->phases[i].fix_count, depth);
    }
}

static void find_need(struct ops *ops, const struct workflow *workflow, struct need *need)
{
    *need = (struct need){.seen = map_new()};
    ops_workflow_names(ops, &need->names);
    look(need, workflow, 0);
    map_free(need->seen);
}

/* ---- who is asked ---- */

static const char **make_environment(const struct ops *ops, struct strbuf *keys)
{
    const struct environment environment = {.config = ops->config,
                                            .items = ops->settings->environment};
    const char *const *own = environment.items;
    const char **items;
    size_t count = 0;

    while (own && own[count]) {
        count++;
    }
    items = mem_zero(count + 1, sizeof(*items));
    count = 0;
    for (; own && *own; own++) {
        if (environment_passes(&environment, *own)) {
            items[count++] = *own;
        }
    }
    (void)environment_add_key_names(&environment, items, count, keys);
    return items;
}

/* One word, with or without white space around it. */
static bool read_answer(const struct strbuf *output, enum tier *ret_tier)
{
    size_t start = strspn(output->data, " \t\r\n");
    size_t length = strcspn(output->data + start, " \t\r\n");
    bool is_alone = output
                        ->data[start + length + strspn(output->data + start + length, " \t\r\n")] ==
                    '\0';
    char *word = mem_strndup(output->data + start, length);
    bool is_tier = is_alone && tier_parse(word, ret_tier);

    free(word);
    return is_tier;
}

/* Its first words, harmless for a terminal. */
static char *describe_output(const struct probe *probe)
{
    struct strbuf clean;
    char *text;

    if (probe->output.length == 0) {
        return mem_strdup("printed nothing");
    }
    strbuf_init(&clean, PROBE_OUTPUT_BYTES_MAX);
    utf8_add_printable(&clean, probe->output.data, strcspn(probe->output.data, "\r\n"));
    text = mem_printf("printed \"%s\", which is no tier", UTF8_CUT(clean.data, ANSWER_SHOWN));
    strbuf_release(&clean);
    return text;
}

static char *describe_failure(const struct probe *probe)
{
    if (probe->start_errno) {
        return mem_printf("cannot be started: %s", strerror(probe->start_errno));
    }
    if (probe->timed_out) {
        return mem_printf("gave no answer within %d seconds", ANSWER_TIMEOUT_MS / 1000);
    }
    if (probe->exit_status != 0) {
        return probe->exit_status < 0 ? mem_strdup("was ended by a signal")
                                      : mem_printf("ended with exit status %d", probe->exit_status);
    }
    return describe_output(probe);
}

static int ask(struct ops *ops, char **ret_failure, enum tier *ret_tier)
{
    const struct entitlement *entitlement = &ops->config->entitlement;
    const char **argv = mem_zero(entitlement->command_count + 1, sizeof(*argv));
    char *path = ops_find_program(ops, entitlement->command[0]);
    struct strbuf keys;
    const char **environment;
    struct probe probe = {.argv = argv, .timeout_ms = ANSWER_TIMEOUT_MS};
    int r = -1;

    strbuf_init(&keys, SIZE_MAX);
    environment = make_environment(ops, &keys);
    probe.env = environment;
    probe.keys = keys.data;
    for (size_t i = 0; i < entitlement->command_count; i++) {
        argv[i] = entitlement->command[i];
    }
    if (path) {
        argv[0] = path;
        probe_run(&probe, 1);
        r = !probe.start_errno && !probe.timed_out && probe.exit_status == 0 &&
                    read_answer(&probe.output, ret_tier)
                ? 0
                : -1;
        *ret_failure = r < 0 ? describe_failure(&probe) : NULL;
        probe_release(&probe);
    } else {
        *ret_failure = mem_strdup("is not there");
    }
    strbuf_release(&keys);
    free(environment);
    free(path);
    free(argv);
    return r;
}

/* Nobody's answer is no answer: what could not be asked is not allowed. */
static int ask_server(struct ops *ops, const struct need *need, enum tier *ret_tier,
                      struct error *err)
{
    const struct entitlement *entitlement = &ops->config->entitlement;
    char *failure = NULL;
    int r = entitlement->is_of_project ? ops_need_trust(ops, NULL, err) : 0;

    if (r == 0 && ask(ops, &failure, ret_tier) < 0) {
        r = error_set(err, ERROR_UNAVAILABLE,
                      "workflow %s needs the tier %s, and whether that is allowed could not be "
                      "asked: %s %s",
                      need->name, tier_name(need->tier), entitlement->command[0], failure);
        error_hint(err, "`command` of `entitlement` in config.yaml names it, and prints free, pro, "
                        "team or enterprise; workflows of the tier free need no answer");
    }
    free(failure);
    return r;
}

/* ---- may it be started ---- */

static int refuse(const struct need *need, enum tier allowed, const char *who,
                  const struct workflow *workflow, struct error *err)
{
    bool is_called = strcmp(need->name, workflow->name) != 0;

    return error_set(err, ERROR_CONFLICT, "workflow %s%s%s%s needs the tier %s, and %s allows %s",
                     need->name, is_called ? ", which " : "", is_called ? workflow->name : "",
                     is_called ? " may call," : "", tier_name(need->tier), who, tier_name(allowed));
}

int ops_check_tier(struct ops *ops, const struct workflow *workflow, const char *wanted,
                   struct error *err)
{
    const struct entitlement *entitlement = &ops->config->entitlement;
    enum tier local = local_tier(ops, wanted);
    enum tier told = TIER_FREE;
    struct need need;
    int r = 0;

    find_need(ops, workflow, &need);
    if (need.tier > local) {
        char *place = describe_place(entitlement, wanted);

        r = refuse(&need, local, place, workflow, err);
        error_hint(err,
                   "nothing was started; `tier` of `entitlement` there says it, --tier another "
                   "one for once; `fermata workflows` shows what is allowed");
        free(place);
    } else if (entitlement->asks_server && need.tier > TIER_FREE) {
        r = ask_server(ops, &need, &told, err);
        if (r == 0 && need.tier > told) {
            r = refuse(&need, told, entitlement->command[0], workflow, err);
            error_hint(err, "nothing was started; `command` of `entitlement` in config.yaml was "
                            "asked, and --tier does not go beyond it");
        }
    }
    free(need.name);
    return r;
}

/* The line of the key, for the word alone is kept of it. */
static struct position find_tier_line(const struct workflow *workflow)
{
    const char *cursor = workflow->text;
    int line = 1;

    while (cursor && strncmp(cursor, "tier:", strlen("tier:")) != 0) {
        cursor = strchr(cursor, '\n');
        cursor = cursor ? cursor + 1 : NULL;
        line++;
    }
    return (struct position){cursor ? line : 1, 1};
}

void ops_warn_tier(struct ops *ops, const char *file, const struct workflow *workflow,
                   struct problems *problems)
{
    const struct entitlement *entitlement = &ops->config->entitlement;
    struct problem *problem = &problems->items[problems->count];
    enum tier tier = TIER_FREE;

    (void)tier_parse(workflow->tier, &tier);
    if (tier <= entitlement->tier || problems->count == ARRAY_LEN(problems->items)) {
        return;
    }
    *problem = (struct problem){.is_warning = true, .file = file, .at = find_tier_line(workflow)};
    (void)snprintf(problem->text, sizeof(problem->text),
                   "it needs the tier %s, and %.300s:%d:%d allows %s: it cannot be started here",
                   tier_name(tier), entitlement->tier_file, entitlement->tier_at.line,
                   entitlement->tier_at.column, tier_name(entitlement->tier));
    (void)snprintf(problem->hint, sizeof(problem->hint),
                   "`tier` of `entitlement` there says it; `fermata run --tier` another one");
    problems->count++;
}

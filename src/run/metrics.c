/* SPDX-License-Identifier: MIT */
/* What a run cost in time, worked out from its records. Pure but for reading them. */
#include "base/alloc.h"
#include "run/journal.h"
#include "run/query.h"
#include "run/usage.h"

#include <stdlib.h>
#include <string.h>

struct agent_tally {
    char *name;
    struct usage_sum usage;
};

struct tally {
    json_t *phases;    /* id -> {duration_ms, rounds} of finished rounds */
    json_t *gates;     /* name -> {pass, fail, unknown, skipped} */
    json_t *using_;    /* command, function, agent:NAME -> {attempts, busy_ms, failures} */
    json_t *opened;    /* phase -> at */
    json_t *tried;     /* phase -> {step: true}, since the phase began or was reset */
    json_t *attempts;  /* "step.n" -> using */
    json_t *reused_by; /* agent -> how many steps of it */
    VEC(struct agent_tally) agents;
    int64_t attempt_count, retries, losses, reused, busy_ms, saved_ms;
    int64_t first_at, last_at;
    int checkpoints, iterations, gotos;
};

static void add(json_t *table, const char *row, const char *field, int64_t amount)
{
    json_t *object = json_object_get(table, row);

    if (!object) {
        object = json_object();
        json_put(table, row, object);
    }
    json_put_integer(object, field, json_get_integer(object, field, 0) + amount);
}

static void close_phase(struct tally *tally, const char *phase, int64_t at)
{
    const json_t *opened = json_object_get(tally->opened, phase);

    if (opened) {
        add(tally->phases, phase, "duration_ms", at - json_integer_value(opened));
        (void)json_object_del(tally->opened, phase);
    }
}

static void count_phase(struct tally *tally, const json_t *record)
{
    const char *phase = json_get_text(record, "phase", "");
    const char *status = json_get_text(record, "status", "");
    int64_t at = json_get_integer(record, "at", 0);

    if (strcmp(status, "running") == 0) {
        if (!json_object_get(tally->opened, phase)) {
            json_put_integer(tally->opened, phase, at);
            add(tally->phases, phase, "rounds", 1);
        }
    } else {
        close_phase(tally, phase, at);
    }
}

static void count_reset(struct tally *tally, const json_t *record)
{
    const char *phase = json_get_text(record, "phase", "");

    close_phase(tally, phase, json_get_integer(record, "at", 0));
    (void)json_object_del(tally->tried, phase);
}

/* Whether the step has been tried before in this round of its phase. */
static bool is_retry(struct tally *tally, const json_t *record)
{
    const char *phase = json_get_text(record, "phase", "");
    const char *step = json_get_text(record, "step", "");
    json_t *steps = json_object_get(tally->tried, phase);

    if (!steps) {
        steps = json_object();
        json_put(tally->tried, phase, steps);
    }
    if (json_object_get(steps, step)) {
        return true;
    }
    json_put(steps, step, json_true());
    return false;
}

static void count_start(struct tally *tally, const json_t *record)
{
    const char *kind = json_get_text(record, "using", "");
    const char *name = json_get_text(record, "name", NULL);
    char *key = mem_printf("%s.%lld", json_get_text(record, "step", ""),
                           (long long)json_get_integer(record, "attempt", 0));
    char *row = name ? mem_printf("%s:%s", kind, name) : mem_strdup(kind);

    tally->attempt_count++;
    /* A check that is made again proves again; nothing was tried in vain. */
    tally->retries += strcmp(kind, "check") != 0 && is_retry(tally, record);
    json_put_text(tally->attempts, key, row);
    add(tally->using_, row, "attempts", 1);
    free(row);
    free(key);
}

static void count_usage(struct tally *tally, const json_t *record)
{
    const char *name = json_get_text(record, "agent", NULL);
    const json_t *usage = json_object_get(record, "usage");

    if (!name) {
        return;
    }
    for (size_t i = 0; i < tally->agents.count; i++) {
        if (strcmp(tally->agents.items[i].name, name) == 0) {
            usage_add(&tally->agents.items[i].usage, usage);
            return;
        }
    }
    *VEC_PUSH(&tally->agents) = (struct agent_tally){.name = mem_strdup(name)};
    usage_add(&tally->agents.items[tally->agents.count - 1].usage, usage);
}

static json_t *describe_agents(const struct tally *tally)
{
    json_t *agents = json_object();

    for (size_t i = 0; i < tally->agents.count; i++) {
        json_put(agents, tally->agents.items[i].name,
                 usage_describe(&tally->agents.items[i].usage));
    }
    return agents;
}

static void count_end(struct tally *tally, const json_t *record)
{
    char *key = mem_printf("%s.%lld", json_get_text(record, "step", ""),
                           (long long)json_get_integer(record, "attempt", 0));
    const char *row = json_get_text(tally->attempts, key, "unknown");
    const char *class_ = json_get_text(record, "class", "none");
    int64_t duration = json_get_integer(record, "duration_ms", 0);

    count_usage(tally, record);
    tally->busy_ms += duration;
    tally->losses += strcmp(class_, "lost") == 0;
    add(tally->using_, row, "busy_ms", duration);
    add(tally->using_, row, "failures", strcmp(class_, "none") != 0);
    free(key);
}

static void count_reused_agent(struct tally *tally, const char *agent)
{
    if (agent) {
        json_put_integer(tally->reused_by, agent, json_get_integer(tally->reused_by, agent, 0) + 1);
    }
}

static void count_record(struct tally *tally, const json_t *record)
{
    const char *kind = json_get_text(record, "kind", "");
    int64_t at = json_get_integer(record, "at", 0);

    tally->first_at = tally->first_at ? tally->first_at : at;
    tally->last_at = at;
    if (strcmp(kind, "phase_moved") == 0) {
        count_phase(tally, record);
    } else if (strcmp(kind, "phase_reset") == 0) {
        count_reset(tally, record);
    } else if (strcmp(kind, "attempt_started") == 0) {
        count_start(tally, record);
    } else if (strcmp(kind, "attempt_ended") == 0) {
        count_end(tally, record);
    } else if (strcmp(kind, "step_done") == 0) {
        count_start(tally, record);
        count_end(tally, record);
    } else if (strcmp(kind, "step_reused") == 0) {
        tally->reused++;
        tally->saved_ms += json_get_integer(record, "duration_ms", 0);
        count_reused_agent(tally, json_get_text(record, "agent", NULL));
    } else if (strcmp(kind, "gate_decided") == 0) {
        add(tally->gates, json_get_text(record, "gate", ""), json_get_text(record, "verdict", ""),
            1);
    } else if (strcmp(kind, "gate_skipped") == 0) {
        add(tally->gates, json_get_text(record, "gate", ""), "skipped", 1);
    } else if (strcmp(kind, "checkpoint_saved") == 0) {
        tally->checkpoints++;
    } else if (strcmp(kind, "iterated") == 0) {
        tally->iterations++;
    } else if (strcmp(kind, "went_to") == 0) {
        tally->gotos++;
    }
}

/* The share of each verdict, so that a gate that is never red can be seen. */
static void add_rates(json_t *gates)
{
    const char *name;
    json_t *gate;

    json_object_foreach(gates, name, gate)
    {
        int64_t pass = json_get_integer(gate, "pass", 0);
        int64_t total = pass + json_get_integer(gate, "fail", 0) +
                        json_get_integer(gate, "unknown", 0);

        json_put(gate, "pass_rate",
                 total > 0 ? json_real((double)pass / (double)total) : json_null());
    }
}

/* The share of the time in which attempts were under way, of all and of each kind: above 1 when
 * several were at once. */
static json_t *utilisation(int64_t busy_ms, int64_t total_ms)
{
    return total_ms > 0 ? json_real((double)busy_ms / (double)total_ms) : json_null();
}

static json_t *describe(struct tally *tally)
{
    int64_t total = tally->last_at - tally->first_at;
    json_t *metrics = json_object();
    const char *name;
    json_t *row;

    json_object_foreach(tally->opened, name, row)
    {
        add(tally->phases, name, "duration_ms", tally->last_at - json_integer_value(row));
    }
    json_object_foreach(tally->using_, name, row)
    {
        json_put(row, "utilisation", utilisation(json_get_integer(row, "busy_ms", 0), total));
    }
    add_rates(tally->gates);
    json_put_integer(metrics, "duration_ms", total);
    json_put_integer(metrics, "attempts", tally->attempt_count);
    json_put_integer(metrics, "retries", tally->retries);
    json_put_integer(metrics, "lost", tally->losses);
    json_put_integer(metrics, "reused", tally->reused);
    json_put(metrics, "reused_by", json_incref(tally->reused_by));
    json_put_integer(metrics, "saved_ms", tally->saved_ms);
    json_put_integer(metrics, "busy_ms", tally->busy_ms);
    json_put(metrics, "utilisation", utilisation(tally->busy_ms, total));
    json_put_integer(metrics, "checkpoints", tally->checkpoints);
    json_put_integer(metrics, "iterations", tally->iterations);
    json_put_integer(metrics, "gotos", tally->gotos);
    json_put(metrics, "phases", json_incref(tally->phases));
    json_put(metrics, "gates", json_incref(tally->gates));
    json_put(metrics, "using", json_incref(tally->using_));
    json_put(metrics, "agents", describe_agents(tally));
    return metrics;
}

struct metrics_job {
    const char *run_id;
    struct tally tally;
};

static int add_record(void *context, const struct record *record, struct error *err)
{
    struct metrics_job *job = context;
    json_t *described = record_describe(record, job->run_id);

    (void)err;
    count_record(&job->tally, described);
    json_decref(described);
    return 0;
}

static int read_journal(struct tx *tx, void *arg, struct error *err)
{
    struct metrics_job *job = arg;

    return journal_read(tx, job->run_id, 1, 0, add_record, job, err);
}

int run_metrics(struct store *store, const char *run_id, json_t **ret_metrics, struct error *err)
{
    struct metrics_job job = {.run_id = run_id};
    json_t **const tables[] = {&job.tally.phases,   &job.tally.gates, &job.tally.using_,
                               &job.tally.opened,   &job.tally.tried, &job.tally.attempts,
                               &job.tally.reused_by};
    int r;

    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        *tables[i] = json_object();
    }
    r = store_read(store, read_journal, &job, err);
    if (r == 0) {
        *ret_metrics = describe(&job.tally);
    }
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        json_decref(*tables[i]);
    }
    for (size_t i = 0; i < job.tally.agents.count; i++) {
        free(job.tally.agents.items[i].name);
    }
    VEC_RELEASE(&job.tally.agents);
    return r;
}

/* SPDX-License-Identifier: MIT */
/* What a run cost in time, worked out from its records. Pure but for reading them. */
#include "base/alloc.h"
#include "run/engine.h"
#include "run/states.h"

#include <stdlib.h>
#include <string.h>

struct tally {
    json_t *phases;   /* id -> {duration_ms, rounds} of finished rounds */
    json_t *gates;    /* name -> {pass, fail, unknown, skipped} */
    json_t *using_;   /* command, function, agent:NAME -> {attempts, busy_ms, failures} */
    json_t *opened;   /* phase -> at */
    json_t *attempts; /* "step.n" -> using */
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
    } else if (json_object_get(tally->opened, phase)) {
        add(tally->phases, phase, "duration_ms", at - json_get_integer(tally->opened, phase, at));
        (void)json_object_del(tally->opened, phase);
    }
}

static void count_start(struct tally *tally, const json_t *record)
{
    const char *kind = json_get_text(record, "using", "");
    const char *name = json_get_text(record, "name", NULL);
    char *key = mem_printf("%s.%lld", json_get_text(record, "step", ""),
                           (long long)json_get_integer(record, "attempt", 0));
    char *row = name ? mem_printf("%s:%s", kind, name) : mem_strdup(kind);

    tally->attempt_count++;
    tally->retries += json_get_integer(record, "attempt", 1) > 1;
    json_put_text(tally->attempts, key, row);
    add(tally->using_, row, "attempts", 1);
    free(row);
    free(key);
}

static void count_end(struct tally *tally, const json_t *record)
{
    char *key = mem_printf("%s.%lld", json_get_text(record, "step", ""),
                           (long long)json_get_integer(record, "attempt", 0));
    const char *row = json_get_text(tally->attempts, key, "unknown");
    const char *class_ = json_get_text(record, "class", "none");
    int64_t duration = json_get_integer(record, "duration_ms", 0);

    tally->busy_ms += duration;
    tally->losses += strcmp(class_, "lost") == 0;
    add(tally->using_, row, "busy_ms", duration);
    add(tally->using_, row, "failures", strcmp(class_, "none") != 0);
    free(key);
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
        (void)json_object_del(tally->opened, json_get_text(record, "phase", ""));
    } else if (strcmp(kind, "attempt_started") == 0) {
        count_start(tally, record);
    } else if (strcmp(kind, "attempt_ended") == 0) {
        count_end(tally, record);
    } else if (strcmp(kind, "step_reused") == 0) {
        tally->reused++;
        tally->saved_ms += json_get_integer(record, "duration_ms", 0);
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

static json_t *describe(struct tally *tally)
{
    int64_t total = tally->last_at - tally->first_at;
    json_t *metrics = json_object();

    add_rates(tally->gates);
    json_put_integer(metrics, "duration_ms", total);
    json_put_integer(metrics, "attempts", tally->attempt_count);
    json_put_integer(metrics, "retries", tally->retries);
    json_put_integer(metrics, "lost", tally->losses);
    json_put_integer(metrics, "reused", tally->reused);
    json_put_integer(metrics, "saved_ms", tally->saved_ms);
    json_put_integer(metrics, "busy_ms", tally->busy_ms);
    /* Mean number of attempts under way: above 1 when steps ran side by side. */
    json_put(metrics, "utilisation",
             total > 0 ? json_real((double)tally->busy_ms / (double)total) : json_null());
    json_put_integer(metrics, "checkpoints", tally->checkpoints);
    json_put_integer(metrics, "iterations", tally->iterations);
    json_put_integer(metrics, "gotos", tally->gotos);
    json_put(metrics, "phases", json_incref(tally->phases));
    json_put(metrics, "gates", json_incref(tally->gates));
    json_put(metrics, "using", json_incref(tally->using_));
    return metrics;
}

int run_metrics(struct store *store, const char *run_id, json_t **ret_metrics, struct error *err)
{
    struct tally tally = {.phases = json_object(),
                          .gates = json_object(),
                          .using_ = json_object(),
                          .opened = json_object(),
                          .attempts = json_object()};
    json_t *records = NULL;
    size_t index;
    const json_t *record;
    int r = run_records(store, run_id, 1, 0, &records, err);

    if (r == 0) {
        json_array_foreach(json_object_get(records, "records"), index, record)
        {
            count_record(&tally, record);
        }
        *ret_metrics = describe(&tally);
    }
    json_decref(records);
    json_decref(tally.phases);
    json_decref(tally.gates);
    json_decref(tally.using_);
    json_decref(tally.opened);
    json_decref(tally.attempts);
    return r;
}

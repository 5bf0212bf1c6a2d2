/* SPDX-License-Identifier: MIT */
#include "planner/routing.h"

#include "base/alloc.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIE_MARGIN 0.05
#define WHY_BYTES_MAX 256
#define KNOWN_BYTES_MAX 64
#define PI 3.14159265358979323846

/* ---- random numbers: one stream for a seed, the same everywhere ---- */

/* splitmix64 (Steele, Lea and Flood, 2014). */
static uint64_t next_bits(uint64_t *seed)
{
    uint64_t bits = *seed += 0x9e3779b97f4a7c15U;

    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
}

/* Above 0 and below 1. */
static double next_uniform(uint64_t *seed)
{
    return ((double)(next_bits(seed) >> 11) + 0.5) / 9007199254740992.0;
}

static double next_normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(next_uniform(seed)));

    return radius * cos(2 * PI * next_uniform(seed));
}

/* Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; for shape >= 1. */
static double next_gamma(double shape, uint64_t *seed)
{
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);

    for (;;) {
        double x = next_normal(seed);
        double v = 1 + c * x;

        v = v * v * v;
        if (v > 0 && log(next_uniform(seed)) < x * x / 2 + d - d * v + d * log(v)) {
            return d * v;
        }
    }
}

static double next_beta(double a, double b, uint64_t *seed)
{
    double x = next_gamma(a, seed);

    return x / (x + next_gamma(b, seed));
}

uint64_t routing_seed(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325U; /* FNV-1a */

    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
        hash = (hash ^ *byte) * 0x100000001b3U;
    }
    return hash;
}

/* ---- what is known ---- */

struct mean {
    double sum, weight;
    int64_t count;
};

static void mean_add(struct mean *mean, double weight, double sum, int64_t count)
{
    mean->sum += weight * sum;
    mean->weight += weight * (double)count;
    mean->count += count;
}

static double mean_get(const struct mean *mean)
{
    return mean->count > 0 && mean->weight > 0 ? mean->sum / mean->weight : -1;
}

static double decay(int64_t age, double half_life)
{
    return age > 0 ? exp2(-(double)age / half_life) : 1;
}

static int find_candidate(const struct routing_request *request, const char *agent)
{
    for (size_t i = 0; i < request->candidate_count; i++) {
        if (strcmp(request->candidates[i].agent, agent) == 0) {
            return (int)i;
        }
    }
    return -1;
}

struct means {
    struct mean cost, duration;
};

static void note_sample(const struct agent_sample *sample, double weight,
                        struct routing_record *record, struct means *means)
{
    record->samples += sample->succeeded + sample->failed;
    record->succeeded += weight * (double)sample->succeeded;
    record->failed += weight * (double)sample->failed;
    mean_add(&means->cost, weight, sample->all.cost_usd, sample->all.priced);
    mean_add(&means->duration, weight, (double)sample->well.duration_ms, sample->well.timed);
}

static void finish_record(const struct routing_candidate *candidate, const struct means *means,
                          struct routing_record *record)
{
    double known = record->succeeded + record->failed;
    double cost = mean_get(&means->cost);

    record->success = known > 0 ? record->succeeded / known : -1;
    record->duration_ms = mean_get(&means->duration);
    cost = cost < 0 ? candidate->cost_usd : cost;
    /* One success and one failure more than were seen: nobody's success costs infinitely much. */
    record->cost_usd = cost < 0 ? -1 : cost * (known + 2) / (record->succeeded + 1);
}

static void read_records(const struct routing_request *request, struct routing_record *records)
{
    struct means *means = mem_zero(request->candidate_count, sizeof(*means));
    int64_t newer = 0;

    memset(records, 0, request->candidate_count * sizeof(*records));
    for (size_t i = request->sample_count; i > 0; i--) {
        const struct agent_sample *sample = &request->samples[i - 1];
        int index = strcmp(sample->kind, request->kind) == 0
                        ? find_candidate(request, sample->agent)
                        : -1;

        if (index < 0) {
            continue;
        }
        note_sample(sample,
                    decay(request->now - sample->at, (double)ROUTING_HALF_LIFE_MS) *
                        decay(newer, ROUTING_HALF_LIFE_SAMPLES),
                    &records[index], &means[index]);
        newer += sample->succeeded + sample->failed;
    }
    for (size_t i = 0; i < request->candidate_count; i++) {
        finish_record(&request->candidates[i], &means[i], &records[i]);
    }
    free(means);
}

/* ---- the choice ---- */

static bool is_poor(const struct routing_record *record)
{
    return record->succeeded + record->failed >= ROUTING_SAMPLES_MIN &&
           record->success < ROUTING_SUCCESS_MIN;
}

/* Each draws, whether it dropped out or not: so one more candidate changes no other's draw. */
static void draw(const struct routing_request *request, struct routing_record *records)
{
    bool has_other = false;

    for (size_t i = 0; i < request->candidate_count; i++) {
        has_other = has_other || !is_poor(&records[i]);
    }
    for (size_t i = 0; i < request->candidate_count; i++) {
        uint64_t seed = request->seed ^ routing_seed(request->candidates[i].agent);

        records[i].draw = has_other && is_poor(&records[i])
                              ? -1
                              : next_beta(1 + records[i].succeeded, 1 + records[i].failed, &seed);
    }
}

/* By the first of the two that is known of both; 0: neither tells. */
static int compare_prices(const struct routing_record *a, const struct routing_record *b)
{
    const double pairs[][2] = {{a->cost_usd, b->cost_usd}, {a->duration_ms, b->duration_ms}};

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (pairs[i][0] >= 0 && pairs[i][1] >= 0 && pairs[i][0] != pairs[i][1]) {
            return pairs[i][0] < pairs[i][1] ? -1 : 1;
        }
    }
    return 0;
}

static size_t choose(const struct routing_record *records, size_t count)
{
    double highest = 0;
    size_t chosen = count;

    for (size_t i = 0; i < count; i++) {
        highest = records[i].draw > highest ? records[i].draw : highest;
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i].draw >= 0 && records[i].draw >= highest - TIE_MARGIN &&
            (chosen == count || compare_prices(&records[i], &records[chosen]) < 0)) {
            chosen = i;
        }
    }
    assert(chosen < count);
    return chosen;
}

size_t routing_pick(const struct routing_request *request, struct routing_record *ret_records)
{
    bool is_known = false;

    assert(request->candidate_count > 0);
    read_records(request, ret_records);
    draw(request, ret_records);
    for (size_t i = 0; i < request->candidate_count; i++) {
        is_known = is_known || ret_records[i].samples > 0;
    }
    return is_known ? choose(ret_records, request->candidate_count) : 0;
}

/* ---- in words ---- */

/* Who would be taken if nothing were to be learned: the highest mean, with what is assumed of
 * everybody. */
static size_t find_leader(const struct routing_record *records, size_t count)
{
    size_t leader = 0;
    double highest = -1;

    for (size_t i = 0; i < count; i++) {
        double mean = (records[i].succeeded + 1) / (records[i].succeeded + records[i].failed + 2);

        if (records[i].draw >= 0 && mean > highest) {
            highest = mean;
            leader = i;
        }
    }
    return leader;
}

static void say_known(const struct routing_record *record, char text[KNOWN_BYTES_MAX])
{
    if (record->success < 0) {
        (void)snprintf(text, KNOWN_BYTES_MAX, "nothing known");
    } else {
        (void)snprintf(text, KNOWN_BYTES_MAX, "success %.2f of %lld sample%s", record->success,
                       (long long)record->samples, record->samples == 1 ? "" : "s");
    }
}

enum reason { REASON_ONLY, REASON_NOTHING_KNOWN, REASON_BEST, REASON_PRICE, REASON_LEARN };

static enum reason find_reason(const struct routing_request *request,
                               const struct routing_record *records, size_t chosen, size_t leader)
{
    int64_t samples = 0;

    for (size_t i = 0; i < request->candidate_count; i++) {
        samples += records[i].samples;
    }
    if (request->candidate_count == 1) {
        return REASON_ONLY;
    }
    if (samples == 0) {
        return REASON_NOTHING_KNOWN;
    }
    if (leader == chosen) {
        return REASON_BEST;
    }
    return records[leader].draw <= records[chosen].draw + TIE_MARGIN &&
                   compare_prices(&records[chosen], &records[leader]) < 0
               ? REASON_PRICE
               : REASON_LEARN;
}

static void say_chosen(const struct routing_request *request, const struct routing_record *records,
                       size_t chosen, enum reason reason, char text[WHY_BYTES_MAX])
{
    const size_t leader = find_leader(records, request->candidate_count);
    const char *name = request->candidates[leader].agent;
    char known[KNOWN_BYTES_MAX];
    char other[KNOWN_BYTES_MAX];

    say_known(&records[chosen], known);
    say_known(&records[leader], other);
    switch (reason) {
    case REASON_ONLY:
        (void)snprintf(text, WHY_BYTES_MAX, "the only one: %s", known);
        break;
    case REASON_NOTHING_KNOWN:
        (void)snprintf(text, WHY_BYTES_MAX,
                       "nothing is known of any for this kind of task: the"
                       " first of the configuration");
        break;
    case REASON_BEST:
        (void)snprintf(text, WHY_BYTES_MAX, "the best that is known: %s", known);
        break;
    case REASON_PRICE:
        (void)snprintf(text, WHY_BYTES_MAX, "about as good, and cheaper or faster: %s; %s has %s",
                       known, name, other);
        break;
    case REASON_LEARN:
        (void)snprintf(text, WHY_BYTES_MAX, "to learn more of it: %s; %s leads: %s", known, name,
                       other);
        break;
    }
}

static void say_left(const struct routing_record *record, char text[WHY_BYTES_MAX])
{
    char known[KNOWN_BYTES_MAX];

    say_known(record, known);
    if (record->draw < 0) {
        (void)snprintf(text, WHY_BYTES_MAX, "dropped out, below %.1f: %s", ROUTING_SUCCESS_MIN,
                       known);
    } else {
        (void)snprintf(text, WHY_BYTES_MAX, "%s", known);
    }
}

static void put_known(json_t *object, const char *name, double value)
{
    if (value >= 0) {
        json_put(object, name, json_real(value));
    }
}

static json_t *describe(const struct routing_candidate *candidate,
                        const struct routing_record *record, const char *why)
{
    json_t *object = json_object();

    json_put_text(object, "agent", candidate->agent);
    json_put_text(object, "tier", candidate->tier);
    put_known(object, "score", record->draw);
    put_known(object, "success", record->success);
    json_put_integer(object, "samples", record->samples);
    put_known(object, "cost_usd", record->cost_usd);
    put_known(object, "duration_ms", record->duration_ms);
    json_put_text(object, "why", why);
    return object;
}

json_t *routing_choose(const struct routing_request *request)
{
    struct routing_record *records = mem_zero(request->candidate_count, sizeof(*records));
    size_t chosen = routing_pick(request, records);
    enum reason reason = find_reason(request, records, chosen,
                                     find_leader(records, request->candidate_count));
    json_t *alternatives = json_array();
    char why[WHY_BYTES_MAX];
    json_t *choice;

    say_chosen(request, records, chosen, reason, why);
    choice = describe(&request->candidates[chosen], &records[chosen], why);
    json_put_text(choice, "kind", request->kind);
    if (reason == REASON_LEARN) {
        json_put(choice, "exploration", json_true());
    }
    for (size_t i = 0; i < request->candidate_count; i++) {
        if (i != chosen) {
            say_left(&records[i], why);
            (void)json_array_append_new(alternatives,
                                        describe(&request->candidates[i], &records[i], why));
        }
    }
    json_put(choice, "alternatives", alternatives);
    free(records);
    return choice;
}

/* ---- what it will take ---- */

enum basis { BASIS_EXPERT, BASIS_KIND, BASIS_AGENT };
static const char *const basis_names[] = {[BASIS_EXPERT] = "agent, kind and expert",
                                          [BASIS_KIND] = "agent and kind",
                                          [BASIS_AGENT] = "agent"};

static bool is_like(const struct routing_question *question, const struct agent_sample *sample,
                    enum basis basis)
{
    if (strcmp(sample->agent, question->agent) != 0) {
        return false;
    }
    if (basis != BASIS_AGENT && strcmp(sample->kind, question->kind) != 0) {
        return false;
    }
    return basis != BASIS_EXPERT ||
           (question->expert && sample->expert && strcmp(sample->expert, question->expert) == 0);
}

struct estimate {
    struct mean tokens, cost, duration;
    int64_t samples;
};

static struct estimate sum_up(const struct routing_question *question, enum basis basis)
{
    struct estimate sums = {.samples = 0};

    for (size_t i = 0; i < question->sample_count; i++) {
        const struct agent_sample *sample = &question->samples[i];
        double weight = decay(question->now - sample->at, (double)ROUTING_HALF_LIFE_MS);

        if (is_like(question, sample, basis)) {
            mean_add(&sums.tokens, weight, (double)sample->well.tokens, sample->well.counted);
            mean_add(&sums.cost, weight, sample->well.cost_usd, sample->well.priced);
            mean_add(&sums.duration, weight, (double)sample->well.duration_ms, sample->well.timed);
            sums.samples += sample->well.timed;
        }
    }
    return sums;
}

static void put_mean(json_t *object, const char *name, const struct mean *mean, double scale)
{
    if (mean->count >= ROUTING_SAMPLES_MIN && mean_get(mean) >= 0) {
        json_put(object, name, json_real(mean_get(mean) * scale));
    }
}

json_t *routing_estimate(const struct routing_question *question)
{
    json_t *object = json_object();
    struct estimate sums = {.samples = 0};
    enum basis basis = BASIS_EXPERT;

    for (;; basis++) {
        sums = sum_up(question, basis);
        if (sums.samples >= ROUTING_SAMPLES_MIN || basis == BASIS_AGENT) {
            break;
        }
    }
    json_put_integer(object, "samples", sums.samples);
    if (sums.samples >= ROUTING_SAMPLES_MIN) {
        json_put_text(object, "basis", basis_names[basis]);
        put_mean(object, "tokens", &sums.tokens, 1);
        put_mean(object, "cost_usd", &sums.cost, 1);
        put_mean(object, "seconds", &sums.duration, 0.001);
    }
    return object;
}

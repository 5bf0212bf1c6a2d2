/* SPDX-License-Identifier: MIT */
#include "run/sample.h"

#include "base/alloc.h"

#include <stddef.h>

#define INTEGER(type, name)                                                                        \
    {                                                                                              \
#name, offsetof(type, name)                                                                \
    }

struct integer {
    const char *name;
    size_t offset;
};

static const struct integer sums_integers[] = {
    INTEGER(struct sample_sums, duration_ms), INTEGER(struct sample_sums, timed),
    INTEGER(struct sample_sums, tokens), INTEGER(struct sample_sums, counted),
    INTEGER(struct sample_sums, priced)};
static const struct integer sample_integers[] = {
    INTEGER(struct agent_sample, attempts), INTEGER(struct agent_sample, succeeded),
    INTEGER(struct agent_sample, failed), INTEGER(struct agent_sample, sent_back),
    INTEGER(struct agent_sample, changes)};
#undef INTEGER

static void add_integers(void *target, const void *source, const struct integer *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *(int64_t *)(void *)((char *)target + list[i].offset) += *(
            const int64_t *)(const void *)((const char *)source + list[i].offset);
    }
}

static void put_integers(json_t *object, const void *source, const struct integer *list,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = *(const int64_t *)(const void *)((const char *)source + list[i].offset);

        if (value) {
            json_put_integer(object, list[i].name, value);
        }
    }
}

static void get_integers(const json_t *object, void *target, const struct integer *list,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *(int64_t *)(void *)((char *)target + list[i].offset) = json_get_integer(object,
                                                                                 list[i].name, 0);
    }
}

void sample_add_sums(struct sample_sums *sums, const struct sample_sums *other)
{
    add_integers(sums, other, sums_integers, ARRAY_LEN(sums_integers));
    sums->cost_usd += other->cost_usd;
}

void sample_add(struct agent_sample *sample, const struct agent_sample *other)
{
    add_integers(sample, other, sample_integers, ARRAY_LEN(sample_integers));
    for (int i = 0; i < FAILURE_CLASSES; i++) {
        sample->by_class[i] += other->by_class[i];
    }
    sample_add_sums(&sample->well, &other->well);
    sample_add_sums(&sample->all, &other->all);
}

void sample_put_sums(json_t *object, const struct sample_sums *sums)
{
    put_integers(object, sums, sums_integers, ARRAY_LEN(sums_integers));
    if (sums->priced > 0) {
        json_put(object, "cost_usd", json_real(sums->cost_usd));
    }
}

static json_t *encode_sums(const struct sample_sums *sums)
{
    json_t *object = json_object();

    sample_put_sums(object, sums);
    return object;
}

json_t *sample_encode(const struct agent_sample *sample)
{
    json_t *object = json_object();
    json_t *classes = json_object();

    put_integers(object, sample, sample_integers, ARRAY_LEN(sample_integers));
    for (int i = CLASS_NONE + 1; i < FAILURE_CLASSES; i++) {
        if (sample->by_class[i] > 0) {
            json_put_integer(classes, failure_class_name((enum failure_class)i),
                             sample->by_class[i]);
        }
    }
    json_put(object, "classes", classes);
    json_put(object, "well", encode_sums(&sample->well));
    json_put(object, "all", encode_sums(&sample->all));
    return object;
}

static void decode_sums(const json_t *value, struct sample_sums *sums)
{
    get_integers(value, sums, sums_integers, ARRAY_LEN(sums_integers));
    sums->cost_usd = json_number_value(json_object_get(value, "cost_usd"));
}

void sample_decode(const json_t *value, struct agent_sample *sample)
{
    const json_t *classes = json_object_get(value, "classes");

    get_integers(value, sample, sample_integers, ARRAY_LEN(sample_integers));
    for (int i = CLASS_NONE + 1; i < FAILURE_CLASSES; i++) {
        sample->by_class[i] = json_get_integer(classes, failure_class_name((enum failure_class)i),
                                               0);
    }
    decode_sums(json_object_get(value, "well"), &sample->well);
    decode_sums(json_object_get(value, "all"), &sample->all);
}

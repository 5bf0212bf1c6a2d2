/* SPDX-License-Identifier: MIT */
/* What words say about a task: of which kind it is, what it touches, what makes it risky. Tables
 * only; analyze.c weighs them. */
#ifndef FERMATA_PLANNER_VOCABULARY_H
#define FERMATA_PLANNER_VOCABULARY_H

#include "planner/analyze.h"

#include <stddef.h>

struct kind_word {
    const char *phrase;
    enum task_kind kind;
    int weight;
    bool is_verb; /* counts twice as the first word of the task */
};

struct surface_word {
    const char *phrase;
    enum surface surface;
};

struct risk_word {
    const char *phrase;
    const char *risk;
};

/* Words that make a task larger or smaller than it looks. */
struct size_word {
    const char *phrase;
    int points;
};

/* Where a path belongs: `part` is a folder or the end of a name. */
struct path_word {
    const char *part;
    enum surface surface;
};

extern const struct kind_word kind_words[];
extern const size_t kind_word_count;
extern const struct surface_word surface_words[];
extern const size_t surface_word_count;
extern const struct risk_word risk_words[];
extern const size_t risk_word_count;
extern const struct size_word size_words[];
extern const size_t size_word_count;
extern const struct path_word path_words[];
extern const size_t path_word_count;

#endif

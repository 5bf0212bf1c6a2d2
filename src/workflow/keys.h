/* SPDX-License-Identifier: MIT */
/* The one table of all YAML keys: of the workflow file, config.yaml and the front matter of
 * experts. Internal to workflow/. The reader checks against it; the JSON Schemas and the reference
 * are printed from it. */
#ifndef FERMATA_WORKFLOW_KEYS_H
#define FERMATA_WORKFLOW_KEYS_H

#include "workflow/yaml.h"

/* A level is a kind of map in the files. */
enum key_level {
    LEVEL_WORKFLOW,
    LEVEL_INPUT,
    LEVEL_DEFAULTS,
    LEVEL_RETRY,
    LEVEL_QUIET,
    LEVEL_GOTO,
    LEVEL_ITERATE,
    LEVEL_CHECKPOINT,
    LEVEL_SUITS,
    LEVEL_BUDGET,
    LEVEL_GATE,
    LEVEL_CHECK,
    LEVEL_PHASE,
    LEVEL_STEP,
    LEVEL_STATIC,
    LEVEL_CONFIG,
    LEVEL_AGENT,
    LEVEL_MAP, /* of the output of an agent of type command */
    LEVEL_MAP_EVENT,
    LEVEL_MAP_USAGE,
    LEVEL_PRICE,
    LEVEL_CHAIN, /* a workflow as a list of steps, in config.yaml */
    LEVEL_CHAIN_STEP,
    LEVEL_SETTINGS,
    LEVEL_FALLBACK,
    LEVEL_OFFLINE,
    LEVEL_ENTITLEMENT,
    LEVEL_EXPERT, /* the front matter of an expert */
};
#define KEY_LEVELS 28
#define LEVEL_BIT(level) (1U << (unsigned)(level))

/* What a value may look like; a key may allow several. */
enum key_shape {
    SHAPE_TEXT = 1 << 0,
    SHAPE_ID = 1 << 1,   /* letters, digits, - and _; a letter first */
    SHAPE_NAME = 1 << 2, /* of an agent, expert, function, workflow: also . and / */
    SHAPE_WORD = 1 << 3, /* one of `words` */
    SHAPE_BOOLEAN = 1 << 4,
    SHAPE_INTEGER = 1 << 5,
    SHAPE_NUMBER = 1 << 6,
    SHAPE_DURATION = 1 << 7, /* "30s", or a number of seconds */
    SHAPE_BYTES = 1 << 8,    /* "8MiB", or a number of bytes */
    SHAPE_EXPRESSION = 1 << 9,
    SHAPE_TEMPLATE = 1 << 10, /* a text with ${{ }} */
    SHAPE_PATH = 1 << 11,     /* relative, without ".." */
    SHAPE_TEXTS = 1 << 12,    /* list of texts */
    SHAPE_NAMES = 1 << 13,    /* list of names; one name alone is a list of one */
    SHAPE_WORDS = 1 << 14,    /* list of `words` */
    SHAPE_INTEGERS = 1 << 15,
    SHAPE_VALUES = 1 << 16,    /* list of anything */
    SHAPE_ANY = 1 << 17,       /* anything, as JSON */
    SHAPE_OBJECT = 1 << 18,    /* a map of level `of` */
    SHAPE_OBJECTS = 1 << 19,   /* list of maps of level `of` */
    SHAPE_NAMED = 1 << 20,     /* name -> map of level `of` (or list of level `of_items`) */
    SHAPE_VARIABLES = 1 << 21, /* name -> text with ${{ }}, number or boolean */
    SHAPE_PATHS = 1 << 22,     /* name -> relative path */
    SHAPE_NAME_MAP = 1 << 23,  /* name -> name */
    SHAPE_MAP = 1 << 24,       /* a map of anything, as JSON */
    SHAPE_SECRET = 1 << 25,    /* where a secret is: env:NAME or file:PATH */
    SHAPE_POINTER = 1 << 26,   /* into JSON: keys and indexes, with dots */
    SHAPE_COUNT = 1 << 27,     /* "200k", or a whole number */
};
#define KEY_SHAPES 28

struct key {
    unsigned levels; /* LEVEL_BIT set */
    const char *name;
    unsigned shapes;
    const char *help;
    const char *words;       /* space-separated, for SHAPE_WORD and SHAPE_WORDS */
    enum key_level of;       /* for SHAPE_OBJECT, SHAPE_OBJECTS, SHAPE_NAMED */
    enum key_level of_items; /* for SHAPE_NAMED whose values may also be lists; 0: may not */
    int64_t least;           /* for SHAPE_INTEGER and SHAPE_NUMBER */
    int64_t most;
    unsigned kinds;       /* of steps that may have it; 0: all */
    const char *fallback; /* the default, as it would be written; NULL: none */
    const char *example;  /* a value in YAML flow style; NULL: the help says enough */
    bool is_required;
    bool is_ignored; /* accepted from other tools' files, with a warning; `help` says what is used
                      * instead */
};

struct level {
    const char *name;  /* in the reference and in $defs */
    const char *title; /* in messages: "a step" */
    const char *help;
};

const struct key *key_table(size_t *ret_count);
const struct level *key_level_get(enum key_level level);
/* Whether any other key is allowed too, as a name with a name as its value. */
bool key_level_has_free_keys(enum key_level level);
const struct key *key_find(enum key_level level, const char *name); /* NULL: unknown */
const char *key_nearest(enum key_level level, const char *name);    /* or NULL */

/* Checks a tree against the table, from `level` down; marks what is wrong as bad. */
void keys_check(enum key_level level, struct yaml_node *map, struct problems *problems);

/* "a word (pause, fail, continue) or a map": what the key allows, for messages. */
void key_describe_shapes(const struct key *key, struct strbuf *target);

/* keys_words.c: single words */
bool id_is_valid(const char *text);
bool name_is_valid(const char *text);
bool agent_name_is_valid(const char *text);       /* shorter, and one word */
bool variable_is_valid(const char *text);         /* of the environment */
bool variable_pattern_is_valid(const char *text); /* the same, or with * a pattern */
bool model_is_valid(const char *text);            /* of a model, or with * and ? a pattern */
bool secret_is_valid(const char *text);           /* env:NAME or file:PATH */
bool pointer_is_valid(const char *text);          /* keys and indexes, with dots: choices.0.text */
/* "8MiB", "512k", "1000000". */
int bytes_parse(const char *text, int64_t *ret_bytes);
/* Whether one of space-separated words is the text; its index, or -1. */
int words_find(const char *words, const char *text);

#endif

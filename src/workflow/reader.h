/* SPDX-License-Identifier: MIT */
/* From a checked YAML tree to the structs of workflow.h. Internal to workflow/.
 *
 * Order: keys_check() marks what is wrong; the reader fills the structs from what is right and
 * notes every expression; then names, graphs and expressions are checked on the whole. */
#ifndef FERMATA_WORKFLOW_READER_H
#define FERMATA_WORKFLOW_READER_H

#include "base/map.h"
#include "base/vec.h"
#include "workflow/keys.h"

struct step_source {
    struct step *step;
    const struct yaml_node *node;
    int phase;
    bool is_fix;
};

/* PLACE_GATE is also that of the defaults: any step may be meant. */
enum place_kind {
    PLACE_STEP,
    PLACE_PHASE_WHEN,
    PLACE_PHASE_UNTIL,
    PLACE_WORKFLOW_UNTIL,
    PLACE_GATE
};

/* Where an expression stands: decides what it may refer to. */
struct place {
    enum place_kind kind;
    int phase;                      /* of steps and phases */
    const struct step_source *step; /* of steps */
    bool has_item;                  /* inside a step with foreach */
};

/* An expression or a template, for the check of its paths. */
struct expression_use {
    const struct expression *expression; /* or NULL */
    const struct template *template_;    /* or NULL */
    const struct yaml_node *node;
    size_t offset; /* of the expression in the node's text */
    struct place place;
};

struct reader {
    struct arena *arena;   /* of the result */
    struct arena *scratch; /* of the tree and of what only reading needs */
    struct problems *problems;
    const char *source;        /* NUL-terminated */
    json_t *values;            /* array that owns the JSON values of the workflow */
    struct workflow *workflow; /* NULL while reading a configuration */
    const struct workflow_names *names;
    const struct yaml_node *root;
    const struct yaml_node *pinned; /* gates that an earlier reading wrote behind the text; NULL */
    const struct yaml_node *pinned_experts; /* the same of experts: name -> text */
    struct map *experts;                    /* name -> struct expert_text, of those in use */
    const struct yaml_node *defaults;
    const struct named_template *shared_env; /* of the defaults */
    size_t shared_env_count;
    struct phase *phases;
    const struct yaml_node **phase_nodes;
    VEC(struct step_source *) steps; /* fix steps included, static ones not */
    VEC(struct expression_use) uses;
    struct map *phase_ids; /* id -> struct phase */
    struct map *step_ids;  /* id -> struct step_source */
    bool has_loops;        /* iterate or goto: later steps may have run before */
    uint64_t *upstream;    /* a row of bits a phase: the phases before it; by check_graph() */
};

/* ---- reader_values.c: values that the key table has found right; fallback when absent --- */

const char *read_text(const struct reader *reader, const struct yaml_node *map, const char *key);
bool read_boolean(const struct yaml_node *map, const char *key, bool fallback);
int64_t read_integer(const struct yaml_node *map, const char *key, int64_t fallback);
double read_number(const struct yaml_node *map, const char *key, double fallback);
int64_t read_duration(const struct yaml_node *map, const char *key, int64_t fallback_ms);
/* The index of the word in the table's row, so the enum must list them in the same order. */
int read_word(enum key_level level, const struct yaml_node *map, const char *key, int fallback);
/* Of the map under `budget`. */
struct budget read_budget(const struct yaml_node *map);
/* Of the map under `quiet`. */
struct quiet_policy read_quiet(const struct yaml_node *map);
const char *const *read_names(const struct reader *reader, const struct yaml_node *map,
                              const char *key, size_t *ret_count);
/* NULL when absent or wrong, which is reported; `place` is noted for the check of paths. */
struct expression *read_expression(struct reader *reader, const struct yaml_node *map,
                                   const char *key, struct place place);
struct template *read_template(struct reader *reader, const struct yaml_node *value,
                               struct place place);
/* `as_text`: numbers and booleans stay as they are written. */
const struct named_template *read_variables(struct reader *reader, const struct yaml_node *map,
                                            bool as_text, struct place place, size_t *ret_count);
/* A borrowed value that lives as long as the workflow. */
const json_t *read_json(struct reader *reader, const struct yaml_node *node);

/* ---- the other parts --------------------------------------------------------------------------
 */

void read_inputs(struct reader *reader); /* reader_input.c */
void read_on_failure(enum key_level level, const struct yaml_node *map, struct on_failure *target);
void read_step(struct reader *reader, struct step_source *source); /* reader_step.c */
void read_gate(struct reader *reader, const struct yaml_entry *entry, struct gate *target);
/* The workflow's own gates, and those of the configuration and built-in ones that phases or steps
 * use. */
void resolve_gates(struct reader *reader); /* reader_gate.c */
/* pin.c: a line of JSON behind the text, found by its mark; NULL: there is none, or it is bad */
struct yaml_node *pin_line_read(struct reader *reader, const char *mark, size_t *ret_offset);
/* `hint`: what to do when the text becomes too large with it. */
void pin_line_write(struct reader *reader, const char *mark, const json_t *root, const char *hint);
/* gate_pin.c: the gates of the configuration as a part of the text */
void pin_read(struct reader *reader);
const struct yaml_entry *pin_find(const struct reader *reader, const char *name); /* or NULL */
void pin_write(struct reader *reader);
/* expert_pin.c: the same of experts, whose texts are in files */
void expert_pin_read(struct reader *reader);
/* What the step's expert is and asks for, as far as the step does not say otherwise. */
void expert_pin_take(struct reader *reader, const struct yaml_node *node, struct step *step);
void expert_pin_write(struct reader *reader);
/* contract.c: the same of contracts, whose texts are the program's own */
void contracts_read(struct reader *reader);
void contracts_write(struct reader *reader);
/* The lifetime of *gate becomes the reader's arena. */
void gate_copy(struct reader *reader, const struct gate *gate, struct gate *target);

void check_graph(struct reader *reader); /* check_graph.c: needs, goto, cycles */
/* names.c: the known name of the outside, or of the `own` ones, that is nearest; NULL: none is */
const char *names_nearest(const struct reader *reader, enum outside_kind kind, const char *wanted,
                          const struct name_list *own);
void check_names(struct reader *reader); /* check.c: agents, experts, functions, report */
/* check_read_only.c: whether a step of a read-only workflow could change something */
void check_read_only(struct reader *reader);
/* The functions of the gates of a workflow or a configuration. */
void check_gate_names(const struct reader *reader, const struct yaml_node *root);
/* check_call.c: the inputs of a step that calls a workflow; `with` of whatever has `use` */
void check_call(const struct reader *reader, const struct yaml_node *step);
void check_arguments(const struct reader *reader, const struct yaml_node *node);
/* check_circle.c: whether the workflow that is called at the node comes back to itself */
void check_circle(const struct reader *reader, const struct yaml_node *node,
                  const struct workflow *called);
void check_suspicious(struct reader *reader); /* check.c: warnings, unreachable phases */
void check_paths(struct reader *reader);      /* check_paths.c: what expressions refer to */

/* Whether phase `before` comes, directly or not, before phase `after` by their needs. */
bool graph_is_upstream(const struct reader *reader, int before, int after);
/* The same for steps of one phase, from the phase's mode and the steps' needs. */
bool graph_is_step_before(const struct phase *phase, int before, int after);

#endif

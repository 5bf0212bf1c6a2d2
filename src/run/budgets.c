/* SPDX-License-Identifier: MIT */
#include "run/budgets.h"

#include "base/alloc.h"
#include "run/query.h"

#include <stdlib.h>
#include <string.h>

/* One run of a tree. All of a tree are freed together, when none of them is carried on here. */
struct budget_run {
    struct budget_node node; /* first: decide gets its address */
    struct active *active;   /* NULL: not here */
    struct budget_tree *tree;
    struct budget_run *next; /* of the tree */
};

struct budget_tree {
    struct budget_run *runs;
    int active_count;
};

/* ---- the store ---- */

#define BELOW                                                                                      \
    "below (id) AS (SELECT id FROM above UNION"                                                    \
    " SELECT run.id FROM run JOIN below ON run.parent = below.id)"
static const struct query q_tree = {
    "WITH RECURSIVE above (id, parent) AS (SELECT id, parent FROM run WHERE id = ?1 UNION"
    " SELECT run.id, run.parent FROM run JOIN above ON run.id = above.parent), " BELOW
    " SELECT id, parent, ledger FROM run WHERE id IN (SELECT id FROM below) AND id <> ?1"};
static const struct query q_below = {"WITH RECURSIVE above (id) AS (SELECT ?1), " BELOW
                                     " SELECT ledger FROM run WHERE id IN (SELECT id FROM below)"
                                     " AND id <> ?1"};

static json_t *parse_ledger(const char *text)
{
    json_t *value = NULL;

    if (text) {
        (void)json_parse_text(text, strlen(text), "ledger", &value, NULL);
    }
    return value;
}

int budgets_read(struct tx *tx, const char *run_id, json_t **ret_runs, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_tree);
    json_t *runs = json_array();
    int r;

    bind_text(statement, 1, run_id);
    while ((r = statement_step(statement, err)) > 0) {
        json_t *run = json_object();

        json_put_text(run, "id", column_text(statement, 0));
        json_put_text(run, "parent", column_text(statement, 1));
        json_put(run, "ledger", parse_ledger(column_text(statement, 2)));
        (void)json_array_append_new(runs, run);
    }
    if (r < 0) {
        json_decref(runs);
        return r;
    }
    *ret_runs = runs;
    return 0;
}

int budgets_read_below(struct tx *tx, const char *run_id, struct ledger *ret_below,
                       struct error *err)
{
    struct statement *statement = tx_query(tx, &q_below);
    int r;

    *ret_below = (struct ledger){0};
    bind_text(statement, 1, run_id);
    while ((r = statement_step(statement, err)) > 0) {
        json_t *value = parse_ledger(column_text(statement, 0));
        struct ledger ledger;

        ledger_decode(json_object_get(value, "used"), &ledger);
        ledger_add(ret_below, &ledger);
        json_decref(value);
    }
    return r < 0 ? r : 0;
}

char *budgets_format(const struct run_state *run)
{
    json_t *value = json_object();
    char *text;

    json_put(value, "used", ledger_encode(&run->ledger));
    json_put(value, "budget", budget_encode(&run->budget));
    if (run->budget.limits[BUDGET_TIME]) {
        json_put_integer(value, "ran_ms", run->ran_ms);
        json_put_integer(value, "since", run->since);
    }
    text = json_dump_compact(value);
    json_decref(value);
    return text;
}

static struct budget_node node_of_row(const json_t *row)
{
    const json_t *ledger = json_object_get(row, "ledger");
    struct budget_node node = {.ran_ms = json_get_integer(ledger, "ran_ms", 0),
                               .since = json_get_integer(ledger, "since", 0)};

    budget_decode(json_object_get(ledger, "budget"), &node.limits);
    ledger_decode(json_object_get(ledger, "used"), &node.own);
    return node;
}

/* ---- trees ---- */

static struct budget_run *find(const struct engine *engine, const char *run_id)
{
    return run_id ? map_find(engine->budgets, run_id) : NULL;
}

static struct budget_run *add(struct engine *engine, struct budget_tree *tree, const char *run_id)
{
    struct budget_run *run = mem_zero(1, sizeof(*run));

    memcpy(run->node.run, run_id, RUN_ID_SIZE);
    run->tree = tree;
    run->next = tree->runs;
    tree->runs = run;
    (void)map_put(engine->budgets, run->node.run, run);
    return run;
}

static void attach(struct engine *engine, struct budget_run *run, const char *parent_id)
{
    struct budget_run *parent = find(engine, parent_id);

    if (parent && !run->node.parent) {
        budget_node_attach(&run->node, &parent->node);
    }
}

/* What is here already is newer than what was read. */
static void add_relatives(struct engine *engine, struct budget_tree *tree, const json_t *relatives)
{
    const json_t *row;
    size_t i;

    json_array_foreach(relatives, i, row)
    {
        const char *id = json_get_text(row, "id", "");
        struct budget_node now = node_of_row(row);

        if (run_id_is_valid(id) && !find(engine, id)) {
            budget_node_update(&add(engine, tree, id)->node, &now);
        }
    }
    json_array_foreach(relatives, i, row)
    {
        struct budget_run *run = find(engine, json_get_text(row, "id", ""));

        if (run) {
            attach(engine, run, json_get_text(row, "parent", NULL));
        }
    }
}

/* That of a relative which is here, or a new one. */
static struct budget_tree *find_tree(struct active *active)
{
    struct budget_run *parent = find(active->engine, active->state->parent);
    const json_t *row;
    size_t i;

    json_array_foreach(active->relatives, i, row)
    {
        struct budget_run *run = find(active->engine, json_get_text(row, "id", ""));

        parent = parent ? parent : run;
    }
    return parent ? parent->tree : mem_zero(1, sizeof(struct budget_tree));
}

void budgets_enter(struct active *active)
{
    struct engine *engine = active->engine;
    struct budget_run *run = find(engine, active->id);
    struct budget_tree *tree = run ? run->tree : find_tree(active);
    struct budget_node now = run_node(active->state);

    run = run ? run : add(engine, tree, active->id);
    add_relatives(engine, tree, active->relatives);
    attach(engine, run, active->state->parent);
    budget_node_update(&run->node, &now);
    run->active = active;
    tree->active_count++;
    active->budget = run;
    active->state->below = run->node.below;
    json_decref(active->relatives);
    active->relatives = NULL;
}

static void free_tree(struct engine *engine, struct budget_tree *tree)
{
    struct budget_run *next;

    for (struct budget_run *run = tree->runs; run; run = next) {
        next = run->next;
        (void)map_remove(engine->budgets, run->node.run);
        free(run);
    }
    free(tree);
}

void budgets_leave(struct active *active)
{
    struct budget_run *run = active->budget;

    json_decref(active->relatives);
    active->relatives = NULL;
    if (!run) {
        return;
    }
    run->active = NULL;
    active->budget = NULL;
    if (--run->tree->active_count == 0) {
        free_tree(active->engine, run->tree);
    }
}

static void tell_those_above(const struct budget_run *run)
{
    for (const struct budget_node *node = run->node.parent; node; node = node->parent) {
        const struct budget_run *above = (const struct budget_run *)node;

        if (above->active) {
            above->active->state->below = above->node.below;
        }
    }
}

static void wake_held(struct budget_tree *tree, const struct active *but)
{
    for (struct budget_run *run = tree->runs; run; run = run->next) {
        if (run->active && run->active != but && run->active->state->is_held) {
            run->active->state->is_held = false;
            engine_post(run->active->engine, event_new(run->active, EVENT_TIMER, NULL));
        }
    }
}

void budgets_update(struct active *active)
{
    struct budget_run *run = active->budget;
    struct budget_node now = run_node(active->state);
    bool wakes = budget_node_wakes(&run->node, &now);

    budget_node_update(&run->node, &now);
    tell_those_above(run);
    if (wakes) {
        wake_held(run->tree, active);
    }
}

void budgets_free(struct engine *engine)
{
    map_free(engine->budgets);
}

const struct budget_node *budgets_node(const struct active *active)
{
    return active->budget ? &active->budget->node : NULL;
}

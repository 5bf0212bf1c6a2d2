/* SPDX-License-Identifier: MIT */
/* `workflows`, `validate`, `schema`: definitions, without running anything. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "functions/functions.h"
#include "ops/agent.h"
#include "ops/experts.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_ORIGIN "config"

/* ---- workflows ---- */

static void add_text(struct ops *ops, const char *text, size_t length, const char *file,
                     json_t *result)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow_names names;
    struct workflow *workflow;

    ops_workflow_names(ops, &names);
    if (workflow_parse(text, length, file, &names, &workflow, problems, NULL) == 0) {
        workflow_describe(workflow, result);
        workflow_free(workflow);
    } else {
        json_put(result, "invalid", json_true());
    }
    free(problems);
}

/* One row; says what hides it when it is not the one that would be run. */
static json_t *describe_row(const struct ops *ops, const char *name, const char *origin,
                            const char *file)
{
    const struct library_entry *winner = ops_find_entry(ops, name);
    const char *winning = winner ? workflow_origin_name(winner->origin) : CONFIG_ORIGIN;
    bool is_hidden = strcmp(winning, origin) != 0;
    json_t *result = json_object();

    json_put_text(result, "name", name);
    json_put_text(result, "origin", origin);
    json_put_text(result, "file", file);
    json_put(result, "hidden", json_boolean(is_hidden));
    json_put_text(result, "hidden_by", is_hidden ? winning : NULL);
    return result;
}

/* The rows wanted: of a pack ("launch"), or all. */
struct listing {
    const char *pack;
    const char *tier; /* as --tier says, or NULL */
    json_t *rows;
};

static void add_row(const struct ops *ops, const struct listing *listing, json_t *row)
{
    size_t length = listing->pack ? strlen(listing->pack) : 0;
    const char *name = json_get_text(row, "name", "");

    if (length > 0 && (strncmp(name, listing->pack, length) != 0 || name[length] != '/')) {
        json_decref(row);
        return;
    }
    ops_put_entitled(ops, json_get_text(row, "tier", "free"), listing->tier, row);
    (void)json_array_append_new(listing->rows, row);
}

static json_t *describe_entry(struct ops *ops, const struct library_entry *entry)
{
    json_t *result = describe_row(ops, entry->name, workflow_origin_name(entry->origin),
                                  entry->file);
    size_t length;
    char *text;

    if (library_read(entry->file, &text, &length, NULL) == 0) {
        add_text(ops, text, length, entry->file, result);
        free(text);
    } else {
        json_put(result, "invalid", json_true());
    }
    return result;
}

static int list_workflows(struct ops *ops, const char *pack, const char *tier, json_t **ret_result)
{
    const struct listing listing = {pack, tier, json_array()};

    for (size_t i = 0; i < ops->library->count; i++) {
        add_row(ops, &listing, describe_entry(ops, &ops->library->entries[i]));
    }
    for (size_t i = 0; i < ops->config->workflow_count; i++) {
        const char *text = ops->config->workflow_texts[i];
        const char *file = ops->config->workflow_files[i];
        json_t *row = describe_row(ops, ops->config->workflow_names[i], CONFIG_ORIGIN, file);

        add_text(ops, text, strlen(text), file, row);
        add_row(ops, &listing, row);
    }
    *ret_result = json_pack("{s:o}", "workflows", listing.rows);
    json_put_text(*ret_result, "pack", pack);
    json_put_text(*ret_result, "default", ops_default_workflow(ops));
    json_put(*ret_result, "entitlement", ops_describe_entitlement(ops, tier));
    return 0;
}

static int show_workflow(struct ops *ops, const json_t *arguments, const char *form,
                         json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "name", "");
    const char *tier = json_get_text(arguments, "tier", NULL);
    const struct library_entry *entry;
    struct workflow *workflow;
    struct strbuf text;
    int r = ops_load_workflow(ops, name, &workflow, err);

    if (r < 0) {
        return r;
    }
    *ret_result = json_object();
    entry = ops_find_entry(ops, name);
    json_put_text(*ret_result, "name", workflow->name);
    json_put_text(*ret_result, "origin",
                  entry                                 ? workflow_origin_name(entry->origin)
                  : ops_find_configured(ops, name) >= 0 ? CONFIG_ORIGIN
                                                        : "file");
    json_put_text(*ret_result, "file", workflow->file);
    workflow_describe_whole(workflow, *ret_result);
    ops_put_entitled(ops, workflow->tier, tier, *ret_result);
    json_put(*ret_result, "entitlement", ops_describe_entitlement(ops, tier));
    strbuf_init(&text, TEXT_BYTES_MAX);
    if (strcmp(form, "source") == 0) {
        strbuf_add_bytes(&text, workflow->text, workflow->source_length);
    } else if (strcmp(form, "graph") == 0) {
        workflow_format_graph(workflow, &text);
    } else {
        workflow_format_tree(workflow, &text);
    }
    json_put_text(*ret_result, "form", form);
    json_put(*ret_result, "text", json_text_lossy(text.data, text.length));
    strbuf_release(&text);
    workflow_free(workflow);
    return 0;
}

int op_workflows(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                 json_t **ret_result, struct error *err)
{
    static const char *const forms[] = {"graph", "tree", "source"};
    const char *name = json_get_text(arguments, "name", NULL);
    const char *form = NULL;
    int r = ops_need_config(ops, err);

    (void)view;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (json_get_boolean(arguments, forms[i], false)) {
            if (form) {
                return error_set(err, ERROR_INVALID, "give only one of --%s and --%s", form,
                                 forms[i]);
            }
            form = forms[i];
        }
    }
    if (form && !name) {
        r = error_set(err, ERROR_INVALID, "--%s of which workflow? Give its name", form);
        error_hint(err, "for example: fermata workflows code-review --%s", form);
        return r;
    }
    if (r == 0) {
        r = ops_need_library(ops, err);
    }
    if (r < 0) {
        return r;
    }
    if (!name || (!form && ops_is_pack(ops, name))) {
        return list_workflows(ops, name, json_get_text(arguments, "tier", NULL), ret_result);
    }
    return show_workflow(ops, arguments, form ? form : "tree", ret_result, err);
}

/* ---- validate ---- */

struct validation {
    bool is_blind;  /* the configuration cannot be read: what it may define is not missed */
    bool is_unused; /* nobody here uses what is looked at now, so its agents do not matter */
    struct gate gate_of_config;
    json_t *files;
    struct map *seen; /* files, by their whole path */
    json_int_t errors;
    json_int_t warnings;
    struct strbuf text; /* compiler lines */
};

static void add_problem(struct validation *validation, const struct problem *problem, json_t *list)
{
    json_t *item = json_object();

    json_put_text(item, "severity", problem->is_warning ? "warning" : "error");
    json_put_text(item, "file", problem->file);
    json_put_integer(item, "line", problem->at.line);
    json_put_integer(item, "column", problem->at.column);
    json_put_text(item, "text", problem->text);
    if (*problem->hint) {
        json_put_text(item, "hint", problem->hint);
    }
    json_array_append_new(list, item);
    validation->errors += problem->is_warning ? 0 : 1;
    validation->warnings += problem->is_warning ? 1 : 0;
}

/* The configuration comes first, and is told of again with its list workflows. */
static bool was_added(const struct validation *validation, const char *file, json_t *list,
                      int result)
{
    json_t *first = json_array_get(validation->files, 0);

    if (!first || !file || strcmp(json_get_text(first, "file", ""), file) != 0) {
        return false;
    }
    (void)json_array_extend(json_object_get(first, "problems"), list);
    json_put(first, "ok", json_boolean(json_get_boolean(first, "ok", false) && result == 0));
    json_decref(list);
    return true;
}

/* A refusal without a place (too large, not readable) is one problem of its own. */
static void add_result(struct validation *validation, const char *file, int result,
                       const struct problems *problems, const struct error *failure)
{
    json_t *list = json_array();
    json_t *item;

    for (size_t i = 0; i < problems->count; i++) {
        add_problem(validation, &problems->items[i], list);
    }
    problems_format(problems, &validation->text);
    if (result < 0 && json_array_size(list) == 0) {
        struct problem refusal = {.file = file};

        (void)snprintf(refusal.text, sizeof(refusal.text), "%.500s", failure->text);
        add_problem(validation, &refusal, list);
        strbuf_addf(&validation->text, "%s: error: %s\n", file, failure->text);
    }
    if (was_added(validation, file, list, result)) {
        return;
    }
    item = json_object();
    json_put_text(item, "file", file);
    json_put(item, "ok", json_boolean(result == 0));
    json_put(item, "problems", list);
    json_array_append_new(validation->files, item);
}

static void add_refusal(struct validation *validation, const char *file, int result,
                        const struct error *failure)
{
    struct problems *none = mem_zero(1, sizeof(*none));

    add_result(validation, file, result, none, failure);
    free(none);
}

/* True the first time. What is no file (built in, in config.yaml) is known by its name. */
static bool note_file(struct ops *ops, const char *file, struct validation *validation)
{
    char *path = ops_path(ops, file);
    char *whole = realpath(path, NULL);
    const char *key = whole ? whole : file;
    bool is_new = !map_find(validation->seen, key);

    if (is_new) {
        (void)map_put(validation->seen, key, validation);
    }
    free(whole);
    free(path);
    return is_new;
}

static bool has_anything(enum outside_kind kind, const char *name, void *context)
{
    (void)kind;
    (void)name;
    (void)context;
    return true;
}

static const struct gate *find_any_gate(const char *name, void *context)
{
    struct validation *validation = context;

    validation->gate_of_config = (struct gate){.name = name};
    return &validation->gate_of_config;
}

/* A list workflow: its text is ours, so that its problems are told where the list begins. What else
 * is wrong with it was told with the configuration. */
static void validate_configured(struct ops *ops, size_t index, struct validation *validation)
{
    const struct config *config = ops->config;
    const char *text = config->workflow_texts[index];
    const char *file = config->workflow_files[index];
    char *key = mem_printf("%s of %s", config->workflow_names[index], file);
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct error failure = ERROR_INIT;
    struct workflow_names names;
    struct workflow *workflow = NULL;
    int r = 0;

    ops_workflow_names(ops, &names);
    if (note_file(ops, key, validation)) {
        r = workflow_parse(text, strlen(text), file, &names, &workflow, problems, &failure);
    }
    if (workflow) {
        problems->count = 0;
        r = agent_check_workflow(ops, file, workflow, problems);
    }
    for (size_t i = 0; i < problems->count; i++) {
        problems->items[i].at = config->workflow_places[index];
    }
    if (r < 0 || problems->count > 0) {
        add_result(validation, file, r, problems, &failure);
    }
    workflow_free(workflow);
    free(problems);
    free(key);
}

static void validate_text(struct ops *ops, const char *text, size_t length, const char *file,
                          struct validation *validation)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct error failure = ERROR_INIT;
    struct workflow_names names;
    struct workflow *workflow = NULL;
    int r;

    if (validation->is_blind) {
        names = (struct workflow_names){
            .has = has_anything, .find_gate = find_any_gate, .context = validation};
    } else {
        ops_workflow_names(ops, &names);
    }
    r = workflow_parse(text, length, file, &names, &workflow, problems, &failure);
    if (r == 0 && ops->config && !validation->is_unused) {
        r = agent_check_workflow(ops, file, workflow, problems);
        ops_warn_tier(ops, file, workflow, problems);
    }
    add_result(validation, file, r, problems, &failure);
    workflow_free(workflow);
    free(problems);
}

static int validate_named(struct ops *ops, const char *name, struct validation *validation,
                          struct error *err)
{
    struct error failure = ERROR_INIT;
    size_t length;
    char *text;
    char *file;
    int configured;
    int r = ops_need_library(ops, err);

    if (r < 0) {
        return r;
    }
    configured = ops->config ? ops_find_configured(ops, name) : -1;
    if (configured >= 0 && !ops_find_entry(ops, name)) {
        validate_configured(ops, (size_t)configured, validation);
        return 0;
    }
    r = ops_read_workflow(ops, name, &text, &length, &file, &failure);
    if (r == ERROR_NOT_FOUND || r == ERROR_IO) {
        *err = failure;
        return r;
    }
    if (r < 0) {
        add_refusal(validation, name, r, &failure);
        return 0;
    }
    if (note_file(ops, file, validation)) {
        validate_text(ops, text, length, file, validation);
    }
    free(text);
    free(file);
    return 0;
}

/* What the workflows call, and these again: each file once. A name without a workflow was told
 * where it stands. */
static void validate_called(struct ops *ops, struct validation *validation)
{
    for (size_t i = 0; i < ops->mentioned.count; i++) {
        struct error missing = ERROR_INIT;

        (void)validate_named(ops, ops->mentioned.items[i], validation, &missing);
    }
}

/* Says 0 when the configuration can be used, so that workflows can be checked against it. */
static int validate_config(struct ops *ops, struct validation *validation, struct error *err)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow_names names;
    struct error failure = ERROR_INIT;
    char *texts[2] = {NULL, NULL};
    char *files[2] = {NULL, NULL};
    struct config *config = NULL;
    int r;

    (void)ops_has_project(ops);
    r = ops_read_config(ops, true, &texts[0], &files[0], err);
    if (r == 0) {
        r = ops_read_config(ops, false, &texts[1], &files[1], err);
    }
    if (r == 0 && (texts[0] || texts[1])) {
        ops_workflow_names(ops, &names);
        r = config_parse(&(struct config_texts){texts[0], files[0], texts[1], files[1], &names},
                         &config, problems, &failure);
        add_result(validation, texts[0] ? files[0] : files[1], r, problems, &failure);
    }
    config_free(config);
    for (size_t i = 0; i < 2; i++) {
        free(texts[i]);
        free(files[i]);
    }
    free(problems);
    return r;
}

/* Those that are built in, or all others. */
static void validate_library(struct ops *ops, bool is_builtin, struct validation *validation)
{
    for (size_t i = 0; i < ops->library->count; i++) {
        const struct library_entry *entry = &ops->library->entries[i];
        struct error failure = ERROR_INIT;
        size_t length;
        char *text;
        int r;

        if ((entry->origin == ORIGIN_BUILTIN) != is_builtin ||
            !note_file(ops, entry->file, validation)) {
            continue;
        }
        r = library_read(entry->file, &text, &length, &failure);
        if (r < 0) {
            add_refusal(validation, entry->file, r, &failure);
            continue;
        }
        validate_text(ops, text, length, entry->file, validation);
        free(text);
    }
}

/* Whose name is from the environment is told by who runs it. */
static void validate_default(struct ops *ops, struct validation *validation)
{
    const struct config *config = ops->config;
    struct problems *problems;
    struct problem *problem;
    struct error missing = ERROR_INIT;

    if (!ops_default_workflow(ops) ||
        validate_named(ops, ops_default_workflow(ops), validation, &missing) != ERROR_NOT_FOUND ||
        ops->settings->workflow) {
        return;
    }
    problems = mem_zero(1, sizeof(*problems));
    problem = &problems->items[problems->count++];
    *problem = (struct problem){.is_warning = true,
                                .file = config->default_workflow_file,
                                .at = config->default_workflow_at};
    (void)snprintf(problem->text, sizeof(problem->text), "\"default_workflow\": %.400s",
                   missing.text);
    (void)snprintf(problem->hint, sizeof(problem->hint), "%.250s", missing.hint);
    add_result(validation, problem->file, 0, problems, &missing);
    free(problems);
}

static void add_expert(void *context, const char *file, int result, const struct problems *problems,
                       const struct error *failure)
{
    add_result(context, file, result, problems, failure);
}

/* What is shipped was made for any project: what it asks of agents is told of those that are run
 * without being named, or called by others. */
static int validate_all(struct ops *ops, struct validation *validation, struct error *err)
{
    int r = ops_need_library(ops, err);

    if (r < 0) {
        return r;
    }
    validate_library(ops, false, validation);
    if (!validation->is_blind) {
        for (size_t i = 0; i < ops->config->workflow_count; i++) {
            (void)validate_named(ops, ops->config->workflow_names[i], validation, err);
        }
        validate_default(ops, validation);
    }
    validate_called(ops, validation);
    ops_check_experts(ops, add_expert, validation);
    validation->is_unused = true;
    validate_library(ops, true, validation);
    return 0;
}

static int validate(struct ops *ops, const json_t *names, struct validation *validation,
                    struct error *err)
{
    const json_t *name;
    size_t i;
    int r = validate_config(ops, validation, err);

    if (r == ERROR_VALIDATION || r == ERROR_LIMIT) {
        validation->is_blind = true;
        return json_array_size(names) == 0 ? validate_all(ops, validation, err) : 0;
    }
    if (r == 0) {
        r = ops_need_config(ops, err);
    }
    if (r < 0) {
        return r;
    }
    if (json_array_size(names) == 0) {
        return validate_all(ops, validation, err);
    }
    json_array_foreach(names, i, name)
    {
        r = validate_named(ops, json_string_value(name), validation, err);
        if (r < 0) {
            return r;
        }
    }
    validate_called(ops, validation);
    return 0;
}

int op_validate(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                json_t **ret_result, struct error *err)
{
    struct validation validation = {.files = json_array(), .seen = map_new()};
    int r;

    (void)view;
    strbuf_init(&validation.text, TEXT_BYTES_MAX);
    r = validate(ops, json_object_get(arguments, "name"), &validation, err);
    if (r == 0) {
        *ret_result = json_pack("{s:O, s:I, s:I, s:o}", "files", validation.files, "errors",
                                validation.errors, "warnings", validation.warnings, "text",
                                json_text_lossy(validation.text.data, validation.text.length));
    }
    json_decref(validation.files);
    map_free(validation.seen);
    strbuf_release(&validation.text);
    return r;
}

/* ---- schema ---- */

/* The keys are the workflow's matter; which functions there are it does not know. */
static char *whole_reference(void)
{
    char *keys = workflow_reference();
    char *functions = function_reference();
    char *result = mem_printf("%s\n%s", keys, functions);

    free(keys);
    free(functions);
    return result;
}

int op_schema(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    const char *what = json_get_text(arguments, "what", "workflow");
    bool is_page = true;
    char *text = NULL;
    int r = 0;

    (void)view;
    if (strcmp(what, "reference") == 0) {
        text = whole_reference();
    } else if (strcmp(what, "agents") == 0) {
        text = ops_agent_matrix();
    } else if (strcmp(what, "experts") == 0) {
        text = ops_expert_table(ops);
    } else if (strcmp(what, "workflows") == 0) {
        r = ops_workflow_list(ops, &text, err);
    } else {
        is_page = false;
        *ret_result = strcmp(what, "config") == 0   ? workflow_config_schema()
                      : strcmp(what, "expert") == 0 ? workflow_expert_schema()
                                                    : workflow_schema();
    }
    if (r == 0 && is_page) {
        *ret_result = json_object();
        json_put_text(*ret_result, "text", text);
    }
    free(text);
    return r;
}

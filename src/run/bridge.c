/* SPDX-License-Identifier: MIT */
/* Attempts that the program which called us makes: no process, but a request in the run's folder
 * and, when the run goes on, a response. What was answered is left in the attempt's folder just as
 * a keeper leaves what a process printed, so that everything behind is the same.
 *
 * Each piece is written before what makes it count, and looked for before it is written: whenever
 * we are killed, the next look goes on from there with the same request. */
#include "run/bridge.h"
#include "run/query.h"

#include "agents/attempt.h"
#include "agents/bridge.h"
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "run/launch.h"
#include "run/own.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_FILE "request.json"
#define RESPONSE_FILE "response.json"
#define PROMPT_BYTES_MAX (64U * 1024 * 1024)
#define EVENTS_BYTES_MAX (40U * 1024 * 1024)

static bool can_use(const struct engine_options *options, const char *name)
{
    return name && options->has_agent && options->has_agent(options->loader_context, name);
}

/* One of those that follow: its agent fails at once, and they are asked. */
static bool can_use_fallback(const struct engine_options *options, const struct step_state *step,
                             const struct step *definition)
{
    struct step_agents agents;

    config_list_agents(options->config, definition, &agents);
    for (size_t i = json_array_size(step->given_up) + 1; i < agents.count; i++) {
        if (can_use(options, agents.names[i])) {
            return true;
        }
    }
    return false;
}

/* The agent of the step, when it is one of type host. */
static const struct agent_config *find_host_agent(const struct config *config,
                                                  const struct step_state *step)
{
    const char *name = step_agent(step) ? step_agent(step) : config->default_agent;
    const struct agent_config *agent = name ? config_find_agent(config, name) : NULL;

    return agent && agent->enabled && strcmp(agent->type, "host") == 0 ? agent : NULL;
}

bool bridge_is_hosts(const struct active *active, const struct step_state *step)
{
    const struct engine_options *options = &active->engine->options;
    const struct step *definition = step->definition ? step_effective(step) : NULL;
    const char *name;

    if (!definition || definition->kind != STEP_AGENT) {
        return false;
    }
    if (find_host_agent(options->config, step)) {
        return true;
    }
    name = step_agent(step) ? step_agent(step) : options->config->default_agent;
    return active->state->is_bridged && !can_use(options, name) &&
           !can_use_fallback(options, step, definition);
}

void bridge_call_free(struct bridge_call *call)
{
    if (!call) {
        return;
    }
    free(call->run_folder);
    free(call->folder);
    free(call->blobs);
    free(call->phase);
    free(call->phase_name);
    free(call->step);
    free(call->agent);
    free(call->model);
    free(call->description);
    free(call->message);
    json_decref(call->context);
    strbuf_release(&call->prompt);
    free(call);
}

static json_t *make_context(const struct active *active, const struct step_state *step,
                            const struct step *definition)
{
    const struct run_state *run = active->state;
    json_t *context = json_object();

    json_put_text(context, "run", run->id);
    json_put_text(context, "workflow", run->workflow->name);
    json_put_text(context, "task", run->task);
    json_put_text(context, "project", active->engine->options.project);
    json_put_text(context, "cwd", definition->cwd);
    json_put_integer(context, "attempt", step->attempts);
    json_put(context, "read_only", json_boolean(definition->read_only));
    json_put(context, "schema", json_incref((json_t *)definition->schema));
    return context;
}

/* How the lines in the attempt's folder are read; and whose they are: of the host, where it stands
 * in for an agent that cannot be used. */
static char *describe(const struct active *active, const struct step_state *step,
                      const struct bridge_call *call)
{
    const struct agent_config *agent = find_host_agent(active->engine->options.config, step);
    const struct step *definition = step_effective(step);
    struct agent_profile profile = {.name = agent ? agent->name : "host",
                                    .adapter = adapter_find("host")};
    struct agent_call described = {.agent = &profile,
                                   .prompt = call->prompt.data,
                                   .prompt_length = call->prompt.length,
                                   .model = definition->model,
                                   .cwd = active->engine->options.project,
                                   .folder = call->folder};

    return transcript_describe(&described, NULL);
}

/* Those that are looked at in the same turn are none of those that wait for it now. */
static bool is_alone(const struct active *active, int index)
{
    const struct run_state *run = active->state;

    if (run->hosts > 0) {
        return false;
    }
    for (size_t i = 0; i < run->step_count; i++) {
        if ((int)i != index && run->steps[i].waiting == WAITING_ATTEMPT &&
            bridge_is_hosts(active, &run->steps[i])) {
            return false;
        }
    }
    return true;
}

int bridge_call_new(struct active *active, int index, const char *folder,
                    struct bridge_call **ret_call, struct error *err)
{
    const struct host *host = active->engine->options.host;
    const struct step_state *step = &active->state->steps[index];
    const struct step *definition = step_effective(step);
    const struct phase *phase = &active->workflow->phases[step->phase];
    struct bridge_call *call = mem_zero(1, sizeof(*call));
    int r;

    strbuf_init(&call->prompt, PROMPT_BYTES_MAX);
    r = launch_prompt(active, index, &call->prompt, err);
    if (r < 0) {
        bridge_call_free(call);
        return r;
    }
    handoff_add(step, active->folder, &call->prompt);
    call->run_folder = mem_strdup(active->folder);
    call->folder = mem_strdup(folder);
    call->blobs = mem_strdup(active->engine->blobs);
    call->phase = mem_strdup(phase->id);
    call->phase_name = mem_strdup(phase->name);
    call->phase_number = step->phase + 1;
    call->step = mem_strdup(step->key);
    call->agent = mem_strdup(definition->expert ? definition->expert : step_agent(step));
    call->model = mem_strdup(definition->model);
    call->timeout_ms = definition->timeout_ms;
    call->now_ms = host->now_ms(host->context);
    call->random[0] = host->random(host->context);
    call->random[1] = host->random(host->context);
    call->is_alone = is_alone(active, index);
    call->context = make_context(active, step, definition);
    call->description = describe(active, step, call);
    *ret_call = call;
    return 0;
}

/* ---- on the pool ---- */

static struct bridge_request request_of(const struct bridge_call *call)
{
    return (struct bridge_request){.phase = call->phase,
                                   .phase_name = call->phase_name,
                                   .phase_number = call->phase_number,
                                   .step = call->step,
                                   .agent = call->agent,
                                   .model = call->model,
                                   .prompt = call->prompt.data,
                                   .timeout_ms = call->timeout_ms,
                                   .created_at_ms = call->now_ms,
                                   .context = call->context};
}

static int write_in(const char *folder, const char *name, const char *data, size_t length,
                    struct error *err)
{
    char *path = path_join(folder, name);
    int r = file_write(path, data, length, FILE_SYNC, err);

    free(path);
    return r;
}

static int read_in(const char *folder, const char *name, char **ret_text, size_t *ret_length,
                   struct error *err)
{
    char *path = path_join(folder, name);
    int r = file_read(path, JSON_BYTES_MAX, ret_text, ret_length, err);

    free(path);
    return r;
}

static void remove_in(const char *folder, const char *name)
{
    char *path = path_join(folder, name);

    (void)unlink(path);
    free(path);
}

static bool exists_in(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool exists = file_exists(path);

    free(path);
    return exists;
}

/* The text of the request that the attempt has, or gets now. */
static int make_request(struct bridge_call *call, char id[BRIDGE_ID_SIZE], char **ret_text,
                        struct error *err)
{
    struct bridge_request request = request_of(call);
    char digest[DIGEST_HEX_SIZE];
    json_t *object = NULL;
    size_t length = 0;
    int r;

    if (read_in(call->folder, REQUEST_FILE, ret_text, &length, NULL) == 0) {
        if (json_parse_text(*ret_text, length, REQUEST_FILE, &object, NULL) == 0 &&
            strlen(json_get_text(object, "request_id", "")) == BRIDGE_ID_SIZE - 1) {
            memcpy(id, json_get_text(object, "request_id", ""), BRIDGE_ID_SIZE);
            call->asked_at_ms = json_get_integer(json_object_get(object, "context"), "asked_at_ms",
                                                 call->now_ms);
            json_decref(object);
            return 0;
        }
        json_decref(object);
        free(*ret_text);
        *ret_text = NULL;
    }
    call->asked_at_ms = call->now_ms;
    json_put_integer(call->context, "asked_at_ms", call->asked_at_ms);
    bridge_format_id(call->random[0], call->random[1], request.id);
    memcpy(id, request.id, BRIDGE_ID_SIZE);
    object = bridge_request_encode(&request);
    *ret_text = json_dump_pretty(object);
    json_decref(object);
    r = file_make_folders(call->folder, err);
    if (r == 0) {
        r = write_in(call->folder, "prompt", call->prompt.data, call->prompt.length, err);
    }
    if (r == 0) {
        r = blob_put(call->blobs, call->prompt.data, call->prompt.length, digest, err);
    }
    if (r == 0) {
        r = write_in(call->folder, TRANSCRIPT_FILE, call->description, strlen(call->description),
                     err);
    }
    return r < 0 ? r : write_in(call->folder, REQUEST_FILE, *ret_text, strlen(*ret_text), err);
}

/* As a keeper tells the end of a process; last, for it makes the rest count. */
static int write_end(const struct bridge_call *call, size_t bytes, struct error *err)
{
    json_t *report = json_pack(
        "{s:i, s:i, s:b, s:b, s:s, s:i, s:I, s:I, s:i, s:i, s:i, s:I, s:i, s:s, s:i, s:i}",
        "status", 0, "signal", 0, "timed_out", 0, "stopped", 0, "start_error", "", "start_errno", 0,
        "started_at_ms", (json_int_t)call->asked_at_ms, "ended_at_ms", (json_int_t)call->now_ms,
        "user_ms", 0, "system_ms", 0, "memory_bytes_max", 0, "stdout_bytes", (json_int_t)bytes,
        "stderr_bytes", 0, "output_error", "", "leftovers", 0, "survivors", 0);
    char *text = json_dump_compact(report);
    int r = write_in(call->folder, "exit.json", text, strlen(text), err);

    free(text);
    json_decref(report);
    return r;
}

static int keep_answer(const struct bridge_call *call, const char *text, size_t length,
                       const struct strbuf *events, struct error *err)
{
    int r = events->overflow ? error_set(err, ERROR_LIMIT, "the response is too large to be kept")
                             : write_in(call->folder, RESPONSE_FILE, text, length, err);

    if (r == 0) {
        r = write_in(call->folder, "stdout", events->data, events->length, err);
    }
    return r < 0 ? r : write_end(call, events->length, err);
}

/* 1: it answers; 0: it is somebody else's, or not there; negative: it is wrong, err says why. */
static int read_response(const struct bridge_call *call, const char *name, const char *id,
                         struct strbuf *events, char **ret_text, size_t *ret_length,
                         struct error *err)
{
    struct bridge_request request = request_of(call);
    bool is_vague = bridge_is_vague(&request, name);
    char *path = path_join(call->run_folder, name);
    int r = 0;

    if (file_exists(path)) {
        r = file_read(path, JSON_BYTES_MAX, ret_text, ret_length, err);
        if (r == 0) {
            r = bridge_response_read(path, *ret_text, *ret_length, id, events, err);
            r = r == 0 ? 1 : r;
        }
    }
    if (r < 0) {
        free(*ret_text);
        *ret_text = NULL;
    }
    free(path);
    /* One that names no step may well be the answer to another request. */
    if (r == ERROR_NOT_FOUND && is_vague && !call->is_alone) {
        *err = (struct error)ERROR_INIT;
        return 0;
    }
    return r;
}

static int find_response(struct bridge_call *call, const char *id, struct strbuf *events,
                         struct error *problem, struct error *err)
{
    struct bridge_request request = request_of(call);
    char *names[BRIDGE_NAMES_MAX];
    size_t count = bridge_response_names(&request, names);
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        char *text = NULL;
        size_t length = 0;

        r = read_response(call, names[i], id, events, &text, &length, problem);
        if (r > 0) {
            call->is_answered = true;
            r = keep_answer(call, text, length, events, err);
            r = r == 0 ? 1 : r;
        } else if (r < 0) {
            r = 1; /* `problem` says what is wrong with it */
        }
        free(text);
    }
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    return r < 0 ? r : 0;
}

/* The attempt has its end: its request, and a response that a crash left, are history. */
static void forget_files(const struct bridge_call *call)
{
    struct bridge_request request = request_of(call);
    char *name = bridge_request_name(&request);
    char *names[BRIDGE_NAMES_MAX];
    size_t count = bridge_response_names(&request, names);
    json_t *object = NULL;
    char *text = NULL;
    size_t length = 0;

    remove_in(call->run_folder, name);
    if (read_in(call->folder, REQUEST_FILE, &text, &length, NULL) == 0) {
        (void)json_parse_text(text, length, REQUEST_FILE, &object, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        struct error err = ERROR_INIT;
        struct strbuf events;
        char *given = NULL;

        strbuf_init(&events, EVENTS_BYTES_MAX);
        if (read_response(call, names[i], json_get_text(object, "request_id", "-"), &events, &given,
                          &length, &err) > 0) {
            remove_in(call->run_folder, names[i]);
        }
        strbuf_release(&events);
        free(given);
        free(names[i]);
    }
    json_decref(object);
    free(text);
    free(name);
}

static bool shows(const struct bridge_call *call, const char *name, const char *text)
{
    char *shown = NULL;
    size_t length = 0;
    bool is_same = read_in(call->run_folder, name, &shown, &length, NULL) == 0 &&
                   strcmp(shown, text) == 0;

    free(shown);
    return is_same;
}

/* Also when somebody has removed it meanwhile, or it is that of an attempt which nobody answered.
 */
static int show_request(struct bridge_call *call, const char *text, struct error *err)
{
    struct bridge_request request = request_of(call);
    char *name = bridge_request_name(&request);
    int r = shows(call, name, text) ? 0 : write_in(call->run_folder, name, text, strlen(text), err);

    call->message = name;
    return r;
}

void bridge_call_look(struct bridge_call *call)
{
    char id[BRIDGE_ID_SIZE];
    struct error problem = ERROR_INIT;
    struct strbuf events;
    char *text = NULL;
    int r;

    if (exists_in(call->folder, "exit.json")) {
        call->is_answered = true;
        forget_files(call);
        return;
    }
    file_sweep(call->folder);
    strbuf_init(&events, EVENTS_BYTES_MAX);
    r = make_request(call, id, &text, &call->err);
    if (r == 0) {
        r = find_response(call, id, &events, &problem, &call->err);
    }
    if (r == 0 && call->is_answered) {
        forget_files(call);
    } else if (r == 0) {
        r = show_request(call, text, &call->err);
        if (problem.code < 0) {
            free(call->message);
            call->message = mem_strdup(problem.text);
        }
    }
    call->result = r;
    free(text);
    strbuf_release(&events);
}

/* ---- before a run goes on ---- */

int bridge_check(const struct bridge_place *place, const json_t *step, struct error *err)
{
    const char *key = json_get_text(step, "key", "");
    struct bridge_call call = {.run_folder = (char *)(uintptr_t)place->run_folder,
                               .phase = (char *)(uintptr_t)place->phase,
                               .phase_number = place->phase_number,
                               .is_alone = place->is_alone,
                               .step = (char *)(uintptr_t)key};
    struct bridge_request request = request_of(&call);
    char *folder = mem_printf("%s/attempts/%s.%lld", place->run_folder, key,
                              (long long)json_get_integer(step, "attempts", 0));
    char *names[BRIDGE_NAMES_MAX];
    size_t count = bridge_response_names(&request, names);
    json_t *object = NULL;
    char *text = NULL;
    size_t length = 0;
    int r = 0;

    if (read_in(folder, REQUEST_FILE, &text, &length, NULL) == 0) {
        (void)json_parse_text(text, length, REQUEST_FILE, &object, NULL);
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct strbuf events;
        char *given = NULL;

        strbuf_init(&events, EVENTS_BYTES_MAX);
        r = read_response(&call, names[i], json_get_text(object, "request_id", ""), &events, &given,
                          &length, err);
        free(given);
        strbuf_release(&events);
    }
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    json_decref(object);
    free(text);
    free(folder);
    return r < 0 ? (err->code = ERROR_VALIDATION) : r;
}

typedef int (*host_visitor)(void *context, const json_t *step, const char *phase, int phase_number);

static int visit_steps(const json_t *steps, const char *phase, int number, host_visitor visit,
                       void *context)
{
    const json_t *step;
    size_t i;
    int r = 0;

    json_array_foreach((json_t *)steps, i, step)
    {
        if (r == 0 && strcmp(json_get_text(step, "waiting", ""), "host") == 0) {
            r = visit(context, step, phase, number);
        }
        if (r == 0) {
            r = visit_steps(json_object_get(step, "instances"), phase, number, visit, context);
        }
    }
    return r;
}

static int visit_hosts(const json_t *run, host_visitor visit, void *context)
{
    const json_t *phase;
    size_t i;
    int r = 0;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        const char *id = json_get_text(phase, "id", "");

        if (r == 0) {
            r = visit_steps(json_object_get(phase, "steps"), id, (int)i + 1, visit, context);
        }
        if (r == 0) {
            r = visit_steps(json_object_get(phase, "fix"), id, (int)i + 1, visit, context);
        }
    }
    return r;
}

struct host_visit {
    char *run_folder;
    const json_t *run;
    json_t *requests;
    struct error *err;
    int count;
};

static int count_one(void *context, const json_t *step, const char *phase, int phase_number)
{
    (void)step;
    (void)phase;
    (void)phase_number;
    ((struct host_visit *)context)->count++;
    return 0;
}

static int check_one(void *context, const json_t *step, const char *phase, int phase_number)
{
    const struct host_visit *visit = context;
    const struct bridge_place place = {visit->run_folder, phase, phase_number, visit->count == 1};
    int r = bridge_check(&place, step, visit->err);

    return r < 0 ? r : 0;
}

int run_check_host(const char *folder, const json_t *run, struct error *err)
{
    struct host_visit visit = {.run_folder = run_folder(folder, json_get_text(run, "id", "")),
                               .err = err};
    int r;

    (void)visit_hosts(run, count_one, &visit);
    r = visit_hosts(run, check_one, &visit);
    free(visit.run_folder);
    return r;
}

static int add_one(void *context, const json_t *step, const char *phase, int phase_number)
{
    struct host_visit *visit = context;
    const char *key = json_get_text(step, "key", "");
    const char *said = json_get_text(step, "reason", "");
    struct bridge_request request = {.phase = phase, .phase_number = phase_number, .step = key};
    char *names[BRIDGE_NAMES_MAX];
    size_t count = bridge_response_names(&request, names);
    char *name = bridge_request_name(&request);
    char *path = path_join(visit->run_folder, name);
    char *response = path_join(visit->run_folder, names[0]);
    json_t *object = json_object();

    json_put_text(object, "run", json_get_text(visit->run, "id", NULL));
    json_put_text(object, "step", key);
    json_put_text(object, "request", path);
    json_put_text(object, "response", response);
    json_put_text(object, "problem", strcmp(said, name) == 0 ? NULL : said);
    (void)json_array_append_new(visit->requests, object);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(response);
    free(path);
    free(name);
    return 0;
}

json_t *run_host_requests(const char *folder, const json_t *run)
{
    struct host_visit visit = {.run_folder = run_folder(folder, json_get_text(run, "id", "")),
                               .run = run,
                               .requests = json_array()};

    (void)visit_hosts(run, add_one, &visit);
    free(visit.run_folder);
    return visit.requests;
}

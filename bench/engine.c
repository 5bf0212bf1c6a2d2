/* SPDX-License-Identifier: MIT */
/* What the command line cannot show: the engine with many runs in one process, as a server will
 * hold them. Drives src/run/run.h in a new project below FOLDER.
 *
 *   engine waiting FOLDER STEPS SECONDS     one run whose STEPS steps wait for their next try
 *   engine parked FOLDER RUNS               RUNS runs that wait for an approval
 *   engine active FOLDER STEPS KEEPER       STEPS commands under way, each under its keeper
 *   engine recover FOLDER RUNS              RUNS runs are left unfinished, taken over, ended
 *
 * Prints one JSON object: memory in KB, CPU seconds; of recovery the seconds until each run is
 * owned again, and until each has taken its next step and ended. */
#include "base/alloc.h"
#include "base/file.h"
#include "run/record.h"
#include "run/run.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define COUNT_MAX 100000
#define WORKFLOW_TEXT_BYTES_MAX (16U * 1024 * 1024)
#define INSTANCES_MAX 1000
#define HOUR_MS (60 * 60 * 1000)

struct bench {
    char *project, *folder;
    const char *keeper;
    struct loop *loop;
    struct store *store;
    struct config *config;
    struct engine *engine;
    struct host host;
    int64_t clock_shift_ms;
    int wanted; /* records of `kind` until the loop stops; 0: until the engine rests */
    const char *kind, *status;
};

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "engine: %s\n", what);
    exit(1);
}

static void must(int r, const struct error *err)
{
    if (r < 0) {
        fail(err->text);
    }
}

static double now_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Proportional memory of this process. */
static long pss_kb(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kb = -1;

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "Pss:", 4) == 0) {
            kb = strtol(line + 4, NULL, 10);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return kb;
}

/* ---- the host and the engine's callbacks ---- */

static int64_t now_ms(void *context)
{
    return host_linux()->now_ms(NULL) + ((struct bench *)context)->clock_shift_ms;
}

static int64_t monotonic_ms(void *context)
{
    (void)context;
    return host_linux()->monotonic_ms(NULL);
}

static uint64_t random_bits(void *context)
{
    (void)context;
    return host_linux()->random(NULL);
}

static int no_workflow(void *context, const char *name, struct workflow **ret_workflow,
                       struct error *err)
{
    (void)context;
    (void)ret_workflow;
    return error_set(err, ERROR_NOT_FOUND, "no workflow %s", name);
}

static void on_record(void *context, const char *run_id, const struct record *record)
{
    struct bench *bench = context;

    (void)run_id;
    if (bench->wanted > 0 && strcmp(record_kind_name(record->kind), bench->kind) == 0 &&
        (!bench->status || strcmp(record->status, bench->status) == 0) && --bench->wanted == 0) {
        loop_stop(bench->loop);
    }
}

static void on_rest(void *context, const struct error *err)
{
    struct bench *bench = context;

    if (err) {
        fail(err->text);
    }
    if (bench->wanted == 0) {
        loop_stop(bench->loop);
    }
}

static void go_until(struct bench *bench, const char *kind, const char *status, int wanted)
{
    bench->kind = kind;
    bench->status = status;
    bench->wanted = wanted;
    loop_run(bench->loop);
    if (bench->wanted > 0) {
        fail("the loop ended before the work");
    }
}

static void go(struct bench *bench)
{
    go_until(bench, "", NULL, 0);
}

/* ---- a project ---- */

static void open_engine(struct bench *bench)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    char *path = path_join(bench->folder, "fermata.db");
    struct error err = ERROR_INIT;
    struct engine_options options = {
        .loop = bench->loop,
        .host = &bench->host,
        .config = bench->config,
        .project = bench->project,
        .folder = bench->folder,
        .keeper_path = bench->keeper,
        .self_path = "/bin/false",
        .environment = environment,
        .load_workflow = no_workflow,
        .on_record = on_record,
        .on_rest = on_rest,
        .context = bench,
    };
    size_t count;
    const struct migration *migrations = run_migrations(&count);

    must(store_open(&bench->store, path, migrations, count, bench->loop, &err), &err);
    options.store = bench->store;
    must(engine_new(&options, &bench->engine, &err), &err);
    free(path);
}

static void close_engine(struct bench *bench)
{
    struct error err = ERROR_INIT;

    engine_free(bench->engine);
    must(store_close(bench->store, &err), &err);
}

static void bench_open(struct bench *bench, const char *folder, const char *settings)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct error err = ERROR_INIT;

    *bench = (struct bench){.project = mem_strdup(folder),
                            .folder = path_join(folder, ".fermata"),
                            .keeper = "/bin/false"};
    bench->host = (struct host){
        .now_ms = now_ms, .monotonic_ms = monotonic_ms, .random = random_bits, .context = bench};
    must(file_make_folders(bench->folder, &err), &err);
    must(loop_new(&bench->loop, &err), &err);
    must(config_parse(&(struct config_texts){settings, "config.yaml", NULL, NULL, NULL},
                      &bench->config, problems, &err),
         &err);
    free(problems);
    open_engine(bench);
}

static void bench_close(struct bench *bench)
{
    close_engine(bench);
    loop_free(bench->loop);
    config_free(bench->config);
    free(bench->folder);
    free(bench->project);
}

/* ---- workflows ---- */

/* A list in a workflow file has its ceiling: many instances are those of several steps. */
static void add_wide_step(struct strbuf *text, int index, int count, const char *body)
{
    strbuf_addf(text, "      - { id: s%d, %s, foreach: [0", index, body);
    for (int i = 1; i < count; i++) {
        strbuf_add(text, ",0");
    }
    strbuf_add(text, "] }\n");
}

/* COUNT steps with this body, all at once; then the step LAST, if there is one. */
static struct workflow *make_workflow(int count, const char *body, const char *last)
{
    static const struct workflow_names any = {0};
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow *workflow = NULL;
    struct error err = ERROR_INIT;
    struct strbuf text;

    strbuf_init(&text, WORKFLOW_TEXT_BYTES_MAX);
    strbuf_add(&text, "name: bench\non_failure: fail\nphases:\n  - id: main\n    mode: parallel\n"
                      "    steps:\n");
    for (int i = 0; count > 0; i++, count -= INSTANCES_MAX) {
        add_wide_step(&text, i, count < INSTANCES_MAX ? count : INSTANCES_MAX, body);
    }
    if (last) {
        strbuf_addf(&text, "  - id: last\n    steps: [{ id: t, %s }]\n", last);
    }
    must(workflow_parse(text.data, text.length, "bench", &any, &workflow, problems, &err), &err);
    strbuf_release(&text);
    free(problems);
    return workflow;
}

static void start(struct bench *bench, const struct workflow *workflow, char ret_id[RUN_ID_SIZE])
{
    json_t *inputs = json_object();
    struct run_request request = {.workflow = workflow, .inputs = inputs};
    struct error err = ERROR_INIT;

    must(engine_start(bench->engine, &request, ret_id, &err), &err);
    json_decref(inputs);
}

/* ---- workloads ---- */

static void stop_waiting(void *arg)
{
    loop_stop(((struct bench *)arg)->loop);
}

static const char waits_an_hour[] =
    "use: fail, retry: { attempts: 2, delay: 1h, max_delay: 1h, jitter: false, on: [permanent] }";

static json_t *measure_waiting(struct bench *bench, int steps, int seconds)
{
    struct workflow *workflow = make_workflow(steps, waits_an_hour, NULL);
    char id[RUN_ID_SIZE];
    double cpu;

    start(bench, workflow, id);
    workflow_free(workflow);
    go_until(bench, "step_waiting", NULL, steps);
    cpu = cpu_seconds();
    (void)loop_timer_start(bench->loop, (int64_t)seconds * 1000, stop_waiting, bench);
    loop_run(bench->loop);
    cpu = cpu_seconds() - cpu;
    return json_pack("{s:f, s:I}", "cpu_seconds", cpu, "pss_kb", (json_int_t)pss_kb());
}

/* What malloc keeps for later is no run's. */
static long trimmed_pss_kb(void)
{
    (void)malloc_trim(0);
    return pss_kb();
}

static json_t *measure_parked(struct bench *bench, int runs)
{
    struct workflow *workflow = make_workflow(10, "use: noop", "approve: 'Good?'");
    char id[RUN_ID_SIZE];
    long before;

    start(bench, workflow, id);
    go(bench);
    before = trimmed_pss_kb();
    for (int i = 0; i < runs; i++) {
        start(bench, workflow, id);
    }
    go(bench);
    workflow_free(workflow);
    return json_pack("{s:f}", "kb_each", (double)(trimmed_pss_kb() - before) / runs);
}

static json_t *measure_active(struct bench *bench, int steps)
{
    struct workflow *workflow = make_workflow(steps, "run: sleep 1000", NULL);
    char id[RUN_ID_SIZE];
    long before;
    long after;

    start(bench, workflow, id);
    workflow_free(workflow);
    before = trimmed_pss_kb();
    go_until(bench, "attempt_started", NULL, steps);
    /* Their keepers are started on the pool; then each has a watch. */
    (void)loop_timer_start(bench->loop, 1000, stop_waiting, bench);
    loop_run(bench->loop);
    after = trimmed_pss_kb();
    engine_interrupt(bench->engine, true);
    go(bench);
    return json_pack("{s:f}", "kb_each", (double)(after - before) / steps);
}

/* Each run has three finished steps; the fourth waits for its second try. Everything is let go, as
 * by a crash; two hours later the time of all second tries has come, so that each run takes a
 * further step, and ends. */
static json_t *measure_recover(struct bench *bench, int runs)
{
    struct workflow *workflow = make_workflow(3, "use: noop", waits_an_hour);
    char(*ids)[RUN_ID_SIZE] = mem_alloc((size_t)runs * sizeof(*ids));
    struct error err = ERROR_INIT;
    double begun;
    double adopted;

    for (int i = 0; i < runs; i++) {
        start(bench, workflow, ids[i]);
    }
    go_until(bench, "step_waiting", NULL, runs);
    workflow_free(workflow);
    close_engine(bench);
    bench->clock_shift_ms = 2 * HOUR_MS;
    begun = now_seconds();
    open_engine(bench);
    for (int i = 0; i < runs; i++) {
        must(engine_adopt(bench->engine, ids[i], &err), &err);
    }
    adopted = now_seconds();
    go_until(bench, "run_moved", "failed", runs);
    free(ids);
    return json_pack("{s:f, s:f}", "seconds", now_seconds() - begun, "adopt_seconds",
                     adopted - begun);
}

/* ---- main ---- */

static const char usage[] = "usage: engine waiting|parked|active|recover FOLDER ...";

static int parse_count(const char *text)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < 1 || value > COUNT_MAX) {
        fail("a count is out of range");
    }
    return (int)value;
}

static json_t *measure(struct bench *bench, int argc, char **argv)
{
    const char *kind = argv[1];
    int first = parse_count(argv[3]);

    if (strcmp(kind, "waiting") == 0 && argc == 5) {
        return measure_waiting(bench, first, parse_count(argv[4]));
    }
    if (strcmp(kind, "parked") == 0 && argc == 4) {
        return measure_parked(bench, first);
    }
    if (strcmp(kind, "active") == 0 && argc == 5) {
        bench->keeper = argv[4];
        close_engine(bench);
        open_engine(bench);
        return measure_active(bench, first);
    }
    if (strcmp(kind, "recover") == 0 && argc == 4) {
        return measure_recover(bench, first);
    }
    fail(usage);
}

int main(int argc, char **argv)
{
    struct bench bench;
    json_t *result;
    char *text;

    if (argc < 4) {
        fail(usage);
    }
    bench_open(&bench, argv[2], "concurrency: 64\n");
    result = measure(&bench, argc, argv);
    text = json_dump_compact(result);
    (void)printf("%s\n", text);
    free(text);
    json_decref(result);
    bench_close(&bench);
    return 0;
}

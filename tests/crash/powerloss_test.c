/* SPDX-License-Identifier: MIT */
/* Power cuts at every moment of a store's life: its creation, some hundred steps of the real
 * engine, checkpoints, closing and opening again. From the recording come thousands of disks that a
 * cut may leave (support/disk.h); each is opened by the real store, and then
 * - every record that was acknowledged before the cut is there, byte for byte;
 * - nothing is there that was not written;
 * - the store is sound, and journals and tables agree;
 * - now and then, the engine takes the interrupted run over and brings it to its end.
 *
 * POWERLOSS_IMAGES and POWERLOSS_SEED in the environment ask for more, or for the same again. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "results/results.h"
#include "support/disk.h"
#include "support/fault_vfs.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define IMAGES 1000
#define IMAGES_OF_A_LIAR 200
#define RUNS_MAX 8
#define WORKERS 2
#define DEEP_EVERY 31 /* images until the engine itself goes on from one; and until tables are */
#define TABLES_EVERY 13
#define CHECKPOINT_PAGES 60

/* One journal as it was at the very end. */
struct row {
    int64_t sum;
    char *body;
};
struct journal {
    char id[RUN_ID_SIZE];
    VEC(struct row) rows;
};

/* What was acknowledged up to a mark: the records of each run. */
struct progress {
    int64_t records[RUNS_MAX];
};

struct powerloss {
    struct run_project *project;
    struct disk *disk;
    struct journal journals[RUNS_MAX];
    size_t run_count;
    struct progress *progress; /* by the number of acknowledged records */
};

/* Shared with the workers. */
struct tally {
    _Atomic int images, losses, finished;
    char first[ERROR_TEXT_MAX + 200]; /* what was wrong with the first one */
};

/* ---- the life of a store ---- */

static void write_workflow(struct strbuf *text, const char *name, int phases)
{
    strbuf_addf(text, "name: %s\nphases:\n", name);
    for (int i = 0; i < phases; i++) {
        strbuf_addf(text,
                    "  - id: p%d\n    steps:\n"
                    "      - { id: a%d, use: noop, with: { value: %d } }\n"
                    "      - { id: b%d, use: noop, with: { value: \"${{ steps.a%d.output }}\" } }\n"
                    "      - { id: c%d, foreach: [x, y, z], use: noop }\n",
                    i, i, i, i, i, i);
    }
}

static void go_through_an_approval(struct run_project *project)
{
    static const char text[] = "name: asks\nphases:\n"
                               "  - { id: a, steps: [{ id: before, use: noop }] }\n"
                               "  - { id: b, steps: [{ id: ask, approve: m }] }\n"
                               "  - { id: c, steps: [{ id: after, use: noop }] }\n";
    struct error err = ERROR_INIT;

    assert_string_equal(run_project_run(project, text), "paused");
    run_project_reopen(project);
    json_decref(run_project_ask(project, project->id,
                                json_pack("{s:s, s:s}", "do", "approve", "step", "ask"), &err));
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void live(struct run_project *project)
{
    struct run_request fresh = {.is_fresh = true};
    struct strbuf text;

    strbuf_init(&text, 100000);
    write_workflow(&text, "first", 20);
    assert_string_equal(run_project_run(project, text.data), "completed");
    assert_string_equal(run_project_run(project, text.data), "completed"); /* reuses */
    run_project_reopen(project);
    go_through_an_approval(project);
    run_project_reopen(project);
    strbuf_reset(&text);
    write_workflow(&text, "last", 60);
    run_project_start(project, text.data, &fresh);
    run_project_go(project);
    strbuf_release(&text);
    run_project_drop_engine(project);
}

/* ---- what is expected ---- */

static const struct query q_journal = {"SELECT run, seq, sum, body FROM journal ORDER BY run, seq"};

static struct journal *find_journal(struct powerloss *loss, const char *id)
{
    for (size_t i = 0; i < loss->run_count; i++) {
        if (strcmp(loss->journals[i].id, id) == 0) {
            return &loss->journals[i];
        }
    }
    return NULL;
}

static int read_end(struct tx *tx, void *arg, struct error *err)
{
    struct powerloss *loss = arg;
    struct statement *statement = tx_query(tx, &q_journal);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        struct journal *journal = find_journal(loss, column_text(statement, 0));

        if (!journal) {
            assert_true(loss->run_count < RUNS_MAX);
            journal = &loss->journals[loss->run_count++];
            (void)snprintf(journal->id, sizeof(journal->id), "%s", column_text(statement, 0));
        }
        *VEC_PUSH(&journal->rows) = (struct row){column_integer(statement, 2),
                                                 mem_strdup(column_text(statement, 3))};
    }
    return r;
}

static void expect(struct powerloss *loss)
{
    size_t count = json_array_size(loss->project->records);
    struct error err = ERROR_INIT;

    assert_int_equal(store_read(loss->project->store, read_end, loss, &err), 0);
    loss->progress = mem_zero(count + 1, sizeof(*loss->progress));
    for (size_t i = 0; i < count; i++) {
        const json_t *record = json_array_get(loss->project->records, i);
        struct journal *journal = find_journal(loss, json_get_text(record, "run", ""));

        assert_non_null(journal);
        loss->progress[i + 1] = loss->progress[i];
        loss->progress[i + 1].records[journal - loss->journals] = json_get_integer(record, "seq",
                                                                                   0);
    }
}

static void note_count(void *context, size_t count)
{
    disk_mark(context, (int64_t)count);
}

static int set_up(void **state)
{
    struct powerloss *loss = mem_zero(1, sizeof(*loss));
    void *project = NULL;

    fault_vfs_make_default();
    loss->disk = disk_record();
    (void)run_project_set_up(&project);
    loss->project = project;
    loss->project->checkpoint_pages = CHECKPOINT_PAGES;
    loss->project->on_count = note_count;
    loss->project->count_context = loss->disk;
    run_project_reopen(loss->project);
    live(loss->project);
    expect(loss);
    (void)store_close(loss->project->store, NULL);
    loss->project->store = NULL;
    disk_stop(loss->disk);
    fault_vfs_register()->skips_syncs = true;
    *state = loss;
    return 0;
}

static int tear_down(void **state)
{
    struct powerloss *loss = *state;
    void *project = loss->project;

    for (size_t i = 0; i < loss->run_count; i++) {
        for (size_t k = 0; k < loss->journals[i].rows.count; k++) {
            free(loss->journals[i].rows.items[k].body);
        }
        VEC_RELEASE(&loss->journals[i].rows);
    }
    free(loss->progress);
    (void)run_project_tear_down(&project);
    disk_free(loss->disk);
    free(loss);
    return 0;
}

/* ---- one disk after a cut ---- */

struct image {
    struct powerloss *loss;
    char *folder; /* as PROJECT/.fermata */
    struct store *store;
    int64_t acknowledged; /* records */
    int64_t there[RUNS_MAX];
};

/* The checksum covers what is not compared here. */
static bool is_as_written(const struct journal *journal, int64_t seq, struct statement *statement)
{
    const struct row *row = seq <= (int64_t)journal->rows.count ? &journal->rows.items[seq - 1]
                                                                : NULL;

    return row && row->sum == column_integer(statement, 2) &&
           strcmp(row->body, column_text(statement, 3)) == 0;
}

static int compare_rows(struct tx *tx, void *arg, struct error *err)
{
    struct image *image = arg;
    struct statement *statement = tx_query(tx, &q_journal);
    struct journal *journal = NULL;
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        const char *id = column_text(statement, 0);
        int64_t seq = column_integer(statement, 1);
        int64_t *there;

        if (!journal || strcmp(journal->id, id) != 0) {
            journal = find_journal(image->loss, id);
        }
        if (!journal || !is_as_written(journal, seq, statement)) {
            return error_set(err, ERROR_IO, "a record of %s was never written: %s", id,
                             column_text(statement, 3));
        }
        there = &image->there[journal - image->loss->journals];
        if (seq != *there + 1) {
            return error_set(err, ERROR_IO, "record %lld follows on %lld", (long long)seq,
                             (long long)*there);
        }
        *there = seq;
    }
    return r;
}

static int check_acknowledged(const struct image *image, struct error *err)
{
    const struct progress *progress = &image->loss->progress[image->acknowledged];

    for (size_t i = 0; i < image->loss->run_count; i++) {
        if (image->there[i] < progress->records[i]) {
            return error_set(err, ERROR_IO, "run %zu has %lld of %lld acknowledged records", i,
                             (long long)image->there[i], (long long)progress->records[i]);
        }
    }
    return 0;
}

static int check_tables(const struct image *image, struct error *err)
{
    json_t *report = NULL;
    int r = run_rebuild(image->store, image->loss->project->folder, false, &report, err);

    if (r == 0 && (json_array_size(json_object_get(report, "failures")) > 0 ||
                   json_array_size(json_object_get(report, "differences")) > 0)) {
        r = error_set(err, ERROR_IO, "journals and tables do not agree");
    }
    json_decref(report);
    return r;
}

static void on_rest(void *context, const struct error *err)
{
    (void)err;
    loop_stop(context);
}

/* The run that was under way goes on to its end, with the engine, from what is there. */
static int finish(struct image *image, const char *id, struct error *err)
{
    struct engine_options options = image->loss->project->options;
    struct engine *engine = NULL;
    struct loop *loop = NULL;
    json_t *run = NULL;
    int r = loop_new(&loop, err);

    assert_int_equal(r, 0);
    (void)store_close(image->store, NULL);
    image->store = NULL;
    options.folder = image->folder;
    options.loop = loop;
    options.on_record = NULL;
    options.on_stall = NULL;
    options.on_rest = on_rest;
    options.context = loop;
    {
        size_t count;
        const struct migration *migrations = run_migrations(&count);
        char *path = path_join(image->folder, "fermata.db");

        r = store_open(&image->store, path, migrations, count, loop, err);
        free(path);
    }
    options.store = image->store;
    if (r == 0) {
        r = engine_new(&options, &engine, err);
    }
    if (r == 0) {
        r = engine_adopt(engine, id, err);
    }
    if (r == 0) {
        loop_run(loop);
        run = engine_show(engine, id);
        if (strcmp(json_get_text(run, "status", ""), "completed") != 0 &&
            strcmp(json_get_text(run, "status", ""), "paused") != 0) {
            r = error_set(err, ERROR_IO, "run %s ended as %s", id,
                          json_get_text(run, "status", "?"));
        }
        json_decref(run);
    }
    engine_free(engine);
    (void)store_close(image->store, NULL);
    image->store = NULL;
    loop_free(loop);
    return r;
}

/* Copies what a run needs beside the store: the text of its workflow. */
static void copy_blobs(const struct image *image)
{
    char *from = path_join(image->loss->project->folder, "blobs");
    char *to = path_join(image->folder, "blobs");

    for (size_t i = 0; i < image->loss->run_count; i++) {
        const char *row = image->loss->journals[i].rows.items[0].body;
        const char *digest = strstr(row, "\"digest\":\"");
        char name[DIGEST_HEX_SIZE];
        struct error err = ERROR_INIT;
        char *text = NULL;
        size_t length = 0;

        assert_non_null(digest);
        (void)snprintf(name, sizeof(name), "%s", digest + strlen("\"digest\":\""));
        assert_int_equal(blob_get(from, name, 1 << 20, &text, &length, &err), 0);
        assert_int_equal(blob_put(to, text, length, name, &err), 0);
        free(text);
    }
    free(from);
    free(to);
}

static const char *unfinished_run(const struct image *image)
{
    for (size_t i = 0; i < image->loss->run_count; i++) {
        if (image->there[i] > 0 && image->there[i] < (int64_t)image->loss->journals[i].rows.count) {
            return image->loss->journals[i].id;
        }
    }
    return NULL;
}

static int check_image(struct image *image, int number, struct tally *tally, struct error *err)
{
    struct store_options options = {.lock_wait_ms = 100};
    char *path = path_join(image->folder, "fermata.db");
    int r;

    options.path = path;
    options.migrations = run_migrations(&options.migration_count);
    r = store_open_with(&image->store, &options, err);
    if (r == 0) {
        r = store_verify(image->store, err);
    }
    if (r == 0) {
        r = store_read(image->store, compare_rows, image, err);
    }
    if (r == 0) {
        r = check_acknowledged(image, err);
    }
    if (r == 0 && number % TABLES_EVERY == 0) {
        r = check_tables(image, err);
    }
    if (r == 0 && number % DEEP_EVERY == 0 && unfinished_run(image)) {
        copy_blobs(image);
        r = finish(image, unfinished_run(image), err);
        atomic_fetch_add(&tally->finished, 1);
    }
    (void)store_close(image->store, NULL);
    free(path);
    return r;
}

/* ---- many of them ---- */

struct plan {
    int images;
    uint64_t seed;
    bool forgets_syncs, forgets_folder_syncs;
};

static void note_loss(struct tally *tally, const struct plan *plan, int number, size_t cut,
                      const struct error *err)
{
    if (atomic_fetch_add(&tally->losses, 1) == 0) {
        (void)snprintf(tally->first, sizeof(tally->first),
                       "image %d of %d, seed %llu, cut after call %zu: %s", number, plan->images,
                       (unsigned long long)plan->seed, cut, err->text);
    }
}

/* Every moment and every kind of loss in turn. */
static void look_at_images(struct powerloss *loss, const struct plan *plan, int worker,
                           struct tally *tally)
{
    struct disk_view *view = disk_view_new(loss->disk, plan->forgets_syncs,
                                           plan->forgets_folder_syncs);
    char root[] = "/dev/shm/fermata-powerloss-XXXXXX";
    char elsewhere[] = "/tmp/fermata-powerloss-XXXXXX";
    char *made = mkdtemp(root) ? root : mkdtemp(elsewhere);

    assert_non_null(made);
    for (int i = worker; i < plan->images; i += WORKERS) {
        size_t cut = (size_t)i * (disk_length(loss->disk) + 1) / (size_t)plan->images;
        struct image image = {.loss = loss};
        struct error err = ERROR_INIT;

        disk_view_advance(view, cut);
        image.folder = mem_printf("%s/%d", made, i);
        image.acknowledged = disk_view_acknowledged(view);
        assert_int_equal(file_make_folders(image.folder, &err), 0);
        disk_view_cut(view, (enum disk_names)(i / WORKERS % 2),
                      (enum disk_loss)(i / WORKERS / 2 % DISK_LOSSES), plan->seed + (uint64_t)i,
                      image.folder);
        if (check_image(&image, i / WORKERS, tally, &err) < 0) {
            note_loss(tally, plan, i, cut, &err);
        }
        atomic_fetch_add(&tally->images, 1);
        (void)file_remove_tree(image.folder, NULL);
        free(image.folder);
    }
    (void)file_remove_tree(made, NULL);
    disk_view_free(view);
}

static struct tally cut_power(struct powerloss *loss, const struct plan *plan)
{
    struct tally *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct tally tally;
    pid_t pids[WORKERS];

    assert_true(shared != MAP_FAILED);
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            look_at_images(loss, plan, i, shared);
            _exit(0);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        int status = -1;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    memcpy(&tally, shared, sizeof(tally));
    (void)munmap(shared, sizeof(*shared));
    assert_int_equal(tally.images, plan->images);
    return tally;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void no_power_cut_loses_what_was_acknowledged(void **state)
{
    struct powerloss *loss = *state;
    struct plan plan = {.images = (int)number_of("POWERLOSS_IMAGES", IMAGES),
                        .seed = number_of("POWERLOSS_SEED", (uint64_t)getpid() << 20)};
    struct tally tally = cut_power(loss, &plan);

    print_message("%zu calls, %zu records of %zu runs; %d disks, %d runs taken over\n",
                  disk_length(loss->disk), json_array_size(loss->project->records), loss->run_count,
                  tally.images, tally.finished);
    if (tally.losses > 0) {
        fail_msg("%d of %d disks: %s", tally.losses, tally.images, tally.first);
    }
    assert_true(tally.finished > 0);
}

/* The model can lose: else it would prove nothing. */
static void a_disk_that_forgets_what_was_synced_is_caught(void **state)
{
    struct plan plan = {.images = IMAGES_OF_A_LIAR, .seed = 1, .forgets_syncs = true};
    struct tally tally = cut_power(*state, &plan);

    assert_true(atomic_load(&tally.losses) > IMAGES_OF_A_LIAR / 10);
}

static void a_folder_that_forgets_its_sync_is_caught(void **state)
{
    struct plan plan = {.images = IMAGES_OF_A_LIAR, .seed = 1, .forgets_folder_syncs = true};
    struct tally tally = cut_power(*state, &plan);

    assert_true(atomic_load(&tally.losses) > IMAGES_OF_A_LIAR / 10);
}

/* As a program does that has all migrations but so many. */
static void open_and_close(const char *folder, size_t missing)
{
    char *path = path_join(folder, "fermata.db");
    struct error err = ERROR_INIT;
    struct store *store;
    size_t count;
    const struct migration *migrations = run_migrations(&count);

    assert_true(missing < count);
    assert_int_equal(store_open(&store, path, migrations, count - missing, NULL, &err), 0);
    assert_int_equal(store_close(store, &err), 0);
    free(path);
}

/* As somebody does who knows SQLite; the store changes it back, and then migrates it. */
static void change_store_to_journal(const char *folder)
{
    char *path = path_join(folder, "fermata.db");
    sqlite3 *db;

    open_and_close(folder, 1);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    free(path);
}

/* SQLite happens to sync the folder with the first sync of its log too, which hides it on the disks
 * above when a removed journal could come back: nothing rests on that. */
static void a_removed_journal_is_gone_before_anything_else_is_written(void **state)
{
    const struct powerloss *loss = *state;
    char *folder = path_join(loss->project->folder, "changed");
    struct error err = ERROR_INIT;
    struct disk *disk;
    int all = 0;
    int durable = 0;

    assert_int_equal(file_make_folders(folder, &err), 0);
    change_store_to_journal(folder);
    fault_vfs_register()->skips_syncs = false;
    disk = disk_record();
    open_and_close(folder, 0);
    disk_stop(disk);
    fault_vfs_register()->skips_syncs = true;
    disk_count_removals(disk, &all, &durable);
    assert_true(all > 0);
    assert_int_equal(durable, all);
    disk_free(disk);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_power_cut_loses_what_was_acknowledged),
        cmocka_unit_test(a_removed_journal_is_gone_before_anything_else_is_written),
        cmocka_unit_test(a_disk_that_forgets_what_was_synced_is_caught),
        cmocka_unit_test(a_folder_that_forgets_its_sync_is_caught),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

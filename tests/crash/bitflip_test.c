/* SPDX-License-Identifier: MIT */
/* One flipped bit at thousands of places of a store, in the database and in its log. Each copy is
 * looked at as a user would: opened, checked as `doctor` does, every run shown, listed and read.
 * Either something says that it is damaged, or everything is exactly as before. A crash or a hang
 * ends this program.
 *
 * BITFLIP_PLACES and BITFLIP_SEED in the environment ask for more, or for the same again. */
#include "base/alloc.h"
#include "base/file.h"
#include "support/fault_vfs.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PLACES 600
#define WORKERS 2
#define RUNS 3
#define BYTES_MAX 10000000

enum part { DATABASE, LOG, LOCK, PARTS };

static const char *const names[PARTS] = {"fermata.db", "fermata.db-wal", "fermata.db.lock"};

struct files {
    char *parts[PARTS];
    size_t lengths[PARTS];
};

struct bitflip {
    struct run_project *project;
    struct files killed; /* a database, and a log with several commits */
    struct files closed; /* all of it in the database */
    char ids[RUNS][RUN_ID_SIZE];
    char *seen; /* what a sound store shows */
};

struct tally {
    _Atomic int found, harmless, silent;
    char first[400];
};

static const char workflow[] =
    "name: w\n"
    "inputs: { who: { type: string, default: world } }\n"
    "phases:\n"
    "  - id: a\n    steps:\n"
    "      - { id: one, use: noop, with: { value: \"hello ${{ inputs.who }}\" } }\n"
    "      - { id: many, foreach: [x, y, z], use: noop }\n"
    "  - id: b\n    steps:\n"
    "      - { id: off, when: 'false', use: noop }\n"
    "      - { id: two, use: noop, with: { value: \"${{ steps.one.output }}\" } }\n"
    "  - id: c\n    steps: [{ id: ask, approve: really }]\n";

/* ---- all that can be seen of a store; NULL: something said that it is damaged ---- */

static bool add_shown(struct store *store, const struct bitflip *flip, const char *id, json_t *all)
{
    struct error err = ERROR_INIT;
    json_t *value = NULL;

    if (run_show(store, flip->project->folder, id, &value, &err) < 0) {
        return false;
    }
    (void)json_array_append_new(all, value);
    if (run_records(store, id, 1, 0, &value, &err) < 0) {
        return false;
    }
    (void)json_array_append_new(all, value);
    if (run_explain(store, id, NULL, &value, &err) < 0) {
        return false;
    }
    (void)json_array_append_new(all, value);
    if (run_metrics(store, id, &value, &err) < 0) {
        return false;
    }
    (void)json_array_append_new(all, value);
    return true;
}

/* As `doctor` does. */
static bool is_sound(struct store *store, const struct bitflip *flip)
{
    struct error err = ERROR_INIT;
    json_t *report = NULL;
    bool is_sound = store_verify(store, &err) == 0 &&
                    run_rebuild(store, flip->project->folder, false, &report, &err) == 0 &&
                    json_array_size(json_object_get(report, "failures")) == 0 &&
                    json_array_size(json_object_get(report, "differences")) == 0;

    json_decref(report);
    return is_sound;
}

static char *look(const struct bitflip *flip, const char *folder)
{
    const struct run_filter filter = {.limit = 100};
    struct error err = ERROR_INIT;
    char *path = path_join(folder, names[DATABASE]);
    json_t *all = json_array();
    json_t *list = NULL;
    struct store *store = NULL;
    char *seen = NULL;
    size_t count;
    const struct migration *migrations = run_migrations(&count);
    bool is_whole = store_open(&store, path, migrations, count, NULL, &err) == 0 &&
                    is_sound(store, flip) &&
                    run_list(store, flip->project->folder, &filter, &list, &err) == 0;

    for (int i = 0; is_whole && i < RUNS; i++) {
        is_whole = add_shown(store, flip, flip->ids[i], all);
    }
    if (is_whole) {
        (void)json_array_append(all, list);
        seen = json_dump_compact(all);
    }
    if (store && store_close(store, &err) < 0) {
        free(seen);
        seen = NULL;
    }
    json_decref(list);
    json_decref(all);
    free(path);
    return seen;
}

/* ---- the store of a killed program ---- */

static void read_files(const char *folder, struct files *ret_files)
{
    for (int i = 0; i < PARTS; i++) {
        char *path = path_join(folder, names[i]);

        assert_int_equal(
            file_read(path, BYTES_MAX, &ret_files->parts[i], &ret_files->lengths[i], NULL), 0);
        free(path);
    }
}

static void write_files(const struct files *files, const char *folder)
{
    for (int i = 0; i < PARTS; i++) {
        char *path = path_join(folder, names[i]);

        assert_int_equal(file_write(path, files->parts[i], files->lengths[i], FILE_NO_SYNC, NULL),
                         0);
        free(path);
    }
}

static char *new_folder(void)
{
    char *folder = mem_strdup("/dev/shm/fermata-bitflip-XXXXXX");

    if (!mkdtemp(folder)) {
        free(folder);
        folder = mem_strdup("/tmp/fermata-bitflip-XXXXXX");
        assert_non_null(mkdtemp(folder));
    }
    return folder;
}

/* Records whose content stands in no table. */
static void tell_things(struct run_project *project)
{
    static const char value[] =
        "a value that is long enough to be hit now and then, and that no table has";
    struct error err = ERROR_INIT;

    run_project_drop_engine(project);
    for (int i = 0; i < 8; i++) {
        json_t *answer = run_project_ask(project, project->id,
                                         json_pack("{s:s, s:s, s:s, s:s}", "do", "signal", "name",
                                                   "news", "value", value, "by", "somebody"),
                                         &err);

        assert_non_null(answer);
        json_decref(answer);
    }
}

static int set_up(void **state)
{
    struct bitflip *flip = mem_zero(1, sizeof(*flip));
    void *project = NULL;
    char *folder = new_folder();

    fault_vfs_make_default();
    fault_vfs_register()->skips_syncs = true;
    (void)run_project_set_up(&project);
    flip->project = project;
    for (int i = 0; i < RUNS; i++) {
        if (i == RUNS - 1) {
            run_project_reopen(flip->project); /* the earlier ones are in the database */
        }
        assert_string_equal(run_project_run(flip->project, workflow), "paused");
        memcpy(flip->ids[i], flip->project->id, RUN_ID_SIZE);
        tell_things(flip->project);
    }
    run_project_drop_engine(flip->project);
    read_files(flip->project->folder, &flip->killed);
    assert_true(flip->killed.lengths[DATABASE] > 40000 && flip->killed.lengths[LOG] > 40000);
    write_files(&flip->killed, folder);
    flip->seen = look(flip, folder);
    assert_non_null(flip->seen);
    read_files(folder, &flip->closed);
    assert_int_equal(flip->closed.lengths[LOG], 0);
    (void)file_remove_tree(folder, NULL);
    free(folder);
    *state = flip;
    return 0;
}

static int tear_down(void **state)
{
    struct bitflip *flip = *state;
    void *project = flip->project;

    for (int i = 0; i < PARTS; i++) {
        free(flip->killed.parts[i]);
        free(flip->closed.parts[i]);
    }
    free(flip->seen);
    free(flip);
    return run_project_tear_down(&project);
}

/* ---- flipping ---- */

/* SplitMix64. */
static uint64_t draw(uint64_t seed)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void flip_one(struct bitflip *flip, struct files *files, uint64_t number,
                     struct tally *tally)
{
    uint64_t bits = files->lengths[DATABASE] * 8;
    uint64_t bit = number % (bits + files->lengths[LOG] * 8);
    enum part part = bit < bits ? DATABASE : LOG;
    size_t at = (size_t)((part == LOG ? bit - bits : bit) / 8);
    char mask = (char)(1 << (bit % 8));
    char *folder = new_folder();
    char *seen;

    files->parts[part][at] ^= mask;
    write_files(files, folder);
    seen = look(flip, folder);
    files->parts[part][at] ^= mask;
    if (!seen) {
        atomic_fetch_add(&tally->found, 1);
    } else if (strcmp(seen, flip->seen) == 0) {
        atomic_fetch_add(&tally->harmless, 1);
    } else if (atomic_fetch_add(&tally->silent, 1) == 0) {
        (void)snprintf(tally->first, sizeof(tally->first), "bit %d of byte %zu of %s%s",
                       (int)(bit % 8), at, names[part], files == &flip->closed ? ", closed" : "");
    }
    free(seen);
    (void)file_remove_tree(folder, NULL);
    free(folder);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void flip_many(struct bitflip *flip, uint64_t places, uint64_t seed, struct tally *tally)
{
    pid_t pids[WORKERS];

    for (uint64_t i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            for (uint64_t place = i; place < places; place += WORKERS) {
                flip_one(flip, place / WORKERS % 2 ? &flip->killed : &flip->closed,
                         draw(seed + place), tally);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        int status = -1;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void a_flipped_bit_is_found_or_changes_nothing(void **state)
{
    uint64_t places = number_of("BITFLIP_PLACES", PLACES);
    uint64_t seed = number_of("BITFLIP_SEED", (uint64_t)getpid() << 32);
    struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(tally != MAP_FAILED);
    flip_many(*state, places, seed, tally);
    print_message("%d found, %d harmless\n", tally->found, tally->harmless);
    if (tally->silent > 0) {
        fail_msg("%d changed what is seen without a word: %s (seed %llu)", tally->silent,
                 tally->first, (unsigned long long)seed);
    }
    assert_int_equal(tally->found + tally->harmless, places);
    assert_true(tally->found > 0 && tally->harmless > 0);
    (void)munmap(tally, sizeof(*tally));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_bit_is_found_or_changes_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: MIT */
/* The floor of the footprint contract: only the unavoidable work of each workload, nothing else.
 *
 *   floor commits DB COUNT ROWS   COUNT records, ROWS of them in each commit
 *   floor spawn DB COUNT WIDTH    COUNT times `true`, WIDTH at once, each result durable
 *   floor first DB FOLDER         the store, a commit, `date` in a shell of FOLDER: into `done`
 *   floor start COUNT             COUNT times a process that does nothing, in a row
 *
 * Prints the seconds of the work without the start of this program. SQLite runs with the settings
 * that Fermata's store uses (WAL, synchronous=FULL, one writer). */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 1000000
#define WIDTH_MAX 64

static const char usage[] = "usage: floor commits|spawn|first|start ...";

struct floor_store {
    sqlite3 *db;
    sqlite3_stmt *begin, *insert, *commit;
    int64_t sequence;
};

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "floor: %s\n", what);
    exit(1);
}

static double now_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail(sqlite3_errmsg(db));
    }
    return statement;
}

static void step(sqlite3 *db, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE) {
        fail(sqlite3_errmsg(db));
    }
    (void)sqlite3_reset(statement);
}

static void open_store(struct floor_store *store, const char *path)
{
    static const char setup[] = "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL;"
                                "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                                "CREATE TABLE IF NOT EXISTS record (run TEXT, seq INTEGER, "
                                "body TEXT, PRIMARY KEY (run, seq)) WITHOUT ROWID;";

    if (sqlite3_open(path, &store->db) != SQLITE_OK ||
        sqlite3_exec(store->db, setup, NULL, NULL, NULL) != SQLITE_OK) {
        fail(sqlite3_errmsg(store->db));
    }
    store->begin = prepare(store->db, "BEGIN IMMEDIATE");
    store->insert = prepare(store->db, "INSERT OR REPLACE INTO record VALUES (?1, ?2, ?3)");
    store->commit = prepare(store->db, "COMMIT");
    store->sequence = 0;
}

static void close_store(struct floor_store *store)
{
    (void)sqlite3_finalize(store->begin);
    (void)sqlite3_finalize(store->insert);
    (void)sqlite3_finalize(store->commit);
    (void)sqlite3_close(store->db);
}

/* One durable turn: so many records, one sync. */
static void commit_rows(struct floor_store *store, int rows)
{
    static const char body[] = "{\"kind\":\"step_moved\",\"phase\":\"main\",\"step\":\"step\","
                               "\"status\":\"completed\",\"attempt\":1}";

    step(store->db, store->begin);
    for (int i = 0; i < rows; i++) {
        (void)sqlite3_bind_text(store->insert, 1, "wf_0123456789ab", -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(store->insert, 2, ++store->sequence);
        (void)sqlite3_bind_text(store->insert, 3, body, -1, SQLITE_STATIC);
        step(store->db, store->insert);
    }
    step(store->db, store->commit);
}

static void spawn(const char *path, char **arguments)
{
    char *environment[] = {NULL};
    pid_t child;

    if (posix_spawn(&child, path, NULL, NULL, arguments, environment) != 0) {
        fail(path);
    }
}

static void spawn_true(void)
{
    char program[] = "true";

    spawn("/bin/true", (char *[]){program, NULL});
}

/* The same command as that of the step in bench/rows.py. */
static void spawn_clock(const char *folder)
{
    char program[] = "sh";
    char option[] = "-c";
    char command[] = "date +%s%N >done";

    if (chdir(folder) != 0) {
        fail(folder);
    }
    spawn("/bin/sh", (char *[]){program, option, command, NULL});
}

/* Reaps what has ended (at least one) and returns how many. */
static int reap(void)
{
    int ended = 0;
    int status;

    while (waitpid(-1, &status, ended == 0 ? 0 : WNOHANG) > 0) {
        ended++;
    }
    return ended;
}

static void spawn_steps(struct floor_store *store, int count, int width)
{
    int started = 0;
    int running = 0;
    int finished = 0;

    while (finished < count) {
        while (running < width && started < count) {
            spawn_true();
            started++;
            running++;
        }
        int ended = reap();
        commit_rows(store, ended);
        running -= ended;
        finished += ended;
    }
}

static void commit_all(struct floor_store *store, int count, int rows)
{
    for (int done = 0; done < count; done += rows) {
        commit_rows(store, count - done < rows ? count - done : rows);
    }
}

static int parse_count(const char *text, int max)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < 1 || value > max) {
        fail("a count is out of range");
    }
    return (int)value;
}

static void run_workload(struct floor_store *store, int argc, char **argv)
{
    const char *kind = argv[1];

    if (strcmp(kind, "commits") == 0 && argc == 5) {
        commit_all(store, parse_count(argv[3], COUNT_MAX), parse_count(argv[4], COUNT_MAX));
    } else if (strcmp(kind, "spawn") == 0 && argc == 5) {
        spawn_steps(store, parse_count(argv[3], COUNT_MAX), parse_count(argv[4], WIDTH_MAX));
    } else if (strcmp(kind, "first") == 0 && argc == 4) {
        commit_rows(store, 1);
        spawn_clock(argv[3]);
        (void)reap();
    } else {
        fail(usage);
    }
}

static void start_all(int count)
{
    for (int i = 0; i < count; i++) {
        spawn_true();
        (void)reap();
    }
}

int main(int argc, char **argv)
{
    struct floor_store store;
    double started;

    if (argc < 3) {
        fail(usage);
    }
    started = now_seconds();
    if (strcmp(argv[1], "start") == 0) {
        start_all(parse_count(argv[2], COUNT_MAX));
        (void)printf("%.6f\n", now_seconds() - started);
        return 0;
    }
    open_store(&store, argv[2]);
    started = now_seconds();
    run_workload(&store, argc, argv);
    (void)printf("%.6f\n", now_seconds() - started);
    close_store(&store);
    return 0;
}

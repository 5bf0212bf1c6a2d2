/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COMMITS 5

static const struct migration tables[] = {
    {"t/001", "CREATE TABLE item(body TEXT NOT NULL) STRICT"}};
static const struct query q_add = {"INSERT INTO item VALUES('0123456789')"};
static const struct query q_count = {"SELECT count(*) FROM item"};

struct fixture {
    char *scratch, *path, *log, *lock;
    char *bytes; /* the log of a program that was killed after some commits */
    size_t length;
    char *base;
    size_t base_length;
    char *note;
    size_t note_length;
};

static int add(struct tx *tx, void *arg, struct error *err)
{
    (void)arg;
    return tx_run(tx, tx_query(tx, &q_add), NULL, err);
}

static int count(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_count);
    int r = statement_step(statement, err);

    *(int64_t *)arg = r > 0 ? column_integer(statement, 0) : -1;
    return r < 0 ? r : 0;
}

static int try_open(const struct fixture *fixture, struct store **ret_store, struct error *err)
{
    return store_open(ret_store, fixture->path, tables, ARRAY_LEN(tables), NULL, err);
}

static void read_whole(const char *path, char **ret_bytes, size_t *ret_length)
{
    assert_int_equal(file_read(path, 10000000, ret_bytes, ret_length, NULL), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    struct store *store = NULL;

    fixture->scratch = scratch_new();
    fixture->path = scratch_path(fixture->scratch, "x.db");
    fixture->log = scratch_path(fixture->scratch, "x.db-wal");
    fixture->lock = scratch_path(fixture->scratch, "x.db.lock");
    assert_int_equal(try_open(fixture, &store, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
    assert_int_equal(try_open(fixture, &store, NULL), 0);
    for (int i = 0; i < COMMITS; i++) {
        assert_int_equal(store_write(store, add, NULL, NULL), 0);
    }
    read_whole(fixture->path, &fixture->base, &fixture->base_length);
    read_whole(fixture->log, &fixture->bytes, &fixture->length);
    read_whole(fixture->lock, &fixture->note, &fixture->note_length);
    assert_int_equal(store_close(store, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    free(fixture->bytes);
    free(fixture->base);
    free(fixture->note);
    free(fixture->path);
    free(fixture->log);
    free(fixture->lock);
    scratch_remove(fixture->scratch);
    free(fixture);
    return 0;
}

/* As the kill left it, with a log of this length. */
static void bring_back(const struct fixture *fixture, size_t length)
{
    scratch_write_bytes(fixture->scratch, "x.db", fixture->base, fixture->base_length);
    scratch_write_bytes(fixture->scratch, "x.db-wal", fixture->bytes, length);
    scratch_write_bytes(fixture->scratch, "x.db.lock", fixture->note, fixture->note_length);
}

/* How many rows the store has; -1: it was refused as damaged. */
static int64_t open_and_count(const struct fixture *fixture)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;
    int64_t rows = 0;
    int r = try_open(fixture, &store, &err);

    if (r < 0) {
        assert_int_equal(r, ERROR_IO);
        assert_non_null(strstr(err.text, "damaged"));
        assert_true(err.hint[0] != '\0');
        return -1;
    }
    assert_int_equal(store_read(store, count, &rows, &err), 0);
    assert_int_equal(store_close(store, NULL), 0);
    return rows;
}

static void a_killed_program_leaves_nothing_to_complain_of(void **state)
{
    struct fixture *fixture = *state;

    bring_back(fixture, fixture->length);
    assert_int_equal(open_and_count(fixture), COMMITS);
}

static void a_changed_bit_does_not_take_commits_away_silently(void **state)
{
    struct fixture *fixture = *state;

    for (size_t at = 0; at < fixture->length; at += 97) {
        int64_t rows;

        fixture->bytes[at] ^= 4;
        bring_back(fixture, fixture->length);
        rows = open_and_count(fixture);
        if (rows != -1 && rows != COMMITS) {
            fail_msg("byte %zu: %lld rows", at, (long long)rows);
        }
        fixture->bytes[at] ^= 4;
    }
}

static void a_log_that_lost_its_end_is_refused(void **state)
{
    struct fixture *fixture = *state;

    bring_back(fixture, fixture->length - 1);
    assert_int_equal(open_and_count(fixture), -1);
    bring_back(fixture, 40);
    assert_int_equal(open_and_count(fixture), -1);
}

/* A checkpoint copies the log, and a power cut may keep that and lose the note of it. */
static void an_emptied_log_or_another_one_is_no_damage(void **state)
{
    struct fixture *fixture = *state;

    bring_back(fixture, 0);
    assert_true(open_and_count(fixture) >= 0);
    bring_back(fixture, fixture->length);
    fixture->note[32] ^= 1;
    scratch_write_bytes(fixture->scratch, "x.db.lock", fixture->note, fixture->note_length);
    assert_int_equal(open_and_count(fixture), COMMITS);
}

/* What was not acknowledged may be missing: here the note is older than the log. */
static void a_torn_commit_that_nobody_was_told_of_is_no_damage(void **state)
{
    struct fixture *fixture = *state;
    struct log_mark mark;
    struct lock *lock = NULL;

    bring_back(fixture, fixture->length);
    assert_int_equal(lock_open(&lock, fixture->lock, NULL), 0);
    lock_read_mark(lock, &mark);
    assert_true(mark.frames > 1);
    mark.frames--;
    lock_write_mark(lock, &mark);
    lock_close(lock);
    scratch_write_bytes(fixture->scratch, "x.db-wal", fixture->bytes, fixture->length - 100);
    assert_int_equal(open_and_count(fixture), COMMITS - 1);
}

static void without_its_note_a_log_is_taken_as_it_is(void **state)
{
    struct fixture *fixture = *state;

    bring_back(fixture, fixture->length - 1);
    assert_int_equal(unlink(fixture->lock), 0);
    assert_int_equal(open_and_count(fixture), COMMITS - 1);
}

static uint32_t word_at(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;

    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static struct log_mark mark_of(const struct fixture *fixture)
{
    return (struct log_mark){.salt = {word_at(fixture->bytes + 16), word_at(fixture->bytes + 20)},
                             .frames = 1};
}

static int check_bytes(const struct fixture *fixture, size_t length)
{
    struct log_mark mark = mark_of(fixture);
    struct error err = ERROR_INIT;

    scratch_write_bytes(fixture->scratch, "x.db-wal", fixture->bytes, length);
    return log_check(fixture->log, &mark, &err);
}

static void a_header_that_no_log_has_is_damage(void **state)
{
    static const struct {
        size_t at;
        const char *bytes;
    } changes[] = {
        {0, "\x00\x00\x00\x00"},                                     /* no log at all */
        {8, "\x00\x00\x01\x00"},                                     /* pages of 256 bytes */
        {8, "\x00\x02\x00\x00"},                                     /* of 131,072 */
        {8, "\x00\x00\x06\x00"},                                     /* of 1,536 */
        {24, "\x01\x02\x03\x04"},                                    /* another checksum */
        {28, "\x01\x02\x03\x04"},      {32 + 8, "\x01\x02\x03\x04"}, /* a frame of another log */
        {32 + 12, "\x01\x02\x03\x04"}, {32 + 16, "\x01\x02\x03\x04"},
    };
    struct fixture *fixture = *state;

    assert_int_equal(check_bytes(fixture, fixture->length), 0);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        char kept[4];

        memcpy(kept, fixture->bytes + changes[i].at, sizeof(kept));
        memcpy(fixture->bytes + changes[i].at, changes[i].bytes, sizeof(kept));
        /* The salt is what the note remembers, so it is not among the changes. */
        assert_int_equal(check_bytes(fixture, fixture->length), ERROR_IO);
        memcpy(fixture->bytes + changes[i].at, kept, sizeof(kept));
    }
}

static void no_log_a_short_one_or_no_note_is_no_damage(void **state)
{
    struct fixture *fixture = *state;
    struct log_mark mark = mark_of(fixture);

    assert_int_equal(check_bytes(fixture, 10), 0);
    mark.frames = 0;
    assert_int_equal(log_check(fixture->log, &mark, NULL), 0);
    mark.frames = 1;
    assert_int_equal(unlink(fixture->log), 0);
    assert_int_equal(log_check(fixture->log, &mark, NULL), 0);
}

static void without_a_log_there_is_nothing_to_note(void **state)
{
    struct connection *connection = NULL;
    struct log_mark mark;

    (void)state;
    assert_int_equal(connection_open(&connection, ":memory:",
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, NULL),
                     0);
    assert_int_equal(log_get_mark(connection, 1, &mark), ERROR_IO);
    connection_close(connection);
}

static void take_over(struct fixture *fixture, struct store *store)
{
    free(fixture->base);
    free(fixture->bytes);
    free(fixture->note);
    read_whole(fixture->path, &fixture->base, &fixture->base_length);
    read_whole(fixture->log, &fixture->bytes, &fixture->length);
    read_whole(fixture->lock, &fixture->note, &fixture->note_length);
    assert_int_equal(store_close(store, NULL), 0);
}

static void a_log_that_grows_is_lengthened_in_pieces_whose_zeros_are_its_end(void **state)
{
    static const char zeros[4096];
    struct fixture *fixture = *state;
    struct store *store = NULL;
    off_t length = 0;
    int commits = 400;
    int times = 0;

    assert_int_equal(try_open(fixture, &store, NULL), 0);
    for (int i = 0; i < commits; i++) {
        struct stat log;

        assert_int_equal(store_write(store, add, NULL, NULL), 0);
        assert_int_equal(stat(fixture->log, &log), 0);
        times += log.st_size > length ? 1 : 0;
        length = log.st_size;
    }
    assert_true(times < commits / 4);
    take_over(fixture, store);
    assert_memory_equal(fixture->bytes + fixture->length - sizeof(zeros), zeros, sizeof(zeros));
    bring_back(fixture, fixture->length);
    assert_int_equal(open_and_count(fixture), COMMITS + commits);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_killed_program_leaves_nothing_to_complain_of),
        TEST(a_changed_bit_does_not_take_commits_away_silently),
        TEST(a_log_that_lost_its_end_is_refused),
        TEST(an_emptied_log_or_another_one_is_no_damage),
        TEST(a_torn_commit_that_nobody_was_told_of_is_no_damage),
        TEST(without_its_note_a_log_is_taken_as_it_is),
        TEST(a_header_that_no_log_has_is_damage),
        TEST(no_log_a_short_one_or_no_note_is_no_damage),
        TEST(without_a_log_there_is_nothing_to_note),
        TEST(a_log_that_grows_is_lengthened_in_pieces_whose_zeros_are_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

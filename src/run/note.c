/* SPDX-License-Identifier: MIT */
#include "run/note.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/id.h"
#include "results/results.h"

#include <stdlib.h>
#include <string.h>

#define NOTE_BYTES_MAX (1024U * 1024)
#define RUNS_FOLDER "/workflows/"

/* The place "" tells that the run is from before: its files count where there is no row. */
static const struct query q_find = {
    "SELECT place, note FROM note WHERE run = ?1 AND place IN ('', ?2) ORDER BY place DESC"};
static const struct query q_put = {"INSERT INTO note (run, place, note) VALUES (?1, ?2, ?3)"
                                   " ON CONFLICT (run, place) DO UPDATE SET note = ?3"};
static const struct query q_all = {"SELECT note FROM note WHERE place <> ''"};

struct place {
    char run[RUN_ID_SIZE];
    const char *name; /* "attempts/STEP.1", in the folder's path */
};

/* False: it is in the folder of no run. The last name counts, for a project may lie in a clone. */
static bool find_place(const char *folder, struct place *ret_place)
{
    const char *found = NULL;

    for (const char *at = folder; (at = strstr(at, RUNS_FOLDER)) != NULL; at++) {
        const char *id = at + strlen(RUNS_FOLDER);
        size_t length = strcspn(id, "/");

        if (length == RUN_ID_LENGTH && id[length] && strncmp(id, "wf_", 3) == 0) {
            found = id;
        }
    }
    if (!found) {
        return false;
    }
    memcpy(ret_place->run, found, RUN_ID_LENGTH);
    ret_place->run[RUN_ID_LENGTH] = '\0';
    ret_place->name = found + RUN_ID_LENGTH + 1;
    return true;
}

/* ---- reading ---- */

struct finding {
    struct place place;
    char *text; /* NULL: there is no row */
    bool is_from_before;
};

static int find_row(struct tx *tx, void *arg, struct error *err)
{
    struct finding *finding = arg;
    struct statement *statement = tx_query(tx, &q_find);
    int r;

    bind_text(statement, 1, finding->place.run);
    bind_text(statement, 2, finding->place.name);
    while ((r = statement_step(statement, err)) > 0) {
        if (*column_text(statement, 0) == '\0') {
            finding->is_from_before = true;
        } else if (!finding->text) {
            finding->text = mem_strdup(column_text(statement, 1));
        }
    }
    return r;
}

static int read_file(const char *folder, json_t **ret_note, struct error *err)
{
    char *path = path_join(folder, SNAPSHOT_FILE);
    char *text = NULL;
    size_t length;
    int r = file_read(path, NOTE_BYTES_MAX, &text, &length, err);

    if (r == 0) {
        (void)json_parse_text(text, length, SNAPSHOT_FILE, ret_note, NULL);
    }
    free(text);
    free(path);
    return r == ERROR_NOT_FOUND ? 0 : r;
}

int snapshot_note_find(struct store *store, const char *folder, json_t **ret_note,
                       struct error *err)
{
    struct finding finding = {.is_from_before = true};
    int r = 0;

    *ret_note = NULL;
    if (find_place(folder, &finding.place)) {
        finding.is_from_before = false;
        r = store_read(store, find_row, &finding, err);
    }
    if (r == 0 && finding.text) {
        r = json_parse_text(finding.text, strlen(finding.text), SNAPSHOT_FILE, ret_note, err);
    } else if (r == 0 && finding.is_from_before) {
        r = read_file(folder, ret_note, err);
    }
    free(finding.text);
    return r;
}

json_t *snapshot_note_read(struct store *store, const char *folder)
{
    json_t *note;

    (void)snapshot_note_find(store, folder, &note, NULL);
    return note;
}

struct walk {
    void (*add)(const json_t *note, json_t *target);
    json_t *target;
};

static int read_all(struct tx *tx, void *arg, struct error *err)
{
    const struct walk *walk = arg;
    struct statement *statement = tx_query(tx, &q_all);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        const char *text = column_text(statement, 0);
        json_t *note;

        r = json_parse_text(text, strlen(text), SNAPSHOT_FILE, &note, err);
        if (r < 0) {
            return r;
        }
        walk->add(note, walk->target);
        json_decref(note);
    }
    return r;
}

int snapshot_note_each(struct store *store, void (*add)(const json_t *note, json_t *target),
                       json_t *target, struct error *err)
{
    struct walk walk = {.add = add, .target = target};

    return store_read(store, read_all, &walk, err);
}

/* ---- writing ---- */

struct putting {
    struct place place;
    const char *text;
};

static int put_row(struct tx *tx, void *arg, struct error *err)
{
    const struct putting *putting = arg;
    struct statement *statement = tx_query(tx, &q_put);

    bind_text(statement, 1, putting->place.run);
    bind_text(statement, 2, putting->place.name);
    bind_text(statement, 3, putting->text);
    return tx_run(tx, statement, NULL, err);
}

int snapshot_note_write(struct store *store, const char *folder, const json_t *note,
                        struct error *err)
{
    char *path = path_join(folder, SNAPSHOT_FILE);
    char *text = json_dump_compact(note);
    struct putting putting = {.text = text};
    bool is_kept = find_place(folder, &putting.place);
    int r = is_kept ? store_write(store, put_row, &putting, err) : 0;

    if (r == 0 && is_kept) { /* what is done is done, whether or not people can read it there */
        (void)file_write(path, text, strlen(text), FILE_NO_SYNC, NULL);
    } else if (r == 0) {
        r = file_write(path, text, strlen(text), FILE_SYNC, err);
    }
    free(text);
    free(path);
    return r;
}

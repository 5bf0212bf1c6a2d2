/* SPDX-License-Identifier: MIT */
/* Private to run/: the readable folder of a run. All of it can be derived from the store again
 * (files_restore), so no failure to write here stops a run. */
#ifndef FERMATA_RUN_FILES_H
#define FERMATA_RUN_FILES_H

#include "base/digest.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "run/record.h"
#include "run/state.h"
#include "store/store.h"

/* Where the files of one run lie, and how its log is written. All borrowed. */
struct run_files {
    const char *id;
    const char *folder; /* PROJECT/.fermata/workflows/ID */
    const char *blobs;
    const struct workflow *workflow;
    bool log_json;
    int64_t last_seq; /* files_restore goes no further than this record; 0: to the end */
};

/* files_write.c: one file each. All but the logs are replaced by rename; `sync` before it. */
void files_write(const struct run_files *files, const char *name, const struct strbuf *text,
                 enum file_sync sync);
void files_append(const struct run_files *files, const char *name, const struct strbuf *text);
/* Removes the files of checkpoints that the run no longer has: all but the members of `kept`. */
void files_prune_checkpoints(const struct run_files *files, const json_t *kept);
json_t *files_kept_checkpoints(const struct run_state *run); /* the caller owns it */
void files_format_plan(const struct workflow *workflow, struct strbuf *target);
/* The report step's text; without one the artifact report.md; else an overview. */
void files_format_report(const struct run_files *files, const struct run_state *run,
                         struct strbuf *target);
/* The same without reading anything: the digests to try first ("": none), else the text. */
void files_report_sources(const struct run_state *run, char ret_digests[2][DIGEST_HEX_SIZE],
                          struct strbuf *text);
bool files_add_blob(const struct run_files *files, const char *digest, struct strbuf *target);
/* The readable copy of an artifact; the names of the run's own files are left alone. */
void files_write_artifact(const char *folder, const char *name, const void *data, size_t length);
void files_copy_artifacts(const char *folder, const char *blobs, const json_t *artifacts);
bool files_is_own_name(const char *name);
#define FILES_COPY_BYTES_MAX (4U * 1024 * 1024) /* larger artifacts are read with `fermata cat` */

/* files_restore.c: writes what is missing or does not fit, by folding the journal once more; adds
 * the number of these files to *ret_count. With `everything` artifacts and attempts as well. */
int files_restore(struct store *store, const struct run_files *files, bool everything,
                  int64_t *ret_count, struct error *err);

/* Whether state.json, which is written last, stands at this record and the others are there. */
bool files_are_current(const char *folder, int64_t seq, bool is_at_rest);

/* log.c: a record as a line of the log; nothing for those that say nothing. */
void log_format(const struct run_state *run, const struct record *record, bool is_json,
                struct strbuf *target);
/* Whose work it is, ", by codex (gpt-5)"; nothing where it is not known. */
void log_add_answerer(struct strbuf *target, const char *agent, const char *model);
/* The phase in whose log the line stands too; NULL: it is about the run as a whole. */
const char *log_phase(const struct run_state *run, const struct record *record);

#endif

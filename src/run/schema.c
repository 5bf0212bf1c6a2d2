/* SPDX-License-Identifier: MIT */
/* The tables. Alone in its file, because the image of a new store is made of it when Fermata is
 * built (tools/image.c). */
#include "run/run.h"

#include "base/alloc.h"

static const struct migration migrations[] = {
    {"run/001-journal",
     "CREATE TABLE journal (run TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,"
     " kind TEXT NOT NULL, body TEXT NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (run, seq)) "
     "STRICT,"
     " WITHOUT ROWID;"
     "CREATE TABLE run (id TEXT PRIMARY KEY, workflow TEXT NOT NULL, title TEXT, digest TEXT NOT"
     " NULL, task TEXT, status TEXT NOT NULL, wish TEXT NOT NULL, reason TEXT, detail TEXT,"
     " strategy TEXT, label TEXT, parent TEXT, depth INTEGER NOT NULL, created_at INTEGER NOT NULL,"
     " started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, steps_total INTEGER NOT NULL,"
     " steps_completed INTEGER NOT NULL, steps_failed INTEGER NOT NULL, steps_skipped INTEGER NOT"
     " NULL, steps_running INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;"
     "CREATE INDEX run_by_age ON run (created_at DESC, id);"
     "CREATE TABLE step (run TEXT NOT NULL, key TEXT NOT NULL, phase TEXT NOT NULL, status TEXT NOT"
     " NULL, class TEXT, error TEXT, digest TEXT, parts TEXT, output TEXT, artifacts TEXT, attempts"
     " INTEGER NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, reused INTEGER NOT"
     " NULL, PRIMARY KEY (run, key)) STRICT, WITHOUT ROWID;"
     "CREATE INDEX step_by_digest ON step (digest) WHERE digest IS NOT NULL;"
     "CREATE TABLE lease (run TEXT PRIMARY KEY, generation INTEGER NOT NULL, pid INTEGER NOT NULL,"
     " at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
     "CREATE TABLE inbox (id INTEGER PRIMARY KEY, run TEXT NOT NULL, command TEXT NOT NULL, sender"
     " TEXT, at INTEGER NOT NULL, answer TEXT) STRICT;"
     "CREATE INDEX inbox_open ON inbox (run) WHERE answer IS NULL;"},
    {"run/002-waits-until", "ALTER TABLE run ADD COLUMN waits_until INTEGER NOT NULL DEFAULT 0;"},
    /* Quotes inside of texts are escaped, so that no text is taken for the key. */
    {"run/003-agents", "CREATE INDEX journal_agents ON journal (at) WHERE kind = 'attempt_ended'"
                       " AND instr(body, '\"agent\":\"') > 0;"},
    /* Of runs that were removed; NULL: no attempt said. */
    {"run/004-agent-usage",
     "CREATE TABLE agent_usage (agent TEXT NOT NULL, month TEXT NOT NULL, attempts INTEGER NOT "
     "NULL,"
     " failed INTEGER NOT NULL, input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER,"
     " cost_usd REAL, counted INTEGER NOT NULL, priced INTEGER NOT NULL, last_at INTEGER NOT NULL,"
     " PRIMARY KEY (agent, month)) STRICT, WITHOUT ROWID;"},
    {"run/005-admission",
     "CREATE TABLE agent_breaker (agent TEXT PRIMARY KEY, state TEXT NOT NULL, failures INTEGER NOT"
     " NULL, since INTEGER NOT NULL, trying INTEGER NOT NULL, error TEXT) STRICT, WITHOUT ROWID;"
     "CREATE TABLE agent_bucket (name TEXT PRIMARY KEY, full_at INTEGER NOT NULL) STRICT,"
     " WITHOUT ROWID;"},
    {"run/006-audit",
     "CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL,"
     " user TEXT, run TEXT, seq INTEGER NOT NULL, resource TEXT, status TEXT, details TEXT,"
     " hash TEXT NOT NULL) STRICT;"
     "CREATE INDEX audit_of_run ON audit (run, seq);"},
    {"run/007-tasks",
     "ALTER TABLE run ADD COLUMN task_id TEXT;"
     "CREATE INDEX run_of_task ON run (task_id) WHERE task_id IS NOT NULL;"
     "CREATE TABLE task (id TEXT PRIMARY KEY, description TEXT NOT NULL, metadata TEXT NOT NULL,"
     " origin TEXT, created_at INTEGER NOT NULL, cancelled_at INTEGER NOT NULL, settled_at INTEGER"
     " NOT NULL) STRICT, WITHOUT ROWID;"
     "CREATE INDEX task_by_origin ON task (origin) WHERE origin IS NOT NULL;"},
    /* Of runs that were removed; sums: run/sample.h. */
    {"run/009-agent-work",
     "CREATE TABLE agent_work (agent TEXT NOT NULL, kind TEXT NOT NULL, expert TEXT NOT NULL,"
     " day INTEGER NOT NULL, sums TEXT NOT NULL, PRIMARY KEY (agent, kind, expert, day)) STRICT,"
     " WITHOUT ROWID;"},
    {"run/010-budgets", "ALTER TABLE run ADD COLUMN ledger TEXT;"
                        "CREATE INDEX run_by_parent ON run (parent) WHERE parent IS NOT NULL;"},
    /* Of the runs that are there the notes are files: run/note.c. */
    {"run/011-notes",
     "CREATE TABLE note (run TEXT NOT NULL, place TEXT NOT NULL, note TEXT NOT NULL,"
     " PRIMARY KEY (run, place)) STRICT, WITHOUT ROWID;"
     "INSERT INTO note (run, place, note) SELECT id, '', '' FROM run;"},
};

const struct migration *run_migrations(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(migrations);
    return migrations;
}

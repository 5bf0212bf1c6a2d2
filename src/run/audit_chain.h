/* SPDX-License-Identifier: MIT */
/* Private to run/: how the audit log is made. */
#ifndef FERMATA_RUN_AUDIT_CHAIN_H
#define FERMATA_RUN_AUDIT_CHAIN_H

#include "base/arena.h"
#include "base/digest.h"
#include "run/audit.h"
#include "run/record.h"

#define AUDIT_NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define AUDIT_COLUMNS "id, at, event, user, run, seq, resource, status, details, hash"

/* False: nobody needs to account for this record. Texts live in the arena or in the record. */
bool audit_describe(const struct record *record, const char *run_id, struct arena *arena,
                    struct audit_entry *ret_entry);
/* `previous`: the hash of the entry before it, AUDIT_NO_HASH before the first one. */
void audit_hash(const struct audit_entry *entry, int64_t id, const char *previous,
                char ret_hash[DIGEST_HEX_SIZE]);
/* Within a transaction that writes. */
int audit_add(struct tx *tx, const struct audit_entry *entries, size_t count, struct error *err);

#endif

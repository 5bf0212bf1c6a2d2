/* SPDX-License-Identifier: MIT */
/* Private to run/: the gate before an agent's call, kept in the store. */
#ifndef FERMATA_RUN_ADMISSION_H
#define FERMATA_RUN_ADMISSION_H

#include "run/breaker.h"
#include "store/store.h"

struct admission_request {
    const struct agent_config *agent;
    const char *run, *step;
    int64_t now;
    bool has_slot; /* a token was taken for it before */
};

struct admission {
    int64_t until; /* 0: go */
    bool is_slot;  /* a token is taken: come at that time */
    char why[400];
};

/* Blocks: on the pool. Costs no write while the breaker is closed and there is no rate. */
int admission_ask(struct store *store, const struct admission_request *request,
                  struct admission *ret_admission, struct error *err);

/* A call that ended, for the transaction that writes its end. */
struct admission_end {
    const char *agent;
    struct breaker_policy policy;
    const char *run, *step;
    enum failure_class class_;
    const char *error;
    int64_t at;
};
int admission_note(struct tx *tx, const struct admission_end *end, struct error *err);

#endif

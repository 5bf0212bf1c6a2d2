/* SPDX-License-Identifier: MIT */
/* `audit`: who did what, and whether that is what was written. */
#include "run/audit.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "ops/internal.h"

#include <string.h>

#define LIMIT_DEFAULT 20

/* An option that says nothing here would be taken for one that was obeyed. */
static int check_options(const json_t *arguments, bool is_verify, struct error *err)
{
    static const char *const of_list[] = {"run", "limit", "before"};

    for (size_t i = 0; is_verify && i < ARRAY_LEN(of_list); i++) {
        if (json_object_get(arguments, of_list[i])) {
            return error_set(err, ERROR_INVALID,
                             "--%s: `fermata audit verify` looks at all entries", of_list[i]);
        }
    }
    if (!is_verify && json_object_get(arguments, "head")) {
        return error_set(err, ERROR_INVALID, "--head belongs to `fermata audit verify`");
    }
    return 0;
}

static int check_head(const char *head, struct error *err)
{
    if (head && (strlen(head) != DIGEST_HEX_LENGTH ||
                 strspn(head, "0123456789abcdef") != DIGEST_HEX_LENGTH)) {
        (void)error_set(err, ERROR_INVALID, "--head: \"%s\" is no hash of an entry", head);
        error_hint(err, "64 hex digits, as `fermata audit verify` prints them");
        return ERROR_INVALID;
    }
    return 0;
}

static int list(struct ops *ops, const json_t *arguments, json_t **ret_result, struct error *err)
{
    struct audit_filter filter = {.before = json_get_integer(arguments, "before", 0)};
    char run_id[RUN_ID_SIZE];
    int r = ops_read_limit(arguments, LIMIT_DEFAULT, &filter.limit, err);

    if (r == 0 && json_object_get(arguments, "before") && filter.before < 1) {
        r = error_set(err, ERROR_INVALID, "--before: must be a number that a page ended with");
    }
    if (r == 0 && json_object_get(arguments, "run")) {
        r = ops_resolve_run(ops, arguments, run_id, err);
        filter.run = run_id;
    }
    return r < 0 ? r : audit_list(ops->store, &filter, ret_result, err);
}

int op_audit(struct ops *ops, const json_t *arguments, const struct ops_view *view,
             json_t **ret_result, struct error *err)
{
    const char *action = json_get_text(arguments, "action", "list");
    const char *head = json_get_text(arguments, "head", NULL);
    bool is_verify = strcmp(action, "verify") == 0;
    int r = check_options(arguments, is_verify, err);

    (void)view;
    r = r < 0 ? r : check_head(head, err);
    r = r < 0 ? r : ops_need_project(ops, err);
    if (r == 0 && !ops_has_store(ops)) {
        r = error_set(err, ERROR_NOT_FOUND, "nothing was done in %s yet", ops->project);
    }
    r = r < 0 ? r : ops_need_store(ops, err);
    if (r == 0) {
        r = is_verify ? audit_verify(ops->store, head, ret_result, err)
                      : list(ops, arguments, ret_result, err);
    }
    if (r == 0) {
        json_put_text(*ret_result, "action", action);
    }
    return r;
}

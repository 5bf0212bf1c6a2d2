/* SPDX-License-Identifier: MIT */
/* Private to run/: what a path in an expression means, see lookup.c. */
#ifndef FERMATA_RUN_LOOKUP_H
#define FERMATA_RUN_LOOKUP_H

#include "run/state.h"

/* Is told of each step that a path leads to, or through whose phase it leads. */
struct lookup_watch {
    void (*see)(void *context, const struct step_state *step);
    void *context;
};

/* Values of paths in expressions. `load` reads an output that is not inline; where it is NULL or
 * fails, the value is null and `unread` names its step. */
struct lookup_context {
    const struct run_state *run;
    const struct step_state *step; /* for item and index; NULL: none */
    const char *project;
    load_output load;
    void *load_context;
    const char *unread;
    const struct lookup_watch *watch; /* NULL: nobody wants to know */
};
json_t *run_lookup(void *lookup_context, const char *const *parts, size_t part_count);
/* Lines that open a list item: what a reviewer's prose counts as suggestions. */
json_int_t text_count_list_items(const char *text);

#endif

/* SPDX-License-Identifier: MIT */
/* "Did you mean" for what lies outside of the file: agents, experts, functions, workflows, gates.
 */
#include "base/nearest.h"
#include "workflow/reader.h"

const char *names_nearest(const struct reader *reader, enum outside_kind kind, const char *wanted,
                          const struct name_list *own)
{
    struct name_list names = {0};
    const char *nearest;

    /* Looking for near names takes time; a hostile file must not buy more of it than it sees. */
    if (reader->problems->truncated) {
        return NULL;
    }
    for (size_t i = 0; own && i < own->count; i++) {
        *VEC_PUSH(&names) = mem_strdup(own->items[i]);
    }
    if (reader->names && reader->names->list_names) {
        reader->names->list_names(kind, &names, reader->names->context);
    }
    nearest = nearest_name(wanted, (const char *const *)names.items, names.count);
    nearest = nearest ? arena_strdup(reader->scratch, nearest) : NULL;
    for (size_t i = 0; i < names.count; i++) {
        free(names.items[i]);
    }
    VEC_RELEASE(&names);
    return nearest;
}

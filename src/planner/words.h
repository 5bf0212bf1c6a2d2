/* SPDX-License-Identifier: MIT */
/* A text as the stems of its words, so that "migrating the tables" holds "migrate" and "table".
 *
 * Stems are made by a few rules for English, no dictionary: good enough to compare texts, nothing
 * to show. Other languages keep their words as they are. Pure. */
#ifndef FERMATA_PLANNER_WORDS_H
#define FERMATA_PLANNER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_BYTES_MAX (256U * 1024) /* of a text; what is behind it is not looked at */

struct words {
    char *text; /* " stem stem stem " */
    size_t count;
};

void words_make(const char *text, struct words *ret_words);
void words_release(struct words *words);
/* Whether the words of `phrase` stand in the text in this order, side by side. *ret_index, unless
 * NULL: the place of its first word, from 0. */
bool words_has(const struct words *words, const char *phrase, size_t *ret_index);
/* The next stem of the text from *cursor on (0 at first); false at the end. */
bool words_next(const struct words *words, size_t *cursor, char *target, size_t target_size);
/* Words that say nothing of a text: the, and, with... */
bool words_is_common(const char *stem);
/* The word of `text` with this stem, as it stands there: something to show. False: there is none.
 */
bool words_find_written(const char *text, const char *stem, char *target, size_t target_size);

#endif

/* SPDX-License-Identifier: MIT */
/* Damerau-Levenshtein distance in its restricted form (optimal string alignment):
 * https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance */
#include "base/nearest.h"

#include <string.h>

static char fold(char character)
{
    if (character >= 'A' && character <= 'Z') {
        return (char)(character - 'A' + 'a');
    }
    return character == '_' ? '-' : character;
}

static size_t smaller(size_t left, size_t right)
{
    return left < right ? left : right;
}

size_t name_distance(const char *left, const char *right, size_t limit)
{
    size_t rows[3][NEAREST_NAME_MAX + 1];
    size_t left_length = strnlen(left, NEAREST_NAME_MAX + 1);
    size_t right_length = strnlen(right, NEAREST_NAME_MAX + 1);

    if (left_length > NEAREST_NAME_MAX || right_length > NEAREST_NAME_MAX) {
        return limit + 1;
    }
    for (size_t j = 0; j <= right_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= left_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= right_length; j++) {
            char a = fold(left[i - 1]);
            char b = fold(right[j - 1]);

            row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + (a != b));
            if (i > 1 && j > 1 && a == fold(right[j - 2]) && fold(left[i - 2]) == b) {
                row[j] = smaller(row[j], before[j - 2] + 1);
            }
        }
    }
    return smaller(rows[left_length % 3][right_length], limit + 1);
}

const char *nearest_name(const char *wanted, const char *const *names, size_t count)
{
    size_t length = strnlen(wanted, NEAREST_NAME_MAX + 1);
    size_t best = length <= 3 ? 1 : (length + 2) / 3;
    const char *found = NULL;

    if (length == 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t distance = names[i] ? name_distance(wanted, names[i], best) : best + 1;

        /* All of the wanted characters replaced is no likeness. */
        if (distance <= best && distance < length && (!found || distance < best)) {
            best = distance;
            found = names[i];
        }
    }
    return found;
}

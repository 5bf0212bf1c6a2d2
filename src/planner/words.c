/* SPDX-License-Identifier: MIT */
#include "planner/words.h"

#include "base/alloc.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEM_MAX 64 /* a longer word is cut */
#define STEM_MIN 3  /* what is left of a word without its ending */

static const char common_words[] =
    " a an and are as at be by can do does for from has have how i in into is it its me my no not "
    "of "
    "on or our please so than that the their them then there they this to too up us was we what "
    "when "
    "where which while who will with without you your thing make new also each every some any all "
    "cod fil look project ";

static bool is_word_char(unsigned char character)
{
    return isalnum(character) || character >= 0x80 || character == '+' || character == '#';
}

static bool ends_with(const char *word, size_t length, const char *ending)
{
    size_t ending_length = strlen(ending);

    return length >= ending_length + STEM_MIN &&
           memcmp(word + length - ending_length, ending, ending_length) == 0;
}

static bool is_vowel(char character)
{
    return strchr("aeiouy", character) != NULL;
}

static bool has_vowel(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (is_vowel(word[i])) {
            return true;
        }
    }
    return false;
}

/* "stopp" of "stopped" is "stop"; "miss" and "add" keep theirs. */
static size_t undouble(const char *word, size_t length)
{
    bool is_double = length > STEM_MIN && word[length - 1] == word[length - 2];

    return is_double && !strchr("lsd", word[length - 1]) ? length - 1 : length;
}

/* "this" and "analysis" have no s to lose, "apis" has. */
static bool is_singular(const char *word, size_t length)
{
    return memcmp(word + length - 3, "his", 3) == 0 || memcmp(word + length - 3, "sis", 3) == 0;
}

static size_t stem(char *word, size_t length)
{
    if (ends_with(word, length, "ies")) {
        length -= 2;
        word[length - 1] = 'y';
    } else if (ends_with(word, length, "sses") || ends_with(word, length, "shes") ||
               ends_with(word, length, "ches") || ends_with(word, length, "xes")) {
        length -= 2;
    } else if (ends_with(word, length, "s") && !strchr("su", word[length - 2]) &&
               !is_singular(word, length)) {
        length--;
    }
    if (ends_with(word, length, "ing") && has_vowel(word, length - 3)) {
        length = undouble(word, length - 3);
    } else if (ends_with(word, length, "ed") && has_vowel(word, length - 2)) {
        length = undouble(word, length - 2);
    }
    if (ends_with(word, length, "e")) {
        length--; /* "migrate", "migrating" and "migrated" are one */
    }
    word[length] = '\0';
    return length;
}

/* The next word from *at on, in lower case, and where it is written; 0: there is none. */
static size_t next_word(const char **at, const char *end, char word[STEM_MAX + 1],
                        const char **ret_start)
{
    size_t length = 0;

    while (*at < end && !is_word_char((unsigned char)**at)) {
        (*at)++;
    }
    *ret_start = *at;
    for (; *at < end && is_word_char((unsigned char)**at); (*at)++) {
        if (length < STEM_MAX) {
            word[length++] = (char)tolower((unsigned char)**at);
        }
    }
    return length;
}

void words_make(const char *text, struct words *ret_words)
{
    struct strbuf stems;
    const char *end = text + strnlen(text, WORDS_BYTES_MAX);
    const char *start;
    char word[STEM_MAX + 1];
    size_t length;

    strbuf_init(&stems, 2 * WORDS_BYTES_MAX);
    strbuf_add_char(&stems, ' ');
    ret_words->count = 0;
    while ((length = next_word(&text, end, word, &start)) > 0) {
        strbuf_add_bytes(&stems, word, stem(word, length));
        strbuf_add_char(&stems, ' ');
        ret_words->count++;
    }
    ret_words->text = strbuf_take(&stems);
    strbuf_release(&stems);
}

bool words_find_written(const char *text, const char *stem_text, char *target, size_t target_size)
{
    const char *end = text + strnlen(text, WORDS_BYTES_MAX);
    const char *start;
    char word[STEM_MAX + 1];
    size_t length;

    while ((length = next_word(&text, end, word, &start)) > 0) {
        (void)stem(word, length);
        if (strcmp(word, stem_text) == 0) {
            (void)snprintf(target, target_size, "%.*s", (int)(text - start), start);
            return true;
        }
    }
    return false;
}

void words_release(struct words *words)
{
    free(words->text);
    words->text = NULL;
    words->count = 0;
}

bool words_has(const struct words *words, const char *phrase, size_t *ret_index)
{
    struct words wanted;
    const char *found;

    words_make(phrase, &wanted);
    found = wanted.count > 0 ? strstr(words->text, wanted.text) : NULL;
    if (found && ret_index) {
        *ret_index = 0;
        for (const char *at = words->text; at < found; at++) {
            *ret_index += *at == ' ';
        }
    }
    words_release(&wanted);
    return found != NULL;
}

bool words_next(const struct words *words, size_t *cursor, char *target, size_t target_size)
{
    const char *start = words->text + *cursor + 1;
    const char *end = strchr(start, ' ');
    size_t length;

    if (!end) {
        return false;
    }
    length = (size_t)(end - start) < target_size ? (size_t)(end - start) : target_size - 1;
    memcpy(target, start, length);
    target[length] = '\0';
    *cursor = (size_t)(end - words->text);
    return true;
}

bool words_is_common(const char *stem_text)
{
    char wanted[STEM_MAX + 3];
    size_t length = strlen(stem_text);

    if (length > STEM_MAX) {
        return false;
    }
    wanted[0] = ' ';
    memcpy(wanted + 1, stem_text, length);
    wanted[length + 1] = ' ';
    wanted[length + 2] = '\0';
    return length < 2 || strstr(common_words, wanted) != NULL;
}

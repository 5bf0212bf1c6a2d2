/* SPDX-License-Identifier: MIT */
/* Files of stories, for `loop`: JSON (`tasks/prd.json`) and Markdown check lists. Reads them, and
 * marks one story as done by changing nothing else of the text. Knows no disk. */
#ifndef FERMATA_OPS_STORY_H
#define FERMATA_OPS_STORY_H

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

#define STORY_FILE_BYTES_MAX (1024U * 1024)
#define STORIES_MAX 1000

/* A place of the text, and what stands there once the story is done. */
struct story_edit {
    size_t offset, length;
    const char *text;
};

struct story {
    const char *id; /* as people call it */
    const char *title;
    const char *text; /* what its workflow is told */
    /* Of what is to be done: a story whose text changed is another one. */
    const char *key;
    size_t offset; /* where it begins in the file */
    double rank;   /* lower ones first; among equals the order of the file */
    bool is_done;
    bool is_left;    /* by the word of a person: skipped, blocked... */
    bool is_heading; /* others lie below it: done when they are */
    int parent;      /* index; -1: none */
    struct story_edit edits[2];
    size_t edit_count;
};

VEC_TYPE(story_vec, struct story);

struct story_file {
    struct arena *arena; /* all texts */
    const char *name;    /* in messages */
    const char *text;    /* borrowed */
    size_t length;
    struct story_vec stories;
};

/* ERROR_VALIDATION as NAME:LINE:COLUMN; by the name's ending JSON or Markdown, else by how the text
 * begins. The text is borrowed. */
int story_file_parse(const char *name, const char *text, size_t length,
                     struct story_file **ret_file, struct error *err);
void story_file_free(struct story_file *file); /* accepts NULL */
/* The index of that story; -1: there is none (any more). */
int story_find(const struct story_file *file, const char *key);
/* To be worked on itself, done or not: no heading, and nobody says to leave it. */
bool story_counts(const struct story *story);
/* The text with this story marked as done, and what is done with it. */
void story_mark(const struct story_file *file, int index, struct strbuf *target);

/* For the readers of the two forms. */
int story_error(const struct story_file *file, size_t offset, struct error *err, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
int story_add(struct story_file *file, const struct story *story, struct error *err);
int story_read_json(struct story_file *file, struct error *err);
int story_read_markdown(struct story_file *file, struct error *err);

#endif

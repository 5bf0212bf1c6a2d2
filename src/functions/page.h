/* SPDX-License-Identifier: MIT */
/* A Markdown page as far as links go: where they stand, and which headings others may link to. What
 * stands in code is neither. */
#ifndef FERMATA_FUNCTIONS_PAGE_H
#define FERMATA_FUNCTIONS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct map;

struct page_link {
    char *target;     /* as it is written */
    size_t line;      /* from 1 */
    const char *text; /* that line, in the page's own text */
    size_t text_length;
};

struct page {
    char *text;
    struct page_link *links;
    size_t link_count;
    struct map *anchors;
};

struct page *page_new(const char *text, size_t length);
void page_free(struct page *page); /* accepts NULL */
/* Names of headings as GitHub makes them, and of HTML ids; upper and lower case are the same. */
bool page_has_anchor(const struct page *page, const char *anchor);
/* Without percent signs. The caller frees it. */
char *page_decode(const char *text, size_t length);

#endif

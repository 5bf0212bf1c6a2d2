/* SPDX-License-Identifier: MIT */
/* Links of Markdown pages that lead nowhere in this tree: files that are not there, headings that
 * no page has. Addresses elsewhere are counted and not visited: this runs without a network. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/map.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/page.h"
#include "functions/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct search {
    struct tree *tree;
    struct map *folders; /* each folder that holds a file */
    struct map *pages;   /* path -> struct page, of those read so far */
    struct findings *findings;
    const struct tree_file *file; /* whose links are looked at */
    size_t links, inner, remote, dead_files, dead_anchors;
};

static void folders_note(struct search *search, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *folder = mem_strndup(path, (size_t)(slash - path));

        (void)map_put(search->folders, folder, search);
        free(folder);
    }
}

static struct page *page_get(struct search *search, const struct tree_file *file)
{
    struct page *page = map_find(search->pages, file->path);
    char *text;
    size_t length;

    if (!page && tree_read(search->tree, (struct tree_file *)file, &text, &length)) {
        page = page_new(text, length);
        (void)map_put(search->pages, file->path, page);
        free(text);
    }
    return page;
}

static bool is_remote(const char *target)
{
    size_t length = 0;

    while (isalnum((unsigned char)target[length]) || strchr("+.-", target[length])) {
        if (target[length] == '\0') {
            return false;
        }
        length++;
    }
    return (length > 1 && target[length] == ':') || strncmp(target, "//", 2) == 0;
}

/* The path in the tree that a link of this page means, percent signs decoded; NULL: it leads out of
 * the project. The caller frees it. */
static char *resolve(const char *page, const char *target, size_t length)
{
    const char *slash = strrchr(page, '/');
    struct strbuf whole;
    struct strbuf path;
    char *decoded = page_decode(target, length);
    bool is_out = false;

    strbuf_init(&whole, 65536);
    strbuf_init(&path, 65536);
    if (*decoded != '/' && slash) {
        strbuf_add_bytes(&whole, page, (size_t)(slash - page) + 1);
    }
    strbuf_add(&whole, decoded);
    for (const char *at = whole.data; *at && !is_out;) {
        size_t part = strcspn(at, "/");

        if (part == 2 && strncmp(at, "..", 2) == 0) {
            size_t cut = path.length;

            is_out = cut == 0;
            while (cut > 0 && path.data[cut - 1] != '/') {
                cut--;
            }
            path.length = cut > 0 ? cut - 1 : 0;
            path.data[path.length] = '\0';
        } else if (part > 0 && !(part == 1 && *at == '.')) {
            strbuf_add(&path, path.length > 0 ? "/" : "");
            strbuf_add_bytes(&path, at, part);
        }
        at += part + (at[part] == '/');
    }
    free(decoded);
    decoded = is_out ? NULL : strbuf_take(&path);
    strbuf_release(&whole);
    strbuf_release(&path);
    return decoded;
}

static void report(struct search *search, const struct page_link *link, const char *rule,
                   enum severity severity, const char *message, const char *fix)
{
    findings_add(search->findings,
                 &(struct finding){.rule = rule,
                                   .severity = severity,
                                   .confidence = "high",
                                   .file = search->file->path,
                                   .line = link->line,
                                   .evidence = link->text,
                                   .evidence_length = link->text_length,
                                   .message = message,
                                   .fix = fix,
                                   .context = tree_context_name(search->file->traits &
                                                                ~(unsigned)TRAIT_DOCUMENT)});
}

static void anchor_check(struct search *search, const struct page_link *link,
                         const struct tree_file *file, const char *anchor)
{
    const struct page *page = file->language && language_is(file->language, "Markdown")
                                  ? page_get(search, file)
                                  : NULL;
    char *decoded = page_decode(anchor, strlen(anchor));
    char *message;

    if (page && *decoded && !page_has_anchor(page, decoded)) {
        search->dead_anchors++;
        message = mem_printf("%s has no heading #%s", file->path, decoded);
        report(search, link, "dead-anchor", SEVERITY_LOW, message,
               "name the heading as it is called now, or leave the part behind # out");
        free(message);
    }
    free(decoded);
}

static void target_check(struct search *search, const struct page_link *link)
{
    size_t length = strcspn(link->target, "#?");
    const char *anchor = strchr(link->target, '#');
    const struct tree_file *file = search->file;
    char *path = length > 0 ? resolve(search->file->path, link->target, length) : NULL;
    char *message = NULL;

    search->inner++;
    if (length > 0 && !path) {
        search->dead_files++;
        report(search, link, "link-out-of-project", SEVERITY_LOW,
               "the link leads out of the project, where a reader of a clone has nothing",
               "bring the file in, or give the whole address");
    } else if (path && *path) {
        file = tree_find(search->tree, path);
        if (!file && !map_find(search->folders, path)) {
            search->dead_files++;
            message = mem_printf("there is no %s", path);
            report(search, link, "dead-link", SEVERITY_MEDIUM, message,
                   "name the file as it is called now, or take the link out");
        }
    } else if (path) {
        file = NULL; /* the project's own folder */
    }
    if (file && anchor) {
        anchor_check(search, link, file, anchor + 1);
    }
    free(message);
    free(path);
}

static void page_check(struct search *search)
{
    const struct page *page = page_get(search, search->file);

    for (size_t i = 0; page && i < page->link_count; i++) {
        const struct page_link *link = &page->links[i];

        search->links++;
        if (is_remote(link->target)) {
            search->remote++;
        } else {
            target_check(search, link);
        }
    }
}

static size_t pages_check(struct search *search)
{
    size_t pages = 0;

    for (size_t i = 0; i < search->tree->count; i++) {
        folders_note(search, search->tree->files[i].path);
    }
    for (size_t i = 0; i < search->tree->count; i++) {
        search->file = &search->tree->files[i];
        if (language_is(search->file->language, "Markdown") &&
            !(search->file->traits & TRAIT_VENDORED)) {
            pages++;
            page_check(search);
        }
    }
    return pages;
}

static void search_release(struct search *search)
{
    size_t cursor = 0;
    const char *path;
    void *page;

    while (map_next(search->pages, &cursor, &path, &page)) {
        page_free(page);
    }
    map_free(search->pages);
    map_free(search->folders);
    tree_free(search->tree);
}

int links_run(const struct function_call *call, struct error *err)
{
    struct search search = {.links = 0};
    json_t *result;
    json_t *covered;
    size_t pages;
    int r = tree_open(call->project, &search.tree, err);

    if (r < 0) {
        return r;
    }
    search.folders = map_new();
    search.pages = map_new();
    search.findings = findings_new("links");
    result = result_new("links");
    pages = pages_check(&search);
    covered = tree_coverage(search.tree);
    json_put_integer(covered, "pages", (json_int_t)pages);
    json_put_integer(covered, "links_checked", (json_int_t)search.inner);
    json_put_integer(covered, "addresses_elsewhere_not_visited", (json_int_t)search.remote);
    json_put(result, "covered", covered);
    json_put_integer(result, "dead_links", (json_int_t)search.dead_files);
    json_put_integer(result, "dead_anchors", (json_int_t)search.dead_anchors);
    findings_finish(search.findings, result);
    result_summarise(result,
                     "%zu of %zu links in %zu page%s lead to a file that is not there, %zu to a "
                     "heading that is not; %zu addresses elsewhere were not visited",
                     search.dead_files, search.inner, pages, PLURAL(pages), search.dead_anchors,
                     search.remote);
    if (pages == 0) {
        result_unknown(result, "there is no Markdown page", NULL);
    }
    search_release(&search);
    return result_write(result, call, err);
}

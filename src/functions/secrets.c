/* SPDX-License-Identifier: MIT */
/* Secrets in the tree and in what git's history added. A secret never leaves this file unmasked;
 * the same secret in tree and history is told by its digest. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/map.h"
#include "base/vec.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/git.h"
#include "functions/secret.h"
#include "functions/tree.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES_MAX (1024U * 1024)
#define SECRETS_MAX 5000

static const struct {
    json_int_t commits, megabytes;
    int64_t timeout_ms;
} reach_of_band[BANDS] = {
    [BAND_SMALL] = {2000, 128, 60000},
    [BAND_MEDIUM] = {10000, 512, 180000},
    [BAND_LARGE] = {1000000, 4096, 900000},
};

static const char fix_tree[] =
    "revoke it first, then remove it; keep secrets in the environment or a secret store";
static const char fix_history[] =
    "revoke it: whoever has a clone has it; rewriting the history is not enough";

struct past_secret {
    char *rule, *file, *masked, *commit, *date;
    const char *message, *confidence;
    enum severity severity;
    size_t line, places;
};

struct search {
    struct secret_scanner *scanner;
    struct findings *findings;
    struct map *in_tree; /* digests of the secrets that are there now */
    struct map *past_index;
    VEC(struct past_secret) past;
    VEC(size_t) lines; /* of the block: line number of each added line */
    struct strbuf block, line;
    const struct tree_file *file; /* being scanned in the tree */
    char *path;                   /* being scanned in the history */
    char commit[48], date[16];
    size_t next_line, commits, bytes, tree_secrets;
    bool is_path_skipped;
};

static void secret_digest(const char *text, const struct secret_hit *hit,
                          char ret_hex[DIGEST_HEX_SIZE])
{
    size_t end = hit->end;

    /* All keys of a kind share their header: what follows it makes the difference. */
    if (strcmp(hit->rule, "private-key") == 0) {
        size_t room = strnlen(text + end, 200);

        end += room;
    }
    digest_bytes(text + hit->start, end - hit->start, ret_hex);
}

static enum severity softened(enum severity severity, unsigned traits)
{
    if (traits & (TRAIT_TEST | TRAIT_EXAMPLE | TRAIT_DOCUMENT | TRAIT_VENDORED)) {
        return severity == SEVERITY_HIGH ? SEVERITY_LOW : SEVERITY_INFO;
    }
    return severity;
}

static void tree_sink(void *context, const char *text, const struct secret_hit *hit)
{
    struct search *search = context;
    char digest[DIGEST_HEX_SIZE];
    struct strbuf masked;
    size_t line = 1;

    for (size_t i = 0; i < hit->line_start; i++) {
        line += text[i] == '\n';
    }
    secret_digest(text, hit, digest);
    (void)map_put(search->in_tree, digest, search);
    search->tree_secrets++;
    strbuf_init(&masked, 1000);
    secret_mask(text, hit, &masked);
    findings_add(search->findings,
                 &(struct finding){.rule = hit->rule,
                                   .severity = softened(hit->severity, search->file->traits),
                                   .confidence = hit->confidence,
                                   .file = search->file->path,
                                   .line = line,
                                   .evidence = masked.data,
                                   .evidence_length = masked.length,
                                   .message = hit->message,
                                   .fix = fix_tree,
                                   .context = tree_context_name(search->file->traits)});
    strbuf_release(&masked);
}

static void tree_scan(struct search *search, const struct tree *tree, size_t *ret_files)
{
    for (size_t i = 0; i < tree->count; i++) {
        char *text;
        size_t length;

        if (!tree_read(tree, &tree->files[i], &text, &length)) {
            continue;
        }
        search->file = &tree->files[i];
        search->bytes += length;
        (*ret_files)++;
        if (!(tree->files[i].traits & TRAIT_GENERATED) || !strstr(tree->files[i].path, "lock")) {
            secret_scan(search->scanner, text, length, tree_sink, search);
        }
        free(text);
    }
}

static void past_sink(void *context, const char *text, const struct secret_hit *hit)
{
    struct search *search = context;
    struct past_secret *past;
    char digest[DIGEST_HEX_SIZE];
    struct strbuf masked;
    size_t row = 0;
    size_t found;

    secret_digest(text, hit, digest);
    if (map_find(search->in_tree, digest) || search->past.count >= SECRETS_MAX) {
        return;
    }
    for (size_t i = 0; i < hit->line_start; i++) {
        row += text[i] == '\n';
    }
    found = (size_t)(uintptr_t)map_find(search->past_index, digest);
    if (found == 0) {
        strbuf_init(&masked, 1000);
        secret_mask(text, hit, &masked);
        past = VEC_PUSH(&search->past);
        *past = (struct past_secret){.rule = mem_strdup(hit->rule),
                                     .masked = strbuf_take(&masked),
                                     .message = hit->message,
                                     .confidence = hit->confidence,
                                     .severity = hit->severity};
        strbuf_release(&masked);
        (void)map_put(search->past_index, digest, (void *)(uintptr_t)search->past.count);
        found = search->past.count;
    }
    past = &search->past.items[found - 1];
    /* The log runs backwards: what is seen last was first. */
    free(past->file);
    free(past->commit);
    free(past->date);
    past->file = mem_strdup(search->path);
    past->commit = mem_strdup(search->commit);
    past->date = mem_strdup(search->date);
    past->line = row < search->lines.count ? search->lines.items[row] : 0;
    past->places++;
}

static void block_finish(struct search *search)
{
    if (search->block.length > 0 && search->path && !search->is_path_skipped) {
        secret_scan(search->scanner, search->block.data, search->block.length, past_sink, search);
    }
    strbuf_reset(&search->block);
    search->lines.count = 0;
}

/* "+++ b/path", perhaps quoted and with a tab behind it. */
static void path_begin(struct search *search, char *line)
{
    char *path = line + 4;

    free(search->path);
    search->path = NULL;
    path[strcspn(path, "\t")] = '\0';
    if (strncmp(path, "b/", 2) != 0) {
        return;
    }
    search->path = mem_strdup(path + 2);
    search->is_path_skipped = (tree_path_traits(search->path) & TRAIT_GENERATED) != 0;
}

static void line_take(struct search *search, char *line, size_t length)
{
    if (*line == '+' && search->next_line > 0) {
        if (search->block.length + length < BLOCK_BYTES_MAX) {
            strbuf_add_bytes(&search->block, line + 1, length - 1);
            strbuf_add_char(&search->block, '\n');
            *VEC_PUSH(&search->lines) = search->next_line;
        }
        search->next_line++;
    } else if (*line == '-' && search->next_line > 0) {
        return;
    } else if (strncmp(line, "@@ ", 3) == 0) {
        const char *plus = strchr(line, '+');

        search->next_line = plus ? strtoul(plus + 1, NULL, 10) : 0;
    } else if (*line == '\x01') {
        block_finish(search);
        search->commits++;
        (void)snprintf(search->date, sizeof(search->date), "%.10s", line + 1);
        (void)snprintf(search->commit, sizeof(search->commit), "%.40s",
                       length > 12 ? line + 12 : "");
    } else if (strncmp(line, "diff --git ", 11) == 0) {
        block_finish(search);
        search->next_line = 0;
    } else if (strncmp(line, "+++ ", 4) == 0) {
        path_begin(search, line);
    }
}

static bool log_read(void *context, const char *bytes, size_t length)
{
    struct search *search = context;
    const char *end = bytes + length;

    while (bytes < end) {
        const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t room = search->line.length_max - search->line.length;
        size_t part = (size_t)((stop ? stop : end) - bytes);

        strbuf_add_bytes(&search->line, bytes, part < room ? part : room);
        if (!stop) {
            break;
        }
        if (search->line.length > 0) {
            line_take(search, search->line.data, search->line.length);
        }
        strbuf_reset(&search->line);
        bytes = stop + 1;
    }
    return true;
}

static int history_scan(const struct function_call *call, struct search *search,
                        const json_int_t limits[3], json_t *covered, struct error *err)
{
    struct program_result log;
    char limit[32];
    int r;

    (void)snprintf(limit, sizeof(limit), "-%" JSON_INTEGER_FORMAT, limits[0]);
    r = git_run(
        &(struct git_request){
            .project = call->project,
            .arguments = (const char *const[]){"log", limit, "-p", "-U0", "--no-merges",
                                               "--no-renames", "--no-ext-diff", "--no-textconv",
                                               "--no-show-signature", "--no-color", "--no-notes",
                                               "--diff-filter=AM", "--src-prefix=a/",
                                               "--dst-prefix=b/", "--date=format-local:%Y-%m-%d",
                                               "--format=%x01%cd %H", "HEAD", "--", NULL},
            .output_bytes_max = (size_t)limits[1] * 1024 * 1024,
            .timeout_ms = limits[2],
            .reader = log_read,
            .context = search},
        &log, err);
    if (r == 0) {
        bool is_cut = log.timed_out || log.truncated || git_is_shallow(call->project);

        block_finish(search);
        json_put_integer(covered, "history_commits", (json_int_t)search->commits);
        json_put(covered, "history_whole",
                 json_boolean(!is_cut && (json_int_t)search->commits < limits[0]));
        json_put_text(covered, "history_stopped_by",
                      log.timed_out                              ? "time"
                      : log.truncated                            ? "size"
                      : (json_int_t)search->commits >= limits[0] ? "commits"
                      : is_cut                                   ? "the end of a shallow clone"
                                                                 : "its beginning");
        json_put_text(covered, "history_back_to", search->date);
    }
    program_result_release(&log);
    return r;
}

static void past_report(struct search *search)
{
    for (size_t i = 0; i < search->past.count; i++) {
        struct past_secret *past = &search->past.items[i];
        unsigned traits = tree_path_traits(past->file);
        char *rule = mem_printf("%s-in-history", past->rule);
        char *message = mem_printf("%s was added %s in commit %.10s (%zu place%s) and is gone from "
                                   "the tree, not from the history",
                                   past->message, past->date, past->commit, past->places,
                                   past->places == 1 ? "" : "s");

        findings_add(search->findings,
                     &(struct finding){.rule = rule,
                                       .severity = softened(past->severity, traits),
                                       .confidence = past->confidence,
                                       .file = past->file,
                                       .line = past->line,
                                       .evidence = past->masked,
                                       .evidence_length = strlen(past->masked),
                                       .message = message,
                                       .fix = fix_history,
                                       .context = tree_context_name(traits),
                                       .commit = past->commit});
        free(message);
        free(rule);
    }
}

static void search_release(struct search *search)
{
    for (size_t i = 0; i < search->past.count; i++) {
        free(search->past.items[i].rule);
        free(search->past.items[i].file);
        free(search->past.items[i].masked);
        free(search->past.items[i].commit);
        free(search->past.items[i].date);
    }
    VEC_RELEASE(&search->past);
    VEC_RELEASE(&search->lines);
    map_free(search->in_tree);
    map_free(search->past_index);
    secret_scanner_free(search->scanner);
    strbuf_release(&search->block);
    strbuf_release(&search->line);
    free(search->path);
}

/* Commits, megabytes, milliseconds. */
static int limits_read(const struct function_call *call, json_int_t ret_limits[3],
                       struct error *err)
{
    enum band band = BAND_SMALL;
    int r = argument_band(call, &band, err);

    if (r == 0) {
        r = argument_integer(call, "commits", reach_of_band[band].commits,
                             (const json_int_t[2]){0, 1000000}, &ret_limits[0], err);
    }
    if (r == 0) {
        r = argument_integer(call, "megabytes", reach_of_band[band].megabytes,
                             (const json_int_t[2]){1, 4096}, &ret_limits[1], err);
    }
    ret_limits[2] = reach_of_band[band].timeout_ms;
    return r;
}

int secrets_run(const struct function_call *call, struct error *err)
{
    struct search search = {0};
    struct tree *tree = NULL;
    json_int_t limits[3];
    size_t files = 0;
    json_t *result;
    json_t *covered;
    int r = limits_read(call, limits, err);

    if (r == 0) {
        r = tree_open(call->project, &tree, err);
    }
    if (r < 0) {
        return r;
    }
    result = result_new("secrets");
    covered = json_object_get(result, "covered");
    search.scanner = secret_scanner_new();
    search.findings = findings_new("secrets");
    search.in_tree = map_new();
    search.past_index = map_new();
    strbuf_init(&search.block, BLOCK_BYTES_MAX + 2);
    strbuf_init(&search.line, BLOCK_BYTES_MAX / 2);
    tree_scan(&search, tree, &files);
    if (tree->is_git && limits[0] > 0) {
        r = history_scan(call, &search, limits, covered, err);
    } else {
        json_put_integer(covered, "history_commits", 0);
        json_put_text(covered, "history_stopped_by", tree->is_git ? "request" : "no repository");
    }
    past_report(&search);
    json_put_integer(covered, "files", (json_int_t)files);
    json_put_integer(covered, "bytes", (json_int_t)search.bytes);
    json_put_integer(result, "in_tree", (json_int_t)search.tree_secrets);
    json_put_integer(result, "in_history_only", (json_int_t)search.past.count);
    findings_finish(search.findings, result);
    result_summarise(result,
                     "%zu candidate%s in %zu file%s of the tree, %zu more only in the newest %zu "
                     "commit%s",
                     search.tree_secrets, PLURAL(search.tree_secrets), files, PLURAL(files),
                     search.past.count, search.commits, PLURAL(search.commits));
    search_release(&search);
    tree_free(tree);
    if (r < 0) {
        json_decref(result);
        return r;
    }
    return result_write(result, call, err);
}

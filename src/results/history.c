/* SPDX-License-Identifier: MIT */
#include "results/history.h"

#include "base/file.h"
#include "results/git.h"
#include "results/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES_MAX 3
#define COMMIT_BYTES_MAX (64U * 1024)
#define PATH_BYTES_MAX (64U * 1024)
#define REFERENCES_BYTES_MAX (16U * 1024 * 1024)
#define MARK "Fermata-Attempt: "

/* ---- what is there ---- */

/* "": there is no such thing. */
static int find_commit(const char *project, const char *what, char ret_commit[COMMIT_NAME_SIZE],
                       struct error *err)
{
    const char *const arguments[] = {"rev-parse", "--quiet", "--verify", what, NULL};
    struct strbuf output;
    int r = repository_run(project, arguments, COMMIT_NAME_SIZE, &output, err);

    ret_commit[0] = '\0';
    if (r < 0) {
        return r == ERROR_NOT_FOUND ? 0 : r;
    }
    output.data[strcspn(output.data, "\n")] = '\0';
    memcpy(ret_commit, output.data, strlen(output.data) + 1);
    strbuf_release(&output);
    return 0;
}

/* Whether the commit is that of the attempt. */
static int is_made(const struct history_entry *entry, const char *commit, struct error *err)
{
    const char *const arguments[] = {"cat-file", "commit", commit, NULL};
    char *mark = mem_printf("\n" MARK "%s\n", entry->attempt);
    struct strbuf output;
    int r = repository_run(entry->project, arguments, COMMIT_BYTES_MAX, &output, err);

    if (r == 0) {
        r = strstr(output.data, mark) != NULL;
        strbuf_release(&output);
    }
    free(mark);
    return r;
}

/* From the work tree to the project: "" or "FOLDER/". */
static int find_prefix(const char *project, char **ret_prefix, struct error *err)
{
    char *git_folder = NULL;
    char *work_tree = NULL;
    char *real;
    int r = repository_find(project, &git_folder, &work_tree, err);

    if (r < 0) {
        return r;
    }
    real = realpath(project, NULL);
    if (!real) {
        r = error_set_errno(err, "cannot use the folder %s", project);
    } else if (strcmp(real, work_tree) == 0) {
        *ret_prefix = mem_strdup("");
    } else {
        *ret_prefix = mem_printf("%s/", real + strlen(work_tree) + (work_tree[1] ? 1 : 0));
    }
    free(real);
    free(git_folder);
    free(work_tree);
    return r;
}

/* ---- the stream ---- */

struct stream {
    struct snapshots *snapshots;
    const char *prefix;
    int fd;
};

static int put(const struct stream *stream, const char *data, size_t length, struct error *err)
{
    return fd_write(stream->fd, data, length) < 0
               ? error_set_errno(err, "cannot write what becomes a commit")
               : 0;
}

static int put_buffer(const struct stream *stream, const struct strbuf *text, struct error *err)
{
    return text->overflow ? error_set(err, ERROR_LIMIT, "a commit's text is too long")
                          : put(stream, text->data, text->length, err);
}

static int put_data(const struct stream *stream, const char *data, size_t length, struct error *err)
{
    struct strbuf head;
    int r;

    strbuf_init(&head, 64);
    strbuf_addf(&head, "data %zu\n", length);
    r = put_buffer(stream, &head, err);
    r = r < 0 ? r : put(stream, data, length, err);
    strbuf_release(&head);
    return r < 0 ? r : put(stream, "\n", 1, err);
}

static void add_path(struct strbuf *text, const char *prefix, const char *path)
{
    const char *const parts[] = {prefix, path};

    strbuf_add(text, "\"");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (const char *c = parts[i]; *c; c++) {
            if (*c == '"' || *c == '\\') {
                strbuf_addf(text, "\\%c", *c);
            } else if ((unsigned char)*c < ' ') {
                strbuf_addf(text, "\\%03o", (unsigned)*c);
            } else {
                strbuf_add_char(text, *c);
            }
        }
    }
    strbuf_add(text, "\"\n");
}

static bool is_content(const char *content)
{
    return change_kind(content) == CHANGE_FILE || change_kind(content) == CHANGE_LINK;
}

static int put_line(const struct stream *stream, const char *before, const char *path,
                    struct error *err)
{
    struct strbuf text;
    int r;

    strbuf_init(&text, PATH_BYTES_MAX);
    strbuf_add(&text, before);
    add_path(&text, stream->prefix, path);
    r = put_buffer(stream, &text, err);
    strbuf_release(&text);
    return r;
}

static int put_file(const struct stream *stream, const struct change *change, struct error *err)
{
    char before[] = "M 000000 inline ";
    char digest[DIGEST_HEX_SIZE];
    char *data = NULL;
    size_t length = 0;
    int r;

    memcpy(before + 2, change->to, 6); /* the mode as git writes it */
    change_digest(change->to, digest);
    r = put_line(stream, before, change->path, err);
    r = r < 0 ? r : snapshot_get(stream->snapshots, digest, &data, &length, err);
    r = r < 0 ? r : put_data(stream, data, length, err);
    free(data);
    return r;
}

/* What goes comes first: a folder may become a file. */
static int put_changes(const struct stream *stream, const struct changes *changes,
                       struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < changes->count; i++) {
        if (!is_content(changes->items[i].to)) {
            r = put_line(stream, "D ", changes->items[i].path, err);
        }
    }
    for (size_t i = 0; r == 0 && i < changes->count; i++) {
        if (is_content(changes->items[i].to)) {
            r = put_file(stream, &changes->items[i], err);
        }
    }
    return r;
}

static int put_head(const struct stream *stream, const struct history_entry *entry,
                    const char *parent, struct error *err)
{
    struct strbuf text;
    char *message = mem_printf("%s\n\nFermata-Run: %s\n" MARK "%s\n", entry->subject, entry->run,
                               entry->attempt);
    int r;

    strbuf_init(&text, COMMIT_BYTES_MAX);
    strbuf_addf(&text,
                "commit " HISTORY_REFERENCES "%s\nmark :1\n"
                "committer Fermata <fermata@localhost> %lld +0000\n",
                entry->run, (long long)(entry->at_ms / 1000));
    r = put_buffer(stream, &text, err);
    r = r < 0 ? r : put_data(stream, message, strlen(message), err);
    strbuf_reset(&text);
    if (*parent) {
        strbuf_addf(&text, "from %s\n", parent);
    }
    r = r < 0 ? r : put_buffer(stream, &text, err);
    strbuf_release(&text);
    free(message);
    return r;
}

static int write_stream(struct snapshots *snapshots, const struct changes *changes,
                        const struct history_entry *entry, const char *parent, struct error *err)
{
    static const char end[] = "\nget-mark :1\ndone\n";
    struct stream stream = {.snapshots = snapshots};
    char *prefix = NULL;
    int r = find_prefix(entry->project, &prefix, err);

    if (r < 0) {
        return r;
    }
    stream.prefix = prefix;
    stream.fd = open(entry->scratch, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (stream.fd < 0) {
        r = error_set_errno(err, "cannot make %s", entry->scratch);
    } else {
        r = put_head(&stream, entry, parent, err);
        r = r < 0 ? r : put_changes(&stream, changes, err);
        r = r < 0 ? r : put(&stream, end, sizeof(end) - 1, err);
        if (close(stream.fd) < 0 && r == 0) {
            r = error_set_errno(err, "cannot write %s", entry->scratch);
        }
    }
    free(prefix);
    return r;
}

/* ---- the commit ---- */

static int import(const struct history_entry *entry, char ret_commit[COMMIT_NAME_SIZE],
                  struct error *err)
{
    static const char *const arguments[] = {"fast-import", "--quiet", "--done", "--date-format=raw",
                                            NULL};
    struct strbuf output;
    int r = repository_feed(entry->project, arguments, entry->scratch, COMMIT_NAME_SIZE, &output,
                            err);

    if (r < 0) {
        return r;
    }
    output.data[strcspn(output.data, "\n")] = '\0';
    memcpy(ret_commit, output.data, strlen(output.data) + 1);
    strbuf_release(&output);
    return 0;
}

static int add_once(struct snapshots *snapshots, const struct changes *changes,
                    const struct history_entry *entry, char ret_commit[COMMIT_NAME_SIZE],
                    struct error *err)
{
    char *tip = mem_printf(HISTORY_REFERENCES "%s^{commit}", entry->run);
    int r = find_commit(entry->project, tip, ret_commit, err);

    if (r == 0 && *ret_commit) {
        r = is_made(entry, ret_commit, err);
    } else if (r == 0) {
        r = find_commit(entry->project, "HEAD^{commit}", ret_commit, err);
    }
    if (r == 0) {
        r = write_stream(snapshots, changes, entry, ret_commit, err);
        r = r < 0 ? r : import(entry, ret_commit, err);
        (void)unlink(entry->scratch);
    }
    free(tip);
    return r < 0 ? r : 0;
}

int history_add(struct snapshots *snapshots, const struct changes *changes,
                const struct history_entry *entry, char ret_commit[COMMIT_NAME_SIZE],
                struct error *err)
{
    int r = ERROR_INTERNAL;

    /* One that was killed may have made it. */
    for (int tries = 0; r == ERROR_INTERNAL && tries < TRIES_MAX; tries++) {
        r = add_once(snapshots, changes, entry, ret_commit, err);
    }
    return r;
}

/* ---- no longer kept ---- */

int history_list(const char *project, json_t **ret_runs, struct error *err)
{
    static const char *const arguments[] = {"for-each-ref", "--format=%(refname)",
                                            HISTORY_REFERENCES, NULL};
    struct strbuf output;
    char *rest = NULL;
    int r = repository_run(project, arguments, REFERENCES_BYTES_MAX, &output, err);

    if (r < 0 && r != ERROR_NOT_FOUND && r != ERROR_UNAVAILABLE) {
        return r;
    }
    *ret_runs = json_object();
    if (r < 0) {
        return 0;
    }
    for (char *name = strtok_r(output.data, "\n", &rest); name;
         name = strtok_r(NULL, "\n", &rest)) {
        json_put(*ret_runs, name + sizeof(HISTORY_REFERENCES) - 1, json_true());
    }
    strbuf_release(&output);
    return 0;
}

int history_forget(const char *project, const char *run, struct error *err)
{
    char *name = mem_printf(HISTORY_REFERENCES "%s", run);
    const char *const arguments[] = {"update-ref", "-d", name, NULL};
    struct strbuf output;
    int r = repository_run(project, arguments, COMMIT_BYTES_MAX, &output, err);

    if (r == 0) {
        strbuf_release(&output);
    }
    free(name);
    return r;
}

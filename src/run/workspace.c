/* SPDX-License-Identifier: MIT */
#include "run/workspace.h"

#include "base/alloc.h"
#include "base/file.h"
#include "results/clone.h"
#include "run/changes.h"
#include "run/query.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKSPACES_FOLDER "workspaces"
#define PORTS_EACH 100
#define PORT_SLOTS 400

bool workspace_is_clone(const struct step *definition)
{
    return definition && definition->kind == STEP_AGENT && definition->workspace &&
           strcmp(definition->workspace, "clone") == 0;
}

char *workspace_root(const struct active *active, int step)
{
    const struct step_state *state = &active->state->steps[step];

    return !state->check && workspace_is_clone(step_effective(state))
               ? mem_printf("%s/" WORKSPACES_FOLDER "/%s/tree", active->folder, state->key)
               : mem_strdup(active->engine->options.project);
}

/* ---- the note beside the tree: {base: DIGEST}, {base: DIGEST, ended: true} */

static int put_aside(const struct workspace *workspace, const char *folder, struct error *err)
{
    int r = -1;

    for (int n = 1; r < 0; n++) {
        char *aside = mem_printf("%s/left-%d", folder, n);

        r = renameat2(AT_FDCWD, workspace->tree, AT_FDCWD, aside, RENAME_NOREPLACE);
        free(aside);
        if (r < 0 && errno == ENOENT) {
            return 0; /* that was done before a crash */
        }
        if (r < 0 && errno != EEXIST) {
            return error_set_errno(err, "cannot put %s aside", workspace->tree);
        }
    }
    return 0;
}

/* What an earlier one left: the work that is only in it stays. */
static int clear(const struct workspace *workspace, const char *folder, const json_t *note,
                 struct error *err)
{
    char *conflict = path_join(folder, "conflict");
    int r = json_object_get(note, "left") ? put_aside(workspace, folder, err) : 0;

    r = r < 0 ? r : file_remove_tree(workspace->tree, err);
    r = r < 0 ? r : file_remove_tree(conflict, err);
    free(conflict);
    return r;
}

static int make_anew(const struct workspace *workspace, const char *folder, const json_t *earlier,
                     struct error *err)
{
    const struct clone_wish wish = {.project = workspace->project,
                                    .tree = workspace->tree,
                                    .files = workspace->files,
                                    .file_count = workspace->file_count};
    struct snapshots *snapshots = NULL;
    char base[DIGEST_HEX_SIZE];
    json_t *note = json_object();
    int r = clear(workspace, folder, earlier, err);

    r = r < 0 ? r : snapshots_open(workspace->project, &snapshots, err);
    r = r < 0 ? r : clone_make(snapshots, &wish, base, err);
    if (r == 0) {
        json_put_text(note, "base", base);
        r = snapshot_note_write(workspace->store, folder, note, err);
    }
    snapshots_close(snapshots);
    json_decref(note);
    return r;
}

int workspace_make(const struct workspace *workspace, struct error *err)
{
    char *folder = path_folder(workspace->tree);
    json_t *note;
    int r = snapshot_note_find(workspace->store, folder, &note, err);
    bool is_there = json_get_text(note, "base", NULL) && !json_get_boolean(note, "ended", false) &&
                    file_is_folder(workspace->tree);

    r = r < 0 || is_there ? r : make_anew(workspace, folder, note, err);

    if (r < 0) {
        error_context(err, "the project cannot be cloned");
    }
    json_decref(note);
    free(folder);
    return r;
}

int workspace_read_base(struct store *store, const char *tree, char ret_base[65], struct error *err)
{
    char *folder = path_folder(tree);
    json_t *note = snapshot_note_read(store, folder);
    const char *base = json_get_text(note, "base", NULL);
    int r = 0;

    if (base && strlen(base) == DIGEST_HEX_LENGTH) {
        memcpy(ret_base, base, DIGEST_HEX_SIZE);
    } else {
        r = error_set(err, ERROR_IO, "it is not known what was cloned into %s", tree);
    }
    json_decref(note);
    free(folder);
    return r;
}

void workspace_end(struct store *store, const char *tree, const json_t *left)
{
    char *folder = path_folder(tree);
    json_t *note = snapshot_note_read(store, folder);

    if (note) {
        json_put(note, "ended", json_true());
        if (left) {
            json_put(note, "left", json_incref((json_t *)(uintptr_t)left));
        }
        (void)snapshot_note_write(store, folder, note, NULL);
    }
    json_decref(note);
    free(folder);
}

void workspace_sweep(struct store *store, const char *run_folder)
{
    char *folder = path_join(run_folder, WORKSPACES_FOLDER);
    DIR *stream = opendir(folder);
    const struct dirent *entry;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *path = entry->d_name[0] == '.' ? NULL : path_join(folder, entry->d_name);
        json_t *note = path ? snapshot_note_read(store, path) : NULL;

        if (json_get_boolean(note, "ended", false) && !json_object_get(note, "left")) {
            char *tree = path_join(path, "tree");

            (void)file_remove_tree(tree, NULL);
            free(tree);
        }
        json_decref(note);
        free(path);
    }
    if (stream) {
        (void)closedir(stream);
    }
    free(folder);
}

void run_sweep_workspaces(struct store *store, const char *folder, const char *run_id)
{
    char *path = mem_printf("%s/workflows/%s", folder, run_id);

    workspace_sweep(store, path);
    free(path);
}

/* ---- ports: PROJECT/.fermata/ports/NUMBER is a link to the tree that has them. A link is made
 * whole or not at all; a file there is none of ours. */

/* True: it is ours. Of a tree that is gone it is free again. */
static bool take_slot(const char *path, const char *tree)
{
    char holder[PATH_MAX];
    ssize_t length;

    if (symlink(tree, path) == 0) {
        return true;
    }
    if (errno != EEXIST) {
        return false;
    }
    length = readlink(path, holder, sizeof(holder) - 1);
    if (length < 0 && errno != EINVAL) {
        return false;
    }
    holder[length < 0 ? 0 : length] = '\0';
    if (strcmp(holder, tree) == 0) {
        return true;
    }
    return !file_is_folder(holder) && unlink(path) == 0 && take_slot(path, tree);
}

int workspace_port(const char *project_folder, const char *tree, struct error *err)
{
    char *folder = path_join(project_folder, "ports");
    int r = file_make_folders(folder, err);
    int port = r;

    for (int slot = 1; r == 0 && port == 0 && slot < PORT_SLOTS; slot++) {
        char *path = mem_printf("%s/%d", folder, slot);

        port = take_slot(path, tree) ? WORKSPACE_PORT_SHARED + slot * PORTS_EACH : 0;
        free(path);
    }
    free(folder);
    return port != 0 ? port
                     : error_set(err, ERROR_LIMIT, "%d workspaces have ports already", PORT_SLOTS);
}

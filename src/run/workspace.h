/* SPDX-License-Identifier: MIT */
/* Where an agent works: in the project itself, or in a private clone of it, which lies in the
 * run's folder as workspaces/STEP/tree and stays over the attempts of the step. */
#ifndef FERMATA_RUN_WORKSPACE_H
#define FERMATA_RUN_WORKSPACE_H

#include "run/engine.h"

bool workspace_is_clone(const struct step *definition); /* NULL: no */
/* The folder in which the step works as if it were the project; free() it. */
char *workspace_root(const struct active *active, int step);

/* Blocking file work from here on. */
struct workspace {
    struct store *store;
    const char *project;
    const char *project_folder; /* PROJECT/.fermata */
    const char *tree;           /* of workspace_root() */
    const char *const *files;   /* ignored ones that are copied too */
    size_t file_count;
};
/* Makes the clone unless it is there already. */
int workspace_make(const struct workspace *workspace, struct error *err);
/* The snapshot of what was cloned. */
int workspace_read_base(struct store *store, const char *tree, char ret_base[65],
                        struct error *err);
/* It was merged: the next attempt begins with a new one. What is only in it (paths, or NULL) keeps
 * it from being removed before its run; a new one puts it aside as left-N. */
void workspace_end(struct store *store, const char *tree, const json_t *left);
/* The first of a hundred ports that no other workspace of the project has. */
int workspace_port(const char *project_folder, const char *tree, struct error *err);
#define WORKSPACE_PORT_SHARED 20000 /* of those who work in the project itself */
/* Removes what has ended in the run's folder. */
void workspace_sweep(struct store *store, const char *run_folder);

#endif

/* SPDX-License-Identifier: MIT */
/* A clone of a project in which an agent works, and its merge. */
#ifndef TESTS_SUPPORT_MERGE_SCENE_H
#define TESTS_SUPPORT_MERGE_SCENE_H

#include "run/changes.h"
#include "run/merge.h"
#include "run_project.h"

/* In the folder of no run: its notes are files, for the process that is killed has no store. */
#define MERGE_RUN "merge"

struct merge_scene {
    struct run_project *project;
    char *tree, *attempt;
    struct merge merge;
};

struct merge_scene merge_scene_of(struct run_project *project);
void merge_scene_release(struct merge_scene *scene);
struct changes_place merge_scene_place(const struct merge_scene *scene);
void merge_scene_begin(const struct merge_scene *scene); /* the clone is made */
void merge_scene_end(const struct merge_scene *scene);   /* its agent has ended */
void merge_scene_assert(const struct run_project *project, const char *name, const char *wanted);
/* It is merged by another process, which is killed some time later. */
void merge_scene_kill(const struct merge_scene *scene, long delay_ns);

#endif

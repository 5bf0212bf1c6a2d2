/* SPDX-License-Identifier: MIT */
/* Private to ops/: experts by name, and all of them. */
#ifndef FERMATA_OPS_EXPERTS_H
#define FERMATA_OPS_EXPERTS_H

#include "ops/internal.h"

/* experts.c: the project's before the user's before the built-in ones */
int ops_read_expert(struct ops *ops, const char *name, char **ret_text, char **ret_file,
                    struct error *err);
bool ops_has_expert(struct ops *ops, const char *name);
void ops_list_experts(struct ops *ops, struct name_list *names);
/* Each file of the project's and the user's experts. */
void ops_check_experts(struct ops *ops,
                       void (*tell)(void *context, const char *file, int result,
                                    const struct problems *problems, const struct error *failure),
                       void *context);
/* The built-in ones as Markdown; free() it. */
char *ops_expert_table(struct ops *ops);
/* experts_import.c */
int ops_import_experts(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                       json_t **ret_result, struct error *err);

#endif

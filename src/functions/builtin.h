/* SPDX-License-Identifier: MIT */
/* The functions of this folder, for the table only. */
#ifndef FERMATA_FUNCTIONS_BUILTIN_H
#define FERMATA_FUNCTIONS_BUILTIN_H

#include "functions/functions.h"

int noop_run(const struct function_call *call, struct error *err);
int fail_run(const struct function_call *call, struct error *err);
int sleep_run(const struct function_call *call, struct error *err);
int inventory_run(const struct function_call *call, struct error *err);
int history_run(const struct function_call *call, struct error *err);
int secrets_run(const struct function_call *call, struct error *err);
int risks_run(const struct function_call *call, struct error *err);
int linters_run(const struct function_call *call, struct error *err);
int tests_run(const struct function_call *call, struct error *err);
int prove_run(const struct function_call *call, struct error *err);
int dependencies_run(const struct function_call *call, struct error *err);
int licences_run(const struct function_call *call, struct error *err);
int links_run(const struct function_call *call, struct error *err);
int band_run(const struct function_call *call, struct error *err);
int fold_run(const struct function_call *call, struct error *err);
int validate_run(const struct function_call *call, struct error *err);
int feature_run(const struct function_call *call, struct error *err);
int subtasks_run(const struct function_call *call, struct error *err);
int modes_run(const struct function_call *call, struct error *err);
int waves_run(const struct function_call *call, struct error *err);
int workspaces_run(const struct function_call *call, struct error *err);
int task_files_run(const struct function_call *call, struct error *err);
int report_run(const struct function_call *call, struct error *err);

#endif

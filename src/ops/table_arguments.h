/* SPDX-License-Identifier: MIT */
/* Private to table.c: what each operation takes. The numbers are those of the definitions: the
 * compiler sees to it. */
#ifndef FERMATA_OPS_TABLE_ARGUMENTS_H
#define FERMATA_OPS_TABLE_ARGUMENTS_H

#include "ops/table.h"

extern const struct argument init_arguments[1];
extern const struct argument trust_arguments[1];
extern const struct argument run_arguments[21];
extern const struct argument task_argument[1];
extern const struct argument recommend_arguments[2];
extern const struct argument plan_arguments[6];
extern const struct argument resume_arguments[5];
extern const struct argument loop_arguments[9];
extern const struct argument run_argument[1];
extern const struct argument last_run_argument[1];
extern const struct argument cancel_arguments[2];
extern const struct argument retry_arguments[4];
extern const struct argument skip_arguments[7];
extern const struct argument answer_arguments[5];
extern const struct argument question_arguments[6];
extern const struct argument signal_arguments[5];
extern const struct argument checkpoint_arguments[2];
extern const struct argument restore_arguments[4];
extern const struct argument list_arguments[4];
extern const struct argument tasks_arguments[13];
extern const struct argument show_arguments[2];
extern const struct argument logs_arguments[9];
extern const struct argument artifacts_arguments[3];
extern const struct argument cat_arguments[2];
extern const struct argument explain_arguments[2];
extern const struct argument diff_arguments[3];
extern const struct argument undo_arguments[4];
extern const struct argument audit_arguments[5];
extern const struct argument workflows_arguments[5];
extern const struct argument validate_arguments[1];
extern const struct argument experts_arguments[3];
extern const struct argument gate_arguments[3];
extern const struct argument schema_arguments[1];
extern const struct argument agents_arguments[3];
extern const struct argument reset_agent_arguments[1];
extern const struct argument test_agent_arguments[5];
extern const struct argument doctor_arguments[1];
extern const struct argument models_arguments[5];
extern const struct argument gc_arguments[2];
extern const struct argument function_arguments[1];

#endif

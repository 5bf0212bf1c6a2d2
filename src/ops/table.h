/* SPDX-License-Identifier: MIT */
/* Private to ops/: the rows of the operations table, and the function behind each. */
#ifndef FERMATA_OPS_TABLE_H
#define FERMATA_OPS_TABLE_H

#include "ops/ops.h"

extern const struct operation ops_rows[];
extern const size_t ops_row_count;

#define OPERATION(name)                                                                            \
    int name(struct ops *ops, const json_t *arguments, const struct ops_view *view,                \
             json_t **ret_result, struct error *err)
OPERATION(op_init);
OPERATION(op_trust);
OPERATION(op_run);
OPERATION(op_analyze);
OPERATION(op_suggest);
OPERATION(op_recommend);
OPERATION(op_plan);
OPERATION(op_resume);
OPERATION(op_fork);
OPERATION(op_edit);
OPERATION(op_loop);
OPERATION(op_drive);
OPERATION(op_pause);
OPERATION(op_cancel);
OPERATION(op_retry);
OPERATION(op_skip);
OPERATION(op_approve);
OPERATION(op_reject);
OPERATION(op_answer);
OPERATION(op_signal);
OPERATION(op_restore);
OPERATION(op_checkpoint);
OPERATION(op_list);
OPERATION(op_tasks);
OPERATION(op_stats);
OPERATION(op_status);
OPERATION(op_show);
OPERATION(op_logs);
OPERATION(op_checkpoints);
OPERATION(op_artifacts);
OPERATION(op_cat);
OPERATION(op_explain);
OPERATION(op_diff);
OPERATION(op_undo);
OPERATION(op_audit);
OPERATION(op_workflows);
OPERATION(op_experts);
OPERATION(op_gate);
OPERATION(op_validate);
OPERATION(op_schema);
OPERATION(op_agents);
OPERATION(op_test_agent);
OPERATION(op_reset_agent);
OPERATION(op_doctor);
OPERATION(op_gc);
OPERATION(op_function);
OPERATION(op_models);
OPERATION(op_version);
#undef OPERATION

#endif

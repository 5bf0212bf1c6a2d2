/* SPDX-License-Identifier: MIT */
/* Results of operations as text for people. */
#ifndef FERMATA_CLI_PRINT_H
#define FERMATA_CLI_PRINT_H

#include "base/json.h"
#include "cli/terminal.h"

/* Prints the result of the operation of that name; one without a layout of its own as JSON. */
void print_result(const struct terminal *terminal, const char *operation, const json_t *result,
                  int64_t now_ms, struct strbuf *target);
/* The exit status that the result stands for. */
int result_exit_status(const char *operation, const json_t *result);

/* As add_wrapped() does, and harmless for a terminal: for texts of other people. */
void print_clean(const struct terminal *terminal, const char *text, int indent,
                 struct strbuf *target);

/* print_run.c */
void print_edit_preview(const struct terminal *terminal, const json_t *preview,
                        struct strbuf *target); /* print_edit.c */
void print_run_list(const struct terminal *terminal, const json_t *list, int64_t now_ms,
                    struct strbuf *target);
/* In short: head line, phases, what went wrong, what can be done. */
void print_run_status(const struct terminal *terminal, const json_t *run, struct strbuf *target);
void print_run_details(const struct terminal *terminal, const json_t *run, struct strbuf *target);
/* print_wait.c: what it waits for somebody outside to say, in full. */
void print_waits(const struct terminal *terminal, const json_t *run, struct strbuf *target);
/* print_liveness.c: the attempts that are under way, and whether they live. */
void print_liveness(const struct terminal *terminal, const json_t *run, struct strbuf *target);
/* print_run.c: what an asked run answered, and what comes next. */
void print_answer(const struct terminal *terminal, const json_t *answer, struct strbuf *target);

/* print_usage.c: a line of a run, phase or step, or nothing where no agent was asked */
void print_usage(const json_t *used, const char *label, struct strbuf *target);
/* print_budget.c: a line for each limit of a run or step */
void print_budget(const json_t *run, const char *label, struct strbuf *target);
void print_limits(const json_t *limits, struct strbuf *target); /* of one that is not begun */
/* Who answered, behind the words: ", by codex (gpt-5)"; nothing where it is not known. */
void print_answerer(const json_t *said, const char *before, struct strbuf *target);
/* What the agents of each step used and changed. */
void print_agent_work(const struct terminal *terminal, const json_t *steps, struct strbuf *target);
/* The steps that went on without their agents. */
void print_alternatives(const struct terminal *terminal, const json_t *run, struct strbuf *target);
/* One number of it: "12", "at least 12", "unknown". */
void print_usage_amount(const json_t *usage, const char *field, struct strbuf *target);
/* print_metrics.c */
void print_metrics(const struct terminal *terminal, const json_t *metrics, struct strbuf *target);

/* print_models.c */
void print_models(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                  struct strbuf *target);

/* print_audit.c */
void print_audit(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                 struct strbuf *target);
/* print_tasks.c: a list, one, how many there are, or what was removed */
void print_tasks(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                 struct strbuf *target);
/* print_loop.c: which stories were worked on, or would be, and how many are done */
void print_loop(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                struct strbuf *target);
/* print_stats.c */
void print_stats(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                 struct strbuf *target);
/* print_experts.c */
void print_experts(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                   struct strbuf *target);

/* print_gate.c: all gates, the checks of the one that was run, or what became of planted faults */
void print_gate(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                struct strbuf *target);

/* print_agents.c: all of them in a table, or one with all that is known of it */
void print_agents(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                  struct strbuf *target);
void print_reset_agent(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                       struct strbuf *target);

/* print_planner.c: what a task is, what is suggested for it, and its plan */
void print_analysis(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                    struct strbuf *target);
void print_suggestions(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                       struct strbuf *target);
void print_recommendations(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                           struct strbuf *target);
void print_planned(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                   struct strbuf *target);

/* print_plan.c */
void print_dry_run(const struct terminal *terminal, const json_t *plan, struct strbuf *target);

/* Lines of a log, "[2024-02-19T10:00:00Z] [INFO] text", with warnings and errors in colour. */
void print_log_lines(const struct terminal *terminal, const char *lines, struct strbuf *target);

/* markdown.c: lightly, for reading in a terminal; without colours the text stays as it is. */
void print_markdown(const struct terminal *terminal, const char *text, size_t length,
                    struct strbuf *target);

#endif

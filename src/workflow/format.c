/* SPDX-License-Identifier: MIT */
/* A workflow as text for people, at most 80 columns wide. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "workflow/workflow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 80
#define LINE_BYTES_MAX 8192

/* One line: whatever it holds is cut to the columns, and cannot reach a terminal raw. */
static void add_line(struct strbuf *target, struct strbuf *line)
{
    utf8_add_cut(target, line->data, COLUMNS);
    strbuf_add_char(target, '\n');
    strbuf_reset(line);
}

static void add_ids(struct strbuf *line, const char *label, const struct phase *phases,
                    const int *indexes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(line, "%s%s", i ? ", " : label, phases[indexes[i]].id);
    }
}

/* As the file says it; nothing where it is the usual rule. */
static void add_trigger(struct strbuf *line, const char *before, enum trigger_rule trigger,
                        const char *after)
{
    if (trigger != TRIGGER_ALL_SUCCESS) {
        strbuf_addf(line, "%strigger %s%s", before,
                    trigger == TRIGGER_ALL_DONE ? "all_done" : "one_success", after);
    }
}

/* ---- tree ------------------------------------------------------------------------------- */

static void add_what(struct strbuf *line, const struct step *step)
{
    switch (step->kind) {
    case STEP_AGENT:
        strbuf_addf(line, "agent %s", step->agent ? step->agent : "(default)");
        if (step->expert) {
            strbuf_addf(line, " as %s", step->expert);
        }
        break;
    case STEP_COMMAND:
        strbuf_addf(line, "run %s", step->command);
        break;
    case STEP_FUNCTION:
        strbuf_addf(line, "use %s", step->function);
        break;
    case STEP_APPROVAL:
        strbuf_addf(line, "approve %s", template_text(step->message));
        break;
    case STEP_WORKFLOW:
        strbuf_addf(line, "workflow %s", step->workflow);
        break;
    }
}

/* What stands in for the agent: on the same line where it fits, else below. */
static void add_static(struct strbuf *target, struct strbuf *line, const char *indent,
                       const struct step *step)
{
    struct strbuf text;

    strbuf_init(&text, LINE_BYTES_MAX);
    strbuf_add(&text, "static: ");
    add_what(&text, step);
    if (utf8_width(line->data) + utf8_width("; ") + utf8_width(text.data) > COLUMNS) {
        add_line(target, line);
        strbuf_addf(line, "%s%-16s %s", indent, "", text.data);
    } else {
        strbuf_addf(line, "; %s", text.data);
    }
    strbuf_release(&text);
}

static void add_step(struct strbuf *target, struct strbuf *line, const struct step *steps,
                     const struct step *step)
{
    static const char indent[] = "     ";

    strbuf_addf(line, "%s%-16s ", indent, step->id);
    for (size_t i = 0; i < step->needs_count; i++) {
        strbuf_addf(line, "%s%s", i ? ", " : "(needs ", steps[step->needs[i]].id);
    }
    strbuf_add(line, step->needs_count ? ") " : "");
    add_trigger(line, "(", step->trigger, ") ");
    if (step->optional) {
        strbuf_add(line, "(optional) ");
    }
    if (step->foreach_list) {
        strbuf_addf(line, "(for each %s) ", expression_text(step->foreach_list));
    }
    if (step->when) {
        strbuf_addf(line, "(when %s) ", expression_text(step->when));
    }
    add_what(line, step);
    if (step->gate) {
        strbuf_addf(line, ", gate %s", step->gate->name);
    }
    if (step->static_step) {
        add_static(target, line, indent, step->static_step);
    }
    add_line(target, line);
}

static const char *action_word(enum failure_action action)
{
    switch (action) {
    case FAILURE_UNSET:
        return "";
    case FAILURE_PAUSE:
        return "pause";
    case FAILURE_FAIL:
        return "fail";
    case FAILURE_CONTINUE:
        return "continue";
    case FAILURE_GOTO:
        return "goto";
    }
    return "";
}

static void add_phase_facts(struct strbuf *line, const struct workflow *workflow,
                            const struct phase *phase)
{
    static const char *const modes[] = {
        [MODE_SEQUENTIAL] = "", [MODE_PARALLEL] = " parallel", [MODE_ADAPTIVE] = " adaptive"};

    strbuf_add(line, modes[phase->mode]);
    if (phase->mode == MODE_PARALLEL && phase->width > 0) {
        strbuf_addf(line, " %d at once", phase->width);
    }
    if (phase->optional) {
        strbuf_add(line, " (optional)");
    }
    if (phase->index > 0 && (phase->needs_count != 1 || phase->needs[0] != phase->index - 1)) {
        strbuf_add(line, phase->needs_count ? "" : " needs nothing");
        add_ids(line, " needs ", workflow->phases, phase->needs, phase->needs_count);
    }
    add_trigger(line, " ", phase->trigger, "");
    if (phase->when) {
        strbuf_addf(line, " when %s", expression_text(phase->when));
    }
    if (phase->iterate.max > 0) {
        strbuf_addf(line, " up to %d rounds", phase->iterate.max);
    }
}

static void add_phase(struct strbuf *target, struct strbuf *line, const struct workflow *workflow,
                      const struct phase *phase)
{
    strbuf_addf(line, "%d. %s", phase->index + 1, phase->id);
    if (strcmp(phase->name, phase->id) != 0) {
        strbuf_addf(line, " \"%s\"", phase->name);
    }
    add_phase_facts(line, workflow, phase);
    add_line(target, line);
    for (size_t i = 0; i < phase->step_count; i++) {
        add_step(target, line, phase->steps, &phase->steps[i]);
    }
    for (size_t i = 0; i < phase->fix_count; i++) {
        if (i == 0) {
            strbuf_addf(line, "   fixes, at most %d times", phase->rounds_max);
            add_line(target, line);
        }
        add_step(target, line, phase->fix_steps, &phase->fix_steps[i]);
    }
    if (phase->gate) {
        strbuf_addf(line, "     gate %s", phase->gate->name);
        for (size_t i = 0; i < phase->gate->check_count; i++) {
            strbuf_addf(line, "%s%s", i ? ", " : ": ", phase->gate->checks[i].name);
        }
        add_line(target, line);
    }
    if (phase->on_failure.action != FAILURE_UNSET) {
        strbuf_addf(line, "     on failure %s", action_word(phase->on_failure.action));
        if (phase->on_failure.action == FAILURE_GOTO) {
            strbuf_addf(line, " %s, at most %d times",
                        workflow->phases[phase->on_failure.goto_phase].id, phase->on_failure.max);
        }
        add_line(target, line);
    }
}

static void add_input(struct strbuf *target, struct strbuf *line,
                      const struct workflow_input *input)
{
    static const char *const types[] = {
        [INPUT_STRING] = "string",   [INPUT_INTEGER] = "integer", [INPUT_NUMBER] = "number",
        [INPUT_BOOLEAN] = "boolean", [INPUT_ENUM] = "enum",       [INPUT_PATH] = "path",
    };

    strbuf_addf(line, "  input %s: %s", input->name, types[input->type]);
    for (size_t i = 0; i < input->choice_count; i++) {
        strbuf_addf(line, "%s%s", i ? "|" : " ", input->choices[i]);
    }
    if (input->required) {
        strbuf_add(line, ", required");
    }
    if (input->default_value) {
        char *text = json_dumps(input->default_value, JSON_ENCODE_ANY | JSON_COMPACT);

        strbuf_addf(line, ", default %s", text ? text : "");
        free(text);
    }
    if (input->description) {
        strbuf_addf(line, ": %s", input->description);
    }
    add_line(target, line);
}

void workflow_format_tree(const struct workflow *workflow, struct strbuf *target)
{
    struct strbuf line;
    char duration[DURATION_SIZE];
    char amount[BUDGET_TEXT_SIZE];

    strbuf_init(&line, LINE_BYTES_MAX);
    strbuf_addf(&line, "%s", workflow->name);
    if (workflow->description) {
        strbuf_addf(&line, ": %s", workflow->description);
    }
    add_line(target, &line);
    for (size_t i = 0; i < workflow->input_count; i++) {
        add_input(target, &line, &workflow->inputs[i]);
    }
    strbuf_addf(&line, "  on failure %s", action_word(workflow->on_failure.action));
    if (workflow->strategy != STRATEGY_UNSET) {
        strbuf_addf(&line, "; strategy %s", strategy_name(workflow->strategy));
    }
    if (workflow->iterate.max > 0) {
        strbuf_addf(&line, "; up to %d rounds", workflow->iterate.max);
    }
    if (workflow->iterate.until) {
        strbuf_addf(&line, " until %s", expression_text(workflow->iterate.until));
    }
    if (workflow->concurrency > 0) {
        strbuf_addf(&line, "; %d steps at once", workflow->concurrency);
    }
    if (workflow->timeout_ms > 0) {
        duration_format(workflow->timeout_ms, duration);
        strbuf_addf(&line, "; at most %s", duration);
    }
    for (int i = 0; i < BUDGET_KINDS; i++) {
        if (workflow->budget.limits[i]) {
            budget_format((enum budget_kind)i, workflow->budget.limits[i], amount);
            strbuf_addf(&line, "; budget %s", amount);
        }
    }
    strbuf_add(&line, workflow->read_only ? "; read-only" : "");
    for (size_t i = 0; i < workflow->contract_count; i++) {
        strbuf_addf(&line, "%s%s", i == 0 ? "; contracts " : ", ", workflow->contracts[i].name);
    }
    add_line(target, &line);
    for (size_t i = 0; i < workflow->phase_count; i++) {
        add_phase(target, &line, workflow, &workflow->phases[i]);
    }
    strbuf_release(&line);
}

/* ---- graph ------------------------------------------------------------------------------ */

/* The level of a phase is the longest way to it; all needs are on lower levels. */
static size_t *compute_levels(const struct workflow *workflow, size_t *ret_levels)
{
    size_t *levels = mem_zero(workflow->phase_count + 1, sizeof(*levels));
    bool is_changed = true;

    *ret_levels = 0;
    while (is_changed) {
        is_changed = false;
        for (size_t i = 0; i < workflow->phase_count; i++) {
            const struct phase *phase = &workflow->phases[i];

            for (size_t j = 0; j < phase->needs_count; j++) {
                if (levels[i] <= levels[phase->needs[j]]) {
                    levels[i] = levels[phase->needs[j]] + 1;
                    is_changed = true;
                }
            }
            *ret_levels = levels[i] + 1 > *ret_levels ? levels[i] + 1 : *ret_levels;
        }
    }
    return levels;
}

static void add_box_line(struct strbuf *target, struct strbuf *line, const char *border)
{
    const size_t inside = COLUMNS - 6;
    size_t width;

    strbuf_addf(target, "  %s ", border);
    width = utf8_width(line->data);
    utf8_add_cut(target, line->data, inside);
    for (; width < inside; width++) {
        strbuf_add_char(target, ' ');
    }
    strbuf_addf(target, " %s\n", border);
    strbuf_reset(line);
}

static void add_rule(struct strbuf *target)
{
    strbuf_add(target, "  +");
    for (int i = 0; i < COLUMNS - 4; i++) {
        strbuf_add_char(target, '-');
    }
    strbuf_add(target, "+\n");
}

static void add_box(struct strbuf *target, struct strbuf *line, const struct workflow *workflow,
                    const struct phase *phase)
{
    const char *separator = phase->mode == MODE_PARALLEL ? " | " : " > ";

    add_rule(target);
    strbuf_add(line, phase->id);
    add_ids(line, "   <- ", workflow->phases, phase->needs, phase->needs_count);
    add_trigger(line, " (", phase->trigger, ")");
    add_box_line(target, line, "|");
    for (size_t i = 0; i < phase->step_count; i++) {
        const char *id = phase->steps[i].id;

        if (i > 0 && utf8_width(line->data) + strlen(id) + 4 > COLUMNS - 6) {
            strbuf_add(line, separator);
            add_box_line(target, line, "|");
            strbuf_add(line, "    ");
        } else {
            strbuf_add(line, i ? separator : "  ");
        }
        strbuf_add(line, id);
    }
    if (phase->step_count > 0) {
        add_box_line(target, line, "|");
    }
    if (phase->gate) {
        strbuf_addf(line, "  [gate %s]", phase->gate->name);
        add_box_line(target, line, "|");
    }
    if (phase->fix_count > 0) {
        strbuf_add(line, "  on failure: ");
        for (size_t i = 0; i < phase->fix_count; i++) {
            strbuf_addf(line, "%s%s", i > 0 ? " > " : "", phase->fix_steps[i].id);
        }
        strbuf_addf(line, ", then again, at most %d times", phase->rounds_max);
        add_box_line(target, line, "|");
    }
    if (phase->on_failure.action == FAILURE_GOTO) {
        strbuf_addf(line, "  on failure: back to %s",
                    workflow->phases[phase->on_failure.goto_phase].id);
        add_box_line(target, line, "|");
    }
    add_rule(target);
}

void workflow_format_graph(const struct workflow *workflow, struct strbuf *target)
{
    size_t level_count;
    size_t *levels = compute_levels(workflow, &level_count);
    struct strbuf line;

    strbuf_init(&line, LINE_BYTES_MAX);
    for (size_t level = 0; level < level_count; level++) {
        if (level > 0) {
            strbuf_add(target, "                                       |\n"
                               "                                       v\n");
        }
        for (size_t i = 0; i < workflow->phase_count; i++) {
            if (levels[i] == level) {
                add_box(target, &line, workflow, &workflow->phases[i]);
            }
        }
    }
    strbuf_release(&line);
    free(levels);
}

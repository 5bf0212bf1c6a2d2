/* SPDX-License-Identifier: MIT */
/* What a prompt says about questions: how to ask one, and what was answered already. */
#include "run/launch.h"

#include <string.h>

void dialogue_add_way(const struct step *definition, struct strbuf *prompt)
{
    if (definition->questions_max == 0) {
        return;
    }
    strbuf_add(
        prompt,
        "\n# If you cannot go on\n\n"
        "Decide by yourself where you can. Only when you cannot go on without an answer from "
        "a person, end with this JSON object instead of your answer:\n\n"
        "{\"clarification_needed\": true, \"questions\": [\"...\"], \"context\": \"why you "
        "ask\", \"partial_work\": \"what you have so far\"}\n");
}

void dialogue_add_answers(const struct step_state *step, struct strbuf *prompt)
{
    size_t index;
    const json_t *pair;

    if (json_array_size(step->dialogue.answers) == 0) {
        return;
    }
    strbuf_add(prompt, "\n# Your questions were answered\n\n"
                       "A person answered what you asked. Do not ask these again.\n");
    json_array_foreach(step->dialogue.answers, index, pair)
    {
        strbuf_addf(prompt, "\nQ: %s\nA: %s\n", json_get_text(pair, "question", ""),
                    json_get_text(pair, "answer", ""));
    }
    if (json_string_length(step->dialogue.partial) > 0) {
        strbuf_addf(prompt, "\nWhat you had so far:\n\n%s\n",
                    json_string_value(step->dialogue.partial));
    }
}

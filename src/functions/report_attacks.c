/* SPDX-License-Identifier: MIT */
/* What agents said against the findings and the answer: the part of the validation that a program
 * alone cannot do, and so one that has to say when it was not done. */
#include "functions/report_part.h"

#include "functions/markdown.h"
#include "functions/result.h"

#include <string.h>

#define OBJECTIONS_SHOWN_MAX 20

static void round_add(struct strbuf *out, const json_t *attacker)
{
    size_t silent = (size_t)json_get_integer(attacker, "silent", 0);
    size_t strangers = (size_t)json_get_integer(attacker, "strangers", 0);

    strbuf_add(out, "- ");
    markdown_add_code(out, json_get_text(attacker, "id", ""), 60);
    strbuf_addf(out, ": %d refuted, %d made less severe",
                (int)json_get_integer(attacker, "refuted", 0),
                (int)json_get_integer(attacker, "lowered", 0));
    if (silent > 0) {
        strbuf_addf(out, "; %zu finding%s it did not speak of", silent, PLURAL(silent));
    }
    if (strangers > 0) {
        strbuf_addf(out, "; %zu of no finding here, left out", strangers);
    }
    strbuf_add(out, ". ");
    markdown_add_text(out, json_get_text(attacker, "summary", ""), 400);
    strbuf_add_char(out, '\n');
}

static size_t rounds_add(struct strbuf *out, const json_t *attackers)
{
    size_t done = 0;
    size_t index;
    json_t *attacker;

    json_array_foreach(attackers, index, attacker)
    {
        if (strcmp(json_get_text(attacker, "status", ""), "ok") == 0) {
            strbuf_add(out, done++ == 0 ? "\nAttacked by agents:\n\n" : "");
            round_add(out, attacker);
        }
    }
    return done;
}

static const char *first_reason(const json_t *attackers)
{
    size_t index;
    json_t *attacker;

    json_array_foreach(attackers, index, attacker)
    {
        const char *why = json_get_text(attacker, "why", NULL);

        if (why) {
            return why;
        }
    }
    return "the run asks none";
}

static void objections_add(struct strbuf *out, const json_t *objections)
{
    size_t index;
    json_t *objection;

    json_array_foreach(objections, index, objection)
    {
        const char *about = json_get_text(objection, "about", NULL);

        if (index >= OBJECTIONS_SHOWN_MAX) {
            strbuf_addf(out, "- ... and %zu more\n", json_array_size(objections) - index);
            break;
        }
        strbuf_add(out,
                   index == 0 ? "\nObjections, to be met or refused with a reason:\n\n- " : "- ");
        if (about) {
            markdown_add_text(out, about, 160);
            strbuf_add(out, ": ");
        }
        markdown_add_text(out, json_get_text(objection, "why", ""), 600);
        strbuf_add_char(out, '\n');
    }
}

void report_add_attacks(struct strbuf *out, const json_t *validation)
{
    const json_t *attackers = json_object_get(validation, "attackers");

    if (!json_is_array(attackers)) {
        return;
    }
    if (rounds_add(out, attackers) == 0) {
        strbuf_add(out, "\n**No agent attacked this** (");
        markdown_add_text(out, first_reason(attackers), 300);
        strbuf_add(out, "): that a place exists was checked, not that the claim about it is "
                        "true.\n");
    }
    objections_add(out, json_object_get(validation, "objections"));
}

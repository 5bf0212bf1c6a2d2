/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

/* ---- the list ---- */

static void print_command(const struct terminal *terminal, const json_t *command,
                          struct strbuf *target)
{
    const char *problem = json_get_text(command, "problem", NULL);

    if (!problem) {
        print_clean(terminal,
                    *get(command, "command") ? get(command, "command") : get(command, "tool"), 6,
                    target);
        return;
    }
    print_clean(terminal, problem, 6, target);
    if (*get(command, "hint")) {
        char *hint = mem_printf("hint: %s", get(command, "hint"));

        print_clean(terminal, hint, 8, target);
        free(hint);
    }
}

static void print_check(const struct terminal *terminal, const json_t *check, struct strbuf *target)
{
    const json_t *commands = json_object_get(check, "commands");
    const json_t *command;
    size_t i;

    print_clean(terminal, get(check, "name"), 4, target);
    json_array_foreach(commands, i, command)
    {
        print_command(terminal, command, target);
    }
    if (*get(check, "run") && strcmp(get(check, "run"), get(check, "name")) != 0) {
        print_clean(terminal, get(check, "run"), 6, target);
    }
}

static void print_list(const struct terminal *terminal, const json_t *gates, struct strbuf *target)
{
    const json_t *gate;
    const json_t *check;
    size_t i;
    size_t k;

    json_array_foreach(gates, i, gate)
    {
        add_styled(terminal, target, STYLE_BOLD, get(gate, "name"));
        strbuf_addf(target, "  (%s)\n", get(gate, "origin"));
        if (*get(gate, "description")) {
            print_clean(terminal, get(gate, "description"), 2, target);
        }
        json_array_foreach(json_object_get(gate, "checks"), k, check)
        {
            print_check(terminal, check, target);
        }
    }
    strbuf_add(target, "\nrun one: fermata gate NAME; does it notice a fault? fermata gate NAME "
                       "--prove\nother commands: `gates:` of .fermata/config.yaml\n");
}

/* ---- one ---- */

static void print_verdict(const struct terminal *terminal, const char *name, const char *verdict,
                          const char *reason, struct strbuf *target)
{
    bool is_good = strcmp(verdict, "pass") == 0 || strcmp(verdict, "proven") == 0;
    char *line = mem_printf("%s: %s", name, verdict);

    add_styled(terminal, target, is_good ? STYLE_GREEN : STYLE_RED,
               status_mark(terminal, is_good ? "completed" : "failed"));
    strbuf_add_char(target, ' ');
    utf8_add_printable(target, line, strlen(line));
    strbuf_add_char(target, '\n');
    if (*reason) {
        print_clean(terminal, reason, 2, target);
    }
    free(line);
}

static void add_hint(const struct terminal *terminal, const json_t *part, struct strbuf *target)
{
    if (*get(part, "hint")) {
        char *hint = mem_printf("hint: %s", get(part, "hint"));

        print_clean(terminal, hint, 2, target);
        free(hint);
    }
}

static void print_checks(const struct terminal *terminal, const json_t *gate, struct strbuf *target)
{
    const json_t *check;
    size_t i;

    json_array_foreach(json_object_get(gate, "checks"), i, check)
    {
        const json_t *proof = json_object_get(check, "proof");
        const json_t *stated = json_object_get(proof, "stated");

        print_verdict(
            terminal, get(check, "name"), json_get_text(proof, "verdict", "unknown"),
            json_get_text(stated, "reason", json_get_text(proof, "reason", get(check, "error"))),
            target);
        add_hint(terminal, stated, target);
    }
}

static void print_proofs(const struct terminal *terminal, const json_t *proofs,
                         struct strbuf *target)
{
    const json_t *proof;
    const json_t *fault;
    size_t i;
    size_t k;

    json_array_foreach(proofs, i, proof)
    {
        bool is_worthless = strcmp(get(proof, "verdict"), "worthless") == 0;

        print_verdict(terminal, get(proof, "check"), get(proof, "verdict"), get(proof, "reason"),
                      target);
        add_hint(terminal, proof, target);
        json_array_foreach(json_object_get(proof, "faults"), k, fault)
        {
            char *line = mem_printf("- %s in %s: %s", get(fault, "fault"), get(fault, "file"),
                                    get(fault, "reason"));

            if (is_worthless) {
                print_clean(terminal, line, 2, target);
            }
            free(line);
        }
    }
}

void print_gate(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                struct strbuf *target)
{
    const json_t *gates = json_object_get(result, "gates");
    const json_t *phase = json_array_get(json_object_get(result, "phases"), 0);

    (void)now_ms;
    if (gates) {
        print_list(terminal, gates, target);
    } else if (json_object_get(result, "proofs")) {
        print_proofs(terminal, json_object_get(result, "proofs"), target);
    } else {
        print_checks(terminal, json_object_get(phase, "gate"), target);
    }
}

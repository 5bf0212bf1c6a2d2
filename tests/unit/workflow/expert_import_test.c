/* SPDX-License-Identifier: MIT */
#include "workflow/expert_import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void assert_imported(enum expert_form form, const char *text, const char *expected,
                            const char *notes)
{
    struct imported_expert expert = {0};
    struct error err = ERROR_INIT;
    char *told;

    assert_int_equal(expert_import(text, "file", form, &expert, &err), 0);
    told = json_dump_compact(expert.notes);
    assert_string_equal(expert.text, expected);
    assert_string_equal(told, notes);
    free(told);
    imported_expert_release(&expert);
}

static void one_of_claude_without_editing_tools_is_read_only(void **state)
{
    (void)state;
    assert_imported(FORM_CLAUDE,
                    "---\nname: rev\ndescription: Use it when: reviewing\ntools: Read, Grep, "
                    "Bash(git log:*), Bash\nmodel: sonnet\ncolor: red\nhooks: none\n---\n\nYou.\n",
                    "---\nname: rev\ndescription: \"Use it when: reviewing\"\n"
                    "tools: {\"claude\":[\"Bash(git log:*)\"]}\nmodel: {\"claude\":\"sonnet\"}\n"
                    "permission: read-only\n---\n\nYou.\n",
                    "[\"the tool Bash: with any command it would not be read-only\",\"the key "
                    "hooks\"]");
    assert_imported(
        FORM_UNKNOWN,
        "---\ndescription: Builds\ntools: [Read, Write, Bash]\nmodel: inherit\n---\nYou.\n",
        "---\nname: file\ndescription: \"Builds\"\ntools: {\"claude\":[\"Bash\"]}\n"
        "permission: edit\n---\n\nYou.\n",
        "[]");
}

static void one_of_opencode_keeps_model_temperature_and_what_it_may_not(void **state)
{
    (void)state;
    assert_imported(FORM_OPENCODE,
                    "---\ndescription: d\nmode: primary\nmodel: anthropic/x\ntemperature: 0.1\n"
                    "tools: { write: false, bash: false }\n---\nYou.\n",
                    "---\nname: file\ndescription: \"d\"\nmodel: {\"opencode\":\"anthropic/x\"}\n"
                    "temperature: 0.1\npermission: read-only\n---\n\nYou.\n",
                    "[\"the mode primary\",\"the tool bash: switched off\"]");
    assert_imported(FORM_UNKNOWN,
                    "---\npermission: { edit: deny, webfetch: ask }\ntemperature: 9\n---\nYou.\n",
                    "---\nname: file\npermission: read-only\n---\n\nYou.\n",
                    "[\"the permission of webfetch\",\"the temperature 9: it is from 0 to 2\"]");
}

static void what_is_no_persona_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *name;
        const char *why;
    } samples[] = {
        {"---\nname: a\n---\n\n", "f", "says nothing"},
        {"---\nname: a\n", "f", "says nothing"},
        {"You.\n", "not a name", "can be no expert's name"},
        {"---\ndisable: true\n---\nYou.\n", "f", "disabled"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct imported_expert expert = {0};
        struct error err = ERROR_INIT;

        assert_int_equal(
            expert_import(samples[i].text, samples[i].name, FORM_CLAUDE, &expert, &err),
            ERROR_VALIDATION);
        assert_non_null(strstr(err.text, samples[i].why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_claude_without_editing_tools_is_read_only),
        cmocka_unit_test(one_of_opencode_keeps_model_temperature_and_what_it_may_not),
        cmocka_unit_test(what_is_no_persona_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "agents/coding.h"
#include "support/agent_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The paths that are told when the tool has a result. */
static void assert_edits(const char *name, const char *arguments, const char *expected)
{
    json_t *value = json_loads(arguments, JSON_DECODE_ANY, NULL);
    struct strbuf paths;
    struct stream stream;
    const char *at;

    assert_non_null(value);
    strbuf_init(&paths, 4096);
    agent_stream_begin(&stream, &adapter_claude);
    coding_tool_call(stream.reader, "1", name, value);
    assert_null(strstr(stream.events.data, "\"event\":\"edit\"")); /* nothing came of it so far */
    coding_tool_result(stream.reader, "1", NULL, false);
    for (at = stream.events.data; (at = strstr(at, "{\"event\":\"edit\"")) != NULL; at++) {
        const char *text = strstr(at, "\"text\":\"") + strlen("\"text\":\"");

        strbuf_addf(&paths, "%.*s|", (int)strcspn(text, "\""), text);
    }
    assert_string_equal(paths.data, expected);
    agent_stream_release(&stream);
    strbuf_release(&paths);
    json_decref(value);
}

static void a_tool_that_edits_names_its_file(void **state)
{
    (void)state;
    assert_edits("Write", "{\"file_path\":\"/r/a\",\"content\":\"x\"}", "/r/a|");
    assert_edits("Edit", "{\"file_path\":\"a\"}", "a|");
    assert_edits("NotebookEdit", "{\"notebook_path\":\"n\"}", "n|");
    assert_edits("write_file", "{\"file_path\":\"a\"}", "a|");
    assert_edits("replace", "{\"file_path\":\"a\"}", "a|");
    assert_edits("edit", "{\"filePath\":\"a\"}", "a|");
    assert_edits("create", "{\"path\":\"a\",\"file_text\":\"\"}", "a|");
    assert_edits("str_replace_editor", "{\"command\":\"create\",\"path\":\"a\"}", "a|");
    assert_edits("edit", "{}", "");
}

static void a_tool_that_only_looks_edits_nothing(void **state)
{
    (void)state;
    assert_edits("Read", "{\"file_path\":\"a\"}", "");
    assert_edits("str_replace_editor", "{\"command\":\"view\",\"path\":\"a\"}", "");
    assert_edits("bash", "{\"command\":\"echo > a\",\"path\":\"a\"}", "");
    assert_edits("mcp__x__write", "{\"path\":\"a\"}", "");
}

static void a_patch_names_each_of_its_files(void **state)
{
    static const char patch[] =
        "\"*** Begin Patch\\n*** Update File: src/a.c\\n*** Move to: src/b.c\\n@@\\n-x\\n+y\\n"
        "*** Add File: c\\r\\n+*** Delete File: no\\n*** Delete File: d\\n*** End Patch\"";
    char arguments[400];

    (void)state;
    assert_edits("apply_patch", patch, "src/a.c|src/b.c|c|d|");
    (void)snprintf(arguments, sizeof(arguments), "{\"patchText\":%s}", patch);
    assert_edits("apply_patch", arguments, "src/a.c|src/b.c|c|d|");
    assert_edits("apply_patch", "{}", "");
    assert_edits("patch", "null", "");
}

static void what_failed_or_has_no_result_is_no_edit(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    reader_edit(stream.reader, "1", "a");
    reader_edit(stream.reader, "2", "b");
    reader_tool_result(stream.reader, "1", "denied", true);
    reader_tool_result(stream.reader, "1", "", false);
    reader_tool_result(stream.reader, NULL, "", false);
    assert_null(strstr(stream.events.data, "\"event\":\"edit\""));
    reader_edit(stream.reader, NULL, "c");
    reader_tool_result(stream.reader, NULL, "", false);
    assert_non_null(strstr(stream.events.data, "{\"event\":\"edit\",\"text\":\"c\"}\n"));
    agent_stream_release(&stream);
}

/* The recorded streams of the real programs. */
static void assert_sample(const struct adapter *adapter, const char *sample, const char *edit)
{
    struct stream stream;

    agent_stream_begin(&stream, adapter);
    agent_stream_play(&stream, sample);
    if (edit) {
        assert_non_null(strstr(stream.events.data, edit));
    } else {
        assert_null(strstr(stream.events.data, "\"event\":\"edit\""));
    }
    agent_stream_release(&stream);
}

static void the_real_programs_tell_what_they_edit(void **state)
{
    (void)state;
    assert_sample(&adapter_claude, "claude-write-acceptedits.jsonl", "\"text\":\"/repo/b.txt\"}");
    assert_sample(&adapter_claude, "claude-write-denied-plan.jsonl", NULL);
    assert_sample(&adapter_codex, "codex-write-and-shell.jsonl",
                  "{\"event\":\"edit\",\"id\":\"item_0\",\"text\":\"/repo/b.txt\"}\n");
    assert_sample(&adapter_copilot, "copilot-write-and-shell.jsonl", "\"text\":\"/repo/b.txt\"}");
    assert_sample(&adapter_copilot, "copilot-write-denied.jsonl", NULL);
    assert_sample(&adapter_gemini, "gemini-write-auto-edit.jsonl", "\"text\":\"/repo/b.txt\"}");
    assert_sample(&adapter_gemini, "gemini-write-denied-plan.jsonl", NULL);
    assert_sample(&adapter_opencode, "opencode-write-and-shell.jsonl", "\"text\":\"/repo/b.txt\"}");
    assert_sample(&adapter_opencode, "opencode-plan-write-denied.jsonl", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tool_that_edits_names_its_file),
        cmocka_unit_test(a_tool_that_only_looks_edits_nothing),
        cmocka_unit_test(a_patch_names_each_of_its_files),
        cmocka_unit_test(what_failed_or_has_no_result_is_no_edit),
        cmocka_unit_test(the_real_programs_tell_what_they_edit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

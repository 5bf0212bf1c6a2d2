/* SPDX-License-Identifier: MIT */
/* With the files of an attempt as a keeper leaves them, made by hand. */
#include "../../support/process.h"
#include "agents/reader.h"
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static int set_up(void **state)
{
    *state = process_make_folder();
    return 0;
}

static int tear_down(void **state)
{
    process_remove_folder(*state);
    return 0;
}

static void append(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name);

    assert_int_equal(file_append(path, text, strlen(text), NULL), 0);
    free(path);
}

static void describe(const char *folder, const char *session, const struct agent_usage *earlier)
{
    struct agent_profile agent = {
        .name = "mine", .adapter = &adapter_command, .output_format = "jsonl"};
    struct agent_call call = {.agent = &agent, .model = "m", .session = session};
    char *text = transcript_describe(&call, earlier);

    append(folder, TRANSCRIPT_FILE, text);
    free(text);
}

static void note_event(void *context, const struct agent_event *event)
{
    struct strbuf *seen = context;

    strbuf_addf(seen, "%s:%s ", agent_event_name(event->kind), event->text);
}

static void what_is_printed_becomes_events_as_it_grows(void **state)
{
    const char *folder = *state;
    const struct agent_end end = {.exit_status = 0};
    struct transcript *transcript;
    const struct agent_result *result;
    struct strbuf seen;

    strbuf_init(&seen, 4096);
    describe(folder, NULL, NULL);
    assert_int_equal(transcript_open(folder, note_event, &seen, &transcript, NULL), 0);
    assert_int_equal(transcript_read(transcript, NULL), 0);
    append(folder, "stdout", "{\"event\":\"text\",\"text\":\"yes\"}\n{\"event\":");
    assert_int_equal(transcript_read(transcript, NULL), 0);
    assert_string_equal(seen.data, "text:yes ");
    append(folder, "stdout", "\"done\"}\n");
    assert_int_equal(transcript_read(transcript, NULL), 0);
    assert_string_equal(seen.data, "text:yes done: ");
    assert_int_equal(transcript_bytes(transcript), 47);
    result = transcript_end(transcript, &end);
    assert_int_equal(result->failure, AGENT_FINE);
    assert_string_equal(result->answer, "yes");
    transcript_free(transcript);
    strbuf_release(&seen);
}

static void what_was_called_is_known_without_the_configuration(void **state)
{
    const struct agent_usage earlier = {10, 5, -1, -1, 1};
    struct transcript *transcript;

    describe(*state, "s1", &earlier);
    assert_int_equal(transcript_open(*state, NULL, NULL, &transcript, NULL), 0);
    assert_string_equal(transcript_agent(transcript)->name, "mine");
    assert_string_equal(transcript_agent(transcript)->model, "m");
    assert_ptr_equal(transcript_agent(transcript)->adapter, &adapter_command);
    assert_string_equal(transcript_resumed(transcript), "s1");
    transcript_free(transcript);
}

static void another_attempt_has_no_transcript(void **state)
{
    struct transcript *transcript;

    assert_int_equal(transcript_open(*state, NULL, NULL, &transcript, NULL), ERROR_NOT_FOUND);
    append(*state, TRANSCRIPT_FILE, "{\"type\":\"abacus\"}");
    assert_int_equal(transcript_open(*state, NULL, NULL, &transcript, NULL), ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_printed_becomes_events_as_it_grows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_called_is_known_without_the_configuration, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_attempt_has_no_transcript, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Which files a coding program's tool changes: what it says, not what comes of it. A shell may
 * change any, which nobody can tell from its text. */
#include "agents/coding.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_word_of(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* claude, qwen, opencode: write, edit and their kin; gemini: replace; copilot: create. */
static bool is_editor(const char *name)
{
    static const char *const names[] = {
        "write",        "edit",          "write_file",  "edit_file", "replace",
        "create",       "create_file",   "insert",      "multiedit", "str_replace",
        "notebookedit", "notebook_edit", "delete_file", "undo_edit"};

    return is_word_of(names, ARRAY_LEN(names), name);
}

/* One tool for all, whose `command` says what it does. */
static bool is_editing_command(const char *name, const json_t *arguments)
{
    static const char *const tools[] = {"str_replace_editor", "str_replace_based_edit_tool"};

    return is_word_of(tools, ARRAY_LEN(tools), name) &&
           strcmp(json_get_text(arguments, "command", "view"), "view") != 0;
}

static bool is_patch(const char *name)
{
    static const char *const names[] = {"apply_patch", "patch"};

    return is_word_of(names, ARRAY_LEN(names), name);
}

/* "*** Update File: src/a.c", a line for each file; "*** Move to: src/b.c" below it. */
static void read_patch(struct agent_reader *reader, const char *id, const char *patch)
{
    static const char *const heads[] = {
        "*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "};

    while (*patch) {
        size_t length = strcspn(patch, "\r\n");

        for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
            size_t head = strlen(heads[i]);

            if (length > head && strncmp(patch, heads[i], head) == 0) {
                char *path = mem_strndup(patch + head, length - head);

                reader_edit(reader, id, path);
                free(path);
            }
        }
        patch += length;
        patch += strspn(patch, "\r\n");
    }
}

void coding_edits(struct agent_reader *reader, const char *id, const char *name,
                  const json_t *arguments)
{
    static const char *const paths[] = {"file_path", "filePath", "path", "notebook_path",
                                        "absolute_path"};
    static const char *const patches[] = {"patchText", "patch", "input"};
    const char *text = json_string_value(arguments);

    if (name && (is_editor(name) || is_editing_command(name, arguments))) {
        text = NULL;
        for (size_t i = 0; !text && i < ARRAY_LEN(paths); i++) {
            text = json_get_text(arguments, paths[i], NULL);
        }
        reader_edit(reader, id, text);
    } else if (name && is_patch(name)) {
        for (size_t i = 0; !text && i < ARRAY_LEN(patches); i++) {
            text = json_get_text(arguments, patches[i], NULL);
        }
        read_patch(reader, id, text ? text : "");
    }
}

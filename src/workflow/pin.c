/* SPDX-License-Identifier: MIT */
/* What a workflow takes from other files becomes a line behind its own text: a comment for other
 * readers, JSON for us. The last line with a mark counts. */
#include "base/alloc.h"
#include "workflow/reader.h"

#include <stdlib.h>
#include <string.h>

struct yaml_node *pin_line_read(struct reader *reader, const char *mark, size_t *ret_offset)
{
    const char *found = NULL;
    struct yaml_node *root = NULL;
    struct error err = ERROR_INIT;
    const char *line;

    for (const char *at = strstr(reader->source, mark); at; at = strstr(at + 1, mark)) {
        found = at;
    }
    if (!found) {
        return NULL;
    }
    line = found + strlen(mark);
    if (yaml_parse(reader->scratch, line, strcspn(line, "\n"), reader->problems, &root, &err) < 0) {
        return NULL;
    }
    *ret_offset = (size_t)(found - reader->source);
    return root;
}

void pin_line_write(struct reader *reader, const char *mark, const json_t *root, const char *hint)
{
    struct workflow *workflow = reader->workflow;

    if (json_object_size(root) > 0) {
        char *line = json_dump_sorted(root);
        char *text = mem_printf("%s%s%s\n", workflow->text, mark, line);

        workflow->text = arena_strdup(reader->arena, text);
        workflow->text_length = strlen(text);
        free(text);
        free(line);
    }
    if (workflow->text_length > WORKFLOW_BYTES_MAX) {
        problems_add(reader->problems, (struct position){1, 1}, hint,
                     "with what it takes from other files the text is larger than %d bytes",
                     WORKFLOW_BYTES_MAX);
    }
}

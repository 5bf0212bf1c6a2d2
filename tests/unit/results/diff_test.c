/* SPDX-License-Identifier: MIT */
#include "results/snapshot.h"

#include "../../support/repository.h"
#include "../../support/snapshot_project.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *format(struct snapshot_project *project, enum diff_form form)
{
    char from[DIGEST_HEX_SIZE], to[DIGEST_HEX_SIZE];
    struct changes changes;
    struct strbuf text;
    char *copy;
    struct error err = ERROR_INIT;

    snapshot_project_take(project, from);
    snapshot_project_write(project, "a.txt", "one\nmore\n");
    snapshot_project_remove(project, "c");
    snapshot_project_write(project, "q\"q", "new\n");
    snapshot_project_take(project, to);
    changes = snapshot_project_compare(project, from, to);
    strbuf_init(&text, 10000);
    if (changes_format(project->snapshots, &changes, form, &text, &err) < 0) {
        fail_msg("%s", err.text);
    }
    changes_release(&changes);
    copy = mem_strdup(text.data);
    strbuf_release(&text);
    return copy;
}

static void changes_are_shown_as_git_does(void **state)
{
    char *text = format(*state, DIFF_TEXT);

    assert_non_null(strstr(text, "diff --git a/a.txt b/a.txt\n"));
    assert_non_null(strstr(text, "\n one\n+more\n"));
    assert_non_null(strstr(text, "diff --git a/c b/c\ndeleted file mode 120000\n"));
    assert_non_null(strstr(text, "diff --git \"a/q\\\"q\" \"b/q\\\"q\"\nnew file mode 100644\n"));
    free(text);
}

static void so_is_how_much_changed(void **state)
{
    char *text = format(*state, DIFF_STAT);

    assert_non_null(strstr(text, "a.txt | +1 -0\nc | +0 -1\nq\"q | +1 -0\n"
                                 "3 files changed, 2 lines added, 1 removed\n"));
    free(text);
}

/* The project's own configuration names a program for each of these. */
static void no_program_of_the_project_is_started(void **state)
{
    struct snapshot_project *project = *state;
    char *command = mem_printf("touch %s/started; cat", project->folder);
    char *text;

    GIT(project->folder, "init", "-q");
    GIT(project->folder, "config", "diff.external", command);
    GIT(project->folder, "config", "diff.x.command", command);
    GIT(project->folder, "config", "diff.x.textconv", command);
    GIT(project->folder, "config", "filter.x.clean", command);
    GIT(project->folder, "config", "core.pager", command);
    GIT(project->folder, "config", "core.fsmonitor", command);
    snapshot_project_write(project, ".gitattributes", "* diff=x filter=x\n");
    text = format(project, DIFF_TEXT);
    assert_non_null(strstr(text, "+more\n"));
    assert_null(snapshot_project_read(project, "started"));
    free(text);
    free(command);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(changes_are_shown_as_git_does),
        CASE(so_is_how_much_changed),
        CASE(no_program_of_the_project_is_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

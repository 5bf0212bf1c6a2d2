/* SPDX-License-Identifier: MIT */
/* mkdirat, syncfs and read are wrapped, see the Makefile. */
#include "results/snapshot.h"

#include "../../support/repository.h"
#include "../../support/snapshot_project.h"
#include "base/file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void the_same_files_have_the_same_digest(void **state)
{
    char first[DIGEST_HEX_SIZE], second[DIGEST_HEX_SIZE];

    snapshot_project_take(*state, first);
    snapshot_project_take(*state, second);
    assert_string_equal(first, second);
    snapshot_project_write(*state, "a.txt", "other\n");
    snapshot_project_take(*state, second);
    assert_string_not_equal(first, second);
}

static void a_mode_alone_makes_another(void **state)
{
    struct snapshot_project *project = *state;
    char first[DIGEST_HEX_SIZE], second[DIGEST_HEX_SIZE];
    char *path = path_join(project->folder, "a.txt");

    assert_int_equal(chmod(path, 0644), 0);
    snapshot_project_take(project, first);
    assert_int_equal(chmod(path, 0600), 0);
    snapshot_project_take(project, second);
    assert_string_not_equal(first, second);
    free(path);
}

static void what_git_ignores_is_in_it_unless_it_is_large(void **state)
{
    struct snapshot_project *project = *state;
    char digest[DIGEST_HEX_SIZE];
    struct strbuf left_out;
    char *text = NULL;
    size_t length;

    GIT(project->folder, "init", "-q");
    snapshot_project_write(project, ".gitignore", "secret\ncache/\n");
    snapshot_project_write(project, "secret", "key");
    for (int i = 0; i < 1100; i++) {
        char *path = mem_printf("cache/%d", i);

        snapshot_project_write(project, path, "x");
        free(path);
    }
    strbuf_init(&left_out, 1000);
    assert_int_equal(snapshot_take(project->snapshots, project->folder, digest, &left_out, NULL),
                     0);
    assert_int_equal(snapshot_get(project->snapshots, digest, &text, &length, NULL), 0);
    assert_non_null(memmem(text, length,
                           "secret\000"
                           "100644",
                           13));
    assert_null(memmem(text, length, "cache/1", 7));
    assert_string_equal(left_out.data, "cache");
    strbuf_release(&left_out);
    free(text);
}

static void a_content_that_was_not_made_durable_is_written_again(void **state)
{
    struct snapshot_project *project = *state;
    char digest[DIGEST_HEX_SIZE];
    char *path;
    char *text;
    size_t length;

    assert_int_equal(snapshot_put(project->snapshots, "text", 4, digest, NULL), 0);
    path = mem_printf("%s/.fermata/snapshots/%.2s/%s", project->folder, digest, digest + 2);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(snapshot_get(project->snapshots, digest, &text, &length, NULL), ERROR_IO);
    assert_int_equal(snapshot_put(project->snapshots, "text", 4, digest, NULL), 0);
    assert_int_equal(snapshot_get(project->snapshots, digest, &text, &length, NULL), 0);
    assert_string_equal(text, "text");
    free(text);
    free(path);
}

static struct snapshot_project *overtaken; /* NULL: nobody comes between */
static char *watched;                      /* a content that has to stay durable */

int __real_mkdirat(int fd, const char *path, mode_t mode);
int __wrap_mkdirat(int fd, const char *path, mode_t mode);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);

/* A content is written and about to get its name: another process keeps the same one just now. */
int __wrap_mkdirat(int fd, const char *path, mode_t mode)
{
    struct snapshot_project *project = overtaken;
    struct snapshots *others = NULL;
    char digest[DIGEST_HEX_SIZE];

    overtaken = NULL;
    if (project) {
        assert_int_equal(snapshots_open(project->folder, &others, NULL), 0);
        assert_int_equal(snapshot_take(others, project->folder, digest, NULL, NULL), 0);
        snapshots_close(others);
        digest_bytes("of both", 7, digest);
        watched = mem_printf("%s/.fermata/snapshots/%.2s/%s", project->folder, digest, digest + 2);
    }
    return __real_mkdirat(fd, path, mode);
}

int __wrap_syncfs(int fd)
{
    struct stat status;

    if (watched) {
        assert_int_equal(stat(watched, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0400);
    }
    return __real_syncfs(fd);
}

static void what_another_one_made_durable_meanwhile_stays_so(void **state)
{
    struct snapshot_project *project = *state;
    char digest[DIGEST_HEX_SIZE];
    struct stat status;

    snapshot_project_take(project, digest);
    snapshot_project_write(project, "a.txt", "of both");
    snapshot_project_write(project, "later", "of one");
    overtaken = project;
    snapshot_project_take(project, digest);
    assert_null(overtaken);
    assert_int_equal(stat(watched, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0400);
    free(watched);
    watched = NULL;
}

static void what_is_no_digest_leads_nowhere(void **state)
{
    struct snapshot_project *project = *state;
    char *text;
    size_t length;

    assert_int_equal(snapshot_get(project->snapshots, "../../a.txt", &text, &length, NULL),
                     ERROR_INVALID);
}

static const char *growing; /* a file; NULL: none */
static int times_begun;     /* to be read, from its begin */

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);

static bool is_growing(int fd)
{
    struct stat wanted, status;

    return growing && stat(growing, &wanted) == 0 && fstat(fd, &status) == 0 &&
           status.st_ino == wanted.st_ino && status.st_dev == wanted.st_dev;
}

/* The first time it is read for the listing. The second time it is to be kept and was found small
 * enough: now somebody writes more. */
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
    if (is_growing(fd) && lseek(fd, 0, SEEK_CUR) == 0 && ++times_begun == 2) {
        assert_int_equal(truncate(growing, SNAPSHOT_FILE_BYTES_MAX + 1), 0);
    }
    return __real_read(fd, bytes, size);
}

static size_t count_files(const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        char *path = path_join(folder, entry->d_name);

        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            count += count_files(path);
        } else if (entry->d_type != DT_DIR) {
            count++;
        }
        free(path);
    }
    (void)closedir(stream);
    return count;
}

static void
a_file_that_grows_beyond_the_ceiling_while_it_is_kept_is_left_out_and_named(void **state)
{
    struct snapshot_project *project = *state;
    char *path = path_join(project->folder, "grows");
    char *store = path_join(project->folder, ".fermata/snapshots");
    char before[DIGEST_HEX_SIZE], first[DIGEST_HEX_SIZE], second[DIGEST_HEX_SIZE];
    struct changes changes;
    struct strbuf left_out;
    char *described;
    size_t files;

    snapshot_project_take(project, before);
    files = count_files(store);
    snapshot_project_write(project, "grows", "small");
    strbuf_init(&left_out, 1000);
    growing = path;
    times_begun = 0;
    assert_int_equal(snapshot_take(project->snapshots, project->folder, first, &left_out, NULL), 0);
    growing = NULL;
    assert_int_equal(times_begun, 2);
    assert_string_equal(left_out.data, "grows");
    assert_int_equal(left_out.length, strlen("grows") + 1);
    assert_int_equal(count_files(store), files + 1); /* the listing, and nothing of it */
    snapshot_project_write(project, "a.txt", "of somebody\n");
    snapshot_project_take(project, second);
    changes = snapshot_project_compare(project, first, second);
    described = snapshot_project_describe(&changes);
    assert_string_equal(described, "~a.txt");
    free(described);
    changes_release(&changes);
    strbuf_release(&left_out);
    free(store);
    free(path);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_files_have_the_same_digest),
        CASE(a_mode_alone_makes_another),
        CASE(what_git_ignores_is_in_it_unless_it_is_large),
        CASE(a_content_that_was_not_made_durable_is_written_again),
        CASE(what_another_one_made_durable_meanwhile_stays_so),
        CASE(a_file_that_grows_beyond_the_ceiling_while_it_is_kept_is_left_out_and_named),
        CASE(what_is_no_digest_leads_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

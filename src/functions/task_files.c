/* SPDX-License-Identifier: MIT */
/* Planned work as files of the project: a folder with one file for each subtask,
 * IMPLEMENTATION-GUIDE.md (the waves and why) and README.md, a check list that `fermata loop` works
 * off. New files only: what is there and differs is somebody's work, and stays. */
#include "functions/builtin.h"
#include "functions/markdown.h"
#include "functions/result.h"
#include "functions/review.h"

#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE_BYTES_MAX (1024U * 1024)
#define LINES_QUOTED_MAX 400
#define TEXT_COLUMNS 300

struct task_files {
    const struct function_call *call;
    const json_t *plan, *list; /* list: of subtasks */
    char *folder;              /* relative to the project */
};

static const char *text_of(const json_t *subtask, const char *key)
{
    return json_get_text(subtask, key, "");
}

static char *file_name_of(const json_t *subtask)
{
    char *slug = slug_of(text_of(subtask, "title"));
    char *id = slug_of(text_of(subtask, "id"));
    char *name = mem_printf("%s-%s.md", id, slug);

    free(slug);
    free(id);
    return name;
}

/* As a file that a person makes. */
static void share(const char *path)
{
    mode_t hidden = umask(0);

    (void)umask(hidden);
    (void)chmod(path, 0666 & ~hidden);
}

static int page_write(struct task_files *files, const char *name, struct strbuf *page,
                      struct error *err)
{
    char *relative = path_join(files->folder, name);
    char *path = path_join(files->call->project, relative);
    char *there = NULL;
    size_t length = 0;
    int r = 0;

    if (page->overflow) {
        r = error_set(err, ERROR_LIMIT, "%s becomes too large", relative);
    } else if (!file_exists(path)) {
        r = file_write(path, page->data, page->length, FILE_SYNC, err);
        share(path);
        if (r == 0) {
            strbuf_addf(files->call->output, "written: %s\n", relative);
        }
    } else if (file_read(path, PAGE_BYTES_MAX, &there, &length, NULL) == 0 &&
               length == page->length && memcmp(there, page->data, length) == 0) {
        strbuf_addf(files->call->output, "the same is there: %s\n", relative);
    } else {
        r = error_set(err, ERROR_CONFLICT, "%s is there already, and differs", relative);
        error_hint(err, "give another `folder`, or move it away");
    }
    free(there);
    free(path);
    free(relative);
    strbuf_release(page);
    return r;
}

/* ---- pages ---- */

static void files_add(struct strbuf *page, const json_t *subtask)
{
    const json_t *names = json_object_get(subtask, "files");
    size_t index;
    json_t *name;

    strbuf_add(page, "\n## Files\n\n");
    if (json_array_size(names) == 0) {
        strbuf_add(page, "The review names none; look before you begin.\n");
    }
    json_array_foreach(names, index, name)
    {
        strbuf_add(page, "- ");
        markdown_add_code(page, json_string_value(name), TEXT_COLUMNS);
        strbuf_add_char(page, '\n');
    }
}

static void reasons_add(struct strbuf *page, const json_t *subtask)
{
    const json_t *reasons = json_object_get(subtask, "mode_reasons");
    size_t index;
    json_t *reason;

    strbuf_addf(page, "- Mode: %s", text_of(subtask, "mode"));
    json_array_foreach(reasons, index, reason)
    {
        strbuf_add(page, index == 0 ? " (" : ", ");
        markdown_add_text(page, json_string_value(reason), TEXT_COLUMNS);
    }
    strbuf_add(page, json_array_size(reasons) > 0 ? ")\n" : "\n");
    strbuf_addf(page, "- Complexity: %d of 10\n", (int)json_get_integer(subtask, "complexity", 0));
}

static int subtask_write(struct task_files *files, const json_t *subtask, struct error *err)
{
    char *name = file_name_of(subtask);
    struct strbuf page;
    int r;

    strbuf_init(&page, PAGE_BYTES_MAX);
    strbuf_addf(&page, "# %s: ", text_of(subtask, "id"));
    markdown_add_text(&page, text_of(subtask, "title"), TEXT_COLUMNS);
    strbuf_addf(&page, "\n\n- Wave: %d\n- Workspace: %s\n",
                (int)json_get_integer(subtask, "wave", 0), text_of(subtask, "workspace"));
    reasons_add(&page, subtask);
    files_add(&page, subtask);
    strbuf_add(&page, "\n## What the review says\n\n");
    markdown_add_quote(&page,
                       *text_of(subtask, "description") ? text_of(subtask, "description")
                                                        : text_of(subtask, "title"),
                       LINES_QUOTED_MAX);
    strbuf_add(&page,
               "\n## Done when\n\n- [ ] what the review asks for is true, and a test shows it\n"
               "- [ ] the project's checks pass\n- [ ] no file beyond those above was changed "
               "without a word why\n");
    r = page_write(files, name, &page, err);
    free(name);
    return r;
}

/* One line for each subtask of the wave. */
static void wave_add(struct strbuf *page, const struct task_files *files, json_int_t wave,
                     const char *mark)
{
    size_t index;
    json_t *subtask;

    json_array_foreach(files->list, index, subtask)
    {
        char *name;

        if (json_get_integer(subtask, "wave", 0) != wave) {
            continue;
        }
        name = file_name_of(subtask);
        strbuf_addf(page, "%s%s: ", mark, text_of(subtask, "id"));
        markdown_add_text(page, text_of(subtask, "title"), TEXT_COLUMNS);
        strbuf_addf(page, " ([%s](%s), %s)\n", name, name, text_of(subtask, "mode"));
        free(name);
    }
}

static void waves_add(struct strbuf *page, const struct task_files *files, const char *mark)
{
    size_t count = json_array_size(json_object_get(files->plan, "waves"));

    for (size_t wave = 1; wave <= count; wave++) {
        strbuf_addf(page, "\n## Wave %zu\n\n", wave);
        wave_add(page, files, (json_int_t)wave, mark);
    }
}

static void title_add(struct strbuf *page, const struct task_files *files, const char *before)
{
    strbuf_add(page, before);
    markdown_add_text(page,
                      *text_of(files->plan, "title") ? text_of(files->plan, "title")
                                                     : text_of(files->plan, "slug"),
                      TEXT_COLUMNS);
    strbuf_add(page, "\n\nFrom the review ");
    markdown_add_code(page, text_of(files->plan, "report"), TEXT_COLUMNS);
    strbuf_addf(page, ": %zu subtask%s in %zu wave%s.\n", json_array_size(files->list),
                PLURAL(json_array_size(files->list)),
                json_array_size(json_object_get(files->plan, "waves")),
                PLURAL(json_array_size(json_object_get(files->plan, "waves"))));
}

static int guide_write(struct task_files *files, struct error *err)
{
    const json_t *conflicts = json_object_get(files->plan, "conflicts");
    struct strbuf page;
    size_t index;
    json_t *conflict;

    strbuf_init(&page, PAGE_BYTES_MAX);
    title_add(&page, files, "# Implementation guide: ");
    strbuf_add(&page, "\nSubtasks of one wave touch no file together, as far as the review says "
                      "which files they touch, and can be\n"
                      "done at once, each in its own workspace. A wave begins when the one before "
                      "it is merged and its checks are green.\n"
                      "`task-work` takes all gates; `direct` is small enough for one pass.\n");
    waves_add(&page, files, "- ");
    strbuf_add(&page, "\n## Conflicts that made the waves\n\n");
    if (json_array_size(conflicts) == 0) {
        strbuf_add(&page, "None: no two subtasks name the same file.\n");
    }
    json_array_foreach(conflicts, index, conflict)
    {
        strbuf_addf(&page, "- %s and %s: ", text_of(conflict, "left"), text_of(conflict, "right"));
        markdown_add_code(&page,
                          json_string_value(json_array_get(json_object_get(conflict, "files"), 0)),
                          TEXT_COLUMNS);
        strbuf_add(&page, json_array_size(json_object_get(conflict, "files")) > 1 ? " and others\n"
                                                                                  : "\n");
    }
    return page_write(files, "IMPLEMENTATION-GUIDE.md", &page, err);
}

static int readme_write(struct task_files *files, struct error *err)
{
    struct strbuf page;

    strbuf_init(&page, PAGE_BYTES_MAX);
    title_add(&page, files, "# ");
    strbuf_add(&page,
               "\nHow and in which order: [IMPLEMENTATION-GUIDE.md](IMPLEMENTATION-GUIDE.md). To "
               "have it done, one after the other:\n\n");
    strbuf_addf(&page, "    fermata loop %s/README.md\n", files->folder);
    waves_add(&page, files, "- [ ] ");
    return page_write(files, "README.md", &page, err);
}

/* ---- the function ---- */

/* As mkdir -p does; the file layer's own are for nobody else to read. */
static int make_folders(char *path, struct error *err)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(path, 0777);
        *at = '/';
    }
    (void)mkdir(path, 0777);
    return file_make_folders(path, err);
}

static int part_write(struct task_files *files, const char *part, struct error *err)
{
    char *folder = path_join(files->call->project, files->folder);
    size_t index;
    json_t *subtask;
    int r = make_folders(folder, err);

    free(folder);
    if (r == 0 && strcmp(part, "subtasks") == 0) {
        json_array_foreach(files->list, index, subtask)
        {
            r = r == 0 ? subtask_write(files, subtask, err) : r;
        }
    } else if (r == 0 && strcmp(part, "guide") == 0) {
        r = guide_write(files, err);
    } else if (r == 0 && strcmp(part, "readme") == 0) {
        r = readme_write(files, err);
    } else if (r == 0 && strcmp(part, "folder") != 0) {
        r = error_set(err, ERROR_INVALID,
                      "`part` is %.40s; folder, subtasks, guide or readme was expected", part);
    }
    return r;
}

/* `folder`, else tasks/SLUG. */
static int folder_choose(struct task_files *files, struct error *err)
{
    const char *given = json_get_text(files->call->arguments, "folder", "");
    const char *reason;

    files->folder = *given ? mem_strdup(given)
                           : mem_printf("tasks/%s", text_of(files->plan, "slug"));
    reason = path_unsafe_reason(files->folder);
    if (reason) {
        return error_set(err, ERROR_INVALID, "`folder` is %.200s: %s", files->folder, reason);
    }
    return path_is_inside(files->call->project, files->folder)
               ? 0
               : error_set(err, ERROR_INVALID, "`folder` is %.200s: it lies outside of the project",
                           files->folder);
}

int task_files_run(const struct function_call *call, struct error *err)
{
    const char *part = json_get_text(call->arguments, "part", "");
    json_t *plan = subtasks_argument(call, err);
    struct task_files files = {
        .call = call, .plan = plan, .list = json_object_get(plan, "subtasks")};
    int r;

    if (!plan) {
        return ERROR_INVALID;
    }
    r = folder_choose(&files, err);
    if (r == 0) {
        r = part_write(&files, part, err);
    }
    if (r == 0 && strcmp(part, "folder") == 0) {
        strbuf_addf(call->output, "%s\n", files.folder);
    } else if (r == 0 && strcmp(part, "readme") == 0) {
        strbuf_addf(call->output,
                    "\nNext:\n"
                    "  1. read %s/IMPLEMENTATION-GUIDE.md, and change what you know better\n"
                    "  2. begin with wave 1: fermata loop %s/README.md\n",
                    files.folder, files.folder);
    }
    free(files.folder);
    json_decref(plan);
    return r;
}

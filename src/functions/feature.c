/* SPDX-License-Identifier: MIT */
/* The name of the work that a review leads to: its title and a short name for files and folders. */
#include "functions/builtin.h"
#include "functions/result.h"
#include "functions/review.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Of a heading of the first level; NULL: there is none. The caller frees it. */
static char *title_in(const struct review *review)
{
    const char *line = review->text;
    bool is_code = false;

    while (line && *line) {
        size_t length = strcspn(line, "\n");

        is_code ^= strncmp(line, "```", 3) == 0;
        if (!is_code && strncmp(line, "# ", 2) == 0 && length > 2) {
            return mem_strndup(line + 2, length - 2);
        }
        line = line[length] ? line + length + 1 : NULL;
    }
    return NULL;
}

static char *title_of(const struct function_call *call, const struct review *review)
{
    const char *given = json_get_text(call->arguments, "name", "");
    char *title = *given ? mem_strdup(given) : NULL;

    if (!title && !review->json) {
        title = title_in(review);
    }
    if (!title) {
        const char *slash = strrchr(review->path, '/');

        title = mem_strdup(slash ? slash + 1 : review->path);
        title[strcspn(title, ".")] = '\0';
    }
    return title;
}

int feature_run(const struct function_call *call, struct error *err)
{
    struct review review;
    struct strbuf shown;
    json_t *result;
    char *title, *slug;
    int r = review_read(call, &review, err);

    if (r < 0) {
        return r;
    }
    title = title_of(call, &review);
    slug = slug_of(title);
    strbuf_init(&shown, REVIEW_BYTES_MAX);
    utf8_add_cut(&shown, title, SUBTASK_TITLE_COLUMNS);
    result = json_object();
    json_put_text(result, "slug", slug);
    json_put(result, "title", json_text_lossy(shown.data, shown.length));
    json_put(result, "report", json_text_lossy(review.path, strlen(review.path)));
    strbuf_release(&shown);
    free(title);
    free(slug);
    review_release(&review);
    return result_write(result, call, err);
}

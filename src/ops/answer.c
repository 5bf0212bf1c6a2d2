/* SPDX-License-Identifier: MIT */
/* `answer`: what an agent asked is answered, by words of the command line, a file, or a person who
 * is asked one question after the other. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX (256U * 1024)

static bool is_asking(const json_t *step)
{
    return strcmp(json_get_text(step, "waiting", ""), "answer") == 0;
}

/* Also instances of lists and fix steps. */
static const json_t *find_in_steps(const json_t *steps, size_t *count)
{
    const json_t *found = NULL;
    const json_t *step;
    size_t i;

    json_array_foreach((json_t *)steps, i, step)
    {
        const json_t *inner = find_in_steps(json_object_get(step, "instances"), count);

        if (is_asking(step)) {
            (*count)++;
            inner = step;
        }
        found = found ? found : inner;
    }
    return found;
}

const json_t *ops_find_question(const json_t *run, size_t *ret_count)
{
    const json_t *found = NULL;
    const json_t *phase;
    size_t i;

    *ret_count = 0;
    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        const json_t *step = find_in_steps(json_object_get(phase, "steps"), ret_count);
        const json_t *fix = find_in_steps(json_object_get(phase, "fix"), ret_count);

        found = found ? found : step ? step : fix;
    }
    return found;
}

static char *make_question(const json_t *step, const json_t *question, bool is_first)
{
    const char *context = json_get_text(json_object_get(step, "question"), "context", "");

    return mem_printf("%s%s%s%s%s\n> ", is_first ? json_get_text(step, "key", "") : "",
                      is_first ? " asks: " : "", is_first ? context : "",
                      is_first && *context ? "\n" : "", json_string_value(question));
}

json_t *ops_ask_questions(const struct ops_view *view, const json_t *step)
{
    const json_t *questions = json_object_get(json_object_get(step, "question"), "questions");
    json_t *answers = json_array();
    const json_t *question;
    size_t i;

    json_array_foreach((json_t *)questions, i, question)
    {
        char *text = make_question(step, question, i == 0);
        char *answer = NULL;
        bool is_answered = view->ask(view->context, text, &answer) && *answer;

        free(text);
        if (is_answered) {
            (void)json_array_append_new(answers, json_text_lossy(answer, strlen(answer)));
        }
        free(answer);
        if (!is_answered) {
            json_decref(answers);
            return NULL;
        }
    }
    return answers;
}

static int read_standard_input(struct strbuf *target, struct error *err)
{
    char chunk[4096];
    ssize_t count;

    while (!target->overflow && (count = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (count < 0 && errno != EINTR) {
            return error_set_errno(err, "reading the answer from standard input");
        }
        strbuf_add_bytes(target, chunk, count > 0 ? (size_t)count : 0);
    }
    return target->overflow ? error_set(err, ERROR_LIMIT, "the answer is larger than %u KB",
                                        ANSWER_BYTES_MAX >> 10)
                            : 0;
}

/* The line ends behind it are no part of the answer. */
static int read_answer(const struct ops *ops, const char *name, json_t *answers, struct error *err)
{
    struct strbuf text;
    char *path = NULL;
    char *data = NULL;
    size_t length = 0;
    int r;

    strbuf_init(&text, ANSWER_BYTES_MAX);
    if (strcmp(name, "-") == 0) {
        r = read_standard_input(&text, err);
    } else {
        path = ops_path(ops, name);
        r = file_read(path, ANSWER_BYTES_MAX, &data, &length, err);
        if (r == 0) {
            strbuf_add_bytes(&text, data, length);
        }
    }
    length = text.length;
    while (length > 0 && strchr("\r\n", text.data[length - 1])) {
        length--;
    }
    if (r == 0) {
        (void)json_array_append_new(answers, json_text_lossy(text.data, length));
    }
    free(data);
    free(path);
    strbuf_release(&text);
    return r;
}

/* STEP may stand before the text: the first of several words that is the key of a step. */
static const char *pick_step(const json_t *run, const json_t *arguments, size_t *ret_first)
{
    const json_t *words = json_object_get(arguments, "text");
    const char *first = json_string_value(json_array_get(words, 0));
    bool has_file = json_object_get(arguments, "file") != NULL;
    const char *step = json_get_text(arguments, "step", NULL);

    *ret_first = 0;
    if (!step && first && (has_file || json_array_size(words) > 1) && ops_find_step(run, first)) {
        *ret_first = 1;
        step = first;
    }
    return step;
}

static int collect_answers(const struct ops *ops, const json_t *run, const json_t *arguments,
                           const struct ops_view *view, json_t *command, struct error *err)
{
    const json_t *words = json_object_get(arguments, "text");
    const char *file = json_get_text(arguments, "file", NULL);
    json_t *answers = json_array();
    size_t first;
    size_t count;
    const char *key = pick_step(run, arguments, &first);
    const json_t *step = key ? ops_find_step(run, key) : ops_find_question(run, &count);
    int r = 0;

    json_put_text(command, "step", key);
    for (size_t i = first; i < json_array_size(words); i++) {
        (void)json_array_append(answers, json_array_get(words, i));
    }
    if (file) {
        r = read_answer(ops, file, answers, err);
    }
    if (r == 0 && json_array_size(answers) == 0 && view->ask && step && is_asking(step)) {
        json_t *given = ops_ask_questions(view, step);

        json_put_text(command, "step", json_get_text(step, "key", ""));
        (void)json_array_extend(answers, given);
        json_decref(given);
    }
    if (r == 0 && json_array_size(answers) == 0) {
        r = error_set(err, ERROR_INVALID, "what is the answer? None was given");
        error_hint(err, "give it as text, or with --file FILE (- is standard input)");
    }
    json_put(command, "answers", answers);
    return r;
}

int op_answer(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    static const char *const keys[] = {NULL};
    char run_id[RUN_ID_SIZE];
    json_t *command;
    json_t *run = NULL;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    if (r == 0) {
        r = run_show(ops->store, ops->folder, run_id, &run, err);
    }
    if (r < 0) {
        return r;
    }
    command = ops_new_command(ops, "answer", arguments, keys);
    r = collect_answers(ops, run, arguments, view, command, err);
    json_decref(run);
    if (r < 0) {
        json_decref(command);
        return r;
    }
    return ops_ask_and_go_on(ops, arguments, view, command, ret_result, err);
}

/* SPDX-License-Identifier: MIT */
#include "drive/dialect.h"

#include "base/alloc.h"

void dialect_put_options(json_t *body, const json_t *options)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)options, key, value)
    {
        if (json_is_null(value)) {
            (void)json_object_del(body, key);
        } else {
            (void)json_object_set(body, key, value);
        }
    }
}

json_int_t dialect_tokens_max(const json_t *options)
{
    static const char *const keys[] = {"max_tokens", "max_completion_tokens", "num_predict",
                                       "maxOutputTokens", "n_predict"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_int_t value = json_get_integer(options, keys[i], 0);

        if (value > 0) {
            return value;
        }
    }
    return 0;
}

json_t *dialect_prompt(const struct question *question)
{
    return json_text_lossy(question->prompt, question->prompt_length);
}

json_t *dialect_messages(const struct question *question)
{
    json_t *messages = json_array();
    json_t *message;

    if (question->system) {
        message = json_object();
        json_put_text(message, "role", "system");
        json_put_text(message, "content", question->system);
        (void)json_array_append_new(messages, message);
    }
    message = json_object();
    json_put_text(message, "role", "user");
    json_put(message, "content", dialect_prompt(question));
    (void)json_array_append_new(messages, message);
    return messages;
}

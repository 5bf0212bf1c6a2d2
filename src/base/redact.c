/* SPDX-License-Identifier: MIT */
#include "base/redact.h"

#include <string.h>

#define BLANK " \t\r\n"
#define WORD "[key "

struct redact_form {
    const char *name;
    const char *bytes;
    size_t length;
};

/* As it is, in a URL, in JSON twice (some escape the slash), in base64 at each of three places of a
 * group, with each of two alphabets. */
#define FORMS_EACH 10

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---- forms ---- */

/* Where the text of the next form goes. */
struct writer {
    struct redact *redact;
    const char *name;
    char *next;
};

static void end_form(struct writer *writer, char *end)
{
    struct redact *redact = writer->redact;
    size_t length = (size_t)(end - writer->next);

    for (size_t i = 0; i < redact->form_count; i++) {
        if (redact->forms[i].length == length &&
            memcmp(redact->forms[i].bytes, writer->next, length) == 0) {
            return; /* it looks like another */
        }
    }
    if (length < REDACT_KEY_BYTES_MIN) {
        return;
    }
    redact->forms[redact->form_count++] = (struct redact_form){writer->name, writer->next, length};
    redact->first[(unsigned char)*writer->next] = true;
    redact->longest = length > redact->longest ? length : redact->longest;
    writer->next = end;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static void add_url(struct writer *writer, const char *value, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    char *end = writer->next;

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];

        if (is_unreserved(value[i])) {
            *end++ = value[i];
        } else {
            *end++ = '%';
            *end++ = digits[c >> 4];
            *end++ = digits[c & 15];
        }
    }
    end_form(writer, end);
}

static void add_escaped(struct writer *writer, const char *value, size_t length,
                        const char *escaped)
{
    char *end = writer->next;

    for (size_t i = 0; i < length; i++) {
        if (value[i] == '\n') {
            *end++ = '\\';
            *end++ = 'n';
            continue;
        }
        if (strchr(escaped, value[i])) {
            *end++ = '\\';
        }
        *end++ = value[i];
    }
    end_form(writer, end);
}

/* The characters that the bytes alone decide, when they begin a group: three bytes are four
 * characters; of what is left over, the last character depends on what follows. */
static void add_base64(struct writer *writer, const char *value, size_t length,
                       const char *characters)
{
    const unsigned char *bytes = (const unsigned char *)value;
    char *end = writer->next;
    size_t bits = length * 8 / 6;

    for (size_t i = 0; i < bits; i++) {
        size_t bit = i * 6;
        unsigned two = (unsigned)bytes[bit / 8] << 8;

        two |= bit / 8 + 1 < length ? bytes[bit / 8 + 1] : 0U;
        *end++ = characters[two >> (10 - bit % 8) & 63U];
    }
    end_form(writer, end);
}

static void add_forms(struct writer *writer, const char *value, size_t length)
{
    memcpy(writer->next, value, length);
    end_form(writer, writer->next + length);
    add_url(writer, value, length);
    add_escaped(writer, value, length, "\"\\");
    add_escaped(writer, value, length, "\"\\/");
    for (size_t skipped = 0; skipped < 3; skipped++) {
        add_base64(writer, value + skipped, length - skipped, alphabet);
        add_base64(writer, value + skipped, length - skipped, url_alphabet);
    }
}

static size_t trim(const char **value)
{
    size_t length;

    *value += strspn(*value, BLANK);
    length = strlen(*value);
    while (length > 0 && strchr(BLANK, (*value)[length - 1])) {
        length--;
    }
    return length;
}

size_t redact_size(const struct redact_key *keys, size_t count)
{
    size_t size = count * FORMS_EACH * sizeof(struct redact_form);

    for (size_t i = 0; i < count; i++) {
        const char *value = keys[i].value;

        size += 3 * FORMS_EACH * trim(&value); /* no form is longer than three times the key */
    }
    return size;
}

void redact_init(struct redact *redact, void *memory, const struct redact_key *keys, size_t count)
{
    struct writer writer = {.redact = redact};

    *redact = (struct redact){.forms = memory};
    writer.next = (char *)memory + count * FORMS_EACH * sizeof(struct redact_form);
    for (size_t i = 0; i < count; i++) {
        const char *value = keys[i].value;
        size_t length = trim(&value);

        writer.name = keys[i].name;
        if (length >= REDACT_KEY_BYTES_MIN) {
            add_forms(&writer, value, length);
        }
    }
}

/* ---- streams ---- */

/* What is held, and behind it the new piece, as one text. */
struct view {
    const char *held;
    size_t held_length;
    const char *bytes;
    size_t length; /* of both */
    bool is_last;  /* nothing comes behind it */
};

static char byte_at(const struct view *view, size_t position)
{
    return position < view->held_length ? view->held[position]
                                        : view->bytes[position - view->held_length];
}

/* How many bytes at the position are like the form's. */
static size_t common_length(const struct view *view, size_t position,
                            const struct redact_form *form)
{
    size_t length = 0;

    while (length < form->length && position + length < view->length &&
           byte_at(view, position + length) == form->bytes[length]) {
        length++;
    }
    return length;
}

/* The longest form that is there; *ret_is_open: a longer one may still come. */
static const struct redact_form *find_form(const struct redact *redact, const struct view *view,
                                           size_t position, bool *ret_is_open)
{
    const struct redact_form *best = NULL;
    size_t open_length = 0;

    for (size_t i = 0; i < redact->form_count; i++) {
        const struct redact_form *form = &redact->forms[i];
        size_t length = common_length(view, position, form);

        if (length == form->length && (!best || length > best->length)) {
            best = form;
        } else if (length < form->length && position + length == view->length && !view->is_last &&
                   form->length > open_length) {
            open_length = form->length;
        }
    }
    *ret_is_open = open_length > (best ? best->length : 0);
    return best;
}

static void write_part(const struct view *view, size_t from, size_t to, redact_write write,
                       void *context)
{
    if (from < view->held_length && from < to) {
        size_t end = to < view->held_length ? to : view->held_length;

        write(context, view->held + from, end - from);
        from = end;
    }
    if (from < to) {
        write(context, view->bytes + (from - view->held_length), to - from);
    }
}

static void hold(struct redact_stream *stream, const struct view *view, size_t from)
{
    size_t kept = from < view->held_length ? view->held_length - from : 0;
    size_t skipped = from > view->held_length ? from - view->held_length : 0;
    size_t added = view->length - view->held_length - skipped;

    if (kept > 0) {
        memmove(stream->held, stream->held + from, kept);
    }
    if (added > 0) {
        memcpy(stream->held + kept, view->bytes + skipped, added);
    }
    stream->held_length = kept + added;
}

static void filter(struct redact_stream *stream, const struct view *view, redact_write write,
                   void *context)
{
    size_t position = 0;
    size_t written = 0;

    while (position < view->length) {
        const struct redact_form *form;
        bool is_open;

        if (!stream->redact->first[(unsigned char)byte_at(view, position)]) {
            position++;
            continue;
        }
        form = find_form(stream->redact, view, position, &is_open);
        if (is_open) {
            break;
        }
        if (form) {
            write_part(view, written, position, write, context);
            write(context, WORD, sizeof(WORD) - 1);
            write(context, form->name, strlen(form->name));
            write(context, "]", 1);
        }
        position += form ? form->length : 1;
        written = form ? position : written;
    }
    write_part(view, written, position, write, context);
    hold(stream, view, position);
}

void redact_add(struct redact_stream *stream, const char *bytes, size_t length, redact_write write,
                void *context)
{
    const struct view view = {.held = stream->held,
                              .held_length = stream->held_length,
                              .bytes = bytes,
                              .length = stream->held_length + length};

    if (stream->redact->longest > 0) {
        filter(stream, &view, write, context);
    } else if (length > 0) {
        write(context, bytes, length);
    }
}

void redact_end(struct redact_stream *stream, redact_write write, void *context)
{
    const struct view view = {.held = stream->held,
                              .held_length = stream->held_length,
                              .bytes = "",
                              .length = stream->held_length,
                              .is_last = true};

    if (stream->held_length > 0) {
        filter(stream, &view, write, context);
    }
}

/* ---- the environment ---- */

static const char *find_value(char *const *environment, const char *name, size_t length)
{
    for (; *environment; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') {
            return *environment + length + 1;
        }
    }
    return NULL;
}

const char *redact_find_names(char *const *environment)
{
    return find_value(environment, REDACT_VARIABLE, sizeof(REDACT_VARIABLE) - 1);
}

size_t redact_find_keys(char *const *environment, char *names, struct redact_key *ret_keys)
{
    size_t count = 0;

    while (*(names += strspn(names, " ")) && count < REDACT_KEYS_MAX) {
        size_t length = strcspn(names, " ");
        const char *value = find_value(environment, names, length);
        char *next = names + length + (names[length] ? 1 : 0);

        names[length] = '\0';
        if (value) {
            ret_keys[count++] = (struct redact_key){names, value};
        }
        names = next;
    }
    return count;
}

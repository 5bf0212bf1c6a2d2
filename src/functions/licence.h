/* SPDX-License-Identifier: MIT */
/* Licences by their SPDX names, and by marks in their texts. */
#ifndef FERMATA_FUNCTIONS_LICENCE_H
#define FERMATA_FUNCTIONS_LICENCE_H

#include <stdbool.h>
#include <stddef.h>

/* What it asks of whoever passes the code on. */
enum licence_kind { LICENCE_PERMISSIVE, LICENCE_WEAK_COPYLEFT, LICENCE_COPYLEFT, LICENCE_OTHER };

/* The SPDX name of a licence by its text; NULL: not one that is known here. */
const char *licence_of_text(const char *text, size_t length);
/* Of an SPDX name, with or without -only, -or-later and +; LICENCE_OTHER when unknown. */
enum licence_kind licence_kind_of(const char *name);
const char *licence_kind_word(enum licence_kind kind);
/* The same licence, whatever versions later may be chosen: "GPL-2.0+" and "GPL-2.0-or-later". */
bool licence_is_same(const char *left, const char *right);
/* LICENSE, COPYING.txt, LICENSES/MIT.txt, ... */
bool licence_is_file(const char *path);

#endif

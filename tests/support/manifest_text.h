/* SPDX-License-Identifier: MIT */
/* Manifests of packages in tests. */
#ifndef FERMATA_TESTS_MANIFEST_TEXT_H
#define FERMATA_TESTS_MANIFEST_TEXT_H

/* What the parser for a file of this name finds in the text: "name version line" of each, "dev"
 * behind those that only build or test. */
void assert_manifest(const char *file, const char *text, const char *expected);

#endif

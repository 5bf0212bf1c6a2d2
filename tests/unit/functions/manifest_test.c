/* SPDX-License-Identifier: MIT */
#include "functions/manifest.h"

#include "support/manifest_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void manifests_are_known_by_their_names(void **state)
{
    (void)state;
    assert_string_equal(manifest_kind_of("a/b/package.json")->ecosystem, "npm");
    assert_string_equal(manifest_kind_of("requirements-dev.txt")->ecosystem, "pip");
    assert_null(manifest_kind_of("requirements.md"));
    assert_null(manifest_kind_of("my-package.json"));
}

static void go_and_pip(void **state)
{
    (void)state;
    assert_manifest("go.mod",
                    "module x\n\ngo 1.22\nrequire a.b/c v1.2.3\nrequire (\n\td.e/f v0.1.0\n"
                    "\tg.h/i v1.0.0 // indirect\n)\n",
                    "a.b/c v1.2.3 4\nd.e/f v0.1.0 6\n");
    assert_manifest(
        "requirements.txt",
        "# x\nflask==2.0\nrequests[socks] >= 2 ; python_version > '3'\n-r more.txt\nplain\n",
        "flask ==2.0 2\nrequests >= 2 3\nplain  5\n");
}

static void ruby_gradle_and_maven(void **state)
{
    (void)state;
    assert_manifest(
        "Gemfile", "gem \"rails\", \"~> 7\"\ngem 'puma'\ngroup :test do\n  gem 'rspec', '3'\nend\n",
        "rails ~> 7 1\npuma  2\nrspec 3 4 dev\n");
    assert_manifest(
        "build.gradle",
        "dependencies {\n  implementation 'a.b:c:1.0'\n  testImplementation(\"d:e:2\")\n}\n",
        "a.b:c 1.0 2\nd:e 2 3 dev\n");
    assert_manifest(
        "pom.xml",
        "<version>9</version>\n<dependency>\n <artifactId>a</artifactId>\n"
        " <version>1</version>\n</dependency>\n<dependency>\n <artifactId>b</artifactId>\n"
        " <scope>test</scope>\n</dependency>\n",
        "a 1 3\nb  7 dev\n");
}

static void cmake_and_meson(void **state)
{
    (void)state;
    assert_manifest("CMakeLists.txt", "project(x)\nfind_package(ZLIB 1.2 REQUIRED)\n",
                    "ZLIB 1.2 2\n");
    assert_manifest("meson.build",
                    "x = dependency('zlib', version: '>=1')\ny = declare_dependency('z')\n",
                    "zlib >=1 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests_are_known_by_their_names),
        cmocka_unit_test(go_and_pip),
        cmocka_unit_test(ruby_gradle_and_maven),
        cmocka_unit_test(cmake_and_meson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets output and stderr
# Gates alone: what they would run, what they say, and that they turn red when they have to.

load helper

setup() {
    setup_project
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
}

teardown() {
    teardown_project
}

# proves FILE...: check-tests passes here, and turns red for a planted fault; the project stays as it is
proves() {
    local before
    git init -q . 2>/dev/null
    before=$(git ls-files -co --exclude-standard | LC_ALL=C sort | grep -v '^\.fermata' | xargs -d '\n' sha256sum)
    mkdir -p .fermata
    echo 'gates: { tests: { commands: [{ use: check-tests }] } }' >.fermata/config.yaml
    run_apart fermata gate tests --prove --json
    [ "$status" -eq 0 ] || {
        echo "$output" "$stderr"
        return 1
    }
    [ "$(json 'd["proofs"][0]["verdict"]' <<<"$output")" = proven ]
    [ "$(json 'd["proofs"][0]["control"]["verdict"]' <<<"$output")" = pass ]
    [ "$before" = "$(git ls-files -co --exclude-standard | LC_ALL=C sort | grep -v '^\.fermata' | xargs -d '\n' sha256sum)" ]
    [ -z "$(ls "$TMPDIR")" ]
}

c_sources() {
    echo 'int add(int a, int b); int add(int a, int b) { return a + b; }' >add.c
    cat >add_test.c <<'END'
#include <stdio.h>
int add(int a, int b);
int main(void)
{
    int bad = add(1, 2) != 3;
    printf("%d passed, %d failed\n", !bad, bad);
    return bad;
}
END
}

@test "make: the tests' gate turns red" {
    c_sources
    printf 'test: add_test\n\t./add_test\nadd_test: add.c add_test.c\n\t$(CC) -o $@ add.c add_test.c\n' >Makefile
    echo add_test >.gitignore
    proves
}

@test "CMake: the tests' gate turns red, and builds what it tests" {
    c_sources
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.13)
project(add C)
enable_testing()
add_executable(add_test add.c add_test.c)
add_test(NAME add COMMAND add_test)
END
    echo build >.gitignore
    cmake -S . -B build >/dev/null
    proves
    cmake --build build >/dev/null
    sed -i 's/a + b/a - b/' add.c
    run_apart fermata gate tests
    [ "$status" -eq 1 ]
    [[ $output == *"check-tests: fail"* ]]
}

@test "Meson: the tests' gate turns red" {
    c_sources
    printf "project('add', 'c')\ntest('add', executable('add_test', 'add.c', 'add_test.c'))\n" >meson.build
    echo build >.gitignore
    meson setup build >/dev/null
    proves
}

@test "Python with unittest and with pytest: the tests' gate turns red" {
    echo '[project]' >pyproject.toml
    mkdir tests
    printf 'import unittest\n\n\nclass One(unittest.TestCase):\n    def test_one(self):\n        self.assertEqual(1, 1)\n' >test_one.py
    echo __pycache__ >.gitignore
    proves
    rm test_one.py
    printf '[pytest]\ntestpaths = tests\n' >pytest.ini
    printf 'def test_one():\n    assert 1 == 1\n' >tests/test_one.py
    proves
}

@test "bats: the tests' gate turns red" {
    printf '#!/usr/bin/env bats\n@test "one" {\n    true\n}\n' >one.bats
    proves
}

@test "Perl: the tests' gate turns red" {
    mkdir t
    printf 'use Test::More tests => 1;\nok(1);\n' >t/one.t
    proves
}

@test "PHP: the tests' gate turns red" {
    mkdir tests
    echo '<?xml version="1.0"?><phpunit><testsuites><testsuite name="all"><directory>tests</directory></testsuite></testsuites></phpunit>' >phpunit.xml
    echo '<?php class OneTest extends PHPUnit\Framework\TestCase { public function testOne(): void { $this->assertTrue(true); } }' >tests/OneTest.php
    echo .phpunit.result.cache >.gitignore
    proves
}

@test "Ruby: the tests' gate turns red" {
    mkdir spec
    echo '--format documentation' >.rspec
    printf 'RSpec.describe "one" do\n  it("holds") { expect(1).to eq(1) }\nend\n' >spec/one_spec.rb
    proves
}

@test "Node: the tests' gate turns red" {
    # Debian's npm brings some 400 packages with it: too many for one case, so install-deps leaves it out.
    command -v npm >/dev/null || skip "npm is not installed"
    echo '{ "name": "one", "scripts": { "test": "node --test" } }' >package.json
    printf 'const { test } = require("node:test");\ntest("one", () => {});\n' >one.test.js
    proves
}

@test "a gate that cannot turn red is called worthless" {
    mkdir -p .fermata
    echo 'gates: { blind: { commands: [{ name: looks, run: sh run.sh }, { name: sleeps, run: "true" }] } }' >.fermata/config.yaml
    echo 'echo run' >run.sh
    run_apart fermata gate blind --prove
    [ "$status" -eq 1 ]
    [[ $output == *"looks: proven"* ]]
    [[ $output == *"sleeps: worthless"*"it passes with each of "*"- "* ]]
    fits_80_columns <<<"$output"
    run_apart fermata gate blind
    [ "$status" -eq 0 ]
    [[ $output == *"looks: pass"*"sleeps: pass"* ]]
}

@test "the list shows what was found and what is missing, and the configuration changes it" {
    printf 'lint:\n\ttrue\n' >Makefile
    run_apart fermata gate
    [ "$status" -eq 0 ]
    [[ $output == *"pre-commit  (built in)"*"check-lint"*"make lint"*"hint: "* ]]
    fits_80_columns <<<"$output"
    mkdir -p .fermata
    echo 'gates: { pre-commit: { commands: [{ run: make lint }] } }' >.fermata/config.yaml
    run_apart fermata gate pre-commit
    [ "$status" -eq 0 ]
    run_apart fermata gate
    [[ $output == *"pre-commit  (configuration)"* ]]
}

@test "a wrong name or a proof of nothing is refused" {
    run_apart fermata gate pre-comit
    [ "$status" -eq 6 ]
    [[ $stderr == *"did you mean pre-commit?"* ]]
    run_apart fermata gate --prove
    [ "$status" -eq 2 ]
}

@test "a copy that a killed proof left is removed by the next one" {
    mkdir -p .fermata
    echo 'gates: { slow: { commands: [{ run: "mkfifo pipe; echo \"$PPID $PWD\" >\"$HOME/where\"; cat pipe" }] } }' >.fermata/config.yaml
    echo 'echo run' >run.sh
    fermata gate slow --prove >/dev/null 2>&1 &
    wait_until test -s "$HOME/where"
    read -r process where <"$HOME/where"
    kill -9 "$process"
    wait "$!" || true
    [ -e "$where" ]
    echo 'gates: { slow: { commands: [{ run: "sh run.sh" }] } }' >.fermata/config.yaml
    run_apart fermata gate slow --prove
    [ "$status" -eq 0 ]
    [ ! -e "$where" ]
}

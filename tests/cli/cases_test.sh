#!/bin/bash
# SPDX-License-Identifier: MIT
# The runner of the .bats files itself: a case that fails anywhere has failed, and shows where.
set -u
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
echo 'helper() { echo helping; [ 1 -eq 2 ]; }' >"$folder/helper.bash"
cat >"$folder/x.bats" <<'END'
load helper
setup() {
    echo "$BATS_TEST_DIRNAME" >"$BATS_TEST_TMPDIR/setup"
    [ ! -e "$BATS_TEST_DIRNAME/no-setup" ]
}
teardown() {
    [ -e "$BATS_TEST_TMPDIR/setup" ]
    [ ! -e "$BATS_TEST_TMPDIR/left" ]
}
@test "all is well" {
    run false
    [ "$status" -eq 1 ]
    run ! helper
    [ "$output" = helping ]
    LEFT=1
}
@test "skipped" {
    skip "not today"
    false
}
@test "in a helper" {
    echo printed
    helper
    echo never
}
@test "wrongly well" {
    run ! true
}
@test "exit" {
    exit 0
}
@test "not taken back" {
    [ -z "${LEFT-}" ]
    touch "$BATS_TEST_TMPDIR/left"
}
END
failed=0 number=0
# expect NAME TEXT PATTERN...
expect() {
    local name=$1 text=$2 pattern mark=
    shift 2
    for pattern; do
        # shellcheck disable=SC2053 # a pattern
        [[ $text == $pattern ]] || mark='not '
    done
    number=$((number + 1))
    echo "${mark}ok $number - $name"
    [ -z "$mark" ] || {
        failed=1
        printf '# %s\n' "${text//$'\n'/$'\n# '}"
    }
}
echo 1..4
runner=${0%/*}/../../tools/run-cases
text=$("$runner" "$folder/x.bats") && failed=1
cases=$(grep -E '^(ok|not ok|1)' <<<"$text")
expect "what fails anywhere has failed, and nothing else" "$cases" '1..6
ok 1 all is well
ok 2 skipped # skip not today
not ok 3 in a helper
not ok 4 wrongly well
not ok 5 exit
not ok 6 not taken back'
expect "it shows the command, the output and how it came there" "$text" \
    '*# status 1: \[ 1 -eq 2 ]*' '*# printed*# helping*' '*+x.bats:23: helper*' '!(*# never*)'
text=$("$runner" "$folder/x.bats" -f '^all')
expect "one by its name" "$?:$text" '0:1..1
ok 1 all is well'
touch "$folder/no-setup"
text=$("$runner" "$folder/x.bats" -f '^all') && failed=1
expect "without its setup it has failed" "$text" '*not ok 1 all is well*'
exit $failed

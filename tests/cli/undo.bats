#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What undo brings back, kind by kind; and where it cannot: nothing is half done, it says why, and
# the same undo goes well as soon as it can.

bats_require_minimum_version 1.5.0
load helper

setup() {
    setup_project
    mkdir -p .fermata
}

teardown() {
    chmod -R u+rwx "$PROJECT" 2>/dev/null || true
    if [ -n "${MOUNTED-}" ]; then
        cd / && umount -l "$MOUNTED"
    fi
    teardown_project
}

# edited <<script: an agent that does this, and its run
edited() {
    { echo 'cat >/dev/null'; cat; echo 'echo done'; } >"$BATS_TEST_TMPDIR/agent"
    printf 'agents:\n  editor: { type: command, command: [bash, %s/agent] }\n' "$BATS_TEST_TMPDIR" >.fermata/config.yaml
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: editor, prompt: go, retry: { attempts: 1 } }] }] }'
    fermata run -w w
}

# Of everything but git's and ours: the bytes of its name, what it is, its mode, its content.
state() {
    python3 -IS - "$PROJECT" <<'EOF'
import hashlib, os, stat, sys
root = os.fsencode(sys.argv[1])
for folder, folders, files in os.walk(root):
    folders[:] = sorted(f for f in folders if not (folder == root and f in (b".git", b".fermata")))
    for name in sorted(folders + files):
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        what = "folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else oct(stat.S_IMODE(mode))
        data = os.readlink(path) if what == "link" else b"" if what == "folder" else open(path, "rb").read()
        print(os.path.relpath(path, root), what, hashlib.sha256(data).hexdigest()[:16])
EOF
}

# As somebody whom permissions hold back, also where the tests run as root.
plainly() {
    local drop=-dac_override,-dac_read_search

    if [ "$(id -u)" -eq 0 ]; then
        setpriv --bounding-set="$drop" --inh-caps="$drop" "$@"
    else
        "$@"
    fi
}

@test "undo brings back each kind of file, of mode, of link and of name, byte for byte" {
    git init -q .
    printf '*.o\nbuilt/\n.fermata\n' >.gitignore
    printf 'tracked' >tracked && printf 'deleted\n' >deleted
    git add -A && git -c user.name=a -c user.email=a@b commit -qm first
    printf 'changed, not committed\0\xff\xfe' >tracked
    printf 'untracked' >untracked && : >empty && printf 'ignored' >x.o
    mkdir -p built/deep full only && printf 'object' >built/deep/y.o && printf 'a' >full/a && printf 'b' >only/one
    printf 'x' >$'new\nline' && printf 'y' >$'\xff\xfe not utf-8' && printf 'z' >-dash && printf 'q' >'"quoted" \t'
    printf 'sp' >' space ' && head -c 3000000 /dev/urandom >large
    for mode in 400 600 640 755 777 711 4755 2755; do
        printf '%s' "$mode" >"mode$mode" && chmod "$mode" "mode$mode"
    done
    ln -s tracked link && ln -s /nonexistent/$'\xff' dangling && ln -s full to-folder
    state >"$BATS_TEST_TMPDIR/before"
    edited <<'EOF'
rm -rf deleted untracked full only built link dangling
for f in tracked empty x.o large mode*; do chmod u+w "$f"; echo more >>"$f"; chmod 666 "$f"; done
rm -f -- *line *utf-8 -dash *quoted* ' space '
printf 'a file now' >full; mkdir -p link/er && echo x >link/er/x; rm to-folder && echo 'no link' >to-folder
ln -s tracked only; mkdir -p fresh/folder $'fresh\n' && echo new >fresh/folder/file && echo new >$'fresh\n/\xfd'
rm x.o && mkdir x.o && echo y >x.o/y
EOF
    state >"$BATS_TEST_TMPDIR/after"
    [ "$(comm -12 <(sort "$BATS_TEST_TMPDIR/before") <(sort "$BATS_TEST_TMPDIR/after") | sed 's/ .*//' | tr '\n' ' ')" = "b'.gitignore' " ]
    fermata undo last
    state | diff "$BATS_TEST_TMPDIR/before" -
    fermata undo last --back
    state | diff "$BATS_TEST_TMPDIR/after" -
    fermata undo last
    state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "what an agent forges, removes or plants beside its attempts is not believed by diff, undo and gc" {
    local forged note
    printf one >file
    edited <<'EOF'
printf two >file
cd .fermata/workflows/*/attempts/s.1
cp snapshot.json "$BATS_TEST_TMPDIR/real"
# As if it had been so before; and an undo of which nobody knows.
printf '{"before":"%064d","after":"%064d"}' 0 0 >snapshot.json
mkdir -p ../../undo/1 && printf '{"changes":"%064d"}' 0 >../../undo/1/snapshot.json
EOF
    for forged in '' '{}' '{"unknown":"nothing"}' '{"merge":"0"}' "$(<"$BATS_TEST_TMPDIR/real")"; do
        note=$(echo .fermata/workflows/wf_*/attempts/s.1)/snapshot.json
        [ -n "$forged" ] && printf '%s' "$forged" >"$note" || rm "$note"
        [[ $(fermata diff last) == *"-one"*"+two"* ]]
    done
    rm -r .fermata/workflows/wf_*/attempts
    fermata gc --older-than 30d >/dev/null
    fermata undo last >/dev/null
    [ "$(<file)" = one ]
    fermata undo last --back >/dev/null
    [ "$(<file)" = two ]
}

@test "empty folders count as nothing: none is brought back, and one is left that held nothing of the step" {
    mkdir -p kept removed outer/inner
    echo x >file
    edited <<<'rmdir removed outer/inner; echo y >file; echo z >file.new'
    fermata undo last
    [[ -d kept && -d outer ]]
    [[ ! -e removed && ! -e file.new ]]
    [ "$(cat file)" = x ]
}

@test "where a folder may not be written to, undo says so and does nothing, and goes well when it may" {
    mkdir -p locked/deep open
    echo one >locked/deep/file && echo two >open/file && echo three >top
    state >"$BATS_TEST_TMPDIR/before"
    edited <<<'echo agent | tee locked/deep/file locked/deep/new open/file top >/dev/null; rm -r open'
    state >"$BATS_TEST_TMPDIR/after"
    for folder in locked/deep .; do
        chmod 555 "$folder"
        run_apart plainly "$FERMATA" undo last
        [ "$status" -eq 1 ]
        [[ $stderr == *"nothing was done, for "*"cannot be written: Permission denied"* ]]
        chmod 755 "$folder"
        state | diff "$BATS_TEST_TMPDIR/after" -
    done
    plainly "$FERMATA" undo last
    state | diff "$BATS_TEST_TMPDIR/before" -
    chmod 555 locked/deep
    run_apart plainly "$FERMATA" undo last --back
    [ "$status" -eq 1 ]
    chmod 755 locked/deep
    state | diff "$BATS_TEST_TMPDIR/before" -
    plainly "$FERMATA" undo last --back
    state | diff "$BATS_TEST_TMPDIR/after" -
}

@test "a file that may not be read is named, and nothing is done until it may" {
    echo one >file && echo two >other
    state >"$BATS_TEST_TMPDIR/before"
    edited <<<'echo agent >file; echo agent >other'
    chmod 000 file
    run_apart plainly "$FERMATA" undo last
    [ "$status" -eq 1 ]
    [[ $stderr == *file*"Permission denied"* ]]
    [ "$(cat other)" = agent ]
    chmod 644 file
    plainly "$FERMATA" undo last
    state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "where the store of snapshots may not be read, undo says so and does nothing" {
    echo one >file
    edited <<<'echo agent >file'
    find .fermata/snapshots -mindepth 1 -type d -exec chmod 000 {} + || true
    run_apart plainly "$FERMATA" undo last
    [ "$status" -eq 1 ]
    [[ $stderr == *"Permission denied"* ]]
    [ "$(cat file)" = agent ]
    find .fermata/snapshots -mindepth 1 -maxdepth 1 -type d -exec chmod 755 {} +
    find .fermata/snapshots -type d -exec chmod 755 {} +
    plainly "$FERMATA" undo last
    [ "$(cat file)" = one ]
}

@test "on a full disk an undo ends with a word why, brings what it began to its end when there is room, and is whole" {
    [ "$(id -u)" -eq 0 ] || skip "only root may mount"
    mount -t tmpfs -o size=8m tmpfs "$PROJECT" || skip "no tmpfs can be mounted here"
    MOUNTED=$PROJECT
    cd "$PROJECT"
    mkdir .fermata
    for n in 1 2 3 4 5 6; do
        head -c 150000 /dev/urandom >"file$n"
    done
    state >"$BATS_TEST_TMPDIR/before"
    edited <<<'for n in 1 2 3 4 5 6; do echo agent >file$n; done; echo new >made'
    state >"$BATS_TEST_TMPDIR/after"
    dd if=/dev/zero of=.fermata/ballast bs=4096 2>/dev/null || true
    for _ in 1 2; do
        run_apart fermata undo last
        [ "$status" -eq 5 ] || [ "$status" -eq 1 ]
        [[ $stderr == *"No space left on device"* || $stderr == *"full"* ]]
        # Each file is one or the other.
        state >"$BATS_TEST_TMPDIR/now"
        [ -z "$(grep -vxFf "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/now" | grep -vxFf "$BATS_TEST_TMPDIR/after" | grep -v '^b.\.fermata-restored')" ]
    done
    rm .fermata/ballast
    fermata undo last
    state | diff "$BATS_TEST_TMPDIR/before" -
    fermata undo last --back
    state | diff "$BATS_TEST_TMPDIR/after" -
}

/* SPDX-License-Identifier: MIT */
/* hostile BEHAVIOUR [TOKEN]: a program that does what no step should. tests/cli/hostile.py says how
 * a step ends that does it. TOKEN is only there to be seen in /proc/PID/cmdline.
 *
 * Everything is bounded: a Fermata that fails must not take the machine with it, and nothing here
 * outlives EVER_SECONDS. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVER_SECONDS 60
#define BLOCK_SIZE 65536
#define STACK_SIZE 65536
#define MEBI (1024LL * 1024)

static char **arguments;
static const char *folder; /* of the attempt */

static void wait_for_ever(void)
{
    (void)alarm(EVER_SECONDS);
    for (;;) {
        (void)pause();
    }
}

static void ignore_signals(void)
{
    for (int number = 1; number < 32; number++) {
        if (number != SIGALRM && number != SIGCHLD) {
            (void)signal(number, SIG_IGN);
        }
    }
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* Returns when the process is a daemon: false in whoever called, true in the daemon. */
static bool become_daemon(void)
{
    pid_t middle = fork();

    if (middle == 0) {
        (void)setsid();
        if (fork() == 0) {
            (void)setsid();
            ignore_signals();
            return true;
        }
        _exit(0);
    }
    (void)waitpid(middle, NULL, 0);
    return false;
}

static void start_daemons(int count)
{
    for (int i = 0; i < count; i++) {
        if (become_daemon()) {
            wait_for_ever();
        }
    }
}

static void write_block(const char *block, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, block, length);

        if (written < 0 && errno != EINTR) {
            _exit(1);
        }
        block += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
}

static void write_bytes(long long bytes, const char *pattern, size_t pattern_length)
{
    static char block[BLOCK_SIZE];

    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = pattern[i % pattern_length];
    }
    for (; bytes > 0; bytes -= (long long)sizeof(block)) {
        write_block(block, bytes < (long long)sizeof(block) ? (size_t)bytes : sizeof(block));
    }
}

/* A file of the attempt's folder with this content, instead of whatever is there. */
static void plant_file(const char *name, const char *text)
{
    int place = open(folder, O_RDONLY | O_DIRECTORY);
    int fd;

    (void)unlinkat(place, name, 0);
    fd = openat(place, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        _exit(90);
    }
    (void)close(fd);
    (void)close(place);
}

static void plant_fifo(const char *name)
{
    int place = open(folder, O_RDONLY | O_DIRECTORY);

    (void)unlinkat(place, name, 0);
    if (mkfifoat(place, name, 0600) < 0) {
        _exit(90);
    }
    (void)close(place);
}

static void plant_link(const char *name, const char *target)
{
    int place = open(folder, O_RDONLY | O_DIRECTORY);

    (void)unlinkat(place, name, 0);
    if (symlinkat(target, place, name) < 0) {
        _exit(90);
    }
    (void)close(place);
}

static const char forged_exit[] =
    "{\"version\":1,\"status\":0,\"signal\":0,\"timed_out\":false,\"stopped\":false,"
    "\"start_error\":\"\",\"start_errno\":0,\"started_at_ms\":1,\"ended_at_ms\":2,\"user_ms\":0,"
    "\"system_ms\":0,\"memory_bytes_max\":0,\"stdout_bytes\":0,\"stderr_bytes\":0,"
    "\"output_error\":\"\",\"leftovers\":0,\"survivors\":0}\n";

/* ---- processes ---- */

/* Every process forks as fast as it can: some 800 at most. */
static int fork_bomb(void)
{
    ignore_signals();
    for (int generation = 0; generation < 3; generation++) {
        for (int i = 0; i < 8; i++) {
            if (fork() == 0) {
                (void)setsid();
                i = -1;
                if (++generation == 3) {
                    break;
                }
            }
        }
    }
    wait_for_ever();
    return 0;
}

static int daemonise(void)
{
    start_daemons(3);
    return 0;
}

static int daemonise_and_wait(void)
{
    start_daemons(3);
    wait_for_ever();
    return 0;
}

static int session_chain(void)
{
    ignore_signals();
    for (int depth = 0; depth < 12 && fork() == 0; depth++) {
        (void)setsid();
    }
    wait_for_ever();
    return 0;
}

static int ignore_term(void)
{
    ignore_signals();
    wait_for_ever();
    return 0;
}

static int stop_itself(void)
{
    (void)alarm(EVER_SECONDS);
    while (raise(SIGSTOP) == 0) {
    }
    return 0;
}

static int stubborn_children(void)
{
    for (int i = 0; i < 20; i++) {
        if (fork() == 0) {
            ignore_signals();
            wait_for_ever();
        }
    }
    wait_for_ever();
    return 0;
}

static int zombies(void)
{
    for (int i = 0; i < 500; i++) {
        if (fork() == 0) {
            _exit(0);
        }
    }
    return 0;
}

static int exec_loop(void)
{
    (void)signal(SIGTERM, SIG_IGN);
    if (!getenv("HOSTILE_SINCE")) {
        char now[32];

        (void)snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
        (void)setenv("HOSTILE_SINCE", now, 1);
    }
    if (time(NULL) - strtoll(getenv("HOSTILE_SINCE"), NULL, 10) > EVER_SECONDS) {
        return 0;
    }
    (void)execv("/proc/self/exe", arguments);
    return 1;
}

static int hang_in_vfork(void *unused)
{
    (void)unused;
    ignore_signals();
    wait_for_ever();
    return 0;
}

static int vfork_hang(void)
{
    char *stack = malloc(STACK_SIZE);

    ignore_signals();
    return stack ? clone(hang_in_vfork, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL)
                 : 1;
}

static int traced_child(void)
{
    if (fork() == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        for (;;) {
            (void)raise(SIGSTOP);
        }
    }
    wait_for_ever();
    return 0;
}

static void *run_thread(void *unused)
{
    (void)unused;
    wait_for_ever();
    return NULL;
}

/* The process looks like a zombie, and is not. */
static int dead_leader(void)
{
    pthread_t thread;

    ignore_signals();
    (void)pthread_create(&thread, NULL, run_thread, NULL);
    pthread_exit(NULL);
}

static int rename_itself(void)
{
    ignore_signals();
    (void)prctl(PR_SET_NAME, "x) Z 1 ((\n");
    wait_for_ever();
    return 0;
}

static int own_subreaper(void)
{
    if (fork() == 0) {
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
        start_daemons(3);
        _exit(0);
    }
    (void)wait(NULL);
    return 0;
}

static int own_namespace(void)
{
    if (unshare(CLONE_NEWPID) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0) {
        return 77;
    }
    if (fork() == 0) {
        start_daemons(3);
        ignore_signals();
        wait_for_ever();
    }
    wait_for_ever();
    return 0;
}

static int change_user(void)
{
    ignore_signals();
    (void)setgid(65534);
    (void)(setuid(65534) < 0 && setuid(0) < 0);
    wait_for_ever();
    return 0;
}

static int sleep_on(void)
{
    wait_for_ever();
    return 0;
}

/* ---- ends ---- */

static int crash(void)
{
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
    return 0;
}

static int exit_255(void)
{
    return 255;
}

static int kill_group(void)
{
    (void)kill(0, SIGKILL);
    return 0;
}

/* ---- output ---- */

static int close_output(void)
{
    (void)close(STDOUT_FILENO);
    (void)close(STDERR_FILENO);
    pause_ms(200);
    return 0;
}

static int hold_output(void)
{
    start_daemons(1);
    write_block("done\n", 5);
    return 0;
}

static int write_after_end(void)
{
    if (become_daemon()) {
        (void)alarm(EVER_SECONDS);
        for (;;) {
            write_block("still here\n", 11);
        }
    }
    return 0;
}

static int flood(void)
{
    write_bytes(1024 * MEBI, "0123456789abcde\n", 16);
    return 0;
}

static int endless_line(void)
{
    ignore_signals();
    (void)alarm(EVER_SECONDS);
    write_bytes(INT64_MAX, "x", 1);
    return 0;
}

static int garbage(void)
{
    static const char pattern[] =
        "\0\x1b[2J\x1b]0;title\x07\xff\xfe\xc3\x28\xed\xa0\x80\r\n\x9b\x31m";

    write_bytes(4 * MEBI, pattern, sizeof(pattern) - 1);
    return 0;
}

static int tiny_writes(void)
{
    for (int i = 0; i < 500000; i++) {
        write_block(i % 80 == 79 ? "\n" : ".", 1);
    }
    return 0;
}

static int trickle(void)
{
    for (int i = 0; i < EVER_SECONDS * 50; i++) {
        write_block("x", 1);
        pause_ms(20);
    }
    return 0;
}

/* ---- files ---- */

static int many_files(void)
{
    char name[32];

    for (int i = 0; i < 20000; i++) {
        (void)snprintf(name, sizeof(name), "many.%d", i);
        (void)close(open(name, O_WRONLY | O_CREAT, 0600));
    }
    return 0;
}

static int many_descriptors(void)
{
    struct rlimit limit;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    wait_for_ever();
    return 0;
}

static int fill_disk(void)
{
    static char block[BLOCK_SIZE];
    const struct rlimit limit = {16 * MEBI, 16 * MEBI};
    int fd = open("filled", O_WRONLY | O_CREAT, 0600);

    (void)setrlimit(RLIMIT_FSIZE, &limit);
    while (write(fd, block, sizeof(block)) > 0) {
    }
    return 1;
}

static int close_folder(void)
{
    return chmod(folder, 0) < 0 ? 90 : 0;
}

static int remove_folder(void)
{
    static const char *const names[] = {"spec",          "claim", "stdout", "stderr",
                                        "exit.json.tmp", "stdin", "prompt"};

    if (chdir(folder) < 0) {
        return 90;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(names[i]);
    }
    return rmdir(folder) < 0 ? 91 : 0;
}

static int plant_links(void)
{
    plant_link("stdout.tail", "../../../../../victim");
    plant_link("exit.json.tmp", "../../../../../victim");
    plant_link("exit.json", "../../../../../victim");
    write_bytes(20 * MEBI, "0123456789abcde\n", 16);
    return 0;
}

/* Whoever opens a pipe without asking waits for ever. */
static int plant_pipes(void)
{
    static const char *const names[] = {"stdout", "stdout.tail", "stderr",        "stderr.tail",
                                        "spec",   "claim",       "exit.json.tmp", "exit.json"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        plant_fifo(names[i]);
    }
    write_bytes(20 * MEBI, "0123456789abcde\n", 16);
    pause_ms(400);
    return 0;
}

static int forge_exit(void)
{
    plant_file("exit.json", forged_exit);
    return 3;
}

static int forge_tail(void)
{
    plant_file("stdout.tail",
               "tail 9223372036854775807 9223372036854775807 9223372036854775800 "
               "                                                                   ");
    wait_for_ever();
    return 0;
}

static int steal_claim(void)
{
    plant_file("claim", "given-up\n");
    pause_ms(200);
    return 0;
}

/* ---- the keeper ---- */

static int kill_keeper(void)
{
    start_daemons(3);
    (void)kill(getppid(), SIGKILL);
    wait_for_ever();
    return 0;
}

/* What lives on has no environment, no session and no parent to be known by. */
static int kill_keeper_unseen(void)
{
    char *const nothing[] = {NULL};
    pid_t keeper = getppid();

    if (become_daemon()) {
        char *const daemon[] = {arguments[0], (char[]){"ignore-term"}, arguments[2], NULL};

        (void)execve("/proc/self/exe", daemon, nothing);
        _exit(1);
    }
    pause_ms(100);
    (void)kill(keeper, SIGKILL);
    wait_for_ever();
    return 0;
}

static int forge_exit_and_kill_keeper(void)
{
    start_daemons(3);
    plant_file("exit.json", forged_exit);
    (void)kill(getppid(), SIGKILL);
    wait_for_ever();
    return 0;
}

static int stop_keeper(void)
{
    ignore_signals();
    (void)kill(getppid(), SIGSTOP);
    wait_for_ever();
    return 0;
}

static int keep_keeper_stopped(void)
{
    pid_t keeper = getppid();

    ignore_signals();
    (void)alarm(EVER_SECONDS);
    while (kill(keeper, SIGSTOP) == 0) {
    }
    return 0;
}

static int terminate_keeper(void)
{
    (void)kill(getppid(), SIGTERM);
    wait_for_ever();
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} behaviours[] = {
    {"fork-bomb", fork_bomb},
    {"daemonise", daemonise},
    {"daemonise-and-wait", daemonise_and_wait},
    {"session-chain", session_chain},
    {"ignore-term", ignore_term},
    {"stop-itself", stop_itself},
    {"stubborn-children", stubborn_children},
    {"zombies", zombies},
    {"exec-loop", exec_loop},
    {"vfork-hang", vfork_hang},
    {"traced-child", traced_child},
    {"dead-leader", dead_leader},
    {"rename-itself", rename_itself},
    {"own-subreaper", own_subreaper},
    {"own-namespace", own_namespace},
    {"change-user", change_user},
    {"sleep-on", sleep_on},
    {"crash", crash},
    {"exit-255", exit_255},
    {"kill-group", kill_group},
    {"close-output", close_output},
    {"hold-output", hold_output},
    {"write-after-end", write_after_end},
    {"flood", flood},
    {"endless-line", endless_line},
    {"garbage", garbage},
    {"tiny-writes", tiny_writes},
    {"trickle", trickle},
    {"many-files", many_files},
    {"many-descriptors", many_descriptors},
    {"fill-disk", fill_disk},
    {"close-folder", close_folder},
    {"remove-folder", remove_folder},
    {"plant-links", plant_links},
    {"plant-pipes", plant_pipes},
    {"forge-exit", forge_exit},
    {"forge-tail", forge_tail},
    {"steal-claim", steal_claim},
    {"kill-keeper", kill_keeper},
    {"kill-keeper-unseen", kill_keeper_unseen},
    {"forge-exit-and-kill-keeper", forge_exit_and_kill_keeper},
    {"stop-keeper", stop_keeper},
    {"keep-keeper-stopped", keep_keeper_stopped},
    {"terminate-keeper", terminate_keeper},
};

int main(int argc, char **argv)
{
    arguments = argv;
    folder = getenv("FERMATA_ATTEMPT_FOLDER");
    for (size_t i = 0; argc > 1 && i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
        if (strcmp(behaviours[i].name, argv[1]) == 0) {
            return behaviours[i].run();
        }
    }
    (void)fprintf(stderr, "usage: hostile BEHAVIOUR [TOKEN]\n");
    return 64;
}

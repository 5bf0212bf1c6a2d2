/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/cli.h"
#include "loop/loop.h"
#include "settings.h"
#include "store/store.h"

#include <fcntl.h>
#include <unistd.h>

/* What is opened later must not become one of them. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) {
            _exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    struct settings settings;
    int status;

    open_standard_streams();
    mem_init();
    /* Before any of them is used: out of memory ends the program there too. */
    json_init_memory();
    loop_init_memory();
    store_init_memory();
    settings_load(environ, &settings);
    status = cli_main(&settings.cli, argc, argv);
    settings_release(&settings);
    return status;
}

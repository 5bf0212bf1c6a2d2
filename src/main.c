/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/cli.h"
#include "loop/loop.h"
#include "settings.h"
#include "store/store.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    struct settings settings;
    int status;

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

/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "settings.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    struct settings settings;
    int status;

    settings_load(environ, &settings);
    status = cli_main(&settings.cli, argc, argv);
    settings_release(&settings);
    return status;
}

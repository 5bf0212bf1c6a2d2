/* SPDX-License-Identifier: MIT */
/* The only place that reads the environment. */
#ifndef FERMATA_SETTINGS_H
#define FERMATA_SETTINGS_H

#include "cli/cli.h"

/* Owns what the settings point to. */
struct settings {
    struct cli_settings cli;
    char *cwd;
    char *config_folder;
    char *cache_folder;
    char *self_path;
    char *user;
};

void settings_load(char **environment, struct settings *ret_settings);
void settings_release(struct settings *settings);

#endif

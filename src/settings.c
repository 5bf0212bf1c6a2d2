/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "base/alloc.h"

#include <limits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef FERMATA_VERSION
#error "FERMATA_VERSION comes from the Makefile"
#endif

/* NULL when it is not set or empty. */
static const char *get(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* XDG base directories count only when absolute; else below the home folder. */
static char *xdg_folder(const char *variable, const char *below_home)
{
    const char *base = get(variable);
    const char *home = get("HOME");

    if (base && *base == '/') {
        return mem_printf("%s/fermata", base);
    }
    return home ? mem_printf("%s/%s/fermata", home, below_home) : NULL;
}

static char *self_path(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

    return length > 0 ? mem_strndup(path, (size_t)length) : mem_strdup("fermata");
}

/* The first of LC_ALL, LC_CTYPE, LANG that is set decides. */
static bool is_utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = get(names[i]);

        if (value) {
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
    }
    return false;
}

static int columns(void)
{
    const char *text = get("COLUMNS");
    long value = text ? strtol(text, NULL, 10) : 0;

    return value > 0 && value < 10000 ? (int)value : 0;
}

static bool is_word(const char *name, const char *word)
{
    const char *value = get(name);

    return value && strcmp(value, word) == 0;
}

/* Not getpwuid, which loads libraries and asks servers, at each start, and crashes for want of
 * memory. NULL: only a server knows the name. */
static char *user_of_machine(void)
{
    FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *entry = NULL;
    char *name = NULL;

    while (file && !name && (entry = fgetpwent(file)) != NULL) {
        name = entry->pw_uid == getuid() && *entry->pw_name ? mem_strdup(entry->pw_name) : NULL;
    }
    if (file) {
        (void)fclose(file);
    }
    return name;
}

/* Services and containers often have neither variable; logs still name a person. */
static char *user_name(void)
{
    const char *name = get("LOGNAME");
    char *found;

    name = name ? name : get("USER");
    if (name) {
        return mem_strdup(name);
    }
    found = user_of_machine();
    return found ? found : mem_printf("user %u", (unsigned)getuid());
}

/* The other is that of a tool whose files are read as they are. */
static const char *config_file(void)
{
    const char *file = get("FERMATA_CONFIG");

    return file ? file : get("AI_ORCHESTRATOR_CONFIG_PATH");
}

void settings_load(char **environment, struct settings *ret_settings)
{
    struct settings *settings = ret_settings;

    *settings = (struct settings){
        .cwd = getcwd(NULL, 0),
        .config_folder = xdg_folder("XDG_CONFIG_HOME", ".config"),
        .cache_folder = xdg_folder("XDG_CACHE_HOME", ".cache"),
        .self_path = self_path(),
        .user = user_name(),
    };
    settings->cli = (struct cli_settings){
        .ops =
            {
                .project = get("FERMATA_PROJECT"),
                .config_file = config_file(),
                .cwd = settings->cwd,
                .config_folder = settings->config_folder,
                .cache_folder = settings->cache_folder,
                .keeper = get("FERMATA_KEEP"),
                .self_path = settings->self_path,
                .environment = (const char *const *)environment,
                .user = settings->user,
                .home = get("HOME"),
                .workflow = get("FERMATA_WORKFLOW"),
                .strategy = get("FERMATA_STRATEGY"),
                .offline = get("FERMATA_OFFLINE"),
                .trust = get("FERMATA_TRUST"),
                .log_format = get("FERMATA_LOG_FORMAT"),
                .version = FERMATA_VERSION,
            },
        .in_is_terminal = isatty(STDIN_FILENO) == 1,
        .out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = isatty(STDERR_FILENO) == 1,
        .is_dumb = !get("TERM") || is_word("TERM", "dumb"),
        .no_color = get("NO_COLOR") != NULL,
        .is_utf8 = is_utf8_locale(),
        .columns = columns(),
    };
}

void settings_release(struct settings *settings)
{
    free(settings->cwd);
    free(settings->config_folder);
    free(settings->cache_folder);
    free(settings->self_path);
    free(settings->user);
}

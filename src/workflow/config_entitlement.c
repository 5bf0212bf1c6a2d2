/* SPDX-License-Identifier: MIT */
/* `entitlement`: which tiers of workflows may be started. */
#include "workflow/config_agent.h"

#include <string.h>

static const char *const names[] = {
    [TIER_FREE] = "free",
    [TIER_PRO] = "pro",
    [TIER_TEAM] = "team",
    [TIER_ENTERPRISE] = "enterprise",
};

const char *tier_name(enum tier tier)
{
    return names[tier];
}

bool tier_parse(const char *word, enum tier *ret_tier)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(word, names[i]) == 0) {
            *ret_tier = (enum tier)i;
            return true;
        }
    }
    return false;
}

static void read_tier(const struct reader *reader, const struct yaml_node *map,
                      struct entitlement *entitlement)
{
    const struct yaml_node *word = yaml_find(map, "tier");
    enum tier tier = (enum tier)read_word(LEVEL_ENTITLEMENT, map, "tier", TIER_ENTERPRISE);
    const char *file = reader->problems->file;

    if (word && (!entitlement->tier_file || tier < entitlement->tier)) {
        entitlement->tier = tier;
        entitlement->tier_file = arena_strdup(reader->arena, file ? file : "the configuration");
        entitlement->tier_at = word->at;
    }
}

/* Whom the user's file names is asked, whatever a project says. */
static void read_server(struct reader *reader, const struct yaml_node *map, bool is_project,
                        struct entitlement *entitlement)
{
    const struct yaml_node *command = yaml_find(map, "command");
    size_t count;
    const char *const *argv = read_argv(reader, map, &count);

    if (command && (count == 0 || !*argv[0])) {
        problems_add(reader->problems, command->at, "write it as a list: [program, argument]",
                     "the command of the entitlement names no program");
    } else if (command && entitlement->command_count == 0) {
        entitlement->command = argv;
        entitlement->command_count = count;
        entitlement->is_of_project = is_project;
    }
    if (read_word(LEVEL_ENTITLEMENT, map, "mode", 0) == 1) {
        entitlement->asks_server = true;
        if (entitlement->command_count == 0 && !command) {
            problems_add(reader->problems, yaml_find(map, "mode")->at,
                         "add `command: [program, argument]`, which prints the tier",
                         "`mode: server` of the entitlement asks nobody");
        }
    }
}

void config_read_entitlement(struct reader *reader, const struct yaml_node *root, bool is_project,
                             struct entitlement *entitlement)
{
    const struct yaml_node *map = yaml_find(root, "entitlement");

    if (map) {
        read_tier(reader, map, entitlement);
        read_server(reader, map, is_project, entitlement);
    }
}

/* SPDX-License-Identifier: MIT */
#include "workflow/config_agent.h"

#include <fnmatch.h>
#include <string.h>

void config_read_prices(const struct reader *reader, const struct yaml_node *root,
                        struct price_vec *prices)
{
    const struct yaml_node *map = yaml_find(root, "prices");

    for (size_t i = 0; map && i < map->count; i++) {
        const struct yaml_entry *entry = &map->entries[i];

        if (!entry->is_bad) {
            *VEC_PUSH(prices) = (struct price){
                .model = arena_strdup(reader->arena, entry->key->text),
                .input = read_number(entry->value, "input", -1),
                .cached_input = read_number(entry->value, "cached_input", -1),
                .output = read_number(entry->value, "output", -1),
            };
        }
    }
}

const struct price *config_find_price(const struct config *config, const char *model)
{
    for (size_t i = 0; i < config->price_count; i++) {
        if (strcmp(config->prices[i].model, model) == 0) {
            return &config->prices[i];
        }
    }
    for (size_t i = 0; i < config->price_count; i++) {
        if (fnmatch(config->prices[i].model, model, 0) == 0) {
            return &config->prices[i];
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
/* What agents said against the findings of a fold. An attack can only take away: refute a finding,
 * or make it weigh less. What it does not speak of stays as it was, and is counted. */
#ifndef FERMATA_FUNCTIONS_ATTACK_H
#define FERMATA_FUNCTIONS_ATTACK_H

#include "base/json.h"

/* `attacks`: step id -> {status, error, output}, in their order; the last word on a finding counts.
 * Refuted ones get "refuted_by" and "attack_reason". Puts "attackers" (a row each) and "objections"
 * into the result. */
void attacks_apply(const json_t *attacks, json_t *findings, json_t *result);

#endif

/* SPDX-License-Identifier: MIT */
/* What is done to the runs from outside, and to the clock; see people.c. */
#ifndef FERMATA_SIM_PEOPLE_H
#define FERMATA_SIM_PEOPLE_H

#include <stdbool.h>

struct sim;
struct happening;

#define PLANNED_COMMANDS 10
#define PLANNED_JUMPS 2
/* What will be done to the runs from outside, and to the clock, and when. */
void people_plan(struct sim *sim);
void people_do(struct sim *sim, const struct happening *happening);
void people_react(struct sim *sim, int run, const char *step);
void people_set_clock(struct sim *sim, int jump);
/* When nothing happens any more: somebody looks after the runs. False: all is over. */
bool people_look_after(struct sim *sim);

#endif

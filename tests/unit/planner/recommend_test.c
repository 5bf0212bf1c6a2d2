/* SPDX-License-Identifier: MIT */
#include "planner/recommend.h"

#include "../../support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define PHASES "phases: [{ id: p, steps: [{ id: s, run: x }] }]\n"

static struct repository empty;

static const char *const texts[] = {
    "name: tables\nsuits: { kinds: [migration], words: [column, \"not null\"], surfaces: "
    "[database] }\n" PHASES,
    "name: sides\nsuits: { kinds: [feature], surfaces: [backend, frontend] }\n" PHASES,
    "name: plain\ndescription: Brews coffee for the whole team\n" PHASES,
    "name: never\nsuits: { kinds: [migration], words: [column], unless: [users] }\n" PHASES,
};
#define COUNT (sizeof(texts) / sizeof(texts[0]))

struct ranking {
    struct parsed parsed[COUNT];
    struct recommendation found[COUNT];
    struct analysis analysis;
};

static void rank(struct ranking *ranking, const char *task)
{
    memset(ranking, 0, sizeof(*ranking));
    for (size_t i = 0; i < COUNT; i++) {
        ranking->parsed[i] = parse_clean(texts[i]);
        ranking->found[i].workflow = ranking->parsed[i].workflow;
        ranking->found[i].is_own = true;
    }
    analyze(task, &empty, &ranking->analysis);
    recommend_workflows(&ranking->analysis, ranking->found, COUNT);
}

static void end(struct ranking *ranking)
{
    analysis_release(&ranking->analysis);
    for (size_t i = 0; i < COUNT; i++) {
        parsed_release(&ranking->parsed[i]);
    }
}

static const struct recommendation *find(const struct ranking *ranking, const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(ranking->found[i].workflow->name, name) == 0) {
            return &ranking->found[i];
        }
    }
    return NULL;
}

static void the_best_comes_first_and_its_points_are_its_reasons(void **state)
{
    struct ranking ranking;
    int total = 0;

    (void)state;
    rank(&ranking, "Make the column of the users table NOT NULL");
    assert_string_equal(ranking.found[0].workflow->name, "tables");
    assert_true(ranking.found[0].score >= RECOMMEND_FITS);
    for (size_t i = 0; i < ranking.found[0].why.count; i++) {
        total += ranking.found[0].why.items[i].points;
    }
    assert_int_equal(ranking.found[0].score, total);
    assert_true(find(&ranking, "never")->score < RECOMMEND_FITS);
    end(&ranking);
}

static void what_is_not_touched_speaks_against(void **state)
{
    struct ranking ranking;

    (void)state;
    rank(&ranking, "Add a button to the page");
    assert_true(find(&ranking, "sides")->score < 0);
    end(&ranking);
    rank(&ranking, "Add a button to the page and a handler to the server");
    assert_true(find(&ranking, "sides")->score > 0);
    end(&ranking);
}

static void a_description_speaks_where_nothing_else_does(void **state)
{
    struct ranking ranking;

    (void)state;
    rank(&ranking, "Coffee for the team, brewed");
    assert_string_equal(ranking.found[0].workflow->name, "plain");
    assert_true(ranking.found[0].score >= RECOMMEND_FITS);
    end(&ranking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_comes_first_and_its_points_are_its_reasons),
        cmocka_unit_test(what_is_not_touched_speaks_against),
        cmocka_unit_test(a_description_speaks_where_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

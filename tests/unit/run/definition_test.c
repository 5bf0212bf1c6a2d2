/* SPDX-License-Identifier: MIT */
#include "run/definition.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "results/results.h"
#include "run/own.h"
#include "support/run_project.h"
#include "support/scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 200

static const char text[] = "name: w\nphases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n";

struct fixture {
    char *folder;
    struct definitions *definitions;
    char digest[DIGEST_HEX_SIZE];
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    char *blobs;

    fixture->folder = scratch_new();
    fixture->definitions = definitions_new();
    blobs = path_join(fixture->folder, "blobs");
    assert_int_equal(blob_put(blobs, text, strlen(text), fixture->digest, NULL), 0);
    free(blobs);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    definitions_free(fixture->definitions);
    scratch_remove(fixture->folder);
    free(fixture);
    return 0;
}

static const struct workflow *take(struct fixture *fixture)
{
    const struct workflow *workflow = NULL;

    assert_int_equal(definition_take(fixture->definitions, fixture->folder, "wf_000000000000",
                                     fixture->digest, &workflow, NULL),
                     0);
    return workflow;
}

static void runs_of_one_text_share_one_definition_until_the_last_gives_it_back(void **state)
{
    struct fixture *fixture = *state;
    const struct workflow *first;

    assert_null(definition_share(fixture->definitions, fixture->digest));
    assert_false(definition_is_used(fixture->definitions, fixture->digest));
    first = take(fixture);
    assert_string_equal(first->name, "w");
    assert_ptr_equal(take(fixture), first);
    assert_ptr_equal(definition_share(fixture->definitions, fixture->digest), first);
    definition_give_back(fixture->definitions, first);
    definition_give_back(fixture->definitions, first);
    assert_true(definition_is_used(fixture->definitions, fixture->digest));
    definition_give_back(fixture->definitions, first);
    assert_false(definition_is_used(fixture->definitions, fixture->digest));
    definition_give_back(fixture->definitions, NULL);
}

static void one_that_is_at_hand_is_shared_and_outlives_its_first_user(void **state)
{
    struct fixture *fixture = *state;
    struct workflow *given = run_project_parse(text);
    const struct workflow *used = definition_use(fixture->definitions, given);

    assert_ptr_equal(used, given);
    workflow_free(given);
    assert_ptr_equal(take(fixture), used);
    given = run_project_parse(text);
    assert_ptr_equal(definition_use(fixture->definitions, given), used);
    workflow_free(given);
    assert_string_equal(used->name, "w");
    for (int i = 0; i < 3; i++) {
        definition_give_back(fixture->definitions, used);
    }
}

static void a_text_that_is_not_there_is_an_error_that_names_the_run(void **state)
{
    struct fixture *fixture = *state;
    const struct workflow *workflow = NULL;
    struct error err = ERROR_INIT;

    memset(fixture->digest, '0', DIGEST_HEX_LENGTH);
    assert_true(definition_take(fixture->definitions, fixture->folder, "wf_000000000000",
                                fixture->digest, &workflow, &err) < 0);
    assert_null(workflow);
    assert_non_null(strstr(err.text, "wf_000000000000"));
}

static void *take_and_give_back(void *arg)
{
    struct fixture *fixture = arg;

    for (int i = 0; i < ROUNDS; i++) {
        const struct workflow *workflow = take(fixture);

        assert_string_equal(workflow->digest, fixture->digest);
        definition_give_back(fixture->definitions, workflow);
    }
    return NULL;
}

static void threads_that_take_and_give_back_at_once_leave_none(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_back, fixture), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_false(definition_is_used(fixture->definitions, fixture->digest));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_of_one_text_share_one_definition_until_the_last_gives_it_back),
        TEST(one_that_is_at_hand_is_shared_and_outlives_its_first_user),
        TEST(a_text_that_is_not_there_is_an_error_that_names_the_run),
        TEST(threads_that_take_and_give_back_at_once_leave_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

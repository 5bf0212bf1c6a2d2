/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "settings.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void flags_of_the_environment_are_read_once(void **state)
{
    struct settings settings;

    (void)state;
    (void)setenv("FERMATA_PROJECT", "p", 1);
    (void)setenv("FERMATA_LOG_FORMAT", "json", 1);
    (void)setenv("NO_COLOR", "1", 1);
    (void)setenv("COLUMNS", "100", 1);
    (void)setenv("TERM", "xterm", 1);
    (void)setenv("LC_ALL", "C.UTF-8", 1);
    settings_load(environ, &settings);
    assert_string_equal(settings.cli.ops.project, "p");
    assert_string_equal(settings.cli.ops.log_format, "json");
    assert_true(settings.cli.no_color);
    assert_true(settings.cli.is_utf8);
    assert_false(settings.cli.is_dumb);
    assert_int_equal(settings.cli.columns, 100);
    settings_release(&settings);
}

static void what_is_empty_counts_as_absent(void **state)
{
    struct settings settings;

    (void)state;
    (void)setenv("FERMATA_PROJECT", "", 1);
    (void)setenv("NO_COLOR", "", 1);
    (void)setenv("COLUMNS", "many", 1);
    (void)setenv("TERM", "", 1);
    (void)setenv("LC_ALL", "", 1);
    (void)setenv("LC_CTYPE", "C", 1);
    settings_load(environ, &settings);
    assert_null(settings.cli.ops.project);
    assert_false(settings.cli.no_color);
    assert_true(settings.cli.is_dumb);
    assert_false(settings.cli.is_utf8);
    assert_int_equal(settings.cli.columns, 0);
    settings_release(&settings);
}

static void folders_follow_xdg_when_it_is_absolute(void **state)
{
    struct settings settings;

    (void)state;
    (void)setenv("HOME", "/home/ada", 1);
    (void)setenv("XDG_CONFIG_HOME", "/etc/ada", 1);
    settings_load(environ, &settings);
    assert_string_equal(settings.cli.ops.config_folder, "/etc/ada/fermata");
    assert_string_equal(settings.cli.ops.home, "/home/ada");
    settings_release(&settings);
    (void)setenv("XDG_CONFIG_HOME", "relative", 1);
    settings_load(environ, &settings);
    assert_string_equal(settings.cli.ops.config_folder, "/home/ada/.config/fermata");
    settings_release(&settings);
    (void)unsetenv("HOME");
    (void)unsetenv("XDG_CONFIG_HOME");
    settings_load(environ, &settings);
    assert_null(settings.cli.ops.config_folder);
    settings_release(&settings);
}

static void the_user_is_the_one_who_logged_in(void **state)
{
    struct settings settings;

    (void)state;
    (void)setenv("LOGNAME", "ada", 1);
    settings_load(environ, &settings);
    assert_string_equal(settings.cli.ops.user, "ada");
    settings_release(&settings);
    (void)unsetenv("LOGNAME");
    (void)unsetenv("USER");
    settings_load(environ, &settings);
    assert_string_equal(settings.cli.ops.user, getpwuid(getuid())->pw_name);
    settings_release(&settings);
}

static void the_program_knows_where_it_is(void **state)
{
    struct settings settings;

    (void)state;
    settings_load(environ, &settings);
    assert_int_equal(settings.cli.ops.self_path[0], '/');
    assert_int_equal(settings.cli.ops.cwd[0], '/');
    assert_true(*settings.cli.ops.version);
    settings_release(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_of_the_environment_are_read_once),
        cmocka_unit_test(what_is_empty_counts_as_absent),
        cmocka_unit_test(folders_follow_xdg_when_it_is_absolute),
        cmocka_unit_test(the_user_is_the_one_who_logged_in),
        cmocka_unit_test(the_program_knows_where_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

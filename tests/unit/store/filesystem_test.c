/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "../../support/scratch.h"

#include "base/file.h"

#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

static void network_types_are_known_by_name(void **state)
{
    (void)state;
    assert_string_equal(filesystem_network_name(NFS_SUPER_MAGIC), "nfs");
    assert_string_equal(filesystem_network_name(CIFS_SUPER_MAGIC), "cifs");
    assert_string_equal(filesystem_network_name(SMB2_SUPER_MAGIC), "smb2");
    assert_string_equal(filesystem_network_name(V9FS_MAGIC), "9p");
    assert_string_equal(filesystem_network_name(CEPH_SUPER_MAGIC), "ceph");
}

static void local_types_are_not_network_types(void **state)
{
    (void)state;
    assert_null(filesystem_network_name(EXT4_SUPER_MAGIC));
    assert_null(filesystem_network_name(BTRFS_SUPER_MAGIC));
    assert_null(filesystem_network_name(XFS_SUPER_MAGIC));
    assert_null(filesystem_network_name(TMPFS_MAGIC));
    assert_null(filesystem_network_name(OVERLAYFS_SUPER_MAGIC));
    assert_null(filesystem_network_name(FUSE_SUPER_MAGIC));
}

static void fuse_mounts_are_told_apart_by_their_type_word(void **state)
{
    (void)state;
    assert_string_equal(filesystem_fuse_network_name("fuse.sshfs"), "fuse.sshfs");
    assert_null(filesystem_fuse_network_name("fuse.gocryptfs"));
    assert_null(filesystem_fuse_network_name("fuse"));
}

static void a_fuse_mount_is_found_by_its_device(void **state)
{
    static const char mounts[] = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                 "nonsense\n"
                                 "40 21 0:50 / /a rw,nosuid fuse.gocryptfs /x rw\n"
                                 "no numbers - fuse.sshfs x\n"
                                 "41 21 0 / /b rw - fuse.sshfs host: rw\n"
                                 "42 21 0:51 / /c rw shared:7 - fuse.sshfs host:/data rw\n"
                                 "43 21 0:52 / /d rw - fuse.gocryptfs /y rw\n"
                                 "44 21 1:51 / /e rw - fuse.rclone remote: rw\n";
    char *scratch = scratch_new();
    char *path = path_join(scratch, "mountinfo");

    (void)state;
    scratch_write(scratch, "mountinfo", mounts);
    assert_string_equal(filesystem_fuse_name_of_device(path, makedev(0, 51)), "fuse.sshfs");
    assert_string_equal(filesystem_fuse_name_of_device(path, makedev(1, 51)), "fuse.rclone");
    assert_null(filesystem_fuse_name_of_device(path, makedev(0, 52)));
    assert_null(filesystem_fuse_name_of_device(path, makedev(8, 1)));
    assert_null(filesystem_fuse_name_of_device(path, makedev(9, 9)));
    assert_null(filesystem_fuse_name_of_device("/nonexistent", makedev(0, 51)));
    free(path);
    scratch_remove(scratch);
}

static void a_local_folder_is_accepted(void **state)
{
    char *scratch = scratch_new();

    (void)state;
    assert_int_equal(filesystem_check(scratch, NULL), 0);
    scratch_remove(scratch);
}

static void a_missing_folder_is_named(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(filesystem_check("/nonexistent/folder", &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_types_are_known_by_name),
        cmocka_unit_test(local_types_are_not_network_types),
        cmocka_unit_test(fuse_mounts_are_told_apart_by_their_type_word),
        cmocka_unit_test(a_fuse_mount_is_found_by_its_device),
        cmocka_unit_test(a_local_folder_is_accepted),
        cmocka_unit_test(a_missing_folder_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

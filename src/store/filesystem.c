/* SPDX-License-Identifier: MIT */
/* SQLite's WAL shares memory between processes and trusts locks and fsync; over a network none of
 * the three can be relied on. Numbers: statfs(2) and the kernel's linux/magic.h. */
#include "store/internal.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define FUSE_TYPE 0x65735546UL
#define MOUNT_LINE_MAX 8192

static const struct {
    unsigned long type;
    const char *name;
} network_types[] = {
    {0x6969UL, "nfs"},        {0x517BUL, "smb"},        {0xFF534D42UL, "cifs"},
    {0xFE534D42UL, "smb2"},   {0x5346414FUL, "afs"},    {0x6B414653UL, "afs"},
    {0x73757245UL, "coda"},   {0x00C36400UL, "ceph"},   {0x01021997UL, "9p"},
    {0x0BD00BD0UL, "lustre"}, {0x47504653UL, "gpfs"},   {0x01161970UL, "gfs2"},
    {0x7461636FUL, "ocfs2"},  {0x786F4256UL, "vboxsf"}, {0x564CUL, "ncp"},
};

static const char *const fuse_network_types[] = {
    "fuse.sshfs",    "fuse.s3fs",     "fuse.rclone", "fuse.glusterfs",  "fuse.davfs",
    "fuse.gcsfuse",  "fuse.goofys",   "fuse.ceph",   "fuse.juicefs",    "fuse.curlftpfs",
    "fuse.smbnetfs", "fuse.mount-s3", "fuse.jmtpfs", "fuse.gvfsd-fuse",
};

const char *filesystem_network_name(unsigned long type)
{
    for (size_t i = 0; i < ARRAY_LEN(network_types); i++) {
        if (network_types[i].type == type) {
            return network_types[i].name;
        }
    }
    return NULL;
}

const char *filesystem_fuse_network_name(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(fuse_network_types); i++) {
        if (strcmp(fuse_network_types[i], type) == 0) {
            return fuse_network_types[i];
        }
    }
    return NULL;
}

/* A line of mountinfo (proc(5)): "36 35 98:0 /root /mount options ... - TYPE source options". */
const char *filesystem_fuse_name_of_device(const char *mounts, dev_t device)
{
    FILE *file = fopen(mounts, "re");
    char line[MOUNT_LINE_MAX];
    const char *name = NULL;

    if (!file) {
        return NULL;
    }
    while (!name && fgets(line, sizeof(line), file)) {
        char *number = strchr(line, ' ');
        char *type = strstr(line, " - ");
        char *end;
        unsigned long major_number, minor_number;

        number = number ? strchr(number + 1, ' ') : NULL;
        if (!number || !type) {
            continue;
        }
        major_number = strtoul(number, &end, 10);
        minor_number = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
        if (major_number != major(device) || minor_number != minor(device)) {
            continue;
        }
        type += strlen(" - ");
        type[strcspn(type, " ")] = '\0';
        name = filesystem_fuse_network_name(type);
    }
    (void)fclose(file);
    return name;
}

int filesystem_check(const char *folder, struct error *err)
{
    struct statfs information;
    struct stat status;
    const char *name;

    if (statfs(folder, &information) < 0 || stat(folder, &status) < 0) {
        return error_set_errno(err, "cannot use the folder %s", folder);
    }
    name = filesystem_network_name((unsigned long)information.f_type);
    if (!name && (unsigned long)information.f_type == FUSE_TYPE) {
        name = filesystem_fuse_name_of_device("/proc/self/mountinfo", status.st_dev);
    }
    if (!name) {
        return 0;
    }
    (void)error_set(err, ERROR_CONFLICT, "%s is on a network file system (%s)", folder, name);
    error_hint(err, "its locks and syncs cannot be trusted; keep the store on a local disk");
    return ERROR_CONFLICT;
}

/* SPDX-License-Identifier: MIT */
/* What was acknowledged must be in the log. SQLite takes a log to end at the first frame whose
 * checksum does not fit: right after a crash, where that is a commit that nobody was told of, but
 * when a bit of an earlier frame changed, commits that were acknowledged vanish without a word. So
 * the writer notes after each commit which log it is and how many frames it has (lock.c keeps the
 * note), and whoever opens a store that was not closed compares.
 *
 * The note is never synced. It is written after the sync of its commit, so one that survived a
 * power cut never claims too much; after a mere end of the process it is the last one.
 *
 *   log: header of 32 bytes, then frames: header of 24 bytes, page
 *   https://www.sqlite.org/fileformat2.html#walformat */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOG_HEADER 32
#define FRAME_HEADER 24
#define MAGIC 0x377f0682U /* the lowest bit: checksums are of big-endian words */
#define LOG_FORMAT 3007000U
#define PAGE_MIN 512
#define PAGE_MAX 65536
#define FRAME_USUAL (FRAME_HEADER + 4096)

/* A log that grows with each commit makes the file system write its own journal each time, with all
 * that is dirty there. One that grows in small commits is therefore made longer in large pieces of
 * zeros, which SQLite takes for the end of the log. */
#define COMMITS_MIN 8 /* a piece that serves fewer costs more than it saves */
#define PIECE_MIN ((int64_t)128 * 1024)
#define PIECE_MAX ((int64_t)1024 * 1024)
#define PIECE_LEFT ((int64_t)64 * 1024) /* then it is time for the next one */
#define FREE_MIN ((int64_t)64 * 1024 * 1024)
#define ZEROS 65536

struct log_reader {
    int fd;
    bool is_big_endian;
    uint32_t page_size;
    uint32_t salt[2];
    uint32_t sum[2]; /* so far */
};

static uint32_t read_word(const unsigned char *bytes, bool is_big_endian)
{
    return is_big_endian ? (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                               (uint32_t)bytes[2] << 8 | bytes[3]
                         : (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 |
                               (uint32_t)bytes[1] << 8 | bytes[0];
}

static void add_to_sum(struct log_reader *reader, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += 8) {
        reader->sum[0] += read_word(bytes + i, reader->is_big_endian) + reader->sum[1];
        reader->sum[1] += read_word(bytes + i + 4, reader->is_big_endian) + reader->sum[0];
    }
}

static bool has_sum(const struct log_reader *reader, const unsigned char *bytes)
{
    return read_word(bytes, true) == reader->sum[0] && read_word(bytes + 4, true) == reader->sum[1];
}

static bool read_header(struct log_reader *reader, const unsigned char *header)
{
    uint32_t magic = read_word(header, true);

    reader->is_big_endian = magic & 1;
    reader->page_size = read_word(header + 8, true);
    reader->salt[0] = read_word(header + 16, true);
    reader->salt[1] = read_word(header + 20, true);
    add_to_sum(reader, header, LOG_HEADER - 8);
    return (magic & ~1U) == MAGIC && reader->page_size >= PAGE_MIN &&
           reader->page_size <= PAGE_MAX && (reader->page_size & (reader->page_size - 1)) == 0 &&
           has_sum(reader, header + LOG_HEADER - 8);
}

/* Of the first `wanted` frames, how many SQLite would take. */
static uint32_t count_frames(struct log_reader *reader, uint32_t wanted)
{
    size_t size = FRAME_HEADER + reader->page_size;
    unsigned char *frame = mem_alloc(size);
    uint32_t count = 0;

    for (; count < wanted; count++) {
        off_t at = (off_t)(LOG_HEADER + (uint64_t)count * size);

        if (pread(reader->fd, frame, size, at) != (ssize_t)size ||
            read_word(frame + 8, true) != reader->salt[0] ||
            read_word(frame + 12, true) != reader->salt[1]) {
            break;
        }
        add_to_sum(reader, frame, 8);
        add_to_sum(reader, frame + FRAME_HEADER, reader->page_size);
        if (!has_sum(reader, frame + 16)) {
            break;
        }
    }
    free(frame);
    return count;
}

static int refuse(const char *path, uint32_t there, uint32_t wanted, struct error *err)
{
    (void)error_set(err, ERROR_IO,
                    "the log %s is damaged: %u of the %u pages that were saved can be read", path,
                    there, wanted);
    error_hint(err,
               "the disk changed what was saved. Bring a backup back; or copy fermata.db* away, "
               "remove fermata.db.lock and go on without what came after the damage");
    return ERROR_IO;
}

int log_check(const char *path, const struct log_mark *mark, struct error *err)
{
    struct log_reader reader = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    unsigned char header[LOG_HEADER];
    uint32_t there = 0;
    bool is_other = true;

    if (mark->frames == 0 || reader.fd < 0) {
        goto out;
    }
    /* A log that was emptied is no damage: it was copied into the database. */
    if (pread(reader.fd, header, sizeof(header), 0) == (ssize_t)sizeof(header)) {
        bool is_sound = read_header(&reader, header);

        is_other = is_sound && memcmp(reader.salt, mark->salt, sizeof(mark->salt)) != 0;
        there = is_sound && !is_other ? count_frames(&reader, mark->frames) : 0;
    }
out:
    if (reader.fd >= 0) {
        (void)close(reader.fd);
    }
    return is_other || there == mark->frames ? 0 : refuse(path, there, mark->frames, err);
}

/* NULL: there is none. */
static sqlite3_file *log_file(struct connection *connection)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(connection->db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &file);

    return code == SQLITE_OK && file && file->pMethods ? file : NULL;
}

static bool has_much_room(const char *folder)
{
    struct statvfs disk;

    return statvfs(folder, &disk) == 0 &&
           (int64_t)disk.f_bavail * (int64_t)disk.f_frsize >= FREE_MIN;
}

void log_lengthen(struct connection *connection, const char *folder, int frames, int last)
{
    static const unsigned char zeros[ZEROS];
    sqlite3_file *file = log_file(connection);
    int64_t used = LOG_HEADER + (int64_t)frames * FRAME_USUAL;
    int64_t piece = used < PIECE_MAX ? used : PIECE_MAX;
    sqlite3_int64 size;

    if (used < PIECE_MIN || (int64_t)last * FRAME_USUAL > piece / COMMITS_MIN || !file ||
        file->pMethods->xFileSize(file, &size) != SQLITE_OK || size - used >= PIECE_LEFT ||
        !has_much_room(folder)) {
        return;
    }
    for (int64_t done = 0; done < piece; done += ZEROS) {
        /* Nothing is lost when it fails: SQLite lengthens the log by itself. */
        if (file->pMethods->xWrite(file, zeros, ZEROS, size + done) != SQLITE_OK) {
            return;
        }
    }
}

static void write_word(unsigned char *bytes, uint32_t word)
{
    bytes[0] = (unsigned char)(word >> 24);
    bytes[1] = (unsigned char)(word >> 16);
    bytes[2] = (unsigned char)(word >> 8);
    bytes[3] = (unsigned char)word;
}

static void write_words(unsigned char *bytes, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        write_word(bytes + 4 * i, words[i]);
    }
}

int log_begin(const char *path, const unsigned char *page, uint32_t page_size, uint32_t pages,
              struct error *err)
{
    struct log_reader sums = {.is_big_endian = true};
    size_t length = LOG_HEADER + FRAME_HEADER + (size_t)page_size;
    unsigned char *log = mem_zero(length, 1);
    unsigned char *frame = log + LOG_HEADER;
    int r;

    sqlite3_randomness(sizeof(sums.salt), sums.salt);
    write_words(log, (uint32_t[]){MAGIC | 1U, LOG_FORMAT, page_size, 0}, 4);
    write_words(log + 16, sums.salt, 2);
    add_to_sum(&sums, log, LOG_HEADER - 8);
    write_words(log + LOG_HEADER - 8, sums.sum, 2);
    write_words(frame, (uint32_t[]){1, pages}, 2);
    write_words(frame + 8, sums.salt, 2);
    memcpy(frame + FRAME_HEADER, page, page_size);
    add_to_sum(&sums, frame, 8);
    add_to_sum(&sums, frame + FRAME_HEADER, page_size);
    write_words(frame + 16, sums.sum, 2);
    r = file_write(path, log, length, FILE_NO_SYNC, err);
    free(log);
    return r;
}

int log_get_mark(struct connection *connection, uint32_t frames, struct log_mark *ret_mark)
{
    struct log_reader reader = {.fd = -1};
    unsigned char header[LOG_HEADER];
    sqlite3_file *file = log_file(connection);

    if (!file || file->pMethods->xRead(file, header, sizeof(header), 0) != SQLITE_OK ||
        !read_header(&reader, header)) {
        return ERROR_IO;
    }
    *ret_mark = (struct log_mark){.salt = {reader.salt[0], reader.salt[1]}, .frames = frames};
    return 0;
}

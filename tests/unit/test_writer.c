/* The writer: plain and compressed files appear whole under their name or not at all. */
#include "llmpi/base/file.h"
#include "llmpi/corpus/stream.h"
#include "llmpi/corpus/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Text that compresses a little, longer than all buffers on the way. */
static void make_text(struct buffer *text)
{
    uint32_t state = 1;
    for (int i = 0; i < 200000; i++) {
        state = state * 1664525u + 1013904223u;
        assert_int_equal(buffer_printf(text, "%x ", state), STATUS_OK);
    }
}

static void read_back(const char *path, struct buffer *out)
{
    struct stream *stream;
    size_t got;
    assert_int_equal(stream_open(path, file_kind_of(path), &stream), STATUS_OK);
    do {
        char bytes[1000]; /* divides nothing */
        assert_int_equal(stream_read(stream, bytes, sizeof bytes, &got), STATUS_OK);
        assert_int_equal(buffer_append(out, bytes, got), STATUS_OK);
    } while (got > 0);
    assert_null(stream_damage(stream));
    assert_int_equal(stream_position(stream), file_size(path));
    stream_close(stream);
}

static void test_all_endings_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"w.jsonl", "w.jsonl.gz", "w.jsonl.zst"};
    static const unsigned char magic[][4] = {{'1'}, {0x1F, 0x8B, 8}, {0x28, 0xB5, 0x2F, 0xFD}};
    static const size_t magic_length[] = {0, 3, 4};
    struct buffer text = {0};
    make_text(&text);
    for (int i = 0; i < 3; i++) {
        const char *path = scratch_path(names[i]), *temporary;
        struct buffer back = {0}, file = {0};
        struct writer *writer;
        assert_int_equal(writer_open(path, &writer), STATUS_OK);
        size_t step = 1;
        for (size_t at = 0; at < text.length; at += step, step = step * 3 % 70001) {
            step = step < text.length - at ? step : text.length - at;
            assert_int_equal(writer_add(writer, text.data + at, step), STATUS_OK);
            assert_int_equal(writer_add(writer, "", 0), STATUS_OK);
        }
        char name[40];
        snprintf(name, sizeof name, "%s.tmp", names[i]);
        temporary = scratch_path(name);
        assert_true(file_exists(temporary) && !file_exists(path));
        assert_int_equal(writer_finish(writer), STATUS_OK);
        assert_true(!file_exists(temporary) && file_exists(path));
        read_back(path, &back);
        assert_int_equal(back.length, text.length);
        assert_memory_equal(back.data, text.data, text.length);
        assert_int_equal(file_read(path, &file), STATUS_OK);
        assert_memory_equal(file.data, magic[i], magic_length[i]);
        assert_true(i == 0 || file.length < text.length * 3 / 4);
        buffer_free(&back);
        buffer_free(&file);
    }
    buffer_free(&text);
}

static void test_empty_files(void **state)
{
    (void)state;
    static const char *const names[] = {"e.txt", "e.txt.gz", "e.txt.zst"};
    for (int i = 0; i < 3; i++) {
        struct buffer back = {0};
        struct writer *writer;
        assert_int_equal(writer_open(scratch_path(names[i]), &writer), STATUS_OK);
        assert_int_equal(writer_finish(writer), STATUS_OK);
        read_back(scratch_path(names[i]), &back);
        assert_int_equal(back.length, 0);
        buffer_free(&back);
    }
}

static void test_abandoned_file_leaves_the_old_one(void **state)
{
    (void)state;
    const char *path = scratch_write("old.txt", "old", 3);
    struct writer *writer;
    assert_int_equal(writer_open(path, &writer), STATUS_OK);
    assert_int_equal(writer_add(writer, "new", 3), STATUS_OK);
    writer_abandon(writer);
    writer_abandon(NULL);
    assert_int_equal(file_size(path), 3);
    assert_false(file_exists(scratch_path("old.txt.tmp")));
}

static void test_folder_is_missing(void **state)
{
    (void)state;
    struct writer *writer;
    char expected[300];
    snprintf(expected, sizeof expected, "cannot write %s: No such file or directory",
             scratch_path("none/x.txt"));
    assert_int_equal(writer_open(scratch_path("none/x.txt"), &writer), STATUS_FAILED);
    assert_string_equal(status_message(), expected);
    assert_null(writer);
}

/* /dev/full is no ordinary file: it is written in place, and every write to it fails. */
static void test_full_disk(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct writer *writer;
    make_text(&text);
    assert_int_equal(writer_open("/dev/full", &writer), STATUS_OK);
    assert_int_equal(writer_add(writer, text.data, text.length), STATUS_FAILED);
    assert_string_equal(status_message(), "cannot write /dev/full: No space left on device");
    assert_int_equal(writer_finish(writer), STATUS_FAILED);
    assert_int_equal(writer_open("/dev/full", &writer), STATUS_OK);
    assert_int_equal(writer_add(writer, "little", 6), STATUS_OK);
    assert_int_equal(writer_finish(writer), STATUS_FAILED);
    assert_string_equal(status_message(), "cannot write /dev/full: No space left on device");
    struct stat there;
    assert_true(stat("/dev/full", &there) == 0 && S_ISCHR(there.st_mode));
    assert_false(file_exists("/dev/full.tmp"));
    buffer_free(&text);
}

static void test_standard_output(void **state)
{
    (void)state;
    const char *path = scratch_path("standard-output");
    struct writer *writer;
    struct buffer text = {0};
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    enum status opened = writer_open("-", &writer), added = writer_add(writer, "text\n", 5);
    enum status finished = writer_finish(writer);
    assert_true(dup2(kept, STDOUT_FILENO) >=
                0); /* still open: the writer does not close what it did not open */
    close(kept);
    close(file);
    assert_true(opened == STATUS_OK && added == STATUS_OK && finished == STATUS_OK);
    assert_int_equal(file_read(path, &text), STATUS_OK);
    assert_string_equal(text.data, "text\n");
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_endings_read_back),
        cmocka_unit_test(test_empty_files),
        cmocka_unit_test(test_abandoned_file_leaves_the_old_one),
        cmocka_unit_test(test_folder_is_missing),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_standard_output),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

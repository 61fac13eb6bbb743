/* The door to HDF5: round trips, and files that are not what they should be. */
#include "llmpi/base/file.h"
#include "llmpi/storage/hdf5_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Last, as its macro fail() would hide ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/llmpi-hdf5-XXXXXX";
static char path[64], temporary[72];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/file.h5", folder);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails when a temporary file was left */
}

static void expect_message(const char *part)
{
    if (strstr(status_message(), part) == NULL)
        fail_msg("message '%s' does not contain '%s'", status_message(), part);
}

static struct hdf5_file *create(void)
{
    struct hdf5_file *file = NULL;
    assert_int_equal(hdf5_create(path, 0, &file), STATUS_OK);
    return file;
}

static struct hdf5_file *reopen(struct hdf5_file *written)
{
    struct hdf5_file *file = NULL;
    assert_int_equal(hdf5_publish(written), STATUS_OK);
    assert_false(file_exists(temporary));
    assert_int_equal(hdf5_open(path, &file), STATUS_OK);
    return file;
}

static void test_series(void **state)
{
    (void)state;
    struct hdf5_file *file = create();
    uint16_t values[1000], back[1000];
    uint32_t wide[1000];
    for (int i = 0; i < 1000; i++)
        values[i] = (uint16_t)(i * 65);
    assert_int_equal(hdf5_create_series(file, "a", HDF5_UINT16, 64), STATUS_OK);
    assert_int_equal(hdf5_append(file, "a", values, 300), STATUS_OK);
    assert_int_equal(hdf5_append(file, "a", values, 0), STATUS_OK);
    assert_int_equal(hdf5_append(file, "a", values + 300, 700), STATUS_OK);
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT16, 0, 1000, back), STATUS_OK);
    assert_memory_equal(back, values, sizeof values);
    assert_int_equal(hdf5_shrink(file, "a", 1001), STATUS_FAILED);
    assert_int_equal(hdf5_shrink(file, "a", -1), STATUS_FAILED);
    assert_int_equal(hdf5_shrink(file, "a", 500), STATUS_OK);
    assert_int_equal(hdf5_append(file, "a", values, 1), STATUS_OK);
    file = reopen(file);
    struct hdf5_dataset about;
    assert_int_equal(hdf5_describe(file, "a", &about), STATUS_OK);
    assert_int_equal(about.type, HDF5_UINT16);
    assert_int_equal(about.dimensions, 1);
    assert_int_equal(about.sizes[0], 501);
    assert_true(about.file_offset == -1);
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT32, 1, 500, wide), STATUS_OK);
    for (int i = 1; i < 500; i++)
        assert_int_equal(wide[i - 1], values[i]);
    assert_int_equal(wide[499], values[0]);
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT32, 501, 0, wide), STATUS_OK);
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT32, 501, 1, wide), STATUS_FAILED);
    expect_message("file.h5: a has 501 elements, asked for 1 from 501");
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT32, INT64_MAX, INT64_MAX, wide), STATUS_FAILED);
    assert_int_equal(hdf5_read(file, "b", HDF5_UINT32, 0, 1, wide), STATUS_FAILED);
    expect_message("has no data set 'b'");
    hdf5_close(file);
}

/* More data sets than slots, in turn: each keeps its own count and data. */
static void test_many_series(void **state)
{
    (void)state;
    struct hdf5_file *file = create();
    char name[8];
    for (int round = 0; round < 3; round++)
        for (int64_t i = 0; i < 10; i++) {
            int64_t value = i * 100 + round;
            snprintf(name, sizeof name, "s%d", (int)i);
            if (round == 0)
                assert_int_equal(hdf5_create_series(file, name, HDF5_INT64, 8), STATUS_OK);
            assert_int_equal(hdf5_append(file, name, &value, 1), STATUS_OK);
        }
    file = reopen(file);
    for (int64_t i = 0; i < 10; i++) {
        int64_t values[3] = {0};
        snprintf(name, sizeof name, "s%d", (int)i);
        assert_int_equal(hdf5_read(file, name, HDF5_INT64, 0, 3, values), STATUS_OK);
        for (int64_t round = 0; round < 3; round++)
            assert_int_equal(values[round], i * 100 + round);
    }
    hdf5_close(file);
}

static void test_attributes(void **state)
{
    (void)state;
    struct hdf5_file *file = create();
    struct buffer text = {0};
    char *large = calloc(200001, 1);
    memset(large, 'x', 200000);
    assert_int_equal(hdf5_write_attribute_int64(file, "least", INT64_MIN), STATUS_OK);
    assert_int_equal(hdf5_write_attribute_double(file, "tenth", 0.1), STATUS_OK);
    assert_int_equal(hdf5_write_attribute_text(file, "name", "thé"), STATUS_OK);
    assert_int_equal(hdf5_write_attribute_text(file, "large", large), STATUS_OK);
    file = reopen(file);
    int64_t integer = 0;
    double number = 0;
    assert_int_equal(hdf5_read_attribute_int64(file, "least", &integer), STATUS_OK);
    assert_true(integer == INT64_MIN);
    assert_int_equal(hdf5_read_attribute_double(file, "tenth", &number), STATUS_OK);
    assert_true(number == 0.1);
    assert_int_equal(hdf5_read_attribute_text(file, "name", &text), STATUS_OK);
    assert_string_equal(text.data, "thé");
    buffer_clear(&text);
    assert_int_equal(hdf5_read_attribute_text(file, "large", &text), STATUS_OK);
    assert_string_equal(text.data, large);
    assert_true(hdf5_has_attribute(file, "name"));
    assert_false(hdf5_has_attribute(file, "nam"));
    assert_int_equal(hdf5_read_attribute_int64(file, "name", &integer), STATUS_FAILED);
    expect_message("file.h5: attribute 'name' is not one integer");
    assert_int_equal(hdf5_read_attribute_text(file, "tenth", &text), STATUS_FAILED);
    expect_message("attribute 'tenth' is not one text");
    assert_int_equal(hdf5_read_attribute_double(file, "nothing", &number), STATUS_FAILED);
    expect_message("has no attribute 'nothing'");
    hdf5_close(file);
    buffer_free(&text);
    free(large);
}

static void test_contiguous(void **state)
{
    (void)state;
    struct hdf5_file *file = NULL;
    int64_t offset = 0, sizes[] = {5}, no_elements = 0;
    assert_int_equal(hdf5_create(path, 512, &file), STATUS_OK);
    assert_int_equal(hdf5_create_contiguous(file, "x/y/z", HDF5_FLOAT64, 1, sizes, &offset), STATUS_OK);
    assert_int_equal(hdf5_create_contiguous(file, "x/y/none", HDF5_FLOAT64, 1, &no_elements, &no_elements),
                     STATUS_OK);
    assert_int_equal(hdf5_create_contiguous(file, "five", HDF5_FLOAT64, 5, sizes, &offset), STATUS_FAILED);
    assert_int_equal(hdf5_finish_layout(file), STATUS_OK);
    const double values[] = {1, 2, 3, 4, 5};
    double back[5];
    int descriptor = open(temporary, O_RDWR);
    assert_int_equal(pwrite(descriptor, values, sizeof values, (off_t)offset), sizeof values);
    assert_int_equal(file_publish(descriptor, temporary, path), STATUS_OK);
    assert_int_equal(hdf5_open(path, &file), STATUS_OK);
    assert_int_equal(hdf5_read(file, "x/y/z", HDF5_FLOAT64, 0, 5, back), STATUS_OK);
    assert_memory_equal(back, values, sizeof values);
    struct hdf5_dataset about;
    assert_int_equal(hdf5_describe(file, "x/y/z", &about), STATUS_OK);
    assert_int_equal(about.file_offset, offset);
    hdf5_close(file);
}

static enum status add_name(void *context, const struct hdf5_dataset *dataset)
{
    return buffer_printf(context, "%s ", dataset->name);
}

static enum status stop_at_once(void *context, const struct hdf5_dataset *dataset)
{
    ++*(int *)context;
    return (fail)(STATUS_USAGE, "%s is enough", dataset->name);
}

static void test_each(void **state)
{
    (void)state;
    struct hdf5_file *file = create();
    struct buffer names = {0};
    static const char *const made[] = {"z", "b/d", "a", "b/c"};
    int64_t one = 1, offset = 0;
    int calls = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(hdf5_create_contiguous(file, made[i], HDF5_UINT8, 1, &one, &offset), STATUS_OK);
    file = reopen(file);
    assert_int_equal(hdf5_each(file, add_name, &names), STATUS_OK);
    assert_string_equal(names.data, "a b/c b/d z ");
    assert_int_equal(hdf5_each(file, stop_at_once, &calls), STATUS_USAGE);
    assert_int_equal(calls, 1);
    expect_message("a is enough");
    buffer_free(&names);
    hdf5_close(file);
}

static void test_checksum(void **state)
{
    (void)state;
    struct hdf5_file *file = create();
    uint64_t values[64];
    for (uint64_t i = 0; i < 64; i++)
        values[i] = 0x5a5a5a5a00000000 + i;
    assert_int_equal(hdf5_create_series(file, "a", HDF5_UINT64, 16), STATUS_OK);
    assert_int_equal(hdf5_append(file, "a", values, 64), STATUS_OK);
    assert_int_equal(hdf5_publish(file), STATUS_OK);
    struct buffer bytes = {0};
    assert_int_equal(file_read(path, &bytes), STATUS_OK);
    char *place = memmem(bytes.data, bytes.length, &values[40], 8); /* third of four chunks */
    assert_non_null(place);
    place[3] ^= 4;
    assert_int_equal(file_write(path, bytes.data, bytes.length), STATUS_OK);
    buffer_free(&bytes);
    assert_int_equal(hdf5_open(path, &file), STATUS_OK);
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT64, 0, 32, values), STATUS_OK);
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT64, 30, 10, values), STATUS_FAILED);
    expect_message("file.h5: a: elements 30 to 39 are damaged (checksum)");
    assert_int_equal(hdf5_read(file, "a", HDF5_UINT64, 48, 16, values), STATUS_OK);
    hdf5_close(file);
}

static void expect_unopened(const char *name, const char *message)
{
    struct hdf5_file *file = NULL;
    assert_int_equal(hdf5_open(name, &file), STATUS_FAILED);
    assert_null(file);
    expect_message(message);
    expect_message(name);
}

static void test_not_hdf5(void **state)
{
    (void)state;
    struct hdf5_file *file = create();
    assert_int_equal(hdf5_create_series(file, "a", HDF5_UINT64, 16), STATUS_OK);
    assert_int_equal(hdf5_publish(file), STATUS_OK);
    assert_int_equal(truncate(path, (off_t)file_size(path) - 1), 0);
    expect_unopened(path, "is truncated");
    assert_int_equal(file_write(path, "", 0), STATUS_OK);
    expect_unopened(path, "is not an HDF5 file");
    assert_int_equal(file_write(path, "some text that is long enough", 29), STATUS_OK);
    expect_unopened(path, "is not an HDF5 file");
    expect_unopened("/nowhere/x.h5", "No such file or directory");
    expect_unopened("/tmp", "it is a folder");
    expect_unopened("/dev/null", "no regular file");
}

static void test_abandoned(void **state)
{
    (void)state;
    unlink(path);
    struct hdf5_file *file = create();
    assert_true(file_exists(temporary));
    hdf5_close(file);
    assert_false(file_exists(temporary));
    assert_false(file_exists(path));
    assert_int_equal(hdf5_create("/nowhere/x.h5", 0, &file), STATUS_FAILED);
    expect_message("cannot write /nowhere/x.h5: No such file or directory");
    assert_null(file);
    assert_int_equal(hdf5_create(path, 100, &file), STATUS_FAILED);
    hdf5_close(NULL);
}

/* What HDF5 refuses gives the file up: later calls say so, and nothing is left of it. */
static void test_failed_write(void **state)
{
    (void)state;
    struct hdf5_file *file = create();
    assert_int_equal(hdf5_create_series(file, "a", HDF5_UINT8, 16), STATUS_OK);
    assert_int_equal(hdf5_create_series(file, "a", HDF5_UINT8, 16), STATUS_FAILED);
    expect_message("cannot write ");
    assert_int_equal(hdf5_append(file, "a", "x", 1), STATUS_FAILED);
    expect_message("given up");
    assert_int_equal(hdf5_publish(file), STATUS_FAILED);
    assert_false(file_exists(temporary));
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series),       cmocka_unit_test(test_many_series),
        cmocka_unit_test(test_attributes),   cmocka_unit_test(test_contiguous),
        cmocka_unit_test(test_each),         cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_not_hdf5),     cmocka_unit_test(test_abandoned),
        cmocka_unit_test(test_failed_write),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Checkpoint files: what is written comes back, and any damage is found before anything else looks at the
 * file. */
#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/storage/tensor_file.h"

#include <endian.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Last, as its macro fail() would hide ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/llmpi-tensor-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/step.h5", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails when a temporary file was left */
}

static const struct tensor_spec specs[] = {
    {"wte.weight", HDF5_FLOAT32, 2, {7, 3}}, {"optimizer/exp_avg/wte.weight", HDF5_FLOAT32, 2, {7, 3}},
    {"empty", HDF5_FLOAT64, 2, {0, 5}},      {"tokenizer", HDF5_UINT8, 1, {1001}},
    {"h.0.ln_1.bias", HDF5_FLOAT64, 1, {5}}, {"optimizer/scalar", HDF5_INT64, 0, {0}},
};
#define SPECS ((int64_t)(sizeof specs / sizeof *specs))

static const struct tensor_attribute attributes[] = {
    {.name = "step", .kind = TENSOR_INT64, .integer = -((int64_t)1 << 40)},
    {.name = "loss", .kind = TENSOR_DOUBLE, .number = 0.1},
    {.name = "configuration", .kind = TENSOR_TEXT, .text = "run:\n  seed: 1\n"},
    {.name = "nothing", .kind = TENSOR_TEXT, .text = ""},
};

static int64_t bytes_of(const struct tensor_spec *spec)
{
    int64_t bytes = (int64_t)hdf5_type_size(spec->type);
    for (int i = 0; i < spec->dimensions; i++)
        bytes *= spec->sizes[i];
    return bytes;
}

/* Byte `place` of tensor `index`. */
static unsigned char content(int64_t index, int64_t place)
{
    return (unsigned char)random_bits(7, (uint64_t)index + 100, (uint64_t)place);
}

static void write_to(const char *name, unsigned char (*byte_of)(int64_t index, int64_t place))
{
    struct tensor_file *file = NULL;
    assert_int_equal(tensor_file_create(name, specs, SPECS, attributes, 4, &file), STATUS_OK);
    for (int64_t i = 0; i < SPECS; i++) {
        unsigned char data[2048];
        int64_t bytes = bytes_of(&specs[i]), half = bytes / 2;
        for (int64_t place = 0; place < bytes; place++)
            data[place] = byte_of(i, place);
        assert_int_equal(tensor_file_write(file, i, half, data + half, bytes - half), STATUS_OK);
        assert_int_equal(tensor_file_write(file, i, 0, data, half), STATUS_OK);
    }
    assert_int_equal(tensor_file_publish(file, -2.5), STATUS_OK);
}

static void write_example(void)
{
    write_to(path, content);
}

/* Little-endian 32-bit numbers 0, 1, 2, ... */
static unsigned char counting(int64_t index, int64_t place)
{
    (void)index;
    return (unsigned char)(place % 4 == 0 ? place / 4 : 0);
}

/* tests/run/h5py_reads.py asks for an example that it can check. */
static void test_example_for_others(void **state)
{
    (void)state;
    const char *name = getenv("LLMPI_KEEP");
    if (name == NULL)
        skip();
    write_to(name, counting);
}

static void expect_failure(const char *part)
{
    struct tensor_file *file = NULL;
    assert_int_equal(tensor_file_verify(path), STATUS_FAILED);
    assert_int_equal(tensor_file_open(path, &file), STATUS_FAILED);
    assert_null(file);
    if (strstr(status_message(), part) == NULL)
        fail_msg("message '%s' does not contain '%s'", status_message(), part);
}

static void test_round_trip(void **state)
{
    (void)state;
    write_example();
    struct tensor_file *file = NULL;
    assert_true(tensor_file_is_one(path));
    assert_int_equal(tensor_file_verify(path), STATUS_OK);
    assert_int_equal(tensor_file_open(path, &file), STATUS_OK);
    assert_int_equal(tensor_file_count(file), SPECS);
    assert_int_equal(tensor_file_find(file, "optimizer"), -1);
    for (int64_t i = 0; i < SPECS; i++) {
        unsigned char data[2048];
        int64_t index = tensor_file_find(file, specs[i].name), bytes = bytes_of(&specs[i]);
        assert_in_range(index, 0, SPECS - 1);
        assert_int_equal(tensor_file_spec(file, index)->type, specs[i].type);
        assert_int_equal(tensor_file_spec(file, index)->dimensions, specs[i].dimensions);
        assert_memory_equal(tensor_file_spec(file, index)->sizes, specs[i].sizes, sizeof specs[i].sizes);
        assert_int_equal(tensor_file_read(file, index, 0, data, bytes), STATUS_OK);
        for (int64_t place = 0; place < bytes; place++)
            assert_int_equal(data[place], content(i, place));
        assert_int_equal(tensor_file_read(file, index, 1, data, bytes), STATUS_FAILED);
    }
    tensor_file_close(file);
}

static void test_attributes(void **state)
{
    (void)state;
    write_example();
    struct tensor_file *file = NULL;
    struct buffer text = {0};
    int64_t integer = 0;
    double number = 0;
    assert_int_equal(tensor_file_open(path, &file), STATUS_OK);
    assert_int_equal(tensor_file_attribute_int64(file, "step", &integer), STATUS_OK);
    assert_true(integer == -((int64_t)1 << 40));
    assert_int_equal(tensor_file_attribute_double(file, "loss", &number), STATUS_OK);
    assert_true(number == 0.1);
    assert_int_equal(tensor_file_attribute_text(file, "configuration", &text), STATUS_OK);
    assert_string_equal(text.data, attributes[2].text);
    assert_int_equal(tensor_file_attribute_text(file, "nothing", &text), STATUS_OK);
    assert_int_equal(text.length, strlen(attributes[2].text));
    assert_int_equal(tensor_file_attribute_int64(file, "loss", &integer), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "'loss' is not one integer"));
    assert_int_equal(tensor_file_attribute_int64(file, "stop", &integer), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "no attribute 'stop'"));
    buffer_free(&text);
    tensor_file_close(file);
}

static void test_same_contents_same_bytes(void **state)
{
    (void)state;
    struct buffer first = {0}, second = {0};
    write_example();
    assert_int_equal(file_read(path, &first), STATUS_OK);
    sleep(1); /* times in HDF5 have a resolution of a second */
    write_example();
    assert_int_equal(file_read(path, &second), STATUS_OK);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    buffer_free(&first);
    buffer_free(&second);
}

static void put(const struct buffer *bytes, size_t length)
{
    assert_int_equal(file_write(path, bytes->data, length), STATUS_OK);
}

static void test_flipped_bits(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    write_example();
    assert_int_equal(file_read(path, &bytes), STATUS_OK);
    int descriptor = open(path, O_RDWR);
    assert_true(descriptor >= 0);
    for (uint64_t i = 0; i < 512 + 300; i++) {
        uint64_t place = i < 512 ? i : random_below(1, 1, i, bytes.length);
        char damaged = (char)(bytes.data[place] ^ (1 << random_below(1, 2, i, 8)));
        assert_int_equal(pwrite(descriptor, &damaged, 1, (off_t)place), 1);
        expect_failure(i < 16 ? "is no llmpi checkpoint" : "is damaged");
        assert_int_equal(pwrite(descriptor, &bytes.data[place], 1, (off_t)place), 1);
    }
    close(descriptor);
    assert_int_equal(tensor_file_verify(path), STATUS_OK);
    buffer_free(&bytes);
}

/* Files of format version 1 had zeros in the place of the score. */
static void test_glance(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    double score = 0;
    write_example();
    assert_int_equal(tensor_file_glance(path, &score), STATUS_OK);
    assert_true(score == -2.5);
    assert_int_equal(file_read(path, &bytes), STATUS_OK);
    bytes.data[40] ^= 1;
    put(&bytes, bytes.length);
    assert_int_equal(tensor_file_glance(path, &score), STATUS_FAILED);
    bytes.data[40] ^= 1;
    put(&bytes, bytes.length - 1);
    assert_int_equal(tensor_file_glance(path, &score), STATUS_FAILED);
    assert_int_equal(tensor_file_glance("/nowhere", &score), STATUS_FAILED);
    memset(bytes.data + 40, 0, 8);
    bytes.data[16] = 1;
    uint64_t own = htole64(digest_bytes(bytes.data, 504));
    memcpy(bytes.data + 504, &own, sizeof own);
    put(&bytes, bytes.length);
    assert_int_equal(tensor_file_glance(path, &score), STATUS_OK);
    assert_true(isnan(score));
    assert_int_equal(tensor_file_verify(path), STATUS_OK);
    buffer_free(&bytes);
}

static void test_other_lengths(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    write_example();
    assert_int_equal(file_read(path, &bytes), STATUS_OK);
    assert_int_equal(buffer_append(&bytes, "x", 1), STATUS_OK);
    for (size_t length = 0; length < bytes.length - 1; length += 97) {
        put(&bytes, length);
        expect_failure(length < 512 ? "no llmpi checkpoint" : "is truncated");
    }
    put(&bytes, bytes.length - 2);
    expect_failure("is truncated");
    put(&bytes, bytes.length);
    expect_failure("is damaged");
    buffer_free(&bytes);
}

static void test_abandoned(void **state)
{
    (void)state;
    struct tensor_file *file = NULL;
    unlink(path);
    assert_int_equal(tensor_file_create(path, specs, SPECS, NULL, 0, &file), STATUS_OK);
    assert_int_equal(tensor_file_write(file, 0, 80, "abcde", 5), STATUS_FAILED);
    assert_int_equal(tensor_file_write(file, -1, 0, "a", 1), STATUS_FAILED);
    assert_int_equal(tensor_file_write(file, SPECS, 0, "a", 1), STATUS_FAILED);
    tensor_file_close(file);
    assert_false(file_exists(path));
    struct tensor_spec bad = {"huge", HDF5_FLOAT64, 2, {INT64_MAX / 2, 3}};
    assert_int_equal(tensor_file_create(path, &bad, 1, NULL, 0, &file), STATUS_FAILED);
    bad = (struct tensor_spec){"negative", HDF5_FLOAT64, 1, {-1}};
    assert_int_equal(tensor_file_create(path, &bad, 1, NULL, 0, &file), STATUS_FAILED);
    assert_int_equal(tensor_file_create("/nowhere/at/all.h5", specs, 1, NULL, 0, &file), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "No such file or directory"));
    tensor_file_close(NULL);
}

static void test_no_room(void **state)
{
    (void)state;
    struct tensor_file *file = NULL;
    struct tensor_spec large = {"large", HDF5_FLOAT64, 2, {(int64_t)1 << 30, 4096}}; /* 32 TiB */
    assert_int_equal(tensor_file_create(path, &large, 1, NULL, 0, &file), STATUS_FAILED);
    if (strstr(status_message(), "No space left on device") == NULL)
        assert_non_null(strstr(status_message(), "File too large"));
    assert_null(file);
}

static void test_no_tensors(void **state)
{
    (void)state;
    struct tensor_file *file = NULL;
    assert_int_equal(tensor_file_create(path, NULL, 0, NULL, 0, &file), STATUS_OK);
    assert_int_equal(tensor_file_publish(file, NAN), STATUS_OK);
    assert_int_equal(tensor_file_open(path, &file), STATUS_OK);
    assert_int_equal(tensor_file_count(file), 0);
    assert_int_equal(tensor_file_find(file, "wte.weight"), -1);
    assert_null(tensor_file_spec(file, 0));
    tensor_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_other_lengths),
        cmocka_unit_test(test_abandoned),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_no_tensors),
        cmocka_unit_test(test_glance),
        cmocka_unit_test(test_same_contents_same_bytes),
        cmocka_unit_test(test_example_for_others),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

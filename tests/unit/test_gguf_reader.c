/* GGUF files made by hand after its description: what they hold is read, and any damage is one message. */
#include "llmpi/base/buffer.h"
#include "llmpi/storage/gguf.h"
#include "llmpi/storage/gguf_reader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <sys/mman.h>
#include <unistd.h>

static struct buffer made;

static void put(const void *bytes, size_t length)
{
    assert_int_equal(buffer_append(&made, bytes, length), STATUS_OK);
}

static void put_number(uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        put(&(char){(char)(value >> 8 * i)}, 1);
}

static void put_text(const char *text)
{
    put_number(strlen(text), 8);
    put(text, strlen(text));
}

static void put_key(const char *key, enum gguf_type type)
{
    put_text(key);
    put_number(type, 4);
}

static void put_array(const char *key, enum gguf_type type, uint64_t count)
{
    put_key(key, GGUF_ARRAY);
    put_number(type, 4);
    put_number(count, 8);
}

/* ggml's order of sizes. */
static void put_tensor(const char *name, int dimensions, const int64_t *sizes, int type, int64_t offset)
{
    put_text(name);
    put_number((uint64_t)dimensions, 4);
    for (int i = 0; i < dimensions; i++)
        put_number((uint64_t)sizes[i], 8);
    put_number((uint64_t)type, 4);
    put_number((uint64_t)offset, 8);
}

static const uint16_t halves[] = {0x3c00, 0xc000, 0x3800, 0, 0x7c00, 0x0001}; /* 1 -2 0.5 0 inf 2^-24 */

static void make_values(void)
{
    put_key("general.alignment", GGUF_UINT32), put_number(64, 4);
    put_key("a.uint8", GGUF_UINT8), put_number(200, 1);
    put_key("a.int8", GGUF_INT8), put_number(0x80, 1);
    put_key("a.uint16", GGUF_UINT16), put_number(65535, 2);
    put_key("a.int16", GGUF_INT16), put_number(0xffff, 2);
    put_key("a.uint32", GGUF_UINT32), put_number(4000000000, 4);
    put_key("a.int32", GGUF_INT32), put_number(0x80000000, 4);
    put_key("a.uint64", GGUF_UINT64), put_number((uint64_t)INT64_MAX, 8);
    put_key("a.huge", GGUF_UINT64), put_number((uint64_t)INT64_MAX + 1, 8);
    put_key("a.int64", GGUF_INT64), put_number(UINT64_MAX, 8);
    put_key("a.float32", GGUF_FLOAT32), put_number(0xbf800000, 4);
    put_key("a.float64", GGUF_FLOAT64), put_number(0x3fe0000000000000, 8);
    put_key("a.flag", GGUF_BOOLEAN), put_number(1, 1);
    put_key("a.words", GGUF_TEXT), put_text("hello");
    put_key("a.empty", GGUF_TEXT), put_text("");
    put_array("a.numbers", GGUF_INT32, 3), put_number(7, 4), put_number(0xffffffff, 4), put_number(9, 4);
    put_array("a.list", GGUF_TEXT, 3), put_text("x"), put_text(""), put_text("yz");
    put_array("a.bits", GGUF_BOOLEAN, 2), put_number(0, 1), put_number(1, 1);
    put_array("a.nothing", GGUF_FLOAT32, 0);
}

/* Behind the header, at multiples of 64: one (4 floats), two (2 x 3 halves), three (quantised), four. */
static void make_file(void)
{
    buffer_clear(&made);
    put("GGUF", 4), put_number(3, 4), put_number(4, 8), put_number(19, 8);
    make_values();
    put_tensor("t.one", 1, (const int64_t[]){4}, 0, 0);
    put_tensor("t.two", 2, (const int64_t[]){3, 2}, 1, 64);
    put_tensor("t.three", 1, (const int64_t[]){32}, 2, 192);
    put_tensor("t.four", 4, (const int64_t[]){2, 1, 3, 5}, 30, 128);
    while (made.length % 64 != 0)
        put_number(0, 1);
    for (int i = 0; i < 64; i += 4)
        put_number(i == 4 ? 0x40000000 : 0, 4);
    put(halves, sizeof halves);
    for (size_t i = sizeof halves; i < 64 + 64 + 18; i++)
        put_number(0, 1);
}

/* In memory: there are thousands of them. */
static const char *write_made(void)
{
    static int descriptor = -1;
    static char path[64];
    if (descriptor < 0)
        descriptor = memfd_create("made.gguf", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    assert_int_equal(ftruncate(descriptor, 0), 0);
    assert_int_equal(pwrite(descriptor, made.data, made.length, 0), (ssize_t)made.length);
    return path;
}

static struct gguf *open_made(void)
{
    struct gguf *file = NULL;
    make_file();
    if (gguf_open(write_made(), &file) != STATUS_OK)
        fail_msg("%s", status_message());
    return file;
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t value;
    } integers[] = {{"a.uint8", 200},        {"a.int8", -128},         {"a.uint16", 65535},
                    {"a.int16", -1},         {"a.uint32", 4000000000}, {"a.int32", INT32_MIN},
                    {"a.uint64", INT64_MAX}, {"a.int64", -1},          {"general.alignment", 64}};
    struct gguf *file = open_made();
    int64_t integer = 0;
    double number = 0;
    bool flag = false;
    size_t length = 0;
    assert_int_equal(gguf_version(file), 3);
    assert_int_equal(gguf_count(file), 19);
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        assert_true(gguf_get_integer(gguf_find(file, integers[i].key), &integer));
        assert_int_equal(integer, integers[i].value);
    }
    assert_false(gguf_get_integer(gguf_find(file, "a.huge"), &integer));
    assert_false(gguf_get_integer(gguf_find(file, "a.float32"), &integer));
    assert_false(gguf_get_integer(gguf_find(file, "a.nothing"), &integer));
    assert_false(gguf_get_integer(gguf_find(file, "missing"), &integer));
    assert_true(gguf_get_number(gguf_find(file, "a.float32"), &number) && number == -1);
    assert_true(gguf_get_number(gguf_find(file, "a.float64"), &number) && number == 0.5);
    assert_false(gguf_get_number(gguf_find(file, "a.words"), &number));
    assert_true(gguf_get_boolean(gguf_find(file, "a.flag"), &flag) && flag);
    assert_false(gguf_get_boolean(gguf_find(file, "a.uint8"), &flag));
    assert_memory_equal(gguf_get_text(gguf_find(file, "a.words"), &length), "hello", 5);
    assert_int_equal(length, 5);
    assert_true(gguf_get_text(gguf_find(file, "a.empty"), &length) != NULL && length == 0);
    assert_null(gguf_get_text(gguf_find(file, "a.list"), &length));
    gguf_close(file);
}

static void test_arrays(void **state)
{
    (void)state;
    static const char *const texts[] = {"x", "", "yz"};
    static const int64_t integers[] = {7, -1, 9};
    struct gguf *file = open_made();
    struct gguf_value text = {0}, integer = {0}, bit = {0}, none = {0};
    for (int i = 0; i < 3; i++) {
        size_t length = 0;
        int64_t value = 0;
        assert_true(gguf_next(gguf_find(file, "a.list"), &text));
        const char *found = gguf_get_text(&text, &length);
        assert_int_equal(length, strlen(texts[i]));
        assert_memory_equal(found, texts[i], length);
        assert_true(gguf_next(gguf_find(file, "a.numbers"), &integer) && gguf_get_integer(&integer, &value));
        assert_int_equal(value, integers[i]);
    }
    assert_false(gguf_next(gguf_find(file, "a.list"), &text));
    for (int i = 0; i < 2; i++) {
        bool flag = false;
        assert_true(gguf_next(gguf_find(file, "a.bits"), &bit) && gguf_get_boolean(&bit, &flag));
        assert_int_equal(flag, i);
    }
    assert_false(gguf_next(gguf_find(file, "a.nothing"), &none));
    assert_false(gguf_next(gguf_find(file, "a.words"), &none));
    assert_false(gguf_next(NULL, &none));
    gguf_close(file);
}

static void test_tensors(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
        int64_t sizes[4], count, bytes;
    } expected[] = {{"t.one", "F32", {4, 1, 1, 1}, 4, 16},
                    {"t.two", "F16", {2, 3, 1, 1}, 6, 12},
                    {"t.four", "BF16", {5, 3, 1, 2}, 30, 60},
                    {"t.three", "Q4_0", {32, 1, 1, 1}, 32, 18}};
    struct gguf *file = open_made();
    struct number_reader *tensors = gguf_tensors(file);
    float values[6];
    assert_int_equal(number_reader_count(tensors), 4);
    for (int i = 0; i < 4; i++) {
        const struct stored_tensor *tensor = number_reader_tensor(tensors, i);
        assert_string_equal(tensor->name, expected[i].name);
        assert_string_equal(tensor->storage->name, expected[i].type);
        assert_memory_equal(tensor->sizes, expected[i].sizes, sizeof expected[i].sizes);
        assert_int_equal(tensor->count, expected[i].count);
        assert_int_equal(tensor->bytes, expected[i].bytes);
        assert_int_equal(tensor->storage->readable, i < 3);
    }
    assert_int_equal(number_reader_read(tensors, number_reader_find(tensors, "t.one"), 1, 2, values),
                     STATUS_OK);
    assert_true(values[0] == 2 && values[1] == 0);
    assert_int_equal(number_reader_read(tensors, number_reader_find(tensors, "t.two"), 0, 6, values),
                     STATUS_OK);
    assert_true(values[0] == 1 && values[1] == -2 && values[2] == 0.5F && isinf(values[4]));
    assert_int_equal(number_reader_find(tensors, "t.five"), -1);
    gguf_close(file);
}

/* The file with `bytes` at so many bytes behind the first place of `text`. */
struct damage {
    const char *text;
    size_t behind;
    const char *bytes;
    size_t length;
    const char *message;
};
#define DAMAGE(text, behind, bytes, message)                                                                 \
    {                                                                                                        \
        text, behind, bytes, sizeof bytes - 1, message                                                       \
    }

static const struct damage damages[] = {
    DAMAGE("GGUF", 0, "GGML", "no GGUF file"),
    DAMAGE("GGUF", 4, "\0\0\0\3", "big-endian"),
    DAMAGE("GGUF", 4, "\1\0\0\0", "version 1"),
    DAMAGE("GGUF", 4, "\4\0\0\0", "version 4"),
    DAMAGE("GGUF", 4, "\0\0\0\0", "version 0"),
    DAMAGE("GGUF", 8, "\0\0\0\0\0\0\0\x10", "its header names 1152921504606846976 tensors"),
    DAMAGE("GGUF", 16, "\0\0\0\0\0\0\0\x10", "1152921504606846976 keys"),
    DAMAGE("GGUF", 16, "\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615 keys"),
    DAMAGE("GGUF", 8, "\xff\0\0\0", "tensors"),
    DAMAGE("GGUF", 16, "\x14", "0 dimensions"),
    DAMAGE("GGUF", 24, "\0\0\0\0\0\0\0\x10", "inside of its header"),
    DAMAGE("GGUF", 24, "\xff\xff\xff\xff\xff\xff\xff\xff", "inside of its header"),
    DAMAGE("GGUF", 24, "\0", "0 bytes, allowed are 1"),
    DAMAGE("general.alignment", 0, "\0", "with a NUL"),
    DAMAGE("a.int16", 0, "a.uint8", "key a.uint8 of its metadata comes twice"),
    DAMAGE("general.alignment", 17, "\x0d", "is of type 13"),
    DAMAGE("general.alignment", 17, "\x05", "general.alignment is no uint32"),
    DAMAGE("general.alignment", 21, "\0", "general.alignment is no uint32"),
    DAMAGE("general.alignment", 21, "\4", "general.alignment is no uint32"),
    DAMAGE("general.alignment", 21, "\x30", "general.alignment is no uint32"),
    DAMAGE("general.alignment", 21, "\0\0\0\x80", "general.alignment is no uint32"),
    DAMAGE("general.alignment", 21, "\x80", "t.two begins at byte 64, allowed are multiples of 128"),
    DAMAGE("a.flag", 10, "\2", "a boolean of 2"),
    DAMAGE("a.bits", 23, "\xff", "a boolean of 255"),
    DAMAGE("a.words", 11, "\0\0\0\0\0\0\0\x10", "inside of its header"),
    DAMAGE("a.words", 11, "\xff\xff\xff\xff\xff\xff\xff\xff", "inside of its header"),
    DAMAGE("a.numbers", 13, "\x09", "array of arrays"),
    DAMAGE("a.numbers", 13, "\x0d", "is of type 13"),
    DAMAGE("a.numbers", 17, "\0\0\0\0\0\0\0\x10", "a.numbers has 1152921504606846976 values"),
    DAMAGE("a.numbers", 17, "\xff\xff\xff\xff\xff\xff\xff\xff", "too few"),
    DAMAGE("a.list", 14, "\0\0\0\0\0\0\0\x10", "a.list has 1152921504606846976 values of type text"),
    DAMAGE("a.list", 22, "\xff\xff\xff\xff\xff\xff\xff\xff", "inside of its header"),
    DAMAGE("t.two", 0, "t.one", "two tensors are called t.one"),
    DAMAGE("t.two", 0, "t\0two", "has a NUL"),
    DAMAGE("t.two", 5, "\0", "0 dimensions, allowed are 1 to 4"),
    DAMAGE("t.two", 5, "\5", "5 dimensions, allowed are 1 to 4"),
    DAMAGE("t.two", 9, "\xff\xff\xff\xff\xff\xff\xff\xff", "no shape"),
    DAMAGE("t.two", 9, "\0\0\0\0\0\0\0\x40\2", "no shape"),
    DAMAGE("t.two", 9, "\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0", "no shape"),
    DAMAGE("t.two", 9, "\0\0\0\0\1\0\0\0", "behind the header"),
    DAMAGE("t.two", 25, "\4", "type 4, which ggml does not have"),
    DAMAGE("t.two", 25, "\xff\xff\xff\xff", "type 4294967295"),
    DAMAGE("t.two", 29, "\x20", "t.two begins at byte 32, allowed are multiples of 64"),
    DAMAGE("t.two", 29, "\0\0\0\0\0\0\0\x80", "allowed are multiples of 64 in the file"),
    DAMAGE("t.two", 29, "\0\0\0\0\0\0\0\x40", "behind the header"),
    DAMAGE("t.two", 29, "\0", "they overlap"),
    DAMAGE("t.two", 29, "\xc0", "they overlap"),
    DAMAGE("t.one", 9, "\x11", "they overlap"),
    DAMAGE("t.three", 11, "\x21", "no shape that a tensor of Q4_0"),
    DAMAGE("t.three", 11, "\x40", "behind the header"),
};

static void refuse(const char *message)
{
    struct gguf *file = NULL;
    assert_int_equal(gguf_open(write_made(), &file), STATUS_FAILED);
    assert_null(file);
    if (strstr(status_message(), message) == NULL)
        fail_msg("no '%s' in '%s'", message, status_message());
}

static void test_damages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *damage = &damages[i];
        make_file();
        char *place = memmem(made.data, made.length, damage->text, strlen(damage->text));
        assert_non_null(place);
        memcpy(place + damage->behind, damage->bytes, damage->length);
        refuse(damage->message);
    }
}

static void test_truncated_anywhere(void **state)
{
    (void)state;
    make_file();
    while (made.length > 0) {
        made.length--;
        refuse("/proc/self/fd");
    }
}

static int64_t walk(const struct gguf *file)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < gguf_count(file); i++) {
        struct gguf_value element = {0};
        while (gguf_next(gguf_value(file, i), &element)) {
            size_t length = 0;
            const char *text = gguf_get_text(&element, &length);
            for (size_t j = 0; text != NULL && j < length; j++)
                sum += text[j];
        }
    }
    return sum;
}

/* Each byte of the header changed in turn: refused, or all that is left can be read. */
static void test_any_byte(void **state)
{
    (void)state;
    static const unsigned char masks[] = {0xff, 0x80, 0x01, 0x10};
    make_file();
    size_t header = made.length - 18 - 192;
    int64_t refused = 0;
    for (size_t i = 0; i < header; i++)
        for (size_t j = 0; j < sizeof masks; j++) {
            struct gguf *file = NULL;
            made.data[i] = (char)(made.data[i] ^ masks[j]);
            refused += gguf_open(write_made(), &file) != STATUS_OK;
            assert_true(file == NULL || walk(file) != INT64_MAX);
            gguf_close(file);
            made.data[i] = (char)(made.data[i] ^ masks[j]);
        }
    assert_true(refused > 1000);
}

/* What gguf.h writes, version 2 of it, a file without tensors, and what is no file. */
static void test_other_files(void **state)
{
    (void)state;
    struct gguf_metadata metadata = {0};
    struct number_tensor tensor = {"a", NUMBER_BF16, 2, {3, 5}, 0};
    struct number_file *out = NULL;
    struct gguf *file = NULL;
    float values[15], again[15];
    for (int i = 0; i < 15; i++)
        values[i] = (float)i;
    assert_int_equal(gguf_add_text(&metadata, "general.name", "x", 1), STATUS_OK);
    assert_int_equal(gguf_create(scratch_path("w.gguf"), &metadata, &tensor, 1, &out), STATUS_OK);
    assert_int_equal(number_file_write(out, 0, 0, values, 15), STATUS_OK);
    assert_int_equal(number_file_publish(out), STATUS_OK);
    gguf_metadata_free(&metadata);
    assert_int_equal(gguf_open(scratch_path("w.gguf"), &file), STATUS_OK);
    assert_int_equal(number_reader_read(gguf_tensors(file), 0, 0, 15, again), STATUS_OK);
    assert_memory_equal(values, again, sizeof values);
    assert_int_equal(number_reader_tensor(gguf_tensors(file), 0)->sizes[0], 3);
    gguf_close(file);
    make_file();
    made.data[4] = 2;
    assert_int_equal(gguf_open(write_made(), &file), STATUS_OK);
    assert_int_equal(gguf_version(file), 2);
    gguf_close(file);
    made.length = 24;
    memset(made.data + 8, 0, 16);
    assert_int_equal(gguf_open(write_made(), &file), STATUS_OK);
    gguf_close(file);
    assert_int_equal(gguf_open(scratch_folder, &file), STATUS_FAILED);
    assert_int_equal(gguf_open(scratch_path("missing"), &file), STATUS_FAILED);
    buffer_free(&made);
}

/* A header of many pieces, which moves while it is read. */
static void test_long_header(void **state)
{
    (void)state;
    enum { TEXTS = 40000 };
    struct gguf *file = NULL;
    struct gguf_value element = {0};
    int64_t count = 0, integer = 0;
    size_t length = 0;
    buffer_clear(&made);
    put("GGUF", 4), put_number(3, 4), put_number(0, 8), put_number(3, 8);
    put_key("first", GGUF_INT32), put_number(5, 4);
    put_array("texts", GGUF_TEXT, TEXTS);
    for (int i = 0; i < TEXTS; i++)
        put_text(i % 3 == 0 ? "" : "seventeen letters");
    put_key("last", GGUF_INT32), put_number(6, 4);
    assert_int_equal(gguf_open(write_made(), &file), STATUS_OK);
    assert_true(gguf_get_integer(gguf_find(file, "first"), &integer) && integer == 5);
    assert_true(gguf_get_integer(gguf_find(file, "last"), &integer) && integer == 6);
    for (; gguf_next(gguf_find(file, "texts"), &element); count++) {
        const char *text = gguf_get_text(&element, &length);
        assert_int_equal(length, count % 3 == 0 ? 0 : 17);
        assert_memory_equal(text, "seventeen letters", length);
    }
    assert_int_equal(count, TEXTS);
    gguf_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_damages),
        cmocka_unit_test(test_truncated_anywhere),
        cmocka_unit_test(test_any_byte),
        cmocka_unit_test(test_long_header),
        cmocka_unit_test(test_other_files),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

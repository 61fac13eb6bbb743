/* The small formats inside Parquet files, on bytes made by hand: Thrift, the two ways to pack integers, and
 * blocks of each codec; whole, cut off and damaged. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/decompress.h"
#include "llmpi/corpus/parquet_decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The bytes of a string literal. */
struct bytes {
    const uint8_t *data;
    size_t length;
};
#define BYTES(text)                                                                                          \
    (struct bytes)                                                                                           \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

static void test_varint(void **state)
{
    (void)state;
    uint64_t value;
    struct bytes bytes = BYTES("\x96\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x80");
    const uint8_t *at = bytes.data, *end = bytes.data + bytes.length;
    assert_true(varint_read(&at, end, &value));
    assert_int_equal(value, 150);
    assert_true(varint_read(&at, end, &value));
    assert_true(value == UINT64_MAX);
    assert_false(varint_read(&at, end, &value)); /* does not end */
    bytes = BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
    at = bytes.data;
    assert_false(varint_read(&at, bytes.data + bytes.length, &value)); /* more than 64 bits */
}

/* Reads field 1 as an integer, 2 as a boolean, 3 as text, 4 as a list of integers whose sum it returns. */
static struct thrift read_fields(struct bytes bytes, int64_t *integer, bool *truth, char text[16],
                                 int64_t *sum)
{
    struct thrift thrift = {.at = bytes.data, .end = bytes.data + bytes.length};
    struct thrift_field field = {0};
    *integer = *sum = 0;
    *truth = false;
    text[0] = '\0';
    while (thrift_next_field(&thrift, &field)) {
        const char *data;
        size_t length;
        if (field.id == 1)
            *integer = thrift_integer(&thrift, field);
        else if (field.id == 2)
            *truth = thrift_boolean(&thrift, field);
        else if (field.id == 3) {
            thrift_binary(&thrift, field, &data, &length);
            snprintf(text, 16, "%.*s", (int)length, data);
        } else if (field.id == 4)
            for (int64_t left = thrift_list(&thrift, field, THRIFT_I32); left > 0; left--)
                *sum += thrift_integer(&thrift, (struct thrift_field){.type = THRIFT_I32});
        else
            thrift_skip(&thrift, field);
    }
    return thrift;
}

/* Fields 1: -75, 2: true, 3: "ab", 4: [1, -1, 2], 9: a map, 10: a structure with a double, 300: a list of
 * booleans. */
#define FIELDS                                                                                               \
    "\x15\x95\x01\x11\x18\x02"                                                                               \
    "ab\x19\x35\x02\x01\x04\x5B\x01\x85\x01"                                                                 \
    "k\x07\x1C\x17........\x00\x09\xD8\x04\x21\x01\x02\x00"

static void test_thrift(void **state)
{
    (void)state;
    int64_t integer, sum;
    bool truth;
    char text[16];
    struct bytes bytes = BYTES(FIELDS);
    struct thrift thrift = read_fields(bytes, &integer, &truth, text, &sum);
    assert_null(thrift.problem);
    assert_ptr_equal(thrift.at, thrift.end);
    assert_int_equal(integer, -75);
    assert_true(truth);
    assert_string_equal(text, "ab");
    assert_int_equal(sum, 2);
    for (size_t length = 0; length < bytes.length; length++) {
        thrift = read_fields((struct bytes){bytes.data, length}, &integer, &truth, text, &sum);
        assert_non_null(thrift.problem);
        assert_true(thrift.ended_early);
    }
}

static void assert_thrift_fails(struct bytes bytes, const char *problem)
{
    int64_t integer, sum;
    bool truth;
    char text[16];
    struct thrift thrift = read_fields(bytes, &integer, &truth, text, &sum);
    assert_non_null(thrift.problem);
    assert_string_equal(thrift.problem, problem);
}

static void test_thrift_damage(void **state)
{
    (void)state;
    assert_thrift_fails(BYTES("\x18\x01x"), "a field is no integer, expected one");
    assert_thrift_fails(BYTES("\x25\x01"), "a field is no boolean, expected one");
    assert_thrift_fails(BYTES("\x35\x01"), "a field is no string, expected one");
    assert_thrift_fails(BYTES("\x45\x01"), "a field is no list, expected one");
    assert_thrift_fails(BYTES("\x49\x1C\x00"), "a list has elements of an unexpected type");
    assert_thrift_fails(BYTES("\x49\xF5\xFF\xFF\xFF\xFF\x7F\x00"), "the metadata end too early");
    assert_thrift_fails(BYTES("\x38\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01x"), "the metadata end too early");
    assert_thrift_fails(BYTES("\x15\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
                        "an integer is longer than 64 bits");
    assert_thrift_fails(BYTES("\x1E\x00"), "a field has an unknown type");
    char deep[200];
    memset(deep, 0x5C, sizeof deep);
    assert_thrift_fails((struct bytes){(const uint8_t *)deep, sizeof deep},
                        "the metadata are nested too deeply");
    memset(deep, 0x19, sizeof deep);
    deep[0] = 0x59;
    assert_thrift_fails((struct bytes){(const uint8_t *)deep, sizeof deep},
                        "the metadata are nested too deeply");
}

static void assert_hybrid(struct bytes bytes, unsigned width, const uint32_t *values, size_t count)
{
    struct hybrid hybrid;
    uint32_t value;
    hybrid_begin(&hybrid, bytes.data, bytes.data + bytes.length, width);
    for (size_t i = 0; i < count; i++) {
        assert_true(hybrid_next(&hybrid, &value));
        assert_int_equal(value, values[i]);
    }
    assert_false(hybrid_next(&hybrid, &value));
}

/* The example of Encodings.md: the numbers 0 to 7 in three bits are 0x88 0xC6 0xFA. */
static void test_hybrid(void **state)
{
    (void)state;
    assert_hybrid(BYTES("\x03\x88\xC6\xFA"), 3, (uint32_t[]){0, 1, 2, 3, 4, 5, 6, 7}, 8);
    assert_hybrid(BYTES("\x06\x01\x00\x07\x03\x88\xC6\xFA\x04\x05"), 3,
                  (uint32_t[]){1, 1, 1, 0, 1, 2, 3, 4, 5, 6, 7, 5, 5}, 13);
    assert_hybrid(BYTES("\x04\x34\x12\x00\xFF"), 32, (uint32_t[]){0xFF001234, 0xFF001234}, 2);
    assert_hybrid(BYTES("\x04\x00\x02"), 0, (uint32_t[]){0, 0, 0}, 3); /* runs of 2, 0 and 1 */
    assert_hybrid(BYTES("\x03"), 0, (uint32_t[]){0, 0, 0, 0, 0, 0, 0, 0}, 8);
    assert_hybrid(BYTES("\x03\x88\xC6"), 3, (uint32_t[]){0, 1, 2, 3, 4}, 5); /* cut off */
    assert_hybrid(BYTES("\x06"), 8, NULL, 0);
    assert_hybrid(BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x07"), 8, (uint32_t[]){7}, 1);
    assert_hybrid(BYTES(""), 1, NULL, 0);
}

/* Packs random numbers of every width, and reads them back. */
static void test_hybrid_widths(void **state)
{
    (void)state;
    for (unsigned width = 1; width <= 32; width++) {
        uint8_t bytes[2 + 5 * 32] = {5 << 1 | 1};
        uint32_t values[40];
        for (size_t i = 0; i < 40; i++) {
            values[i] = (uint32_t)random_below(3, width, i, (uint64_t)1 << width);
            for (unsigned bit = 0; bit < width; bit++)
                bytes[1 + (i * width + bit) / 8] |=
                    (uint8_t)((values[i] >> bit & 1) << (i * width + bit) % 8);
        }
        assert_hybrid((struct bytes){bytes, 1 + 5 * width}, width, values, 40);
    }
}

static void append_varint(struct buffer *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        assert_int_equal(buffer_append(out, &(uint8_t){(uint8_t)(value | 0x80)}, 1), STATUS_OK);
    assert_int_equal(buffer_append(out, &(uint8_t){(uint8_t)value}, 1), STATUS_OK);
}

static void append_zigzag(struct buffer *out, int64_t value)
{
    append_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* DELTA_BINARY_PACKED as a writer does it: blocks of 128 with four miniblocks, each as wide as `width` says.
 */
static void write_deltas(struct buffer *out, const int64_t *values, int64_t count, unsigned width)
{
    append_varint(out, 128);
    append_varint(out, 4);
    append_varint(out, (uint64_t)count);
    append_zigzag(out, count > 0 ? values[0] : 0);
    for (int64_t block = 1; block < count; block += 128) {
        int64_t least = INT64_MAX;
        for (int64_t i = block; i < count && i < block + 128; i++)
            if (values[i] - values[i - 1] < least)
                least = values[i] - values[i - 1];
        append_zigzag(out, least);
        uint8_t widths[4] = {(uint8_t)width, (uint8_t)width, (uint8_t)width, (uint8_t)width};
        assert_int_equal(buffer_append(out, widths, 4), STATUS_OK);
        for (int64_t mini = block; mini < count && mini < block + 128; mini += 32) {
            uint8_t bytes[32 * 64 / 8] = {0};
            for (int64_t i = mini; i < count && i < mini + 32; i++)
                for (unsigned bit = 0; bit < width; bit++) {
                    uint64_t delta = (uint64_t)(values[i] - values[i - 1]) - (uint64_t)least;
                    uint64_t place = (uint64_t)(i - mini) * width + bit;
                    bytes[place / 8] |= (uint8_t)((delta >> bit & 1) << place % 8);
                }
            assert_int_equal(buffer_append(out, bytes, 32 * width / 8), STATUS_OK);
        }
    }
}

static void assert_deltas(const struct buffer *bytes, const int64_t *values, int64_t count)
{
    struct delta delta;
    int64_t value;
    const uint8_t *data = (const uint8_t *)bytes->data;
    assert_true(delta_begin(&delta, data, data + bytes->length));
    assert_ptr_equal(delta_finish(delta), data + bytes->length);
    for (int64_t i = 0; i < count; i++) {
        assert_true(delta_next(&delta, &value));
        assert_true(value == values[i]);
    }
    assert_false(delta_next(&delta, &value));
}

static void test_deltas(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    static const int64_t counts[] = {0, 1, 2, 32, 33, 34, 128, 129, 130, 300};
    int64_t values[300];
    for (unsigned width = 0; width <= 62; width++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            values[0] = 0;
            for (int64_t i = 1; i < counts[c]; i++) /* up and down, so that sums stay small */
                values[i] = i % 2 == 0 ? values[i - 2]
                                       : (int64_t)random_below(4, width, (uint64_t)i,
                                                               width > 1 ? (uint64_t)1 << (width - 1) : 1);
            for (int64_t i = 0; width == 0 && i < counts[c]; i++)
                values[i] = 7 - 3 * i;
            buffer_clear(&bytes);
            write_deltas(&bytes, values, counts[c], width + (width > 1));
            assert_deltas(&bytes, values, counts[c]);
        }
    buffer_free(&bytes);
}

/* The extremes: deltas of 64 bits, whose sums wrap around. */
static void test_delta_wraps(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    int64_t values[3] = {INT64_MIN, INT64_MAX, INT64_MIN};
    uint8_t packed[256] = {0};
    memset(packed, 0xFF, 8); /* minus one */
    packed[8] = 1;
    for (uint64_t n = 0; n < 4; n++)
        append_varint(&bytes, (uint64_t[]){32, 1, 3, UINT64_MAX}[n]);
    append_varint(&bytes, 0);
    assert_int_equal(buffer_append(&bytes, "\x40", 1), STATUS_OK);
    assert_int_equal(buffer_append(&bytes, packed, sizeof packed), STATUS_OK);
    assert_deltas(&bytes, values, 3);
    buffer_free(&bytes);
}

static void test_delta_damage(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    struct delta delta;
    int64_t values[200], value;
    for (int64_t i = 0; i < 200; i++)
        values[i] = i * i % 77;
    write_deltas(&bytes, values, 200, 9);
    for (size_t length = 0; length < bytes.length; length++) { /* every cut is seen, by all who look */
        uint8_t *data = malloc(length + 1);
        assert_non_null(data);
        memcpy(data, bytes.data, length);
        if (delta_begin(&delta, data, data + length)) {
            assert_null(delta_finish(delta));
            int64_t count = 0;
            while (delta_next(&delta, &value))
                assert_true(value == values[count++]);
            assert_true(count < 200);
        }
        free(data);
    }
    struct bytes bad[] = {BYTES("\x80\x01\x03\x05\x00"), BYTES("\x00\x01\x05\x00"), BYTES("\x20\x00\x05\x00"),
                          BYTES("\x08\x01\x05\x00"), BYTES("\x20\x01\xFF\xFF\xFF\xFF\x0F\x00")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(delta_begin(&delta, bad[i].data, bad[i].data + bad[i].length));
    buffer_free(&bytes);
}

static void test_decompress(void **state)
{
    (void)state;
    /* "aaaaaaaaaaaaaaaaaaaa" as the formats' documents describe it */
    static const struct {
        enum codec codec;
        const char *data;
        size_t length;
    } cases[] = {{CODEC_SNAPPY,
                  "\x14\x00"
                  "a\x4A\x01\x00",
                  6},
                 {CODEC_LZ4,
                  "\x1A"
                  "a\x01\x00\x50"
                  "aaaaa",
                  10},
                 {CODEC_GZIP, "\x78\x9C\x4B\x4C\xC4\x04\x00\x4F\xA6\x07\x95", 11},
                 {CODEC_ZSTD,
                  "\x28\xB5\x2F\xFD\x20\x14\xA3\x00\x00"
                  "a",
                  10}};
    struct decompressor *decompressor;
    char text[21];
    assert_int_equal(decompressor_open(&decompressor), STATUS_OK);
    for (size_t i = 0; i < 4; i++) {
        const char *problem =
            decompress_block(decompressor, cases[i].codec, cases[i].data, cases[i].length, text, 20);
        assert_null(problem);
        assert_memory_equal(text, "aaaaaaaaaaaaaaaaaaaa", 20);
        for (size_t other = 19; other <= 21; other += 2)
            assert_non_null(
                decompress_block(decompressor, cases[i].codec, cases[i].data, cases[i].length, text, other));
        for (size_t length = 0; length < cases[i].length; length++)
            assert_non_null(decompress_block(decompressor, cases[i].codec, cases[i].data, length, text, 20));
        assert_true(decompress_is_possible(cases[i].codec, cases[i].length, 20));
        assert_false(decompress_is_possible(cases[i].codec, 4, (size_t)1 << 30));
    }
    decompressor_close(decompressor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varint),        cmocka_unit_test(test_thrift),
        cmocka_unit_test(test_thrift_damage), cmocka_unit_test(test_hybrid),
        cmocka_unit_test(test_hybrid_widths), cmocka_unit_test(test_deltas),
        cmocka_unit_test(test_delta_wraps),   cmocka_unit_test(test_delta_damage),
        cmocka_unit_test(test_decompress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reading Parquet files: made by hand around one page, and the real one with many row groups at random rows.
 * Damage has its own file; files of DuckDB and parquet-rs are in tests/run/parquet_writers.sh. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/parquet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parquet_making.h"

#define TWO_TEXTS                                                                                            \
    "\x02\x00\x00\x00"                                                                                       \
    "ab\x00\x00\x00\x00"

static void test_plain(void **state)
{
    (void)state;
    struct made texts = MADE(TWO_TEXTS);
    texts.values = 2;
    assert_string_equal(read_made(&texts), "ab||");
    struct made integers = MADE("\x05\x00\x00\x00\xFF\xFF\xFF\xFF");
    integers.type = INT32;
    integers.values = 2;
    assert_string_equal(read_made(&integers), "5|-1|");
    integers.converted = 13; /* UINT_32 */
    assert_string_equal(read_made(&integers), "5|4294967295|");
    integers.type = INT64;
    integers.values = 1;
    assert_string_equal(read_made(&integers), "-4294967291|");
    struct made reals = MADE("\x00\x00\x00\x00\x00\x00\xF8\x3F");
    reals.type = DOUBLE;
    assert_string_equal(read_made(&reals), "1.5|");
    reals.type = FLOAT;
    reals.values = 2;
    assert_string_equal(read_made(&reals), "0|1.9375|");
    struct made booleans = MADE("\x55\x01");
    booleans.type = BOOLEAN;
    booleans.values = 9;
    assert_string_equal(read_made(&booleans), "1|0|1|0|1|0|1|0|1|");
}

/* Levels 1 1 0 1: a packed run with one group. */
static void test_nulls(void **state)
{
    (void)state;
    struct made first = MADE("\x02\x00\x00\x00\x03\x0B" TWO_TEXTS "\x01\x00\x00\x00z");
    first.repetition = OPTIONAL;
    first.values = 4;
    assert_string_equal(read_made(&first), "ab||null|z|");
    struct made second = MADE("\x03\x0B" TWO_TEXTS "\x01\x00\x00\x00z");
    second.repetition = OPTIONAL;
    second.values = 4;
    second.page_type = 3;
    second.level_bytes = 2;
    assert_string_equal(read_made(&second), "ab||null|z|");
    struct made nothing = MADE("\x02\x00\x00\x00\x0A\x00");
    nothing.repetition = OPTIONAL;
    nothing.values = 5;
    assert_string_equal(read_made(&nothing), "null|null|null|null|null|");
}

static void test_encodings(void **state)
{
    (void)state;
    struct made indices = MADE("\x02\x03\x21\x04"); /* two bits: 1 0 2 0 0 1 0 0 */
    indices.encoding = DICTIONARY;
    indices.values = 6;
    indices.dictionary = "\x01\x00\x00\x00x\x00\x00\x00\x00\x03\x00\x00\x00yyy";
    indices.dictionary_length = 16;
    indices.dictionary_values = 3;
    assert_string_equal(read_made(&indices), "|x|yyy|x|x||");
    struct made truths = MADE("\x02\x00\x00\x00\x06\x01");
    truths.type = BOOLEAN;
    truths.encoding = RLE;
    truths.values = 3;
    assert_string_equal(read_made(&truths), "1|1|1|");
    struct made deltas = MADE("\x80\x01\x04\x03\x0E\x06\x00\x00\x00\x00");
    deltas.type = INT32;
    deltas.encoding = DELTAS;
    deltas.values = 3;
    assert_string_equal(read_made(&deltas), "7|10|13|");
    struct made lengths = MADE("\x80\x01\x04\x03\x04\x01\x00\x00\x00\x00"
                               "aab");
    lengths.encoding = DELTA_LENGTHS;
    lengths.values = 3;
    assert_string_equal(read_made(&lengths), "aa|b||");
    /* prefixes 0 1 2, rests of 2 1 0: "ax", "ab", "ab" */
    struct made joined = MADE("\x80\x01\x04\x03\x00\x02\x00\x00\x00\x00"
                              "\x80\x01\x04\x03\x04\x01\x00\x00\x00\x00"
                              "axb");
    joined.encoding = DELTA_TEXTS;
    joined.values = 3;
    assert_string_equal(read_made(&joined), "ax|ab|ab|");
    struct made split = MADE("\x01\x02\x00\x01\x00\x00\x00\xFF");
    split.type = INT32;
    split.encoding = SPLIT;
    split.values = 2;
    assert_string_equal(read_made(&split), "1|-16776958|");
}

static void test_checksums(void **state)
{
    (void)state;
    struct made made = MADE("\x01\x00\x00\x00x");
    made.checksum = 0x3E8A6D5F;
    const char *found = read_made(&made);
    assert_message(found, "row group 0, column \"text\", byte 4: the page is damaged: its checksum is");
    assert_message(found, "the header says 3e8a6d5f");
    made.checksum = 0xA59C27A3; /* Python's zlib.crc32 */
    assert_string_equal(read_made(&made), "x|");
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        int64_t type, repetition, converted;
        const char *what;
    } kinds[] = {{BYTE_ARRAY, REPEATED, -1, "a list"},
                 {BYTE_ARRAY, REQUIRED, 5, "a decimal number"},
                 {BYTE_ARRAY, REQUIRED, 20, "of bytes that are no text"},
                 {INT32, REQUIRED, 5, "a decimal number"},
                 {INT96, REQUIRED, -1, "an INT96 time stamp"},
                 {FIXED, REQUIRED, -1, "of bytes of a fixed length"},
                 {8, REQUIRED, -1, "of an unknown type"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct made made = MADE("\x01\x00\x00\x00x");
        made.type = kinds[i].type;
        made.repetition = kinds[i].repetition;
        made.converted = kinds[i].converted;
        char message[200];
        snprintf(message, sizeof message, "column \"text\" is %s, expected a flat column of", kinds[i].what);
        assert_message(read_made(&made), message);
    }
    static const char *const codecs[] = {[3] = "codec 3, LZO,",
                                         [4] = "codec 4, BROTLI,",
                                         [5] = "codec 5, LZ4 (of Hadoop",
                                         [8] = "codec 8, of an unknown number,"};
    for (int64_t codec = 3; codec <= 8; codec++) {
        struct made made = MADE("\x01\x00\x00\x00x");
        made.codec = codec;
        if (codecs[codec] != NULL)
            assert_message(read_made(&made), codecs[codec]);
    }
    struct made encrypted = MADE("\x01\x00\x00\x00x"), elsewhere = MADE("\x01\x00\x00\x00x");
    encrypted.encrypted = true;
    assert_message(read_made(&encrypted), "the column is encrypted, which cannot be read");
    elsewhere.elsewhere = true;
    assert_message(read_made(&elsewhere), "the column is in another file, which cannot be read");
}

/* Random places of the real file with many row groups: the same texts as those of one walk. */
static void test_seeks(void **state)
{
    (void)state;
    const char *path = test_data("fineweb/parquet/fineweb400.snappy.rg100.parquet");
    struct parquet_file *file;
    struct parquet_cursor *walking, *jumping;
    struct parquet_value value;
    if (path == NULL)
        skip();
    assert_int_equal(parquet_open(path, &file), STATUS_OK);
    int64_t column = parquet_find_column(file, "text"), rows = parquet_rows(file);
    struct buffer *texts = calloc((size_t)rows, sizeof *texts);
    assert_non_null(texts);
    assert_int_equal(rows, 400);
    assert_int_equal(parquet_row_groups(file), 4);
    assert_int_equal(parquet_column_kind(file, column), PARQUET_TEXT);
    assert_int_equal(parquet_cursor_open(file, column, &walking), STATUS_OK);
    for (int64_t row = 0; row < rows; row++) {
        assert_int_equal(parquet_cursor_next(walking, &value), STATUS_OK);
        assert_int_equal(buffer_append(&texts[row], value.text, value.length), STATUS_OK);
    }
    assert_int_equal(parquet_cursor_next(walking, &value), STATUS_FAILED);
    assert_message(status_message(), "no row 400, the file has 400");
    assert_int_equal(parquet_cursor_open(file, column, &jumping), STATUS_OK);
    assert_int_equal(parquet_cursor_seek(jumping, rows - 1),
                     STATUS_OK); /* nothing of other row groups is read */
    assert_int_equal(parquet_cursor_next(jumping, &value), STATUS_OK);
    assert_true(parquet_cursor_bytes(jumping) < parquet_cursor_bytes(walking) / 3);
    for (uint64_t i = 0; i < 200; i++) {
        int64_t row = (int64_t)random_below(5, 0, i, (uint64_t)rows);
        assert_int_equal(parquet_cursor_seek(jumping, row), STATUS_OK);
        assert_int_equal(parquet_cursor_next(jumping, &value), STATUS_OK);
        assert_int_equal(value.length, texts[row].length);
        assert_memory_equal(value.text, texts[row].data, value.length);
    }
    assert_int_equal(parquet_cursor_seek(jumping, rows), STATUS_OK);
    assert_int_equal(parquet_cursor_seek(jumping, rows + 1), STATUS_FAILED);
    assert_int_equal(parquet_cursor_seek(jumping, -1), STATUS_FAILED);
    for (int64_t row = 0; row < rows; row++)
        buffer_free(&texts[row]);
    free(texts);
    parquet_cursor_close(walking);
    parquet_cursor_close(jumping);
    parquet_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_seeks),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

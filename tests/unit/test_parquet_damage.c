/* Parquet files that lie: every number of a file made by hand is changed and wants its own message; then bits
 * of small and real files are flipped and their ends cut off, where whatever happens must end well. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/parquet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parquet_making.h"

static void test_lies_about_pages(void **state)
{
    (void)state;
    const struct made right = MADE("\x01\x00\x00\x00x");
    struct made made = right;
    made.values = 2;
    assert_message(read_made(&made),
                   "row group 0, column \"text\", byte 4: row 1 of the file: the values end too early");
    made = right, made.values = -1, made.rows = made.chunk_values = 0;
    assert_message(read_made(&made), "row group 0 says that it has -1 rows");
    made = right, made.compressed = 6;
    assert_message(read_made(&made), "the page should have 6 bytes, its column chunk has 5 left");
    made = right, made.uncompressed = ((int64_t)1 << 30) + 1;
    assert_message(read_made(&made),
                   "the page should have 1073741825 bytes uncompressed, expected at most 1073741824");
    made = right, made.uncompressed = 6;
    assert_message(read_made(&made), "the page is not compressed, but has 5 bytes instead of 6");
    made = right, made.codec = 1, made.uncompressed = 1 << 30;
    assert_message(read_made(&made), "(SNAPPY, 5 bytes, uncompressed 1073741824) cannot be used: so few");
    made = right, made.encoding = DELTAS;
    assert_message(read_made(&made),
                   "encoding DELTA_BINARY_PACKED (5) cannot be read in this type of column");
    made = right, made.encoding = 77;
    assert_message(read_made(&made), "encoding unknown (77) cannot be read");
    made = right, made.encoding = DICTIONARY;
    assert_message(read_made(&made), "the page needs a dictionary, which does not come before it");
    made = right, made.encoding = DELTA_TEXTS;
    assert_message(read_made(&made), "the values of the page (DELTA_BYTE_ARRAY) are damaged");
    made = right, made.repetition = OPTIONAL, made.page = "\x02\x00\x00\x00x";
    assert_message(read_made(&made), "the definition levels are longer than their page");
    made = right, made.repetition = OPTIONAL, made.level_encoding = BIT_PACKED;
    assert_message(read_made(&made), "definition levels with encoding 4 cannot be read");
    made = right, made.page_type = 3, made.level_bytes = 6;
    assert_message(read_made(&made), "the page of 5 bytes should have 6 bytes of definition levels");
    made = right, made.page_type = 1;
    assert_message(read_made(&made), "the column ends after 0 of 1 rows");
    made = right, made.page = "\x02\x00\x00\x00x";
    assert_message(read_made(&made), "row 0 of the file: the values end too early");
}

/* DELTA_BYTE_ARRAY: the second text begins with three letters of the first one, which has two. */
static void test_lies_about_prefixes(void **state)
{
    (void)state;
    struct made made = MADE("\x80\x01\x04\x02\x00\x06\x00\x00\x00\x00"
                            "\x80\x01\x04\x02\x04\x03\x00\x00\x00\x00"
                            "ab");
    made.encoding = DELTA_TEXTS;
    made.values = 2;
    assert_message(read_made(&made), "a text begins with more of the text before than that has");
}

static void test_lies_about_dictionaries(void **state)
{
    (void)state;
    struct made right = MADE("\x02\x02\x02");
    right.encoding = DICTIONARY;
    right.dictionary = "\x01\x00\x00\x00x\x00\x00\x00\x00";
    right.dictionary_length = 9;
    right.dictionary_values = 2;
    assert_message(read_made(&right), "an index is larger than the dictionary");
    struct made made = right;
    made.dictionary_values = 3;
    assert_message(read_made(&made), "byte 4: a dictionary of 3 values does not fit in 9 bytes");
    made = right, made.dictionary = "\x01\x00\x00\x00x\x01\x00\x00\x00";
    assert_message(read_made(&made), "text 1 of 2 in the dictionary ends behind the page");
    made = right, made.page = "\x21\x02\x01";
    assert_message(read_made(&made), "the values of the page (PLAIN_DICTIONARY) are damaged");
}

static void test_lies_about_places(void **state)
{
    (void)state;
    const struct made right = MADE("\x01\x00\x00\x00x");
    struct made made = right;
    made.rows = 2;
    assert_message(read_made(&made), "the row groups have 1 rows, the footer says 2");
    made = right, made.chunk_values = 2;
    assert_message(read_made(&made), "the column has 2 values, the row group has 1 rows");
    static const int64_t sizes[] = {-2, 1 << 20, INT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        made = right, made.chunk_size = sizes[i];
        assert_message(read_made(&made), "row group 0, column \"text\", byte 4: the column should have ");
    }
    static const int64_t offsets[] = {-2, 0, 3, 40, INT64_MAX};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        made = right, made.data_offset = offsets[i];
        assert_message(read_made(&made), "but the data are bytes 4 to ");
    }
    made = right, made.chunk_size = 3;
    assert_message(read_made(&made), "byte 4: the page header is damaged: the metadata end too early");
}

static void assert_open_says(const void *data, size_t length, const char *message)
{
    struct parquet_file *file;
    assert_int_equal(parquet_open(write_memory(data, length), &file), STATUS_FAILED);
    assert_null(file);
    assert_message(status_message(), message);
}

static void test_no_parquet(void **state)
{
    (void)state;
    struct parquet_file *file;
    assert_open_says("", 0, "no Parquet file: it does not begin with PAR1");
    assert_open_says("{\"text\": \"no parquet\"}", 22, "no Parquet file");
    assert_open_says("PAR1", 4, "is cut off: its 4 bytes do not end with PAR1");
    assert_open_says("PAR1\0\0\0\0PAR", 11, "is cut off");
    assert_open_says("PAR1\x01\0\0\0PAR1", 12, "the footer should have 1 bytes, but the file has only 12");
    assert_open_says("PAR1\0\0\0\0PAR1", 12, "the footer at byte 4 is damaged: the metadata end too early");
    assert_open_says("PARE\0\0\0\0PARE", 12, "is encrypted (it ends with PARE)");
    assert_int_equal(parquet_open(scratch_path("none.parquet"), &file), STATUS_FAILED);
    assert_message(status_message(), "No such file or directory");
    assert_int_equal(parquet_open(scratch_path(""), &file), STATUS_FAILED);
    assert_message(status_message(), "it is no regular file");
}

static volatile long touched; /* so that texts are read in full, as the address sanitizer wants to see */

/* Reads every column from both ends and in the middle. Whatever happens is right, as long as it ends. */
static void walk(const void *data, size_t length)
{
    struct parquet_file *file;
    struct parquet_value value;
    if (parquet_open(write_memory(data, length), &file) != STATUS_OK)
        return;
    for (int64_t c = 0; c < parquet_columns(file); c++) {
        struct parquet_cursor *cursor;
        if (parquet_cursor_open(file, c, &cursor) != STATUS_OK)
            continue;
        int64_t rows = parquet_rows(file), limit = rows < 1000 ? rows : 1000;
        for (int64_t row = 0; row < limit && parquet_cursor_next(cursor, &value) == STATUS_OK; row++)
            for (size_t i = 0; i < value.length; i += 64)
                touched += value.text[i] + value.text[value.length - 1];
        for (int64_t row = limit - 1; row >= 0; row -= 1 + limit / 5)
            if (parquet_cursor_seek(cursor, row) == STATUS_OK)
                parquet_cursor_next(cursor, &value);
        parquet_cursor_close(cursor);
    }
    parquet_close(file);
}

static void make_optional(struct made *out)
{
    struct made made = MADE("\x02\x00\x00\x00\x03\x0B\x02\x03\x21");
    made.repetition = OPTIONAL;
    made.values = 4;
    made.encoding = DICTIONARY;
    made.dictionary = "\x01\x00\x00\x00x\x00\x00\x00\x00\x03\x00\x00\x00yyy";
    made.dictionary_length = 16;
    made.dictionary_values = 3;
    *out = made;
}

/* Every byte of a small file with every bit, then the file without its end, then its footer without its end.
 */
static void test_damage_of_a_small_file(void **state)
{
    (void)state;
    struct made made;
    struct buffer bytes = {0}, cut = {0};
    make_optional(&made);
    size_t footer = put_file(&bytes, &made);
    assert_string_equal(read_made(&made), "|x|null|yyy|");
    for (size_t i = 0; i < bytes.length; i++)
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            bytes.data[i] = (char)(bytes.data[i] ^ (char)bit);
            walk(bytes.data, bytes.length);
            bytes.data[i] = (char)(bytes.data[i] ^ (char)bit);
        }
    for (size_t length = 0; length < bytes.length; length++)
        assert_open_says(bytes.data, length, length < 4 ? "no Parquet file" : "is cut off");
    for (size_t length = footer; length < bytes.length - 8; length++) {
        buffer_clear(&cut);
        assert_int_equal(buffer_append(&cut, bytes.data, length), STATUS_OK);
        put_tail(&cut, length - footer);
        assert_open_says(cut.data, cut.length, "the footer at byte ");
    }
    buffer_free(&bytes);
    buffer_free(&cut);
}

static void test_damage_of_real_files(void **state)
{
    (void)state;
    static const char *const names[] = {"ccnet20.gzip", "batch_000001", "fineweb400.zstd.rg100"};
    for (size_t n = 0; n < 3; n++) {
        char name[100];
        snprintf(name, sizeof name, "fineweb/parquet/%s.parquet", names[n]);
        const char *path = test_data(name);
        struct buffer bytes = {0};
        if (path == NULL)
            skip();
        assert_int_equal(file_read(path, &bytes), STATUS_OK);
        size_t footer = 8192 < bytes.length ? 8192 : bytes.length;
        for (uint64_t i = 0; i < 60;
             i++) { /* half of the flips hit the end of the file, where the metadata are */
            size_t range = i % 2 == 0 ? footer : bytes.length;
            size_t at = bytes.length - 1 - (size_t)random_below(9, n, i, range);
            char old = bytes.data[at];
            bytes.data[at] = (char)(old ^ (char)(1 << i % 8));
            walk(bytes.data, bytes.length);
            bytes.data[at] = old;
        }
        buffer_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies_about_pages),
        cmocka_unit_test(test_lies_about_prefixes),
        cmocka_unit_test(test_lies_about_dictionaries),
        cmocka_unit_test(test_lies_about_places),
        cmocka_unit_test(test_no_parquet),
        cmocka_unit_test(test_damage_of_a_small_file),
        cmocka_unit_test(test_damage_of_real_files),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

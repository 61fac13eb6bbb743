/* Parquet files: made by hand around one page, real ones, and damaged ones. Files of DuckDB and parquet-rs
 * are in tests/run/parquet_writers.sh. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/parquet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "parquet_making.h"
#include "scratch.h"

/* Appends what a column holds: "a|null|12|0.5|", or the message of the failure. */
static enum status read_column(struct parquet_file *file, int64_t column, struct buffer *out)
{
    struct parquet_cursor *cursor;
    enum status status = parquet_cursor_open(file, column, &cursor);
    enum parquet_kind kind = parquet_column_kind(file, column);
    for (int64_t row = 0; status == STATUS_OK && row < parquet_rows(file); row++) {
        struct parquet_value value;
        status = parquet_cursor_next(cursor, &value);
        if (status != STATUS_OK)
            break;
        if (value.null)
            buffer_printf(out, "null|");
        else if (kind == PARQUET_TEXT)
            buffer_printf(out, "%.*s|", (int)value.length, value.text);
        else if (kind == PARQUET_REAL)
            buffer_printf(out, "%g|", value.real);
        else
            buffer_printf(out, "%lld|", (long long)value.integer);
    }
    if (status != STATUS_OK)
        buffer_printf(out, "%s", status_message());
    parquet_cursor_close(cursor);
    return status;
}

/* A file without a disk, for tests that make thousands; the next call overwrites it. */
static const char *write_memory(const void *data, size_t length)
{
    static char path[64];
    static int descriptor = -1;
    if (descriptor < 0)
        descriptor = memfd_create("parquet", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, 0), 0);
    assert_int_equal(pwrite(descriptor, data, length, 0), length);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return path;
}

/* The only column of a file, or the message with which opening or reading fails. The result stays until the
 * next call. */
static const char *read_made(const struct made *made)
{
    static struct buffer out;
    struct buffer bytes = {0};
    struct parquet_file *file;
    put_file(&bytes, made);
    const char *path = write_memory(bytes.data, bytes.length);
    buffer_free(&bytes);
    buffer_clear(&out);
    assert_int_equal(buffer_reserve(&out, 1), STATUS_OK);
    if (parquet_open(path, &file) != STATUS_OK)
        buffer_printf(&out, "%s", status_message());
    else {
        assert_int_equal(parquet_find_column(file, "text"), 0);
        assert_int_equal(parquet_find_column(file, "tex"), -1);
        read_column(file, 0, &out);
    }
    parquet_close(file);
    return out.data;
}

static void assert_message(const char *found, const char *wanted)
{
    if (strstr(found, wanted) == NULL)
        fail_msg("'%s' is not in '%s'", wanted, found);
}

enum { REQUIRED, OPTIONAL, REPEATED };
enum { BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED };
enum {
    PLAIN = 0,
    DICTIONARY = 2,
    RLE = 3,
    BIT_PACKED = 4,
    DELTAS = 5,
    DELTA_LENGTHS = 6,
    DELTA_TEXTS = 7,
    SPLIT = 9
};
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
    const char *number = strstr(found, "its checksum is ");
    assert_non_null(number);
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
}

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
        cmocka_unit_test(test_lies_about_pages),
        cmocka_unit_test(test_lies_about_dictionaries),
        cmocka_unit_test(test_lies_about_places),
        cmocka_unit_test(test_no_parquet),
        cmocka_unit_test(test_damage_of_a_small_file),
        cmocka_unit_test(test_damage_of_real_files),
        cmocka_unit_test(test_seeks),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

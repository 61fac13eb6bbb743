/* What the chapters of the Parquet reader share: the file as its footer describes it (parquet_footer.c,
 * parquet_schema.c), pages (parquet_page.c), the values of a page (parquet_values.c) and the cursor that
 * walks over them (parquet_cursor.c). Numbers that come from the file keep 64 bits until they are checked. */
#ifndef LLMPI_CORPUS_PARQUET_PRIVATE_H
#define LLMPI_CORPUS_PARQUET_PRIVATE_H

#include "llmpi/corpus/decompress.h"
#include "llmpi/corpus/parquet.h"
#include "llmpi/corpus/parquet_decode.h"

/* Numbers as in parquet.thrift of the format. */
enum physical_type {
    TYPE_BOOLEAN,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_INT96,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_BYTE_ARRAY,
    TYPE_FIXED_LEN_BYTE_ARRAY
};

enum encoding {
    ENCODING_PLAIN = 0,
    ENCODING_PLAIN_DICTIONARY = 2,
    ENCODING_RLE = 3,
    ENCODING_BIT_PACKED = 4,
    ENCODING_DELTA_BINARY_PACKED = 5,
    ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    ENCODING_DELTA_BYTE_ARRAY = 7,
    ENCODING_RLE_DICTIONARY = 8,
    ENCODING_BYTE_STREAM_SPLIT = 9
};

enum page_type { PAGE_DATA, PAGE_INDEX, PAGE_DICTIONARY, PAGE_DATA_V2 };

/* One element of the schema, which is a tree in depth-first order. Absent numbers are -1. */
struct schema_element {
    const char *name; /* in the footer's bytes */
    size_t name_length;
    int64_t type, repetition, children, converted, logical;
    bool logical_unsigned;
};

struct parquet_column {
    char *name;
    enum parquet_kind kind;
    const char *what; /* of kind PARQUET_OTHER: "a list" */
    int64_t type;     /* enum physical_type */
    bool optional, is_unsigned;
    int64_t leaf; /* its (first) place among the columns that are stored */
    int64_t uncompressed;
};

/* The pages of one stored column in one row group. */
struct parquet_chunk {
    int64_t type, codec, values, compressed, uncompressed, data_offset, dictionary_offset;
    bool encrypted, elsewhere;
};

struct row_group {
    int64_t rows, first_row; /* first_row: in the file */
    int64_t first_chunk, chunks;
};

struct parquet_file {
    char *path;
    int descriptor;
    int64_t data_end; /* where the footer begins */
    int64_t rows;
    bool encrypted_columns;
    struct parquet_column *columns;
    int64_t column_count, leaf_count;
    struct row_group *groups;
    int64_t group_count, group_capacity;
    struct parquet_chunk *chunks; /* row group by row group */
    int64_t chunk_count, chunk_capacity;
    struct schema_element *elements; /* while the footer is read */
    int64_t element_count, element_capacity;
};

/* parquet_schema.c: one element; then the columns that all elements make. */
void schema_read_element(struct thrift *thrift, struct schema_element *out);
enum status schema_build_columns(struct parquet_file *file);

/* Memory whose contents do not survive when it grows. */
struct block {
    uint8_t *data;
    size_t capacity;
};
enum status block_reserve(struct block *block, size_t size);

struct page_header {
    int64_t offset, header_size; /* in the file, bytes */
    int64_t type, compressed, uncompressed, values, encoding;
    int64_t level_encoding, level_bytes, repetition_bytes; /* the last two: version 2 */
    bool values_compressed, has_checksum;
    uint32_t checksum;
};

/* An uncompressed page: the levels stand alone in version 2, else they begin the values. */
struct page_body {
    const uint8_t *levels, *levels_end, *values, *end;
};

struct parquet_dictionary {
    const uint8_t *page;
    int64_t count;
    uint32_t *offsets; /* of the texts in the page */
    int64_t capacity;
};

/* The values of a page that are not null, one after the other. */
struct page_values {
    int64_t type;
    bool is_unsigned;
    enum encoding encoding;
    const uint8_t *at, *end;
    unsigned bit;  /* PLAIN booleans: used of *at */
    int64_t index; /* BYTE_STREAM_SPLIT: values given, and how many there are */
    int64_t count;
    struct hybrid runs;             /* indices, or booleans */
    struct delta integers, lengths; /* integers or lengths of prefixes; lengths of (the rest of) the texts */
    const struct parquet_dictionary *dictionary;
};

struct parquet_cursor {
    const struct parquet_file *file;
    const struct parquet_column *column;
    int64_t row;   /* that is wanted next */
    int64_t group; /* where the pages are walked; -1 for nowhere */
    const struct parquet_chunk *chunk;
    int64_t position, chunk_end; /* of the next page header */
    int64_t bytes;
    int64_t first_row; /* in the file, of the page */
    struct page_header page;
    bool loaded; /* the page is in memory, and decoding stands before row decoded_row */
    int64_t decoded_row;
    struct page_header dictionary_page;
    bool has_dictionary_page;
    int64_t dictionary_group; /* whose dictionary is in memory; -1 for none */
    struct parquet_dictionary dictionary;
    struct page_body body;
    struct hybrid levels;
    struct page_values values;
    struct block header_bytes, compressed, uncompressed, dictionary_bytes, joined;
    size_t joined_length; /* of the last text that was put together from a prefix and the rest */
    struct decompressor *decompressor;
};

/* "FILE: row group G, column "NAME", byte OFFSET: ..." */
enum status cursor_fail(const struct parquet_cursor *cursor, int64_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* parquet_page.c: reads the header at cursor->position and moves on behind its page. */
enum status page_read_header(struct parquet_cursor *cursor, struct page_header *out);

/* Reads and uncompresses a page into `target`. */
enum status page_read_body(struct parquet_cursor *cursor, const struct page_header *page,
                           struct block *target, struct page_body *out);

/* NULL, or the name of a codec that cannot be read. */
const char *page_unreadable_codec(int64_t codec);

/* parquet_values.c: finds the texts of a dictionary page. */
enum status values_index_dictionary(struct parquet_cursor *cursor, const struct page_body *body);

/* Starts on the bytes [at, end) of the cursor's page. */
enum status values_begin(struct parquet_cursor *cursor, const uint8_t *at, const uint8_t *end);

/* The next value into *out, which the caller has zeroed. Returns NULL, or what is wrong. */
const char *values_next(struct parquet_cursor *cursor, struct parquet_value *out);

#endif

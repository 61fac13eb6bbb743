/* The three small formats inside a Parquet file: Thrift's compact protocol, in which its metadata are
 * written, and the two ways in which it packs integers. All work on bytes in memory, read nothing behind
 * their end, and take time in proportion to what they are asked for, whatever the bytes say.
 *
 * Formats: github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md;
 * github.com/apache/parquet-format/blob/master/Encodings.md. */
#ifndef LLMPI_CORPUS_PARQUET_DECODE_H
#define LLMPI_CORPUS_PARQUET_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thrift_type {
    THRIFT_STOP,
    THRIFT_TRUE,
    THRIFT_FALSE,
    THRIFT_BYTE,
    THRIFT_I16,
    THRIFT_I32,
    THRIFT_I64,
    THRIFT_DOUBLE,
    THRIFT_BINARY,
    THRIFT_LIST,
    THRIFT_SET,
    THRIFT_MAP,
    THRIFT_STRUCT,
    THRIFT_UUID
};

/* Set at, end and nothing else. Once something is wrong, `problem` says what, fields and lists are at their
 * end, and values are zero, so that one look at the end of a structure is enough. */
struct thrift {
    const uint8_t *at, *end;
    const char *problem;
    bool ended_early; /* the problem is that bytes are missing at the end */
};

struct thrift_field {
    int64_t id;
    enum thrift_type type;
};

/* The next field of a structure; false behind the last one. Start with {0}. The value of every field must be
 * taken by one of the functions below, which complain about another type, or skipped. */
bool thrift_next_field(struct thrift *thrift, struct thrift_field *field);
int64_t thrift_integer(struct thrift *thrift, struct thrift_field field);
bool thrift_boolean(struct thrift *thrift, struct thrift_field field);
void thrift_binary(struct thrift *thrift, struct thrift_field field, const char **data, size_t *length);

/* True when the field is a structure, whose fields come next. */
bool thrift_struct(struct thrift *thrift, struct thrift_field field);

/* The number of elements, all of that type, which come next. Never more than there are bytes left. */
int64_t thrift_list(struct thrift *thrift, struct thrift_field field, enum thrift_type element);
void thrift_skip(struct thrift *thrift, struct thrift_field field);

/* Little-endian integers. */
static inline uint32_t load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t load_u64(const uint8_t *at)
{
    return load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

/* An unsigned LEB128 number at *at, which moves on; false when it does not end before `end` or exceeds 64
 * bits. */
bool varint_read(const uint8_t **at, const uint8_t *end, uint64_t *out);

/* The RLE/bit-packing hybrid: runs of one value, and runs of values of `width` bits. */
struct hybrid {
    const uint8_t *at, *end; /* where the next run begins */
    unsigned width;
    uint64_t left; /* values of the current run */
    bool packed;
    uint32_t value;               /* of a run of one value */
    const uint8_t *bits, *finish; /* of a packed run: its next whole byte, its end */
    unsigned shift;               /* bits of that byte already used */
};

/* Starts on the bytes [at, end). width <= 32. */
void hybrid_begin(struct hybrid *hybrid, const uint8_t *at, const uint8_t *end, unsigned width);

/* False when there is no further value. */
bool hybrid_next(struct hybrid *hybrid, uint32_t *out);

/* DELTA_BINARY_PACKED. Sums wrap around. */
struct delta {
    const uint8_t *at, *end;
    uint64_t value, least; /* the last value; the smallest delta of the block */
    int64_t left;          /* values not yet given */
    bool first;            /* the first value, which the header holds, was not given yet */
    int64_t miniblocks, miniblock_values;
    int64_t miniblock;     /* of the block: the number of the next one */
    const uint8_t *widths; /* of the miniblocks of this block */
    int64_t miniblock_left;
    unsigned width, shift;
};

/* Reads the header. False when it makes no sense. */
bool delta_begin(struct delta *delta, const uint8_t *at, const uint8_t *end);
bool delta_next(struct delta *delta, int64_t *out);

/* Where the bytes behind all of its values begin, or NULL. Works only straight after delta_begin. */
const uint8_t *delta_finish(struct delta delta);

#endif

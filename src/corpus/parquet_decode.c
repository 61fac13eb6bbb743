/* Packed integers. Runs and miniblocks are walked value by value; what a header claims is checked against the
 * bytes that are there when the run begins, so that the inner loops only count down. */
#include "llmpi/corpus/parquet_decode.h"

bool varint_read(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* `width` bits from bit `shift` of *at on; bits behind `end` are zero. width <= 64, shift < 8. */
static uint64_t load_bits(const uint8_t *at, const uint8_t *end, unsigned shift, unsigned width)
{
    uint64_t value = 0;
    size_t available = (size_t)(end - at);
    if (available >= 8)
        value = load_u64(at);
    else
        for (size_t i = 0; i < available; i++)
            value |= (uint64_t)at[i] << 8 * i;
    value >>= shift;
    if (shift + width > 64 && available > 8)
        value |= (uint64_t)at[8] << (64 - shift);
    return width < 64 ? value & (((uint64_t)1 << width) - 1) : value;
}

void hybrid_begin(struct hybrid *hybrid, const uint8_t *at, const uint8_t *end, unsigned width)
{
    *hybrid = (struct hybrid){.at = at, .end = end, .width = width};
}

/* Packed runs hold whole groups of eight values; the last one may be cut off behind the last byte needed. */
static bool begin_run(struct hybrid *hybrid)
{
    uint64_t header;
    if (!varint_read(&hybrid->at, hybrid->end, &header))
        return false;
    size_t available = (size_t)(hybrid->end - hybrid->at);
    hybrid->packed = (header & 1) != 0;
    hybrid->left = header >> 1;
    if (hybrid->packed) {
        bool whole = hybrid->width == 0 || hybrid->left <= available / hybrid->width;
        size_t bytes = whole ? (size_t)hybrid->left * hybrid->width : available;
        hybrid->left = whole ? hybrid->left * 8 : (uint64_t)available * 8 / hybrid->width;
        hybrid->bits = hybrid->at;
        hybrid->shift = 0;
        hybrid->finish = hybrid->at += bytes;
        return true;
    }
    size_t bytes = (hybrid->width + 7) / 8;
    if (bytes > available)
        return false;
    hybrid->value = (uint32_t)load_bits(hybrid->at, hybrid->at + bytes, 0, hybrid->width);
    hybrid->at += bytes;
    return true;
}

bool hybrid_next(struct hybrid *hybrid, uint32_t *out)
{
    while (hybrid->left == 0)
        if (!begin_run(hybrid))
            return false;
    hybrid->left--;
    *out = hybrid->value;
    if (hybrid->packed) {
        *out = (uint32_t)load_bits(hybrid->bits, hybrid->finish, hybrid->shift, hybrid->width);
        hybrid->shift += hybrid->width;
        hybrid->bits += hybrid->shift / 8;
        hybrid->shift %= 8;
    }
    return true;
}

static uint64_t zigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

bool delta_begin(struct delta *delta, const uint8_t *at, const uint8_t *end)
{
    uint64_t block, miniblocks, count, first;
    *delta = (struct delta){.at = at, .end = end};
    if (!varint_read(&delta->at, end, &block) || !varint_read(&delta->at, end, &miniblocks) ||
        !varint_read(&delta->at, end, &count) || !varint_read(&delta->at, end, &first))
        return false;
    if (block == 0 || block > INT32_MAX || miniblocks == 0 || block % miniblocks != 0 ||
        block / miniblocks % 32 != 0 || count > INT32_MAX)
        return false;
    delta->value = zigzag(first);
    delta->left = (int64_t)count;
    delta->first = true;
    delta->miniblocks = (int64_t)miniblocks;
    delta->miniblock_values = (int64_t)(block / miniblocks);
    delta->miniblock = delta->miniblocks;
    return true;
}

/* Goes to the next miniblock, reading the header of a block where one begins. */
static bool begin_miniblock(struct delta *delta)
{
    if (delta->miniblock == delta->miniblocks) {
        uint64_t least;
        if (!varint_read(&delta->at, delta->end, &least) || delta->miniblocks > delta->end - delta->at)
            return false;
        delta->least = zigzag(least);
        delta->widths = delta->at;
        delta->at += delta->miniblocks;
        delta->miniblock = 0;
    }
    delta->width = delta->widths[delta->miniblock++];
    delta->shift = 0;
    delta->miniblock_left = delta->miniblock_values;
    return delta->width <= 64 && delta->miniblock_values / 8 * delta->width <= delta->end - delta->at;
}

bool delta_next(struct delta *delta, int64_t *out)
{
    if (delta->left == 0)
        return false;
    if (!delta->first) {
        if (delta->miniblock_left == 0 && !begin_miniblock(delta))
            return false;
        delta->value += delta->least + load_bits(delta->at, delta->end, delta->shift, delta->width);
        delta->shift += delta->width;
        delta->at += delta->shift / 8;
        delta->shift %= 8;
        delta->miniblock_left--;
    }
    delta->first = false;
    delta->left--;
    *out = (int64_t)delta->value;
    return true;
}

const uint8_t *delta_finish(struct delta delta)
{
    for (int64_t left = delta.left - 1; left > 0; left -= delta.miniblock_values) {
        if (!begin_miniblock(&delta))
            return NULL;
        delta.at += delta.miniblock_values / 8 * delta.width;
    }
    return delta.at;
}

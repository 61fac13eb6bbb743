/* A cursor walks over the memory and hands out aligned pieces; walking over NULL only counts. Overflow
 * saturates, so that an absurd shape ends as "out of memory" where it is allocated. */
#include "llmpi/model/activations.h"

#include "llmpi/base/memory.h"
#include "llmpi/kernels/element.h"

#define LOGITS_BYTES                                                                                         \
    ((int64_t)64 << 20) /* a chunk of logits: large enough for fast products, small beside the rest */

struct cursor {
    char *memory;
    int64_t used;
};

static int64_t multiply(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static void *take_bytes(struct cursor *cursor, int64_t bytes)
{
    int64_t end;
    if (__builtin_add_overflow(bytes, MEMORY_ALIGNMENT - 1, &end) ||
        __builtin_add_overflow(cursor->used, end / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT, &end))
        end = INT64_MAX - MEMORY_ALIGNMENT;
    void *piece = cursor->memory == NULL ? NULL : cursor->memory + cursor->used;
    cursor->used = end;
    return piece;
}

/* The next rows x width elements. */
static float *take(struct cursor *cursor, int64_t rows, int64_t width)
{
    return take_bytes(cursor, multiply(multiply(rows, width), (int64_t)element_size(ELEMENT_FP32)));
}

/* Everything of a block but its input, which is the output of the one before. */
static struct block_activations take_block(struct cursor *cursor, const struct model_shape *shape,
                                           int64_t sequences, int64_t rows)
{
    return (struct block_activations){
        .output = take(cursor, rows, shape->n_embd),
        .mean_1 = take(cursor, rows, 1),
        .rstd_1 = take(cursor, rows, 1),
        .mean_2 = take(cursor, rows, 1),
        .rstd_2 = take(cursor, rows, 1),
        .qkv = take(cursor, rows, 3 * shape->n_embd),
        .lse = take(cursor, multiply(sequences, shape->n_head), shape->context_length),
        .attention = take(cursor, rows, shape->n_embd),
        .middle = take(cursor, rows, shape->n_embd),
    };
}

/* Without training there is one set of memory: a block's input is dead when its output is written, and so is
 * what entered GELU when it leaves. */
static void take_blocks(struct cursor *cursor, const struct model_shape *shape, int64_t sequences,
                        int64_t rows, bool training, struct activations *out)
{
    float *input = training ? take(cursor, rows, shape->n_embd) : NULL;
    struct block_activations block = {0};
    for (int64_t i = 0; i < shape->n_layer; i++) {
        if (training || i == 0)
            block = take_block(cursor, shape, sequences, rows);
        block.input = training ? input : block.output;
        block.fc = training ? take(cursor, rows, 4 * shape->n_embd) : out->wide;
        input = block.output;
        if (out->blocks != NULL)
            out->blocks[i] = block;
    }
}

static int64_t head_rows(const struct model_shape *shape, int64_t rows)
{
    int64_t chunk = LOGITS_BYTES / (shape->vocab_size * (int64_t)element_size(ELEMENT_FP32));
    return chunk < 1 ? 1 : chunk < rows ? chunk : rows;
}

int64_t activations_layout(const struct model_shape *shape, int64_t sequences, bool training, void *memory,
                           struct activations *out)
{
    struct cursor cursor = {.memory = memory};
    int64_t rows = multiply(sequences, shape->context_length);
    out->wide = take(&cursor, rows, 4 * shape->n_embd);
    take_blocks(&cursor, shape, sequences, rows, training, out);
    out->narrow = take(&cursor, rows, shape->n_embd);
    out->branch = NULL;
    out->gradient = NULL;
    struct attention_shape attention = activations_attention(shape, sequences, shape->context_length, NULL);
    out->attention_workspace = take_bytes(&cursor, attention_workspace(&attention));
    if (training) {
        out->branch = take(&cursor, rows, shape->n_embd);
        out->gradient = take(&cursor, rows, shape->n_embd);
    }
    out->chunk_rows = head_rows(shape, rows);
    out->logits = take(&cursor, out->chunk_rows, shape->vocab_size);
    out->losses = take(&cursor, out->chunk_rows, 1);
    out->mean = take(&cursor, out->chunk_rows, 1);
    out->rstd = take(&cursor, out->chunk_rows, 1);
    return cursor.used;
}

struct attention_shape activations_attention(const struct model_shape *shape, int64_t sequences,
                                             int64_t length, const int32_t *first_visible)
{
    return (struct attention_shape){
        .sequences = sequences,
        .n_query = length,
        .n_key = length,
        .n_head = shape->n_head,
        .n_kv_head = shape->n_head,
        .head_width = shape->n_embd / shape->n_head,
        .query_stride = 3 * shape->n_embd,
        .key_stride = 3 * shape->n_embd,
        .value_stride = 3 * shape->n_embd,
        .out_stride = shape->n_embd,
        .first_visible = first_visible,
        .element = ELEMENT_FP32,
    };
}

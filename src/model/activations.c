/* A cursor walks over the memory and hands out aligned pieces; walking over NULL only counts. Overflow
 * saturates, so that an absurd shape ends as "out of memory" where it is allocated. */
#include "llmpi/model/activations.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/matmul.h"

/* A chunk of fp32 logits: about a thousand rows at GPT-2's vocabulary. The head's weight gradient, 154 MB
 * there, is read and written once per chunk. */
#define LOGITS_BYTES ((int64_t)208 << 20)

struct cursor {
    char *memory;
    int64_t used;
};

static int64_t multiply(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* The next bytes. */
static void *take(struct cursor *cursor, int64_t bytes)
{
    int64_t end;
    if (__builtin_add_overflow(bytes, MEMORY_ALIGNMENT - 1, &end) ||
        __builtin_add_overflow(cursor->used, end / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT, &end))
        end = INT64_MAX - MEMORY_ALIGNMENT;
    void *piece = cursor->memory == NULL ? NULL : cursor->memory + cursor->used;
    cursor->used = end;
    return piece;
}

/* The next rows x width elements, or floats. */
static void *take_elements(struct cursor *cursor, enum element element, int64_t rows, int64_t width)
{
    return take(cursor, multiply(multiply(rows, width), (int64_t)element_size(element)));
}

static float *take_floats(struct cursor *cursor, int64_t rows, int64_t width)
{
    return take_elements(cursor, ELEMENT_FP32, rows, width);
}

/* What attention leaves: kept for every block, or shared where it is computed again. */
static void take_attention(struct cursor *cursor, const struct model_shape *shape,
                           const struct model_use *use, int64_t rows, struct block_activations *out)
{
    out->mean_1 = take_floats(cursor, rows, 1);
    out->rstd_1 = take_floats(cursor, rows, 1);
    out->qkv = take_elements(cursor, use->element, rows, 3 * shape->n_embd);
    out->lse = take_floats(cursor, multiply(use->sequences, shape->n_head), shape->context_length);
    out->attention = take_elements(cursor, use->element, rows, shape->n_embd);
}

/* What lies between attention and the block's output; without training, what entered GELU is dead when it
 * leaves. */
static void take_mlp(struct cursor *cursor, const struct model_shape *shape, const struct model_use *use,
                     int64_t rows, void *wide, struct block_activations *out)
{
    out->middle = take_floats(cursor, rows, shape->n_embd);
    out->mean_2 = take_floats(cursor, rows, 1);
    out->rstd_2 = take_floats(cursor, rows, 1);
    out->fc = use->training ? take_elements(cursor, use->element, rows, 4 * shape->n_embd) : wide;
}

/* A block's input is the output of the one before; without training it is dead when its output is written. */
static void take_blocks(struct cursor *cursor, const struct model_shape *shape, const struct model_use *use,
                        int64_t rows, struct activations *out)
{
    struct block_activations block = {0};
    float *input = take_floats(cursor, rows, shape->n_embd);
    for (int64_t i = 0; i < shape->n_layer; i++) {
        bool first = i == 0;
        block.input = input;
        block.output = use->training ? take_floats(cursor, rows, shape->n_embd) : input;
        if (first || (use->training && use->recompute == RECOMPUTE_NONE))
            take_attention(cursor, shape, use, rows, &block);
        if (first || (use->training && use->recompute != RECOMPUTE_BLOCK))
            take_mlp(cursor, shape, use, rows, out->wide, &block);
        input = block.output;
        if (out->blocks != NULL)
            out->blocks[i] = block;
    }
}

static int64_t head_rows(const struct model_shape *shape, int64_t rows)
{
    int64_t chunk = LOGITS_BYTES / (shape->vocab_size * (int64_t)sizeof(float));
    return chunk < 1 ? 1 : chunk < rows ? chunk : rows;
}

/* Scratch of the products of a block and of the head, and of attention. */
static int64_t workspace_bytes(const struct model_shape *shape, const struct model_use *use, int64_t rows,
                               int64_t chunk_rows)
{
    const int64_t products[][2] = {{1, 3}, {1, 1}, {1, 4}, {4, 1}}; /* inputs, outputs in n_embd */
    struct attention_shape attention =
        activations_attention(shape, use->element, use->sequences, shape->context_length, NULL);
    int64_t most = larger(attention_workspace(&attention),
                          matmul_workspace(shape->n_embd, shape->vocab_size, use->element, chunk_rows));
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        int64_t inputs = products[i][0] * shape->n_embd, outputs = products[i][1] * shape->n_embd;
        most = larger(most, matmul_workspace(inputs, outputs, use->element, rows));
        if (shape->lora.rank == 0)
            continue;
        most = larger(most, matmul_workspace(inputs, shape->lora.rank, use->element, rows));
        most = larger(most, matmul_workspace(shape->lora.rank, outputs, use->element, rows));
    }
    return most;
}

int64_t activations_layout(const struct model_shape *shape, const struct model_use *use, void *memory,
                           struct activations *out)
{
    struct cursor cursor = {.memory = memory};
    int64_t rows = multiply(use->sequences, shape->context_length), width = shape->n_embd;
    out->element = use->element;
    out->recompute = use->recompute;
    out->wide = take_elements(&cursor, use->element, rows, 4 * width);
    take_blocks(&cursor, shape, use, rows, out);
    out->narrow = take_elements(&cursor, use->element, rows, width);
    out->branch = use->training ? take_elements(&cursor, use->element, rows, width) : NULL;
    out->gradient = use->training ? take_floats(&cursor, rows, width) : NULL;
    if (shape->lora.rank > 0) {
        out->low = take_elements(&cursor, use->element, rows, shape->lora.rank);
        out->added = take_elements(&cursor, use->element, smaller(rows, ADAPTER_ROWS), 4 * width);
    }
    out->chunk_rows = head_rows(shape, rows);
    out->workspace = take(&cursor, workspace_bytes(shape, use, rows, out->chunk_rows));
    out->logits = take_floats(&cursor, out->chunk_rows, shape->vocab_size);
    out->dlogits = use->training && use->element != ELEMENT_FP32
                       ? take_elements(&cursor, use->element, out->chunk_rows, shape->vocab_size)
                       : out->logits;
    out->losses = take_floats(&cursor, out->chunk_rows, 1);
    out->mean = take_floats(&cursor, out->chunk_rows, 1);
    out->rstd = take_floats(&cursor, out->chunk_rows, 1);
    return cursor.used;
}

struct attention_shape activations_attention(const struct model_shape *shape, enum element element,
                                             int64_t sequences, int64_t length, const int32_t *first_visible)
{
    return (struct attention_shape){
        .element = element,
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
    };
}

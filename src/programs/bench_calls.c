/* Each call is one kernel with the sizes that one block, or the head's chunk, gives it. No call feeds on its
 * own output in a way that makes numbers fade away over many calls, since tiny numbers would be slow. */
#include "bench_calls.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/random.h"
#include "llmpi/kernels/cross_entropy.h"
#include "llmpi/kernels/embedding.h"
#include "llmpi/kernels/gelu.h"
#include "llmpi/kernels/layernorm.h"
#include "llmpi/kernels/residual.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/model/activations.h"
#include "llmpi/optimize/adamw.h"
#include "llmpi/optimize/norm.h"

enum { SQUARE = 2048, LARGE = 1 << 25 }; /* rows of the square product; floats */

/* --- the calls --- */

static void run_memory(void *context)
{
    const struct calls *c = context;
    bench_add(c->large[0], c->large[1], LARGE);
}

static void run_square(void *context)
{
    const struct calls *c = context;
    matmul_forward(c->large[0], c->element, c->large[1], c->square, NULL, SQUARE, c->workspace);
}

static void run_embedding_forward(void *context)
{
    const struct calls *c = context;
    embedding_forward(c->stream[2], c->token_embedding[0], c->position_embedding[0], c->tokens, NULL, c->rows,
                      c->shape.context_length, c->shape.n_embd);
}

static void run_embedding_backward(void *context)
{
    const struct calls *c = context;
    embedding_backward(c->token_embedding[1], c->position_embedding[1], c->stream[0], c->tokens, NULL,
                       c->rows, c->shape.context_length, c->shape.n_embd);
}

/* Gain and bias are the first two rows of an embedding. */
static void run_layernorm_forward(void *context)
{
    const struct calls *c = context;
    int64_t width = c->shape.n_embd;
    layernorm_forward(c->narrow[2], c->element, c->row_values[0], c->row_values[1], c->stream[0],
                      c->token_embedding[0], c->token_embedding[0] + width, c->rows, width);
}

static void run_layernorm_backward(void *context)
{
    const struct calls *c = context;
    int64_t width = c->shape.n_embd;
    layernorm_backward(c->stream[2], c->token_embedding[1], c->token_embedding[1] + width, c->narrow[1],
                       c->element, c->stream[0], c->row_values[0], c->row_values[1], c->token_embedding[0],
                       c->rows, width);
}

static void run_gelu_forward(void *context)
{
    const struct calls *c = context;
    gelu_forward(c->wide[2], c->wide[0], c->element, c->rows * 4 * c->shape.n_embd);
}

static void run_gelu_backward(void *context)
{
    const struct calls *c = context;
    gelu_backward(c->wide[2], c->wide[0], c->wide[1], c->element, c->rows * 4 * c->shape.n_embd);
}

static void run_residual_forward(void *context)
{
    const struct calls *c = context;
    residual_forward(c->stream[2], c->stream[0], c->narrow[1], c->element, c->rows * c->shape.n_embd);
}

static void run_residual_backward(void *context)
{
    const struct calls *c = context;
    residual_backward(c->stream[1], c->stream[0], c->rows * c->shape.n_embd);
}

static void run_dropout_forward(void *context)
{
    const struct calls *c = context;
    dropout_forward(c->narrow[2], c->narrow[0], c->element, c->attention.sequences,
                    c->shape.context_length * c->shape.n_embd, &c->dropout);
}

/* `count` elements after the beginning of an array. */
static const void *beside(const struct calls *c, const void *values, int64_t count)
{
    return (const char *)values + count * (int64_t)element_size(c->element);
}

static void run_attention_forward(void *context)
{
    const struct calls *c = context;
    const void *qkv = c->wide[0];
    int64_t width = c->shape.n_embd;
    attention_forward(c->narrow[2], c->lse, qkv, beside(c, qkv, width), beside(c, qkv, 2 * width),
                      &c->attention, NULL, c->workspace);
}

static void run_attention_backward(void *context)
{
    const struct calls *c = context;
    const void *qkv = c->wide[0];
    char *gradient = c->wide[1];
    int64_t width = c->shape.n_embd, bytes = width * (int64_t)element_size(c->element);
    attention_backward(gradient, gradient + bytes, gradient + 2 * bytes, c->narrow[1], qkv,
                       beside(c, qkv, width), beside(c, qkv, 2 * width), c->narrow[0], c->lse, &c->attention,
                       NULL, c->workspace);
}

static void run_cross_entropy_forward(void *context)
{
    const struct calls *c = context;
    cross_entropy_forward(c->row_values[0], c->logits, c->tokens, c->chunk_rows, c->shape.vocab_size);
}

static void run_cross_entropy_backward(void *context)
{
    const struct calls *c = context;
    cross_entropy_backward(c->dlogits, c->element, c->row_values[0], c->logits, c->tokens, NULL,
                           c->chunk_rows, c->shape.vocab_size);
}

static void run_norm(void *context)
{
    struct calls *c = context;
    norm_chunks(c->large[1], LARGE, c->squares);
    c->norm = norm_tree(c->squares, LARGE / NORM_CHUNK);
}

static void run_adamw(void *context)
{
    const struct calls *c = context;
    const struct adamw settings = {
        .learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .step = 10};
#pragma omp parallel
    {
        struct share share = threads_share(LARGE);
        int64_t i = share.first;
        adamw_update(&settings, c->large[0] + i, c->large[1] + i, c->large[2] + i, c->large[3] + i,
                     share.count, 1);
    }
}

/* --- their sizes --- */

static void add(struct calls *calls, const char *name, void (*run)(void *context), double bytes, double flop)
{
    calls->calls[calls->count] = (struct call){name, bytes, flop};
    calls->items[calls->count++] = (struct measured){.run = run, .context = calls};
}

/* Attention multiplies two pairs of matrices forward and five backward; half of each is masked. */
static void list_calls(struct calls *calls)
{
    const struct model_shape *shape = &calls->shape;
    double values = (double)calls->rows * (double)shape->n_embd, fp32 = sizeof(float);
    double stream = fp32 * values, narrow = (double)element_size(calls->element) * values;
    double logits = (double)calls->chunk_rows * (double)shape->vocab_size, large = fp32 * LARGE;
    double positions = fp32 * (double)shape->context_length * (double)shape->n_embd;
    double pair = values * (double)(shape->context_length + 1);
    add(calls, "memory, a += b", run_memory, 3 * large, 0);
    add(calls, "products, 2048^3", run_square, 0, 2.0 * SQUARE * SQUARE * SQUARE);
    add(calls, "embedding forward", run_embedding_forward, 2 * stream + positions, 0);
    add(calls, "embedding backward", run_embedding_backward, 3 * stream + 2 * positions, 0);
    add(calls, "layernorm forward", run_layernorm_forward, stream + narrow, 0);
    add(calls, "layernorm backward", run_layernorm_backward, 3 * stream + narrow, 0);
    add(calls, "attention forward", run_attention_forward, 0, 2 * pair);
    add(calls, "attention backward", run_attention_backward, 0, 5 * pair);
    add(calls, "gelu forward", run_gelu_forward, 8 * narrow, 0);
    add(calls, "gelu backward", run_gelu_backward, 12 * narrow, 0);
    add(calls, "residual forward", run_residual_forward, 2 * stream + narrow, 0);
    add(calls, "residual backward", run_residual_backward, 3 * stream, 0);
    add(calls, "dropout", run_dropout_forward, 2 * narrow, 0);
    add(calls, "cross-entropy forward", run_cross_entropy_forward, fp32 * logits, 0);
    add(calls, "cross-entropy backward", run_cross_entropy_backward,
        (fp32 + (double)element_size(calls->element)) * logits, 0);
    add(calls, "norm of 33.6 M", run_norm, large, 0);
    add(calls, "AdamW of 33.6 M", run_adamw, 7 * large, 0);
}

/* --- memory --- */

/* a x b values; a product that passes 64 bits is one that no allocation satisfies. */
static bool take(float **values, int64_t a, int64_t b, const char *what)
{
    int64_t count;
    *values = bench_values(__builtin_mul_overflow(a, b, &count) ? INT64_MAX : count, what);
    return *values != NULL;
}

static bool take_elements(const struct calls *calls, void **values, int64_t a, int64_t b)
{
    int64_t count;
    *values = bench_elements(calls->element, __builtin_mul_overflow(a, b, &count) ? INT64_MAX : count,
                             "activations");
    return *values != NULL;
}

static int64_t workspace_bytes(const struct calls *calls)
{
    int64_t attention = attention_workspace(&calls->attention);
    int64_t square = matmul_workspace(SQUARE, SQUARE, calls->element, SQUARE);
    return larger(attention, square);
}

static bool take_memory(struct calls *calls)
{
    const struct model_shape *shape = &calls->shape;
    bool taken = true;
    for (int i = 0; i < 4; i++)
        taken = taken && take(&calls->large[i], LARGE, 1, "large arrays");
    calls->squares = memory_allocate(LARGE / NORM_CHUNK, sizeof *calls->squares, "squares");
    taken = taken && calls->squares != NULL;
    for (int i = 0; i < 3; i++) {
        taken = taken && take(&calls->stream[i], calls->rows, shape->n_embd, "activations");
        taken = taken && take_elements(calls, &calls->narrow[i], calls->rows, shape->n_embd);
        taken = taken && take_elements(calls, &calls->wide[i], calls->rows, 4 * shape->n_embd);
    }
    for (int i = 0; i < 2; i++) {
        taken = taken && take(&calls->token_embedding[i], shape->vocab_size, shape->n_embd, "embeddings");
        taken =
            taken && take(&calls->position_embedding[i], shape->context_length, shape->n_embd, "embeddings");
        taken = taken && take(&calls->row_values[i], calls->rows, 1, "statistics");
    }
    taken = taken && take(&calls->logits, calls->chunk_rows, shape->vocab_size, "logits");
    taken = taken && (calls->element == ELEMENT_FP32
                          ? (calls->dlogits = calls->logits) != NULL
                          : take_elements(calls, &calls->dlogits, calls->chunk_rows, shape->vocab_size));
    taken = taken && take(&calls->lse, calls->rows, shape->n_head, "statistics");
    taken = taken && (calls->workspace = memory_allocate(workspace_bytes(calls), 1, "scratch")) != NULL;
    calls->tokens = taken ? memory_allocate(calls->rows, sizeof *calls->tokens, "tokens") : NULL;
    return calls->tokens != NULL;
}

static void fill(struct calls *calls)
{
    for (int64_t i = 0; i < calls->rows; i++)
        calls->tokens[i] =
            (uint32_t)random_below(1, RANDOM_BENCH, (uint64_t)i, (uint64_t)calls->shape.vocab_size);
    for (int64_t i = 0; i < LARGE; i++)
        calls->large[3][i] *= calls->large[3][i]; /* second moments are not negative */
    weight_refresh(calls->square, calls->large[2]);
    if (calls->element == ELEMENT_BF16)
        element_from_float((bf16 *)calls->large[1], calls->large[1], SQUARE * SQUARE);
}

enum status calls_create(const struct model_shape *shape, const struct model_use *use, struct calls *calls)
{
    struct activations layout = {0};
    *calls = (struct calls){
        .shape = *shape, .element = use->element, .dropout = {.probability = 0.1, .seed = 1, .step = 1}};
    if (shape->dropout > 0)
        calls->dropout.probability = shape->dropout;
    activations_layout(shape, use, NULL, &layout);
    calls->chunk_rows = layout.chunk_rows;
    if (__builtin_mul_overflow(use->sequences, shape->context_length, &calls->rows))
        calls->rows = INT64_MAX;
    calls->attention =
        activations_attention(shape, use->element, use->sequences, shape->context_length, NULL);
    calls->square = weight_create(SQUARE, SQUARE, false, use->element, &allocator_plain);
    if (calls->square == NULL || !take_memory(calls))
        return STATUS_FAILED;
    fill(calls);
    list_calls(calls);
    return STATUS_OK;
}

void calls_free(struct calls *calls)
{
    for (int i = 0; i < 4; i++)
        memory_free(calls->large[i]);
    memory_free(calls->squares);
    for (int i = 0; i < 3; i++) {
        memory_free(calls->stream[i]);
        memory_free(calls->narrow[i]);
        memory_free(calls->wide[i]);
    }
    for (int i = 0; i < 2; i++) {
        memory_free(calls->token_embedding[i]);
        memory_free(calls->position_embedding[i]);
        memory_free(calls->row_values[i]);
    }
    if (calls->dlogits != calls->logits)
        memory_free(calls->dlogits);
    memory_free(calls->logits);
    memory_free(calls->lse);
    memory_free(calls->workspace);
    memory_free(calls->tokens);
    weight_destroy(calls->square);
}

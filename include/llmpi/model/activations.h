/* Memory of a forward and a backward pass: what forward saves for backward in each block, and the scratch
 * that all blocks share. It is one allocation, laid out once for the largest batch.
 *
 * The residual stream and its gradient are fp32 in every precision; what lies on the branches beside it is of
 * the run's element. Saved per block and token: 2 n_embd floats, 8 n_embd elements and a few numbers. The
 * outputs of the layernorms and of GELU (6 n_embd) are computed again in backward, which costs about a
 * hundredth of a step; train.recompute goes further. Without training, all blocks share the memory of one. */
#ifndef LLMPI_MODEL_ACTIVATIONS_H
#define LLMPI_MODEL_ACTIVATIONS_H

#include "llmpi/kernels/attention.h"
#include "llmpi/kernels/element.h"
#include "llmpi/model/parameters.h"

#include <stdbool.h>
#include <stdint.h>

/* What backward computes again instead of forward saving it for every block (Chen et al. 2016,
 * arXiv:1604.06174). */
enum recompute {
    RECOMPUTE_NONE,
    RECOMPUTE_ATTENTION, /* query, key, value and attention's output */
    RECOMPUTE_BLOCK      /* everything but the residual stream between blocks */
};

/* What a model is made for. */
struct model_use {
    int64_t sequences; /* rows of a batch, at most, each of up to context_length tokens */
    bool training;     /* backward passes too */
    enum element element;
    enum recompute recompute;
    float *gradients; /* the caller's memory for table->trainable of them; NULL: the model takes its own */
};

/* What one block saves. `rows` are the tokens of the batch; void pointers are arrays of the element. */
struct block_activations {
    float *input;  /* (rows, n_embd): the residual stream that enters the block */
    float *output; /* (rows, n_embd): the one that leaves it; the next block's input */
    float *mean_1; /* (rows), also the next three: statistics of ln_1 and ln_2 */
    float *rstd_1;
    float *mean_2;
    float *rstd_2;
    void *qkv;       /* (rows, 3 n_embd): query, key and value beside each other */
    float *lse;      /* (sequences, n_head, length): attention's log-sum-exp */
    void *attention; /* (rows, n_embd): attention's output, before its projection */
    float *middle;   /* (rows, n_embd): the residual stream between attention and MLP */
    void *fc;        /* (rows, 4 n_embd): before GELU */
};

/* Rows that an adapter's output is made of at a time. */
#define ADAPTER_ROWS ((int64_t)256)

struct activations {
    enum element element;
    enum recompute recompute;
    struct block_activations *blocks; /* n_layer */
    void *narrow, *branch;            /* (rows, n_embd) each: scratch; branch NULL without training */
    void *wide;                       /* (rows, 4 n_embd): scratch */
    float *gradient;                  /* (rows, n_embd): of the residual stream; NULL without training */
    void *low;                        /* (rows, lora.rank): scratch of adapters */
    void *added;                      /* (ADAPTER_ROWS, 4 n_embd): scratch of adapters */
    void *workspace;                  /* scratch of products and of attention, whichever wants more */
    int64_t chunk_rows;               /* rows that the head handles at a time */
    float *logits;                    /* (chunk_rows, vocab_size) */
    void *dlogits;                    /* the same in the element; `logits` itself in fp32 */
    float *losses;                    /* (chunk_rows), and the next two */
    float *mean, *rstd;
};

/* Lays out the memory for such batches in `memory`, which may be NULL to learn the size; out->blocks is the
 * caller's and is filled, or NULL. Returns the bytes; a count that would pass 64 bits comes out as one that
 * no allocation can satisfy. */
int64_t activations_layout(const struct model_shape *shape, const struct model_use *use, void *memory,
                           struct activations *out);

/* How attention finds query, key and value in `qkv`. */
struct attention_shape activations_attention(const struct model_shape *shape, enum element element,
                                             int64_t sequences, int64_t length, const int32_t *first_visible);

#endif

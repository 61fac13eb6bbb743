/* Memory of a forward and a backward pass: what forward saves for backward in each block, and the scratch
 * that all blocks share. It is one allocation, laid out once for the largest batch.
 *
 * Saved per block and token: 10 n_embd elements and a few numbers. The outputs of the layernorms and of GELU
 * (6 n_embd) are computed again in backward, which costs below a hundredth of a step. Without training, all
 * blocks share the memory of one. */
#ifndef LLMPI_MODEL_ACTIVATIONS_H
#define LLMPI_MODEL_ACTIVATIONS_H

#include "llmpi/kernels/attention.h"
#include "llmpi/model/parameters.h"

#include <stdbool.h>
#include <stdint.h>

/* What one block saves. `rows` are the tokens of the batch. */
struct block_activations {
    float *input;  /* (rows, n_embd): the residual stream that enters the block */
    float *output; /* (rows, n_embd): the one that leaves it; the next block's input */
    float *mean_1; /* (rows), also the next three: statistics of ln_1 and ln_2 */
    float *rstd_1;
    float *mean_2;
    float *rstd_2;
    float *qkv;       /* (rows, 3 n_embd): query, key and value beside each other */
    float *lse;       /* (sequences, n_head, length): attention's log-sum-exp */
    float *attention; /* (rows, n_embd): attention's output, before its projection */
    float *middle;    /* (rows, n_embd): the residual stream between attention and MLP */
    float *fc;        /* (rows, 4 n_embd): before GELU */
};

struct activations {
    struct block_activations *blocks; /* n_layer */
    float *narrow, *branch;           /* (rows, n_embd) each: scratch */
    float *wide;                      /* (rows, 4 n_embd): scratch */
    float *gradient;                  /* (rows, n_embd): of the residual stream; NULL without training */
    void *attention_workspace;        /* for attention forward and backward */
    int64_t chunk_rows;               /* rows that the head handles at a time */
    float *logits;                    /* (chunk_rows, vocab_size) */
    float *losses;                    /* (chunk_rows), and the next two */
    float *mean, *rstd;
};

/* Lays out the memory for batches of up to `sequences` rows of context_length tokens in `memory`, which may
 * be NULL to learn the size; out->blocks is the caller's and is filled, or NULL. Returns the bytes; a count
 * that would pass 64 bits comes out as one that no allocation can satisfy. */
int64_t activations_layout(const struct model_shape *shape, int64_t sequences, bool training, void *memory,
                           struct activations *out);

/* How attention finds query, key and value in `qkv`. */
struct attention_shape activations_attention(const struct model_shape *shape, int64_t sequences,
                                             int64_t length, const int32_t *first_visible);

#endif

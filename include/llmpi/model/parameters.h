/* The table of a model's tensors: one row per tensor drives sizes, views, initialisation, weight decay,
 * checkpoints and tests. */
#ifndef LLMPI_MODEL_PARAMETERS_H
#define LLMPI_MODEL_PARAMETERS_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Low-rank adapters beside linear layers of the blocks (model/adapter.h). With them nothing else is trained,
 * but for the token embedding, and the output head where it is another matrix, where that is asked for. */
enum lora_targets { LORA_ALL, LORA_ATTENTION };
struct lora {
    int64_t rank; /* 0: none, everything is trained */
    double alpha; /* the path is scaled by alpha / rank */
    enum lora_targets targets;
    bool embeddings; /* trains those matrices too */
};

/* The shape of a GPT-2 model. */
struct model_shape {
    int64_t n_layer, n_head, n_embd, context_length, vocab_size;
    bool bias, tied_head;
    double dropout;
    struct lora lora;
};

enum parameter_start { START_ZERO, START_ONE, START_NORMAL };

/* One tensor. Names and shapes are those of Hugging Face's GPT-2 without "transformer."; those of adapters
 * follow their layer's: "h.0.attn.c_attn.lora_A.weight" (n_embd, rank) and "...lora_B.weight". */
struct parameter {
    char name[64];
    int dimensions;   /* 1 or 2 */
    int64_t sizes[2]; /* a one-dimensional tensor has sizes[1] = 1 */
    int64_t count;    /* elements */
    int64_t offset;   /* of the first element in the parameter array (and in arrays of what is trained) */
    int64_t block;    /* 0: embeddings, 1 .. n_layer: blocks, n_layer + 1: final layernorm (and free head) */
    enum parameter_start start;
    double deviation; /* of START_NORMAL */
    bool decay;       /* weight decay applies (matrices) */
    bool adapter;     /* of LoRA */
    bool trainable;
};

/* Rows in order of blocks. The parameter array begins with what is trained, block by block, so that what is
 * trained of a block is one contiguous range, and an offset serves parameters, gradients and moments alike;
 * what stays frozen lies behind. */
struct parameter_table {
    struct parameter *rows;
    int64_t count;     /* rows */
    int64_t blocks;    /* n_layer + 2 */
    int64_t trainable; /* elements that are trained: the first ones of the parameter array */
    int64_t total;     /* elements of the parameter array */
    struct lora lora;  /* of the shape */
};

enum status parameter_table_create(const struct model_shape *shape, struct parameter_table *out);
void parameter_table_free(struct parameter_table *table);

/* Elements [*first, *first + *count) of the parameter array are what is trained of block `block`. */
void parameter_block(const struct parameter_table *table, int64_t block, int64_t *first, int64_t *count);

/* Row of that name, or NULL. */
const struct parameter *parameter_find(const struct parameter_table *table, const char *name);

/* Sets every parameter to its start: normal numbers are a function of (seed, tensor, element) alone. */
void parameter_initialise(const struct parameter_table *table, uint64_t seed, float *parameters);

#endif

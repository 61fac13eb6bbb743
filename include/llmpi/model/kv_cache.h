/* Keys and values of tokens that a model has seen, so that a pass over the tokens that follow need not
 * compute them again. One allocation for all blocks and sequences. */
#ifndef LLMPI_MODEL_KV_CACHE_H
#define LLMPI_MODEL_KV_CACHE_H

#include "llmpi/base/memory.h"
#include "llmpi/base/status.h"
#include "llmpi/kernels/attention_rows.h"
#include "llmpi/model/parameters.h"

#include <stdbool.h>
#include <stdint.h>

/* Both arrays are (n_layer, sequences, context_length, n_embd) of the element. */
struct kv_cache {
    struct model_shape shape;
    enum element element;
    int64_t sequences;
    void *keys, *values;
    struct attention_row *rows; /* scratch: one per sequence */
    void *workspace;            /* scratch of attention */
    struct allocator allocator;
};

/* Release with kv_cache_destroy, also after a failure. */
enum status kv_cache_create(struct kv_cache *cache, const struct model_shape *shape, enum element element,
                            int64_t sequences, const struct allocator *allocator);
void kv_cache_destroy(struct kv_cache *cache);

/* Bytes of both arrays; what passes 64 bits comes out as more than any allocation can give. */
int64_t kv_cache_bytes(const struct model_shape *shape, enum element element, int64_t sequences);

/* Consecutive rows of a pass that are tokens [first, first + count) of a sequence. */
struct kv_segment {
    int64_t sequence, first, count;
};

/* A pass over tokens whose predecessors are in a cache: its rows are those of the segments, one after the
 * other. `single`: every segment is one token, at most one per sequence. */
struct kv_pass {
    struct kv_cache *cache;
    const struct kv_segment *segments;
    int64_t count;
    bool single;
};

/* Puts keys and values of the pass's rows into the cache of layer `layer` (from 0), and computes attention.
 * qkv (rows, 3 n_embd), out (rows, n_embd), lse (n_head, context_length; scratch). */
void kv_cache_attend(const struct kv_pass *pass, int64_t layer, void *out, float *lse, const void *qkv);

#endif

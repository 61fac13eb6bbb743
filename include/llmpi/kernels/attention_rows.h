/* Attention of single queries, each over keys and values of its own: what generation needs, one token per
 * sequence, where sequences have different lengths. */
#ifndef LLMPI_KERNELS_ATTENTION_ROWS_H
#define LLMPI_KERNELS_ATTENTION_ROWS_H

#include "llmpi/kernels/element.h"

#include <stdint.h>

/* One query that sees n_key keys. Head h of any row begins at h * head_width of it. */
struct attention_row {
    const void *query, *keys, *values;
    void *out;
    int64_t n_key;
};

struct attention_rows {
    int64_t n_head, head_width;
    int64_t stride; /* elements from one key (or value) to the next */
    enum element element;
    int64_t most_keys; /* n_key is at most this */
};

/* out = softmax(q k^T / sqrt(head_width)) v for each of `count` rows, as attention_forward. The bits of a row
 * depend neither on the others nor on the number of threads. */
void attention_rows_forward(const struct attention_row *rows, int64_t count,
                            const struct attention_rows *shape, void *workspace);

/* Bytes of scratch memory, aligned to 64, for threads_count() threads. */
int64_t attention_rows_workspace(const struct attention_rows *shape);

#endif

/* Causal multi-head attention in blocks with a running softmax: nothing of size T x T is kept, blocks that
 * the mask hides are skipped (Dao et al. 2022, arXiv:2205.14135; Rabe and Staats 2021, arXiv:2112.05682). */
#ifndef LLMPI_KERNELS_ATTENTION_H
#define LLMPI_KERNELS_ATTENTION_H

#include "llmpi/kernels/dropout.h"
#include "llmpi/kernels/element.h"

#include <stdint.h>

/* Sizes and strides, in elements. Query i of a sequence sits at place n_key - n_query + i and sees the keys
 * first_visible[i] .. its own place. Head h of queries uses key/value head h / (n_head / n_kv_head). Row r of
 * head h begins at r * stride + h * head_width; sequence s begins at row s * n_query (queries) or s * n_key
 * (keys). */
struct attention_shape {
    int64_t sequences, n_query, n_key;
    int64_t n_head, n_kv_head, head_width;
    int64_t query_stride, key_stride, value_stride, out_stride;
    const int32_t *first_visible; /* (sequences, n_query), or NULL: 0 everywhere */
    enum element element;         /* of all arrays but lse */
};

/* out = softmax(q k^T / sqrt(head_width), masked) v. Saves the log of the sum of exponentials of each row in
 * lse (sequences, n_head, n_query). Dropout, where given, falls on the probabilities: that of head h, the
 * query at place i and key j is element h * 2^48 + i * 2^24 + j of its sequence. */
void attention_forward(void *out, float *lse, const void *q, const void *k, const void *v,
                       const struct attention_shape *shape, const struct dropout *dropout, void *workspace);

/* Overwrites dq, dk, dv, laid out with the strides of q, k, v. */
void attention_backward(void *dq, void *dk, void *dv, const void *dout, const void *q, const void *k,
                        const void *v, const void *out, const float *lse, const struct attention_shape *shape,
                        const struct dropout *dropout, void *workspace);

/* Bytes of scratch memory, aligned to 64, that forward and backward want in `workspace`. */
int64_t attention_workspace(const struct attention_shape *shape);

#endif

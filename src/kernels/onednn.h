/* oneDNN without its types: the calls that bf16 products need, each prepared once per shape and kept. All of
 * them run on threads_count() threads, outside of parallel regions, from one thread of the program. */
#ifndef LLMPI_SRC_KERNELS_ONEDNN_H
#define LLMPI_SRC_KERNELS_ONEDNN_H

#include "llmpi/kernels/element.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes per thread of scratch for a product. */
#define ONEDNN_SCRATCH ((int64_t)4 << 20)

/* ONEDNN_PRODUCT: to (m, n) = from (m, k) times the packed (k, n) `right`, plus `bias` (n, fp32) where
 * `biased`. From bf16 to `output`. ONEDNN_PACK: to = the packed form in bf16 of from (k, n), of element
 * `input`; `turned`, its columns lie contiguous instead of its rows. */
struct onednn_call {
    enum { ONEDNN_PRODUCT, ONEDNN_PACK } operation;
    int64_t m, k, n;
    enum element input, output;
    bool biased, turned;
};

/* The packed form of a weight: where its bytes are, and what they mean. */
struct onednn_form;

/* What a call works on. A form stands for the packed factor in place of an address. */
struct onednn_operands {
    void *to;
    const void *from, *right, *bias;
    struct onednn_form *to_form, *right_form;
    void *scratch; /* of products: threads_count() * ONEDNN_SCRATCH bytes */
};

/* False where oneDNN failed; what `to` holds is then undefined. */
bool onednn_run(const struct onednn_call *call, const struct onednn_operands *operands);

/* No fewer bytes than any packed form of a (k, n) matrix takes. */
int64_t onednn_packed_bytes(int64_t k, int64_t n);

/* The form of a (k, n) weight in `bytes`, which stay the caller's, onednn_packed_bytes() of them. NULL where
 * oneDNN refuses. */
struct onednn_form *onednn_form_create(int64_t k, int64_t n, void *bytes);
void onednn_form_destroy(struct onednn_form *form);

#endif

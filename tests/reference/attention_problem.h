/* Attention problems: inputs, a run of the kernels on them in fp32 or bf16, and what the reference says. */
#ifndef LLMPI_TESTS_REFERENCE_ATTENTION_PROBLEM_H
#define LLMPI_TESTS_REFERENCE_ATTENTION_PROBLEM_H

#include "llmpi/kernels/attention.h"

enum mask { MASK_NONE, MASK_DOCUMENTS, MASK_WILD };

struct situation {
    int64_t sequences, n_query, n_key, n_head, n_kv_head, head_width;
    enum mask mask;
    double dropout;
};

/* Inputs, results and gradients of one situation, in numbers that are exact in
 * the element. Queries, keys and values are interleaved in rows, as a
 * fused projection writes them, when there are as many queries as keys. */
struct problem {
    struct attention_shape shape;
    struct dropout dropout;
    int64_t query_size, key_size, out_size, lse_size;
    int32_t *first_visible;
    float *memory, *q, *k, *v, *dout, *out, *lse, *gradients, *dq, *dk, *dv;
    double *factors;
};

/* All numbers are free()d by problem_destroy. A failed allocation ends the test program. */
struct problem problem_create(const struct situation *situation, enum element element);
void problem_destroy(struct problem *problem);

/* Forward and backward. In bf16 the arrays lie directly before a page that cannot be touched. */
void problem_run(struct problem *problem);

/* Runs the kernels and the reference. */
struct errors {
    double lse, out, gradients; /* by worst_error */
};

struct errors problem_errors(const struct situation *situation, enum element element);

#endif

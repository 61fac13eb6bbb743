/* Every kernel as plain loops in double precision, written from its formula and not from the kernel. Names,
 * shapes and what accumulates are those of the kernel's header. Finite differences prove the backward
 * functions in the unit test of each kernel. */
#ifndef LLMPI_TESTS_REFERENCE_REFERENCE_H
#define LLMPI_TESTS_REFERENCE_REFERENCE_H

#include "llmpi/kernels/attention.h"

#include <stdbool.h>
#include <stdint.h>

void reference_gelu_forward(double *y, const double *x, int64_t n);
void reference_gelu_backward(double *dx, const double *x, const double *dy, int64_t n);

void reference_layernorm_forward(double *y, double *mean, double *rstd, const double *x, const double *gain,
                                 const double *bias, int64_t rows, int64_t width);
void reference_layernorm_backward(double *dx, double *dgain, double *dbias, const double *dy, const double *x,
                                  const double *mean, const double *rstd, const double *gain, int64_t rows,
                                  int64_t width);

/* The weight is (inputs, outputs), or (outputs, inputs) when transposed. */
struct reference_weight {
    const double *master;
    int64_t inputs, outputs;
    bool transposed;
};
void reference_matmul_forward(double *y, const double *x, const struct reference_weight *weight,
                              const double *bias, int64_t rows);
void reference_matmul_backward_input(double *dx, const double *dy, const struct reference_weight *weight,
                                     int64_t rows);
void reference_matmul_backward_weight(double *dweight, double *dbias, const double *x, const double *dy,
                                      const struct reference_weight *weight, int64_t rows);

void reference_embedding_forward(double *y, const double *wte, const double *wpe, const uint32_t *tokens,
                                 const int32_t *position, int64_t rows, int64_t length, int64_t width);
void reference_embedding_backward(double *dwte, double *dwpe, const double *dy, const uint32_t *tokens,
                                  const int32_t *position, int64_t rows, int64_t length, int64_t width);

void reference_cross_entropy_forward(double *loss, const double *logits, const uint32_t *targets,
                                     int64_t rows, int64_t vocab);
void reference_cross_entropy_backward(double *dlogits, const double *logits, const uint32_t *targets,
                                      const double *weight, int64_t rows, int64_t vocab);

/* `factors` (sequences, n_head, n_query, n_key) multiply the probabilities; NULL: 1. */
void reference_attention_forward(double *out, double *lse, const double *q, const double *k, const double *v,
                                 const struct attention_shape *shape, const double *factors);
/* dq, dk, dv start from zero, in the layout of q, k, v. */
void reference_attention_backward(double *dq, double *dk, double *dv, const double *dout, const double *q,
                                  const double *k, const double *v, const struct attention_shape *shape,
                                  const double *factors);

/* One element of AdamW in the order of PyTorch's documentation. */
struct reference_adamw {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    int64_t step;
};
void reference_adamw_update(const struct reference_adamw *settings, double *parameter, double gradient,
                            double *exp_avg, double *exp_avg_sq);

#endif

/* Softmax and cross-entropy over a chunk of rows of fp32 logits. */
#ifndef LLMPI_KERNELS_CROSS_ENTROPY_H
#define LLMPI_KERNELS_CROSS_ENTROPY_H

#include "llmpi/kernels/element.h"

#include <stdbool.h>
#include <stdint.h>

/* loss[r] = log(sum(exp(logits[r]))) - logits[r][targets[r]], in nats, not weighted. Logits are (rows,
 * vocab). */
void cross_entropy_forward(float *loss, const float *logits, const uint32_t *targets, int64_t rows,
                           int64_t vocab);

/* largest[r] tells whether targets[r] is the arg-max of logits[r]: no logit is larger, and none before it is
 * as large. Beside a NaN nothing is. */
void cross_entropy_largest(bool *largest, const float *logits, const uint32_t *targets, int64_t rows,
                           int64_t vocab);

/* The gradient of sum(weight[r] * loss[r]) with respect to the logits, weight[r] * (softmax(logits[r]) -
 * [target]), into dlogits of `element`; weight NULL: 1. Overwrites the logits; in fp32 dlogits is
 * `logits` itself. Also gives loss like the forward function, since it has all that is needed. */
void cross_entropy_backward(void *dlogits, enum element element, float *loss, float *logits,
                            const uint32_t *targets, const float *weight, int64_t rows, int64_t vocab);

#endif

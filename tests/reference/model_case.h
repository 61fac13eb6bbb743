/* Small models and batches with random contents for tests of the model: the same numbers in float and in
 * double. */
#ifndef LLMPI_MODEL_CASE_H
#define LLMPI_MODEL_CASE_H

#include "llmpi/base/batch.h"
#include "llmpi/model/parameters.h"

#include <stdbool.h>
#include <stdint.h>

#define CASE_TOKENS 256 /* the most that a case batch holds */

/* What a batch gives besides tokens and targets. */
struct case_options {
    bool weights, positions, documents;
};

/* A batch and its arrays; must not be copied, `batch` points into it. */
struct case_batch {
    struct batch batch;
    uint32_t tokens[CASE_TOKENS], targets[CASE_TOKENS];
    float target_weight[CASE_TOKENS];
    int32_t position[CASE_TOKENS], first_visible[CASE_TOKENS];
};

void case_batch_fill(struct case_batch *out, const struct model_shape *shape, int64_t sequences,
                     int64_t length, struct case_options options);

/* Rows [first, first + sequences) of `whole`, whose arrays they share. */
struct batch case_batch_part(const struct batch *whole, int64_t first, int64_t sequences);

/* Random parameters, large enough for every part of the model to matter: gains in 0.5 .. 1.5, the rest in
 * -size .. size. Each number is exact in float. Gaps of the layout are zero. */
void case_parameters(const struct parameter_table *table, double size, double *out);

/* Norm of a - b over the norm of b, of one tensor. */
double case_difference(const struct parameter *row, const float *a, const double *b);

#endif

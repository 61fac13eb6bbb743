/* The matrix products of a configuration's model, each as large as a pass over one micro-batch makes it,
 * and the peak of kernels/matmul_peak.h. They go through kernels/matmul.h like those of a step. A product is
 * repeated on the same data, so it finds in the caches what fits there. */
#ifndef LLMPI_SRC_PROGRAMS_BENCH_PRODUCTS_H
#define LLMPI_SRC_PROGRAMS_BENCH_PRODUCTS_H

#include "bench.h"
#include "llmpi/kernels/matmul.h"
#include "llmpi/model/activations.h"

enum product_kind { PRODUCT_FORWARD, PRODUCT_INPUT, PRODUCT_WEIGHT, PRODUCT_KINDS };
enum { PRODUCTS = 5 };

/* y (rows, outputs) = x (rows, inputs) W, with its two gradients dX = dY W^T and dW += X^T dY. */
struct product {
    const char *name;
    int64_t rows, inputs, outputs;
    double calls; /* in a pass over one micro-batch; a fraction where the last chunk is shorter */
    struct weight *weight;
};

struct products;

/* Products of passes over use->sequences rows of context_length tokens, in use->element. Memory for the
 * largest of them. */
enum status products_create(const struct model_shape *shape, const struct model_use *use,
                            struct products **out);
void products_destroy(struct products *products);

enum status products_measure(struct products *products, int64_t rounds);

enum element products_element(const struct products *products);

/* After products_measure. */
const struct product *products_get(const struct products *products, int index);
struct timing products_time(const struct products *products, int index, enum product_kind kind);
double product_flop(const struct product *product); /* of one call of any kind */

/* The highest FLOP per second of the square products, and the size of the one that reached it. */
double products_peak(const struct products *products, int64_t *size);

/* Best seconds of all calls of one kind, or of all (PRODUCT_KINDS), in a pass over one micro-batch. */
double products_seconds(const struct products *products, enum product_kind kind);

#endif

/* Sizes rise as long as a few products of the next one fit into the time that is left: fast machines need
 * large matrices to show what they can, slow ones have no time for them. No size is a power of two, whose
 * rows would meet in the same sets of a cache. */
#include "llmpi/kernels/matmul_peak.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/matmul.h"

#include <string.h>

static const int64_t sizes[] = {768, 1536, 2304, 4608};
enum { SIZES = sizeof sizes / sizeof *sizes, LEAST_PRODUCTS = 2 };

struct square {
    int64_t size;
    enum element element;
    void *x, *y, *workspace;
    float *master;
    struct weight *weight;
};

static void release(struct square *square)
{
    weight_destroy(square->weight);
    memory_free(square->x);
    memory_free(square->y);
    memory_free(square->workspace);
    memory_free(square->master);
}

/* Numbers in [-0.5, 0.5): the power that a processor draws, and with it its clock, depends on them. */
static void fill(float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)((uint32_t)i * 2654435761u >> 8) * 0x1p-24f - 0.5f;
}

static enum status allocate(struct square *square)
{
    int64_t count = square->size * square->size;
    square->x = memory_allocate(count, element_size(square->element), "products at start");
    square->y = memory_allocate(count, element_size(square->element), "products at start");
    square->master = memory_allocate(count, sizeof *square->master, "products at start");
    square->weight = weight_create(square->size, square->size, false, square->element, &allocator_plain);
    square->workspace = memory_allocate(
        matmul_workspace(square->size, square->size, square->element, square->size), 1, "products at start");
    if (square->x == NULL || square->y == NULL || square->master == NULL || square->weight == NULL ||
        square->workspace == NULL)
        return STATUS_FAILED;
    fill(square->master, count);
    if (square->element == ELEMENT_BF16)
        element_from_float(square->x, square->master, count);
    else
        memcpy(square->x, square->master, (size_t)count * sizeof *square->master);
    weight_refresh(square->weight, square->master);
    return STATUS_OK;
}

static double flop_of(int64_t size)
{
    return 2.0 * (double)size * (double)size * (double)size;
}

/* Raises *rate, and sets *best_size with it, by products until `end`. */
static enum status measure(enum element element, int64_t size, double end, double *rate, int64_t *best_size)
{
    struct square square = {.size = size, .element = element};
    enum status status = allocate(&square);
    double now = clock_seconds();
    for (int done = 0; status == STATUS_OK && (done < LEAST_PRODUCTS || now < end); done++) {
        double since = now;
        matmul_forward(square.y, element, square.x, square.weight, NULL, size, square.workspace);
        now = clock_seconds();
        if (now > since && flop_of(size) / (now - since) > *rate) {
            *rate = flop_of(size) / (now - since);
            *best_size = size;
        }
    }
    release(&square);
    return status;
}

enum status matmul_peak(enum element element, double seconds, double *rate, int64_t *size)
{
    double end = clock_seconds() + seconds;
    *rate = 0;
    *size = 0;
    for (int i = 0; i < SIZES; i++) {
        double now = clock_seconds(), left = end - now;
        if (i > 0 && (LEAST_PRODUCTS + 1) * flop_of(sizes[i]) > left * *rate) /* the matrices take time too */
            break;
        TRY(measure(element, sizes[i], now + left / (SIZES - i), rate, size));
    }
    return STATUS_OK;
}

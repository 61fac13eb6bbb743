/* bf16 products for any processor. A tile of the output is summed in fp32 from blocks of both factors, which
 * are widened into panels as the inner loop reads them; one tile is one task. The inner loop is our own
 * instead of BLAS', which rounds differently for different numbers of rows: here an element is always summed
 * along the inner dimension in the same order, whatever the tile, the rows of the call and the threads. */
#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "matmul_provider.h"

#include <omp.h>
#include <string.h>

/* STRIP rows times one vector of LANES fit the registers of AVX2; a tile with its two blocks fits the L2 of
 * today's servers. */
enum { STRIP = 6, LANES = 16, TILE_ROWS = 192, TILE_COLUMNS = 256, BLOCK = 256 };
enum { LEFT = TILE_ROWS * BLOCK, RIGHT = BLOCK * TILE_COLUMNS, SUMS = TILE_ROWS * TILE_COLUMNS };
enum { SCRATCH = LEFT + RIGHT + SUMS }; /* floats per thread */

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

/* W rounded, as (inputs, outputs). */
struct plain_weight {
    int64_t inputs, outputs;
    bf16 values[] __attribute__((aligned(MEMORY_ALIGNMENT)));
};

/* A factor of a product: element number `index` of the output's rows (or columns) at step `inner` of the sum
 * lies at values[index * along_output + inner * along_sum]; one of the strides is 1. */
struct factor {
    const bf16 *values;
    int64_t along_output, along_sum;
};

/* out (m, n) = left right + bias, or in fp32 out += left right; k steps of the sum. */
struct product {
    struct factor left, right;
    int64_t m, n, k;
    void *out;
    enum element element;
    const float *bias;
    bool add;
};

/* Panels of `width` elements of the output side: panel[step][element], zero beyond the last element. */
static inline __attribute__((always_inline)) void widen_panels(float *out, const struct factor *factor,
                                                               int64_t count, int64_t k, int64_t width)
{
    for (int64_t first = 0; first < count; first += width, out += k * width) {
        const bf16 *values = factor->values + first * factor->along_output;
        int64_t used = smaller(width, count - first);
        if (used < width)
            memset(out, 0, (size_t)(k * width) * sizeof *out);
        if (factor->along_output == 1 && used == width) {
            for (int64_t step = 0; step < k; step++)
                for (int64_t i = 0; i < width; i++)
                    out[step * width + i] = float_of_bf16(values[step * factor->along_sum + i]);
        } else {
            for (int64_t i = 0; i < used; i++)
                for (int64_t step = 0; step < k; step++)
                    out[step * width + i] =
                        float_of_bf16(values[i * factor->along_output + step * factor->along_sum]);
        }
    }
}

CLONED(void, widen_left, (float *out, const struct factor *factor, int64_t count, int64_t k),
       (out, factor, count, k))
{
    widen_panels(out, factor, count, k, STRIP);
}

CLONED(void, widen_right, (float *out, const struct factor *factor, int64_t count, int64_t k),
       (out, factor, count, k))
{
    widen_panels(out, factor, count, k, LANES);
}

/* sums (rows, TILE_COLUMNS) += the product of the panels. */
CLONED(void, add_block,
       (float *sums, const float *left, const float *right, int64_t rows, int64_t columns, int64_t k),
       (sums, left, right, rows, columns, k))
{
    for (int64_t column = 0; column < columns; column += LANES, right += k * LANES) {
        const float *strip = left;
        for (int64_t row = 0; row < rows; row += STRIP, strip += k * STRIP) {
            lanes sum[STRIP] = {{0}};
            for (int64_t step = 0; step < k; step++) {
                lanes factor = *(const lanes *)(right + step * LANES);
#pragma GCC unroll 6
                for (int r = 0; r < STRIP; r++)
                    sum[r] += strip[step * STRIP + r] * factor;
            }
            for (int r = 0; r < STRIP; r++)
                *(lanes *)(sums + (row + r) * TILE_COLUMNS + column) += sum[r];
        }
    }
}

/* One row of a tile goes to its place. */
CLONED(void, finish_row,
       (const struct product *product, float *sums, int64_t row, int64_t column, int64_t columns),
       (product, sums, row, column, columns))
{
    int64_t place = row * product->n + column;
    if (product->bias != NULL)
        for (int64_t i = 0; i < columns; i++)
            sums[i] += product->bias[column + i];
    if (product->element == ELEMENT_BF16) {
        bf16 *out = (bf16 *)product->out + place;
        for (int64_t i = 0; i < columns; i++)
            out[i] = bf16_of_float(sums[i]);
    } else {
        float *out = (float *)product->out + place;
        for (int64_t i = 0; i < columns; i++)
            out[i] = product->add ? out[i] + sums[i] : sums[i];
    }
}

static struct factor factor_at(const struct factor *factor, int64_t index, int64_t step)
{
    struct factor moved = *factor;
    moved.values += index * factor->along_output + step * factor->along_sum;
    return moved;
}

static void compute_tile(const struct product *product, int64_t row, int64_t column, float *scratch)
{
    float *left = scratch, *right = left + LEFT, *sums = right + RIGHT;
    int64_t rows = smaller(TILE_ROWS, product->m - row);
    int64_t columns = smaller(TILE_COLUMNS, product->n - column);
    memset(sums, 0, (size_t)(round_up(rows, STRIP) * TILE_COLUMNS) * sizeof *sums);
    for (int64_t step = 0; step < product->k; step += BLOCK) {
        int64_t steps = smaller(BLOCK, product->k - step);
        struct factor below = factor_at(&product->left, row, step);
        struct factor beside = factor_at(&product->right, column, step);
        widen_left(left, &below, rows, steps);
        widen_right(right, &beside, columns, steps);
        add_block(sums, left, right, rows, columns, steps);
    }
    for (int64_t r = 0; r < rows; r++)
        finish_row(product, sums + r * TILE_COLUMNS, row + r, column, columns);
}

static void compute(const struct product *product, void *workspace)
{
    int64_t across = divide_up(product->n, TILE_COLUMNS);
    int64_t tiles = divide_up(product->m, TILE_ROWS) * across;
#pragma omp parallel for num_threads(threads_count()) schedule(dynamic) if (tiles > 1)
    for (int64_t tile = 0; tile < tiles; tile++)
        compute_tile(product, tile / across * TILE_ROWS, tile % across * TILE_COLUMNS,
                     (float *)workspace + (int64_t)omp_get_thread_num() * SCRATCH);
}

static int64_t packed_bytes(int64_t inputs, int64_t outputs)
{
    return (int64_t)sizeof(struct plain_weight) + inputs * outputs * (int64_t)sizeof(bf16);
}

static void *create(int64_t inputs, int64_t outputs, const struct allocator *allocator)
{
    struct plain_weight *weight =
        allocator->allocate(allocator->context, (size_t)packed_bytes(inputs, outputs), "a weight in bf16");
    if (weight == NULL)
        return NULL;
    weight->inputs = inputs;
    weight->outputs = outputs;
    return weight;
}

static void destroy(void *packed, const struct allocator *allocator)
{
    allocator->release(allocator->context, packed);
}

/* out (rows, columns) = the transpose of in, whose rows are `stride` long, rounded. */
CLONED(void, round_transposed, (bf16 * out, const float *in, int64_t rows, int64_t columns, int64_t stride),
       (out, in, rows, columns, stride))
{
    enum { SQUARE = 16 };
    for (int64_t first = 0; first < columns; first += SQUARE)
        for (int64_t row = 0; row < rows; row++)
            for (int64_t column = first; column < smaller(columns, first + SQUARE); column++)
                out[row * columns + column] = bf16_of_float(in[column * stride + row]);
}

static void pack(void *packed, const float *master, bool transposed)
{
    struct plain_weight *weight = packed;
    enum { ROWS = 16 };
    int64_t outputs = weight->outputs;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < weight->inputs; row += ROWS) {
        int64_t rows = smaller(ROWS, weight->inputs - row);
        if (transposed)
            round_transposed(weight->values + row * outputs, master + row, rows, outputs, weight->inputs);
        else
            element_from_float(weight->values + row * outputs, master + row * outputs, rows * outputs);
    }
}

static int64_t workspace_bytes(int64_t inputs, int64_t outputs, int64_t rows)
{
    (void)inputs, (void)outputs, (void)rows;
    return threads_count() * (int64_t)SCRATCH * (int64_t)sizeof(float);
}

static void forward(void *y, enum element y_element, const bf16 *x, const void *packed, const float *bias,
                    int64_t rows, void *workspace)
{
    const struct plain_weight *weight = packed;
    struct product product = {.left = {x, weight->inputs, 1},
                              .right = {weight->values, 1, weight->outputs},
                              .m = rows,
                              .n = weight->outputs,
                              .k = weight->inputs,
                              .out = y,
                              .element = y_element,
                              .bias = bias};
    compute(&product, workspace);
}

static void backward_input(bf16 *dx, const bf16 *dy, const void *packed, int64_t rows, void *workspace)
{
    const struct plain_weight *weight = packed;
    struct product product = {.left = {dy, weight->outputs, 1},
                              .right = {weight->values, weight->outputs, 1},
                              .m = rows,
                              .n = weight->inputs,
                              .k = weight->outputs,
                              .out = dx,
                              .element = ELEMENT_BF16};
    compute(&product, workspace);
}

static void backward_weight(float *dweight, bool transposed, const bf16 *x, const bf16 *dy, int64_t inputs,
                            int64_t outputs, int64_t rows, void *workspace)
{
    struct factor of_x = {x, 1, inputs}, of_dy = {dy, 1, outputs};
    struct product product = {.left = transposed ? of_dy : of_x,
                              .right = transposed ? of_x : of_dy,
                              .m = transposed ? outputs : inputs,
                              .n = transposed ? inputs : outputs,
                              .k = rows,
                              .out = dweight,
                              .element = ELEMENT_FP32,
                              .add = true};
    compute(&product, workspace);
}

const struct matmul_provider matmul_plain = {
    .name = "plain",
    .needs = CPU_PLAIN,
    .create = create,
    .destroy = destroy,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward_input = backward_input,
    .backward_weight = backward_weight,
};

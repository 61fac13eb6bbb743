/* Two forms, by what lies side by side in memory. Where that is the inputs of an output, an output is a dot
 * product; a few outputs meet a few rows of x in registers. Where it is the outputs of an input (an fp32
 * master that is not transposed), an input adds its multiple to the sums of a piece of outputs, which stay in
 * the first-level cache. Threads divide the outputs, so that no sum depends on them. */
#include "llmpi/kernels/row_matmul.h"

#include "element_access.h"
#include "llmpi/base/clones.h"
#include "llmpi/kernels/threads.h"

#include <string.h>

enum { LANES = 16, OUTPUTS = 4, ROWS = 4, TILE = 16, SUMS = 8192, STEPS = 4, SUM_ROWS = 64 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef float loose_lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef uint16_t loose_halves __attribute__((vector_size(LANES * sizeof(uint16_t)), aligned(2), may_alias));

struct row_weight {
    int64_t inputs, outputs;
    bool transposed;
    enum element element;
    const float *master;
    bf16 *values; /* (outputs, inputs); NULL: the master serves */
    struct allocator allocator;
};

/* One product: what all its parts share. */
struct product {
    void *y;
    enum element y_element;
    const void *x;
    const struct row_weight *weight;
    const float *bias;
    int64_t rows;
};

struct row_weight *row_weight_create(int64_t inputs, int64_t outputs, bool transposed, enum element element,
                                     const struct allocator *allocator)
{
    struct row_weight *weight = memory_allocate(1, sizeof *weight, "a weight for few rows");
    if (weight == NULL)
        return NULL;
    *weight = (struct row_weight){inputs, outputs, transposed, element, .allocator = *allocator};
    if (element == ELEMENT_BF16) {
        size_t bytes = (size_t)row_weight_bytes(inputs, outputs, element);
        weight->values = allocator->allocate(allocator->context, bytes, "a weight for few rows");
        if (weight->values == NULL) {
            memory_free(weight);
            return NULL;
        }
    }
    return weight;
}

void row_weight_destroy(struct row_weight *weight)
{
    if (weight != NULL && weight->values != NULL)
        weight->allocator.release(weight->allocator.context, weight->values);
    memory_free(weight);
}

int64_t row_weight_bytes(int64_t inputs, int64_t outputs, enum element element)
{
    return element == ELEMENT_BF16 ? inputs * outputs * (int64_t)sizeof(bf16) : 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Rounds columns [first, first + count) of the master (inputs, outputs) into rows of the copy. */
CLONED(void, round_columns, (bf16 * out, const float *master, int64_t count, int64_t inputs, int64_t outputs),
       (out, master, count, inputs, outputs))
{
    for (int64_t input = 0; input < inputs; input++)
        for (int64_t i = 0; i < count; i++)
            out[i * inputs + input] = bf16_of_float(master[input * outputs + i]);
}

void row_weight_refresh(struct row_weight *weight, const float *master)
{
    int64_t inputs = weight->inputs, outputs = weight->outputs;
    weight->master = master;
    if (weight->values == NULL)
        return;
#pragma omp parallel for num_threads(threads_count()) schedule(static)
    for (int64_t first = 0; first < outputs; first += LANES) {
        int64_t count = smaller(LANES, outputs - first);
        bf16 *rows = weight->values + first * inputs;
        if (weight->transposed)
            element_from_float(rows, master + first * inputs, count * inputs);
        else
            round_columns(rows, master + first, count, inputs, outputs);
    }
}

/* --- dot products --- */

ELEMENT_LOOP void load_whole(lanes *out, const void *values, enum element element, int64_t i)
{
    if (element == ELEMENT_FP32)
        *out = *(const loose_lanes *)((const float *)values + i);
    else
        *out =
            (lanes)(__builtin_convertvector(*(const loose_halves *)((const bf16 *)values + i), words) << 16);
}

/* LANES numbers, or `left` if those are fewer and zeros behind them. */
ELEMENT_LOOP void load_lanes(lanes *out, const void *values, enum element element, int64_t i, int64_t left)
{
    float part[LANES] = {0};
    if (left >= LANES) {
        load_whole(out, values, element, i);
        return;
    }
    memcpy(part, element_at_const(values, element, i), (size_t)left * element_size(element));
    load_whole(out, part, element, 0);
}

ELEMENT_LOOP float sum_lanes(const lanes *values)
{
    float sums[LANES / 2];
    for (int i = 0; i < LANES / 2; i++)
        sums[i] = (*values)[i] + (*values)[i + LANES / 2];
    for (int distance = LANES / 4; distance > 0; distance /= 2)
        for (int i = 0; i < distance; i++)
            sums[i] += sums[i + distance];
    return sums[0];
}

/* `outputs` (at most OUTPUTS) by `rows` (at most ROWS) dot products over n inputs. */
ELEMENT_LOOP void dots(float sums[OUTPUTS][ROWS], const void *weight, const void *x, enum element element,
                       int64_t n, int outputs, int rows)
{
    lanes parts[OUTPUTS][ROWS] = {{{0}}};
    for (int64_t i = 0; i < n; i += LANES) {
        lanes of_x[ROWS];
        for (int r = 0; r < rows; r++)
            load_lanes(&of_x[r], x, element, r * n + i, n - i);
        for (int o = 0; o < outputs; o++) {
            lanes of_weight;
            load_lanes(&of_weight, weight, element, o * n + i, n - i);
            for (int r = 0; r < rows; r++)
                parts[o][r] += of_weight * of_x[r];
        }
    }
    for (int o = 0; o < outputs; o++)
        for (int r = 0; r < rows; r++)
            sums[o][r] = sum_lanes(&parts[o][r]);
}

ELEMENT_LOOP void dots_of_size(float sums[OUTPUTS][ROWS], const void *weight, const void *x,
                               enum element element, int64_t n, int64_t outputs, int64_t rows)
{
    if (outputs == OUTPUTS && rows == ROWS)
        dots(sums, weight, x, element, n, OUTPUTS, ROWS);
    else if (outputs == OUTPUTS && rows == 1)
        dots(sums, weight, x, element, n, OUTPUTS, 1);
    else
        for (int64_t o = 0; o < outputs; o++)
            for (int64_t r = 0; r < rows; r++) {
                float one[OUTPUTS][ROWS];
                dots(one, element_at_const(weight, element, o * n), element_at_const(x, element, r * n),
                     element, n, 1, 1);
                sums[o][r] = one[0][0];
            }
}

CLONED(void, dots_fp32,
       (float sums[OUTPUTS][ROWS], const void *weight, const void *x, int64_t n, int64_t outputs,
        int64_t rows),
       (sums, weight, x, n, outputs, rows))
{
    dots_of_size(sums, weight, x, ELEMENT_FP32, n, outputs, rows);
}

CLONED(void, dots_bf16,
       (float sums[OUTPUTS][ROWS], const void *weight, const void *x, int64_t n, int64_t outputs,
        int64_t rows),
       (sums, weight, x, n, outputs, rows))
{
    dots_of_size(sums, weight, x, ELEMENT_BF16, n, outputs, rows);
}

static void store(const struct product *p, int64_t row, int64_t output, float sum)
{
    float value = p->bias != NULL ? sum + p->bias[output] : sum;
    element_store(p->y, p->y_element, row * p->weight->outputs + output, value);
}

/* A tile of weights stays in the cache while all rows meet it. */
static void dot_tile(const struct product *p, int64_t first, int64_t end)
{
    const struct row_weight *weight = p->weight;
    enum element element = weight->element;
    const void *values = weight->values != NULL ? (const void *)weight->values : weight->master;
    for (int64_t row = 0; row < p->rows; row += ROWS) {
        int64_t rows = smaller(ROWS, p->rows - row);
        const void *x = element_at_const(p->x, element, row * weight->inputs);
        for (int64_t output = first; output < end; output += OUTPUTS) {
            float sums[OUTPUTS][ROWS];
            int64_t outputs = smaller(OUTPUTS, end - output);
            const void *from = element_at_const(values, element, output * weight->inputs);
            (element == ELEMENT_BF16 ? dots_bf16 : dots_fp32)(sums, from, x, weight->inputs, outputs, rows);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t o = 0; o < outputs; o++)
                    store(p, row + r, output + o, sums[o][r]);
        }
    }
}

static void dot_products(const struct product *p)
{
#pragma omp parallel for num_threads(threads_count()) schedule(static)
    for (int64_t first = 0; first < p->weight->outputs; first += TILE)
        dot_tile(p, first, smaller(p->weight->outputs, first + TILE));
}

/* --- sums of rows of the weight --- */

/* sums (rows, width) += x (rows, steps; its rows x_stride apart) weight (steps, width; rows `stride` apart).
 */
ELEMENT_LOOP void add_steps(float *sums, int64_t width, const float *x, int64_t x_stride, const float *weight,
                            int64_t stride, int64_t rows, int steps)
{
    for (int64_t column = 0; column < width; column += LANES) {
        lanes of_weight[STEPS], sum;
        int64_t left = width - column;
        for (int s = 0; s < steps; s++)
            load_lanes(&of_weight[s], weight, ELEMENT_FP32, s * stride + column, left);
        for (int64_t r = 0; r < rows; r++) {
            float *place = sums + r * width + column;
            load_lanes(&sum, place, ELEMENT_FP32, 0, left);
            for (int s = 0; s < steps; s++)
                sum += x[r * x_stride + s] * of_weight[s];
            if (left >= LANES)
                *(loose_lanes *)place = sum;
            else
                memcpy(place, &sum, (size_t)left * sizeof *place);
        }
    }
}

CLONED(void, add_inputs,
       (float *sums, int64_t width, const float *x, const float *weight, int64_t inputs, int64_t outputs,
        int64_t rows),
       (sums, width, x, weight, inputs, outputs, rows))
{
    int64_t input = 0;
    for (; input + STEPS <= inputs; input += STEPS)
        add_steps(sums, width, x + input, inputs, weight + input * outputs, outputs, rows, STEPS);
    for (; input < inputs; input++)
        add_steps(sums, width, x + input, inputs, weight + input * outputs, outputs, rows, 1);
}

/* Rows [row, row + rows) of x against outputs [first, end). */
static void add_piece(const struct product *p, int64_t row, int64_t rows, int64_t first, int64_t end)
{
    _Alignas(64) float sums[SUMS];
    int64_t inputs = p->weight->inputs, outputs = p->weight->outputs, width = end - first;
    memset(sums, 0, (size_t)(rows * width) * sizeof *sums);
    add_inputs(sums, width, (const float *)p->x + row * inputs, p->weight->master + first, inputs, outputs,
               rows);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < width; i++)
            store(p, row + r, first + i, sums[r * width + i]);
}

static void sums_of_inputs(const struct product *p)
{
#pragma omp parallel num_threads(threads_count())
    {
        struct share share = threads_share(p->weight->outputs);
        for (int64_t row = 0; row < p->rows; row += SUM_ROWS) {
            int64_t rows = smaller(SUM_ROWS, p->rows - row), widest = SUMS / rows / LANES * LANES;
            for (int64_t done = 0; done < share.count; done += widest)
                add_piece(p, row, rows, share.first + done,
                          share.first + smaller(share.count, done + widest));
        }
    }
}

void row_matmul(void *y, enum element y_element, const void *x, const struct row_weight *weight,
                const float *bias, int64_t rows)
{
    const struct product product = {y, y_element, x, weight, bias, rows};
    if (weight->values != NULL || weight->transposed)
        dot_products(&product);
    else
        sums_of_inputs(&product);
}

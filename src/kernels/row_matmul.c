/* Two forms, by what lies side by side in memory. Where that is the inputs of an output, an output is a dot
 * product with each of a few rows of x. Where it is the outputs of an input (an fp32 master that is not
 * transposed), sums of some outputs stay in registers while the inputs pass. Either reads the weight once for
 * a few rows. Threads divide the outputs, so that no sum depends on them. */
#include "llmpi/kernels/row_matmul.h"

#include "lanes.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"

enum { TILE = 16, WIDE = 12, PIECE = WIDE * LANES, AHEAD = 8 };

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
    for (int64_t first = 0; first < outputs; first += TILE) {
        int64_t count = smaller(TILE, outputs - first);
        bf16 *rows = weight->values + first * inputs;
        if (weight->transposed)
            element_from_float(rows, master + first * inputs, count * inputs);
        else
            round_columns(rows, master + first, count, inputs, outputs);
    }
}

/* --- dot products --- */

/* Outputs one by one, so that the weight is read in order: sums (outputs, DOT_ROWS). */
ELEMENT_LOOP void dot_loop(float *sums, const void *weight, const void *x, enum element element, int64_t n,
                           int64_t outputs, int64_t rows)
{
    for (int64_t o = 0; o < outputs; o++, sums += DOT_ROWS) {
        const void *of_output = element_at_const(weight, element, o * n);
        if (rows == 4)
            dot_rows(sums, of_output, x, element, n, 4);
        else if (rows == 3)
            dot_rows(sums, of_output, x, element, n, 3);
        else if (rows == 2)
            dot_rows(sums, of_output, x, element, n, 2);
        else
            dot_rows(sums, of_output, x, element, n, 1);
    }
}

CLONED(void, dots_fp32,
       (float *sums, const void *weight, const void *x, int64_t n, int64_t outputs, int64_t rows),
       (sums, weight, x, n, outputs, rows))
{
    dot_loop(sums, weight, x, ELEMENT_FP32, n, outputs, rows);
}

CLONED(void, dots_bf16,
       (float *sums, const void *weight, const void *x, int64_t n, int64_t outputs, int64_t rows),
       (sums, weight, x, n, outputs, rows))
{
    dot_loop(sums, weight, x, ELEMENT_BF16, n, outputs, rows);
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
    const void *from = element_at_const(values, element, first * weight->inputs);
    for (int64_t row = 0; row < p->rows; row += DOT_ROWS) {
        int64_t rows = smaller(DOT_ROWS, p->rows - row);
        const void *x = element_at_const(p->x, element, row * weight->inputs);
        float sums[TILE * DOT_ROWS];
        (element == ELEMENT_BF16 ? dots_bf16 : dots_fp32)(sums, from, x, weight->inputs, end - first, rows);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t o = 0; o < end - first; o++)
                store(p, row + r, first + o, sums[o * DOT_ROWS + r]);
    }
}

static void dot_products(const struct product *p)
{
#pragma omp parallel for num_threads(threads_count()) schedule(static)
    for (int64_t first = 0; first < p->weight->outputs; first += TILE)
        dot_tile(p, first, smaller(p->weight->outputs, first + TILE));
}

/* --- sums of rows of the weight --- */

/* sums (rows, `columns` apart) = x (rows, inputs) times `left` columns, at most `vectors` LANES, of a weight
 * (inputs, outputs). Rows of the weight are far apart, so that those to come are asked for early. */
ELEMENT_LOOP void sum_tile(float *sums, int64_t columns, const float *x, const float *weight, int64_t inputs,
                           int64_t outputs, int64_t left, int rows, int vectors)
{
    lanes parts[DOT_ROWS][WIDE] = {{{0}}}, of_weight;
    for (int64_t input = 0; input < inputs; input++) {
        const float *from = weight + input * outputs;
        const float *later = input + AHEAD < inputs ? from + AHEAD * outputs : from;
        for (int v = 0; v < vectors; v++) {
            __builtin_prefetch(later + v * LANES);
            load_lanes(&of_weight, from, ELEMENT_FP32, v * LANES, left - v * LANES);
            for (int r = 0; r < rows; r++)
                parts[r][v] += x[r * inputs + input] * of_weight;
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            store_lanes(sums + r * columns + v * LANES, &parts[r][v], left - v * LANES);
}

ELEMENT_LOOP void sum_loop(float *sums, int64_t columns, const float *x, const float *weight, int64_t inputs,
                           int64_t outputs, int rows)
{
    int vectors = rows == 1 ? WIDE : WIDE / 4;
    int64_t done = 0, wide = vectors * LANES;
    for (; done + wide <= columns; done += wide)
        sum_tile(sums + done, columns, x, weight + done, inputs, outputs, wide, rows, vectors);
    for (; done < columns; done += LANES)
        sum_tile(sums + done, columns, x, weight + done, inputs, outputs, columns - done, rows, 1);
}

CLONED(void, sum_columns,
       (float *sums, int64_t columns, const float *x, const float *weight, int64_t inputs, int64_t outputs,
        int64_t rows),
       (sums, columns, x, weight, inputs, outputs, rows))
{
    if (rows == 4)
        sum_loop(sums, columns, x, weight, inputs, outputs, 4);
    else if (rows == 3)
        sum_loop(sums, columns, x, weight, inputs, outputs, 3);
    else if (rows == 2)
        sum_loop(sums, columns, x, weight, inputs, outputs, 2);
    else
        sum_loop(sums, columns, x, weight, inputs, outputs, 1);
}

/* All rows of x against `columns` outputs (at most PIECE) from `first` on. */
static void sum_piece(const struct product *p, int64_t first, int64_t columns)
{
    int64_t inputs = p->weight->inputs, outputs = p->weight->outputs;
    float sums[DOT_ROWS * PIECE];
    for (int64_t row = 0; row < p->rows; row += DOT_ROWS) {
        int64_t rows = smaller(DOT_ROWS, p->rows - row);
        sum_columns(sums, columns, (const float *)p->x + row * inputs, p->weight->master + first, inputs,
                    outputs, rows);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < columns; i++)
                store(p, row + r, first + i, sums[r * columns + i]);
    }
}

static void sums_of_inputs(const struct product *p)
{
#pragma omp parallel num_threads(threads_count())
    {
        struct share share = threads_share(p->weight->outputs);
        for (int64_t done = 0; done < share.count; done += PIECE)
            sum_piece(p, share.first + done, smaller(PIECE, share.count - done));
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

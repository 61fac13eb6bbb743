/* bf16 products through oneDNN: a dense left factor, a right factor in oneDNN's packed layout, a dense
 * result. A weight is packed in both directions once per update. The gradient of a weight, whose inner
 * dimension is the rows, is not oneDNN's: it would have to copy and transpose first, while pairs of rows are
 * all that vdpbf16ps needs. */
#include "gemm.h"
#include "llmpi/base/clones.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/log.h"
#include "llmpi/kernels/threads.h"
#include "matmul_provider.h"
#include "onednn.h"

#include <string.h>

enum { CHUNK = 1024 /* rows of a weight's gradient at a time */ };

struct onednn_weight {
    int64_t inputs, outputs;
    struct onednn_form *forward, *backward; /* over the bytes that follow */
};

static int64_t aligned(int64_t bytes)
{
    return round_up(bytes, MEMORY_ALIGNMENT);
}

/* Where the forms of a weight begin. */
static char *form_bytes(struct onednn_weight *weight)
{
    return (char *)weight + aligned((int64_t)sizeof *weight);
}

/* A product cannot fail by its interface: where oneDNN does (it is out of memory), the result is NaN, which
 * training reports. All bits set are NaN in both formats. */
static void give_up(const char *what, void *result, int64_t bytes)
{
    log_warning("oneDNN failed to %s; the result is set to NaN", what);
    memset(result, 0xff, (size_t)bytes);
}

static int64_t packed_bytes(int64_t inputs, int64_t outputs)
{
    return aligned((int64_t)sizeof(struct onednn_weight)) + onednn_packed_bytes(inputs, outputs) +
           onednn_packed_bytes(outputs, inputs);
}

static void destroy(void *packed, const struct allocator *allocator)
{
    struct onednn_weight *weight = packed;
    if (weight == NULL)
        return;
    onednn_form_destroy(weight->forward);
    onednn_form_destroy(weight->backward);
    allocator->release(allocator->context, weight);
}

static void *create(int64_t inputs, int64_t outputs, const struct allocator *allocator)
{
    struct onednn_weight *weight =
        allocator->allocate(allocator->context, (size_t)packed_bytes(inputs, outputs), "a weight in bf16");
    if (weight == NULL)
        return NULL;
    char *bytes = form_bytes(weight);
    *weight = (struct onednn_weight){.inputs = inputs, .outputs = outputs};
    weight->forward = onednn_form_create(inputs, outputs, bytes);
    if (weight->forward != NULL)
        weight->backward = onednn_form_create(outputs, inputs, bytes + onednn_packed_bytes(inputs, outputs));
    if (weight->backward != NULL)
        return weight;
    destroy(weight, allocator);
    return NULL;
}

static void pack(void *packed, const float *master, bool transposed)
{
    struct onednn_weight *weight = packed;
    struct onednn_call key = {.operation = ONEDNN_PACK,
                              .k = weight->inputs,
                              .n = weight->outputs,
                              .input = ELEMENT_FP32,
                              .output = ELEMENT_BF16,
                              .turned = transposed};
    struct onednn_call back = key;
    back.k = weight->outputs;
    back.n = weight->inputs;
    back.turned = !transposed;
    if (!onednn_run(&key, &(struct onednn_operands){.from = master, .to_form = weight->forward}) ||
        !onednn_run(&back, &(struct onednn_operands){.from = master, .to_form = weight->backward}))
        give_up("pack a weight", form_bytes(weight),
                onednn_packed_bytes(weight->inputs, weight->outputs) +
                    onednn_packed_bytes(weight->outputs, weight->inputs));
}

/* oneDNN's scratch, or both factors of a weight's gradient in pairs. */
static int64_t workspace_bytes(int64_t inputs, int64_t outputs, int64_t rows)
{
    int64_t depth = (smaller(rows, CHUNK) + 1) / 2, scratch = threads_count() * ONEDNN_SCRATCH;
    int64_t pairs = depth * (inputs + outputs) * (int64_t)sizeof(float);
    return larger(pairs, scratch);
}

static void forward(void *y, enum element y_element, const bf16 *x, const void *packed, const float *bias,
                    int64_t rows, void *workspace)
{
    const struct onednn_weight *weight = packed;
    struct onednn_call key = {.operation = ONEDNN_PRODUCT,
                              .m = rows,
                              .k = weight->inputs,
                              .n = weight->outputs,
                              .input = ELEMENT_BF16,
                              .output = y_element,
                              .biased = bias != NULL};
    if (rows > 0 &&
        !onednn_run(
            &key, &(struct onednn_operands){
                      .to = y, .from = x, .right_form = weight->forward, .bias = bias, .scratch = workspace}))
        give_up("multiply by a weight", y, rows * weight->outputs * (int64_t)element_size(y_element));
}

static void backward_input(bf16 *dx, const bf16 *dy, const void *packed, int64_t rows, void *workspace)
{
    const struct onednn_weight *weight = packed;
    struct onednn_call key = {.operation = ONEDNN_PRODUCT,
                              .m = rows,
                              .k = weight->outputs,
                              .n = weight->inputs,
                              .input = ELEMENT_BF16,
                              .output = ELEMENT_BF16};
    if (rows > 0 &&
        !onednn_run(&key, &(struct onednn_operands){
                              .to = dx, .from = dy, .right_form = weight->backward, .scratch = workspace}))
        give_up("multiply by a transposed weight", dx, rows * weight->inputs * (int64_t)sizeof *dx);
}

static inline float pair_of(bf16 low, bf16 high)
{
    union {
        uint32_t bits;
        float pair;
    } both = {(uint32_t)high << 16 | low};
    return both.pair;
}

/* Two rows as one of pairs. */
CLONED(void, pair_rows, (float *pairs, const bf16 *first, const bf16 *second, int64_t n),
       (pairs, first, second, n))
{
    for (int64_t i = 0; i < n; i++)
        pairs[i] = pair_of(first[i], second[i]);
}

/* (rows, n) numbers as rows of pairs; the partner of a last row alone is zero. */
static void pair_matrix(float *pairs, const bf16 *values, int64_t rows, int64_t n)
{
#pragma omp parallel for schedule(static) if (rows * n >= THREADS_WORTH)
    for (int64_t row = 0; row < rows - 1; row += 2)
        pair_rows(pairs + row / 2 * n, values + row * n, values + (row + 1) * n, n);
    for (int64_t i = 0; rows % 2 == 1 && i < n; i++)
        pairs[rows / 2 * n + i] = pair_of(values[(rows - 1) * n + i], 0);
}

static void backward_weight(float *dweight, bool transposed, const bf16 *x, const bf16 *dy, int64_t inputs,
                            int64_t outputs, int64_t rows, void *workspace)
{
    const bf16 *left = transposed ? dy : x, *right = transposed ? x : dy;
    int64_t m = transposed ? outputs : inputs, n = transposed ? inputs : outputs;
    for (int64_t row = 0; row < rows; row += CHUNK) {
        int64_t count = smaller(CHUNK, rows - row), depth = (count + 1) / 2;
        float *left_pairs = workspace, *right_pairs = left_pairs + depth * m;
        pair_matrix(left_pairs, left + row * m, count, m);
        pair_matrix(right_pairs, right + row * n, count, n);
        gemm_threads_pairs(dweight, (struct gemm_factor){left_pairs, m, true},
                           (struct gemm_factor){right_pairs, n, false}, m, n, depth);
    }
}

const struct matmul_provider matmul_onednn = {
    .name = "onednn",
    .needs = CPU_AVX512_BF16,
    .create = create,
    .destroy = destroy,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward_input = backward_input,
    .backward_weight = backward_weight,
};

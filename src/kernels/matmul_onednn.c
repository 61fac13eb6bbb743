/* bf16 products through oneDNN. All three are one kind for it: a dense left factor, a right factor in
 * oneDNN's packed layout, a dense result. A weight is packed in both directions once per update; the gradient
 * of a weight packs one of its factors and transposes the other, in pieces that stay in the cache, which is
 * faster than handing over transposed strides. */
#include "llmpi/base/log.h"
#include "llmpi/kernels/threads.h"
#include "matmul_provider.h"
#include "onednn.h"

#include <string.h>

enum { CHUNK = 1024 /* rows of a weight's gradient at a time */, PIECE = 2048 /* and rows of its result */ };

struct onednn_weight {
    int64_t inputs, outputs;
    struct onednn_form *forward, *backward; /* over the bytes that follow */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t aligned(int64_t bytes)
{
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
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

/* oneDNN's scratch, then the transposed copy, then the packed copy of a weight's gradient; rows or columns of
 * the gradient may be the ones that are transposed. */
static int64_t workspace_bytes(int64_t inputs, int64_t outputs, int64_t rows)
{
    int64_t chunk = smaller(rows, CHUNK), longer = inputs > outputs ? inputs : outputs;
    return threads_count() * ONEDNN_SCRATCH +
           aligned(smaller(longer, PIECE) * chunk * (int64_t)sizeof(bf16)) +
           onednn_packed_bytes(chunk, longer);
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

/* out (m, n) += left^T right for one chunk of rows. */
static bool add_chunk(float *out, const bf16 *left, const bf16 *right, int64_t m, int64_t n, int64_t rows,
                      char *workspace)
{
    char *copy = workspace + threads_count() * ONEDNN_SCRATCH;
    char *packed = copy + aligned(smaller(m, PIECE) * rows * (int64_t)sizeof(bf16));
    struct onednn_call call = {
        .operation = ONEDNN_PACK, .k = rows, .n = n, .input = ELEMENT_BF16, .output = ELEMENT_BF16};
    if (!onednn_run(&call, &(struct onednn_operands){.to = packed, .from = right}))
        return false;
    for (int64_t row = 0; row < m; row += PIECE) {
        struct onednn_call turn = call, product = call;
        turn.operation = ONEDNN_TRANSPOSE;
        turn.m = product.m = smaller(PIECE, m - row);
        turn.n = m;
        product.operation = ONEDNN_PRODUCT;
        product.output = ELEMENT_FP32;
        product.add = true;
        if (!onednn_run(&turn, &(struct onednn_operands){.to = copy, .from = left + row}) ||
            !onednn_run(&product,
                        &(struct onednn_operands){
                            .to = out + row * n, .from = copy, .right = packed, .scratch = workspace}))
            return false;
    }
    return true;
}

static void backward_weight(float *dweight, bool transposed, const bf16 *x, const bf16 *dy, int64_t inputs,
                            int64_t outputs, int64_t rows, void *workspace)
{
    const bf16 *left = transposed ? dy : x, *right = transposed ? x : dy;
    int64_t m = transposed ? outputs : inputs, n = transposed ? inputs : outputs;
    for (int64_t row = 0; row < rows; row += CHUNK) {
        if (!add_chunk(dweight, left + row * m, right + row * n, m, n, smaller(CHUNK, rows - row),
                       workspace)) {
            give_up("compute the gradient of a weight", dweight, m * n * (int64_t)sizeof *dweight);
            return;
        }
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

/* The provider whose products run on tiles, of AMX or by dot products in AVX512_BF16. A weight is kept in two
 * packed forms, one for each of the products that it is a factor of; the gradient's factors are packed on the
 * way, some rows at a time and wide matrices in stripes, so that they fit into a small workspace that is
 * still in the cache when it is read. */
#include "matmul_provider.h"

#ifdef __x86_64__

#include "llmpi/base/integer.h"
#include "tile_gemm.h"
#include "tile_pack.h"

enum {
    HEADER = 64,          /* bytes: keeps the forms aligned */
    GRADIENT_ROWS = 1024, /* rows that one step adds to a gradient: four DEPTH_BLOCKs */
    STRIPE = 4096,        /* columns of x or dy that one step packs */
};

struct packed {
    int64_t inputs, outputs;
    bf16 *by_inputs, *by_outputs; /* the forms whose depth is the inputs (forward), the outputs (backward) */
};

_Static_assert(sizeof(struct packed) <= HEADER, "the forms begin after the header");

static int64_t form_bytes(int64_t depth, int64_t width)
{
    return tile_packed_elements(depth, width) * (int64_t)sizeof(bf16);
}

static int64_t packed_bytes(int64_t inputs, int64_t outputs)
{
    return HEADER + form_bytes(inputs, outputs) + form_bytes(outputs, inputs);
}

static void *create(int64_t inputs, int64_t outputs, const struct allocator *allocator)
{
    char *memory = allocator->allocate(allocator->context, (size_t)packed_bytes(inputs, outputs),
                                       "a weight packed in tiles");
    if (memory == NULL)
        return NULL;
    bf16 *by_inputs = (bf16 *)(memory + HEADER);
    *(struct packed *)memory =
        (struct packed){inputs, outputs, by_inputs, by_inputs + tile_packed_elements(inputs, outputs)};
    return memory;
}

static void destroy(void *packed, const struct allocator *allocator)
{
    allocator->release(allocator->context, packed);
}

static void pack(void *packed, const float *master, bool transposed)
{
    const struct packed *weight = packed;
    if (transposed)
        tile_pack_weight(weight->by_outputs, weight->by_inputs, master, weight->outputs, weight->inputs);
    else
        tile_pack_weight(weight->by_inputs, weight->by_outputs, master, weight->inputs, weight->outputs);
}

static void forward(void *y, enum element y_element, const bf16 *x, const void *packed, const float *bias,
                    int64_t rows, void *workspace)
{
    const struct packed *weight = packed;
    struct tile_product product = {
        .rows = rows,
        .columns = weight->outputs,
        .depth = weight->inputs,
        .left = x,
        .left_stride = weight->inputs,
        .right = weight->by_inputs,
        .bias = bias,
        .y = y,
        .y_stride = weight->outputs,
        .output = y_element == ELEMENT_BF16 ? TILE_BF16 : TILE_FP32,
    };
    tile_multiply(&product, workspace);
}

static void backward_input(bf16 *dx, const bf16 *dy, const void *packed, int64_t rows, void *workspace)
{
    const struct packed *weight = packed;
    struct tile_product product = {
        .rows = rows,
        .columns = weight->inputs,
        .depth = weight->outputs,
        .left = dy,
        .left_stride = weight->outputs,
        .right = weight->by_outputs,
        .y = dx,
        .y_stride = weight->inputs,
        .output = TILE_BF16,
    };
    tile_multiply(&product, workspace);
}

/* dweight (left_width, right_width) += left^T right for factors of `rows` rows. */
struct gradient {
    float *dweight;
    const bf16 *left, *right;
    int64_t left_width, right_width, rows;
    bf16 *left_packed, *right_packed;
    void *workspace;
};

static int64_t stripe_elements(int64_t width, int64_t rows)
{
    return tile_packed_elements(smaller(rows, GRADIENT_ROWS), smaller(width, STRIPE));
}

/* Adds the product of rows [row, row + rows) for the right factor's columns from `column`, which are packed.
 */
static void add_stripes(const struct gradient *gradient, int64_t row, int64_t rows, int64_t column)
{
    for (int64_t start = 0; start < gradient->left_width; start += STRIPE) {
        int64_t width = smaller(STRIPE, gradient->left_width - start);
        if (column == 0 || gradient->left_width > STRIPE)
            tile_pack_rows(gradient->left_packed, gradient->left + row * gradient->left_width + start,
                           gradient->left_width, rows, width, true);
        struct tile_product product = {
            .rows = width,
            .columns = smaller(STRIPE, gradient->right_width - column),
            .depth = rows,
            .left_packed = gradient->left_packed,
            .right = gradient->right_packed,
            .y = gradient->dweight + start * gradient->right_width + column,
            .y_stride = gradient->right_width,
            .output = TILE_ADD_FP32,
        };
        tile_multiply(&product, gradient->workspace);
    }
}

static void add_gradient(const struct gradient *gradient)
{
    for (int64_t row = 0; row < gradient->rows; row += GRADIENT_ROWS) {
        int64_t rows = smaller(GRADIENT_ROWS, gradient->rows - row);
        for (int64_t column = 0; column < gradient->right_width; column += STRIPE) {
            tile_pack_rows(gradient->right_packed, gradient->right + row * gradient->right_width + column,
                           gradient->right_width, rows, smaller(STRIPE, gradient->right_width - column),
                           false);
            add_stripes(gradient, row, rows, column);
        }
    }
}

static void backward_weight(float *dweight, bool transposed, const bf16 *x, const bf16 *dy, int64_t inputs,
                            int64_t outputs, int64_t rows, void *workspace)
{
    struct gradient gradient = {
        .dweight = dweight,
        .left = transposed ? dy : x,
        .right = transposed ? x : dy,
        .left_width = transposed ? outputs : inputs,
        .right_width = transposed ? inputs : outputs,
        .rows = rows,
        .left_packed = workspace,
    };
    gradient.right_packed = gradient.left_packed + stripe_elements(gradient.left_width, rows);
    gradient.workspace = gradient.right_packed + stripe_elements(gradient.right_width, rows);
    add_gradient(&gradient);
}

static int64_t workspace_bytes(int64_t inputs, int64_t outputs, int64_t rows)
{
    int64_t depth = smaller(rows, GRADIENT_ROWS);
    int64_t straight = tile_workspace_bytes(rows, outputs, inputs);
    int64_t back = tile_workspace_bytes(rows, inputs, outputs);
    int64_t gradient = tile_workspace_bytes(smaller(inputs, STRIPE), smaller(outputs, STRIPE), depth);
    int64_t across = tile_workspace_bytes(smaller(outputs, STRIPE), smaller(inputs, STRIPE), depth);
    gradient = larger(gradient, across) +
               (stripe_elements(inputs, rows) + stripe_elements(outputs, rows)) * (int64_t)sizeof(bf16);
    return larger(gradient, larger(straight, back));
}

const struct matmul_provider matmul_tiles = {
    .name = "tiles",
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

#endif

/* One set of buffers serves all products: input side, output side, a master weight and its gradient, each as
 * large as the largest product wants it. */
#include "bench_products.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/matmul_peak.h"
#include "llmpi/model/activations.h"

#define PEAK_SECONDS 0.1 /* for square products, before and after, for each round */

/* What bench_measure calls: one product in one kind. */
struct call {
    struct products *products;
    const struct product *product;
    enum product_kind kind;
};

enum { ITEMS = PRODUCTS * PRODUCT_KINDS };

struct products {
    struct product products[PRODUCTS];
    struct call calls[ITEMS];
    struct measured items[ITEMS];
    enum element element;
    void *inputs, *outputs, *workspace;
    float *master, *gradient;
    double peak; /* FLOP per second of square products, and their size */
    int64_t peak_size;
};

/* The head's logits are fp32 in every precision. */
static enum element product_output(const struct products *set, const struct product *product)
{
    return product == &set->products[PRODUCTS - 1] ? ELEMENT_FP32 : set->element;
}

static void run_call(void *context)
{
    const struct call *call = context;
    const struct product *product = call->product;
    struct products *set = call->products;
    switch (call->kind) {
    case PRODUCT_FORWARD:
        matmul_forward(set->outputs, product_output(set, product), set->inputs, product->weight, NULL,
                       product->rows, set->workspace);
        break;
    case PRODUCT_INPUT:
        matmul_backward_input(set->inputs, set->outputs, product->weight, product->rows, set->workspace);
        break;
    default:
        matmul_backward_weight(set->gradient, NULL, set->inputs, set->outputs, product->weight, product->rows,
                               set->workspace);
    }
}

/* The larger of `most` and a x b; a product that passes 64 bits is one that no allocation satisfies. */
static int64_t larger_product(int64_t most, int64_t a, int64_t b)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return INT64_MAX;
    return product > most ? product : most;
}

static void list_products(const struct model_shape *shape, const struct model_use *use, struct product *list)
{
    struct activations layout = {0};
    int64_t width = shape->n_embd, rows = larger_product(0, use->sequences, shape->context_length);
    double layers = (double)shape->n_layer;
    activations_layout(shape, use, NULL, &layout);
    list[0] = (struct product){"qkv", rows, width, 3 * width, layers, NULL};
    list[1] = (struct product){"attention projection", rows, width, width, layers, NULL};
    list[2] = (struct product){"fc", rows, width, 4 * width, layers, NULL};
    list[3] = (struct product){"fc projection", rows, 4 * width, width, layers, NULL};
    list[4] = (struct product){
        "head chunk", layout.chunk_rows, width, shape->vocab_size, (double)rows / (double)layout.chunk_rows,
        NULL};
}

static enum status allocate(struct products *set)
{
    int64_t inputs = 0, outputs = 0, weights = 0, workspace = 0;
    for (int i = 0; i < PRODUCTS; i++) {
        struct product *product = &set->products[i];
        inputs = larger_product(inputs, product->rows, product->inputs);
        outputs = larger_product(outputs, product->rows, product->outputs);
        weights = larger_product(weights, product->inputs, product->outputs);
        int64_t scratch = matmul_workspace(product->inputs, product->outputs, set->element, product->rows);
        workspace = larger(scratch, workspace);
        product->weight = weight_create(product->inputs, product->outputs, i == PRODUCTS - 1, set->element,
                                        &allocator_plain);
        if (product->weight == NULL)
            return STATUS_FAILED;
    }
    set->inputs = bench_elements(set->element, inputs, "inputs of products");
    set->outputs = bench_elements(set->element, outputs, "outputs of products");
    set->workspace = memory_allocate(workspace, 1, "scratch of products");
    set->master = bench_values(weights, "weights of products");
    set->gradient = bench_values(weights, "gradients of products");
    return set->inputs != NULL && set->outputs != NULL && set->workspace != NULL && set->master != NULL &&
                   set->gradient != NULL
               ? STATUS_OK
               : STATUS_FAILED;
}

static void add_call(struct products *set, int item, int product, enum product_kind kind)
{
    set->calls[item] = (struct call){set, &set->products[product], kind};
    set->items[item] = (struct measured){.run = run_call, .context = &set->calls[item]};
}

enum status products_create(const struct model_shape *shape, const struct model_use *use,
                            struct products **out)
{
    struct products *set = memory_allocate(1, sizeof *set, "products");
    *out = NULL;
    if (set == NULL)
        return STATUS_FAILED;
    set->element = use->element;
    list_products(shape, use, set->products);
    enum status status = allocate(set);
    if (status != STATUS_OK) {
        products_destroy(set);
        return status;
    }
    for (int i = 0; i < PRODUCTS; i++)
        weight_refresh(set->products[i].weight, set->master);
    for (int i = 0; i < PRODUCTS * PRODUCT_KINDS; i++)
        add_call(set, i, i / PRODUCT_KINDS, (enum product_kind)(i % PRODUCT_KINDS));
    *out = set;
    return STATUS_OK;
}

void products_destroy(struct products *products)
{
    if (products == NULL)
        return;
    for (int i = 0; i < PRODUCTS; i++)
        weight_destroy(products->products[i].weight);
    memory_free(products->inputs);
    memory_free(products->outputs);
    memory_free(products->workspace);
    memory_free(products->master);
    memory_free(products->gradient);
    memory_free(products);
}

enum element products_element(const struct products *products)
{
    return products->element;
}

static enum status raise_peak(struct products *products, int64_t rounds)
{
    double rate;
    int64_t size;
    TRY(matmul_peak(products->element, (double)rounds * PEAK_SECONDS, &rate, &size));
    if (rate > products->peak) {
        products->peak = rate;
        products->peak_size = size;
    }
    return STATUS_OK;
}

/* The peak before and after, so that one slow moment of the machine does not lower it. */
enum status products_measure(struct products *products, int64_t rounds)
{
    TRY(raise_peak(products, rounds));
    TRY(bench_measure(products->items, ITEMS, rounds));
    return raise_peak(products, rounds);
}

const struct product *products_get(const struct products *products, int index)
{
    return &products->products[index];
}

struct timing products_time(const struct products *products, int index, enum product_kind kind)
{
    return products->items[index * PRODUCT_KINDS + (int)kind].time;
}

double product_flop(const struct product *product)
{
    return 2.0 * (double)product->rows * (double)product->inputs * (double)product->outputs;
}

double products_peak(const struct products *products, int64_t *size)
{
    *size = products->peak_size;
    return products->peak;
}

double products_seconds(const struct products *products, enum product_kind kind)
{
    double sum = 0;
    for (int i = 0; i < PRODUCTS; i++)
        for (int k = 0; k < PRODUCT_KINDS; k++)
            if (kind == PRODUCT_KINDS || kind == (enum product_kind)k)
                sum += products->products[i].calls * products_time(products, i, (enum product_kind)k).best;
    return sum;
}

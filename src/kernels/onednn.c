/* bf16 products through oneDNN 2.6 (https://oneapi-src.github.io/oneDNN/v2.6, chapter Matmul), the one file
 * that includes it. All three products are one kind for it: a dense left factor, a right factor in oneDNN's
 * packed layout, a dense result. A weight is packed in both directions once per update; the gradient of a
 * weight packs one of its factors and transposes the other, in pieces that stay in the cache, which is faster
 * than handing over transposed strides. What oneDNN makes for a shape is kept for the process, so that a
 * shape that came before costs nothing to prepare. */
#include "llmpi/base/log.h"
#include "llmpi/kernels/threads.h"
#include "matmul_provider.h"

#include <dnnl.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 1024 /* rows of a weight's gradient at a time */, PIECE = 2048 /* and its rows */ };
enum { BLOCK = 64 };                    /* packed layouts fill up both sides to at most this */
#define SCRATCHPAD   ((int64_t)4 << 20) /* bytes per thread that oneDNN's own scratch may take */
#define NOMINAL_ROWS 1024               /* layouts do not depend on the rows */

enum operation { PRODUCT, PACK, TRANSPOSE };

/* What oneDNN builds code for. PRODUCT: (m, k) times packed (k, n). PACK: (k, n) of `input`, its rows or,
 * when `turned`, its columns contiguous, into the packed layout. TRANSPOSE: columns m of a (k, n) matrix to
 * rows. */
struct key {
    enum operation operation;
    int threads;
    int64_t m, k, n;
    dnnl_data_type_t input, output;
    bool biased, add, turned;
};

struct call {
    struct key key;
    dnnl_primitive_t primitive; /* NULL: the place is free */
    dnnl_memory_t from, right, bias, to, scratchpad;
    int64_t scratchpad_bytes;
    void *own_scratchpad; /* where the workspace's is too small */
};

enum { CALLS = 512 };

/* oneDNN's state of the process; kernels are called by one thread. */
static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct call calls[CALLS];
    int oldest;
} library;

struct onednn_weight {
    int64_t inputs, outputs;
    dnnl_memory_t forward, backward; /* over the bytes that follow */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t filled_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* No fewer than any packed layout of a (k, n) matrix takes. */
static int64_t most_packed_bytes(int64_t k, int64_t n)
{
    return filled_up(k, BLOCK) * filled_up(n, BLOCK) * (int64_t)sizeof(bf16);
}

const char *matmul_onednn_version(void)
{
    static char text[32];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

/* On first use, when the instruction sets are agreed on: oneDNN takes the limit before anything else only. */
static bool library_start(void)
{
    if (library.stream != NULL)
        return true;
    dnnl_set_max_cpu_isa(cpu_level() >= CPU_AMX ? dnnl_cpu_isa_all : dnnl_cpu_isa_avx512_core_bf16);
    return dnnl_engine_create(&library.engine, dnnl_cpu, 0) == dnnl_success &&
           dnnl_stream_create(&library.stream, library.engine, dnnl_stream_default_flags) == dnnl_success;
}

/* A (rows, columns) matrix with these distances between neighbours down and across. */
static dnnl_memory_desc_t matrix(int64_t rows, int64_t columns, dnnl_data_type_t type, int64_t down,
                                 int64_t across)
{
    dnnl_memory_desc_t layout;
    dnnl_dims_t sizes = {rows, columns}, strides = {down, across};
    if (dnnl_memory_desc_init_by_strides(&layout, 2, sizes, type, strides) != dnnl_success)
        memset(&layout, 0, sizeof layout); /* refused by every user */
    return layout;
}

static dnnl_memory_desc_t dense(int64_t rows, int64_t columns, dnnl_data_type_t type)
{
    return matrix(rows, columns, type, columns, 1);
}

static dnnl_status_t product_describe(dnnl_primitive_desc_t *description, const struct key *key,
                                      const dnnl_memory_desc_t *right, dnnl_primitive_attr_t attributes)
{
    dnnl_memory_desc_t left = dense(key->m, key->k, key->input), out = dense(key->m, key->n, key->output);
    dnnl_memory_desc_t bias = dense(1, key->n, dnnl_f32);
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, &left, right, key->biased ? &bias : NULL, &out);
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(description, &operation, attributes, library.engine, NULL);
}

/* The layout that oneDNN wants the right factor (k, n) of products in. */
static bool packed_layout(dnnl_memory_desc_t *layout, int64_t k, int64_t n)
{
    dnnl_memory_desc_t any;
    dnnl_dims_t sizes = {k, n};
    dnnl_primitive_desc_t description;
    struct key key = {.m = NOMINAL_ROWS, .k = k, .n = n, .input = dnnl_bf16, .output = dnnl_f32};
    if (dnnl_memory_desc_init_by_tag(&any, 2, sizes, dnnl_bf16, dnnl_format_tag_any) != dnnl_success ||
        product_describe(&description, &key, &any, NULL) != dnnl_success)
        return false;
    *layout = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    dnnl_primitive_desc_destroy(description);
    return (int64_t)dnnl_memory_desc_get_size(layout) <= most_packed_bytes(k, n);
}

static bool memory_of(dnnl_memory_t *memory, const dnnl_memory_desc_t *layout)
{
    return dnnl_memory_create(memory, layout, library.engine, DNNL_MEMORY_NONE) == dnnl_success;
}

/* Memory objects of a described primitive, and the primitive. */
static bool call_finish(struct call *call, dnnl_primitive_desc_t description)
{
    bool product = call->key.operation == PRODUCT;
    const dnnl_memory_desc_t *scratchpad =
        dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
    call->scratchpad_bytes = (int64_t)dnnl_memory_desc_get_size(scratchpad);
    if (call->scratchpad_bytes > call->key.threads * SCRATCHPAD) {
        call->own_scratchpad = memory_allocate(call->scratchpad_bytes, 1, "oneDNN's scratch");
        if (call->own_scratchpad == NULL)
            return false;
    }
    return memory_of(&call->from, dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0)) &&
           memory_of(&call->to, dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0)) &&
           memory_of(&call->scratchpad, scratchpad) &&
           (!product ||
            memory_of(&call->right, dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0))) &&
           (!call->key.biased ||
            memory_of(&call->bias, dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 1))) &&
           dnnl_primitive_create(&call->primitive, description) == dnnl_success;
}

static dnnl_status_t call_describe(dnnl_primitive_desc_t *description, const struct key *key,
                                   dnnl_primitive_attr_t attributes)
{
    dnnl_memory_desc_t packed, from, to;
    if (key->operation != TRANSPOSE && !packed_layout(&packed, key->k, key->n))
        return dnnl_unimplemented;
    if (key->operation == PRODUCT)
        return product_describe(description, key, &packed, attributes);
    if (key->operation == PACK) {
        from =
            key->turned ? matrix(key->k, key->n, key->input, 1, key->k) : dense(key->k, key->n, key->input);
        to = packed;
    } else {
        from = matrix(key->m, key->k, key->input, 1, key->n);
        to = dense(key->m, key->k, key->output);
    }
    return dnnl_reorder_primitive_desc_create(description, &from, library.engine, &to, library.engine,
                                              attributes);
}

static bool call_create(struct call *call, const struct key *key)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t after = NULL;
    dnnl_primitive_desc_t description = NULL;
    call->key = *key;
    bool done =
        dnnl_primitive_attr_create(&attributes) == dnnl_success &&
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success &&
        dnnl_post_ops_create(&after) == dnnl_success &&
        (!key->add || dnnl_post_ops_append_sum(after, 1.0f) == dnnl_success) &&
        dnnl_primitive_attr_set_post_ops(attributes, after) == dnnl_success &&
        call_describe(&description, key, attributes) == dnnl_success && call_finish(call, description);
    if (description != NULL)
        dnnl_primitive_desc_destroy(description);
    if (after != NULL)
        dnnl_post_ops_destroy(after);
    if (attributes != NULL)
        dnnl_primitive_attr_destroy(attributes);
    return done;
}

static void call_destroy(struct call *call)
{
    dnnl_memory_t memories[] = {call->from, call->right, call->bias, call->to, call->scratchpad};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i] != NULL)
            dnnl_memory_destroy(memories[i]);
    if (call->primitive != NULL)
        dnnl_primitive_destroy(call->primitive);
    memory_free(call->own_scratchpad);
    memset(call, 0, sizeof *call);
}

static bool key_equal(const struct key *a, const struct key *b)
{
    return a->operation == b->operation && a->threads == b->threads && a->m == b->m && a->k == b->k &&
           a->n == b->n && a->input == b->input && a->output == b->output && a->biased == b->biased &&
           a->add == b->add && a->turned == b->turned;
}

/* The call for a key, from before or, in the place of the oldest, new; NULL where oneDNN refuses. */
static struct call *call_find(const struct key *key)
{
    for (int i = 0; i < CALLS && library.calls[i].primitive != NULL; i++)
        if (key_equal(&library.calls[i].key, key))
            return &library.calls[i];
    struct call *call = &library.calls[library.oldest];
    call_destroy(call);
    if (!call_create(call, key)) {
        call_destroy(call);
        return NULL;
    }
    library.oldest = (library.oldest + 1) % CALLS;
    return call;
}

/* Setting an address makes oneDNN clear the padding behind it: only where it changes. */
static bool bind(dnnl_memory_t memory, const void *address)
{
    void *bound = NULL;
    return dnnl_memory_get_data_handle(memory, &bound) == dnnl_success &&
           (bound == address ||
            dnnl_memory_set_data_handle(memory, (void *)(uintptr_t)address) == dnnl_success);
}

/* The operands of a call: plain addresses, or for a weight's form its memory object. */
struct operands {
    void *to;
    const void *from, *right, *bias;
    dnnl_memory_t to_form, right_form;
    void *scratchpad;
};

static bool call_run(const struct key *key, const struct operands *operands)
{
    struct call *call = call_find(key);
    if (call == NULL)
        return false;
    dnnl_memory_t to = operands->to_form != NULL ? operands->to_form : call->to;
    dnnl_memory_t right = operands->right_form != NULL ? operands->right_form : call->right;
    dnnl_exec_arg_t arguments[5] = {{DNNL_ARG_FROM, call->from}, {DNNL_ARG_TO, to}};
    int count = 2;
    bool bound = bind(call->from, operands->from) && (operands->to_form != NULL || bind(to, operands->to));
    if (right != NULL) {
        bound = bound && (operands->right_form != NULL || bind(right, operands->right));
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, right};
    }
    if (call->bias != NULL) {
        bound = bound && bind(call->bias, operands->bias);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, call->bias};
    }
    if (call->scratchpad_bytes > 0) {
        bound = bound &&
                bind(call->scratchpad, call->own_scratchpad ? call->own_scratchpad : operands->scratchpad);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, call->scratchpad};
    }
    return bound &&
           dnnl_primitive_execute(call->primitive, library.stream, count, arguments) == dnnl_success &&
           dnnl_stream_wait(library.stream) == dnnl_success;
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
    return filled_up((int64_t)sizeof(struct onednn_weight), MEMORY_ALIGNMENT) +
           most_packed_bytes(inputs, outputs) + most_packed_bytes(outputs, inputs);
}

static void destroy(void *packed, const struct allocator *allocator)
{
    struct onednn_weight *weight = packed;
    if (weight == NULL)
        return;
    if (weight->forward != NULL)
        dnnl_memory_destroy(weight->forward);
    if (weight->backward != NULL)
        dnnl_memory_destroy(weight->backward);
    allocator->release(allocator->context, weight);
}

static bool form_create(dnnl_memory_t *form, int64_t k, int64_t n, void *bytes)
{
    dnnl_memory_desc_t layout;
    return packed_layout(&layout, k, n) &&
           dnnl_memory_create(form, &layout, library.engine, bytes) == dnnl_success;
}

static void *create(int64_t inputs, int64_t outputs, const struct allocator *allocator)
{
    struct onednn_weight *weight =
        allocator->allocate(allocator->context, (size_t)packed_bytes(inputs, outputs), "a weight in bf16");
    if (weight == NULL)
        return NULL;
    char *bytes = (char *)weight + filled_up((int64_t)sizeof *weight, MEMORY_ALIGNMENT);
    *weight = (struct onednn_weight){.inputs = inputs, .outputs = outputs};
    if (library_start() && form_create(&weight->forward, inputs, outputs, bytes) &&
        form_create(&weight->backward, outputs, inputs, bytes + most_packed_bytes(inputs, outputs)))
        return weight;
    fail(STATUS_FAILED, "oneDNN %s packs no weight of %lld inputs and %lld outputs", matmul_onednn_version(),
         (long long)inputs, (long long)outputs);
    destroy(weight, allocator);
    return NULL;
}

static void pack(void *packed, const float *master, bool transposed)
{
    struct onednn_weight *weight = packed;
    struct key key = {.operation = PACK,
                      .threads = threads_count(),
                      .k = weight->inputs,
                      .n = weight->outputs,
                      .input = dnnl_f32,
                      .output = dnnl_bf16,
                      .turned = transposed};
    struct key back = key;
    back.k = weight->outputs;
    back.n = weight->inputs;
    back.turned = !transposed;
    void *bytes = (char *)weight + filled_up((int64_t)sizeof *weight, MEMORY_ALIGNMENT);
    if (!call_run(&key, &(struct operands){.from = master, .to_form = weight->forward}) ||
        !call_run(&back, &(struct operands){.from = master, .to_form = weight->backward}))
        give_up("pack a weight", bytes,
                most_packed_bytes(weight->inputs, weight->outputs) +
                    most_packed_bytes(weight->outputs, weight->inputs));
}

/* oneDNN's scratch, then the transposed copy, then the packed copy of a weight's gradient; rows or columns of
 * the gradient may be the ones that are transposed. */
static int64_t workspace_bytes(int64_t inputs, int64_t outputs, int64_t rows)
{
    int64_t chunk = smaller(rows, CHUNK), longer = inputs > outputs ? inputs : outputs;
    return threads_count() * SCRATCHPAD +
           filled_up(smaller(longer, PIECE) * chunk * (int64_t)sizeof(bf16), MEMORY_ALIGNMENT) +
           most_packed_bytes(chunk, longer);
}

static void forward(void *y, enum element y_element, const bf16 *x, const void *packed, const float *bias,
                    int64_t rows, void *workspace)
{
    const struct onednn_weight *weight = packed;
    struct key key = {.operation = PRODUCT,
                      .threads = threads_count(),
                      .m = rows,
                      .k = weight->inputs,
                      .n = weight->outputs,
                      .input = dnnl_bf16,
                      .output = y_element == ELEMENT_BF16 ? dnnl_bf16 : dnnl_f32,
                      .biased = bias != NULL};
    if (rows > 0 && !call_run(&key, &(struct operands){.to = y,
                                                       .from = x,
                                                       .right_form = weight->forward,
                                                       .bias = bias,
                                                       .scratchpad = workspace}))
        give_up("multiply by a weight", y, rows * weight->outputs * (int64_t)element_size(y_element));
}

static void backward_input(bf16 *dx, const bf16 *dy, const void *packed, int64_t rows, void *workspace)
{
    const struct onednn_weight *weight = packed;
    struct key key = {.operation = PRODUCT,
                      .threads = threads_count(),
                      .m = rows,
                      .k = weight->outputs,
                      .n = weight->inputs,
                      .input = dnnl_bf16,
                      .output = dnnl_bf16};
    if (rows > 0 &&
        !call_run(&key, &(struct operands){
                            .to = dx, .from = dy, .right_form = weight->backward, .scratchpad = workspace}))
        give_up("multiply by a transposed weight", dx, rows * weight->inputs * (int64_t)sizeof *dx);
}

/* out (m, n) += left^T right for one chunk of rows. */
static bool add_chunk(float *out, const bf16 *left, const bf16 *right, int64_t m, int64_t n, int64_t rows,
                      char *workspace)
{
    int threads = threads_count();
    char *copy = workspace + threads * SCRATCHPAD;
    char *packed = copy + filled_up(smaller(m, PIECE) * rows * (int64_t)sizeof(bf16), MEMORY_ALIGNMENT);
    struct key key = {PACK, threads, 0, rows, n, dnnl_bf16, dnnl_bf16, false, false, false};
    if (!call_run(&key, &(struct operands){.to = packed, .from = right, .scratchpad = workspace}))
        return false;
    for (int64_t row = 0; row < m; row += PIECE) {
        int64_t piece = smaller(PIECE, m - row);
        struct key turn = {TRANSPOSE, threads, piece, rows, m, dnnl_bf16, dnnl_bf16, false, false, false};
        struct key product = {PRODUCT, threads, piece, rows, n, dnnl_bf16, dnnl_f32, false, true, false};
        struct operands operands = {
            .to = out + row * n, .from = copy, .right = packed, .scratchpad = workspace};
        if (!call_run(&turn, &(struct operands){.to = copy, .from = left + row, .scratchpad = workspace}) ||
            !call_run(&product, &operands))
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
        if (!library_start() || !add_chunk(dweight, left + row * m, right + row * n, m, n,
                                           smaller(CHUNK, rows - row), workspace)) {
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

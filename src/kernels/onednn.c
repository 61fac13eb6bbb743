/* The one file that includes oneDNN (2.6, https://oneapi-src.github.io/oneDNN/v2.6). What oneDNN makes for a
 * shape (code, memory objects) is kept in a table of the process, so that a shape that came before costs
 * nothing to prepare. Products take dense factors only: for rows with gaps oneDNN falls back to plain loops.
 */
#include "onednn.h"

#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "matmul_provider.h"

#include <dnnl.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 64 };          /* packed layouts fill up both sides to at most this */
enum { NOMINAL_ROWS = 1024 }; /* packed layouts do not depend on the rows of the other factor */

struct prepared {
    struct onednn_call call;
    int threads;
    dnnl_primitive_t primitive; /* NULL: the place is free */
    dnnl_memory_t from, right, bias, to, scratchpad;
    int64_t scratchpad_bytes;
    void *own_scratchpad; /* where the caller's is too small */
};

enum { CALLS = 512 }; /* a model has some tens, and a few per length of prompt */

struct onednn_form {
    dnnl_memory_t memory;
};

/* oneDNN's state of the process; kernels are called by one thread. */
static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct prepared calls[CALLS];
    int oldest;
} library;

int64_t onednn_packed_bytes(int64_t k, int64_t n)
{
    return round_up(k, BLOCK) * round_up(n, BLOCK) * (int64_t)sizeof(bf16);
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

static dnnl_data_type_t type_of(enum element element)
{
    return element == ELEMENT_BF16 ? dnnl_bf16 : dnnl_f32;
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

static dnnl_status_t product_describe(dnnl_primitive_desc_t *description, const struct onednn_call *call,
                                      const dnnl_memory_desc_t *right, dnnl_primitive_attr_t attributes)
{
    dnnl_memory_desc_t left = dense(call->m, call->k, type_of(call->input)),
                       out = dense(call->m, call->n, type_of(call->output));
    dnnl_memory_desc_t bias = dense(1, call->n, dnnl_f32);
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, &left, right, call->biased ? &bias : NULL, &out);
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
    struct onednn_call call = {
        .m = NOMINAL_ROWS, .k = k, .n = n, .input = ELEMENT_BF16, .output = ELEMENT_FP32};
    if (dnnl_memory_desc_init_by_tag(&any, 2, sizes, dnnl_bf16, dnnl_format_tag_any) != dnnl_success ||
        product_describe(&description, &call, &any, NULL) != dnnl_success)
        return false;
    *layout = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    dnnl_primitive_desc_destroy(description);
    return (int64_t)dnnl_memory_desc_get_size(layout) <= onednn_packed_bytes(k, n);
}

static bool memory_of(dnnl_memory_t *memory, const dnnl_memory_desc_t *layout)
{
    return dnnl_memory_create(memory, layout, library.engine, DNNL_MEMORY_NONE) == dnnl_success;
}

/* Memory objects of a described primitive, and the primitive. */
static bool prepared_finish(struct prepared *prepared, dnnl_primitive_desc_t description)
{
    bool product = prepared->call.operation == ONEDNN_PRODUCT;
    const dnnl_memory_desc_t *scratchpad =
        dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
    prepared->scratchpad_bytes = (int64_t)dnnl_memory_desc_get_size(scratchpad);
    if (prepared->scratchpad_bytes > (product ? threads_count() * ONEDNN_SCRATCH : 0)) {
        prepared->own_scratchpad = memory_allocate(prepared->scratchpad_bytes, 1, "oneDNN's scratch");
        if (prepared->own_scratchpad == NULL)
            return false;
    }
    return memory_of(&prepared->from, dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0)) &&
           memory_of(&prepared->to, dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0)) &&
           memory_of(&prepared->scratchpad, scratchpad) &&
           (!product || memory_of(&prepared->right,
                                  dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0))) &&
           (!prepared->call.biased ||
            memory_of(&prepared->bias,
                      dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 1))) &&
           dnnl_primitive_create(&prepared->primitive, description) == dnnl_success;
}

static dnnl_status_t call_describe(dnnl_primitive_desc_t *description, const struct onednn_call *call,
                                   dnnl_primitive_attr_t attributes)
{
    dnnl_memory_desc_t packed, from;
    if (!packed_layout(&packed, call->k, call->n))
        return dnnl_unimplemented;
    if (call->operation == ONEDNN_PRODUCT)
        return product_describe(description, call, &packed, attributes);
    from = call->turned ? matrix(call->k, call->n, type_of(call->input), 1, call->k)
                        : dense(call->k, call->n, type_of(call->input));
    return dnnl_reorder_primitive_desc_create(description, &from, library.engine, &packed, library.engine,
                                              attributes);
}

static bool prepared_create(struct prepared *prepared, const struct onednn_call *call)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t description = NULL;
    prepared->call = *call;
    prepared->threads = threads_count();
    bool done =
        dnnl_primitive_attr_create(&attributes) == dnnl_success &&
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success &&
        call_describe(&description, call, attributes) == dnnl_success &&
        prepared_finish(prepared, description);
    if (description != NULL)
        dnnl_primitive_desc_destroy(description);
    if (attributes != NULL)
        dnnl_primitive_attr_destroy(attributes);
    return done;
}

static void prepared_destroy(struct prepared *prepared)
{
    dnnl_memory_t memories[] = {prepared->from, prepared->right, prepared->bias, prepared->to,
                                prepared->scratchpad};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i] != NULL)
            dnnl_memory_destroy(memories[i]);
    if (prepared->primitive != NULL)
        dnnl_primitive_destroy(prepared->primitive);
    memory_free(prepared->own_scratchpad);
    memset(prepared, 0, sizeof *prepared);
}

static bool same_call(const struct onednn_call *a, const struct onednn_call *b)
{
    return a->operation == b->operation && a->m == b->m && a->k == b->k && a->n == b->n &&
           a->input == b->input && a->output == b->output && a->biased == b->biased && a->turned == b->turned;
}

/* What a call needs, from before or, in the place of the oldest, new; NULL where oneDNN refuses. */
static struct prepared *prepared_find(const struct onednn_call *call)
{
    for (int i = 0; i < CALLS; i++)
        if (library.calls[i].primitive != NULL && library.calls[i].threads == threads_count() &&
            same_call(&library.calls[i].call, call))
            return &library.calls[i];
    struct prepared *prepared = &library.calls[library.oldest];
    prepared_destroy(prepared);
    if (!prepared_create(prepared, call)) {
        prepared_destroy(prepared);
        return NULL;
    }
    library.oldest = (library.oldest + 1) % CALLS;
    return prepared;
}

/* Setting an address makes oneDNN clear the padding behind it: only where it changes. */
static bool bind(dnnl_memory_t memory, const void *address)
{
    void *bound = NULL;
    return dnnl_memory_get_data_handle(memory, &bound) == dnnl_success &&
           (bound == address ||
            dnnl_memory_set_data_handle(memory, (void *)(uintptr_t)address) == dnnl_success);
}

bool onednn_run(const struct onednn_call *call, const struct onednn_operands *operands)
{
    struct prepared *prepared = library_start() ? prepared_find(call) : NULL;
    if (prepared == NULL)
        return false;
    dnnl_memory_t to = operands->to_form != NULL ? operands->to_form->memory : prepared->to;
    dnnl_memory_t right = operands->right_form != NULL ? operands->right_form->memory : prepared->right;
    dnnl_exec_arg_t arguments[5] = {{DNNL_ARG_FROM, prepared->from}, {DNNL_ARG_TO, to}};
    int count = 2;
    bool bound =
        bind(prepared->from, operands->from) && (operands->to_form != NULL || bind(to, operands->to));
    if (right != NULL) {
        bound = bound && (operands->right_form != NULL || bind(right, operands->right));
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, right};
    }
    if (prepared->bias != NULL) {
        bound = bound && bind(prepared->bias, operands->bias);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, prepared->bias};
    }
    if (prepared->scratchpad_bytes > 0) {
        bound = bound && bind(prepared->scratchpad,
                              prepared->own_scratchpad ? prepared->own_scratchpad : operands->scratch);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, prepared->scratchpad};
    }
    return bound &&
           dnnl_primitive_execute(prepared->primitive, library.stream, count, arguments) == dnnl_success &&
           dnnl_stream_wait(library.stream) == dnnl_success;
}

struct onednn_form *onednn_form_create(int64_t k, int64_t n, void *bytes)
{
    dnnl_memory_desc_t layout;
    struct onednn_form *form = memory_allocate(1, sizeof *form, "a packed weight");
    if (form == NULL)
        return NULL;
    if (library_start() && packed_layout(&layout, k, n) &&
        dnnl_memory_create(&form->memory, &layout, library.engine, bytes) == dnnl_success)
        return form;
    memory_free(form);
    fail(STATUS_FAILED, "oneDNN %s packs no weight of %lld inputs and %lld outputs", matmul_onednn_version(),
         (long long)k, (long long)n);
    return NULL;
}

void onednn_form_destroy(struct onednn_form *form)
{
    if (form == NULL)
        return;
    dnnl_memory_destroy(form->memory);
    memory_free(form);
}

/* A sequence's rows of a layer lie behind each other, so that one sequence of the cache looks to attention
 * like any keys and values with a stride of n_embd. */
#include "llmpi/model/kv_cache.h"

#include "llmpi/base/integer.h"
#include "llmpi/kernels/attention.h"
#include "llmpi/kernels/dropout.h"
#include "llmpi/kernels/threads.h"

#include <string.h>

static int64_t multiply(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

int64_t kv_cache_bytes(const struct model_shape *shape, enum element element, int64_t sequences)
{
    int64_t rows = multiply(multiply(shape->n_layer, sequences), shape->context_length);
    return multiply(rows, multiply(shape->n_embd, 2 * (int64_t)element_size(element)));
}

static struct attention_rows rows_shape(const struct model_shape *shape, enum element element)
{
    return (struct attention_rows){.n_head = shape->n_head,
                                   .head_width = shape->n_embd / shape->n_head,
                                   .stride = shape->n_embd,
                                   .element = element,
                                   .most_keys = shape->context_length};
}

static struct attention_shape segment_shape(const struct model_shape *shape, enum element element,
                                            int64_t n_query, int64_t n_key)
{
    return (struct attention_shape){.sequences = 1,
                                    .n_query = n_query,
                                    .n_key = n_key,
                                    .n_head = shape->n_head,
                                    .n_kv_head = shape->n_head,
                                    .head_width = shape->n_embd / shape->n_head,
                                    .query_stride = 3 * shape->n_embd,
                                    .key_stride = shape->n_embd,
                                    .value_stride = shape->n_embd,
                                    .out_stride = shape->n_embd,
                                    .element = element};
}

/* Bytes of scratch for both kinds of attention. */
static int64_t workspace_bytes(const struct model_shape *shape, enum element element)
{
    const struct attention_shape segment =
        segment_shape(shape, element, shape->context_length, shape->context_length);
    const struct attention_rows rows = rows_shape(shape, element);
    int64_t of_segment = attention_workspace(&segment), of_rows = attention_rows_workspace(&rows);
    return larger(of_segment, of_rows);
}

enum status kv_cache_create(struct kv_cache *cache, const struct model_shape *shape, enum element element,
                            int64_t sequences, const struct allocator *allocator)
{
    int64_t bytes = kv_cache_bytes(shape, element, sequences);
    *cache = (struct kv_cache){*shape, element, sequences, .allocator = *allocator};
    cache->rows = memory_allocate(sequences, sizeof *cache->rows, "the rows of a cache");
    if (cache->rows == NULL)
        return STATUS_FAILED;
    cache->keys = allocator->allocate(allocator->context, (size_t)bytes, "keys and values");
    if (cache->keys == NULL)
        return STATUS_FAILED;
    cache->values = (char *)cache->keys + bytes / 2;
    cache->workspace =
        memory_allocate(workspace_bytes(shape, element), 1, "scratch of attention over a cache");
    return cache->workspace != NULL ? STATUS_OK : STATUS_FAILED;
}

void kv_cache_destroy(struct kv_cache *cache)
{
    if (cache->keys != NULL)
        cache->allocator.release(cache->allocator.context, cache->keys);
    memory_free(cache->workspace);
    memory_free(cache->rows);
    *cache = (struct kv_cache){0};
}

/* Bytes of `elements`. */
static int64_t bytes_of(const struct kv_cache *cache, int64_t elements)
{
    return elements * (int64_t)element_size(cache->element);
}

/* Where token `first` of a sequence begins, in bytes. */
static int64_t place_of(const struct kv_cache *cache, int64_t layer, int64_t sequence, int64_t first)
{
    int64_t row = (layer * cache->sequences + sequence) * cache->shape.context_length + first;
    return bytes_of(cache, row * cache->shape.n_embd);
}

/* Copies keys and values of the rows that begin at `qkv` to where they belong. */
static void keep(const struct kv_cache *cache, int64_t layer, const struct kv_segment *segment,
                 const char *qkv)
{
    int64_t width = bytes_of(cache, cache->shape.n_embd);
    int64_t place = place_of(cache, layer, segment->sequence, segment->first);
    char *keys = (char *)cache->keys + place, *values = (char *)cache->values + place;
#pragma omp parallel for num_threads(threads_count()) schedule(static) if (segment->count > 64)
    for (int64_t row = 0; row < segment->count; row++) {
        const char *from = qkv + 3 * row * width;
        memcpy(keys + row * width, from + width, (size_t)width);
        memcpy(values + row * width, from + 2 * width, (size_t)width);
    }
}

/* One query per sequence. */
static void attend_single(const struct kv_pass *pass, int64_t layer, char *out, const char *qkv)
{
    const struct kv_cache *cache = pass->cache;
    const struct attention_rows shape = rows_shape(&cache->shape, cache->element);
    int64_t width = bytes_of(cache, cache->shape.n_embd);
    for (int64_t i = 0; i < pass->count; i++) {
        const struct kv_segment *segment = &pass->segments[i];
        int64_t place = place_of(cache, layer, segment->sequence, 0);
        cache->rows[i] = (struct attention_row){.query = qkv + 3 * i * width,
                                                .keys = (const char *)cache->keys + place,
                                                .values = (const char *)cache->values + place,
                                                .out = out + i * width,
                                                .n_key = segment->first + 1};
    }
    attention_rows_forward(cache->rows, pass->count, &shape, cache->workspace);
}

static void attend_segment(const struct kv_cache *cache, int64_t layer, const struct kv_segment *segment,
                           char *out, float *lse, const char *qkv)
{
    const struct attention_shape shape =
        segment_shape(&cache->shape, cache->element, segment->count, segment->first + segment->count);
    const struct dropout none = {0};
    int64_t place = place_of(cache, layer, segment->sequence, 0);
    attention_forward(out, lse, qkv, (const char *)cache->keys + place, (const char *)cache->values + place,
                      &shape, &none, cache->workspace);
}

void kv_cache_attend(const struct kv_pass *pass, int64_t layer, void *out, float *lse, const void *qkv)
{
    const struct kv_cache *cache = pass->cache;
    int64_t width = bytes_of(cache, cache->shape.n_embd), row = 0;
    for (int64_t i = 0; i < pass->count; row += pass->segments[i++].count)
        keep(cache, layer, &pass->segments[i], (const char *)qkv + 3 * row * width);
    if (pass->single) {
        attend_single(pass, layer, out, qkv);
        return;
    }
    row = 0;
    for (int64_t i = 0; i < pass->count; row += pass->segments[i++].count)
        attend_segment(cache, layer, &pass->segments[i], (char *)out + row * width, lse,
                       (const char *)qkv + 3 * row * width);
}

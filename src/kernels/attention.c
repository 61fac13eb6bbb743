/* Row by row. */
#include "llmpi/kernels/attention.h"

#include "dropout_mask.h"

#include <math.h>
#include <string.h>

static float score(const float *a, const float *b, int64_t width) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(float *sum, float factor, const float *x, int64_t width) {
#pragma omp simd
    for (int64_t i = 0; i < width; i++)
        sum[i] += factor * x[i];
}

static float keep(const struct dropout_mask *mask, int64_t head, int64_t place, int64_t key) {
    return mask == NULL ? 1.0f : dropout_mask_factor(mask, (uint64_t)(head << 48 | place << 24 | key));
}

void attention_forward(float *out, float *lse, const float *q, const float *k, const float *v,
                       const struct attention_shape *shape, const struct dropout *dropout) {
    int64_t width = shape->head_width, group = shape->n_head / shape->n_kv_head;
    float scale = 1.0f / sqrtf((float)width);
#pragma omp parallel for collapse(3) schedule(dynamic, 16)
    for (int64_t s = 0; s < shape->sequences; s++) {
        for (int64_t h = 0; h < shape->n_head; h++) {
            for (int64_t i = 0; i < shape->n_query; i++) {
                struct dropout_mask mask = {0}, *given = NULL;
                if (dropout_active(dropout)) {
                    mask = dropout_mask(dropout, s);
                    given = &mask;
                }
                int64_t row = s * shape->n_query + i, place = shape->n_key - shape->n_query + i;
                int64_t first = shape->first_visible != NULL ? shape->first_visible[row] : 0;
                const float *query = q + row * shape->query_stride + h * width;
                const float *keys = k + s * shape->n_key * shape->key_stride + h / group * width;
                const float *values = v + s * shape->n_key * shape->value_stride + h / group * width;
                float *o = out + row * shape->out_stride + h * width;
                float largest = -INFINITY, sum = 0.0f;
                for (int64_t j = first; j <= place; j++) {
                    float x = scale * score(query, keys + j * shape->key_stride, width);
                    largest = x > largest ? x : largest;
                }
                for (int64_t j = first; j <= place; j++)
                    sum += expf(scale * score(query, keys + j * shape->key_stride, width) - largest);
                float total = largest + logf(sum);
                lse[(s * shape->n_head + h) * shape->n_query + i] = total;
                memset(o, 0, (size_t)width * sizeof *o);
                for (int64_t j = first; j <= place; j++) {
                    float p = expf(scale * score(query, keys + j * shape->key_stride, width) - total);
                    add(o, p * keep(given, h, place, j), values + j * shape->value_stride, width);
                }
            }
        }
    }
}

void attention_backward(float *dq, float *dk, float *dv, const float *dout, const float *q, const float *k,
                        const float *v, const float *out, const float *lse,
                        const struct attention_shape *shape, const struct dropout *dropout,
                        float *workspace) {
    int64_t width = shape->head_width, group = shape->n_head / shape->n_kv_head;
    float scale = 1.0f / sqrtf((float)width);
    (void)workspace;
#pragma omp parallel for collapse(2) schedule(dynamic, 1)
    for (int64_t s = 0; s < shape->sequences; s++) {
        for (int64_t kv = 0; kv < shape->n_kv_head; kv++) {
            struct dropout_mask mask = {0}, *given = NULL;
            if (dropout_active(dropout)) {
                mask = dropout_mask(dropout, s);
                given = &mask;
            }
            size_t bytes = (size_t)width * sizeof(float);
            int64_t key_base = s * shape->n_key * shape->key_stride + kv * width;
            int64_t value_base = s * shape->n_key * shape->value_stride + kv * width;
            for (int64_t j = 0; j < shape->n_key; j++) {
                memset(dk + key_base + j * shape->key_stride, 0, bytes);
                memset(dv + value_base + j * shape->value_stride, 0, bytes);
            }
            for (int64_t h = kv * group; h < (kv + 1) * group; h++) {
                for (int64_t i = 0; i < shape->n_query; i++) {
                    int64_t row = s * shape->n_query + i, place = shape->n_key - shape->n_query + i;
                    int64_t first = shape->first_visible != NULL ? shape->first_visible[row] : 0;
                    int64_t at = row * shape->query_stride + h * width,
                            o = row * shape->out_stride + h * width;
                    float delta = score(dout + o, out + o, width);
                    memset(dq + at, 0, bytes);
                    for (int64_t j = first; j <= place; j++) {
                        int64_t key = key_base + j * shape->key_stride,
                                value = value_base + j * shape->value_stride;
                        float p = expf(scale * score(q + at, k + key, width) -
                                       lse[(s * shape->n_head + h) * shape->n_query + i]);
                        float factor = keep(given, h, place, j);
                        add(dv + value, p * factor, dout + o, width);
                        float ds = p * (factor * score(dout + o, v + value, width) - delta) * scale;
                        add(dq + at, ds, k + key, width);
                        add(dk + key, ds, q + at, width);
                    }
                }
            }
        }
    }
}

int64_t attention_workspace(const struct attention_shape *shape) {
    return shape->sequences * shape->n_head * shape->n_query;
}

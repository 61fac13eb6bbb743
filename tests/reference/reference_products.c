/* The references of the matrix products and of attention. */
#include "reference.h"

#include <math.h>
#include <stddef.h>

static int64_t weight_at(const struct reference_weight *weight, int64_t input, int64_t output)
{
    return weight->transposed ? output * weight->inputs + input : input * weight->outputs + output;
}

void reference_matmul_forward(double *y, const double *x, const struct reference_weight *weight,
                              const double *bias, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t o = 0; o < weight->outputs; o++) {
            double sum = bias != NULL ? bias[o] : 0.0;
            for (int64_t i = 0; i < weight->inputs; i++)
                sum += x[r * weight->inputs + i] * weight->master[weight_at(weight, i, o)];
            y[r * weight->outputs + o] = sum;
        }
    }
}

void reference_matmul_backward_input(double *dx, const double *dy, const struct reference_weight *weight,
                                     int64_t rows)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < weight->inputs; i++) {
            double sum = 0.0;
            for (int64_t o = 0; o < weight->outputs; o++)
                sum += dy[r * weight->outputs + o] * weight->master[weight_at(weight, i, o)];
            dx[r * weight->inputs + i] = sum;
        }
    }
}

void reference_matmul_backward_weight(double *dweight, double *dbias, const double *x, const double *dy,
                                      const struct reference_weight *weight, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t o = 0; o < weight->outputs; o++) {
            double gradient = dy[r * weight->outputs + o];
            for (int64_t i = 0; i < weight->inputs; i++)
                dweight[weight_at(weight, i, o)] += x[r * weight->inputs + i] * gradient;
            if (dbias != NULL)
                dbias[o] += gradient;
        }
    }
}

/* Where one query row, and the key and value rows that it sees, begin. */
struct row {
    int64_t query, out, key, value, factor; /* offsets of the row, of key 0, and of the row's factors */
    int64_t first, end;                     /* visible keys */
};

static struct row row_of(const struct attention_shape *shape, int64_t sequence, int64_t head, int64_t query)
{
    int64_t width = shape->head_width, row = sequence * shape->n_query + query;
    int64_t kv_column = head / (shape->n_head / shape->n_kv_head) * width;
    return (struct row){
        .query = row * shape->query_stride + head * width,
        .out = row * shape->out_stride + head * width,
        .key = sequence * shape->n_key * shape->key_stride + kv_column,
        .value = sequence * shape->n_key * shape->value_stride + kv_column,
        .factor = ((sequence * shape->n_head + head) * shape->n_query + query) * shape->n_key,
        .first = shape->first_visible != NULL ? shape->first_visible[row] : 0,
        .end = shape->n_key - shape->n_query + query + 1,
    };
}

static double score(const double *a, const double *b, int64_t width)
{
    double sum = 0.0;
    for (int64_t i = 0; i < width; i++)
        sum += a[i] * b[i];
    return sum;
}

/* log(sum(exp(scores))) of a row. */
static double log_sum(const double *q, const double *k, const struct attention_shape *shape,
                      const struct row *row)
{
    double sum = 0.0, largest = -INFINITY;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t j = row->first; j < row->end; j++) {
            double x = score(q + row->query, k + row->key + j * shape->key_stride, shape->head_width) /
                       sqrt((double)shape->head_width);
            if (pass == 0)
                largest = fmax(largest, x);
            else
                sum += exp(x - largest);
        }
    }
    return largest + log(sum);
}

static void attend(double *out, double *lse, const double *q, const double *k, const double *v,
                   const struct attention_shape *shape, const double *factors, const struct row *row)
{
    int64_t width = shape->head_width;
    *lse = log_sum(q, k, shape, row);
    for (int64_t i = 0; i < width; i++)
        out[row->out + i] = 0.0;
    for (int64_t j = row->first; j < row->end; j++) {
        double x = score(q + row->query, k + row->key + j * shape->key_stride, width) / sqrt((double)width);
        double p = exp(x - *lse) * (factors != NULL ? factors[row->factor + j] : 1.0);
        for (int64_t i = 0; i < width; i++)
            out[row->out + i] += p * v[row->value + j * shape->value_stride + i];
    }
}

void reference_attention_forward(double *out, double *lse, const double *q, const double *k, const double *v,
                                 const struct attention_shape *shape, const double *factors)
{
    for (int64_t s = 0; s < shape->sequences; s++)
        for (int64_t h = 0; h < shape->n_head; h++)
            for (int64_t i = 0; i < shape->n_query; i++) {
                struct row row = row_of(shape, s, h, i);
                attend(out, lse + (s * shape->n_head + h) * shape->n_query + i, q, k, v, shape, factors,
                       &row);
            }
}

static void differentiate(double *dq, double *dk, double *dv, const double *dout, const double *q,
                          const double *k, const double *v, const struct attention_shape *shape,
                          const double *factors, const struct row *row)
{
    int64_t width = shape->head_width;
    double total = log_sum(q, k, shape, row), mean = 0.0, scale = 1.0 / sqrt((double)width);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t j = row->first; j < row->end; j++) {
            const double *key = k + row->key + j * shape->key_stride;
            const double *value = v + row->value + j * shape->value_stride;
            double p = exp(score(q + row->query, key, width) * scale - total);
            double factor = factors != NULL ? factors[row->factor + j] : 1.0;
            double dp = score(dout + row->out, value, width) * factor;
            mean += pass == 0 ? p * dp : 0.0;
            double dscore = p * (dp - mean) * scale;
            for (int64_t i = 0; pass == 1 && i < width; i++) {
                dq[row->query + i] += dscore * key[i];
                dk[row->key + j * shape->key_stride + i] += dscore * q[row->query + i];
                dv[row->value + j * shape->value_stride + i] += p * factor * dout[row->out + i];
            }
        }
    }
}

void reference_attention_backward(double *dq, double *dk, double *dv, const double *dout, const double *q,
                                  const double *k, const double *v, const struct attention_shape *shape,
                                  const double *factors)
{
    for (int64_t s = 0; s < shape->sequences; s++)
        for (int64_t h = 0; h < shape->n_head; h++)
            for (int64_t i = 0; i < shape->n_query; i++) {
                struct row row = row_of(shape, s, h, i);
                differentiate(dq, dk, dv, dout, q, k, v, shape, factors, &row);
            }
}

/* One sequence at a time, everything saved, nothing computed twice. Arrays are row-major. */
#include "reference_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPSILON        1e-5
#define SQRT_2_OVER_PI 0.79788456080286535588

/* What one block computes for one sequence; `in` to `out` is the residual stream. */
struct block_values {
    double *in, *norm_1, *qkv, *probability, *mixed, *attention, *middle, *norm_2, *fc, *gelu, *mlp, *out;
};

/* One sequence of a run. */
struct run {
    const struct reference_model *model;
    const struct batch *batch;
    double *gradients;
    int64_t sequence, length, width, first_row;
};

static double *numbers(int64_t count)
{
    double *memory = calloc((size_t)count, sizeof *memory);
    if (memory == NULL) {
        fprintf(stderr, "no memory for the reference model\n");
        exit(1);
    }
    return memory;
}

/* Offset of tensor "`name`.`part`" of h.(block - 1), or of the model for block 0; -1 when there is none. */
static int64_t find(const struct run *run, int64_t block, const char *name, const char *part)
{
    const struct parameter_table *table = run->model->table;
    char full[96];
    if (block > 0)
        snprintf(full, sizeof full, "h.%lld.%s.%s", (long long)block - 1, name, part);
    else
        snprintf(full, sizeof full, "%s.%s", name, part);
    for (int64_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, full) == 0)
            return table->rows[i].offset;
    return -1;
}

static double factor(const struct run *run, int64_t block, int kind, int64_t index)
{
    const struct reference_model *model = run->model;
    return model->mask == NULL
               ? 1
               : model->mask(model->context, (uint64_t)(4 * block + kind), run->sequence, index);
}

static void drop(const struct run *run, int64_t block, int kind, double *values)
{
    for (int64_t i = 0; i < run->length * run->width; i++)
        values[i] *= factor(run, block, kind, i);
}

/* Adapters (LoRA): y += (alpha / rank) (x A) B, where the layer has them; `low` is (alpha / rank) x A. */
static double *adapter_low(const struct run *run, int64_t block, const char *name, const double *x,
                           int64_t in)
{
    int64_t rank = run->model->shape->lora.rank, a = find(run, block, name, "lora_A.weight");
    double *low = numbers(run->length * rank + 1);
    for (int64_t t = 0; t < run->length; t++)
        for (int64_t k = 0; k < rank; k++)
            for (int64_t i = 0; i < in; i++)
                low[t * rank + k] += run->model->shape->lora.alpha / (double)rank * x[t * in + i] *
                                     run->model->parameters[a + i * rank + k];
    return low;
}

static void adapter(const struct run *run, int64_t block, const char *name, double *y, const double *x,
                    int64_t in, int64_t out)
{
    int64_t rank = run->model->shape->lora.rank, b = find(run, block, name, "lora_B.weight");
    if (b < 0)
        return;
    double *low = adapter_low(run, block, name, x, in);
    for (int64_t t = 0; t < run->length; t++)
        for (int64_t k = 0; k < rank; k++)
            for (int64_t o = 0; o < out; o++)
                y[t * out + o] += low[t * rank + k] * run->model->parameters[b + k * out + o];
    free(low);
}

/* Adds to dx and to the gradients of A and B. */
static void adapter_gradient(const struct run *run, int64_t block, const char *name, double *dx,
                             const double *dy, const double *x, int64_t in, int64_t out)
{
    int64_t rank = run->model->shape->lora.rank;
    int64_t a = find(run, block, name, "lora_A.weight"), b = find(run, block, name, "lora_B.weight");
    if (b < 0)
        return;
    double *low = adapter_low(run, block, name, x, in);
    for (int64_t t = 0; t < run->length; t++)
        for (int64_t k = 0; k < rank; k++) {
            double slope = 0;
            for (int64_t o = 0; o < out; o++) {
                run->gradients[b + k * out + o] += low[t * rank + k] * dy[t * out + o];
                slope += dy[t * out + o] * run->model->parameters[b + k * out + o];
            }
            slope *= run->model->shape->lora.alpha / (double)rank;
            for (int64_t i = 0; i < in; i++) {
                run->gradients[a + i * rank + k] += slope * x[t * in + i];
                dx[t * in + i] += slope * run->model->parameters[a + i * rank + k];
            }
        }
    free(low);
}

static void linear(const struct run *run, int64_t block, const char *name, double *y, const double *x,
                   int64_t in, int64_t out)
{
    const double *w = run->model->parameters + find(run, block, name, "weight");
    int64_t b = find(run, block, name, "bias");
    for (int64_t t = 0; t < run->length; t++)
        for (int64_t o = 0; o < out; o++) {
            double sum = b < 0 ? 0 : run->model->parameters[b + o];
            for (int64_t i = 0; i < in; i++)
                sum += x[t * in + i] * w[i * out + o];
            y[t * out + o] = sum;
        }
    adapter(run, block, name, y, x, in, out);
}

/* Overwrites dx, adds to the parameters' gradients. */
static void linear_gradient(const struct run *run, int64_t block, const char *name, double *dx,
                            const double *dy, const double *x, int64_t in, int64_t out)
{
    int64_t w = find(run, block, name, "weight"), b = find(run, block, name, "bias");
    memset(dx, 0, (size_t)(run->length * in) * sizeof *dx);
    for (int64_t t = 0; t < run->length; t++)
        for (int64_t o = 0; o < out; o++) {
            double d = dy[t * out + o];
            if (b >= 0)
                run->gradients[b + o] += d;
            for (int64_t i = 0; i < in; i++) {
                run->gradients[w + i * out + o] += x[t * in + i] * d;
                dx[t * in + i] += run->model->parameters[w + i * out + o] * d;
            }
        }
    adapter_gradient(run, block, name, dx, dy, x, in, out);
}

static void statistics(const double *x, int64_t width, double *mean, double *rstd)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < width; i++)
        sum += x[i];
    *mean = sum / (double)width;
    for (int64_t i = 0; i < width; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *rstd = 1 / sqrt(squares / (double)width + EPSILON);
}

static void norm(const struct run *run, int64_t block, const char *name, double *y, const double *x)
{
    const double *gain = run->model->parameters + find(run, block, name, "weight");
    int64_t b = find(run, block, name, "bias"), width = run->width;
    for (int64_t at = 0; at < run->length * width; at += width) {
        double mean, rstd;
        statistics(x + at, width, &mean, &rstd);
        for (int64_t i = 0; i < width; i++)
            y[at + i] = (x[at + i] - mean) * rstd * gain[i] + (b < 0 ? 0 : run->model->parameters[b + i]);
    }
}

/* Adds to dx and to the parameters' gradients. With n = (x - mean) rstd and g = dy gain:
 * dx = rstd (g - mean(g) - n mean(g n)). */
static void norm_gradient(const struct run *run, int64_t block, const char *name, double *dx,
                          const double *dy, const double *x)
{
    int64_t w = find(run, block, name, "weight"), b = find(run, block, name, "bias"), width = run->width;
    const double *gain = run->model->parameters + w;
    for (int64_t at = 0; at < run->length * width; at += width) {
        double mean, rstd, mean_g = 0, mean_gn = 0;
        statistics(x + at, width, &mean, &rstd);
        for (int64_t i = 0; i < width; i++) {
            double n = (x[at + i] - mean) * rstd, g = dy[at + i] * gain[i];
            mean_g += g / (double)width;
            mean_gn += g * n / (double)width;
            run->gradients[w + i] += dy[at + i] * n;
            if (b >= 0)
                run->gradients[b + i] += dy[at + i];
        }
        for (int64_t i = 0; i < width; i++)
            dx[at + i] += rstd * (dy[at + i] * gain[i] - mean_g - (x[at + i] - mean) * rstd * mean_gn);
    }
}

static int64_t first_visible(const struct run *run, int64_t t)
{
    return run->batch->first_visible == NULL ? 0 : run->batch->first_visible[run->first_row + t];
}

/* Probabilities (n_head, length, length), before dropout, and their mixture of the values. */
static void attention(const struct run *run, int64_t block, struct block_values *v)
{
    int64_t length = run->length, width = run->width, heads = run->model->shape->n_head, size = width / heads;
    for (int64_t h = 0; h < heads; h++)
        for (int64_t t = 0; t < length; t++) {
            const double *query = v->qkv + t * 3 * width + h * size;
            double *p = v->probability + (h * length + t) * length, sum = 0;
            for (int64_t j = first_visible(run, t); j <= t; j++) {
                const double *key = v->qkv + j * 3 * width + width + h * size;
                double score = 0;
                for (int64_t i = 0; i < size; i++)
                    score += query[i] * key[i] / sqrt((double)size);
                p[j] = exp(score);
                sum += p[j];
            }
            for (int64_t j = first_visible(run, t); j <= t; j++) {
                const double *value = v->qkv + j * 3 * width + 2 * width + h * size;
                p[j] /= sum;
                for (int64_t i = 0; i < size; i++)
                    v->mixed[t * width + h * size + i] +=
                        p[j] * factor(run, block, 1, h << 48 | t << 24 | j) * value[i];
            }
        }
}

/* One query of one head; `mixed` is the gradient of its output. Adds to dqkv. */
static void query_gradient(const struct run *run, int64_t block, const struct block_values *v, double *dqkv,
                           const double *mixed, int64_t h, int64_t t)
{
    int64_t length = run->length, width = run->width, size = width / run->model->shape->n_head;
    const double *p = v->probability + (h * length + t) * length;
    double *dp = numbers(length), dot = 0;
    for (int64_t j = first_visible(run, t); j <= t; j++) {
        double kept = factor(run, block, 1, h << 48 | t << 24 | j);
        for (int64_t i = 0; i < size; i++) {
            int64_t at = j * 3 * width + 2 * width + h * size + i;
            dp[j] += kept * mixed[i] * v->qkv[at];
            dqkv[at] += kept * p[j] * mixed[i];
        }
        dot += p[j] * dp[j];
    }
    for (int64_t j = first_visible(run, t); j <= t; j++) {
        double dscore = p[j] * (dp[j] - dot) / sqrt((double)size);
        for (int64_t i = 0; i < size; i++) {
            int64_t query = t * 3 * width + h * size + i, key = j * 3 * width + width + h * size + i;
            dqkv[query] += dscore * v->qkv[key];
            dqkv[key] += dscore * v->qkv[query];
        }
    }
    free(dp);
}

static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
}

static double gelu_slope(double x)
{
    double t = tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * SQRT_2_OVER_PI * (1 + 3 * 0.044715 * x * x);
}

static void block_forward_values(const struct run *run, int64_t block, struct block_values *v)
{
    int64_t width = run->width, count = run->length * width;
    norm(run, block, "ln_1", v->norm_1, v->in);
    linear(run, block, "attn.c_attn", v->qkv, v->norm_1, width, 3 * width);
    attention(run, block, v);
    linear(run, block, "attn.c_proj", v->attention, v->mixed, width, width);
    drop(run, block, 2, v->attention);
    for (int64_t i = 0; i < count; i++)
        v->middle[i] = v->in[i] + v->attention[i];
    norm(run, block, "ln_2", v->norm_2, v->middle);
    linear(run, block, "mlp.c_fc", v->fc, v->norm_2, width, 4 * width);
    for (int64_t i = 0; i < 4 * count; i++)
        v->gelu[i] = gelu(v->fc[i]);
    linear(run, block, "mlp.c_proj", v->mlp, v->gelu, 4 * width, width);
    drop(run, block, 3, v->mlp);
    for (int64_t i = 0; i < count; i++)
        v->out[i] = v->middle[i] + v->mlp[i];
}

/* `stream` turns from the gradient of v->out into that of v->in. */
static void block_gradient(const struct run *run, int64_t block, const struct block_values *v, double *stream)
{
    int64_t width = run->width, count = run->length * width, heads = run->model->shape->n_head;
    double *branch = numbers(count), *narrow = numbers(count), *wide = numbers(4 * count);
    double *dqkv = numbers(3 * count);
    memcpy(branch, stream, (size_t)count * sizeof *branch);
    drop(run, block, 3, branch);
    linear_gradient(run, block, "mlp.c_proj", wide, branch, v->gelu, 4 * width, width);
    for (int64_t i = 0; i < 4 * count; i++)
        wide[i] *= gelu_slope(v->fc[i]);
    linear_gradient(run, block, "mlp.c_fc", narrow, wide, v->norm_2, width, 4 * width);
    norm_gradient(run, block, "ln_2", stream, narrow, v->middle);

    memcpy(branch, stream, (size_t)count * sizeof *branch);
    drop(run, block, 2, branch);
    linear_gradient(run, block, "attn.c_proj", narrow, branch, v->mixed, width, width);
    for (int64_t h = 0; h < heads; h++)
        for (int64_t t = 0; t < run->length; t++)
            query_gradient(run, block, v, dqkv, narrow + t * width + h * (width / heads), h, t);
    linear_gradient(run, block, "attn.c_attn", narrow, dqkv, v->norm_1, width, 3 * width);
    norm_gradient(run, block, "ln_1", stream, narrow, v->in);
    free(branch);
    free(narrow);
    free(wide);
    free(dqkv);
}

static double target_weight(const struct run *run, int64_t t)
{
    const float *weights = run->batch->target_weight;
    return weights == NULL ? 1 : (double)weights[run->first_row + t];
}

/* One row of the head. Returns its loss; adds the gradient of `hidden` to dhidden where the run wants it. */
static double row_loss(const struct run *run, int64_t t, const double *hidden, double *dhidden,
                       double *logits)
{
    int64_t width = run->width, vocab = run->model->shape->vocab_size;
    int64_t w = find(run, 0, run->model->shape->tied_head ? "wte" : "lm_head", "weight");
    int64_t target = run->batch->targets[run->first_row + t];
    double sum = 0;
    for (int64_t k = 0; k < vocab; k++) {
        logits[k] = 0;
        for (int64_t i = 0; i < width; i++)
            logits[k] += hidden[i] * run->model->parameters[w + k * width + i];
        sum += exp(logits[k]);
    }
    for (int64_t k = 0; k < vocab && run->gradients != NULL; k++) {
        double d = target_weight(run, t) * (exp(logits[k]) / sum - (k == target ? 1 : 0));
        for (int64_t i = 0; i < width; i++) {
            run->gradients[w + k * width + i] += d * hidden[i];
            dhidden[i] += d * run->model->parameters[w + k * width + i];
        }
    }
    return log(sum) - logits[target];
}

/* Offsets of the two embeddings of row t. */
static void embedding_rows(const struct run *run, int64_t t, int64_t *token, int64_t *place)
{
    int64_t row = run->first_row + t, position = t;
    if (run->batch->position != NULL)
        position = run->batch->position[row];
    *token = find(run, 0, "wte", "weight") + run->batch->tokens[row] * run->width;
    *place = find(run, 0, "wpe", "weight") + position * run->width;
}

static void embed(const struct run *run, double *out)
{
    for (int64_t t = 0; t < run->length; t++) {
        int64_t token, place;
        embedding_rows(run, t, &token, &place);
        for (int64_t i = 0; i < run->width; i++)
            out[t * run->width + i] = run->model->parameters[token + i] + run->model->parameters[place + i];
    }
    drop(run, 0, 0, out);
}

static void embed_gradient(const struct run *run, double *stream)
{
    drop(run, 0, 0, stream);
    for (int64_t t = 0; t < run->length; t++) {
        int64_t token, place;
        embedding_rows(run, t, &token, &place);
        for (int64_t i = 0; i < run->width; i++) {
            run->gradients[token + i] += stream[t * run->width + i];
            run->gradients[place + i] += stream[t * run->width + i];
        }
    }
}

/* The arrays of block `n` (from 0), cut from the run's memory: 18 x count and the probabilities. `in` is the
 * `out` of the block before, the first `count` numbers for the first block. */
static struct block_values block_arrays(const struct run *run, double *memory, int64_t n)
{
    int64_t count = run->length * run->width, scores = run->model->shape->n_head * run->length * run->length;
    double *in = memory + n * (18 * count + scores), *own = in + count;
    return (struct block_values){.in = in,
                                 .norm_1 = own,
                                 .mixed = own + count,
                                 .attention = own + 2 * count,
                                 .middle = own + 3 * count,
                                 .norm_2 = own + 4 * count,
                                 .mlp = own + 5 * count,
                                 .qkv = own + 6 * count,
                                 .fc = own + 9 * count,
                                 .gelu = own + 13 * count,
                                 .probability = own + 17 * count,
                                 .out = own + 17 * count + scores};
}

static double run_sequence(const struct run *run, double *losses)
{
    int64_t n_layer = run->model->shape->n_layer, width = run->width, count = run->length * width;
    int64_t scores = run->model->shape->n_head * run->length * run->length;
    double *memory = numbers(count + n_layer * (18 * count + scores)), loss = 0;
    double *last = memory + n_layer * (18 * count + scores);
    double *hidden = numbers(count), *dhidden = numbers(count), *stream = numbers(count);
    double *logits = numbers(run->model->shape->vocab_size);
    embed(run, memory);
    for (int64_t n = 0; n < n_layer; n++) {
        struct block_values values = block_arrays(run, memory, n);
        block_forward_values(run, n + 1, &values);
    }
    norm(run, 0, "ln_f", hidden, last);
    for (int64_t t = 0; t < run->length; t++) {
        double row = row_loss(run, t, hidden + t * width, dhidden + t * width, logits);
        loss += target_weight(run, t) * row;
        if (losses != NULL)
            losses[run->first_row + t] = row;
    }
    if (run->gradients != NULL) {
        norm_gradient(run, 0, "ln_f", stream, dhidden, last);
        for (int64_t n = n_layer - 1; n >= 0; n--) {
            struct block_values values = block_arrays(run, memory, n);
            block_gradient(run, n + 1, &values, stream);
        }
        embed_gradient(run, stream);
    }
    free(memory);
    free(hidden);
    free(dhidden);
    free(stream);
    free(logits);
    return loss;
}

double reference_model_run(const struct reference_model *model, const struct batch *batch, double *losses,
                           double *gradients)
{
    double loss = 0;
    if (gradients != NULL)
        memset(gradients, 0, (size_t)model->table->total * sizeof *gradients);
    for (int64_t s = 0; s < batch->sequences; s++) {
        struct run run = {model, batch, gradients, s, batch->length, model->shape->n_embd, s * batch->length};
        loss += run_sequence(&run, losses);
    }
    return loss;
}

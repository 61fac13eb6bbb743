/* The rows of the batch in chunks. A chunk is normalised into the scratch rows, multiplied into logits,
 * turned into a gradient in place, and multiplied back: the weight's gradient is read and written once per
 * chunk, which is why chunks should not be small. */
#include "llmpi/model/head.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/cross_entropy.h"

#include <string.h>

/* Rows [first, first + rows). */
struct chunk {
    int64_t first, rows;
};

enum status head_create(struct head *head, const struct parameter_table *table,
                        const struct model_shape *shape, enum element element,
                        const struct allocator *allocator)
{
    head->ln_f = norm_find(table, "ln_f");
    return linear_create(&head->logits, table, shape->tied_head ? "wte" : "lm_head", true, element,
                         allocator);
}

void head_destroy(struct head *head)
{
    linear_destroy(&head->logits);
}

enum status head_prepare_few(struct head *head)
{
    return linear_prepare_few(&head->logits);
}

void head_drop_few(struct head *head)
{
    linear_drop_few(&head->logits);
}

void head_refresh(const struct head *head, const float *parameters, bool all)
{
    linear_refresh(&head->logits, parameters, all);
}

/* The chunk that begins at row `first`; the chunks of a batch are nearly equal. */
static struct chunk chunk_at(const struct pass *pass, int64_t first)
{
    int64_t count = divide_up(pass->rows, pass->activations->chunk_rows);
    int64_t rows = divide_up(pass->rows, count);
    return (struct chunk){first, rows < pass->rows - first ? rows : pass->rows - first};
}

static const float *last_output(const struct pass *pass, int64_t row)
{
    return pass->activations->blocks[pass->shape->n_layer - 1].output + row * pass->shape->n_embd;
}

/* Leaves the normalised rows in `narrow` and their logits in `logits`. */
static void chunk_forward(const struct head *head, const struct pass *pass, struct chunk chunk, float *logits)
{
    const struct activations *scratch = pass->activations;
    norm_forward(&head->ln_f, pass, scratch->narrow, scratch->mean, scratch->rstd,
                 last_output(pass, chunk.first), chunk.rows);
    linear_forward_wide(&head->logits, pass, logits, scratch->narrow, chunk.rows);
}

/* From the logits' gradient to that of the last block's output. */
static void chunk_backward(const struct head *head, const struct pass *pass, struct chunk chunk)
{
    const struct activations *scratch = pass->activations;
    float *gradient = scratch->gradient + chunk.first * pass->shape->n_embd;
    linear_backward(&head->logits, pass, scratch->narrow, scratch->narrow, scratch->dlogits, chunk.rows);
    memset(gradient, 0, (size_t)(chunk.rows * pass->shape->n_embd) * sizeof *gradient);
    norm_backward(&head->ln_f, pass, gradient, scratch->narrow, last_output(pass, chunk.first), scratch->mean,
                  scratch->rstd, chunk.rows);
}

static const float *chunk_weights(const struct pass *pass, struct chunk chunk)
{
    return pass->batch->target_weight == NULL ? NULL : pass->batch->target_weight + chunk.first;
}

static void add_losses(const float *losses, const float *weights, int64_t rows, struct model_loss *sums)
{
    for (int64_t r = 0; r < rows; r++) {
        double weight = weights == NULL ? 1 : weights[r];
        sums->loss += weight * losses[r];
        sums->weight += weight;
    }
}

void head_train(const struct head *head, const struct pass *pass, struct model_loss *sums)
{
    const struct activations *scratch = pass->activations;
    struct chunk chunk;
    for (int64_t first = 0; first < pass->rows; first += chunk.rows) {
        chunk = chunk_at(pass, first);
        activity_advance();
        const float *weights = chunk_weights(pass, chunk);
        chunk_forward(head, pass, chunk, scratch->logits);
        cross_entropy_backward(scratch->dlogits, scratch->element, scratch->losses, scratch->logits,
                               pass->batch->targets + first, weights, chunk.rows, pass->shape->vocab_size);
        add_losses(scratch->losses, weights, chunk.rows, sums);
        chunk_backward(head, pass, chunk);
    }
}

void head_evaluate(const struct head *head, const struct pass *pass, float *token_loss,
                   struct model_loss *sums)
{
    const struct activations *scratch = pass->activations;
    struct chunk chunk;
    for (int64_t first = 0; first < pass->rows; first += chunk.rows) {
        chunk = chunk_at(pass, first);
        activity_advance();
        float *losses = token_loss == NULL ? scratch->losses : token_loss + first;
        chunk_forward(head, pass, chunk, scratch->logits);
        cross_entropy_forward(losses, scratch->logits, pass->batch->targets + first, chunk.rows,
                              pass->shape->vocab_size);
        add_losses(losses, chunk_weights(pass, chunk), chunk.rows, sums);
    }
}

/* Gathers the rows while it normalises them, so that the product is as long as the list. */
void head_score(const struct head *head, const struct pass *pass, const int64_t *rows,
                const uint32_t *targets, int64_t count, float *losses, bool *largest)
{
    const struct activations *scratch = pass->activations;
    size_t row_bytes = (size_t)pass->shape->n_embd * element_size(scratch->element);
    int64_t vocab = pass->shape->vocab_size, here;
    for (int64_t first = 0; first < count; first += here) {
        here = count - first < scratch->chunk_rows ? count - first : scratch->chunk_rows;
        activity_advance();
        for (int64_t i = 0; i < here; i++)
            norm_forward(&head->ln_f, pass, (char *)scratch->narrow + (size_t)i * row_bytes, scratch->mean,
                         scratch->rstd, last_output(pass, rows[first + i]), 1);
        linear_forward_wide(&head->logits, pass, scratch->logits, scratch->narrow, here);
        cross_entropy_forward(losses + first, scratch->logits, targets + first, here, vocab);
        cross_entropy_largest(largest + first, scratch->logits, targets + first, here, vocab);
    }
}

void head_logits(const struct head *head, const struct pass *pass, int64_t row, float *logits)
{
    chunk_forward(head, pass, (struct chunk){row, 1}, logits);
}

void head_logits_few(const struct head *head, const struct pass *pass, const int64_t *rows, int64_t count,
                     float *logits)
{
    const struct activations *scratch = pass->activations;
    size_t row_bytes = (size_t)pass->shape->n_embd * element_size(scratch->element);
    for (int64_t i = 0; i < count; i++)
        norm_forward(&head->ln_f, pass, (char *)scratch->narrow + (size_t)i * row_bytes, scratch->mean,
                     scratch->rstd, last_output(pass, rows[i]), 1);
    linear_forward_wide(&head->logits, pass, logits, scratch->narrow, count);
}

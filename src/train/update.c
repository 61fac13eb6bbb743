/* Tensors of all sizes are one array to the threads, each of which updates a share of a block's part. */
#include "update.h"

#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/optimize/adamw.h"
#include "llmpi/train/step.h"

/* What of a tensor lies in a share of the parameter array. */
static struct share overlap(const struct parameter *row, struct share share)
{
    int64_t end = share.first + share.count, row_end = row->offset + row->count;
    int64_t first = row->offset > share.first ? row->offset : share.first;
    int64_t count = smaller(row_end, end) - first;
    return (struct share){first, larger(count, 0)};
}

/* Where the values that are updated, and the moments beside them, lie for one part: element `first` of the
 * parameter array is number 0. */
struct part_arrays {
    int64_t first;
    float *values, *exp_avg, *exp_avg_sq;
    const float *gradients;
};

static void update_share(const struct config *config, const struct train_state *state,
                         const struct part_arrays *part, struct adamw settings, double gradient_scale,
                         struct share share)
{
    const struct parameter_table *table = model_table(state->model);
    share.first += part->first;
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        struct share piece = overlap(row, share);
        if (!row->trainable || piece.count == 0)
            continue;
        int64_t at = piece.first - part->first;
        settings.weight_decay = row->decay ? config->train.weight_decay : 0;
        adamw_update(&settings, part->values + at, part->gradients + at, part->exp_avg + at,
                     part->exp_avg_sq + at, piece.count, gradient_scale);
    }
}

/* Own values of a block, exact ones where the exchange rounds. */
static float *own_values(const struct train_state *state, int64_t block)
{
    const struct ownership *ownership = &state->updated;
    return exchange_rounds(state->exchange)
               ? state->master + ownership->packed[block]
               : model_parameters(state->model) + ownership_part(ownership, block, ownership->rank).first;
}

void keep_own_parts(struct train_state *state)
{
    for (int64_t block = 0; block < state->updated.blocks; block++)
        exchange_publish(state->exchange, block, own_values(state, block));
}

void update_own_parts(const struct config *config, struct train_state *state, double learning_rate,
                      double gradient_scale)
{
    const struct ownership *ownership = &state->updated;
    const struct adamw settings = {.learning_rate = learning_rate,
                                   .beta1 = config->train.beta1,
                                   .beta2 = config->train.beta2,
                                   .epsilon = config->train.epsilon,
                                   .step = state->step + 1};
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share own = ownership_part(ownership, block, ownership->rank);
        int64_t packed = ownership->packed[block];
        const struct part_arrays part = {.first = own.first,
                                         .values = own_values(state, block),
                                         .exp_avg = state->exp_avg + packed,
                                         .exp_avg_sq = state->exp_avg_sq + packed,
                                         .gradients = model_gradients(state->model) + own.first};
        ON_THREADS(own.count,
                   update_share(config, state, &part, settings, gradient_scale, threads_share(own.count)));
        if (!step_is_local(config, state->step))
            exchange_publish(state->exchange, block, part.values);
    }
    for (int64_t block = 0; block < ownership->blocks && ownership->ranks == 1; block++)
        model_refresh(state->model, block);
}

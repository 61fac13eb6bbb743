/* Creating, sharing and comparing the state of a run. */
#include "llmpi/train/state.h"

#include "bucket_trial.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/clear.h"

#include <stdio.h>
#include <string.h>

static struct lora lora_of(const struct config *config)
{
    static const enum lora_targets targets[] = {
        [FINETUNE_LORA_ALL] = LORA_ALL, [FINETUNE_LORA_ATTENTION] = LORA_ATTENTION};
    return (struct lora){.rank = config->finetune.lora_rank,
                         .alpha = config->finetune.lora_alpha,
                         .targets = targets[config->finetune.lora_targets],
                         .embeddings = config->finetune.lora_embeddings};
}

struct model_shape state_model_shape(const struct config *config, int64_t vocab_size)
{
    return (struct model_shape){.n_layer = config->model.n_layer,
                                .n_head = config->model.n_head,
                                .n_embd = config->model.n_embd,
                                .context_length = config->model.context_length,
                                .vocab_size = vocab_size,
                                .bias = config->model.bias,
                                .tied_head = config->model.tied_head,
                                .dropout = config->model.dropout,
                                .lora = lora_of(config)};
}

struct model_use state_model_use(const struct config *config, enum element element, int64_t sequences,
                                 bool training)
{
    static const enum recompute recompute[] = {[TRAIN_RECOMPUTE_NONE] = RECOMPUTE_NONE,
                                               [TRAIN_RECOMPUTE_ATTENTION] = RECOMPUTE_ATTENTION,
                                               [TRAIN_RECOMPUTE_BLOCK] = RECOMPUTE_BLOCK};
    return (struct model_use){.sequences = sequences,
                              .training = training,
                              .element = element,
                              .recompute = recompute[config->train.recompute]};
}

float *state_allocate(const struct train_state *state, const char *what)
{
    int64_t total = model_table(state->model)->trainable;
    float *values = allocator_huge.allocate(allocator_huge.context, (size_t)total * sizeof *values, what);
    if (values != NULL)
        clear_floats(values, total);
    return values;
}

void state_release(float *values)
{
    allocator_huge.release(allocator_huge.context, values);
}

static float *allocate_packed(int64_t total, const char *what)
{
    float *values = allocator_huge.allocate(allocator_huge.context, (size_t)total * sizeof *values, what);
    if (values != NULL)
        clear_floats(values, total);
    return values;
}

struct exchange_settings state_exchange_settings(const struct config *config)
{
    static const enum exchange_kind kinds[] = {
        [TRAIN_EXCHANGE_SHARDED] = EXCHANGE_SHARDED, [TRAIN_EXCHANGE_ALLREDUCE] = EXCHANGE_ALLREDUCE};
    return (struct exchange_settings){
        .kind = kinds[config->train.exchange],
        .wire = config->train.wire == TRAIN_WIRE_BF16 ? ELEMENT_BF16 : ELEMENT_FP32,
        .bucket_bytes = config->train.bucket_mb > 0 ? config->train.bucket_mb << 20 : BUCKET_TRIAL_LARGEST,
        .regular = config->train.slots > 0};
}

/* Exchange and moments. **Collective** */
static enum status prepare_training(const struct config *config, const struct model_shape *shape,
                                    struct comm *comm, struct train_state *state)
{
    struct parameter_table table;
    const struct exchange_settings settings = state_exchange_settings(config);
    bool local = config->train.local_steps > 0;
    enum status status = comm_agree(comm, parameter_table_create(shape, &table));
    if (status == STATUS_OK)
        status = exchange_create(&table, comm, &settings, &state->exchange);
    if (status == STATUS_OK) {
        const struct ownership *owned = exchange_ownership(state->exchange);
        status = ownership_create(&table, owned->ranks, owned->rank, &state->updated);
    }
    int64_t moments = local ? table.trainable : state->updated.total; /* local steps need them whole */
    parameter_table_free(&table);
    if (status != STATUS_OK)
        return status;
    int64_t total = exchange_ownership(state->exchange)->total;
    bool keeps = local || exchange_rounds(state->exchange);
    state->exp_avg = allocate_packed(moments, "first moments");
    state->exp_avg_sq = allocate_packed(moments, "second moments");
    if (keeps)
        state->master = allocate_packed(total, local ? "parameters of the last outer step"
                                                     : "parameters before rounding");
    if (local)
        state->outer_momentum = allocate_packed(total, "outer momentum");
    bool complete = state->exp_avg != NULL && state->exp_avg_sq != NULL &&
                    (state->master != NULL || !keeps) && (state->outer_momentum != NULL || !local);
    return complete ? STATUS_OK : STATUS_FAILED;
}

enum status state_create(const struct config *config, struct tokenizer *tokenizer,
                         const struct model_use *use, struct comm *comm, struct train_state *out)
{
    *out = (struct train_state){.tokenizer = tokenizer};
    struct model_shape shape = state_model_shape(config, tokenizer != NULL ? tokenizer_vocab_size(tokenizer)
                                                                           : config->tokenizer.vocab_size);
    if (!use->training)
        shape.lora.rank = 0; /* merged when it is loaded */
    struct model_use with_gradients = *use;
    enum status status = use->training ? prepare_training(config, &shape, comm, out) : STATUS_OK;
    if (status == STATUS_OK && use->training)
        with_gradients.gradients = exchange_gradients(out->exchange);
    if (status == STATUS_OK)
        status = model_create(&shape, &with_gradients, &allocator_huge, &out->model);
    status = comm_agree(comm, status);
    if (status != STATUS_OK)
        state_destroy(out);
    return status;
}

void state_destroy(struct train_state *state)
{
    if (state->model != NULL)
        model_destroy(state->model);
    if (state->tokenizer != NULL)
        tokenizer_destroy(state->tokenizer);
    exchange_destroy(state->exchange);
    state_release(state->exp_avg);
    state_release(state->exp_avg_sq);
    state_release(state->master);
    state_release(state->outer_momentum);
    ownership_free(&state->updated);
    *state = (struct train_state){0};
}

/* The owner keeps exact values of what all ranks compute with rounded. */
static void keep_masters(struct train_state *state)
{
    const struct ownership *ownership = exchange_ownership(state->exchange);
    float *parameters = model_parameters(state->model);
    for (int64_t block = 0; block < ownership->blocks; block++) {
        struct share part = ownership_part(ownership, block, ownership->rank);
        memcpy(state->master + ownership->packed[block], parameters + part.first,
               (size_t)part.count * sizeof *parameters);
    }
    for (int64_t i = 0; i < model_table(state->model)->trainable; i++) {
        bf16 rounded;
        element_from_float(&rounded, &parameters[i], 1);
        element_to_float(&parameters[i], &rounded, 1);
    }
}

void state_broadcast(struct train_state *state, struct comm *comm)
{
    size_t bytes = (size_t)model_table(state->model)->total * sizeof(float);
    comm_broadcast(comm, model_parameters(state->model), bytes, 0);
    int64_t counters[3] = {state->step, state->sequences, state->tokens};
    comm_broadcast(comm, counters, sizeof counters, 0);
    state->step = counters[0];
    state->sequences = counters[1];
    state->tokens = counters[2];
    if (state->exchange != NULL && exchange_rounds(state->exchange))
        keep_masters(state);
    model_refresh_all(state->model);
}

/* How many of the digests are the one of `rank`. */
static int count_alike(const uint64_t *digests, int ranks, int rank)
{
    int alike = 0;
    for (int i = 0; i < ranks; i++)
        alike += digests[i] == digests[rank];
    return alike;
}

/* Names the ranks that differ from most; of two halves, from the one with the lowest rank. */
static enum status compare_digests(const uint64_t *digests, int ranks, int64_t step)
{
    char names[128] = "";
    int used = 0, most = 0, different = 0;
    for (int rank = 1; rank < ranks; rank++)
        if (count_alike(digests, ranks, rank) > count_alike(digests, ranks, most))
            most = rank;
    for (int rank = 0; rank < ranks; rank++)
        if (digests[rank] != digests[most] && different++ < 8)
            used += snprintf(names + used, sizeof names - (size_t)used, "%s%d", used > 0 ? ", " : "", rank);
    if (different == 0)
        return STATUS_OK;
    return fail(STATUS_FAILED,
                "step %lld: the parameters of %d rank%s (%s%s) are not those of rank %d (a rank computed "
                "something else: different processors or libraries, or a hardware fault); nothing is saved",
                (long long)step, different, different == 1 ? "" : "s", names, different > 8 ? ", ..." : "",
                most);
}

enum status state_check_replicas(struct train_state *state, struct comm *comm)
{
    if (comm_size(comm) == 1)
        return STATUS_OK;
    size_t bytes = (size_t)model_table(state->model)->total * sizeof(float);
    uint64_t digest = digest_bytes(model_parameters(state->model), bytes);
    uint64_t *digests = memory_allocate(comm_size(comm), sizeof *digests, "digests of the ranks");
    enum status status = comm_agree(comm, digests != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK) {
        comm_gather(comm, &digest, sizeof digest, digests);
        status = compare_digests(digests, comm_size(comm), state->step);
    }
    memory_free(digests);
    return status;
}

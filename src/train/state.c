/* Creating, sharing and comparing the state of a run. */
#include "llmpi/train/state.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/clear.h"

struct model_shape state_model_shape(const struct config *config, int64_t vocab_size)
{
    return (struct model_shape){.n_layer = config->model.n_layer,
                                .n_head = config->model.n_head,
                                .n_embd = config->model.n_embd,
                                .context_length = config->model.context_length,
                                .vocab_size = vocab_size,
                                .bias = config->model.bias,
                                .tied_head = config->model.tied_head,
                                .dropout = config->model.dropout};
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
    int64_t total = model_table(state->model)->total;
    float *values = allocator_huge.allocate(allocator_huge.context, (size_t)total * sizeof *values, what);
    if (values != NULL)
        clear_floats(values, total);
    return values;
}

void state_release(float *values)
{
    allocator_huge.release(allocator_huge.context, values);
}

enum status state_create(const struct config *config, struct tokenizer *tokenizer,
                         const struct model_use *use, struct train_state *out)
{
    *out = (struct train_state){.tokenizer = tokenizer};
    struct model_shape shape = state_model_shape(config, tokenizer != NULL ? tokenizer_vocab_size(tokenizer)
                                                                           : config->tokenizer.vocab_size);
    enum status status = model_create(&shape, use, &allocator_huge, &out->model);
    if (status == STATUS_OK && use->training) {
        out->exp_avg = state_allocate(out, "first moments");
        out->exp_avg_sq = state_allocate(out, "second moments");
        if (out->exp_avg == NULL || out->exp_avg_sq == NULL)
            status = STATUS_FAILED;
    }
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
    state_release(state->exp_avg);
    state_release(state->exp_avg_sq);
    *state = (struct train_state){0};
}

void state_broadcast(struct train_state *state, struct comm *comm)
{
    size_t bytes = (size_t)model_table(state->model)->total * sizeof(float);
    comm_broadcast(comm, model_parameters(state->model), bytes, 0);
    if (state->exp_avg != NULL) {
        comm_broadcast(comm, state->exp_avg, bytes, 0);
        comm_broadcast(comm, state->exp_avg_sq, bytes, 0);
    }
    int64_t counters[3] = {state->step, state->sequences, state->tokens};
    comm_broadcast(comm, counters, sizeof counters, 0);
    state->step = counters[0];
    state->sequences = counters[1];
    state->tokens = counters[2];
    model_refresh_all(state->model);
}

enum status state_check_replicas(struct train_state *state, struct comm *comm)
{
    size_t bytes = (size_t)model_table(state->model)->total * sizeof(float);
    uint64_t digest = digest_bytes(model_parameters(state->model), bytes);
    int64_t halves[4] = {(int64_t)(digest >> 32), (int64_t)(digest & 0xFFFFFFFF), 0, 0};
    halves[2] = -halves[0]; /* the largest of the negated is the smallest */
    halves[3] = -halves[1];
    comm_max_int64(comm, halves, 4);
    if (halves[0] == -halves[2] && halves[1] == -halves[3])
        return STATUS_OK;
    return fail(STATUS_FAILED,
                "step %lld: the parameters are not the same on all ranks (a rank computed something else: "
                "different processors or libraries, or a hardware fault); nothing is saved",
                (long long)state->step);
}

/* Training with adapters (LoRA) over ranks: only what is trained has gradients, moments and traffic, frozen
 * tensors keep every bit, and the ranks stay alike. */
#include "check.h"

#include "llmpi/base/digest.h"
#include "llmpi/train/step.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 8, VOCABULARY = 600, WIDTH = 32, RANK = 4, LENGTH = 8, STEPS = 4 };

static enum status read_tokens(void *context, int64_t number, const struct sequence *out)
{
    (void)context;
    for (int i = 0; i <= LENGTH; i++)
        out->tokens[i] = (uint32_t)((number * 7 + i * 13) % VOCABULARY);
    return STATUS_OK;
}

struct variant {
    const char *name;
    int64_t slots, exchange, wire, targets, local_steps;
    bool embeddings;
};

static void configure(struct config *config, const struct variant *variant)
{
    config->tokenizer.vocab_size = VOCABULARY;
    config->model.n_layer = 2;
    config->model.n_head = 2;
    config->model.n_embd = WIDTH;
    config->model.context_length = LENGTH;
    config->train.batch_size = BATCH;
    config->train.micro_batch = 2;
    config->train.steps = 100;
    config->train.warmup_steps = 0;
    config->train.learning_rate = 0.01;
    config->train.slots = variant->slots;
    config->train.exchange = variant->exchange;
    config->train.wire = variant->wire;
    config->train.local_steps = variant->local_steps;
    config->train.local_after = 0;
    config->finetune.lora_rank = RANK;
    config->finetune.lora_alpha = 8;
    config->finetune.lora_targets = variant->targets;
    config->finetune.lora_embeddings = variant->embeddings;
}

/* All ranks' shares, from the sizes: adapters of rank r have r (inputs + outputs) parameters. */
static int64_t expected_count(const struct variant *variant)
{
    int64_t widths = variant->targets == FINETUNE_LORA_ALL ? 16 : 6;
    return 2 * widths * WIDTH * RANK + (variant->embeddings ? VOCABULARY * WIDTH : 0);
}

static void train(struct comm *comm, const struct config *config, struct train_state *state, int64_t steps,
                  double *first, double *last)
{
    struct stepper *stepper = NULL;
    struct sequences sequences = {.read = read_tokens};
    struct step_result results[STEPS];
    CHECK(comm, stepper_create(config, state, sequences, comm, &stepper) == STATUS_OK, "%s",
          status_message());
    for (int64_t i = 0; i < steps; i++) {
        struct timers timers = {0};
        CHECK(comm, stepper_run(stepper, STATUS_OK, &timers, &results[i]) == STATUS_OK, "%s",
              status_message());
        stepper_settle(stepper, &timers);
    }
    if (config->train.local_steps > 0) {
        struct timers timers = {0};
        CHECK(comm, stepper_meet(stepper, STATUS_OK, &timers, results, steps) == STATUS_OK, "%s",
              status_message());
        stepper_settle(stepper, &timers);
    }
    *first = results[0].loss;
    *last = results[steps - 1].loss;
    stepper_destroy(stepper);
}

static void test_variant(struct comm *comm, const struct variant *variant)
{
    const struct string_list none = {0};
    struct config config;
    struct train_state state;
    double first, last;
    CHECK(comm, config_load(&config, NULL, &none) == STATUS_OK, "%s", status_message());
    configure(&config, variant);
    struct model_use use = state_model_use(&config, ELEMENT_FP32, 2, true);
    CHECK(comm, state_create(&config, NULL, &use, comm, &state) == STATUS_OK, "%s", status_message());
    const struct parameter_table *table = model_table(state.model);
    float *parameters = model_parameters(state.model);
    parameter_initialise(table, 1, parameters);
    state_broadcast(&state, comm);
    const float *frozen = parameters + table->trainable;
    size_t bytes = (size_t)(table->total - table->trainable) * sizeof *frozen;
    uint64_t frozen_before = digest_bytes(frozen, bytes);
    float *before = malloc((size_t)table->trainable * sizeof *before);
    CHECK(comm, before != NULL, "no memory");
    memcpy(before, parameters, (size_t)table->trainable * sizeof *before);

    int64_t owned = state.updated.total, whole = state.updated.ranks == 1 ? comm_size(comm) : 1;
    comm_sum_int64(comm, &owned, 1);
    CHECK(comm, owned == whole * expected_count(variant) && table->trainable == expected_count(variant),
          "%s: %lld moments of %lld trained parameters, expected %lld", variant->name, (long long)owned,
          (long long)table->trainable, (long long)expected_count(variant));
    train(comm, &config, &state, STEPS, &first, &last);
    CHECK(comm, last < first, "%s: the loss goes from %g to %g", variant->name, first, last);
    CHECK(comm, digest_bytes(frozen, bytes) == frozen_before, "%s: frozen tensors have changed",
          variant->name);
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        CHECK(comm,
              !row->trainable || memcmp(before + row->offset, parameters + row->offset,
                                        (size_t)row->count * sizeof *before) != 0,
              "%s: %s has not changed", variant->name, row->name);
    }
    CHECK(comm, state_check_replicas(&state, comm) == STATUS_OK, "%s", status_message());
    free(before);
    state_destroy(&state);
    config_free(&config);
}

int main(void)
{
    static const struct variant variants[] = {
        {"with embeddings", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, FINETUNE_LORA_ALL, 0, true},
        {"slots", 4, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, FINETUNE_LORA_ALL, 0, false},
        {"allreduce, attention", 0, TRAIN_EXCHANGE_ALLREDUCE, TRAIN_WIRE_FP32, FINETUNE_LORA_ATTENTION, 0,
         false},
        {"local steps", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_FP32, FINETUNE_LORA_ALL, STEPS, true}};
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        test_variant(comm, &variants[i]);
    setenv("LLMPI_TEAM_SIZE", "1", 1); /* messages between all ranks */
    test_variant(comm, &variants[0]);
    test_variant(comm, &(struct variant){"bf16 messages", 0, TRAIN_EXCHANGE_SHARDED, TRAIN_WIRE_BF16,
                                         FINETUNE_LORA_ALL, 0, false});
    comm_end(comm);
    return 0;
}

/* Checkpoints of runs with adapters (LoRA), on any number of ranks: a run begins from plain weights, its file
 * keeps the adapters apart, a run goes on from it with the same bits and only with the same adapters, and
 * whoever loads it for use gets one plain model that computes the same to 1e-5. */
#include "check.h"

#include "llmpi/text/vocabulary.h"
#include "llmpi/train/checkpoint.h"
#include "llmpi/train/checkpoint_writer.h"
#include "llmpi/train/inference.h"
#include "llmpi/train/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 8, VOCABULARY = 95, LENGTH = 16, STEPS = 5 };

static enum status read_tokens(void *context, int64_t number, const struct sequence *out)
{
    (void)context;
    for (int i = 0; i <= LENGTH; i++)
        out->tokens[i] = (uint32_t)((number * 7 + i * 13) % VOCABULARY);
    return STATUS_OK;
}

/* A character for each id. */
static struct tokenizer *make_tokenizer(struct comm *comm)
{
    struct vocabulary vocabulary = {.kind = VOCABULARY_CHARACTER};
    struct tokenizer *tokenizer = NULL;
    enum status status = vocabulary_add_token(&vocabulary, "<|unk|>", 7, true);
    for (char c = '!'; c <= '~' && status == STATUS_OK; c++)
        status = vocabulary_add_token(&vocabulary, &c, 1, false);
    if (status == STATUS_OK)
        status = tokenizer_create(&vocabulary, &tokenizer);
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    return tokenizer;
}

static void begin(struct comm *comm, struct config *config, int64_t rank, struct train_state *state)
{
    const struct string_list none = {0};
    CHECK(comm, config_load(config, NULL, &none) == STATUS_OK, "%s", status_message());
    config->tokenizer.kind = TOKENIZER_CHARACTER;
    config->tokenizer.vocab_size = VOCABULARY;
    config->model.n_layer = 2;
    config->model.n_head = 2;
    config->model.n_embd = 32;
    config->model.context_length = LENGTH;
    config->train.batch_size = BATCH;
    config->train.micro_batch = 2;
    config->train.steps = 100;
    config->train.warmup_steps = 0;
    config->train.learning_rate = 0.02;
    config->train.slots = 4;
    config->train.precision = PRECISION_FP32;
    config->checkpoint.background = false;
    config->finetune.lora_rank = rank;
    struct model_use use = state_model_use(config, ELEMENT_FP32, 2, true);
    CHECK(comm, state_create(config, make_tokenizer(comm), &use, comm, state) == STATUS_OK, "%s",
          status_message());
    parameter_initialise(model_table(state->model), 1, model_parameters(state->model));
    state_broadcast(state, comm);
}

static void end(struct config *config, struct train_state *state)
{
    state_destroy(state);
    config_free(config);
}

static void train(struct comm *comm, const struct config *config, struct train_state *state)
{
    struct stepper *stepper = NULL;
    struct sequences sequences = {.read = read_tokens};
    struct step_result result;
    CHECK(comm, stepper_create(config, state, sequences, comm, &stepper) == STATUS_OK, "%s",
          status_message());
    for (int64_t i = 0; i < STEPS; i++) {
        struct timers timers = {0};
        CHECK(comm, stepper_run(stepper, STATUS_OK, &timers, &result) == STATUS_OK, "%s", status_message());
        stepper_settle(stepper, &timers);
    }
    stepper_destroy(stepper);
}

/* Saves into the folder; `path` (4096) becomes the file. */
static void save(struct comm *comm, const char *directory, const struct config *config,
                 const struct train_state *state, char *path)
{
    struct checkpoint_writer *writer = NULL;
    const struct checkpoint_notes notes = {.ranks = comm_size(comm), .validation_loss = NAN};
    CHECK(comm, checkpoint_writer_create(directory, config, state, NULL, comm, &writer) == STATUS_OK, "%s",
          status_message());
    checkpoint_writer_save(writer, &notes);
    CHECK(comm, checkpoint_writer_wait(writer) == STATUS_OK, "%s", status_message());
    checkpoint_writer_destroy(writer);
    snprintf(path, 4096, "%s/checkpoints/step-%08lld.h5", directory, (long long)state->step);
}

static void evaluate(const struct train_state *state, float losses[2 * LENGTH])
{
    uint32_t windows[2][LENGTH + 1], tokens[2 * LENGTH], targets[2 * LENGTH];
    struct model_loss sums = {0};
    for (int s = 0; s < 2; s++) {
        read_tokens(NULL, 100 + s, &(struct sequence){.tokens = windows[s]});
        memcpy(tokens + s * LENGTH, windows[s], LENGTH * sizeof *tokens);
        memcpy(targets + s * LENGTH, windows[s] + 1, LENGTH * sizeof *targets);
    }
    const struct batch batch = {.sequences = 2, .length = LENGTH, .tokens = tokens, .targets = targets};
    model_evaluate(state->model, &batch, losses, &sums);
}

/* The largest difference of a token's loss. */
static double compare(const struct train_state *a, const struct train_state *b)
{
    float losses[2][2 * LENGTH];
    double largest = 0;
    evaluate(a, losses[0]);
    evaluate(b, losses[1]);
    for (int i = 0; i < 2 * LENGTH; i++)
        largest = fmax(largest, fabs((double)losses[0][i] - (double)losses[1][i]));
    return largest;
}

static void load_base(struct comm *comm, const char *path, struct train_state *state)
{
    enum status status = comm_rank(comm) == 0 ? checkpoint_load_base(path, state->model) : STATUS_OK;
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    state_broadcast(state, comm);
}

static void test_merged(struct comm *comm, const char *path, const struct train_state *tuned)
{
    struct config config;
    struct train_state state;
    CHECK(comm, inference_load(path, 2, comm, &config, &state) == STATUS_OK, "%s", status_message());
    CHECK(comm, model_table(state.model)->lora.rank == 0, "adapters in a model for use");
    double difference = compare(tuned, &state);
    CHECK(comm, difference < 1e-5, "merged losses differ by %g", difference);
    end(&config, &state);
}

/* A run that goes on and the one that never ended are the same. */
static void test_continuation(struct comm *comm, const char *path, struct train_state *tuned)
{
    struct config config;
    struct train_state state;
    begin(comm, &config, 4, &state);
    bool root = comm_rank(comm) == 0;
    enum status status = root ? checkpoint_load(path, &state, NULL) : STATUS_OK;
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    CHECK(comm, checkpoint_load_moments(root ? path : NULL, &state, comm) == STATUS_OK, "%s",
          status_message());
    state_broadcast(&state, comm);
    train(comm, &config, &state);
    train(comm, &config, tuned);
    size_t bytes = (size_t)model_table(state.model)->total * sizeof(float);
    CHECK(comm, memcmp(model_parameters(state.model), model_parameters(tuned->model), bytes) == 0,
          "a run that was continued has other parameters");
    end(&config, &state);
}

static void test_refused(struct comm *comm, const char *path, int64_t rank, double alpha, const char *says)
{
    struct config config;
    struct train_state state;
    begin(comm, &config, rank, &state);
    struct config changed = config;
    changed.finetune.lora_alpha = alpha;
    state_destroy(&state);
    struct model_use use = state_model_use(&changed, ELEMENT_FP32, 2, true);
    CHECK(comm, state_create(&changed, make_tokenizer(comm), &use, comm, &state) == STATUS_OK, "%s",
          status_message());
    enum status status = checkpoint_load(path, &state, NULL);
    CHECK(comm, status == STATUS_USAGE && strstr(status_message(), says) != NULL, "rank %lld: status %d, %s",
          (long long)rank, (int)status, status_message());
    end(&config, &state);
}

static void test_files(struct comm *comm, const char *directory)
{
    char base_path[4096], tuned_path[4096];
    struct config plain_config, config;
    struct train_state plain, tuned, other;
    begin(comm, &plain_config, 0, &plain);
    train(comm, &plain_config, &plain);
    save(comm, directory, &plain_config, &plain, base_path);

    begin(comm, &config, 4, &tuned);
    load_base(comm, base_path, &tuned);
    CHECK(comm, compare(&plain, &tuned) == 0, "adapters change the model before they are trained");
    tuned.step = STEPS; /* another name than the base's */
    train(comm, &config, &tuned);
    CHECK(comm, compare(&plain, &tuned) > 1e-2, "training changes nothing");
    save(comm, directory, &config, &tuned, tuned_path);
    test_merged(comm, tuned_path, &tuned);

    struct config other_config;
    begin(comm, &other_config, 2, &other); /* a new run from the tuned model, with other adapters */
    load_base(comm, tuned_path, &other);
    CHECK(comm, compare(&tuned, &other) < 1e-5, "a new run begins from another model");
    end(&other_config, &other);

    test_refused(comm, tuned_path, 8, 16, "lora_rank 4, lora_alpha 16, lora_targets all");
    test_refused(comm, tuned_path, 4, 8, "this run has finetune.lora_rank 4, lora_alpha 8");
    test_refused(comm, tuned_path, 0, 16, "but this run has finetune.lora_rank 0");
    test_refused(comm, base_path, 4, 16, "was trained with finetune.lora_rank 0");
    test_continuation(comm, tuned_path, &tuned);
    end(&plain_config, &plain);
    end(&config, &tuned);
    CHECK(comm, comm_rank(comm) != 0 || (unlink(base_path) == 0 && unlink(tuned_path) == 0), "no files");
}

int main(void)
{
    struct comm *comm;
    char directory[64] = "/tmp/llmpi-adapters-XXXXXX", folder[80];
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    CHECK(comm, comm_rank(comm) != 0 || mkdtemp(directory) != NULL, "no folder");
    comm_broadcast(comm, directory, sizeof directory, 0);
    test_files(comm, directory);
    snprintf(folder, sizeof folder, "%s/checkpoints", directory);
    CHECK(comm, comm_rank(comm) != 0 || (rmdir(folder) == 0 && rmdir(directory) == 0), "files are left");
    comm_end(comm);
    return 0;
}

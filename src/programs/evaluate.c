/* `llmpi evaluate CONFIG`: validation loss of a checkpoint. */
#include "llmpi/base/log.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/evaluation.h"
#include "llmpi/train/inference.h"
#include "llmpi/train/trainer.h"

#include <math.h>
#include <stdio.h>

static const struct flag flags[] = {
    {"--checkpoint", "PATH", "Checkpoint file or run directory (default: run.directory)"},
    {"--split", "NAME", "Which shards: validation (default) or train"},
    {"--json", NULL, "Print one JSON object"}};

static const struct command command = {
    .name = "evaluate",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .help = "Prints the loss of the newest checkpoint on the validation shards",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true};

static void print_result(const struct train_state *state, const char *split, const struct evaluation *result,
                         bool json)
{
    if (json)
        printf("{\"step\": %lld, \"split\": \"%s\", \"loss\": %.17g, \"perplexity\": %.17g, "
               "\"bits_per_byte\": %.17g, "
               "\"unigram_entropy\": %.17g, \"tokens\": %lld, \"bytes\": %lld}\n",
               (long long)state->step, split, result->loss, exp(result->loss), result->bits_per_byte,
               result->entropy, (long long)result->tokens, (long long)result->bytes);
    else
        printf("step             %lld\nsplit            %s\nwindows          %lld\ntokens           "
               "%lld\nbytes            %lld\n"
               "loss             %.4f nats per token\nperplexity       %.2f\nbits per byte    %.4f\nunigram "
               "entropy  %.4f nats per token\n",
               (long long)state->step, split, (long long)result->windows, (long long)result->tokens,
               (long long)result->bytes, result->loss, exp(result->loss), result->bits_per_byte,
               result->entropy);
}

/* The data and how much of it come from the CONFIG, the shape of the model from the checkpoint. */
static enum status evaluate(const struct config *config, const struct arguments *arguments, struct comm *comm)
{
    const char *path = arguments_get(arguments, "--checkpoint"), *split = arguments_get(arguments, "--split");
    struct config stored;
    struct train_state state;
    struct dataset *dataset = NULL;
    struct evaluation result;
    split = split != NULL ? split : "validation";
    trainer_set_threads(config, comm);
    enum status status =
        inference_load(path != NULL ? path : config->run.directory, 0, comm, &stored, &state);
    if (status == STATUS_OK)
        status =
            trainer_open_dataset(config, split, stored.model.context_length, state.tokenizer, comm, &dataset);
    if (status != STATUS_OK)
        goto cleanup;
    stored.evaluate.sequences = config->evaluate.sequences;
    status = evaluation_run(&stored, &state, dataset, stored.train.micro_batch, comm, &result);
    if (status == STATUS_OK && result.windows == 0)
        status = fail(STATUS_FAILED, "the %s shards in %s hold %lld tokens; a window needs %lld in one shard",
                      split, config->shards.directory, (long long)dataset_tokens(dataset),
                      (long long)stored.model.context_length + 1);
    if (status == STATUS_OK && comm_rank(comm) == 0)
        print_result(&state, split, &result, arguments_has(arguments, "--json"));
cleanup:
    if (dataset != NULL)
        dataset_close(dataset);
    state_destroy(&state);
    config_free(&stored);
    return status;
}

enum status program_evaluate(int count, char **arguments)
{
    struct program program;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = evaluate(&program.config, &program.arguments, program.comm);
    return program_end(&program, status);
}

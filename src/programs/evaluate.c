/* `llmpi evaluate CONFIG`: validation loss of a checkpoint, or its answers to questions. */
#include "evaluate_questions.h"

#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/comm/requests.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/evaluation.h"
#include "llmpi/train/inference.h"
#include "llmpi/train/placement.h"
#include "llmpi/train/step.h"
#include "llmpi/train/trainer.h"

#include <math.h>
#include <stdio.h>

static const struct flag flags[] = {
    {"--checkpoint", "PATH", "Checkpoint file or run directory (default: run.directory)"},
    {"--split", "NAME", "Which shards: validation (default) or train"},
    {"--questions", "FILE",
     "The share of questions that a tuned model answers exactly: JSON lines with prompt, response and kind "
     "(llmpi corpus generate --questions)"},
    {"--items", "FILE", "With --questions: write each answer as a JSON line"},
    {"--json", NULL, "Print one JSON object"}};

static const struct command command = {
    .name = "evaluate",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .help = "Prints the loss of the newest checkpoint on the validation shards",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .stops = true};

static enum status print_json(const struct train_state *state, const char *split,
                              const struct evaluation *result)
{
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"loss", result->loss},
                   {"perplexity", exp(result->loss)},
                   {"bits_per_byte", result->bits_per_byte},
                   {"unigram_entropy", result->entropy}};
    struct buffer line = {0};
    enum status status =
        buffer_printf(&line, "{\"step\": %lld, \"split\": \"%s\"", (long long)state->step, split);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == STATUS_OK; i++) {
        status = buffer_printf(&line, ", \"%s\": ", numbers[i].name);
        if (status == STATUS_OK)
            status = json_write_number(&line, numbers[i].value);
    }
    if (status == STATUS_OK)
        status = buffer_printf(&line, ", \"tokens\": %lld, \"bytes\": %lld}", (long long)result->tokens,
                               (long long)result->bytes);
    if (status == STATUS_OK)
        puts(line.data);
    buffer_free(&line);
    return status;
}

static void print_text(const struct train_state *state, const char *split, const struct evaluation *result)
{
    printf("step             %lld\nsplit            %s\nwindows          %lld\ntokens           "
           "%lld\nbytes            %lld\n"
           "loss             %.4f nats per token\nperplexity       %.2f\nbits per byte    %.4f\nunigram "
           "entropy  %.4f nats per token\n",
           (long long)state->step, split, (long long)result->windows, (long long)result->tokens,
           (long long)result->bytes, result->loss, exp(result->loss), result->bits_per_byte, result->entropy);
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
    TRY(placement_apply(config, comm));
    enum status status =
        inference_load(path != NULL ? path : config->run.directory, 0, comm, &stored, &state);
    if (status == STATUS_OK)
        status =
            trainer_open_dataset(config, split, stored.model.context_length, state.tokenizer, comm, &dataset);
    if (status != STATUS_OK)
        goto cleanup;
    stored.evaluate.sequences = config->evaluate.sequences;
    status =
        evaluation_run(&stored, &state, dataset, step_micro_batch(&stored, comm_size(comm)), comm, &result);
    status = requests_conclude(comm, status, "the same command starts over");
    if (status == STATUS_OK && result.windows == 0)
        status = fail(STATUS_FAILED, "the %s shards in %s hold %lld tokens; a window needs %lld in one shard",
                      split, config->shards.directory, (long long)dataset_tokens(dataset),
                      (long long)stored.model.context_length + 1);
    if (status == STATUS_OK && comm_rank(comm) == 0) {
        if (arguments_has(arguments, "--json"))
            status = print_json(&state, split, &result);
        else
            print_text(&state, split, &result);
    }
cleanup:
    if (dataset != NULL)
        dataset_close(dataset);
    state_destroy(&state);
    config_free(&stored);
    return status;
}

/* **Collective** */
static enum status ask(const struct config *config, const struct arguments *arguments, struct comm *comm)
{
    const char *path = arguments_get(arguments, "--checkpoint");
    struct config stored;
    struct train_state state;
    TRY(placement_apply(config, comm));
    enum status status =
        inference_load(path != NULL ? path : config->run.directory, 1, comm, &stored, &state);
    if (status == STATUS_OK)
        status = evaluate_questions(arguments, &stored, &state, comm);
    status = requests_conclude(comm, status, "the same command starts over");
    state_destroy(&state);
    config_free(&stored);
    return status;
}

enum status program_evaluate(int count, char **arguments)
{
    struct program program;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = arguments_has(&program.arguments, "--questions")
                     ? ask(&program.config, &program.arguments, program.comm)
                     : evaluate(&program.config, &program.arguments, program.comm);
    return program_end(&program, status);
}

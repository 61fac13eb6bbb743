/* `llmpi evaluate CONFIG`: what a checkpoint is worth, on shards, tasks or a text. */
#include "evaluate_questions.h"
#include "evaluations.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/config/options.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/evaluation.h"
#include "llmpi/train/inference.h"
#include "llmpi/train/placement.h"
#include "llmpi/train/scoring.h"
#include "llmpi/train/step.h"
#include "llmpi/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct flag flags[] = {
    {"--checkpoint", "PATH", "Checkpoint file or run directory (default: run.directory)"},
    {"--split", "NAME", "Which shards: validation (default) or train"},
    {"--tasks", "LIST",
     "Instead, tasks as evaluate.tasks names them: accuracy, perplexity; or questions: see --questions"},
    {"--questions", "FILE",
     "Instead, the share of questions that a tuned model answers exactly: JSON lines with prompt, response "
     "and kind (llmpi corpus generate --questions); --tasks=questions takes them from "
     "evaluate.task_directory"},
    {"--items", "FILE.jsonl", "With --tasks or --questions: write what came out for each item"},
    {"--metrics", NULL, "With --tasks: append the results to metrics.jsonl of run.directory, too"},
    {"--file", "FILE", "Instead, a text file, or a corpus as corpus.inputs names them"},
    {"--json", NULL, "Print one JSON object; of tasks one each"}};

static const struct command command = {
    .name = "evaluate",
    .positionals = "CONFIG|CHECKPOINT",
    .minimum = 1,
    .maximum = 1,
    .help = "Prints the loss of the newest checkpoint on the validation shards, its results in tasks, or its "
            "loss on a text",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .checkpoint = true,
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
    printf("step             %lld\n"
           "split            %s\n"
           "windows          %lld\n"
           "tokens           %lld\n"
           "bytes            %lld\n"
           "loss             %.4f nats per token\n"
           "perplexity       %.2f\n"
           "bits per byte    %.4f\n"
           "unigram entropy  %.4f nats per token\n",
           (long long)state->step, split, (long long)result->windows, (long long)result->tokens,
           (long long)result->bytes, result->loss, exp(result->loss), result->bits_per_byte, result->entropy);
}

/* Where the model is: --checkpoint, the CHECKPOINT that stands for CONFIG, or the run. */
static const char *checkpoint_path(const struct config *config, const struct arguments *arguments)
{
    const char *given = arguments_get(arguments, "--checkpoint"), *first = arguments->positionals.items[0];
    return given != NULL ? given : inference_is_checkpoint(first) ? first : config->run.directory;
}

/* The data and how much of it come from the CONFIG, the shape of the model from the checkpoint. */
static enum status evaluate_shards(const struct config *config, const struct arguments *arguments,
                                   struct comm *comm)
{
    const char *split = arguments_get(arguments, "--split");
    struct config stored;
    struct train_state state;
    struct dataset *dataset = NULL;
    struct evaluation result;
    split = split != NULL ? split : "validation";
    enum status status =
        inference_load(checkpoint_path(config, arguments), INFERENCE_TRAINING, comm, &stored, &state);
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

/* Tasks or a text, in batches that do not depend on the number of ranks. */
static enum status evaluate_texts(const struct config *config, const struct arguments *arguments,
                                  struct comm *comm)
{
    struct config stored;
    struct train_state state;
    enum status status =
        inference_load(checkpoint_path(config, arguments), INFERENCE_SCORING, comm, &stored, &state);
    if (status == STATUS_OK) {
        const struct scorer scorer = {.config = config,
                                      .end_token = stored.shards.end_token,
                                      .state = &state,
                                      .sequences = scoring_sequences(stored.model.context_length),
                                      .comm = comm};
        status = arguments_has(arguments, "--file") ? evaluate_file(&scorer, arguments)
                                                    : evaluate_tasks(&scorer, arguments);
    }
    state_destroy(&state);
    config_free(&stored);
    return requests_conclude(comm, status, "the same command starts over");
}

/* The task "questions" is the file questions.jsonl of evaluate.task_directory. */
static enum status evaluate_answers(const struct config *config, const struct arguments *arguments,
                                    struct comm *comm)
{
    struct config stored;
    struct train_state state;
    const char *given = arguments_get(arguments, "--questions");
    char *path = given != NULL ? memory_copy_text(given, strlen(given))
                               : path_join(config->evaluate.task_directory, "questions.jsonl");
    TRY(comm_agree(comm, path != NULL ? STATUS_OK : STATUS_FAILED));
    enum status status = inference_load(checkpoint_path(config, arguments), 1, comm, &stored, &state);
    if (status == STATUS_OK)
        status = evaluate_questions(path, arguments, &stored, &state, comm);
    state_destroy(&state);
    config_free(&stored);
    free(path);
    return requests_conclude(comm, status, "the same command starts over");
}

static bool asks(const struct arguments *arguments)
{
    const char *tasks = arguments_get(arguments, "--tasks");
    return arguments_has(arguments, "--questions") || (tasks != NULL && strcmp(tasks, "questions") == 0);
}

/* --tasks is another way to write --evaluate.tasks. */
static enum status check_flags(const struct arguments *arguments, struct config *config)
{
    const char *tasks = arguments_get(arguments, "--tasks");
    bool file = arguments_has(arguments, "--file");
    if (tasks != NULL && file)
        return fail(STATUS_USAGE, "--tasks and --file exclude each other");
    if (asks(arguments) && (file || (tasks != NULL && strcmp(tasks, "questions") != 0)))
        return fail(STATUS_USAGE, "--questions stands for itself, without --file and other --tasks");
    if ((tasks != NULL || file || asks(arguments)) && arguments_has(arguments, "--split"))
        return fail(STATUS_USAGE, "--split is of shards, not of --tasks, --questions or --file");
    if (tasks == NULL && !asks(arguments) && arguments_has(arguments, "--items"))
        return fail(STATUS_USAGE, "--items is of --tasks and --questions");
    if ((tasks == NULL || asks(arguments)) && arguments_has(arguments, "--metrics"))
        return fail(STATUS_USAGE, "--metrics is of --tasks that are not questions");
    return tasks != NULL ? option_set_text(option_find("evaluate.tasks"), config, tasks, "--tasks")
                         : STATUS_OK;
}

static enum status evaluate(struct config *config, const struct arguments *arguments, struct comm *comm)
{
    TRY(comm_agree(comm, check_flags(arguments, config)));
    TRY(placement_apply(config, comm));
    if (asks(arguments))
        return evaluate_answers(config, arguments, comm);
    return arguments_has(arguments, "--tasks") || arguments_has(arguments, "--file")
               ? evaluate_texts(config, arguments, comm)
               : evaluate_shards(config, arguments, comm);
}

enum status program_evaluate(int count, char **arguments)
{
    struct program program;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = evaluate(&program.config, &program.arguments, program.comm);
    return program_end(&program, status);
}

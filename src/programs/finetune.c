/* `llmpi finetune CONFIG`: trains a model further, on examples. It is the training of train/trainer.h with
 * what section `finetune` has in place of section `train`, and the shape and vocabulary of the base. */
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/chat.h"
#include "llmpi/train/inference.h"
#include "llmpi/train/sequences.h"
#include "llmpi/train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct flag flags[] = {
    {"--from", "CHECKPOINT", "Checkpoint file or run directory to start from (default: run.directory)"},
    {"--fresh", NULL, "Start over: remove the checkpoints of finetune.directory first"}};

static const struct command command = {
    .name = "finetune",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .help = "Tunes a model on the examples of `llmpi instruct prepare`, in finetune.directory, or continues "
            "there. Shape and tokenizer are the base's; the tokens of the chat template are added to it. "
            "Stops and continues as `llmpi train` does",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .stops = true};

static enum status replace(char **text, const char *by)
{
    char *copy = memory_copy_text(by, strlen(by));
    if (copy == NULL)
        return STATUS_FAILED;
    free(*text);
    *text = copy;
    return STATUS_OK;
}

/* The base's model, and what section `finetune` says, in the places where training looks for them. */
static enum status adapt(struct config *config, const struct config *base)
{
    config->model = base->model;
    config->train.batch_size = config->finetune.batch_size;
    config->train.learning_rate = config->finetune.learning_rate;
    config->train.weight_decay = config->finetune.weight_decay;
    TRY(replace(&config->shards.directory, config->instruct.directory));
    return replace(&config->run.directory, config->finetune.directory);
}

static enum status choose_steps(struct config *config, const struct tokenizer *tokenizer, struct comm *comm)
{
    struct dataset *dataset = NULL;
    struct dataset_sequences data = {0};
    struct sequences sequences;
    bool prepared = file_is_directory(config->instruct.directory);
    TRY(comm_agree(comm, prepared ? STATUS_OK
                                  : fail(STATUS_FAILED,
                                         "there are no examples in %s: run `llmpi instruct prepare` first",
                                         config->instruct.directory)));
    TRY(trainer_open_dataset(config, "train", config->model.context_length, tokenizer, comm, &dataset));
    enum status status =
        comm_agree(comm, sequences_open(config, tokenizer, dataset, false, &data, &sequences));
    if (status == STATUS_OK && !sequences.packed)
        status = fail(STATUS_FAILED,
                      "the shards in %s have no loss mask: `llmpi instruct prepare` writes such shards",
                      config->instruct.directory);
    if (status == STATUS_OK) {
        double seen = config->finetune.epochs * (double)sequences_count(&data);
        int64_t steps = (int64_t)ceil(seen / (double)config->finetune.batch_size);
        config->train.steps = config->finetune.steps > 0 ? config->finetune.steps : steps > 0 ? steps : 1;
        config->train.warmup_steps = (int64_t)(config->finetune.warmup * (double)config->train.steps);
    }
    sequences_release(&data);
    dataset_close(dataset);
    return status;
}

static enum status finetune(struct program *program)
{
    struct config *config = &program->config, base;
    const struct chat_template template = chat_template_of(config);
    const char *from = arguments_get(&program->arguments, "--from");
    struct tokenizer *known = NULL, *tokenizer = NULL;
    char *file = NULL;
    enum status status =
        inference_describe(from != NULL ? from : config->run.directory, program->comm, &base, &known, &file);
    if (status == STATUS_OK)
        status = comm_agree(program->comm, chat_template_extend(&template, known, &tokenizer));
    if (status == STATUS_OK)
        status = comm_agree(program->comm, adapt(config, &base));
    if (status == STATUS_OK)
        status = choose_steps(config, tokenizer, program->comm);
    if (status == STATUS_OK) {
        status = trainer_run(config, file, arguments_has(&program->arguments, "--fresh"), tokenizer,
                             program->comm);
        tokenizer = NULL; /* taken over */
    }
    tokenizer_destroy(known);
    tokenizer_destroy(tokenizer);
    config_free(&base);
    free(file);
    return status;
}

enum status program_finetune(int count, char **arguments)
{
    struct program program;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = finetune(&program);
    return program_end(&program, status);
}

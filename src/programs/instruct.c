/* `llmpi instruct prepare CONFIG`: from conversations to shards of examples. */
#include "example_view.h"

#include "llmpi/base/file.h"
#include "llmpi/prepare/instruction.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/programs/tokenizer_source.h"
#include "llmpi/train/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct flag flags[] = {
    {"--show", "N", "Print the first N examples of the train split with what is to be learnt marked"}};

static const struct command command = {
    .name = "instruct prepare",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .help = "Turns conversations (instruct.inputs) into shards of examples in instruct.directory, with the "
            "tokenizer of tokenizer.path and the tokens of the chat template. What is to be learnt are the "
            "assistant's turns, with the token that ends them. The files are the same for any number of "
            "ranks",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .stops = true};

static enum status show(const struct config *config, const struct tokenizer *tokenizer, int64_t count)
{
    struct shard *shard = NULL;
    char *path = shard_path(config->instruct.directory, "train", 0, config->instruct.count);
    enum status status = path != NULL ? shard_open(path, &shard) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = example_view_print(shard, tokenizer, count);
    shard_close(shard);
    free(path);
    return status;
}

static enum status prepare(const struct program *program)
{
    const struct config *config = &program->config;
    const struct chat_template template = chat_template_of(config);
    struct tokenizer *base = NULL, *tokenizer = NULL;
    int64_t examples = 0;
    TRY(arguments_get_integer(&program->arguments, "--show", 1, INT64_MAX, &examples));
    TRY(tokenizer_source_share(config->tokenizer.path, program->comm, &base));
    enum status status = comm_agree(program->comm, chat_template_extend(&template, base, &tokenizer));
    if (status == STATUS_OK)
        status = instruction_prepare(config, &template, tokenizer, program->comm);
    if (status == STATUS_OK && examples > 0 && comm_rank(program->comm) == 0)
        status = show(config, tokenizer, examples);
    tokenizer_destroy(base);
    tokenizer_destroy(tokenizer);
    return status;
}

enum status program_instruct(int count, char **arguments)
{
    struct program program;
    if (count > 0 && (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)) {
        printf("usage: llmpi instruct prepare CONFIG [--show=N] [--section.key=value]\n\n"
               "`llmpi instruct prepare --help` says more.\n");
        return STATUS_OK;
    }
    if (count == 0 || strcmp(arguments[0], "prepare") != 0)
        return fail(STATUS_USAGE, "llmpi instruct needs 'prepare'%s%.100s", count > 0 ? ", not " : "",
                    count > 0 ? arguments[0] : "");
    enum status status = program_begin(&command, count - 1, arguments + 1, &program);
    if (status == STATUS_OK && !program.finished)
        status = prepare(&program);
    return program_end(&program, status);
}

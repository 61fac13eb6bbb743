/* `llmpi export CHECKPOINT`: a model for other programs. */
#include "llmpi/base/log.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/inference.h"
#include "llmpi/train/model_export.h"

#include <string.h>

static const struct flag flags[] = {
    {"--format", "NAME",
     "safetensors (default): a folder for Hugging Face's transformers; gguf: a file for llama.cpp"},
    {"--output", "PATH", "The folder or file to write"},
    {"--type", "NAME", "Format of the numbers: f32 (default, exact), f16 or bf16"}};

static const struct command command = {
    .name = "export",
    .positionals = "CHECKPOINT",
    .minimum = 1,
    .maximum = 1,
    .help = "Writes the model of a checkpoint file, or of a run directory, for other programs, with its "
            "tokenizer and chat template",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags};

static enum status write_model(const struct model_export *export, bool gguf, const char *output)
{
    TRY(gguf ? export_gguf(export, output) : export_safetensors(export, output));
    log_info("wrote %s: %lld parameters in %s", output, (long long)model_table(export->state->model)->total,
             number_name(export->type));
    return STATUS_OK;
}

static enum status export_checkpoint(const struct arguments *arguments)
{
    const char *format = arguments_get(arguments, "--format"), *type = arguments_get(arguments, "--type"),
               *output = arguments_get(arguments, "--output");
    enum number number = NUMBER_F32;
    struct comm *comm = comm_alone();
    struct config config;
    struct train_state state;
    bool gguf = format != NULL && strcmp(format, "gguf") == 0;
    if (comm == NULL)
        return STATUS_FAILED;
    enum status status = STATUS_OK;
    if (format != NULL && !gguf && strcmp(format, "safetensors") != 0)
        status = fail(STATUS_USAGE, "--format is '%.40s', allowed are safetensors and gguf", format);
    if (status == STATUS_OK && type != NULL)
        status = number_find(type, &number);
    if (status == STATUS_OK && output == NULL)
        status = fail(STATUS_USAGE, "llmpi export needs --output=PATH");
    if (status != STATUS_OK) {
        comm_end(comm);
        return status;
    }
    threads_set((int)threads_choose(0));
    status = inference_load(arguments->positionals.items[0], 1, comm, &config, &state);
    const struct model_export export = {.config = &config, .state = &state, .type = number};
    if (status == STATUS_OK)
        status = write_model(&export, gguf, output);
    state_destroy(&state);
    config_free(&config);
    comm_end(comm);
    return status;
}

enum status program_export(int count, char **list)
{
    struct arguments arguments = {0};
    enum status status = arguments_parse(&command, count, list, &arguments);
    if (status == STATUS_OK && !arguments.finished)
        status = export_checkpoint(&arguments);
    arguments_free(&arguments);
    return status;
}

/* `llmpi import FOLDER|FILE.gguf`: a model of other programs as a checkpoint. */
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/model_import.h"

static const struct flag flags[] = {{"--output", "FILE.h5", "The checkpoint to write"}};

static const struct command command = {
    .name = "import",
    .positionals = "FOLDER|FILE.gguf",
    .minimum = 1,
    .maximum = 1,
    .help =
        "Makes a checkpoint of a folder in the layout of Hugging Face's GPT-2: config.json, "
        "model.safetensors and a tokenizer; or of a GGUF file of architecture gpt2 with numbers of F32, F16 "
        "or BF16. It can generate, be evaluated, exported and tuned",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags};

static enum status import_model(const char *path, const char *output)
{
    return file_is_directory(path) ? import_safetensors(path, output) : import_gguf(path, output);
}

enum status program_import(int count, char **list)
{
    struct arguments arguments = {0};
    enum status status = arguments_parse(&command, count, list, &arguments);
    if (status == STATUS_OK && !arguments.finished) {
        const char *output = arguments_get(&arguments, "--output");
        status = output != NULL ? import_model(arguments.positionals.items[0], output)
                                : fail(STATUS_USAGE, "llmpi import needs --output=FILE.h5");
        if (status == STATUS_OK)
            log_info("wrote %s", output);
    }
    arguments_free(&arguments);
    return status;
}

/* `llmpi inspect FILE...`: knows the kind of a file by its first bytes or its ending, and shows or verifies
 * it. */
#include "inspect.h"

#include "llmpi/base/file.h"
#include "llmpi/config/config.h"
#include "llmpi/data/shard.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/storage/safetensors_folder.h"
#include "llmpi/storage/tensor_file.h"
#include "llmpi/text/tokenizer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum kind { SHARD, CHECKPOINT, TOKENIZER, METRICS, CONFIG, GGUF, SAFETENSORS, MODEL_FOLDER };

void inspect_heading(const char *path, const char *kind)
{
    printf("%s: %s\n", path, kind);
}

void inspect_row(const char *name, const char *format, ...)
{
    va_list arguments;
    printf("  %-18s ", name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* Whether the first bytes of a file are these. */
static bool begins_with(const char *path, const char *bytes, size_t length)
{
    char start[8] = {0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return false;
    bool same = read(descriptor, start, length) == (ssize_t)length && memcmp(start, bytes, length) == 0;
    close(descriptor);
    return same;
}

static bool find_by_content(const char *path, enum kind *out)
{
    if (tensor_file_is_one(path))
        *out = CHECKPOINT;
    else if (begins_with(path, "\x89HDF\r\n\x1a\n", 8))
        *out = SHARD;
    else if (begins_with(path, "GGUF", 4))
        *out = GGUF;
    else
        return false;
    return true;
}

static enum status find_kind(const char *path, enum kind *out)
{
    static const struct {
        const char *ending;
        enum kind kind;
    } endings[] = {
        {".h5", SHARD},    {SHARD_BARE_ENDING, SHARD}, {".json", TOKENIZER}, {".jsonl", METRICS},
        {".yaml", CONFIG}, {".yml", CONFIG},           {".gguf", GGUF},      {".safetensors", SAFETENSORS}};
    if (!file_exists(path))
        return file_fail("read", path);
    *out = MODEL_FOLDER;
    if (file_is_directory(path))
        return safetensors_folder_is_one(path)
                   ? STATUS_OK
                   : fail(STATUS_FAILED, "%s is a folder without model.safetensors: name the files in it",
                          path);
    if (find_by_content(path, out))
        return STATUS_OK;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (path_has_suffix(path, endings[i].ending)) {
            *out = endings[i].kind;
            return STATUS_OK;
        }
    return fail(
        STATUS_FAILED,
        "%s is none of the files that llmpi knows: shards and checkpoints (.h5), llm.c's tokens (.bin), "
        "tokenizer.json, metrics.jsonl, config.yaml, .safetensors and .gguf",
        path);
}

static enum status verify_tokenizer(const char *path)
{
    struct tokenizer *tokenizer = NULL;
    TRY(tokenizer_load(path, &tokenizer));
    tokenizer_destroy(tokenizer);
    return STATUS_OK;
}

static enum status verify_config(const char *path)
{
    const struct string_list none = {0};
    struct config config;
    enum status status = config_load(&config, path, &none);
    config_free(&config);
    return status;
}

static const struct {
    enum status (*show)(const char *path), (*verify)(const char *path);
} kinds[] = {
    [SHARD] = {NULL, shard_verify} /* shown by inspect_shard */,
    [CHECKPOINT] = {inspect_checkpoint, tensor_file_verify},
    [TOKENIZER] = {inspect_tokenizer, verify_tokenizer},
    [METRICS] = {inspect_metrics, inspect_verify_metrics},
    [CONFIG] = {inspect_config, verify_config},
    [GGUF] = {inspect_gguf, inspect_verify_gguf},
    [SAFETENSORS] = {inspect_safetensors, inspect_verify_safetensors},
    [MODEL_FOLDER] = {inspect_model_folder, inspect_verify_model_folder},
};

/* One line of output; what is wrong with one file does not keep the others from being looked at. */
static enum status verify(const char *path)
{
    enum kind kind;
    enum status status = find_kind(path, &kind);
    if (status == STATUS_OK)
        status = kinds[kind].verify(path);
    if (status == STATUS_OK)
        printf("%s: whole\n", path);
    else
        printf("%s%s%s\n", strstr(status_message(), path) == NULL ? path : "",
               strstr(status_message(), path) == NULL ? ": " : "", status_message());
    return status;
}

static enum status show(const char *path, const struct inspect_windows *windows)
{
    enum kind kind;
    TRY(find_kind(path, &kind));
    if (kind != SHARD && windows->count > 0)
        return fail(STATUS_USAGE, "--windows shows token shards: %s is none", path);
    return kind == SHARD ? inspect_shard(path, windows) : kinds[kind].show(path);
}

static enum status inspect_files(const struct arguments *arguments)
{
    const struct string_list *files = &arguments->positionals;
    struct inspect_windows windows = {.context_length = 16,
                                      .tokenizer = arguments_get(arguments, "--tokenizer")};
    TRY(arguments_get_integer(arguments, "--windows", 1, INT64_MAX, &windows.count));
    TRY(arguments_get_integer(arguments, "--context", 1, 1 << 20, &windows.context_length));
    bool verifying = arguments_has(arguments, "--verify");
    int64_t damaged = 0;
    for (int64_t i = 0; i < files->count; i++) {
        if (verifying) {
            damaged += verify(files->items[i]) != STATUS_OK;
            continue;
        }
        if (i > 0)
            putchar('\n');
        TRY(show(files->items[i], &windows));
    }
    if (damaged > 0)
        return fail(STATUS_FAILED, "%" PRId64 " of %" PRId64 " files cannot be used", damaged, files->count);
    return STATUS_OK;
}

enum status program_inspect(int count, char **list)
{
    static const struct flag flags[] = {
        {"--verify", NULL,
         "Read everything, check checksums and digests, and say of each file whether it is whole"},
        {"--windows", "N",
         "Print N input and target pairs of a shard, or N examples of one with a loss mask"},
        {"--context", "TOKENS", "Length of those pairs (16)"},
        {"--tokenizer", "TOKENIZER",
         "Print the pairs as text with this tokenizer.json, checkpoint or folder (default: the one beside "
         "the shard)"},
    };
    static const struct command command = {
        .name = "inspect",
        .positionals = "FILE...",
        .minimum = 1,
        .maximum = -1,
        .help =
            "Shows files that llmpi writes: shards, checkpoints, tokenizer.json, metrics.jsonl, config.yaml, "
            "safetensors (a file, or a folder as import takes it) and GGUF; and llm.c's .bin token files, "
            "which it trains on too",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
    };
    struct arguments arguments = {0};
    enum status status = arguments_parse(&command, count, list, &arguments);
    if (status == STATUS_OK && !arguments.finished)
        status = inspect_files(&arguments);
    arguments_free(&arguments);
    return status;
}

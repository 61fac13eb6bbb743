/* `llmpi tokenizer train|encode|decode|info`. Text and ids go through standard input and output as they are:
 * nothing is added to the bytes, nothing is taken away. */
#include "tokenizer_info.h"

#include "llmpi/base/file.h"
#include "llmpi/base/number.h"
#include "llmpi/prepare/tokenizer_training.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/programs/tokenizer_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How ids are written: 0 bytes each stands for decimal text. */
static enum status read_format(const struct arguments *arguments, size_t *bytes)
{
    const char *format = arguments_get(arguments, "--format");
    *bytes = format == NULL || strcmp(format, "text") == 0 ? 0
             : strcmp(format, "u16") == 0                  ? 2
             : strcmp(format, "u32") == 0                  ? 4
                                                           : 1;
    return *bytes != 1 ? STATUS_OK
                       : fail(STATUS_USAGE, "--format is '%.100s', allowed are text, u16 and u32", format);
}

static enum status print(const struct buffer *buffer)
{
    if (buffer->length > 0 && fwrite(buffer->data, 1, buffer->length, stdout) != buffer->length)
        return fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
    return STATUS_OK;
}

/* --- ids as text and as little-endian numbers --- */

static enum status write_ids(const struct token_list *list, size_t bytes, struct buffer *out)
{
    for (int64_t i = 0; i < list->count; i++) {
        uint32_t id = list->ids[i];
        if (bytes == 0) {
            TRY(buffer_printf(out, i > 0 ? " %u" : "%u", id));
            continue;
        }
        if (bytes == 2 && id > UINT16_MAX)
            return fail(STATUS_FAILED, "token %lld has id %u, but u16 ends at %u: use --format=u32",
                        (long long)i, id, (unsigned)UINT16_MAX);
        char number[4];
        number_encode(id, number, (int)bytes);
        TRY(buffer_append(out, number, bytes));
    }
    return bytes == 0 ? buffer_append(out, "\n", 1) : STATUS_OK;
}

static enum status read_numbers(const struct buffer *input, size_t bytes, struct token_list *list)
{
    if (input->length % bytes != 0)
        return fail(STATUS_FAILED, "standard input has %zu bytes, which is no multiple of %zu", input->length,
                    bytes);
    for (size_t at = 0; at < input->length; at += bytes)
        TRY(token_list_add(list, (uint32_t)number_decode(input->data + at, (int)bytes)));
    return STATUS_OK;
}

static enum status read_decimals(const struct buffer *input, struct token_list *list)
{
    static const char space[] = " \t\r\n";
    for (size_t at = 0; at < input->length;) {
        if (memchr(space, input->data[at], sizeof space - 1) != NULL) {
            at++;
            continue;
        }
        size_t start = at;
        uint64_t id = 0;
        for (; at < input->length && memchr(space, input->data[at], sizeof space - 1) == NULL; at++) {
            unsigned digit = (unsigned)(unsigned char)input->data[at] - '0';
            id = digit < 10 && id <= UINT32_MAX ? 10 * id + digit : UINT64_MAX;
        }
        if (id > UINT32_MAX)
            return fail(STATUS_FAILED,
                        "id %lld of standard input is '%.*s', allowed are numbers from 0 to %u",
                        (long long)list->count, (int)(at - start < 40 ? at - start : 40), input->data + start,
                        UINT32_MAX);
        TRY(token_list_add(list, (uint32_t)id));
    }
    return STATUS_OK;
}

/* --- subcommands --- */

static enum status encode(struct tokenizer *tokenizer, const struct arguments *arguments)
{
    struct buffer input = {0}, output = {0};
    struct token_list list = {0};
    size_t bytes = 0;
    enum status status = read_format(arguments, &bytes);
    if (status == STATUS_OK)
        status = file_read("-", &input);
    if (status == STATUS_OK)
        status = tokenizer_encode(tokenizer, input.data, input.length, arguments_has(arguments, "--special"),
                                  &list);
    if (status == STATUS_OK)
        status = write_ids(&list, bytes, &output);
    if (status == STATUS_OK)
        status = print(&output);
    buffer_free(&input);
    buffer_free(&output);
    token_list_free(&list);
    return status;
}

static enum status decode(struct tokenizer *tokenizer, const struct arguments *arguments)
{
    struct buffer input = {0}, output = {0};
    struct token_list list = {0};
    size_t bytes = 0;
    enum status status = read_format(arguments, &bytes);
    if (status == STATUS_OK)
        status = file_read("-", &input);
    if (status == STATUS_OK)
        status = bytes == 0 ? read_decimals(&input, &list) : read_numbers(&input, bytes, &list);
    if (status == STATUS_OK)
        status = tokenizer_decode(tokenizer, list.ids, list.count, &output);
    if (status == STATUS_OK)
        status = print(&output);
    buffer_free(&input);
    buffer_free(&output);
    token_list_free(&list);
    return status;
}

static enum status info(struct tokenizer *tokenizer, const struct arguments *arguments)
{
    struct info_settings settings = {.sample = arguments_get(arguments, "--sample"),
                                     .text_field = arguments_get(arguments, "--text-field"),
                                     .json = arguments_has(arguments, "--json")};
    if (settings.sample == NULL && (settings.text_field != NULL || arguments_has(arguments, "--documents")))
        return fail(STATUS_USAGE, "--text-field and --documents need a --sample");
    if (settings.text_field == NULL)
        settings.text_field = "text";
    TRY(arguments_get_integer(arguments, "--documents", 1, INT64_MAX, &settings.documents));
    return tokenizer_info(tokenizer, &settings);
}

static const struct flag flags[] = {
    {"--format", "text|u16|u32",
     "Ids as decimal text (default) or as little-endian numbers of 16 or 32 bits"},
    {"--special", NULL, "Take special tokens in the text as such, not as text"},
};

static const struct flag info_flags[] = {
    {"--sample", "FILE",
     "Encode a corpus file (.txt, .jsonl, .parquet, ..., also compressed) or a folder of them, or any other "
     "file as plain text"},
    {"--text-field", "NAME",
     "Member of each JSON line, or Parquet column, of the sample that holds the text (text)"},
    {"--documents", "N", "At most that many documents of the sample"},
    {"--json", NULL, "Print one JSON object"},
};

static const struct {
    struct command command;
    enum status (*run)(struct tokenizer *tokenizer, const struct arguments *arguments);
} commands[] = {
    {{.name = "tokenizer encode",
      .positionals = "TOKENIZER",
      .minimum = 1,
      .maximum = 1,
      .flags = flags,
      .flag_count = 2,
      .help = "Reads standard input as one document and prints its token ids"},
     encode},
    {{.name = "tokenizer decode",
      .positionals = "TOKENIZER",
      .minimum = 1,
      .maximum = 1,
      .flags = flags,
      .flag_count = 1,
      .help = "Reads token ids from standard input and prints their bytes"},
     decode},
    {{.name = "tokenizer info",
      .positionals = "TOKENIZER",
      .minimum = 1,
      .maximum = 1,
      .flags = info_flags,
      .flag_count = sizeof info_flags / sizeof *info_flags,
      .help = "Shows a tokenizer's kind, vocabulary and special tokens, and its bytes per token on a sample"},
     info},
};

static const struct command train_command = {
    .name = "tokenizer train",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .configuration = true,
    .stops = true,
    .help = "Learns a vocabulary from corpus.inputs into tokenizer.path"};

static enum status train(int count, char **arguments)
{
    struct program program;
    enum status status = program_begin(&train_command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = tokenizer_training_run(&program.config, program.comm);
    return program_end(&program, status);
}

static enum status use(size_t index, int count, char **arguments)
{
    struct arguments parsed = {0};
    struct tokenizer *tokenizer = NULL;
    enum status status = arguments_parse(&commands[index].command, count, arguments, &parsed);
    if (status == STATUS_OK && !parsed.finished) {
        status = tokenizer_source_load(parsed.positionals.items[0], &tokenizer);
        if (status == STATUS_OK)
            status = commands[index].run(tokenizer, &parsed);
    }
    tokenizer_destroy(tokenizer);
    arguments_free(&parsed);
    return status;
}

static const char usage[] =
    "usage: llmpi tokenizer train CONFIG\n"
    "       llmpi tokenizer encode|decode TOKENIZER [--format=text|u16|u32] [--special]\n"
    "       llmpi tokenizer info TOKENIZER [--sample=FILE] [--json]\n"
    "TOKENIZER is a tokenizer.json, a checkpoint, or a folder with GPT-2's encoder.json and "
    "vocab.bpe.\n`llmpi tokenizer NAME --help` says more.\n";

enum status program_tokenizer(int count, char **arguments)
{
    if (count == 0)
        return fail(STATUS_USAGE, "the name of a subcommand is missing: train, encode, decode or info");
    if (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0) {
        fputs(usage, stdout);
        return STATUS_OK;
    }
    if (strcmp(arguments[0], "train") == 0)
        return train(count - 1, arguments + 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(arguments[0], commands[i].command.name + strlen("tokenizer ")) == 0)
            return use(i, count - 1, arguments + 1);
    return fail(STATUS_USAGE,
                "llmpi tokenizer has no subcommand '%.100s', only train, encode, decode and info",
                arguments[0]);
}

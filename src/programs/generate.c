/* `llmpi generate CHECKPOINT`: continues a text, printing it as it comes. */
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/stopping.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/generation.h"
#include "llmpi/train/inference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct flag flags[] = {
    {"--prompt", "TEXT", "The text to continue (default: none, a new document)"},
    {"--prompt-file", "FILE", "Read the prompt from a file, - for standard input"},
    {"--tokens", "N", "At most that many new tokens (default: the checkpoint's sample.tokens)"},
    {"--temperature", "X", "0: always the likeliest token; 1: as the model says; more: more varied"},
    {"--top-k", "K", "Choose among the K likeliest tokens; 0: all"},
    {"--top-p", "P", "Choose among the likeliest tokens that together have probability P"},
    {"--seed", "N", "The same seed gives the same text (default: 1)"},
    {"--samples", "N", "That many texts, separated by a line ---"},
    {"--ignore-end", NULL, "Go on after an end-of-text token"},
    {"--threads", "N", "Threads to use (default: all cores)"}};

static const struct command command = {
    .name = "generate",
    .positionals = "CHECKPOINT",
    .minimum = 1,
    .maximum = 1,
    .help = "Continues a prompt with the model of a checkpoint file or of a run directory",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags};

static enum status print_text(void *context, const char *text, size_t length)
{
    (void)context;
    if (fwrite(text, 1, length, stdout) != length || fflush(stdout) != 0)
        return fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
    return STATUS_OK;
}

/* Of generated text: a request to stop ends it here. */
static enum status send_text(void *context, const char *text, size_t length)
{
    TRY(print_text(context, text, length));
    enum stop_reason reason = stopping_look();
    if (reason == STOP_NONE)
        return STATUS_OK;
    return fail(STATUS_STOPPED, "stopped by %s; the same command starts over", stopping_name(reason));
}

static enum status read_settings(const struct arguments *arguments, const struct config *config,
                                 struct generation_settings *out)
{
    int64_t seed = 1;
    *out = (struct generation_settings){.tokens = config->sample.tokens,
                                        .temperature = config->sample.temperature,
                                        .top_k = config->sample.top_k,
                                        .top_p = config->sample.top_p,
                                        .ignore_end = arguments_has(arguments, "--ignore-end")};
    TRY(arguments_get_integer(arguments, "--tokens", 0, INT32_MAX, &out->tokens));
    TRY(arguments_get_number(arguments, "--temperature", 0, 100, &out->temperature));
    TRY(arguments_get_integer(arguments, "--top-k", 0, INT32_MAX, &out->top_k));
    TRY(arguments_get_number(arguments, "--top-p", 1e-9, 1, &out->top_p));
    TRY(arguments_get_integer(arguments, "--seed", 0, INT64_MAX, &seed));
    out->seed = (uint64_t)seed;
    return STATUS_OK;
}

static enum status read_prompt(const struct arguments *arguments, struct buffer *out)
{
    const char *text = arguments_get(arguments, "--prompt"),
               *file = arguments_get(arguments, "--prompt-file");
    if (text != NULL && file != NULL)
        return fail(STATUS_USAGE, "--prompt and --prompt-file exclude each other");
    if (file != NULL)
        TRY(file_read(file, out));
    return buffer_append(out, text != NULL ? text : "",
                         text != NULL ? strlen(text) : 0); /* not NULL from here on */
}

static enum status print_samples(struct train_state *state, const struct config *config,
                                 const struct buffer *prompt, struct generation_settings settings,
                                 int64_t samples)
{
    enum generation_end end;
    stopping_begin(); /* no earlier: reading the prompt ends by Ctrl-C as everything does */
    for (int64_t i = 0; i < samples; i++) {
        settings.sample = (uint64_t)i;
        if (i > 0)
            TRY(print_text(NULL, "---\n", 4));
        TRY(print_text(NULL, prompt->data, prompt->length));
        enum status status = generation_run(state, prompt->data, prompt->length, config->shards.end_token,
                                            &settings, send_text, NULL, &end);
        if (status == STATUS_OK || status == STATUS_STOPPED)
            TRY(print_text(NULL, "\n", 1));
        TRY(status);
    }
    return STATUS_OK;
}

static enum status generate(const struct arguments *arguments, struct comm *comm)
{
    struct config config;
    struct train_state state;
    struct buffer prompt = {0};
    struct generation_settings settings;
    int64_t samples = 1, threads = threads_choose(0);
    TRY(arguments_get_integer(arguments, "--samples", 1, INT32_MAX, &samples));
    TRY(arguments_get_integer(arguments, "--threads", 1, 4096, &threads));
    threads_set((int)threads);
    enum status status = inference_load(arguments->positionals.items[0], 1, comm, &config, &state);
    if (status == STATUS_OK)
        status = read_settings(arguments, &config, &settings);
    if (status == STATUS_OK)
        status = read_prompt(arguments, &prompt);
    if (status == STATUS_OK)
        status = print_samples(&state, &config, &prompt, settings, samples);
    buffer_free(&prompt);
    state_destroy(&state);
    config_free(&config);
    return status;
}

enum status program_generate(int count, char **arguments)
{
    struct arguments parsed = {0};
    struct comm *comm = comm_alone();
    enum status status = comm != NULL ? arguments_parse(&command, count, arguments, &parsed) : STATUS_FAILED;
    if (status == STATUS_OK && !parsed.finished)
        status = generate(&parsed, comm);
    arguments_free(&parsed);
    if (comm != NULL)
        comm_end(comm);
    return status;
}

/* `llmpi generate CHECKPOINT`: continues a text, printing it as it comes; or many (generate_lines.c), or with
 * two models (generate_compare.c). */
#include "generate.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/stopping.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/programs.h"

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
    {"--min-p", "P", "Choose among tokens with P times the probability of the likeliest"},
    {"--repetition-penalty", "X",
     "Make tokens of the prompt and of the text so far X times less likely; 1: do not"},
    {"--stop", "TEXT...", "End before this text; may be given several times"},
    {"--seed", "N", "The same seed gives the same text (default: 1)"},
    {"--samples", "N", "That many texts of each prompt, separated by a line ---"},
    {"--ignore-end", NULL, "Go on after an end-of-text token"},
    {"--chat", NULL,
     "Ask instead of continuing: the prompt becomes a user's turn in the checkpoint's chat template"},
    {"--compare", NULL, "Show what two checkpoints, CHECKPOINT and TUNED, make of the prompt, side by side"},
    {"--logprobs", NULL, "Print the new tokens with their log-probabilities instead of the text"},
    {"--prompts", "FILE", "Continue all prompts of a file of JSON lines, {\"prompt\": ...}"},
    {"--output", "FILE", "Where their continuations go, as JSON lines in the same order"},
    {"--batch", "N", "Texts that are continued together (default: 8, or --samples)"},
    {"--no-cache", NULL, "Compute every token from the whole visible text, for comparison"},
    {"--threads", "N", "Threads to use (default: all cores)"}};

static const struct command command = {
    .name = "generate",
    .positionals = "CHECKPOINT [TUNED]",
    .minimum = 1,
    .maximum = 2,
    .help = "Continues a prompt with the model of a checkpoint file or of a run directory. A context that is "
            "full is cut to its last half, and the model goes on from there",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags};

static enum status print_text(const char *text, size_t length)
{
    if (fwrite(text, 1, length, stdout) != length || fflush(stdout) != 0)
        return fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
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

/* Texts of one prompt that are continued together: the first is printed as it comes, the others are kept
 * until it is done. */
struct group {
    struct train_state *state;
    const struct generate_options *options;
    const struct buffer *prompt;
    struct sample {
        bool live;
        struct buffer text;
    } * samples;
    struct generation_request *requests;
    struct generation_result *results;
};

/* A request to stop ends all of them. */
static enum status take_text(void *context, const char *text, size_t length)
{
    struct sample *sample = context;
    TRY(sample->live ? print_text(text, length) : buffer_append(&sample->text, text, length));
    enum stop_reason reason = stopping_look();
    if (reason == STOP_NONE)
        return STATUS_OK;
    if (sample->live)
        TRY(print_text("\n", 1));
    return fail(STATUS_STOPPED, "stopped by %s; the same command starts over", stopping_name(reason));
}

/* One line per token: id, log-probability, and its bytes as a JSON string. */
static enum status print_tokens(const struct train_state *state, const struct generation_result *result)
{
    struct buffer out = {0};
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < result->ids.count && status == STATUS_OK; i++) {
        size_t length = 0;
        const char *text = tokenizer_token(state->tokenizer, result->ids.ids[i], &length);
        status = buffer_printf(&out, "%6lld %12.6f  ", (long long)result->ids.ids[i],
                               result->log_probabilities[i]);
        if (status == STATUS_OK)
            status = json_write_text(&out, text != NULL ? text : "", length);
        if (status == STATUS_OK)
            status = buffer_append(&out, "\n", 1);
    }
    if (status == STATUS_OK && out.length > 0)
        status = print_text(out.data, out.length);
    buffer_free(&out);
    return status;
}

/* Before text number `sample`. */
static enum status print_head(const struct group *group, int64_t sample)
{
    if (sample > 0)
        TRY(print_text("---\n", 4));
    return group->options->settings.log_probabilities || group->options->chat
               ? STATUS_OK
               : print_text(group->prompt->data, group->prompt->length);
}

/* What is not printed yet of text `number` of the group. */
static enum status print_rest(const struct group *group, int64_t number, int64_t sample)
{
    const struct buffer *text = &group->samples[number].text;
    if (number > 0)
        TRY(print_head(group, sample));
    if (group->options->settings.log_probabilities)
        return print_tokens(group->state, &group->results[number]);
    if (text->length > 0)
        TRY(print_text(text->data, text->length));
    return print_text("\n", 1);
}

/* Texts [first, first + count). */
static enum status print_group(struct group *group, struct generator *generator, const struct token_list *ids,
                               int64_t first, int64_t count)
{
    const struct buffer *prompt = group->prompt;
    bool tokens = group->options->settings.log_probabilities;
    for (int64_t i = 0; i < count; i++) {
        group->samples[i].live = i == 0;
        buffer_clear(&group->samples[i].text);
        group->requests[i] = (struct generation_request){
            .settings = &group->options->settings,
            .prompt = ids->ids,
            .prompt_count = ids->count,
            .first = generate_options_first(group->options, group->state, prompt->data, prompt->length),
            .sample = (uint64_t)(first + i),
            .sink = tokens ? NULL : take_text,
            .context = &group->samples[i]};
    }
    TRY(print_head(group, first));
    TRY(generator_run(generator, group->requests, count, group->results));
    for (int64_t i = 0; i < count; i++)
        TRY(print_rest(group, i, first + i));
    return STATUS_OK;
}

static enum status print_groups(struct group *group, const struct config *config)
{
    struct token_list ids = {0};
    struct generator *generator = NULL;
    int64_t batch = group->options->batch, samples = group->options->samples;
    enum status status = generate_options_prompt(group->options, config, group->state, group->prompt->data,
                                                 group->prompt->length, &ids);
    if (status == STATUS_OK)
        status = generator_create(group->state, batch, group->options->cached, &generator);
    stopping_begin(); /* no earlier: reading the prompt ends by Ctrl-C as everything does */
    for (int64_t first = 0; first < samples && status == STATUS_OK; first += batch)
        status =
            print_group(group, generator, &ids, first, batch < samples - first ? batch : samples - first);
    generator_destroy(generator);
    token_list_free(&ids);
    return status;
}

static enum status print_samples(struct train_state *state, const struct config *config,
                                 const struct buffer *prompt, const struct generate_options *options)
{
    struct group group = {.state = state, .options = options, .prompt = prompt};
    group.samples = memory_allocate(options->batch, sizeof *group.samples, "texts");
    group.requests = memory_allocate(options->batch, sizeof *group.requests, "texts");
    group.results = memory_allocate(options->batch, sizeof *group.results, "texts");
    bool all = group.samples != NULL && group.requests != NULL && group.results != NULL;
    enum status status = all ? print_groups(&group, config) : STATUS_FAILED;
    for (int64_t i = 0; all && i < options->batch; i++) {
        buffer_free(&group.samples[i].text);
        generation_result_free(&group.results[i]);
    }
    memory_free(group.samples);
    memory_free(group.requests);
    memory_free(group.results);
    return status;
}

static enum status print_one(const struct arguments *arguments, const struct config *config,
                             struct train_state *state, const struct generate_options *options)
{
    struct buffer prompt = {0};
    enum status status = read_prompt(arguments, &prompt);
    if (status == STATUS_OK)
        status = print_samples(state, config, &prompt, options);
    buffer_free(&prompt);
    return status;
}

static enum status compare(const struct arguments *arguments, struct comm *comm)
{
    struct buffer prompt = {0};
    enum status status = read_prompt(arguments, &prompt);
    if (status == STATUS_OK)
        status = generate_compare(arguments, comm, &prompt);
    buffer_free(&prompt);
    return status;
}

/* Flags that exclude each other. */
static enum status check_flags(const struct arguments *arguments)
{
    bool lines = arguments_has(arguments, "--prompts"), compare = arguments_has(arguments, "--compare");
    if (compare != (arguments->positionals.count == 2))
        return fail(STATUS_USAGE, "--compare needs two checkpoints, and all else needs one");
    if (compare && (lines || arguments_has(arguments, "--logprobs") || arguments_has(arguments, "--samples")))
        return fail(STATUS_USAGE, "--compare excludes --prompts, --samples and --logprobs");
    if (lines != arguments_has(arguments, "--output"))
        return fail(STATUS_USAGE, "--prompts and --output belong together: JSON lines in, JSON lines out");
    if (lines && (arguments_has(arguments, "--prompt") || arguments_has(arguments, "--prompt-file")))
        return fail(STATUS_USAGE, "--prompts excludes --prompt and --prompt-file");
    return STATUS_OK;
}

static enum status generate(struct program *program)
{
    const struct arguments *arguments = &program->arguments;
    struct comm *comm = program->comm;
    struct config config;
    struct train_state state;
    struct generate_options options = {0};
    int64_t threads = threads_choose(0);
    TRY(comm_agree(comm, check_flags(arguments)));
    TRY(comm_agree(comm, arguments_get_integer(arguments, "--threads", 1, 4096, &threads)));
    threads_set((int)threads);
    if (arguments_has(arguments, "--compare"))
        return compare(arguments, comm);
    enum status status = inference_load(arguments->positionals.items[0], 1, comm, &config, &state);
    if (status == STATUS_OK)
        status = comm_agree(comm, generate_options_read(arguments, &config, &state, &options));
    if (status == STATUS_OK)
        status = arguments_has(arguments, "--prompts")
                     ? generate_lines(arguments, comm, &config, &state, &options)
                     : print_one(arguments, &config, &state, &options);
    generate_options_free(&options);
    state_destroy(&state);
    config_free(&config);
    return status;
}

/* Only lines of prompts are work for several ranks. */
static bool wants_ranks(int count, char **arguments)
{
    for (int i = 0; i < count; i++)
        if (strncmp(arguments[i], "--prompts=", 10) == 0)
            return true;
    return false;
}

enum status program_generate(int count, char **arguments)
{
    struct program program;
    struct command with_ranks = command;
    with_ranks.alone = !wants_ranks(count, arguments);
    with_ranks.stops = !with_ranks.alone;
    enum status status = program_begin(&with_ranks, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = generate(&program);
    return program_end(&program, status);
}

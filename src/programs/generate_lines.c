/* Prompts as JSON lines. Every rank looks at all lines, so that all find the same error, and continues a
 * contiguous part of them; the parts behind each other are the output. A line of the output is the line of
 * the input with members added at its end, so that everything else in it is kept as it was. */
#include "generate.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line with a prompt; `text` is an object without white space around it. */
struct line {
    const char *text;
    size_t length;
    int64_t number;
};

struct work {
    const char *file;
    const struct config *config;
    struct train_state *state;
    const struct generate_options *options;
    struct comm *comm;
    struct buffer input, output;
    struct line *lines; /* all */
    int64_t count, capacity;
    int64_t first, mine;      /* this rank's lines */
    struct progress progress; /* of rank 0, which stands for all */
};

/* One text in work. */
struct text {
    struct work *work;
    const struct line *line;
    struct token_list prompt;
    struct buffer completion;
};

static const char *const added[] = {"completion", "finish_reason", "sample", "token_ids", "logprobs"};

/* "FILE line N: " in front of the last message. */
static enum status fail_line(const struct work *work, int64_t number, enum status status)
{
    char message[512];
    snprintf(message, sizeof message, "%s", status_message());
    return fail(status, "%s line %lld: %s", work->file, (long long)number, message);
}

static enum status check_object(const struct json *object)
{
    if (json_kind(object) != KIND_OBJECT)
        return fail(STATUS_FAILED, "not a JSON object; wanted is {\"prompt\": \"...\"}");
    if (json_kind(json_get_member(object, "prompt")) != KIND_TEXT)
        return fail(STATUS_FAILED, "the object has no text \"prompt\"");
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        if (json_get_member(object, added[i]) != NULL)
            return fail(STATUS_FAILED, "the object already has a member \"%s\", which the output adds",
                        added[i]);
    return STATUS_OK;
}

static enum status add_line(struct work *work, const char *text, size_t length, int64_t number)
{
    struct json *object = NULL;
    struct line *grown = memory_grow(work->lines, work->count, &work->capacity, sizeof *grown, "lines");
    if (grown == NULL)
        return STATUS_FAILED;
    work->lines = grown;
    work->lines[work->count++] = (struct line){text, length, number};
    enum status status = json_parse(text, length, &object);
    if (status == STATUS_OK)
        status = check_object(object);
    json_free(object);
    return status != STATUS_OK ? fail_line(work, number, status) : STATUS_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Finds the lines; those of white space alone are none. */
static enum status split(struct work *work)
{
    const char *at = work->input.data, *end = at + work->input.length;
    for (int64_t number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *last = newline != NULL ? newline : end, *next = newline != NULL ? newline + 1 : end;
        while (at < last && is_space(*at))
            at++;
        while (last > at && is_space(last[-1]))
            last--;
        if (at < last)
            TRY(add_line(work, at, (size_t)(last - at), number));
        at = next;
    }
    return STATUS_OK;
}

static enum status read_lines(struct work *work)
{
    enum status status = comm_rank(work->comm) == 0 ? file_read_text(work->file, &work->input) : STATUS_OK;
    TRY(comm_agree(work->comm, status));
    TRY(comm_broadcast_buffer(work->comm, &work->input, 0));
    TRY(comm_agree(work->comm, split(work)));
    int64_t rank = comm_rank(work->comm), ranks = comm_size(work->comm);
    work->first = work->count * rank / ranks;
    work->mine = work->count * (rank + 1) / ranks - work->first;
    return STATUS_OK;
}

/* --- one group of texts --- */

static enum status keep_text(void *context, const char *text, size_t length)
{
    struct text *of = context;
    TRY(requests_check(of->work->comm));
    return buffer_append(&of->completion, text, length);
}

/* Text `number` of this rank: sample number % samples of a line. */
static enum status prepare(struct work *work, int64_t number, struct text *text,
                           struct generation_request *request)
{
    const struct generate_options *options = work->options;
    struct json *object;
    size_t length;
    text->work = work;
    text->line = &work->lines[work->first + number / options->samples];
    text->prompt.count = 0;
    buffer_clear(&text->completion);
    TRY(json_parse(text->line->text, text->line->length, &object));
    const char *prompt = json_get_text(json_get_member(object, "prompt"), &length);
    *request = (struct generation_request){
        .settings = &options->settings,
        .first = generate_options_first(options, work->state, prompt, length),
        .sample = (uint64_t)(number % options->samples),
        .sink = keep_text,
        .context = text,
    };
    enum status status =
        generate_options_prompt(options, work->config, work->state, prompt, length, &text->prompt);
    json_free(object);
    request->prompt = text->prompt.ids;
    request->prompt_count = text->prompt.count;
    return status != STATUS_OK ? fail_line(work, text->line->number, status) : STATUS_OK;
}

static const char *reason_name(enum generation_end end)
{
    return end == GENERATION_TOKEN_LIMIT ? "length" : end == GENERATION_STOP_TEXT ? "stop" : "end";
}

static enum status write_tokens(struct buffer *out, const struct generation_result *result)
{
    TRY(buffer_printf(out, ", \"token_ids\": ["));
    for (int64_t i = 0; i < result->ids.count; i++)
        TRY(buffer_printf(out, "%s%u", i > 0 ? ", " : "", result->ids.ids[i]));
    TRY(buffer_printf(out, "], \"logprobs\": ["));
    for (int64_t i = 0; i < result->ids.count; i++) {
        TRY(buffer_printf(out, "%s", i > 0 ? ", " : ""));
        TRY(json_write_number(out, result->log_probabilities[i]));
    }
    return buffer_printf(out, "]");
}

static enum status write_line(struct work *work, const struct text *text, uint64_t sample,
                              const struct generation_result *result)
{
    struct buffer *out = &work->output;
    const char *completion = text->completion.length > 0 ? text->completion.data : "";
    TRY(buffer_append(out, text->line->text, text->line->length - 1)); /* up to its closing brace */
    if (work->options->samples > 1)
        TRY(buffer_printf(out, ", \"sample\": %llu", (unsigned long long)sample));
    TRY(buffer_printf(out, ", \"completion\": "));
    TRY(json_write_text(out, completion, text->completion.length));
    TRY(buffer_printf(out, ", \"finish_reason\": \"%s\"", reason_name(result->end)));
    if (work->options->settings.log_probabilities)
        TRY(write_tokens(out, result));
    return buffer_printf(out, "}\n");
}

/* What a group of texts works with; arrays of `size`. */
struct group {
    int64_t size;
    struct text *texts;
    struct generation_request *requests;
    struct generation_result *results;
    struct generator *generator;
};

static enum status run_group(struct work *work, struct group *group, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        TRY(prepare(work, first + i, &group->texts[i], &group->requests[i]));
    TRY(generator_run(group->generator, group->requests, count, group->results));
    for (int64_t i = 0; i < count; i++)
        TRY(write_line(work, &group->texts[i], group->requests[i].sample, &group->results[i]));
    progress_update(&work->progress, (double)((first + count) * comm_size(work->comm)), NULL);
    return STATUS_OK;
}

static enum status group_create(struct group *group, const struct work *work)
{
    group->size = 4 * work->options->batch; /* slots of short texts go to waiting ones */
    group->texts = memory_allocate(group->size, sizeof *group->texts, "texts");
    group->requests = memory_allocate(group->size, sizeof *group->requests, "texts");
    group->results = memory_allocate(group->size, sizeof *group->results, "texts");
    if (group->texts == NULL || group->requests == NULL || group->results == NULL)
        return STATUS_FAILED;
    return generator_create(work->state, work->options->batch, work->options->cached, &group->generator);
}

static void group_destroy(struct group *group)
{
    generator_destroy(group->generator);
    for (int64_t i = 0; i < group->size; i++) {
        if (group->texts != NULL) {
            token_list_free(&group->texts[i].prompt);
            buffer_free(&group->texts[i].completion);
        }
        if (group->results != NULL)
            generation_result_free(&group->results[i]);
    }
    memory_free(group->texts);
    memory_free(group->requests);
    memory_free(group->results);
}

/* All texts of this rank. */
static enum status continue_lines(struct work *work)
{
    struct group group = {0};
    int64_t texts = work->mine * work->options->samples;
    enum status status = group_create(&group, work);
    for (int64_t first = 0; first < texts && status == STATUS_OK; first += group.size)
        status = run_group(work, &group, first, group.size < texts - first ? group.size : texts - first);
    group_destroy(&group);
    return status;
}

/* --- all ranks --- */

static enum status write_output(const char *path, const struct buffer *lines)
{
    if (strcmp(path, "-") != 0)
        return file_write(path, lines->length > 0 ? lines->data : "", lines->length);
    if (fwrite(lines->data, 1, lines->length, stdout) != lines->length || fflush(stdout) != 0)
        return fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
    return STATUS_OK;
}

/* Rank 0 gets all parts and writes them. */
static enum status publish(struct work *work, const char *path)
{
    struct comm *comm = work->comm;
    struct buffer all = {0},
                  *outgoing = memory_allocate(comm_size(comm), sizeof *outgoing, "lines of the output");
    enum status status = comm_agree(comm, outgoing != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK) {
        outgoing[0] = work->output;
        status = comm_agree(comm, comm_exchange(comm, outgoing, &all, NULL));
    }
    if (status == STATUS_OK)
        status = comm_agree(comm, comm_rank(comm) == 0 ? write_output(path, &all) : STATUS_OK);
    memory_free(outgoing);
    buffer_free(&all);
    return status;
}

enum status generate_lines(const struct arguments *arguments, struct comm *comm, const struct config *config,
                           struct train_state *state, const struct generate_options *options)
{
    struct work work = {.file = arguments_get(arguments, "--prompts"),
                        .config = config,
                        .state = state,
                        .options = options,
                        .comm = comm};
    enum status status = read_lines(&work);
    if (status == STATUS_OK) {
        double texts = (double)(work.count * options->samples);
        progress_begin(&work.progress, "generating", texts, "texts");
        status = continue_lines(&work);
        requests_wait(comm);
        status = comm_agree(comm, status);
        progress_end(&work.progress, texts);
    }
    status = requests_conclude(comm, status, "nothing is written; the same command starts over");
    if (status == STATUS_OK)
        status = publish(&work, arguments_get(arguments, "--output"));
    free(work.lines);
    buffer_free(&work.input);
    buffer_free(&work.output);
    return status;
}

/* The samples of a run: rank 0 continues all prompts of the configuration together, the other ranks wait.
 * They are written when all are there, so that a stop leaves none or all. */
#include "trainer_private.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/integer.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/train/chat.h"
#include "llmpi/train/generation.h"

#include <string.h>

enum { AT_A_TIME = 8 /* prompts that are continued together */ };

/* One prompt, and the text that follows it. */
struct sample {
    struct comm *comm;
    struct token_list prompt;
    struct buffer text;
};

static enum status keep_text(void *context, const char *text, size_t length)
{
    struct sample *sample = context;
    activity_advance();
    TRY(requests_check(sample->comm));
    return buffer_append(&sample->text, text, length);
}

/* A line of metrics.jsonl and a block of samples.txt. */
static enum status add_sample(struct buffer *lines, struct buffer *blocks, int64_t step, const char *prompt,
                              const char *between, const struct buffer *text)
{
    TRY(buffer_printf(lines, "{\"step\": %lld, \"prompt\": ", (long long)step));
    TRY(json_write_text(lines, prompt, strlen(prompt)));
    TRY(buffer_append(lines, ", \"sample\": ", 12));
    TRY(json_write_text(lines, text->length > 0 ? text->data : "", text->length));
    TRY(buffer_append(lines, "}\n", 2));
    TRY(buffer_printf(blocks, "--- step %lld ---\n%s%s", (long long)step, prompt, between));
    TRY(buffer_append(blocks, text->data, text->length));
    return buffer_append(blocks, "\n\n", 2);
}

static enum status write_samples(struct trainer *trainer, const struct sample *samples)
{
    const struct string_list *prompts = &trainer->config->sample.prompts;
    struct buffer lines = {0}, blocks = {0};
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < prompts->count && status == STATUS_OK; i++) {
        const struct buffer *text = &samples[i].text;
        const char *between = trainer->sequences.packed ? "\n" : "";
        status = add_sample(&lines, &blocks, trainer->state.step, prompts->items[i], between, text);
        log_info("step %lld: sample: %s%s%s", (long long)trainer->state.step, prompts->items[i], between,
                 text->length > 0 ? text->data : "");
    }
    if (status == STATUS_OK)
        status = run_files_add_metrics(trainer->files, &lines);
    if (status == STATUS_OK)
        status = run_files_add_sample(trainer->files, &blocks);
    buffer_free(&lines);
    buffer_free(&blocks);
    return status;
}

/* The ids of a prompt; in a run on conversations it is what the user says. */
static enum status encode_prompt(struct trainer *trainer, const char *text, struct token_list *ids)
{
    const struct chat_template template = chat_template_of(trainer->config);
    struct tokenizer *tokenizer = trainer->state.tokenizer;
    if (!trainer->sequences.packed)
        return generation_prompt(&trainer->state, text, strlen(text), trainer->config->shards.end_token, ids);
    TRY(chat_template_add_turn(&template, tokenizer, CHAT_USER, text, strlen(text), false, ids, NULL));
    return chat_template_open_answer(&template, tokenizer, ids);
}

/* The token that ends a sample, or -1. */
static int64_t find_end(const struct trainer *trainer)
{
    const struct config *config = trainer->config;
    const char *name = trainer->sequences.packed ? config->instruct.end_of_turn : config->shards.end_token;
    return tokenizer_find(trainer->state.tokenizer, name, strlen(name));
}

int64_t trainer_samples_together(const struct config *config)
{
    int64_t count = config->sample.prompts.count;
    return smaller(count, AT_A_TIME);
}

/* Fills requests and continues them all. */
static enum status continue_prompts(struct trainer *trainer, struct sample *samples,
                                    struct generation_request *requests, struct generation_result *results)
{
    const struct config *config = trainer->config;
    const struct string_list *prompts = &config->sample.prompts;
    int64_t end = find_end(trainer);
    uint32_t stop = end >= 0 ? (uint32_t)end : 0;
    struct generation_settings settings = generation_settings_of(config);
    struct generator *generator;
    settings.stop_ids = &stop;
    settings.stop_id_count = end >= 0;
    for (int64_t i = 0; i < prompts->count; i++) {
        const char *text = prompts->items[i];
        struct token_list *ids = &samples[i].prompt;
        samples[i].comm = trainer->comm;
        TRY(encode_prompt(trainer, text, ids));
        requests[i] = (struct generation_request){
            .settings = &settings,
            .prompt = ids->ids,
            .prompt_count = ids->count,
            .first = tokenizer_may_follow(trainer->state.tokenizer, text, strlen(text)),
            .sample = (uint64_t)i,
            .sink = keep_text,
            .context = &samples[i]};
    }
    TRY(generator_create(&trainer->state, trainer_samples_together(config), true, &generator));
    enum status status = generator_run(generator, requests, prompts->count, results);
    generator_destroy(generator);
    return status;
}

static enum status make_samples(struct trainer *trainer)
{
    int64_t count = trainer->config->sample.prompts.count;
    activity_begin(timers_name(PHASE_SAMPLE));
    struct sample *samples = memory_allocate(count, sizeof *samples, "samples");
    struct generation_request *requests = memory_allocate(count, sizeof *requests, "samples");
    struct generation_result *results = memory_allocate(count, sizeof *results, "samples");
    bool all = samples != NULL && requests != NULL && results != NULL;
    enum status status = all ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && count > 0)
        status = continue_prompts(trainer, samples, requests, results);
    if (status == STATUS_OK)
        status = write_samples(trainer, samples);
    for (int64_t i = 0; all && i < count; i++) {
        token_list_free(&samples[i].prompt);
        buffer_free(&samples[i].text);
        generation_result_free(&results[i]);
    }
    memory_free(samples);
    memory_free(requests);
    memory_free(results);
    return status;
}

enum status trainer_sample(struct trainer *trainer)
{
    double since = clock_seconds();
    enum status status = is_root(trainer) ? make_samples(trainer) : STATUS_OK;
    requests_wait(trainer->comm);
    status = comm_agree(trainer->comm, status);
    timers_add(&trainer->timers, PHASE_SAMPLE, &since);
    return status;
}

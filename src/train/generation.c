/* Each text that is being continued has a slot. A round feeds every slot what the model has not seen of its
 * text, a prompt or the last token, draws one token for each, and gives the slots of finished texts to those
 * that wait. */
#include "llmpi/train/generation.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/random.h"
#include "llmpi/model/decoder.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    const struct generation_request *request; /* NULL: free */
    struct generation_result *result;
    struct token_list ids; /* the text so far; its length is kept when the slot changes hands */
    int64_t start;         /* the model sees ids[start ..] */
    struct buffer held;    /* text that is not sent yet */
};

struct generator {
    struct train_state *state;
    struct decoder *decoder; /* NULL: without a cache */
    int64_t sequences;
    struct slot *slots;           /* (sequences) */
    struct decoder_input *inputs; /* (sequences), and the next */
    struct slot **fed;
    float *logits; /* (sequences, vocab_size) */
    float *own;    /* (vocab_size): logits before any rule */
    uint32_t *order;
    uint8_t *seen;
    bool forgot; /* the beginning of a text that is longer than the context */
};

struct generation_settings generation_settings_of(const struct config *config)
{
    return (struct generation_settings){
        .tokens = config->sample.tokens,
        .choice = {.temperature = config->sample.temperature,
                   .top_k = config->sample.top_k,
                   .top_p = config->sample.top_p,
                   .min_p = config->sample.min_p,
                   .repetition_penalty = config->sample.repetition_penalty},
        .seed = (uint64_t)config->run.seed,
    };
}

void generation_result_free(struct generation_result *result)
{
    token_list_free(&result->ids);
    free(result->log_probabilities);
    *result = (struct generation_result){0};
}

static enum status take_memory(struct generator *generator)
{
    int64_t vocab = model_shape(generator->state->model)->vocab_size, sequences = generator->sequences;
    generator->slots = memory_allocate(sequences, sizeof *generator->slots, "texts in work");
    generator->inputs = memory_allocate(sequences, sizeof *generator->inputs, "texts in work");
    generator->fed = memory_allocate(sequences, sizeof(struct slot *), "texts in work");
    generator->logits = memory_allocate(sequences * vocab, sizeof *generator->logits, "logits");
    generator->own = memory_allocate(vocab, sizeof *generator->own, "logits");
    generator->order = memory_allocate(vocab, sizeof *generator->order, "an order of tokens");
    generator->seen = memory_allocate(vocab, sizeof *generator->seen, "marks of tokens");
    bool all = generator->slots != NULL && generator->inputs != NULL && generator->fed != NULL &&
               generator->logits != NULL && generator->own != NULL && generator->order != NULL &&
               generator->seen != NULL;
    return all ? STATUS_OK : STATUS_FAILED;
}

enum status generator_create(struct train_state *state, int64_t sequences, bool cached,
                             struct generator **out)
{
    struct generator *generator = memory_allocate(1, sizeof *generator, "a generator");
    *out = NULL;
    if (generator == NULL)
        return STATUS_FAILED;
    generator->state = state;
    generator->sequences = sequences;
    enum status status = take_memory(generator);
    if (status == STATUS_OK && cached)
        status = decoder_create(state->model, sequences, &generator->decoder);
    if (status != STATUS_OK)
        generator_destroy(generator);
    else
        *out = generator;
    return status;
}

/* How many tokens of a full context the model goes on from. */
static int64_t kept_tokens(int64_t context)
{
    return context > 1 ? context / 2 : 1;
}

static void say_forgot(int64_t context)
{
    log_info("a text was longer than the model's context of %lld tokens: whenever that was full, the model "
             "went on from the last %lld",
             (long long)context, (long long)kept_tokens(context));
}

void generator_destroy(struct generator *generator)
{
    if (generator == NULL)
        return;
    if (generator->forgot)
        say_forgot(model_shape(generator->state->model)->context_length);
    decoder_destroy(generator->decoder);
    for (int64_t i = 0; generator->slots != NULL && i < generator->sequences; i++) {
        token_list_free(&generator->slots[i].ids);
        buffer_free(&generator->slots[i].held);
    }
    memory_free(generator->slots);
    memory_free(generator->inputs);
    memory_free(generator->fed);
    memory_free(generator->logits);
    memory_free(generator->own);
    memory_free(generator->order);
    memory_free(generator->seen);
    memory_free(generator);
}

enum status generation_prompt(const struct train_state *state, const char *text, size_t length,
                              const char *end_token, struct token_list *out)
{
    int64_t end = tokenizer_find(state->tokenizer, end_token, strlen(end_token)), before = out->count;
    if (end >= 0)
        TRY(token_list_add(out, (uint32_t)end));
    TRY(tokenizer_encode(state->tokenizer, text, length, false, out));
    return out->count > before
               ? STATUS_OK
               : fail(STATUS_USAGE,
                      "the prompt is empty and the tokenizer has no end-of-text token to start from");
}

static int64_t slot_number(const struct generator *generator, const struct slot *slot)
{
    return slot - generator->slots;
}

/* How many of a prompt's tokens the decoder has from the text that was in this slot before; at least one is
 * left to be fed. */
static int64_t known_tokens(const struct generator *generator, const struct slot *slot,
                            const struct generation_request *request)
{
    int64_t known = 0;
    if (!request->resumes || generator->decoder == NULL || slot->start > 0)
        return 0;
    int64_t most = decoder_length(generator->decoder, slot_number(generator, slot));
    most = most < request->prompt_count - 1 ? most : request->prompt_count - 1;
    while (known < most && slot->ids.ids[known] == request->prompt[known])
        known++;
    return known;
}

static enum status begin(struct generator *generator, struct slot *slot,
                         const struct generation_request *request, struct generation_result *result)
{
    int64_t known = known_tokens(generator, slot, request);
    slot->request = request;
    slot->result = result;
    slot->ids.count = slot->start = 0;
    buffer_clear(&slot->held);
    result->ids.count = 0;
    if (generator->decoder != NULL)
        decoder_truncate(generator->decoder, slot_number(generator, slot), known);
    TRY(token_list_reserve(&slot->ids, request->prompt_count));
    memcpy(slot->ids.ids, request->prompt, (size_t)request->prompt_count * sizeof *request->prompt);
    slot->ids.count = request->prompt_count;
    return STATUS_OK;
}

/* The rest of the text is sent. */
static enum status end(struct slot *slot, enum generation_end reason)
{
    bool stopped = reason == GENERATION_STOP_TEXT;
    slot->result->end = reason;
    if (!stopped)
        TRY(held_text_send(&slot->held, slot->request->settings->stop_texts, true, slot->request->sink,
                           slot->request->context, &stopped));
    slot->request = NULL;
    return STATUS_OK;
}

static bool stops_at(const struct generation_settings *settings, uint32_t id)
{
    for (int64_t i = 0; i < settings->stop_id_count; i++)
        if (settings->stop_ids[i] == id)
            return true;
    return false;
}

/* Adds a token to the result. */
static enum status note(const struct generator *generator, const struct slot *slot, uint32_t id)
{
    struct generation_result *result = slot->result;
    if (slot->request->settings->log_probabilities) {
        double *grown = memory_grow(result->log_probabilities, result->ids.count, &result->log_capacity,
                                    sizeof *grown, "log-probabilities");
        if (grown == NULL)
            return STATUS_FAILED;
        result->log_probabilities = grown;
        grown[result->ids.count] = token_choice_log_probability(
            generator->own, model_shape(generator->state->model)->vocab_size, id);
    }
    return token_list_add(&result->ids, id);
}

/* Draws the next token of a text from its logits. */
static enum status draw(struct generator *generator, struct slot *slot, float *logits)
{
    const struct generation_request *request = slot->request;
    const struct generation_settings *settings = request->settings;
    int64_t vocab = model_shape(generator->state->model)->vocab_size, place = slot->result->ids.count;
    double random = random_uniform(settings->seed, RANDOM_SAMPLE | request->sample << 32, (uint64_t)place);
    if (settings->log_probabilities)
        memcpy(generator->own, logits, (size_t)vocab * sizeof *logits);
    token_choice_penalise(logits, slot->ids.ids, slot->ids.count, settings->choice.repetition_penalty,
                          generator->seen);
    uint32_t id = token_choice_draw(logits, generator->order, vocab, &settings->choice, random);
    if (stops_at(settings, id))
        return end(slot, GENERATION_STOP_TOKEN);
    bool stopped;
    TRY(note(generator, slot, id));
    TRY(token_list_add(&slot->ids, id));
    TRY(tokenizer_decode_next(generator->state->tokenizer, id, request->first && place == 0, &slot->held));
    TRY(held_text_send(&slot->held, settings->stop_texts, false, request->sink, request->context, &stopped));
    if (stopped)
        return end(slot, GENERATION_STOP_TEXT);
    return slot->result->ids.count < settings->tokens ? STATUS_OK : end(slot, GENERATION_TOKEN_LIMIT);
}

/* Where the visible part of a text begins, by the rule in the header. */
static void limit_context(struct generator *generator, struct slot *slot)
{
    int64_t context = model_shape(generator->state->model)->context_length;
    if (slot->ids.count - slot->start <= context)
        return;
    slot->start = slot->ids.count - kept_tokens(context);
    if (generator->decoder != NULL)
        decoder_truncate(generator->decoder, slot_number(generator, slot), 0);
    generator->forgot = true;
}

/* The logits of `count` texts; prompts behind single tokens, since these go together. */
static void compute_logits(struct generator *generator, int64_t count)
{
    struct model *model = generator->state->model;
    int64_t vocab = model_shape(model)->vocab_size;
    for (int64_t i = 0; i < count; i++) {
        const struct slot *slot = generator->fed[i];
        int64_t number = slot_number(generator, slot), known = slot->start;
        if (generator->decoder != NULL)
            known += decoder_length(generator->decoder, number);
        generator->inputs[i] = (struct decoder_input){number, slot->ids.ids + known, slot->ids.count - known};
        if (generator->decoder == NULL)
            model_next_logits(model, slot->ids.ids + known, slot->ids.count - known,
                              generator->logits + i * vocab);
    }
    if (generator->decoder != NULL)
        decoder_feed(generator->decoder, generator->inputs, count, generator->logits);
}

/* One token for every text in work: those that have begun before, then new ones. */
static enum status round_of(struct generator *generator, int64_t *fed)
{
    int64_t vocab = model_shape(generator->state->model)->vocab_size;
    *fed = 0;
    for (int old = 1; old >= 0; old--)
        for (int64_t i = 0; i < generator->sequences; i++) {
            struct slot *slot = &generator->slots[i];
            if (slot->request != NULL && (slot->result->ids.count > 0) == old) {
                limit_context(generator, slot);
                generator->fed[(*fed)++] = slot;
            }
        }
    compute_logits(generator, *fed);
    for (int64_t i = 0; i < *fed; i++)
        TRY(draw(generator, generator->fed[i], generator->logits + i * vocab));
    return STATUS_OK;
}

static enum status run(struct generator *generator, const struct generation_request *requests, int64_t count,
                       struct generation_result *results)
{
    int64_t next = 0, fed;
    do {
        for (int64_t i = 0; i < generator->sequences && next < count; i++) {
            struct slot *slot = &generator->slots[i];
            while (slot->request == NULL && next < count) {
                TRY(begin(generator, slot, &requests[next], &results[next]));
                next++;
                if (slot->request->settings->tokens < 1)
                    TRY(end(slot, GENERATION_TOKEN_LIMIT));
            }
        }
        TRY(round_of(generator, &fed));
    } while (fed > 0);
    return STATUS_OK;
}

enum status generator_run(struct generator *generator, const struct generation_request *requests,
                          int64_t count, struct generation_result *results)
{
    enum status status = run(generator, requests, count, results);
    for (int64_t i = 0; i < generator->sequences; i++)
        generator->slots[i].request = NULL;
    return status;
}

/* One forward pass over the visible tokens for each new token; the choice sorts only what top-k and top-p
 * need. */
#include "llmpi/train/generation.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/random.h"
#include "llmpi/base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_logit(const void *a, const void *b, void *context)
{
    const float *logits = context;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    if (logits[left] != logits[right])
        return logits[left] > logits[right] ? -1 : 1;
    return left < right ? -1 : left > right;
}

static uint32_t likeliest(const float *logits, int64_t vocab)
{
    int64_t best = 0;
    for (int64_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    return (uint32_t)best;
}

/* How many of the sorted candidates together have probability top_p of `total`. */
static int64_t nucleus(const float *weights, const uint32_t *order, int64_t count, double top_p,
                       double *total)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)weights[order[i]];
        if (sum >= top_p * *total) {
            *total = sum;
            return i + 1;
        }
    }
    return count;
}

uint32_t generation_choose(float *logits, uint32_t *order, int64_t vocab,
                           const struct generation_settings *settings, double random)
{
    if (settings->temperature <= 0)
        return likeliest(logits, vocab);
    int64_t count = vocab;
    double total = 0;
    for (int64_t i = 0; i < vocab; i++)
        order[i] = (uint32_t)i;
    if ((settings->top_k > 0 && settings->top_k < vocab) || settings->top_p < 1)
        qsort_r(order, (size_t)vocab, sizeof *order, by_logit, logits);
    if (settings->top_k > 0 && settings->top_k < vocab)
        count = settings->top_k;
    float largest = logits[likeliest(logits, vocab)];
    for (int64_t i = 0; i < count; i++) {
        float *weight = &logits[order[i]];
        *weight = (float)exp((double)(*weight - largest) / settings->temperature);
        total += (double)*weight;
    }
    if (settings->top_p < 1)
        count = nucleus(logits, order, count, settings->top_p, &total);
    double left = random * total;
    for (int64_t i = 0; i < count; i++) {
        left -= (double)logits[order[i]];
        if (left < 0)
            return order[i];
    }
    return order[count - 1]; /* rounding left a crumb */
}

/* How many bytes at the start of `text` are whole characters, or bytes that can be none. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint32_t character = 0;
        int size = utf8_decode(text + at, length - at, &character);
        unsigned char first = (unsigned char)text[at];
        size_t expected = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
        if (size == 0 && length - at < expected)
            break; /* the rest may be on its way */
        at += size > 0 ? (size_t)size : 1;
    }
    return at;
}

static enum status send_whole(struct buffer *text, bool all, generation_sink sink, void *context)
{
    size_t ready = all ? text->length : whole_characters(text->data, text->length);
    if (ready == 0)
        return STATUS_OK;
    TRY(sink(context, text->data, ready));
    memmove(text->data, text->data + ready, text->length - ready);
    text->length -= ready;
    return STATUS_OK;
}

struct generator {
    struct train_state *state;
    const struct generation_settings *settings;
    int64_t end_id;
    struct token_list visible;
    float *logits;
    uint32_t *order;
};

/* Draws new tokens one by one; `first`: a token may follow the prompt without a space. */
static enum status continue_text(struct generator *generator, bool first, struct buffer *text,
                                 generation_sink sink, void *context, enum generation_end *end)
{
    const struct model_shape *shape = model_shape(generator->state->model);
    const struct generation_settings *settings = generator->settings;
    struct token_list *visible = &generator->visible;
    *end = GENERATION_TOKEN_LIMIT;
    for (int64_t i = 0; i < settings->tokens; i++) {
        int64_t count = visible->count < shape->context_length ? visible->count : shape->context_length;
        model_next_logits(generator->state->model, visible->ids + visible->count - count, count,
                          generator->logits);
        double random = random_uniform(settings->seed, RANDOM_SAMPLE | settings->sample << 32, (uint64_t)i);
        uint32_t id =
            generation_choose(generator->logits, generator->order, shape->vocab_size, settings, random);
        if ((int64_t)id == generator->end_id && !settings->ignore_end) {
            *end = GENERATION_END_OF_TEXT;
            break;
        }
        TRY(token_list_add(visible, id));
        TRY(tokenizer_decode_next(generator->state->tokenizer, id, first && i == 0, text));
        TRY(send_whole(text, false, sink, context));
    }
    return send_whole(text, true, sink, context);
}

enum status generation_run(struct train_state *state, const char *prompt, size_t length,
                           const char *end_token, const struct generation_settings *settings,
                           generation_sink sink, void *context, enum generation_end *end)
{
    struct buffer text = {0};
    int64_t vocab = model_shape(state->model)->vocab_size;
    struct generator generator = {.state = state,
                                  .settings = settings,
                                  .end_id = tokenizer_find(state->tokenizer, end_token, strlen(end_token))};
    enum status status = STATUS_OK;
    generator.logits = memory_allocate(vocab, sizeof *generator.logits, "logits");
    generator.order = memory_allocate(vocab, sizeof *generator.order, "an order of tokens");
    if (generator.logits == NULL || generator.order == NULL)
        status = STATUS_FAILED;
    if (status == STATUS_OK && generator.end_id >= 0)
        status = token_list_add(&generator.visible, (uint32_t)generator.end_id);
    if (status == STATUS_OK)
        status = tokenizer_encode(state->tokenizer, prompt, length, false, &generator.visible);
    if (status == STATUS_OK && generator.visible.count == 0)
        status = fail(STATUS_USAGE,
                      "the prompt is empty and the tokenizer has no end-of-text token to start from");
    if (status == STATUS_OK)
        status = continue_text(&generator, tokenizer_may_follow(state->tokenizer, prompt, length), &text,
                               sink, context, end);
    memory_free(generator.logits);
    memory_free(generator.order);
    token_list_free(&generator.visible);
    buffer_free(&text);
    return status;
}

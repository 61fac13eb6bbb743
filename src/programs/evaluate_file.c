/* `llmpi evaluate --file`: each document is scored by itself, behind an end-of-text token, in windows of
 * context_length targets that lie side by side (lm-evaluation-harness: loglikelihood_rolling). Rank 0 reads
 * and encodes. */
#include "evaluations.h"

#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/train/scoring.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Documents end to end, each with its token before it where the tokenizer has one. */
struct texts {
    struct buffer tokens; /* uint32_t */
    struct buffer starts; /* int64_t: of each document in tokens */
};

struct totals {
    double likelihood;
    int64_t tokens, bytes, documents;
};

static enum status add_piece(const struct scorer *scorer, const struct document *document,
                             struct texts *texts)
{
    struct tokenizer *tokenizer = scorer->state->tokenizer;
    struct token_list ids = {0};
    int64_t start = (int64_t)(texts->tokens.length / sizeof *ids.ids);
    int64_t end = tokenizer_find(tokenizer, scorer->end_token, strlen(scorer->end_token));
    enum status status = STATUS_OK;
    if (document->begins) {
        status = buffer_append(&texts->starts, &start, sizeof start);
        if (status == STATUS_OK && end >= 0)
            status = token_list_add(&ids, (uint32_t)end);
    }
    if (status == STATUS_OK)
        status = tokenizer_encode(tokenizer, document->text, document->length, false, &ids);
    if (status == STATUS_OK)
        status = buffer_append(&texts->tokens, ids.ids, (size_t)ids.count * sizeof *ids.ids);
    token_list_free(&ids);
    return status;
}

static enum status read_texts(const struct scorer *scorer, const char *file, struct texts *texts)
{
    struct string_list inputs = {0};
    struct corpus corpus = {0};
    struct reader *reader = NULL;
    struct document document;
    bool more = true;
    TRY(string_list_add(&inputs, file));
    struct corpus_settings settings = {.inputs = &inputs,
                                       .text_field = scorer->config->corpus.text_field,
                                       .document_separator = scorer->config->corpus.document_separator};
    enum status status = corpus_open(&settings, &corpus);
    if (status == STATUS_OK)
        status = reader_open(&corpus, 1, 0, 1, &reader);
    while (status == STATUS_OK && more) {
        status = reader_next(reader, &document, &more);
        if (status == STATUS_OK && more)
            status = add_piece(scorer, &document, texts);
    }
    if (reader != NULL)
        reader_close(reader);
    corpus_close(&corpus);
    string_list_free(&inputs);
    return status;
}

/* Windows of all documents; the array is the caller's to free. */
static struct score_request *cut_windows(const struct texts *texts, int64_t length, int64_t *count)
{
    const int64_t *starts = (const int64_t *)(const void *)texts->starts.data;
    int64_t documents = (int64_t)(texts->starts.length / sizeof *starts);
    int64_t total = (int64_t)(texts->tokens.length / sizeof(uint32_t));
    struct score_request *windows =
        memory_allocate(total / length + documents, sizeof *windows, "windows of a text");
    *count = 0;
    for (int64_t i = 0; i < documents && windows != NULL; i++) {
        int64_t end = i + 1 < documents ? starts[i + 1] : total;
        for (int64_t at = starts[i]; at + 1 < end; at += length) {
            int64_t scored = end - at - 1 < length ? end - at - 1 : length;
            windows[(*count)++] = (struct score_request){at, scored + 1, scored};
        }
    }
    return windows;
}

static enum status score_texts(const struct scorer *scorer, const struct texts *texts, struct totals *out)
{
    const uint32_t *tokens = (const uint32_t *)(const void *)texts->tokens.data;
    int64_t length = model_shape(scorer->state->model)->context_length, count = 0;
    struct score_request *windows = cut_windows(texts, length, &count);
    struct score *scores = memory_allocate(count, sizeof *scores, "scores of windows");
    enum status status =
        comm_agree(scorer->comm, windows != NULL && scores != NULL ? STATUS_OK : STATUS_FAILED);
    *out = (struct totals){.documents = (int64_t)(texts->starts.length / sizeof(int64_t))};
    if (status == STATUS_OK)
        status = scoring_run(scorer->state, scorer->sequences, tokens, windows, count, "evaluate",
                             scorer->comm, scores);
    for (int64_t i = 0; i < count && status == STATUS_OK; i++) {
        out->likelihood += scores[i].log_likelihood;
        out->tokens += windows[i].scored;
        out->bytes +=
            tokenizer_text_bytes(scorer->state->tokenizer, tokens + windows[i].first + 1, windows[i].scored);
    }
    memory_free(windows);
    memory_free(scores);
    return status;
}

static enum status print(const struct scorer *scorer, const struct arguments *arguments,
                         const struct totals *totals)
{
    double loss = -totals->likelihood / (double)totals->tokens;
    double bits = -totals->likelihood / log(2) / (double)totals->bytes;
    struct buffer line = {0};
    if (!arguments_has(arguments, "--json")) {
        printf("step             %lld\nfile             %s\ndocuments        %lld\ntokens           "
               "%lld\nbytes      "
               "      %lld\nloss             %.4f nats per token\nperplexity       %.2f\nbits per byte    "
               "%.4f\n",
               (long long)scorer->state->step, arguments_get(arguments, "--file"),
               (long long)totals->documents, (long long)totals->tokens, (long long)totals->bytes, loss,
               exp(loss), bits);
        return STATUS_OK;
    }
    enum status status = buffer_printf(&line, "{\"step\": %lld, \"loss\": ", (long long)scorer->state->step);
    if (status == STATUS_OK)
        status = json_write_number(&line, loss);
    if (status == STATUS_OK)
        status = buffer_printf(&line, ", \"perplexity\": ");
    if (status == STATUS_OK)
        status = json_write_number(&line, exp(loss));
    if (status == STATUS_OK)
        status = buffer_printf(&line, ", \"bits_per_byte\": ");
    if (status == STATUS_OK)
        status = json_write_number(&line, bits);
    if (status == STATUS_OK)
        printf("%s, \"documents\": %lld, \"tokens\": %lld, \"bytes\": %lld}\n", line.data,
               (long long)totals->documents, (long long)totals->tokens, (long long)totals->bytes);
    buffer_free(&line);
    return status;
}

enum status evaluate_file(const struct scorer *scorer, const struct arguments *arguments)
{
    struct comm *comm = scorer->comm;
    struct texts texts = {0};
    struct totals totals;
    const char *file = arguments_get(arguments, "--file");
    enum status status =
        comm_agree(comm, comm_rank(comm) == 0 ? read_texts(scorer, file, &texts) : STATUS_OK);
    if (status == STATUS_OK)
        status = comm_broadcast_buffer(comm, &texts.tokens, 0);
    if (status == STATUS_OK)
        status = comm_broadcast_buffer(comm, &texts.starts, 0);
    if (status == STATUS_OK)
        status = score_texts(scorer, &texts, &totals);
    if (status == STATUS_OK && totals.tokens == 0)
        status = fail(STATUS_FAILED, "%s: no text to predict", file);
    if (status == STATUS_OK && comm_rank(comm) == 0)
        status = print(scorer, arguments, &totals);
    buffer_free(&texts.tokens);
    buffer_free(&texts.starts);
    return status;
}

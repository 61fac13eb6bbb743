/* Every rank counts the words of its part of the corpus; each word's counts go to the rank that owns it,
 * which adds them up; rank 0 collects the sums and learns. The learnt merges depend on the counts alone, not
 * on the order of the words, so that any number of ranks gives the same file. */
#include "llmpi/prepare/tokenizer_training.h"

#include "unit_training.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/text/bpe_trainer.h"
#include "llmpi/text/special_tokens.h"
#include "llmpi/text/unit_trainer.h"
#include "llmpi/text/word_counts.h"

#include <stdlib.h>
#include <string.h>

static enum status count_text(const struct config *config, struct word_counts *words,
                              const struct document *document)
{
    const char *text = document->text, *end = text + document->length;
    return config->tokenizer.kind == TOKENIZER_BPE
               ? word_counts_add_text(words, text, document->length)
               : unit_count_text(words, unit_training_kind(config), &text, end, INT64_MAX);
}

static enum status count_documents(const struct config *config, struct reader *reader,
                                   struct word_counts *words, int64_t file_bytes)
{
    struct progress progress;
    enum status status = STATUS_OK;
    progress_begin(&progress, "counting words", (double)file_bytes, "bytes");
    for (bool more = true; more && status == STATUS_OK;) {
        struct document document;
        status = reader_next(reader, &document, &more);
        if (status == STATUS_OK && more)
            status = count_text(config, words, &document);
        progress_update(&progress, (double)reader_position(reader), NULL);
    }
    progress_end(&progress, (double)reader_position(reader));
    return status;
}

/* Counts the words of this rank's part. */
static enum status count_part(const struct config *config, const struct comm *comm, struct word_counts *words,
                              struct corpus_report *report)
{
    const struct corpus_settings settings = {&config->corpus.inputs, config->corpus.text_field,
                                             config->corpus.max_documents, config->corpus.document_separator,
                                             config->corpus.on_error == CORPUS_ERRORS_SKIP};
    struct corpus corpus;
    struct reader *reader = NULL;
    TRY(corpus_open(&settings, &corpus));
    enum status status = reader_open(&corpus, comm_size(comm), comm_rank(comm), comm_size(comm), &reader);
    if (status == STATUS_OK)
        status = count_documents(config, reader, words, corpus.bytes);
    if (status == STATUS_OK)
        *report = *reader_report(reader);
    reader_close(reader);
    corpus_close(&corpus);
    return status;
}

static enum status pack_parts(const struct word_counts *words, bool to_owners, int64_t size,
                              struct buffer *outgoing)
{
    if (!to_owners)
        return word_counts_pack(words, 0, 1, &outgoing[0]);
    for (int64_t rank = 0; rank < size; rank++)
        TRY(word_counts_pack(words, rank, size, &outgoing[rank]));
    return STATUS_OK;
}

/* Replaces the counts of each rank by what the others send it: the words that it owns, or all words for rank
 * 0 and none for the others. **Collective** */
static enum status redistribute(struct comm *comm, bool to_owners, struct word_counts **words)
{
    int64_t size = comm_size(comm);
    struct buffer incoming = {0}, *outgoing = memory_allocate(size, sizeof *outgoing, "word counts");
    struct word_counts *received = NULL;
    enum status status = outgoing == NULL ? STATUS_FAILED : pack_parts(*words, to_owners, size, outgoing);
    if (status == STATUS_OK)
        status = word_counts_create(&received);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = comm_exchange(comm, outgoing, &incoming, NULL);
    if (status == STATUS_OK)
        status = word_counts_unpack(received, incoming.data, incoming.length);
    status = comm_agree(comm, status);
    for (int64_t rank = 0; rank < size && outgoing != NULL; rank++)
        buffer_free(&outgoing[rank]);
    memory_free(outgoing);
    buffer_free(&incoming);
    word_counts_destroy(status == STATUS_OK ? *words : received);
    if (status == STATUS_OK)
        *words = received;
    return status;
}

/* Sums the reports of the ranks; rank 0 says what was read and what was not. **Collective** */
static void report_corpus(struct comm *comm, const struct corpus_report *mine,
                          const struct word_counts *words)
{
    int64_t sums[] = {mine->documents,     mine->bytes, mine->invalid_utf8, mine->broken_json,
                      mine->missing_field, mine->empty, mine->truncated};
    comm_sum_int64(comm, sums, sizeof sums / sizeof *sums);
    if (comm_rank(comm) != 0)
        return;
    char bytes[16];
    log_info("%lld documents, %s of text, %lld distinct words", (long long)sums[0],
             log_bytes(bytes, (double)sums[1]), (long long)word_counts_size(words));
    int64_t skipped = sums[2] + sums[3] + sums[4] + sums[5] + sums[6];
    if (skipped > 0)
        log_warning(
            "%lld documents were skipped: %lld with invalid UTF-8, %lld with broken JSON, %lld without the "
            "text field, %lld empty, %lld cut off",
            (long long)skipped, (long long)sums[2], (long long)sums[3], (long long)sums[4],
            (long long)sums[5], (long long)sums[6]);
}

static enum status measure(struct tokenizer *tokenizer, const struct word_counts *words,
                           double *bytes_per_token)
{
    struct token_list list = {0};
    double bytes = 0, tokens = 0;
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < word_counts_size(words) && status == STATUS_OK; i++) {
        size_t length = 0;
        int64_t count = 0;
        const char *word = word_counts_get(words, i, &length, &count);
        list.count = 0;
        status = tokenizer_encode(tokenizer, word, length, false, &list);
        bytes += (double)length * (double)count;
        tokens += (double)list.count * (double)count;
    }
    token_list_free(&list);
    *bytes_per_token = bytes / tokens;
    return status;
}

static enum status write_tokenizer(const struct tokenizer *tokenizer, const char *path)
{
    struct buffer text = {0};
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL && slash > path ? memory_copy_text(path, (size_t)(slash - path)) : NULL;
    enum status status = slash != NULL && slash > path && folder == NULL ? STATUS_FAILED : STATUS_OK;
    if (folder != NULL)
        status = directory_create(folder);
    if (status == STATUS_OK)
        status = tokenizer_write(tokenizer, &text);
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    free(folder);
    buffer_free(&text);
    return status;
}

static enum status learn_merges(const struct config *config, const struct string_list *specials,
                                const struct word_counts *words, struct tokenizer **out)
{
    const struct bpe_settings settings = {.vocab_size = config->tokenizer.vocab_size,
                                          .min_frequency = config->tokenizer.min_frequency,
                                          .special_tokens = specials};
    TRY(bpe_train(words, &settings, false, out));
    if (tokenizer_vocab_size(*out) < settings.vocab_size)
        log_warning("the vocabulary has %lld tokens, not the %lld of tokenizer.vocab_size: no other pair of "
                    "tokens occurs %lld times (tokenizer.min_frequency)",
                    (long long)tokenizer_vocab_size(*out), (long long)settings.vocab_size,
                    (long long)settings.min_frequency);
    return STATUS_OK;
}

static enum status learn(const struct config *config, const struct string_list *specials,
                         const struct word_counts *words, double started)
{
    if (word_counts_size(words) == 0)
        return fail(STATUS_FAILED, "corpus.inputs has no text to learn a vocabulary from");
    struct tokenizer *tokenizer = NULL;
    TRY(config->tokenizer.kind == TOKENIZER_BPE ? learn_merges(config, specials, words, &tokenizer)
                                                : unit_training_learn(config, specials, words, &tokenizer));
    double bytes_per_token = 0;
    enum status status = measure(tokenizer, words, &bytes_per_token);
    if (status == STATUS_OK)
        status = write_tokenizer(tokenizer, config->tokenizer.path);
    if (status == STATUS_OK) {
        char time[32];
        log_info("wrote %s: %lld tokens, %.3f bytes per token on this text, %s", config->tokenizer.path,
                 (long long)tokenizer_vocab_size(tokenizer), bytes_per_token,
                 log_duration(time, clock_seconds() - started));
    }
    tokenizer_destroy(tokenizer);
    return status;
}

enum status tokenizer_training_run(const struct config *config, struct comm *comm)
{
    double started = clock_seconds();
    struct word_counts *words = NULL;
    struct corpus_report report = {0};
    struct string_list specials = {0};
    enum status status = special_tokens_expand(&config->tokenizer.special_tokens, &specials);
    if (status == STATUS_OK)
        status = word_counts_create(&words);
    if (status == STATUS_OK)
        status = count_part(config, comm, words, &report);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = redistribute(comm, true, &words);
    if (status == STATUS_OK)
        status = redistribute(comm, false, &words);
    if (status == STATUS_OK) {
        report_corpus(comm, &report, words);
        status =
            comm_agree(comm, comm_rank(comm) == 0 ? learn(config, &specials, words, started) : STATUS_OK);
    }
    word_counts_destroy(words);
    string_list_free(&specials);
    return status;
}

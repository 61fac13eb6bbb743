/* Every rank counts the words of its part of the corpus, and writes its table away as a run whenever it is
 * full; word_gathering adds up the counts and brings them to rank 0, which learns. The learnt merges depend
 * on the counts alone, not on the order of the words, so that any number of ranks gives the same file. */
#include "llmpi/prepare/tokenizer_training.h"

#include "corpus_options.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/text/bpe_trainer.h"
#include "llmpi/text/special_tokens.h"
#include "llmpi/text/unit_trainer.h"
#include "llmpi/text/word_counts.h"
#include "llmpi/text/word_runs.h"
#include "unit_training.h"
#include "word_gathering.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What counting fills: the table, and the runs that it was emptied into. */
struct counting {
    enum vocabulary_kind kind;
    struct word_counts *words;
    struct word_runs *runs;
    size_t table_memory;
};

/* Counts the words or characters of a text of any length, the table's memory checked now and then. */
static enum status count_units(struct counting *counting, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end) {
        TRY(unit_count_text(counting->words, counting->kind, &text, end, 1024));
        if (word_counts_memory(counting->words) >= counting->table_memory)
            TRY(word_runs_add(counting->runs, counting->words));
    }
    return STATUS_OK;
}

/* The same for the words of the splitting pattern of BPE. */
static enum status count_text(struct counting *counting, const char *text, size_t length)
{
    if (counting->kind != VOCABULARY_BPE)
        return count_units(counting, text, length);
    TRY(word_counts_begin_text(counting->words, text, length));
    for (bool more = true; more;) {
        TRY(word_counts_continue(counting->words, counting->table_memory, &more));
        if (more)
            TRY(word_runs_add(counting->runs, counting->words));
    }
    return STATUS_OK;
}

static enum status count_documents(struct comm *comm, struct reader *reader, struct counting *counting,
                                   int64_t file_bytes)
{
    struct progress progress;
    enum status status = STATUS_OK;
    progress_begin(&progress, "counting words", (double)file_bytes, "bytes");
    for (bool more = true; more && status == STATUS_OK;) {
        struct document document;
        status = requests_check(comm);
        if (status == STATUS_OK)
            status = reader_next(reader, &document, &more);
        if (status == STATUS_OK && more)
            status = count_text(counting, document.text, document.length);
        progress_update(&progress, (double)reader_position(reader), NULL);
    }
    progress_end(&progress, (double)reader_position(reader));
    return status == STATUS_OK ? word_runs_add(counting->runs, counting->words) : status;
}

/* Counts the words of this rank's part. */
static enum status count_part(const struct config *config, struct comm *comm, struct counting *counting,
                              struct corpus_report *report)
{
    const struct corpus_settings settings = corpus_options(config);
    struct corpus corpus;
    struct reader *reader = NULL;
    TRY(corpus_open(&settings, &corpus));
    enum status status = reader_open(&corpus, comm_size(comm), comm_rank(comm), comm_size(comm), &reader);
    if (status == STATUS_OK)
        status = count_documents(comm, reader, counting, corpus.bytes);
    if (status == STATUS_OK)
        *report = *reader_report(reader);
    reader_close(reader);
    corpus_close(&corpus);
    return status;
}

/* Rank 0 says which words (or characters: `units`) are too rare for its memory. */
static void report_dropped(const struct word_gathering *gathering, const char *units)
{
    if (gathering->dropped > 0)
        log_info("dropped %lld distinct %s seen at most %lld times (%.2g %% of all %s): tokenizer.max_memory "
                 "is %lld MiB",
                 (long long)gathering->dropped, units, (long long)gathering->most_dropped,
                 100 * (double)gathering->dropped_occurrences / (double)gathering->occurrences, units,
                 (long long)(gathering->max_memory >> 20));
}

/* Sums the reports of the ranks; rank 0 says what was read and what was not. **Collective** */
static void report_corpus(struct comm *comm, struct corpus_report *report,
                          const struct word_gathering *gathering, const char *units)
{
    comm_sum_int64(comm, (int64_t *)report, sizeof *report / sizeof(int64_t));
    char bytes[16];
    log_info("%lld documents, %s of text, %lld distinct %s", (long long)report->documents,
             log_bytes(bytes, (double)report->bytes), (long long)gathering->distinct, units);
    corpus_report_log(report);
}

static enum status write_tokenizer(const struct tokenizer *tokenizer, const char *path)
{
    struct buffer text = {0};
    enum status status = tokenizer_write(tokenizer, &text);
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    buffer_free(&text);
    return status;
}

static struct bpe_settings bpe_settings_of(const struct config *config, const struct string_list *specials)
{
    return (struct bpe_settings){
        .vocab_size = config->tokenizer.vocab_size,
        .min_frequency = config->tokenizer.min_frequency,
        .special_tokens = specials,
        .max_token_length = config->tokenizer.max_token_length,
        .pattern = strcmp(config->tokenizer.pattern, "gpt2") != 0 ? config->tokenizer.pattern : NULL};
}

static enum status check_requests(void *comm)
{
    return requests_check(comm);
}

static enum status learn_merges(const struct config *config, struct comm *comm,
                                const struct string_list *specials, const struct word_counts *words,
                                double *bytes_per_token, struct tokenizer **out)
{
    struct bpe_settings settings = bpe_settings_of(config, specials);
    settings.bytes_per_token = bytes_per_token;
    settings.check = check_requests;
    settings.context = comm;
    TRY(bpe_train(words, &settings, false, out));
    if (tokenizer_vocab_size(*out) < settings.vocab_size)
        log_warning("the vocabulary has %lld tokens, not the %lld of tokenizer.vocab_size: no other pair of "
                    "tokens occurs %lld times (tokenizer.min_frequency)",
                    (long long)tokenizer_vocab_size(*out), (long long)settings.vocab_size,
                    (long long)settings.min_frequency);
    return STATUS_OK;
}

static enum status learn(const struct config *config, struct comm *comm, const struct string_list *specials,
                         const struct word_counts *words, const struct word_gathering *gathering,
                         double started)
{
    if (word_counts_size(words) == 0)
        return fail(STATUS_FAILED, "corpus.inputs has no text to learn a vocabulary from");
    struct tokenizer *tokenizer = NULL;
    double bytes_per_token = 0; /* words and characters leave it so */
    TRY(config->tokenizer.kind == TOKENIZER_BPE
            ? learn_merges(config, comm, specials, words, &bytes_per_token, &tokenizer)
            : unit_training_learn(config, specials, words, gathering, &tokenizer));
    char time[32], measured[64] = "";
    if (bytes_per_token > 0)
        snprintf(measured, sizeof measured, " %.3f bytes per token on this text,", bytes_per_token);
    enum status status = write_tokenizer(tokenizer, config->tokenizer.path);
    if (status == STATUS_OK)
        log_info("wrote %s: %lld tokens,%s %s", config->tokenizer.path,
                 (long long)tokenizer_vocab_size(tokenizer), measured,
                 log_duration(time, clock_seconds() - started));
    tokenizer_destroy(tokenizer);
    return status;
}

/* The folder part of a path; the caller frees. NULL after fail(). */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? memory_copy_text(".", 1)
                         : memory_copy_text(path, slash > path ? (size_t)(slash - path) : 1);
}

/* Makes the folder of the tokenizer. *temporary is where temporary files go, TMPDIR or that folder; the
 * caller frees. */
static enum status prepare_folders(const char *path, char **temporary)
{
    const char *given = getenv("TMPDIR");
    *temporary = folder_of(path);
    if (*temporary == NULL)
        return STATUS_FAILED;
    TRY(directory_create(*temporary));
    if (file_is_directory(path))
        return fail(STATUS_USAGE, "tokenizer.path is %s, which is a folder: learning writes a file", path);
    if (given == NULL || *given == '\0')
        return STATUS_OK;
    free(*temporary);
    *temporary = memory_copy_text(given, strlen(given));
    return *temporary != NULL ? STATUS_OK : STATUS_FAILED;
}

/* What learning would refuse is refused before the corpus is read. */
static enum status check_settings(const struct config *config, const struct string_list *specials)
{
    const struct bpe_settings settings = bpe_settings_of(config, specials);
    return config->tokenizer.kind == TOKENIZER_BPE ? bpe_settings_check(&settings)
                                                   : unit_training_check(config, specials);
}

/* Counts the whole corpus; the words come to rank 0. **Collective** */
static enum status count(const struct config *config, struct comm *comm, struct word_gathering *gathering,
                         struct word_counts *words)
{
    struct counting counting = {.kind = unit_training_kind(config),
                                .words = words,
                                .table_memory = (size_t)word_gathering_table_memory(gathering->max_memory)};
    struct corpus_report report = {0};
    enum status status = word_counts_use_pattern(words, config->tokenizer.pattern);
    if (status == STATUS_OK)
        status = word_runs_create(gathering->folder, (size_t)gathering->max_memory / 16, &counting.runs);
    if (status == STATUS_OK)
        status = count_part(config, comm, &counting, &report);
    requests_wait(comm);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = word_gathering_run(comm, &counting.runs, gathering, words);
    if (status == STATUS_OK) {
        const char *units = counting.kind == VOCABULARY_CHARACTER ? "characters" : "words";
        report_corpus(comm, &report, gathering, units);
        report_dropped(gathering, units);
    }
    word_runs_destroy(counting.runs);
    return status;
}

enum status tokenizer_training_run(const struct config *config, struct comm *comm)
{
    double started = clock_seconds();
    struct word_counts *words = NULL;
    struct string_list specials = {0};
    char *folder = NULL;
    enum status status = prepare_folders(config->tokenizer.path, &folder);
    struct word_gathering gathering = {.folder = folder, .max_memory = config->tokenizer.max_memory << 20};
    if (status == STATUS_OK)
        status = word_counts_create(&words);
    if (status == STATUS_OK)
        status = special_tokens_expand(&config->tokenizer.special_tokens, &specials);
    if (status == STATUS_OK)
        status = check_settings(config, &specials);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = count(config, comm, &gathering, words);
    if (status == STATUS_OK) {
        if (comm_rank(comm) == 0)
            status = learn(config, comm, &specials, words, &gathering, started);
        requests_wait(comm);
        status = comm_agree(comm, status);
    }
    status = requests_conclude(comm, status, "nothing is written; the same command starts over");
    word_counts_destroy(words);
    string_list_free(&specials);
    free(folder);
    return status;
}

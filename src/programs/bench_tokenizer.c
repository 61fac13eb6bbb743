/* `llmpi bench tokenizer`: the documents of a file are read into memory once and then encoded again and
 * again, so that reading is not measured. Splitting into words is measured beside it, as a part of encoding.
 */
#include "bench.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/number.h"
#include "llmpi/corpus/inputs.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/programs/tokenizer_source.h"
#include "llmpi/text/pretokenize.h"
#include "llmpi/text/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- texts in memory --- */

struct texts {
    struct buffer bytes;
    size_t *lengths; /* of each piece of a document */
    int64_t count, capacity, documents;
};

static enum status add_text(struct texts *texts, const char *text, size_t length, bool begins)
{
    size_t *lengths =
        memory_grow(texts->lengths, texts->count, &texts->capacity, sizeof *lengths, "lengths of documents");
    if (lengths == NULL)
        return STATUS_FAILED;
    texts->lengths = lengths;
    texts->lengths[texts->count++] = length;
    texts->documents += begins;
    return buffer_append(&texts->bytes, text, length);
}

static enum status read_corpus(const char *path, const char *field, struct texts *texts)
{
    struct string_list inputs = {0};
    struct corpus corpus = {0};
    struct reader *reader = NULL;
    struct corpus_settings settings = {.inputs = &inputs, .text_field = field};
    enum status status = string_list_add(&inputs, path);
    if (status == STATUS_OK)
        status = corpus_open(&settings, &corpus);
    if (status == STATUS_OK)
        status = reader_open(&corpus, 1, 0, 1, &reader);
    for (bool more = status == STATUS_OK; more && status == STATUS_OK;) {
        struct document piece;
        status = reader_next(reader, &piece, &more);
        if (status == STATUS_OK && more)
            status = add_text(texts, piece.text, piece.length, piece.begins);
    }
    if (reader != NULL)
        reader_close(reader);
    corpus_close(&corpus);
    string_list_free(&inputs);
    return status;
}

/* A file of the corpus reader's kinds, or any other as one document. */
static enum status read_texts(const char *path, const char *field, struct texts *texts)
{
    if (file_is_directory(path) || file_kind_of(path).format != FORMAT_UNKNOWN)
        return read_corpus(path, field, texts);
    struct buffer content = {0};
    enum status status = file_read(path, &content);
    if (status == STATUS_OK)
        status = add_text(texts, content.data, content.length, true);
    buffer_free(&content);
    return status;
}

static void texts_free(struct texts *texts)
{
    buffer_free(&texts->bytes);
    free(texts->lengths);
}

/* --- rounds --- */

enum { MOST_ROUNDS = 1000 };

struct tokenizer_bench {
    struct tokenizer *tokenizer;
    struct pretokenizer *pretokenizer; /* NULL: the tokenizer does not split by a pattern */
    struct texts texts;
    struct token_list ids; /* of all documents */
    int64_t words;
    double encode[MOST_ROUNDS], split[MOST_ROUNDS]; /* seconds of each round */
};

static enum status encode_all(struct tokenizer_bench *bench)
{
    const char *text = bench->texts.bytes.data;
    bench->ids.count = 0;
    for (int64_t i = 0; i < bench->texts.count; i++) {
        TRY(tokenizer_encode(bench->tokenizer, text, bench->texts.lengths[i], false, &bench->ids));
        text += bench->texts.lengths[i];
    }
    return STATUS_OK;
}

static enum status split_all(struct tokenizer_bench *bench)
{
    const char *text = bench->texts.bytes.data;
    bench->words = 0;
    for (int64_t i = 0; i < bench->texts.count; i++) {
        pretokenizer_begin(bench->pretokenizer, text, bench->texts.lengths[i]);
        for (size_t count = 1; count > 0; bench->words += (int64_t)count) {
            const char *word = NULL, *const *ends = NULL;
            TRY(pretokenizer_next_words(bench->pretokenizer, &word, &ends, &count));
        }
        text += bench->texts.lengths[i];
    }
    return STATUS_OK;
}

static enum status measure(struct tokenizer_bench *bench, int64_t rounds)
{
    for (int64_t i = 0; i < rounds; i++) {
        double started = clock_seconds();
        TRY(encode_all(bench));
        bench->encode[i] = clock_seconds() - started;
        started = clock_seconds();
        if (bench->pretokenizer != NULL)
            TRY(split_all(bench));
        bench->split[i] = clock_seconds() - started;
    }
    return STATUS_OK;
}

static void report(struct tokenizer_bench *bench, int64_t rounds, bool json)
{
    double megabytes = (double)bench->texts.bytes.length / 1e6;
    double first = megabytes / bench->encode[0];
    const struct timing encode = timing_of(bench->encode, rounds), words = timing_of(bench->split, rounds);
    double best = megabytes / encode.best, median = megabytes / encode.median;
    double split = megabytes / words.best, split_median = megabytes / words.median;
    double per_word = bench->words > 0 ? 1e9 * encode.best / (double)bench->words : 0.0;
    if (json) {
        printf("{\"documents\": %" PRId64 ", \"bytes\": %zu, \"tokens\": %" PRId64 ", \"rounds\": %" PRId64
               ", \"encode_mb_per_second\": %.3f, \"encode_median_mb_per_second\": %.3f, "
               "\"encode_first_mb_per_second\": %.3f",
               bench->texts.documents, bench->texts.bytes.length, bench->ids.count, rounds, best, median,
               first);
        if (bench->words > 0)
            printf(", \"words\": %" PRId64 ", \"split_mb_per_second\": %.3f"
                   ", \"split_median_mb_per_second\": %.3f, \"nanoseconds_per_word\": %.3f",
                   bench->words, split, split_median, per_word);
        printf("}\n");
        return;
    }
    printf("documents  %12" PRId64 "\nbytes      %12zu\ntokens     %12" PRId64 "\n", bench->texts.documents,
           bench->texts.bytes.length, bench->ids.count);
    if (bench->words > 0)
        printf("words      %12" PRId64 "\n", bench->words);
    printf("encoding   %12.1f MB/s best of %" PRId64 ", median %.1f, first round %.1f\n", best, rounds,
           median, first);
    if (bench->words > 0)
        printf("splitting  %12.1f MB/s best of %" PRId64 ", median %.1f\na word     %12.1f ns\n", split,
               rounds, split_median, per_word);
}

static const struct flag flags[] = {
    {"--rounds", "N", "How often the file is encoded (5)"},
    {"--text-field", "NAME", "Member of each JSON line, or Parquet column, that holds the text (text)"},
    {"--ids", "FILE", "Also write the ids, as little-endian numbers of 32 bits"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command command = {
    .name = "bench tokenizer",
    .positionals = "TOKENIZER FILE",
    .minimum = 2,
    .maximum = 2,
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .alone = true,
    .help = "Measures how fast one core encodes the documents of a file, one by one, from memory to memory",
};

static enum status write_ids(const struct token_list *ids, const char *path)
{
    struct buffer out = {0};
    enum status status = buffer_reserve(&out, 4 * (size_t)ids->count);
    for (int64_t i = 0; i < ids->count && status == STATUS_OK; i++) {
        char bytes[4];
        number_encode(ids->ids[i], bytes, sizeof bytes);
        status = buffer_append(&out, bytes, sizeof bytes);
    }
    if (status == STATUS_OK)
        status = file_write(path, out.data, out.length);
    buffer_free(&out);
    return status;
}

static enum status prepare(struct tokenizer_bench *bench, const struct arguments *arguments)
{
    const char *field = arguments_get(arguments, "--text-field");
    TRY(tokenizer_source_load(arguments->positionals.items[0], &bench->tokenizer));
    if (strcmp(tokenizer_kind_name(bench->tokenizer), "bpe") == 0)
        TRY(pretokenizer_create(tokenizer_vocabulary(bench->tokenizer)->pattern, &bench->pretokenizer));
    return read_texts(arguments->positionals.items[1], field != NULL ? field : "text", &bench->texts);
}

static enum status run(struct program *program)
{
    const struct arguments *arguments = &program->arguments;
    int64_t rounds = 5;
    TRY(arguments_get_integer(arguments, "--rounds", 1, MOST_ROUNDS, &rounds));
    struct tokenizer_bench *bench = memory_allocate(1, sizeof *bench, "the benchmark");
    if (bench == NULL)
        return STATUS_FAILED;
    enum status status = prepare(bench, arguments);
    if (status == STATUS_OK)
        status = measure(bench, rounds);
    if (status == STATUS_OK && arguments_has(arguments, "--ids"))
        status = write_ids(&bench->ids, arguments_get(arguments, "--ids"));
    if (status == STATUS_OK)
        report(bench, rounds, arguments_has(arguments, "--json"));
    texts_free(&bench->texts);
    token_list_free(&bench->ids);
    pretokenizer_destroy(bench->pretokenizer);
    tokenizer_destroy(bench->tokenizer);
    memory_free(bench);
    return status;
}

const struct bench bench_tokenizer = {&command, run};

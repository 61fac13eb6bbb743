/* `llmpi corpus stats` says what is in any corpus. */
#include "corpus_commands.h"

#include "llmpi/base/log.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/programs/arguments.h"
#include "word_table.h"

#include <inttypes.h>
#include <stdio.h>

static const struct flag flags[] = {
    {"--text-field", "NAME", "member of each JSON line that holds the text (text)"},
};
static const struct command command = {
    .name = "corpus stats",
    .positionals = "INPUT...",
    .minimum = 1,
    .maximum = -1,
    .help = "Counts documents, bytes and words of files, folders and globs (.txt, .jsonl, .jsonl.gz, "
            ".jsonl.zst).",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
};

enum { LENGTH_CLASSES = 63 };

struct corpus_stats {
    int64_t documents, bytes, longest;
    int64_t of_length[LENGTH_CLASSES]; /* documents of 2^i to 2^(i+1) - 1 bytes */
    struct word_table words;
};

static void count_document(struct corpus_stats *stats, int64_t length)
{
    stats->documents++;
    stats->longest = length > stats->longest ? length : stats->longest;
    stats->of_length[length > 0 ? 63 - __builtin_clzll((unsigned long long)length) : 0]++;
}

static enum status count_corpus(const struct corpus *corpus, struct corpus_stats *stats)
{
    struct reader *reader = NULL;
    TRY(reader_open(corpus, 1, 0, 1, &reader));
    struct progress progress;
    progress_begin(&progress, "reading", (double)corpus->bytes, "bytes");
    struct document piece;
    int64_t length = 0;
    bool more = false;
    enum status status;
    while ((status = reader_next(reader, &piece, &more)) == STATUS_OK && more) {
        length = (piece.begins ? 0 : length) + (int64_t)piece.length;
        stats->bytes += (int64_t)piece.length;
        if ((status = word_table_add(&stats->words, piece.text, piece.length)) != STATUS_OK)
            break;
        if (piece.ends)
            count_document(stats, length);
        progress_update(&progress, (double)reader_position(reader), NULL);
    }
    progress_end(&progress, (double)corpus->bytes);
    reader_close(reader);
    return status;
}

static void print_lengths(const struct corpus_stats *stats)
{
    printf("\n%27s %12s %7s\n", "length in bytes", "documents", "share");
    for (int i = 0; i < LENGTH_CLASSES; i++)
        if (stats->of_length[i] > 0)
            printf("%12" PRId64 " - %12" PRId64 " %12" PRId64 " %6.2f%%\n", i > 0 ? (int64_t)1 << i : 0,
                   ((int64_t)2 << i) - 1, stats->of_length[i],
                   100.0 * (double)stats->of_length[i] / (double)stats->documents);
}

static void print_words(const struct word_table *words)
{
    enum { SHOWN = 20 };
    const struct word_table_row *rows[SHOWN];
    int count = word_table_most_frequent(words, SHOWN, rows);
    printf("\n%-27s %12s %7s\n", "most frequent words", "count", "share");
    for (int i = 0; i < count; i++)
        printf("%-27s %12" PRId64 " %6.2f%%\n", words->letters.data + rows[i]->text, rows[i]->count,
               100.0 * (double)rows[i]->count / (double)words->total);
}

static void print_stats(const struct corpus_stats *stats, int64_t files)
{
    double mean = stats->documents > 0 ? (double)stats->bytes / (double)stats->documents : 0.0;
    printf("files            %15" PRId64 "\ndocuments        %15" PRId64 "\nbytes of text    %15" PRId64 "\n",
           files, stats->documents, stats->bytes);
    printf("mean length      %15.1f\nlongest          %15" PRId64 "\n", mean, stats->longest);
    printf("words            %15" PRId64 "\ndistinct words   %15" PRId64 "%s\n", stats->words.total,
           stats->words.distinct, stats->words.full ? " (as many as are counted; there are more)" : "");
    print_lengths(stats);
    print_words(&stats->words);
}

static enum status show_stats(const struct arguments *arguments)
{
    const char *field = arguments_get(arguments, "--text-field");
    struct corpus_settings settings = {.inputs = &arguments->positionals,
                                       .text_field = field != NULL ? field : "text"};
    struct corpus corpus;
    TRY(corpus_open(&settings, &corpus));
    struct corpus_stats stats = {0};
    enum status status = count_corpus(&corpus, &stats);
    if (status == STATUS_OK)
        print_stats(&stats, corpus.files.count);
    word_table_free(&stats.words);
    corpus_close(&corpus);
    return status;
}

enum status corpus_stats(int count, char **words)
{
    struct arguments arguments = {0};
    enum status status = arguments_parse(&command, count, words, &arguments);
    if (status == STATUS_OK && !arguments.finished)
        status = show_stats(&arguments);
    arguments_free(&arguments);
    return status;
}

/* `llmpi corpus generate` writes stories by rule as a corpus, `llmpi corpus stats` says what is in any
 * corpus, `llmpi corpus clean` (corpus_clean.c) cleans it. Results go to standard output, the log to standard
 * error. */
#include "corpus_clean.h"
#include "llmpi/base/buffer.h"
#include "llmpi/base/log.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/story.h"
#include "llmpi/corpus/writer.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "word_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- generate --- */

#define MOST_DOCUMENTS ((int64_t)UINT32_MAX) /* distinct streams of random numbers */

static const struct flag generate_flags[] = {
    {"--output", "FILE",
     "where to write JSON lines (.jsonl, .jsonl.gz, .jsonl.zst), \"-\" for standard output"},
    {"--documents", "N", "how many stories (10000)"},
    {"--seed", "S", "another seed gives other stories (1)"},
    {"--json", NULL, "print documents, text_bytes, distinct_words and bits_per_byte as one JSON object"},
};
static const struct command generate_command = {
    .name = "corpus generate",
    .positionals = "",
    .help = "Writes short stories of a small world as a corpus with FineWeb's columns. Document n depends on "
            "the seed "
            "and n alone.",
    .flags = generate_flags,
    .flag_count = sizeof generate_flags / sizeof *generate_flags,
};

struct generation {
    int64_t documents, seed;
    const char *output;
    int64_t text_bytes;
    double bits;
    struct word_table words;
};

static enum status write_stories(struct generation *generation, struct writer *writer)
{
    struct buffer line = {0}, text = {0};
    struct progress progress;
    enum status status = STATUS_OK;
    progress_begin(&progress, "stories", (double)generation->documents, "documents");
    for (int64_t number = 0; number < generation->documents && status == STATUS_OK; number++) {
        buffer_clear(&line);
        buffer_clear(&text);
        uint64_t seed = (uint64_t)generation->seed;
        if ((status = story_write(seed, number, &text, &generation->bits)) == STATUS_OK &&
            (status = word_table_add(&generation->words, text.data, text.length)) == STATUS_OK &&
            (status = story_write_line(seed, number, text.data, text.length, &line)) == STATUS_OK)
            status = writer_add(writer, line.data, line.length);
        generation->text_bytes += (int64_t)text.length;
        if (number % 256 == 0)
            progress_update(&progress, (double)number, NULL);
    }
    progress_end(&progress, (double)generation->documents);
    buffer_free(&line);
    buffer_free(&text);
    return status;
}

static void report_generation(const struct generation *generation, bool json)
{
    double bits_per_byte =
        generation->text_bytes > 0 ? generation->bits / (double)generation->text_bytes : 0.0;
    log_info("%s: %" PRId64 " documents, %" PRId64 " bytes of text, %" PRId64 " distinct words",
             generation->output, generation->documents, generation->text_bytes, generation->words.distinct);
    log_info("entropy of the choices: %.3f bits per byte", bits_per_byte);
    if (json)
        printf("{\"documents\":%" PRId64 ",\"text_bytes\":%" PRId64 ",\"distinct_words\":%" PRId64
               ",\"bits_per_byte\":%.6f}\n",
               generation->documents, generation->text_bytes, generation->words.distinct, bits_per_byte);
}

static enum status generate(const struct arguments *arguments)
{
    struct generation generation = {
        .documents = 10000, .seed = 1, .output = arguments_get(arguments, "--output")};
    TRY(arguments_get_integer(arguments, "--documents", 1, MOST_DOCUMENTS, &generation.documents));
    TRY(arguments_get_integer(arguments, "--seed", 0, INT64_MAX, &generation.seed));
    if (generation.output == NULL)
        return fail(STATUS_USAGE,
                    "corpus generate needs --output=FILE, for instance --output=stories.jsonl.zst");
    bool json = arguments_has(arguments, "--json");
    if (json && strcmp(generation.output, "-") == 0)
        return fail(STATUS_USAGE, "corpus generate cannot print both the stories (--output=-) and --json");
    struct writer *writer = NULL;
    TRY(writer_open(generation.output, &writer));
    enum status status = write_stories(&generation, writer);
    if (status == STATUS_OK)
        status = writer_finish(writer);
    else
        writer_abandon(writer);
    if (status == STATUS_OK)
        report_generation(&generation, json);
    word_table_free(&generation.words);
    return status;
}

/* --- stats --- */

static const struct flag stats_flags[] = {
    {"--text-field", "NAME", "member of each JSON line that holds the text (text)"},
};
static const struct command stats_command = {
    .name = "corpus stats",
    .positionals = "INPUT...",
    .minimum = 1,
    .maximum = -1,
    .help = "Counts documents, bytes and words of files, folders and globs (.txt, .jsonl, .jsonl.gz, "
            ".jsonl.zst).",
    .flags = stats_flags,
    .flag_count = sizeof stats_flags / sizeof *stats_flags,
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

/* --- both --- */

static enum status run(const struct command *command, enum status (*work)(const struct arguments *arguments),
                       int count, char **words)
{
    struct arguments arguments = {0};
    enum status status = arguments_parse(command, count, words, &arguments);
    if (status == STATUS_OK && !arguments.finished)
        status = work(&arguments);
    arguments_free(&arguments);
    return status;
}

enum status program_corpus(int count, char **arguments)
{
    if (count > 0 && strcmp(arguments[0], "generate") == 0)
        return run(&generate_command, generate, count - 1, arguments + 1);
    if (count > 0 && strcmp(arguments[0], "stats") == 0)
        return run(&stats_command, show_stats, count - 1, arguments + 1);
    if (count > 0 && strcmp(arguments[0], "clean") == 0)
        return corpus_clean(count - 1, arguments + 1);
    if (count > 0 && (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)) {
        printf("usage: llmpi corpus generate --output=FILE [--documents=N] [--seed=S] [--json]\n"
               "       llmpi corpus stats INPUT... [--text-field=NAME]\n"
               "       llmpi corpus clean CONFIG [--section.key=value]\n\n"
               "`llmpi corpus generate --help` and so on say more.\n");
        return STATUS_OK;
    }
    return fail(STATUS_USAGE, "llmpi corpus needs 'generate', 'stats' or 'clean'%s%s",
                count > 0 ? ", not " : "", count > 0 ? arguments[0] : "");
}

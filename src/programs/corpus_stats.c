/* `llmpi corpus stats` says what is in any corpus, as a table or as JSON; the counting is corpus_count.c's.
 */
#include "corpus_commands.h"
#include "corpus_count.h"
#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"
#include "llmpi/prepare/text_shape.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/tokenizer_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_WORDS = 100000 };

static const struct flag flags[] = {
    {"--tokenizer", "TOKENIZER",
     "Count tokens: a tokenizer.json, a checkpoint, or a folder with GPT-2's files"},
    {"--words", "N", "How many of the most frequent words are shown (20)"},
    {"--documents", "N", "Look at the first N documents only (all)"},
    {"--skip-errors", NULL, "Count documents that cannot be used and go on, instead of failing"},
    {"--text-field", "NAME", "Member of each JSON line, or Parquet column, that holds the text (text)"},
    {"--separator", "TEXT", "What stands between two documents of a .txt file (a file is one document)"},
    {"--json", NULL, "Print everything as one JSON object"},
};
static const struct command command = {
    .name = "corpus stats",
    .positionals = "INPUT...",
    .minimum = 1,
    .maximum = -1,
    .help = "Counts documents, bytes, characters, lines, words and tokens of files, folders and globs. Under "
            "mpirun each rank counts its part; the numbers are the same",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
};

/* What is printed. */
struct stats {
    const struct corpus_counts *counts;
    int64_t files;
    bool tokens; /* were counted */
    const struct word_table_row **frequent;
    int frequent_count;
};

static double ratio(int64_t a, int64_t b)
{
    return b > 0 ? (double)a / (double)b : 0.0;
}

static int64_t skipped(const struct corpus_sums *sums)
{
    return sums->invalid_utf8 + sums->broken_json + sums->missing_field + sums->empty + sums->truncated;
}

static const char *word_of(const struct stats *stats, int index)
{
    return stats->counts->words.letters.data + stats->frequent[index]->text;
}

static int64_t class_begin(int index)
{
    return index > 0 ? (int64_t)1 << index : 0;
}

static int64_t class_end(int index)
{
    return (int64_t)(((uint64_t)2 << index) - 1);
}

/* --- as a table --- */

static void print_count(const char *name, int64_t count)
{
    printf("%-20s %15" PRId64 "\n", name, count);
}

static void print_ratio(const char *name, int64_t a, int64_t b)
{
    printf("%-20s %15.4f\n", name, ratio(a, b));
}

static void print_totals(const struct stats *stats)
{
    const struct corpus_sums *sums = &stats->counts->sums;
    print_count("files", stats->files);
    print_count("documents", sums->documents);
    print_count("bytes of text", sums->bytes);
    print_count("characters", sums->characters);
    print_count("lines", sums->lines);
    printf("%-20s %15.1f\n", "mean length", ratio(sums->bytes, sums->documents));
    print_count("longest", stats->counts->longest);
    if (stats->tokens) {
        print_count("tokens", sums->tokens);
        print_ratio("tokens per byte", sums->tokens, sums->bytes);
        print_ratio("bytes per token", sums->bytes, sums->tokens);
        printf("%-20s %15.1f\n", "tokens per document", ratio(sums->tokens, sums->documents));
    }
    print_count("words", sums->words);
    printf("%-20s %15" PRId64 "%s\n", "distinct words", sums->distinct_words,
           sums->words_left_out > 0 ? " (as many as are counted; there are more)" : "");
}

static void print_skipped(const struct corpus_sums *sums)
{
    if (skipped(sums) == 0)
        return;
    printf("\n");
    print_count("skipped", skipped(sums));
    print_count("  invalid UTF-8", sums->invalid_utf8);
    print_count("  broken JSON", sums->broken_json);
    print_count("  without text field", sums->missing_field);
    print_count("  empty", sums->empty);
    print_count("  damaged files", sums->truncated);
}

static void print_lengths(const struct corpus_sums *sums)
{
    printf("\n%27s %12s %7s\n", "length in bytes", "documents", "share");
    for (int i = 0; i < LENGTH_CLASSES; i++)
        if (sums->of_length[i] > 0)
            printf("%12" PRId64 " - %12" PRId64 " %12" PRId64 " %6.2f%%\n", class_begin(i), class_end(i),
                   sums->of_length[i], 100.0 * ratio(sums->of_length[i], sums->documents));
}

static void print_words(const struct stats *stats)
{
    if (stats->frequent_count > 0)
        printf("\n%-27s %12s %7s\n", "most frequent words", "count", "share");
    for (int i = 0; i < stats->frequent_count; i++) {
        const char *word = word_of(stats, i);
        size_t bytes = strlen(word);
        int width = 27 + (int)((int64_t)bytes - text_count_characters(word, bytes)); /* printf counts bytes */
        printf("%-*s %12" PRId64 " %6.2f%%\n", width, word, stats->frequent[i]->count,
               100.0 * ratio(stats->frequent[i]->count, stats->counts->sums.words));
    }
}

static void print_table(const struct stats *stats)
{
    print_totals(stats);
    print_skipped(&stats->counts->sums);
    print_lengths(&stats->counts->sums);
    print_words(stats);
}

/* --- as JSON --- */

static void print_json_tokens(const struct corpus_sums *sums)
{
    printf(",\"tokens\":%" PRId64 ",\"tokens_per_byte\":%.6f,\"bytes_per_token\":%.6f", sums->tokens,
           ratio(sums->tokens, sums->bytes), ratio(sums->bytes, sums->tokens));
    printf(",\"tokens_per_document\":%.3f", ratio(sums->tokens, sums->documents));
}

static void print_json_lengths(const struct corpus_sums *sums)
{
    const char *comma = "";
    printf(",\"lengths\":[");
    for (int i = 0; i < LENGTH_CLASSES; i++) {
        if (sums->of_length[i] == 0)
            continue;
        printf("%s{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"documents\":%" PRId64 "}", comma, class_begin(i),
               class_end(i), sums->of_length[i]);
        comma = ",";
    }
    printf("]");
}

static enum status print_json_words(const struct stats *stats)
{
    struct buffer words = {0};
    enum status status = buffer_printf(&words, ",\"frequent_words\":[");
    for (int i = 0; i < stats->frequent_count && status == STATUS_OK; i++) {
        status = buffer_printf(&words, "%s{\"word\":", i > 0 ? "," : "");
        if (status == STATUS_OK)
            status = json_write_text(&words, word_of(stats, i), strlen(word_of(stats, i)));
        if (status == STATUS_OK)
            status = buffer_printf(&words, ",\"count\":%" PRId64 "}", stats->frequent[i]->count);
    }
    if (status == STATUS_OK)
        printf("%s]", words.data);
    buffer_free(&words);
    return status;
}

static enum status print_json(const struct stats *stats)
{
    const struct corpus_sums *sums = &stats->counts->sums;
    printf("{\"files\":%" PRId64 ",\"documents\":%" PRId64 ",\"bytes\":%" PRId64 ",\"characters\":%" PRId64
           ",\"lines\":%" PRId64 ",\"longest\":%" PRId64 ",\"words\":%" PRId64 ",\"distinct_words\":%" PRId64
           ",\"all_words_counted\":%s",
           stats->files, sums->documents, sums->bytes, sums->characters, sums->lines, stats->counts->longest,
           sums->words, sums->distinct_words, sums->words_left_out > 0 ? "false" : "true");
    if (stats->tokens)
        print_json_tokens(sums);
    printf(",\"skipped\":{\"invalid_utf8\":%" PRId64 ",\"broken_json\":%" PRId64 ",\"missing_field\":%" PRId64
           ",\"empty\":%" PRId64 ",\"truncated\":%" PRId64 "}",
           sums->invalid_utf8, sums->broken_json, sums->missing_field, sums->empty, sums->truncated);
    print_json_lengths(sums);
    TRY(print_json_words(stats));
    printf("}\n");
    return STATUS_OK;
}

/* --- the command --- */

static enum status print(const struct arguments *arguments, int words, struct stats *stats)
{
    stats->tokens = arguments_has(arguments, "--tokenizer");
    stats->frequent = memory_allocate(words, sizeof *stats->frequent, "frequent words");
    if (stats->frequent == NULL)
        return STATUS_FAILED;
    stats->frequent_count = word_table_most_frequent(&stats->counts->words, words, stats->frequent);
    enum status status = STATUS_OK;
    if (arguments_has(arguments, "--json"))
        status = print_json(stats);
    else
        print_table(stats);
    memory_free(stats->frequent);
    return status;
}

/* Counts with all ranks; rank 0 prints. **Collective** */
static enum status count_and_print(const struct corpus *corpus, struct tokenizer *tokenizer, int words,
                                   const struct program *program)
{
    struct corpus_counts counts = {0};
    enum status status = comm_agree(program->comm, corpus_count(corpus, tokenizer, program->comm, &counts));
    if (status == STATUS_OK)
        status = corpus_counts_sum(program->comm, words, &counts);
    if (status == STATUS_OK && comm_rank(program->comm) == 0)
        status = print(&program->arguments, words,
                       &(struct stats){.counts = &counts, .files = corpus->files.count});
    word_table_free(&counts.words);
    return comm_agree(program->comm, status);
}

static enum status open_inputs(const struct arguments *arguments, int64_t *words, struct corpus *corpus,
                               struct tokenizer **tokenizer)
{
    const char *field = arguments_get(arguments, "--text-field");
    const char *tokenizer_path = arguments_get(arguments, "--tokenizer");
    struct corpus_settings settings = {.inputs = &arguments->positionals,
                                       .text_field = field != NULL ? field : "text",
                                       .document_separator = arguments_get(arguments, "--separator"),
                                       .skip_errors = arguments_has(arguments, "--skip-errors")};
    TRY(arguments_get_integer(arguments, "--words", 0, MOST_WORDS, words));
    TRY(arguments_get_integer(arguments, "--documents", 1, INT64_MAX, &settings.max_documents));
    if (tokenizer_path != NULL)
        TRY(tokenizer_source_load(tokenizer_path, tokenizer));
    return corpus_open(&settings, corpus);
}

enum status corpus_stats(int count, char **arguments)
{
    struct program program;
    struct corpus corpus = {0};
    struct tokenizer *tokenizer = NULL;
    int64_t words = 20;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished) {
        status = comm_agree(program.comm, open_inputs(&program.arguments, &words, &corpus, &tokenizer));
        if (status == STATUS_OK)
            status = count_and_print(&corpus, tokenizer, (int)words, &program);
    }
    corpus_close(&corpus);
    tokenizer_destroy(tokenizer);
    return program_end(&program, status);
}

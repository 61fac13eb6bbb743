/* `llmpi corpus generate` writes stories by rule as a corpus, and questions about them. Results go to
 * standard output, the log to standard error. */
#include "corpus_commands.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/log.h"
#include "llmpi/corpus/questions.h"
#include "llmpi/corpus/story.h"
#include "llmpi/corpus/writer.h"
#include "llmpi/programs/arguments.h"
#include "word_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_DOCUMENTS ((int64_t)UINT32_MAX) /* distinct streams of random numbers */

static const struct flag flags[] = {
    {"--output", "FILE",
     "Where to write JSON lines (.jsonl, .jsonl.gz, .jsonl.zst), \"-\" for standard output"},
    {"--questions", "FILE",
     "Write questions about the stories, with their answers: JSON lines with prompt, response, kind and "
     "story; with or without --output"},
    {"--documents", "N", "How many stories (10000)"},
    {"--seed", "S", "Another seed gives other stories (1)"},
    {"--json", NULL, "Print documents, text_bytes, distinct_words and bits_per_byte as one JSON object"},
};
static const struct command command = {
    .name = "corpus generate",
    .positionals = "",
    .help = "Writes short stories of a small world as a corpus with FineWeb's columns. Document n depends on "
            "the seed and n alone",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
};

struct generation {
    int64_t documents, seed;
    const char *output, *questions; /* NULL: not written */
    int64_t text_bytes;
    double bits;
    struct word_table words;
    struct answer_counts answers;
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

static enum status write_questions(struct generation *generation, struct writer *writer)
{
    struct buffer lines = {0};
    struct progress progress;
    enum status status = STATUS_OK;
    progress_begin(&progress, "questions", (double)generation->documents, "documents");
    for (int64_t number = 0; number < generation->documents && status == STATUS_OK; number++) {
        buffer_clear(&lines);
        status = questions_write((uint64_t)generation->seed, number, &lines, &generation->answers);
        if (status == STATUS_OK)
            status = writer_add(writer, lines.data, lines.length);
        if (number % 256 == 0)
            progress_update(&progress, (double)number, NULL);
    }
    progress_end(&progress, (double)generation->documents);
    buffer_free(&lines);
    return status;
}

static void report_questions(const struct generation *generation)
{
    const struct answer_counts *counts = &generation->answers;
    log_info("%s: %" PRId64 " questions", generation->questions, counts->questions);
    log_info("%-12s %10s %10s  %s", "kind", "questions", "answers", "best guess");
    for (int64_t i = 0; i < counts->kind_count; i++) {
        const struct answer_kind *kind = &counts->kinds[i];
        log_info("%-12s %10" PRId64 " %10" PRId64 "  %9.2f%%", kind->name, kind->questions, kind->answers,
                 100.0 * (double)kind->best / (double)kind->questions);
    }
    log_info("guessing without the passage, each kind's most frequent answer: %.2f%% right",
             counts->questions > 0 ? 100.0 * (double)counts->best / (double)counts->questions : 0.0);
}

/* Writes one of the files; it appears when it is whole. */
static enum status write_file(struct generation *generation, const char *path,
                              enum status (*write)(struct generation *generation, struct writer *writer))
{
    struct writer *writer = NULL;
    TRY(writer_open(path, &writer));
    enum status status = write(generation, writer);
    if (status == STATUS_OK)
        return writer_finish(writer);
    writer_abandon(writer);
    return status;
}

static enum status check_files(const struct generation *generation, bool json)
{
    const char *output = generation->output, *questions = generation->questions;
    if (output == NULL && questions == NULL)
        return fail(STATUS_USAGE, "corpus generate needs --output=FILE, for instance "
                                  "--output=stories.jsonl.zst, or --questions=FILE");
    if (json && output == NULL)
        return fail(STATUS_USAGE, "corpus generate prints --json about the stories of --output=FILE");
    if (json && strcmp(output, "-") == 0)
        return fail(STATUS_USAGE, "corpus generate cannot print both the stories (--output=-) and --json");
    if (questions != NULL && output != NULL && strcmp(output, questions) == 0)
        return fail(STATUS_USAGE, "corpus generate cannot write both the stories and the questions to %s",
                    output);
    if (json && questions != NULL && strcmp(questions, "-") == 0)
        return fail(STATUS_USAGE,
                    "corpus generate cannot print both the questions (--questions=-) and --json");
    return STATUS_OK;
}

static enum status generate(const struct arguments *arguments)
{
    struct generation generation = {.documents = 10000,
                                    .seed = 1,
                                    .output = arguments_get(arguments, "--output"),
                                    .questions = arguments_get(arguments, "--questions")};
    bool json = arguments_has(arguments, "--json");
    TRY(arguments_get_integer(arguments, "--documents", 1, MOST_DOCUMENTS, &generation.documents));
    TRY(arguments_get_integer(arguments, "--seed", 0, INT64_MAX, &generation.seed));
    TRY(check_files(&generation, json));
    enum status status = STATUS_OK;
    if (generation.output != NULL &&
        (status = write_file(&generation, generation.output, write_stories)) == STATUS_OK)
        report_generation(&generation, json);
    if (generation.questions != NULL && status == STATUS_OK &&
        (status = write_file(&generation, generation.questions, write_questions)) == STATUS_OK)
        report_questions(&generation);
    word_table_free(&generation.words);
    answer_counts_free(&generation.answers);
    return status;
}

enum status corpus_generate(int count, char **words)
{
    struct arguments arguments = {0};
    enum status status = arguments_parse(&command, count, words, &arguments);
    if (status == STATUS_OK && !arguments.finished)
        status = generate(&arguments);
    arguments_free(&arguments);
    return status;
}

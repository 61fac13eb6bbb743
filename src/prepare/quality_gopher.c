/* Gopher's quality rules: Rae et al. 2021, section A.1.1, "Quality Filtering". What counts as a bullet point
 * and as an ellipsis is datatrove's choice; the stop words are counted once each, as the paper says. */
#include "llmpi/prepare/quality.h"

#include <string.h>

enum { ALL_STOP_WORDS = 0xFF }; /* one bit for each */

static bool begins_with(const char *text, size_t length, const char *start)
{
    size_t wanted = strlen(start);
    return length >= wanted && memcmp(text, start, wanted) == 0;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t wanted = strlen(end);
    return length >= wanted && memcmp(text + length - wanted, end, wanted) == 0;
}

/* Occurrences of `wanted` that do not overlap. */
static int64_t count_text(const struct text_shape *shape, const char *wanted)
{
    int64_t count = 0;
    const char *next = shape->text, *end = shape->text + shape->length;
    while ((next = memmem(next, (size_t)(end - next), wanted, strlen(wanted))) != NULL) {
        count++;
        next += strlen(wanted);
    }
    return count;
}

static int64_t count_hashes(const struct text_shape *shape)
{
    int64_t count = 0;
    for (size_t i = 0; i < shape->length; i++)
        count += shape->text[i] == '#';
    return count;
}

static bool is_alphanumeric(char byte)
{
    return character_is_letter((unsigned char)byte) || (byte >= '0' && byte <= '9');
}

/* The number of the stop word that a word is without the punctuation around it, whatever its case, or -1. */
static int find_stop_word(const char *word, size_t bytes)
{
    static const char stop_words[][5] = {"the", "be", "to", "of", "and", "that", "have", "with"};
    while (bytes > 0 && (unsigned char)word[0] < 0x80 && !is_alphanumeric(word[0])) {
        word++;
        bytes--;
    }
    while (bytes > 0 && (unsigned char)word[bytes - 1] < 0x80 && !is_alphanumeric(word[bytes - 1]))
        bytes--;
    if (bytes < 2 || bytes > 4)
        return -1;
    char lower[5] = {0};
    for (size_t i = 0; i < bytes; i++)
        lower[i] = (char)character_lower((unsigned char)word[i]);
    for (int i = 0; i < (int)(sizeof stop_words / sizeof *stop_words); i++)
        if (memcmp(stop_words[i], lower, sizeof lower) == 0)
            return i;
    return -1;
}

/* What the words say. */
static bool words_reject(const struct quality *quality, struct verdict *out)
{
    const struct text_shape *shape = &quality->shape;
    double words = (double)shape->word_count;
    int64_t characters = 0, alphabetic = 0;
    unsigned stop_words = 0;
    for (int64_t i = 0; i < shape->word_count; i++) {
        const struct text_word *word = &shape->words[i];
        characters += word->characters;
        alphabetic += word->alphabetic;
        if (stop_words == ALL_STOP_WORDS)
            continue;
        int stop_word = find_stop_word(shape->text + word->begin, word->bytes);
        stop_words |= stop_word >= 0 ? 1u << stop_word : 0;
    }
    const struct clean_options *options = quality->options;
    return rule_rejects(RULE_MIN_WORD_LENGTH, (double)characters / words, options, out) ||
           rule_rejects(RULE_MAX_WORD_LENGTH, (double)characters / words, options, out) ||
           rule_rejects(RULE_ALPHABETIC_WORDS, (double)alphabetic / words, options, out) ||
           rule_rejects(RULE_STOP_WORDS, __builtin_popcount(stop_words), options, out);
}

static bool lines_reject(const struct quality *quality, struct verdict *out)
{
    const struct text_shape *shape = &quality->shape;
    double lines = (double)shape->line_count;
    int64_t bullets = 0, ellipses = 0;
    for (int64_t i = 0; i < shape->line_count; i++) {
        const char *line = shape->text + shape->lines[i].begin;
        size_t bytes = shape->lines[i].bytes;
        bullets += begins_with(line, bytes, "\u2022") || begins_with(line, bytes, "-");
        ellipses += ends_with(line, bytes, "...") || ends_with(line, bytes, "\u2026");
    }
    return rule_rejects(RULE_BULLET_LINES, (double)bullets / lines, quality->options, out) ||
           rule_rejects(RULE_ELLIPSIS_LINES, (double)ellipses / lines, quality->options, out);
}

static bool symbols_reject(const struct quality *quality, struct verdict *out)
{
    const struct text_shape *shape = &quality->shape;
    double words = (double)shape->word_count;
    double ellipses = (double)(count_text(shape, "...") + count_text(shape, "\u2026"));
    return rule_rejects(RULE_HASHES, (double)count_hashes(shape) / words, quality->options, out) ||
           rule_rejects(RULE_ELLIPSES, ellipses / words, quality->options, out);
}

bool gopher_quality_rejects(const struct quality *quality, struct verdict *out)
{
    double words = (double)quality->shape.word_count;
    if (rule_rejects(RULE_MIN_WORDS, words, quality->options, out) ||
        rule_rejects(RULE_MAX_WORDS, words, quality->options, out))
        return true;
    if (words == 0 || !quality->options->gopher_quality)
        return false;
    return words_reject(quality, out) || symbols_reject(quality, out) || lines_reject(quality, out);
}

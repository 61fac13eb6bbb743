/* C4's rules: Raffel et al. 2020, section 2.2, and their code (c4_utils.py of tensorflow/datasets), which
 * adds the rules on long words and on policies. Pages go whole for "lorem ipsum", for "{" and for too few
 * sentences; other rules are about lines, which either leave the text (c4_remove_lines) or only do not count
 * for the sentences. FineWeb used all of them except that on terminal punctuation, and so is the default; so
 * are its 5 sentences a page and 3 words a line, as datatrove has them from the paper (C4's code: 3 and 5).
 *
 * The original asks NLTK's trained model for sentences. Here one ends at . ? or !, with quotes and brackets
 * behind it, before white space and a character that is no small letter, unless it is a single capital
 * ("J. Smith"); and at the end of a line. */
#include "llmpi/prepare/quality.h"

#include <ctype.h>
#include <string.h>

/* ASCII letters become small ones, so that phrases are found in any case. */
static enum status lower_text(struct quality *quality)
{
    const struct text_shape *shape = &quality->shape;
    buffer_clear(&quality->lower);
    TRY(buffer_append(&quality->lower, shape->text, shape->length));
    char *text = quality->lower.data;
    for (size_t i = 0; i < shape->length; i++) {
        bool capital = (unsigned char)(text[i] - 'A') < 26;
        text[i] = (char)(text[i] | (capital ? 0x20 : 0));
    }
    return STATUS_OK;
}

static bool has_phrase(const char *text, size_t length, const char *phrase)
{
    return memmem(text, length, phrase, strlen(phrase)) != NULL;
}

/* Phrases on policies (c4_utils.py); four of the six have "cookie" in them. */
static bool has_policy(const char *lower, size_t length)
{
    static const char *const phrases[] = {"terms of use", "privacy policy", "cookie policy",
                                          "uses cookies", "use of cookies", "use cookies"};
    size_t count = has_phrase(lower, length, "cookie") ? sizeof phrases / sizeof *phrases : 2;
    for (size_t i = 0; i < count; i++)
        if (has_phrase(lower, length, phrases[i]))
            return true;
    return false;
}

/* What the whole text has, so that most lines need not be searched. */
struct phrases {
    bool javascript, policy;
};

static bool has_long_word(const struct text_shape *shape, const struct text_span *line, int64_t most)
{
    for (uint32_t i = 0; i < line->words && most > 0; i++)
        if (shape->words[line->first_word + i].characters > most)
            return true;
    return false;
}

/* A full stop that is one of three is no end. */
static bool has_terminal_punctuation(const char *text, size_t length)
{
    return memchr(".?!\"'", text[length - 1], 5) != NULL &&
           !(length >= 3 && memcmp(text + length - 3, "...", 3) == 0);
}

static bool line_counts(const struct quality *quality, const struct text_span *line,
                        const struct phrases *found)
{
    const struct clean_options *options = quality->options;
    const char *lower = quality->lower.data + line->begin;
    return (int64_t)line->words >= options->c4_min_line_words &&
           !has_long_word(&quality->shape, line, options->c4_max_word_length) &&
           !(options->c4_terminal_punctuation && !has_terminal_punctuation(lower, line->bytes)) &&
           !(found->javascript && has_phrase(lower, line->bytes, "javascript")) &&
           !(found->policy && has_policy(lower, line->bytes));
}

static bool is_closing(char byte)
{
    return byte == '"' || byte == '\'' || byte == ')' || byte == ']';
}

/* Whether a sentence may end with this word. */
static bool ends_sentence(const char *word, size_t bytes)
{
    while (bytes > 0 && is_closing(word[bytes - 1]))
        bytes--;
    if (bytes == 0 || (word[bytes - 1] != '.' && word[bytes - 1] != '?' && word[bytes - 1] != '!'))
        return false;
    return !(bytes == 2 && word[1] == '.' && isupper((unsigned char)word[0]));
}

static int64_t count_sentences(const struct text_shape *shape, const struct text_span *line)
{
    int64_t sentences = 1;
    const struct text_word *words = &shape->words[line->first_word];
    for (uint32_t i = 0; i + 1 < line->words; i++)
        sentences += ends_sentence(shape->text + words[i].begin, words[i].bytes) &&
                     !islower((unsigned char)shape->text[words[i + 1].begin]);
    return sentences;
}

/* The length of a citation mark such as "[12]" at the start of a text; 0: there is none. */
static size_t measure_citation(const char *text, size_t length)
{
    static const char *const marks[] = {"[edit]", "[citation needed]"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (length >= strlen(marks[i]) && memcmp(text, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    size_t at = 1;
    while (at < length && isdigit((unsigned char)text[at]))
        at++;
    return at < length && text[at] == ']' ? at + 1 : 0;
}

static enum status append_line(struct quality *quality, const char *line, size_t length)
{
    struct buffer *out = &quality->cleaned;
    if (out->length > 0)
        TRY(buffer_append(out, "\n", 1));
    while (length > 0 && quality->options->c4_remove_citations) {
        const char *bracket = memchr(line, '[', length);
        if (bracket == NULL)
            break;
        size_t before = (size_t)(bracket - line), mark = measure_citation(bracket, length - before);
        TRY(buffer_append(out, line, mark > 0 ? before : before + 1));
        line += before + (mark > 0 ? mark : 1);
        length -= before + (mark > 0 ? mark : 1);
    }
    return buffer_append(out, line, length);
}

enum status c4_quality_judge(struct quality *quality, struct verdict *out)
{
    const struct clean_options *options = quality->options;
    const struct text_shape *shape = &quality->shape;
    TRY(lower_text(quality));
    const char *lower = quality->lower.data;
    if (rule_rejects(RULE_LOREM_IPSUM, has_phrase(lower, shape->length, "lorem ipsum"), options, out) ||
        rule_rejects(RULE_CURLY_BRACKET, memchr(lower, '{', shape->length) != NULL, options, out))
        return STATUS_OK;
    const struct phrases found = {options->c4_javascript && has_phrase(lower, shape->length, "javascript"),
                                  options->c4_policy && has_policy(lower, shape->length)};
    int64_t sentences = 0;
    buffer_clear(&quality->cleaned);
    for (int64_t i = 0; i < shape->line_count; i++) {
        const struct text_span *line = &shape->lines[i];
        if (!line_counts(quality, line, &found))
            continue;
        sentences += count_sentences(shape, line);
        if (options->c4_remove_lines)
            TRY(append_line(quality, shape->text + line->begin, line->bytes));
    }
    if (!rule_rejects(RULE_SENTENCES, (double)sentences, options, out))
        rule_rejects(RULE_REMOVED_LINES, quality->cleaned.length == 0, options, out);
    return STATUS_OK;
}

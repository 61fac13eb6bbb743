/* One pass over the text. ASCII, which is nearly all of it, goes through a table; other characters are
 * decoded. */
#include "llmpi/prepare/text_shape.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"

#include <stdlib.h>
#include <string.h>

int64_t text_count_characters(const char *text, size_t length)
{
    int64_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += (text[i] & 0xC0) != 0x80; /* every byte but the later ones of a character */
    return count;
}

/* The bytes of the character at `at`, and what it is. */
static inline size_t look(const char *text, size_t at, size_t end, bool *space, bool *letter)
{
    unsigned char byte = (unsigned char)text[at];
    if (byte < 0x80) {
        *space = byte == ' ' || (unsigned char)(byte - '\t') < 5;
        *letter = (unsigned char)((byte | 0x20) - 'a') < 26;
        return 1;
    }
    uint32_t character = 0;
    int bytes = utf8_decode(text + at, end - at, &character);
    *space = character_is_space(character);
    *letter = character_is_letter(character);
    return bytes > 0 ? (size_t)bytes : 1;
}

/* The word that begins at *at, and *at behind it; no bytes when white space stands there. */
static inline struct text_word take_word(const char *text, size_t *at, size_t end)
{
    size_t begin = *at, next = begin;
    uint32_t characters = 0;
    bool alphabetic = false, space = false, letter = false;
    while (next < end) {
        size_t bytes = look(text, next, end, &space, &letter);
        if (space) {
            *at = next + bytes;
            return (struct text_word){(uint32_t)begin, (uint32_t)(next - begin), characters, alphabetic};
        }
        characters++;
        alphabetic |= letter;
        next += bytes;
    }
    *at = next;
    return (struct text_word){(uint32_t)begin, (uint32_t)(next - begin), characters, alphabetic};
}

/* Adds the words of text[at .. end), which is one line. */
static enum status add_words(struct text_shape *shape, size_t at, size_t end)
{
    while (at < end) {
        struct text_word *words = memory_grow(shape->words, shape->word_count, &shape->word_capacity,
                                              sizeof *words, "the words of a document");
        if (words == NULL)
            return STATUS_FAILED;
        shape->words = words;
        words[shape->word_count] = take_word(shape->text, &at, end);
        shape->word_count += words[shape->word_count].bytes > 0;
    }
    return STATUS_OK;
}

/* The characters between the first word and the end of the last one. */
static struct text_span span_of_words(const struct text_shape *shape, int64_t first)
{
    const struct text_word *last = &shape->words[shape->word_count - 1];
    struct text_span span = {.begin = shape->words[first].begin,
                             .first_word = (uint32_t)first,
                             .words = (uint32_t)(shape->word_count - first)};
    span.bytes = last->begin + last->bytes - span.begin;
    span.characters = (uint32_t)text_count_characters(shape->text + span.begin, span.bytes);
    return span;
}

static enum status add_line(struct text_shape *shape, int64_t first_word)
{
    struct text_span *lines = memory_grow(shape->lines, shape->line_count, &shape->line_capacity,
                                          sizeof *lines, "the words of a document");
    if (lines == NULL)
        return STATUS_FAILED;
    shape->lines = lines;
    lines[shape->line_count++] = span_of_words(shape, first_word);
    return STATUS_OK;
}

static enum status end_paragraph(struct text_shape *shape, int64_t first_word)
{
    if (first_word == shape->word_count)
        return STATUS_OK;
    struct text_span *paragraphs =
        memory_grow(shape->paragraphs, shape->paragraph_count, &shape->paragraph_capacity, sizeof *paragraphs,
                    "the words of a document");
    if (paragraphs == NULL)
        return STATUS_FAILED;
    shape->paragraphs = paragraphs;
    paragraphs[shape->paragraph_count++] = span_of_words(shape, first_word);
    return STATUS_OK;
}

enum status text_shape_measure(struct text_shape *shape, const char *text, size_t length)
{
    if (length > TEXT_SHAPE_LONGEST)
        return fail(STATUS_FAILED,
                    "a document has %zu bytes, expected at most %zu: give corpus.document_separator if it is "
                    "many documents",
                    length, TEXT_SHAPE_LONGEST);
    shape->text = text;
    shape->length = length;
    shape->characters = text_count_characters(text, length);
    shape->newlines = shape->word_count = shape->line_count = shape->paragraph_count = 0;
    int64_t paragraph = 0; /* its first word */
    for (size_t at = 0; at < length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t end = newline != NULL ? (size_t)(newline - text) : length;
        int64_t first = shape->word_count;
        TRY(add_words(shape, at, end));
        if (shape->word_count > first) {
            TRY(add_line(shape, first));
        } else {
            TRY(end_paragraph(shape, paragraph));
            paragraph = shape->word_count;
        }
        shape->newlines += newline != NULL;
        at = end + 1;
    }
    return end_paragraph(shape, paragraph);
}

void text_shape_free(struct text_shape *shape)
{
    free(shape->words);
    free(shape->lines);
    free(shape->paragraphs);
    *shape = (struct text_shape){0};
}

/* What the quality rules see of a text: its words, lines and paragraphs.
 *
 * A word is a run of characters other than white space (Unicode's White_Space), punctuation included, as the
 * whitespace splitting of Gopher's and C4's descriptions suggests. A line is what stands between two newlines
 * (U+000A) without white space around it; blank lines are none. A paragraph is a run of lines without a blank
 * line between them. Lengths of rules are in characters (Unicode code points). */
#ifndef LLMPI_PREPARE_TEXT_SHAPE_H
#define LLMPI_PREPARE_TEXT_SHAPE_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_SHAPE_LONGEST ((size_t)1 << 31) /* bytes of a text */

struct text_word {
    uint32_t begin, bytes, characters;
    bool alphabetic; /* has a letter */
};

/* A line or a paragraph. */
struct text_span {
    uint32_t begin, bytes, characters;
    uint32_t first_word, words;
};

/* Start with {0}; used for one text after the other without new memory. About 16 bytes per word and 20 per
 * line of the longest text. */
struct text_shape {
    const char *text; /* borrowed */
    size_t length;
    int64_t characters, newlines;
    struct text_word *words;
    struct text_span *lines, *paragraphs;
    int64_t word_count, line_count, paragraph_count;
    int64_t word_capacity, line_capacity, paragraph_capacity;
};

/* Measures a text of valid UTF-8, which must stay where it is as long as the shape is used. A longer one than
 * TEXT_SHAPE_LONGEST is STATUS_FAILED. */
enum status text_shape_measure(struct text_shape *shape, const char *text, size_t length);
void text_shape_free(struct text_shape *shape);

/* Number of characters of valid UTF-8. */
int64_t text_count_characters(const char *text, size_t length);

/* Whether a character is white space (Unicode's property White_Space). */
bool character_is_space(uint32_t character);

/* Whether a character is a letter; beyond ASCII everything is that stands outside Unicode's blocks of
 * punctuation and symbols (so that digits of other scripts count as letters). */
bool character_is_letter(uint32_t character);

/* The lower case of ASCII, Latin-1, Greek and Cyrillic capitals; others are returned as they are. */
uint32_t character_lower(uint32_t character);

#endif

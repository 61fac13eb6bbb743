/* Two ways to find words. One character at a time, for any text, with a table of classes; and for GPT-2's
 * pattern 64 bytes of ASCII at a time, where a bit per byte says "letter", "number", "white space", and the
 * borders between words follow from shifted bits. A block starts where a word does, so that nothing is
 * carried from block to block.
 *
 * The borders of GPT-2's pattern: a word starts where the class changes, except behind a space, which belongs
 * to the word that follows it; the last character of a run of white space is a word of its own or the start
 * of the next one, unless the text ends there; a contraction ends where it ends. */
#include "llmpi/text/word_splitter.h"

#include "llmpi/base/utf8.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

enum { BLOCK = 64 };

/* --- one character at a time --- */

enum { CLASS_END = CLASS_OTHER + 1 }; /* no character: the end of the text, or an invalid byte */

struct character {
    int class, length;
};

static enum status read_slowly(struct character_classes *classes, const char *place, const char *end,
                               struct character *out)
{
    uint32_t code = 0;
    *out = (struct character){CLASS_END, 0};
    int length = utf8_decode(place, (size_t)(end - place), &code);
    if (length == 0)
        return STATUS_OK;
    if (classes->of[code] == CLASS_UNKNOWN)
        TRY(character_classes_learn(classes, code));
    *out = (struct character){classes->of[code], length};
    return STATUS_OK;
}

static inline enum status read_character(struct character_classes *classes, const char *place,
                                         const char *end, struct character *out)
{
    if (place == end || (unsigned char)*place >= 0x80)
        return read_slowly(classes, place, end, out);
    *out = (struct character){classes->of[(unsigned char)*place], 1};
    return STATUS_OK;
}

/* Passes the characters of one class from *place on, at most `most`; *last is where the last of them starts.
 */
static enum status pass_run(struct character_classes *classes, int class, size_t most, const char **place,
                            const char *end, const char **last, struct character *next)
{
    *last = *place;
    TRY(read_character(classes, *place, end, next));
    for (size_t i = 0; i < most && next->class == class; i++) {
        *last = *place;
        *place += next->length;
        TRY(read_character(classes, *place, end, next));
    }
    return STATUS_OK;
}

/* Length of a contraction such as 's or 'll at `place`, where an apostrophe stands, or 0. */
static inline int contraction_length(const char *place, const char *end, int fold)
{
    if (end - place < 2)
        return 0;
    int first = place[1] | fold;
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return 2;
    int second = end - place < 3 ? 0 : place[2] | fold;
    return ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l') ? 3 : 0;
}

/* The end of the word of GPT-2's pattern that starts at `word` < end. */
static enum status find_end_gpt2(struct character_classes *classes, const char *word, const char *end,
                                 const char **out)
{
    int contraction = *word == '\'' ? contraction_length(word, end, 0) : 0;
    const char *place = word, *last = NULL;
    struct character first, next;
    *out = word + (contraction > 0 ? contraction : 1);
    if (contraction > 0)
        return STATUS_OK;
    TRY(read_character(classes, word, end, &first));
    if (first.class == CLASS_END)
        return STATUS_OK;
    if (*word == ' ') {
        TRY(read_character(classes, word + 1, end, &next));
        if (next.class == CLASS_END)
            return STATUS_OK;
        first.class = next.class;
        place += next.class != CLASS_SPACE;
    }
    TRY(pass_run(classes, first.class, SIZE_MAX, &place, end, &last, &next));
    bool whole = first.class != CLASS_SPACE || next.class == CLASS_END || last == word;
    *out = whole ? place : last;
    return STATUS_OK;
}

/* The same for white space in cl100k's pattern: up to its last line end, or all but its last character. */
static enum status find_end_of_space(struct character_classes *classes, const char *word, const char *end,
                                     const char **out)
{
    const char *place = word, *last = NULL;
    struct character next;
    TRY(pass_run(classes, CLASS_SPACE, SIZE_MAX, &place, end, &last, &next));
    *out = next.class == CLASS_END || last == word ? place : last;
    for (; place > word; place--)
        if (place[-1] == '\n' || place[-1] == '\r') {
            *out = place;
            break;
        }
    return STATUS_OK;
}

/* Contractions of cl100k in either case; U+017F is a small s as far as case is concerned. */
static int contraction_length_cl100k(const char *place, const char *end)
{
    if (end - place >= 3 && memcmp(place + 1, "\xC5\xBF", 2) == 0)
        return 3;
    return contraction_length(place, end, 0x20);
}

static enum status find_end_cl100k(struct character_classes *classes, const char *word, const char *end,
                                   const char **out)
{
    int contraction = *word == '\'' ? contraction_length_cl100k(word, end) : 0;
    const char *place = word, *last = NULL;
    struct character first, next = {CLASS_END, 0};
    *out = word + (contraction > 0 ? contraction : 1);
    if (contraction > 0)
        return STATUS_OK;
    TRY(read_character(classes, word, end, &first));
    if (first.class == CLASS_END)
        return STATUS_OK;
    *out = first.class == CLASS_NUMBER ? word : *out;
    if (first.class == CLASS_NUMBER)
        return pass_run(classes, CLASS_NUMBER, 3, out, end, &last, &next);
    TRY(read_character(classes, word + first.length, end, &next));
    bool letters =
        first.class == CLASS_LETTER || (next.class == CLASS_LETTER && *word != '\r' && *word != '\n');
    if (!letters && first.class == CLASS_SPACE && !(*word == ' ' && next.class == CLASS_OTHER))
        return find_end_of_space(classes, word, end, out);
    place += first.length;
    TRY(pass_run(classes, letters ? CLASS_LETTER : CLASS_OTHER, SIZE_MAX, &place, end, &last, &next));
    while (!letters && place < end && (*place == '\r' || *place == '\n'))
        place++;
    *out = place;
    return STATUS_OK;
}

/* --- 64 bytes of ASCII at a time --- */

#define EACH_BYTE(value) (0x0101010101010101u * (uint64_t)(value))

/* The highest bit of each byte that is at least `least`; bytes are below 128. */
static inline uint64_t at_least(uint64_t bytes, unsigned least)
{
    return (bytes + EACH_BYTE(0x80 - least)) & EACH_BYTE(0x80);
}

static inline uint64_t between(uint64_t bytes, unsigned first, unsigned last)
{
    return at_least(bytes, first) & ~at_least(bytes, last + 1);
}

/* Bit i is the highest bit of byte i; the other bits are zero. The product puts eight bits side by side. */
static inline uint64_t gather(uint64_t high_bits)
{
    return (high_bits >> 7) * 0x0102040810204080u >> 56;
}

/* One bit per byte of a block. */
struct block {
    uint64_t ascii, letter, number, space, white, quote; /* space: U+0020; white: any white space */
};

static inline struct block read_block(const char *text)
{
    struct block block = {0};
    for (int i = 0; i < BLOCK; i += 8) {
        uint64_t eight;
        memcpy(&eight, text + i, sizeof eight);
        eight = le64toh(eight);
        uint64_t bytes = eight & EACH_BYTE(0x7F);
        uint64_t space = between(bytes, ' ', ' ');
        block.ascii |= gather(~eight & EACH_BYTE(0x80)) << i;
        block.letter |= gather(between(bytes | EACH_BYTE(0x20), 'a', 'z')) << i;
        block.number |= gather(between(bytes, '0', '9')) << i;
        block.space |= gather(space) << i;
        block.white |= gather(space | between(bytes, '\t', '\r')) << i;
        block.quote |= gather(between(bytes, '\'', '\'')) << i;
    }
    return block;
}

/* The bits below bit `count`, which is below 64. */
static inline uint64_t low_bits(int count)
{
    return ((uint64_t)1 << count) - 1;
}

/* Where words start behind the first byte of a block, which starts one, as far as the block tells: no further
 * than the character before its last one in ASCII. */
static inline uint64_t find_borders(const char *text, const struct block *block)
{
    int known = ~block->ascii != 0 ? __builtin_ctzll(~block->ascii) : BLOCK;
    uint64_t other = ~(block->letter | block->number | block->white);
    uint64_t same =
        (block->letter & block->letter << 1) | (block->number & block->number << 1) | (other & other << 1);
    uint64_t borders = (block->white & ~(block->white << 1 & block->white >> 1)) |
                       (~block->white & ~same & ~(block->space << 1));
    uint64_t valid = known < 3 ? 0 : low_bits(known - 1) & ~(uint64_t)1; /* those see two bytes further */
    for (uint64_t quotes = block->quote & (borders | 1); quotes != 0; quotes &= quotes - 1) {
        int at = __builtin_ctzll(quotes);
        int length = contraction_length(text + at, text + known, 0);
        if (length > 0)
            borders = (borders & ~((uint64_t)2 << at)) | (uint64_t)1 << at << length;
    }
    return borders & valid;
}

enum status splitter_run_gpt2(struct character_classes *classes, const char *text, const char *end,
                              const char *ends[SPLITTER_BATCH], size_t *count)
{
    size_t found = 0;
    while (text < end && found < SPLITTER_BATCH) {
        uint64_t borders = 0, eight = EACH_BYTE(0x80);
        if (end - text >= BLOCK && found <= SPLITTER_BATCH - BLOCK)
            memcpy(&eight, text, sizeof eight);
        if ((eight & EACH_BYTE(0x80)) == 0) { /* worth the work: at least these are ASCII */
            const struct block block = read_block(text);
            borders = find_borders(text, &block);
        }
        if (borders == 0) {
            TRY(find_end_gpt2(classes, text, end, &text));
            ends[found++] = text;
            continue;
        }
        for (; borders != 0; borders &= borders - 1)
            ends[found++] = text + __builtin_ctzll(borders);
        text = ends[found - 1];
    }
    *count = found;
    return STATUS_OK;
}

enum status splitter_run_cl100k(struct character_classes *classes, const char *text, const char *end,
                                const char *ends[SPLITTER_BATCH], size_t *count)
{
    *count = 0;
    while (text < end && *count < SPLITTER_BATCH) {
        TRY(find_end_cl100k(classes, text, end, &text));
        ends[(*count)++] = text;
    }
    return STATUS_OK;
}

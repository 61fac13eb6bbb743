/* One pass over the characters: a word ends where white space or a separator begins. "--" is looked for from
 * the left, so that "---" is "--" and "-", as a regular expression finds them. */
#include "llmpi/text/word_encoder.h"

#include "llmpi/base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_space(uint32_t character)
{
    return (character >= 0x9 && character <= 0xD) || (character >= 0x1C && character <= 0x20) ||
           character == 0x85 || character == 0xA0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200A) || character == 0x2028 || character == 0x2029 ||
           character == 0x202F || character == 0x205F || character == 0x3000;
}

/* What stands at the start of a text, and its length in bytes. */
enum piece { PIECE_LETTER, PIECE_SPACE, PIECE_WORD };

static enum piece look(const char *text, const char *end, size_t *length)
{
    uint32_t character = 0;
    int size = utf8_decode(text, (size_t)(end - text), &character);
    *length = size > 0 ? (size_t)size : 1;
    if (size == 0 || character == 0)
        return PIECE_WORD;
    if (is_space(character))
        return PIECE_SPACE;
    if (character == '-' && end - text > 1 && text[1] == '-') {
        *length = 2;
        return PIECE_WORD;
    }
    return character < 0x80 && strchr(",.:;?_!\"()'", (int)character) != NULL ? PIECE_WORD : PIECE_LETTER;
}

bool word_next(const char **at, const char *end, const char **word, size_t *length)
{
    size_t size = 0;
    enum piece piece = PIECE_SPACE;
    for (; *at < end; *at += size) {
        piece = look(*at, end, &size);
        if (piece != PIECE_SPACE)
            break;
    }
    *word = *at;
    if (piece == PIECE_WORD)
        *at += size;
    while (piece == PIECE_LETTER) {
        *at += size;
        piece = *at < end ? look(*at, end, &size) : PIECE_SPACE;
    }
    *length = (size_t)(*at - *word);
    return *length > 0;
}

enum status word_encoder_run(const struct vocabulary *vocabulary, const char *text, size_t length,
                             struct token_list *out)
{
    const char *end = text + length, *word = NULL;
    while (word_next(&text, end, &word, &length)) {
        int64_t id = vocabulary_find_ordinary(vocabulary, word, length);
        TRY(token_list_add(out, id >= 0 ? (uint32_t)id : vocabulary->unknown));
    }
    return STATUS_OK;
}

bool word_joins(const char *word, size_t length)
{
    return length > 0 && memchr(",.?!\"()'", word[0], 8) != NULL;
}

bool word_may_follow(const char *text, size_t length)
{
    size_t start = length;
    uint32_t character = 0;
    while (start > 0 && length - start < 4 && ((unsigned char)text[--start] & 0xC0) == 0x80)
        continue;
    return length == 0 || (utf8_decode(text + start, length - start, &character) > 0 && is_space(character));
}

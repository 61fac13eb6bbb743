/* The alphabet has three runs of bytes that stand for themselves and three gaps between them; the character
 * of a byte in a gap is 256 plus the number of gap bytes before it. */
#include "llmpi/text/byte_alphabet.h"

#include "llmpi/base/utf8.h"

#include <stdbool.h>

#define PRINTABLE 188 /* bytes that stand for themselves */

static bool stands_for_itself(uint32_t byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

/* The gaps are 0x00-0x20 (33 bytes), 0x7F-0xA0 (34 bytes) and 0xAD. */
static uint32_t character_of(uint8_t byte)
{
    if (stands_for_itself(byte))
        return byte;
    return byte <= 0x20 ? 256u + byte : byte <= 0xA0 ? 256u + 33 + (byte - 0x7Fu) : 256u + 67;
}

int byte_alphabet_byte(uint32_t character)
{
    if (character < 256)
        return stands_for_itself(character) ? (int)character : -1;
    uint32_t number = character - 256;
    return number < 33 ? (int)number : number < 67 ? (int)(0x7F + number - 33) : number == 67 ? 0xAD : -1;
}

uint8_t byte_alphabet_sorted(int index)
{
    uint32_t character = index >= PRINTABLE ? 256u + (uint32_t)(index - PRINTABLE)
                         : index < 94       ? '!' + (uint32_t)index
                         : index < 106      ? 0xA1 + (uint32_t)(index - 94)
                                            : 0xAE + (uint32_t)(index - 106);
    return (uint8_t)byte_alphabet_byte(character);
}

enum status byte_alphabet_write(struct buffer *out, const char *bytes, size_t length)
{
    TRY(buffer_reserve(out, 2 * length));
    for (size_t i = 0; i < length; i++) {
        char text[4];
        TRY(buffer_append(out, text, (size_t)utf8_encode(character_of((uint8_t)bytes[i]), text)));
    }
    return STATUS_OK;
}

enum status byte_alphabet_read(struct buffer *out, const char *text, size_t length, int64_t *invalid)
{
    *invalid = -1;
    TRY(buffer_reserve(out, length));
    for (size_t at = 0; at < length;) {
        uint32_t character = 0;
        int size = utf8_decode(text + at, length - at, &character);
        int byte = size > 0 ? byte_alphabet_byte(character) : -1;
        if (byte < 0) {
            *invalid = (int64_t)at;
            return STATUS_OK;
        }
        char one = (char)byte;
        TRY(buffer_append(out, &one, 1));
        at += (size_t)size;
    }
    return STATUS_OK;
}

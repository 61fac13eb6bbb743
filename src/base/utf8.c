/* The well-formed byte sequences of table 3-7 of the Unicode standard. */
#include "llmpi/base/utf8.h"

#include <string.h>

int utf8_decode(const char *text, size_t length, uint32_t *character)
{
    if (length == 0)
        return 0;
    const unsigned char *byte = (const unsigned char *)text;
    uint32_t first = byte[0];
    if (first < 0x80) {
        *character = first;
        return 1;
    }
    int size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || (size_t)size > length)
        return 0;
    uint32_t value = first & (0x7Fu >> size);
    for (int i = 1; i < size; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (byte[i] & 0x3F);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < smallest[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *character = value;
    return size;
}

int utf8_encode(uint32_t character, char out[4])
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    int size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (int i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (char)(0xFFu << (8 - size) | character);
    return size;
}

int64_t utf8_find_invalid(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint64_t eight = 0; /* ASCII goes eight bytes at a time */
        if (length - at >= sizeof eight) {
            memcpy(&eight, text + at, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        uint32_t character = 0;
        int size = utf8_decode(text + at, length - at, &character);
        if (size == 0)
            return (int64_t)at;
        at += (size_t)size;
    }
    return -1;
}

/* What a character is, by ranges of Unicode 15 (https://www.unicode.org/Public/15.0.0/ucd/). Rules of thumb
 * for filters: the whole table of letters would be a megabyte. */
#include "llmpi/prepare/text_shape.h"

bool character_is_space(uint32_t character)
{
    if (character < 0x80)
        return character == ' ' || (character >= '\t' && character <= '\r');
    return character == 0x85 || character == 0xA0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200A) || character == 0x2028 || character == 0x2029 ||
           character == 0x202F || character == 0x205F || character == 0x3000;
}

bool character_is_letter(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } symbols[] = {{0x80, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},      {0xBB, 0xBF},     {0xD7, 0xD7},
                   {0xF7, 0xF7},     {0x2000, 0x2BFF}, {0x2E00, 0x2E7F},  {0x3000, 0x3004}, {0x3008, 0x3020},
                   {0x3030, 0x3030}, {0xE000, 0xF8FF}, {0xFE10, 0xFE6F},  {0xFF00, 0xFF20}, {0xFF3B, 0xFF40},
                   {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF}, {0x1F000, 0x1FAFF}};
    if (character < 0x80)
        return (character | 0x20) >= 'a' && (character | 0x20) <= 'z';
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (character >= symbols[i].first && character <= symbols[i].last)
            return false;
    return true;
}

uint32_t character_lower(uint32_t character)
{
    bool by_32 = (character >= 'A' && character <= 'Z') ||
                 (character >= 0xC0 && character <= 0xDE && character != 0xD7) ||
                 (character >= 0x391 && character <= 0x3A9) || (character >= 0x410 && character <= 0x42F);
    if (by_32)
        return character + 32;
    return character >= 0x400 && character <= 0x40F ? character + 80 : character;
}

/* One byte per character, asked of PCRE2 in blocks of 256 when the first of them is met: no table of
 * Unicode's to keep up to date, and a text pays only for the scripts that it has. */
#include "llmpi/text/character_class.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/regex.h"

enum { BLOCK = 256 };

enum status character_classes_create(struct character_classes *classes)
{
    classes->of = memory_allocate(CHARACTER_COUNT, sizeof *classes->of, "the classes of characters");
    if (classes->of == NULL)
        return STATUS_FAILED;
    TRY(regex_compile("(\\p{L})|(\\p{N})|([" WHITE_SPACE "])", &classes->regex));
    return character_classes_learn(classes, 0);
}

void character_classes_free(struct character_classes *classes)
{
    memory_free(classes->of);
    regex_free(classes->regex);
    *classes = (struct character_classes){0};
}

enum status character_classes_learn(struct character_classes *classes, uint32_t character)
{
    static const uint8_t of_group[] = {CLASS_OTHER, CLASS_LETTER, CLASS_NUMBER, CLASS_SPACE};
    uint32_t first = character / BLOCK * BLOCK;
    for (uint32_t next = first; next < first + BLOCK; next++) {
        char text[4];
        struct regex_match match = {0};
        if (next < 0xD800 || next > 0xDFFF) /* surrogates are no characters */
            TRY(regex_find(classes->regex, text, (size_t)utf8_encode(next, text), 0, &match));
        classes->of[next] = of_group[match.group];
    }
    return STATUS_OK;
}

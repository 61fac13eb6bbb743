/* What Unicode says about a character, as far as splitting patterns ask: letter, number, white space. */
#ifndef LLMPI_TEXT_CHARACTER_CLASS_H
#define LLMPI_TEXT_CHARACTER_CLASS_H

#include "llmpi/base/status.h"

#include <stdint.h>

#define CHARACTER_COUNT 0x110000

enum character_class {
    CLASS_UNKNOWN, /* not asked yet */
    CLASS_LETTER,  /* \p{L} */
    CLASS_NUMBER,  /* \p{N} */
    CLASS_SPACE,   /* the property White_Space */
    CLASS_OTHER
};

/* the characters of White_Space, to be written inside a class of a regular expression of PCRE2, whose \s also
 * has U+180E */
#define WHITE_SPACE                                                                                          \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}"                                         \
    "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

/* Classes by character; not shared between threads. */
struct character_classes {
    uint8_t *of; /* CHARACTER_COUNT values of enum character_class; ASCII is always known */
    struct regex *regex;
};

/* Start with {0}; free also after a failure. */
enum status character_classes_create(struct character_classes *classes);
void character_classes_free(struct character_classes *classes);

/* Makes the class of a character known, and those of its neighbours. */
enum status character_classes_learn(struct character_classes *classes, uint32_t character);

#endif

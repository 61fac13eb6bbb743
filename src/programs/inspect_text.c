/* Text of files that others may have written, on a terminal. */
#include "inspect.h"

#include "llmpi/base/utf8.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints a character, or what stands for it; returns the columns that it takes. */
static int print_character(const char *text, int used, uint32_t character, bool quoted)
{
    if (used == 0)
        return printf("\\x%02x", (unsigned char)*text);
    if (character == '\n')
        return printf("\\n");
    if (character == '\t')
        return printf("\\t");
    if (quoted && (character == '"' || character == '\\'))
        return printf("\\%c", (int)character);
    if (character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x2028 ||
        character == 0x2029 || (character >= 0x202a && character <= 0x202e) ||
        (character >= 0x2066 && character <= 0x2069))
        return printf("\\u%04" PRIx32, character);
    printf("%.*s", used, text);
    return 1;
}

static int print_plain(const char *text, size_t length, bool quoted)
{
    int columns = 0;
    for (size_t i = 0; i < length;) {
        uint32_t character = 0;
        int used = utf8_decode(text + i, length - i, &character);
        columns += print_character(text + i, used, character, quoted);
        i += used == 0 ? 1 : (size_t)used;
    }
    return columns;
}

void inspect_text(const char *text, size_t length, int width)
{
    int columns = print_plain(text, length, false);
    printf("%*s", columns < width ? width - columns : 0, "");
}

void inspect_quoted(const char *text, size_t length)
{
    putchar('"');
    print_plain(text, length, true);
    putchar('"');
}

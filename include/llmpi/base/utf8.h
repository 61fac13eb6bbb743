/* UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef LLMPI_BASE_UTF8_H
#define LLMPI_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the character at the start of `text`. Returns its length in bytes (1 to 4), or 0 when the bytes are
 * not valid UTF-8 (or `length` is 0). */
int utf8_decode(const char *text, size_t length, uint32_t *character);

/* Writes a character as 1 to 4 bytes and returns how many. */
int utf8_encode(uint32_t character, char out[4]);

/* Offset of the first byte that is not part of valid UTF-8, or -1 when all of it is valid. */
int64_t utf8_find_invalid(const char *text, size_t length);

#endif

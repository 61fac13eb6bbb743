/* GPT-2's byte alphabet: one printable character for each of the 256 bytes, so that any byte string can be
 * written as the text of a JSON file. The bytes of `!`-`~`, `¡`-`¬` and `®`-`ÿ` stand for themselves (as
 * Latin-1); the other 68, in order, are U+0100, U+0101, ... (bytes_to_unicode of encoder.py in openai/gpt-2).
 */
#ifndef LLMPI_TEXT_BYTE_ALPHABET_H
#define LLMPI_TEXT_BYTE_ALPHABET_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stddef.h>
#include <stdint.h>

/* The byte that a character stands for, or -1. */
int byte_alphabet_byte(uint32_t character);

/* Byte number `index` (0 to 255) when bytes are sorted by their characters. */
uint8_t byte_alphabet_sorted(int index);

/* Appends the characters of `bytes` as UTF-8. */
enum status byte_alphabet_write(struct buffer *out, const char *bytes, size_t length);

/* Appends the bytes of `text`, the inverse of byte_alphabet_write. Returns the offset of the first character
 * that stands for no byte, or -1 when all do, in *invalid. Fails only without memory. */
enum status byte_alphabet_read(struct buffer *out, const char *text, size_t length, int64_t *invalid);

#endif

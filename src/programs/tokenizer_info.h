/* `llmpi tokenizer info`: what a tokenizer is, and what it makes of a text. */
#ifndef LLMPI_PROGRAMS_TOKENIZER_INFO_H
#define LLMPI_PROGRAMS_TOKENIZER_INFO_H

#include "llmpi/base/status.h"
#include "llmpi/text/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

struct info_settings {
    const char *sample;     /* file to measure on, or NULL: a corpus file or folder, else plain bytes */
    const char *text_field; /* member of each JSON line, or column, with the text */
    int64_t documents;      /* at most, of a corpus file; 0: all */
    bool json;
};

/* Prints to standard output. */
enum status tokenizer_info(struct tokenizer *tokenizer, const struct info_settings *settings);

#endif

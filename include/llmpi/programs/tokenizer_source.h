/* The TOKENIZER of a command line: whatever file holds one. */
#ifndef LLMPI_PROGRAMS_TOKENIZER_SOURCE_H
#define LLMPI_PROGRAMS_TOKENIZER_SOURCE_H

#include "llmpi/base/status.h"
#include "llmpi/text/tokenizer.h"

/* Loads the tokenizer of a checkpoint, or what tokenizer_load takes: a tokenizer.json, or a folder with one
 * or with GPT-2's two files. */
enum status tokenizer_source_load(const char *path, struct tokenizer **out);

#endif

/* The tokenizer of a GGUF file. */
#ifndef LLMPI_SRC_TRAIN_IMPORT_GGUF_TOKENIZER_H
#define LLMPI_SRC_TRAIN_IMPORT_GGUF_TOKENIZER_H

#include "llmpi/storage/gguf_reader.h"
#include "llmpi/text/tokenizer.h"

/* Byte-level BPE of the keys tokenizer.ggml.*, of a kind whose way to split words is known here: "gpt-2" or
 * "dbrx" (cl100k's). Unused tokens at the end, which pad an embedding, are left out. */
enum status import_gguf_tokenizer(const struct gguf *file, const char *path, struct tokenizer **out);

#endif

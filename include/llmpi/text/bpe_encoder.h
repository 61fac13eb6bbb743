/* Byte-level BPE encoding of text without special tokens: splitting into words, then merging inside each
 * word, with a cache of the ids of short words. */
#ifndef LLMPI_TEXT_BPE_ENCODER_H
#define LLMPI_TEXT_BPE_ENCODER_H

#include "llmpi/base/status.h"
#include "llmpi/text/token_list.h"
#include "llmpi/text/vocabulary.h"

#include <stddef.h>

/* Not shared between threads: it has a cache and a place in the text. */
struct bpe_encoder;

/* The vocabulary is borrowed. A byte without a token is an error. */
enum status bpe_encoder_create(const struct vocabulary *vocabulary, struct bpe_encoder **out);

/* NULL is fine. */
void bpe_encoder_destroy(struct bpe_encoder *encoder);

/* Appends the ids of any bytes. */
enum status bpe_encoder_run(struct bpe_encoder *encoder, const char *text, size_t length,
                            struct token_list *out);

#endif

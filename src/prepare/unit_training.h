/* Learning the tokenizers that are no BPE: words and characters. */
#ifndef LLMPI_PREPARE_UNIT_TRAINING_H
#define LLMPI_PREPARE_UNIT_TRAINING_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/config/config.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/text/vocabulary.h"
#include "llmpi/text/word_counts.h"

/* tokenizer.kind as the text layer knows it. */
enum vocabulary_kind unit_training_kind(const struct config *config);

/* Learns the vocabulary that the configuration asks for, and says how much of the text is unknown to it. */
enum status unit_training_learn(const struct config *config, const struct string_list *special_tokens,
                                const struct word_counts *counts, struct tokenizer **out);

#endif

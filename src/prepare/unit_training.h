/* Learning the tokenizers that are no BPE: words and characters. */
#ifndef LLMPI_PREPARE_UNIT_TRAINING_H
#define LLMPI_PREPARE_UNIT_TRAINING_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/config/config.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/text/vocabulary.h"
#include "llmpi/text/word_counts.h"
#include "word_gathering.h"

/* tokenizer.kind as the text layer knows it. */
enum vocabulary_kind unit_training_kind(const struct config *config);

/* Refuses (STATUS_USAGE) what learning would refuse of the configuration. */
enum status unit_training_check(const struct config *config, const struct string_list *special_tokens);

/* Learns the vocabulary that the configuration asks for, and says how much of the text is unknown to it;
 * `gathering` says which units of the text are not among the counts. */
enum status unit_training_learn(const struct config *config, const struct string_list *special_tokens,
                                const struct word_counts *counts, const struct word_gathering *gathering,
                                struct tokenizer **out);

#endif

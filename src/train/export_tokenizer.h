/* What both formats of an export say of the tokenizer. */
#ifndef LLMPI_SRC_TRAIN_EXPORT_TOKENIZER_H
#define LLMPI_SRC_TRAIN_EXPORT_TOKENIZER_H

#include "llmpi/train/model_export.h"

#include <stdbool.h>
#include <stdint.h>

/* Writes the files of the tokenizer, of those that export_safetensors writes. */
enum status export_tokenizer(const struct model_export *export, const char *folder);

/* Appends the chat template of the configuration in Jinja, as transformers and llama.cpp read it. */
enum status export_chat_template(const struct config *config, struct buffer *out);

/* Whether the tokenizer knows the tokens of the chat template: the model was tuned to answer. */
bool export_is_chat(const struct model_export *export);

/* The id of the token that ends a document (shards.end_token), of that which ends an answer; -1: none. */
int64_t export_end_of_text(const struct model_export *export);
int64_t export_end_of_turn(const struct model_export *export);

#endif

/* The list of special tokens that a user asks for. */
#ifndef LLMPI_TEXT_SPECIAL_TOKENS_H
#define LLMPI_TEXT_SPECIAL_TOKENS_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"

/* Fills `out` (which starts as {0}; the caller frees it) with the names of a list in order, where the word
 * `chatml` stands for ChatML's two tokens, <|im_start|> and <|im_end|>
 * (https://github.com/openai/openai-python/blob/v0.28.1/chatml.md). A name that is empty, no valid UTF-8, or
 * given twice is STATUS_USAGE. */
enum status special_tokens_expand(const struct string_list *names, struct string_list *out);

#endif

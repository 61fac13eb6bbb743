/* How a conversation is written as tokens: each turn between a prefix, which names the role, and a suffix. By
 * default ChatML (https://github.com/openai/openai-python/blob/v0.28.1/chatml.md):
 *
 *     <|im_start|>user\nWho was the winner?<|im_end|>\n<|im_start|>assistant\nMabel<|im_end|>\n
 *
 * Special tokens in prefix and suffix become their ids. Those in a turn's content do not, so nobody can forge
 * a turn by what he says. */
#ifndef LLMPI_TEXT_CHAT_TEMPLATE_H
#define LLMPI_TEXT_CHAT_TEMPLATE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/text/token_list.h"
#include "llmpi/text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_ROLES };

/* "system", "user", "assistant". */
const char *chat_role_name(enum chat_role role);

/* Strings of the configuration (section `instruct`), borrowed. */
struct chat_template {
    const char *turn_prefix; /* "{role}" in it becomes the role's name */
    const char *turn_suffix; /* holds end_of_turn */
    const char *end_of_turn; /* one special token: the model writes it at the end of an answer */
};

/* STATUS_USAGE when the suffix does not hold end_of_turn, or the tokenizer lacks end_of_turn as a special
 * token. */
enum status chat_template_check(const struct chat_template *template, const struct tokenizer *tokenizer);

/* Adds to `names` the special tokens that the template is written with: end_of_turn, and every <|...|> in
 * prefix and suffix. Each once, in order of the text. */
enum status chat_template_tokens(const struct chat_template *template, struct string_list *names);

/* A copy of the tokenizer that has these tokens, the new ones behind its last id; checks the template.
 * The caller destroys *out, also after a failure. */
enum status chat_template_extend(const struct chat_template *template, const struct tokenizer *tokenizer,
                                 struct tokenizer **out);

/* The id of end_of_turn, or -1 where the tokenizer does not know it. */
int64_t chat_template_end(const struct chat_template *template, const struct tokenizer *tokenizer);

/* Appends a turn to `ids`, and to `mask` (NULL: not wanted) a byte for each of its tokens: 1 for the content
 * of an assistant's turn and for its end_of_turn, which the model is to learn to write; 0 for all others, and
 * everywhere where not `counts`. */
enum status chat_template_add_turn(const struct chat_template *template, struct tokenizer *tokenizer,
                                   enum chat_role role, const char *content, size_t length, bool counts,
                                   struct token_list *ids, struct buffer *mask);

/* Appends the prefix of an assistant's turn, which an answer is to follow. */
enum status chat_template_open_answer(const struct chat_template *template, struct tokenizer *tokenizer,
                                      struct token_list *ids);

#endif

/* The tokens that a configuration asks for around documents. */
#ifndef LLMPI_SRC_PREPARE_BOUNDARY_TOKEN_H
#define LLMPI_SRC_PREPARE_BOUNDARY_TOKEN_H

#include "llmpi/text/tokenizer.h"

/* The id of the token `name`, or -1 for "". No such token is STATUS_USAGE with the nearest special token;
 * `option` is where the name stands, `path` where the tokenizer comes from. */
enum status boundary_token_find(const struct tokenizer *tokenizer, const char *path, const char *option,
                                const char *name, int64_t *id);

#endif

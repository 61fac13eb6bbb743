/* A growing list of token ids. */
#ifndef LLMPI_TEXT_TOKEN_LIST_H
#define LLMPI_TEXT_TOKEN_LIST_H

#include "llmpi/base/status.h"

#include <stdint.h>

/* Start with {0}, free with token_list_free. */
struct token_list {
    uint32_t *ids;
    int64_t count, capacity;
};

enum status token_list_add(struct token_list *list, uint32_t id);

/* Makes room for `extra` more ids behind the last. */
enum status token_list_reserve(struct token_list *list, int64_t extra);

void token_list_free(struct token_list *list);

#endif

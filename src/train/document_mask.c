/* The border between documents is a token, so a window needs no table of where documents start: also those
 * of shards without such a table can be kept apart. */
#include "llmpi/train/document_mask.h"

#include <string.h>

enum status document_mask_find(const struct config *config, const struct tokenizer *tokenizer,
                               struct dataset *dataset, struct document_mask *out)
{
    *out = (struct document_mask){.border = DOCUMENTS_JOINED};
    if (!config->train.document_mask)
        return STATUS_OK;
    const char *name = config->shards.end_token;
    int64_t token = tokenizer_find(tokenizer, name, strlen(name));
    if (token < 0)
        return fail(STATUS_USAGE,
                    "train.document_mask is true but shards.end_token '%.100s' is no token of the tokenizer",
                    name);
    *out =
        (struct document_mask){.border = dataset_knows_documents(dataset) ? DOCUMENTS_END : DOCUMENTS_BEGIN,
                               .token = (uint32_t)token};
    return dataset_check_ends(dataset, (uint32_t)token);
}

void document_mask_fill(const struct document_mask *mask, const uint32_t *tokens, int64_t length,
                        int32_t *first_visible)
{
    int32_t first = 0;
    for (int64_t i = 0; i < length; i++) {
        bool border = tokens[i] == mask->token;
        if (border && mask->border == DOCUMENTS_BEGIN)
            first = (int32_t)i;
        first_visible[i] = first;
        if (border && mask->border == DOCUMENTS_END)
            first = (int32_t)i + 1;
    }
}

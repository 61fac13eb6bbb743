/* Keeping documents apart: with train.document_mask, a place of a sequence attends to its own document alone.
 *
 * The token that ends a document (shards.end_token) is the border, and belongs to the document before it. In
 * the .bin shards of llm.c a document begins with that token, so there it belongs to the document after it.
 * Positions stay those of the sequence, as in GPT-2, and every target counts as without the mask: the last
 * token of a document, which sees that document, predicts the first of the next. */
#ifndef LLMPI_TRAIN_DOCUMENT_MASK_H
#define LLMPI_TRAIN_DOCUMENT_MASK_H

#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/data/dataset.h"
#include "llmpi/text/tokenizer.h"

#include <stdint.h>

/* All zero: attention sees the whole sequence. */
struct document_mask {
    enum border {
        DOCUMENTS_JOINED,
        DOCUMENTS_END,
        DOCUMENTS_BEGIN
    } border; /* what `token` does to a document */
    uint32_t token;
};

/* What the configuration asks for on this data set. STATUS_USAGE when the tokenizer does not know
 * shards.end_token, STATUS_FAILED when the shards were made with another one. */
enum status document_mask_find(const struct config *config, const struct tokenizer *tokenizer,
                               struct dataset *dataset, struct document_mask *out);

/* first_visible (length): for each of `length` tokens the index of the first one of its document. */
void document_mask_fill(const struct document_mask *mask, const uint32_t *tokens, int64_t length,
                        int32_t *first_visible);

#endif

/* Documents in one piece each, with their records. */
#ifndef LLMPI_PREPARE_WHOLE_DOCUMENTS_H
#define LLMPI_PREPARE_WHOLE_DOCUMENTS_H

#include "llmpi/base/buffer.h"
#include "llmpi/corpus/reader.h"

/* Start with {0} and set the first two. */
struct whole_documents {
    struct reader *reader; /* borrowed; of a corpus with whole_records */
    const struct corpus *corpus;
    struct buffer text, record; /* of a document that came in pieces */
    struct document ahead;      /* the first piece of the next document, read already */
    bool has_ahead;
};

/* The next document; its text and record are valid until the next call. One of more than 2 GiB is
 * STATUS_FAILED. */
enum status whole_documents_next(struct whole_documents *documents, struct document *out, bool *more);
void whole_documents_free(struct whole_documents *documents);

#endif

/* Puts the tokens of documents, which come in pieces, into shards as shards.packing says (data/shard.h). */
#ifndef LLMPI_SRC_PREPARE_PACKER_H
#define LLMPI_SRC_PREPARE_PACKER_H

#include "llmpi/data/shard.h"
#include "llmpi/text/tokenizer.h"

struct packer {
    enum shard_packing packing;
    int64_t chunk_length;
    const struct tokenizer *tokenizer; /* borrowed */
    struct shard_writer *writer;       /* where the open document goes; NULL between documents */
    uint32_t *chunk;
    int64_t filled, bytes; /* tokens in `chunk`, and the text behind them */
    int64_t chunks;        /* of the open document that are written */
};

/* Takes packing and chunk_length from the identity of the shards. Close with packer_close in any case. */
enum status packer_open(struct packer *packer, const struct shard_identity *identity,
                        const struct tokenizer *tokenizer);
void packer_close(struct packer *packer);

/* The next token is the first of a document that goes to `writer`. */
enum status packer_begin_document(struct packer *packer, struct shard_writer *writer);

/* Appends the tokens of `bytes` bytes of text to the open document. What counts as text in the shard is what
 * tokenizer_text_bytes says, so that every packing counts alike; for kind bpe that is all of `bytes`. */
enum status packer_add_text(struct packer *packer, const uint32_t *ids, int64_t count, int64_t bytes);

/* Appends a token that stands for no text. */
enum status packer_add_mark(struct packer *packer, uint32_t id);

/* Drops what does not fill a chunk. */
void packer_end_document(struct packer *packer);

#endif

/* Token shards: `train-00003-of-00008.h5` and `validation-....h5`. `/tokens` (uint16 when the vocabulary
 * fits, else uint32; chunked, Fletcher32), `/document_starts` (uint64: index of each document's first token),
 * attributes format_version, split, shard, shard_count, tokenizer_digest (16 hexadecimal digits), vocab_size,
 * document_count, byte_count (of the text that the tokens stand for; special tokens have none), token_count,
 * inputs (names, one a line), packing, chunk_length, dropped_count, fingerprint (16 hexadecimal digits).
 * Version 1 had neither of the last four. Documents lie end to end.
 *
 * With packing `concatenate` every token of every document is there. With `split` a document is cut into
 * chunks of chunk_length tokens, and a rest that is shorter is dropped; with `truncate` only the first chunk
 * is kept. The tokens of such a shard are whole chunks, each of one document, and a document without a whole
 * chunk is missing. The token that ends a document is its last one, so it is in a chunk only where that ends
 * with the document.
 *
 * Shards of examples (train/finetune) also have `/loss_mask` (uint8: 1 where a token is to be learnt) and an
 * attribute loss_mask of 1. Their documents are the examples.
 *
 * The `.bin` token files of llm.c are shards too, without knowledge of their documents and tokenizer. In
 * GPT-2's, a document begins with token 50256. */
#ifndef LLMPI_DATA_SHARD_H
#define LLMPI_DATA_SHARD_H

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define SHARD_FORMAT_VERSION 2
#define SHARDS_TOKENIZER     "tokenizer.json" /* a copy of the tokenizer, in the folder of the shards */

enum shard_packing { SHARD_CONCATENATE, SHARD_SPLIT, SHARD_TRUNCATE };

/* "concatenate", "split", "truncate". */
const char *shard_packing_name(enum shard_packing packing);

/* What every shard of a corpus has in common. */
struct shard_identity {
    uint64_t tokenizer_digest;
    int64_t vocab_size;
    const char *inputs; /* names of the input files, one a line */
    enum shard_packing packing;
    int64_t chunk_length; /* tokens; 0 with SHARD_CONCATENATE */
    uint64_t fingerprint; /* of everything that decides the contents: shards of one run have the same */
    bool masked;          /* with /loss_mask */
};

/* DIRECTORY/SPLIT-00003-of-00008.h5 as a new string (free()), or NULL after fail(). */
char *shard_path(const char *directory, const char *split, int64_t shard, int64_t shards);

struct shard_writer;
enum status shard_writer_open(const char *directory, const char *split, int64_t shard, int64_t shards,
                              const struct shard_identity *identity, struct shard_writer **out);

/* The next token belongs to a new document. */
enum status shard_writer_begin_document(struct shard_writer *writer);

/* Appends tokens to the document; `bytes` is the length of the text that they stand for. */
enum status shard_writer_add(struct shard_writer *writer, const uint32_t *ids, int64_t count, int64_t bytes);

/* The same for a shard with a mask, which has a byte for each token. */
enum status shard_writer_add_masked(struct shard_writer *writer, const uint32_t *ids, const char *mask,
                                    int64_t count, int64_t bytes);

/* Notes that so many tokens of the text are not in the shard. */
void shard_writer_drop(struct shard_writer *writer, int64_t tokens);

/* What was added so far. */
int64_t shard_writer_tokens(const struct shard_writer *writer);
int64_t shard_writer_documents(const struct shard_writer *writer);
int64_t shard_writer_bytes(const struct shard_writer *writer);
int64_t shard_writer_dropped(const struct shard_writer *writer);

/* Moves the last `count` tokens to the end of `to`; a document that is cut by this begins anew there.
 * `bytes_of` says how many bytes of text a token stands for (`begins`, `ends`: it is the first, the last of
 * its document). */
enum status shard_writer_move_tail(struct shard_writer *from, struct shard_writer *to, int64_t count,
                                   int64_t (*bytes_of)(void *context, uint32_t id, bool begins, bool ends),
                                   void *context);

/* Writes attributes, publishes, frees. */
enum status shard_writer_publish(struct shard_writer *writer);
void shard_writer_abandon(struct shard_writer *writer);

/* A shard opened for reading. */
struct shard_information {
    char split[16];
    int64_t shard, shards;
    uint64_t tokenizer_digest;
    int64_t vocab_size, documents, bytes, tokens, dropped;
    enum shard_packing packing;
    int64_t chunk_length;
    uint64_t fingerprint; /* 0 in version 1 */
    bool masked;          /* shard_read_mask may be called */
    bool bare; /* a .bin file: tokenizer_digest, documents, bytes and split are not known, nor vocab_size,
                  which is that of the element type */
};
struct shard;

/* Opens a shard; a name that ends with SHARD_BARE_ENDING is one of llm.c. */
#define SHARD_BARE_ENDING ".bin"
enum status shard_open(const char *path, struct shard **out);
const char *shard_file(const struct shard *shard); /* its path */
const struct shard_information *shard_information(const struct shard *shard);
enum status shard_read_tokens(struct shard *shard, int64_t first, int64_t count, uint32_t *out);
enum status shard_read_mask(struct shard *shard, int64_t first, int64_t count, uint8_t *out);
enum status shard_read_document_starts(struct shard *shard, int64_t first, int64_t count, uint64_t *out);

/* Reads everything: checksums, counts, ids below vocab_size, starts in order, a mask of 0 and 1. */
enum status shard_verify(const char *path);
void shard_close(struct shard *shard);

#endif

/* What decides the contents of a set of shards, as one number. */
#ifndef LLMPI_SRC_PREPARE_SHARD_FINGERPRINT_H
#define LLMPI_SRC_PREPARE_SHARD_FINGERPRINT_H

#include "llmpi/config/config.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/data/shard.h"

/* The digest of the tokenizer, the options that matter, the format of the shards, and name, size, first and
 * last 64 KiB of each input file. Equal numbers mean equal shards, except where an input was changed in its
 * middle without a change of its size; times are not part of it, so that a copy of the inputs gives the same
 * shards. `begin` and `end` are the tokens around documents, -1 for none. */
enum status shard_fingerprint(const struct config *config, const struct shard_identity *identity,
                              int64_t begin, int64_t end, const struct corpus *corpus,
                              const struct corpus *validation, uint64_t *out);

/* Appends those facts of the files of a corpus as text, which begins with `role`. */
enum status shard_fingerprint_files(const struct corpus *corpus, const char *role, struct buffer *facts);

/* When an input was last changed (file_modified): shards that are older are of other inputs. */
int64_t shard_inputs_modified(const struct corpus *corpus, const struct corpus *validation);

#endif

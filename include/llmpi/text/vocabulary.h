/* The content of a tokenizer: tokens with their bytes, and for byte-level BPE merges. The file reader and the
 * trainers fill one, tokenizer_create makes a tokenizer of it. */
#ifndef LLMPI_TEXT_VOCABULARY_H
#define LLMPI_TEXT_VOCABULARY_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/text/pair_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOCABULARY_MAX ((int64_t)1 << 24) /* tokens, and merges */

/* What stands behind the tokens: merged bytes, whole words (word_encoder.h), characters
 * (character_encoder.h). */
enum vocabulary_kind { VOCABULARY_BPE, VOCABULARY_WORD, VOCABULARY_CHARACTER };

struct vocabulary_token {
    size_t first, length; /* its bytes in vocabulary.bytes */
    bool special;
};

struct vocabulary_merge {
    uint32_t left, right, result; /* ids */
};

/* Start with {0}; read the fields, change them through the functions. */
struct vocabulary {
    enum vocabulary_kind kind;
    uint32_t unknown;   /* kinds word and character: the id of everything that has none of its own */
    char *pattern;      /* kind bpe: of pretokenizer_create; NULL: GPT-2's. Owned */
    bool ignore_merges; /* kind bpe: a word that is a token as a whole is that token, whatever its merges */
    struct buffer bytes;
    struct vocabulary_token *tokens; /* by id */
    int64_t count, capacity;
    struct vocabulary_merge *merges; /* by rank: the smallest is applied first */
    int64_t merge_count, merge_capacity;
    struct pair_table ranks; /* (left, right) -> rank */
    uint32_t *slots;         /* hash table of the ids, by bytes and `special` */
    uint64_t slot_count;
};

void vocabulary_free(struct vocabulary *vocabulary);

/* Makes *out, which starts as {0}, the same vocabulary; free it also after a failure. */
enum status vocabulary_copy(const struct vocabulary *vocabulary, struct vocabulary *out);

/* Adds a token under the next id. `bytes` are raw; those of a special token are its name as written. The same
 * bytes twice among the special or among the other tokens is an error. */
enum status vocabulary_add_token(struct vocabulary *vocabulary, const char *bytes, size_t length,
                                 bool special);

/* Adds a merge with the next rank. The token of the joined bytes must be there. A pair that is already merged
 * keeps its rank, and nothing is added. */
enum status vocabulary_add_merge(struct vocabulary *vocabulary, uint32_t left, uint32_t right);

/* The id of the token with these bytes, or -1. */
int64_t vocabulary_find_ordinary(const struct vocabulary *vocabulary, const char *bytes, size_t length);
int64_t vocabulary_find_special(const struct vocabulary *vocabulary, const char *bytes, size_t length);

/* The bytes of a token; id < count. */
const char *vocabulary_bytes(const struct vocabulary *vocabulary, uint32_t id, size_t *length);

/* How a token is written in the file: the ordinary ones of kind bpe in GPT-2's byte alphabet, all others as
 * they are. Appends. */
enum status vocabulary_write_name(const struct vocabulary *vocabulary, uint32_t id, struct buffer *out);

/* The inverse: vocabulary_add_token with the bytes that a written token stands for; a character that stands
 * for no byte is an error. */
enum status vocabulary_add_name(struct vocabulary *vocabulary, const char *name, size_t length, bool special);

/* vocabulary_add_merge of two ordinary tokens by their written names, or of "LEFT RIGHT" (the byte alphabet
 * has no space). */
enum status vocabulary_add_named_merge(struct vocabulary *vocabulary, const char *left, size_t left_length,
                                       const char *right, size_t right_length);
enum status vocabulary_add_merge_line(struct vocabulary *vocabulary, const char *line, size_t length);

#endif

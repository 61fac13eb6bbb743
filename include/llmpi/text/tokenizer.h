/* A tokenizer: text to token ids and back. Three kinds: byte-level BPE (Sennrich et al. 2016,
 * doi:10.18653/v1/P16-1162; Radford et al. 2019 for the byte level and the splitting pattern), whole words
 * (word_encoder.h) and characters (character_encoder.h). The file format is Hugging Face's tokenizer.json. */
#ifndef LLMPI_TEXT_TOKENIZER_H
#define LLMPI_TEXT_TOKENIZER_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/text/token_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer; /* immutable after loading; any number of threads may decode, one may encode (it has a
                     cache) */

/* Loads a tokenizer.json, or a folder that holds tokenizer.json or GPT-2's encoder.json and vocab.bpe (also
 * under the names vocab.json and merges.txt). Files above 256 MiB are an error. */
enum status tokenizer_load(const char *path, struct tokenizer **out);

/* The same from the text of a tokenizer.json; `name` stands for the file in messages. */
enum status tokenizer_parse(const char *json, size_t length, const char *name, struct tokenizer **out);

/* The same from the texts of GPT-2's encoder.json ({"token": id, ...}) and vocab.bpe (one merge per line). */
enum status tokenizer_parse_gpt2(const char *encoder, size_t encoder_length, const char *merges,
                                 size_t merges_length, const char *name, struct tokenizer **out);

/* Appends the tokenizer.json text: the same tokenizer always gives the same bytes, and parsing them gives it
 * back. */
enum status tokenizer_write(const struct tokenizer *tokenizer, struct buffer *out);

/* Makes a tokenizer of a vocabulary (vocabulary.h), whose content moves into it and is freed with it, also on
 * failure. Kind bpe: a byte without a token is an error. */
struct vocabulary;
enum status tokenizer_create(struct vocabulary *vocabulary, struct tokenizer **out);
const struct vocabulary *tokenizer_vocabulary(const struct tokenizer *tokenizer);

/* A copy with special tokens added behind the last id, in this order; names that the tokenizer knows already
 * are passed over. */
enum status tokenizer_extend(const struct tokenizer *tokenizer, const struct string_list *special,
                             struct tokenizer **out);

void tokenizer_destroy(struct tokenizer *tokenizer);

/* Appends the ids of `text` (any bytes: invalid UTF-8 is encoded byte by byte). With `special`, special
 * tokens in the text become their ids, the longest where several start; else they are text like any other. */
enum status tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t length, bool special,
                             struct token_list *out);

/* Appends the text of the ids. An id outside the vocabulary is an error. Kind bpe: the inverse of encode for
 * every byte string; kind character: for every text whose characters are in the vocabulary, others become
 * "<|unk|>"; kind word: a space stands between two words, except before , . ? ! " ( ) '. */
enum status tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, int64_t count,
                             struct buffer *out);

/* The same for one id of a text that comes token by token: appends what it adds to the text before it.
 * `first`: nothing stands before it that a word must be separated from. */
enum status tokenizer_decode_next(const struct tokenizer *tokenizer, uint32_t id, bool first,
                                  struct buffer *out);

/* Whether a token may follow a text directly, which makes it a `first` one: for kind word behind white space
 * and at the start, for the others always. */
bool tokenizer_may_follow(const struct tokenizer *tokenizer, const char *text, size_t length);

int64_t tokenizer_vocab_size(const struct tokenizer *tokenizer); /* largest id + 1 */
int64_t tokenizer_merge_count(const struct tokenizer *tokenizer);
const char *tokenizer_kind_name(const struct tokenizer *tokenizer); /* "bpe", "word", "character" */

/* How kind bpe splits text before merging: "gpt2", "cl100k" or a regular expression; NULL for other kinds. */
const char *tokenizer_pattern(const struct tokenizer *tokenizer);

/* The id of what is not in the vocabulary; -1 for kind bpe, which knows every byte. */
int64_t tokenizer_unknown(const struct tokenizer *tokenizer);

/* Identifies the tokenizer in shards and checkpoints: digest_bytes of tokenizer_write's text. */
uint64_t tokenizer_digest(const struct tokenizer *tokenizer);

/* The id of a token by its text (specials as written, others as raw bytes), or -1. */
int64_t tokenizer_find(const struct tokenizer *tokenizer, const char *text, size_t length);

/* The bytes that a token stands for, not NUL-terminated; NULL for an id without a token. Special tokens give
 * their name. */
const char *tokenizer_token(const struct tokenizer *tokenizer, uint32_t id, size_t *length);
bool tokenizer_is_special(const struct tokenizer *tokenizer, uint32_t id);

/* The bytes of text that the ids stand for: special tokens have none, <|unk|> included. All of the text for
 * kind bpe; what is in the vocabulary, and without white space for kind word. */
int64_t tokenizer_text_bytes(const struct tokenizer *tokenizer, const uint32_t *ids, int64_t count);

#endif

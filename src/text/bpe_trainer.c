/* The vocabulary grows by the merge of the best pair until it is full or no pair is frequent enough; what
 * pairs there are is the business of pair_counts. */
#include "llmpi/text/bpe_trainer.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/byte_alphabet.h"
#include "llmpi/text/pair_counts.h"
#include "llmpi/text/vocabulary.h"

#include <string.h>

static enum status add_special_tokens(struct vocabulary *vocabulary, const struct string_list *names)
{
    for (int64_t i = 0; names != NULL && i < names->count; i++) {
        const char *name = names->items[i];
        size_t length = strlen(name);
        uint32_t character = 0;
        if (length == 0 || utf8_find_invalid(name, length) >= 0)
            return fail(STATUS_USAGE, "special token %lld is %s", (long long)i,
                        length == 0 ? "empty" : "not valid UTF-8");
        if ((size_t)utf8_decode(name, length, &character) == length && byte_alphabet_byte(character) >= 0)
            return fail(STATUS_USAGE, "special token '%s' is a single character that stands for a byte",
                        name);
        if (vocabulary_find_special(vocabulary, name, length) >= 0)
            return fail(STATUS_USAGE, "special token '%s' is given twice", name);
        TRY(vocabulary_add_token(vocabulary, name, length, true));
    }
    return STATUS_OK;
}

static enum status add_alphabet(struct vocabulary *vocabulary)
{
    for (int i = 0; i < 256; i++) {
        char byte = (char)byte_alphabet_sorted(i);
        TRY(vocabulary_add_token(vocabulary, &byte, 1, false));
    }
    return STATUS_OK;
}

static enum status add_first_tokens(struct vocabulary *vocabulary, const struct bpe_settings *settings)
{
    TRY(add_special_tokens(vocabulary, settings->special_tokens));
    TRY(add_alphabet(vocabulary));
    if (settings->vocab_size < vocabulary->count || settings->vocab_size > VOCABULARY_MAX)
        return fail(STATUS_USAGE,
                    "a vocabulary of %lld, allowed are %lld (256 bytes and the special tokens) to %lld",
                    (long long)settings->vocab_size, (long long)vocabulary->count, (long long)VOCABULARY_MAX);
    return STATUS_OK;
}

enum status bpe_settings_check(const struct bpe_settings *settings)
{
    struct vocabulary vocabulary = {0};
    enum status status = add_first_tokens(&vocabulary, settings);
    vocabulary_free(&vocabulary);
    return status;
}

static bool is_listed(const struct string_list *names, const char *name)
{
    for (int64_t i = 0; names != NULL && i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* Adds the token of both sides together, and the merge. *allowed is false when its text is the name of a
 * special token, which must stay the only one. */
static enum status add_token(struct vocabulary *vocabulary, const struct string_list *specials,
                             uint32_t left_id, uint32_t right_id, bool *allowed)
{
    struct buffer joined = {0}, name = {0};
    size_t left = 0, right = 0;
    const char *left_bytes = vocabulary_bytes(vocabulary, left_id, &left);
    const char *right_bytes = vocabulary_bytes(vocabulary, right_id, &right);
    enum status status = buffer_append(&joined, left_bytes, left);
    if (status == STATUS_OK)
        status = buffer_append(&joined, right_bytes, right);
    if (status == STATUS_OK)
        status = byte_alphabet_write(&name, joined.data, joined.length);
    *allowed = status == STATUS_OK && !is_listed(specials, name.data);
    if (*allowed)
        status = vocabulary_add_token(vocabulary, joined.data, joined.length, false);
    if (*allowed && status == STATUS_OK)
        status = vocabulary_add_merge(vocabulary, left_id, right_id);
    buffer_free(&joined);
    buffer_free(&name);
    return status;
}

static enum status learn(struct vocabulary *vocabulary, struct pair_counts *counts,
                         const struct bpe_settings *settings, bool quiet)
{
    struct progress progress;
    enum status status = STATUS_OK;
    uint32_t left = 0, right = 0;
    if (!quiet)
        progress_begin(&progress, "learning the vocabulary", (double)settings->vocab_size, "tokens");
    while (status == STATUS_OK && vocabulary->count < settings->vocab_size &&
           pair_counts_take_best(counts, &left, &right)) {
        uint32_t result = (uint32_t)vocabulary->count;
        bool allowed = false;
        if (settings->check != NULL)
            status = settings->check(settings->context);
        if (status == STATUS_OK)
            status = add_token(vocabulary, settings->special_tokens, left, right, &allowed);
        if (allowed && status == STATUS_OK)
            status = pair_counts_merge(counts, result);
        if (!quiet)
            progress_update(&progress, (double)vocabulary->count, NULL);
    }
    if (!quiet)
        progress_end(&progress, (double)vocabulary->count);
    return status;
}

static enum status copy_pattern(struct vocabulary *vocabulary, const char *pattern)
{
    if (pattern != NULL)
        vocabulary->pattern = memory_copy_text(pattern, strlen(pattern));
    return pattern == NULL || vocabulary->pattern != NULL ? STATUS_OK : STATUS_FAILED;
}

enum status bpe_train(const struct word_counts *words, const struct bpe_settings *settings, bool quiet,
                      struct tokenizer **out)
{
    *out = NULL;
    struct vocabulary vocabulary = {0};
    struct pair_counts *counts = NULL;
    struct pair_counts_settings of_pairs = {.min_count =
                                                settings->min_frequency > 1 ? settings->min_frequency : 1,
                                            .max_token_length = settings->max_token_length};
    enum status status = copy_pattern(&vocabulary, settings->pattern);
    if (status == STATUS_OK)
        status = add_first_tokens(&vocabulary, settings);
    for (int i = 0; i < 256 && status == STATUS_OK; i++)
        of_pairs.byte_ids[byte_alphabet_sorted(i)] = (uint32_t)(vocabulary.count - 256 + i);
    if (status == STATUS_OK)
        status = pair_counts_create(words, &of_pairs, &counts);
    if (status == STATUS_OK)
        status = learn(&vocabulary, counts, settings, quiet);
    if (status == STATUS_OK && settings->bytes_per_token != NULL)
        *settings->bytes_per_token = (double)pair_counts_bytes(counts) / (double)pair_counts_tokens(counts);
    pair_counts_destroy(counts);
    if (status == STATUS_OK)
        status = tokenizer_create(&vocabulary, out);
    vocabulary_free(&vocabulary);
    return status;
}

/* All distinct words lie end to end in one array of symbols with links to their neighbours inside the word.
 * Each pair of neighbours that ever occurred has its count and the list of places where it was seen, so that
 * a merge touches only its own places: the whole training is about n log n in the length of the distinct
 * words, whatever their shape.
 *
 * Two lazy structures: a place in a list may be out of date (a neighbour was merged since), so each is
 * checked when it is used; and a heap entry may have an old count, in which case it goes back with the
 * present one. The order of the words never matters, since ties are broken by ids.
 *
 * A string is only ever made by one merge: until its places become one token, no merge has crossed their
 * borders, so what happens inside is the same at all of them, at the same time. Hence all pairs of a new
 * token come into being while the merge that makes it runs; afterwards their counts only fall (so the top of
 * the heap, once its count is right, is the largest), and their lists are in ascending order (so that in
 * "aaa" the leftmost pair wins). */
#include "llmpi/text/bpe_trainer.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/byte_alphabet.h"
#include "llmpi/text/pair_table.h"
#include "llmpi/text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#define NO_PLACE UINT32_MAX

struct symbol {
    uint32_t id;             /* NO_PLACE: merged into the symbol before */
    uint32_t previous, next; /* places of the neighbours in the word, NO_PLACE at its ends */
    uint32_t word;
};

struct pair {
    int64_t count;
    uint32_t left, right;
    uint32_t *places; /* of the left symbol, ascending */
    uint32_t place_count, place_capacity;
    bool touched; /* its count rose during the present merge */
};

struct candidate {
    int64_t count;
    uint32_t left, right, pair;
};

struct trainer {
    const struct word_counts *words;
    struct vocabulary vocabulary;
    struct symbol *symbols;
    int64_t symbol_count;
    struct pair *pairs;
    int64_t pair_count, pair_capacity;
    struct pair_table index; /* (left, right) -> pair */
    struct candidate *heap;
    int64_t heap_count, heap_capacity;
    uint32_t *touched; /* pairs */
    int64_t touched_count, touched_capacity;
};

static void trainer_free(struct trainer *trainer)
{
    for (int64_t i = 0; i < trainer->pair_count; i++)
        free(trainer->pairs[i].places);
    free(trainer->pairs);
    pair_table_free(&trainer->index);
    free(trainer->heap);
    free(trainer->touched);
    memory_free(trainer->symbols);
    vocabulary_free(&trainer->vocabulary);
}

/* Room for one more element in an array that doubles. */
static enum status make_room(void **array, int64_t count, int64_t *capacity, size_t size)
{
    if (count < *capacity)
        return STATUS_OK;
    int64_t wanted = *capacity > 0 ? 2 * *capacity : 1024;
    void *larger = memory_resize(*array, wanted, size, "learning merges");
    if (larger == NULL)
        return STATUS_FAILED;
    *array = larger;
    *capacity = wanted;
    return STATUS_OK;
}

/* --- heap of candidates --- */

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static enum status heap_push(struct trainer *trainer, uint32_t pair)
{
    TRY(make_room((void **)&trainer->heap, trainer->heap_count, &trainer->heap_capacity,
                  sizeof *trainer->heap));
    const struct pair *from = &trainer->pairs[pair];
    struct candidate new = {from->count, from->left, from->right, pair};
    int64_t at = trainer->heap_count++;
    for (; at > 0 && comes_before(&new, &trainer->heap[(at - 1) / 2]); at = (at - 1) / 2)
        trainer->heap[at] = trainer->heap[(at - 1) / 2];
    trainer->heap[at] = new;
    return STATUS_OK;
}

static struct candidate heap_pop(struct trainer *trainer)
{
    struct candidate *heap = trainer->heap, first = heap[0], last = heap[--trainer->heap_count];
    int64_t count = trainer->heap_count, at = 0;
    for (int64_t child = 1; child < count; at = child, child = 2 * at + 1) {
        if (child + 1 < count && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

/* The pair to merge next, or PAIR_ABSENT when none occurs min_frequency times. */
static enum status find_best(struct trainer *trainer, int64_t min_frequency, uint32_t *best)
{
    *best = PAIR_ABSENT;
    while (trainer->heap_count > 0) {
        struct candidate top = heap_pop(trainer);
        int64_t count = trainer->pairs[top.pair].count;
        if (count == top.count) {
            if (count >= min_frequency && count > 0)
                *best = top.pair;
            return STATUS_OK;
        }
        if (count > 0)
            TRY(heap_push(trainer, top.pair));
    }
    return STATUS_OK;
}

/* --- pairs and their places --- */

static enum status find_or_add_pair(struct trainer *trainer, uint32_t left, uint32_t right, uint32_t *out)
{
    *out = pair_table_find(&trainer->index, left, right);
    if (*out != PAIR_ABSENT)
        return STATUS_OK;
    if (trainer->pair_count >= PAIR_ABSENT)
        return fail(STATUS_FAILED, "more than 2^32 different pairs of tokens");
    TRY(make_room((void **)&trainer->pairs, trainer->pair_count, &trainer->pair_capacity,
                  sizeof *trainer->pairs));
    *out = (uint32_t)trainer->pair_count;
    TRY(pair_table_add(&trainer->index, left, right, *out));
    trainer->pairs[trainer->pair_count++] = (struct pair){.left = left, .right = right};
    return STATUS_OK;
}

/* The number of times that the word of a place occurs in the text. */
static int64_t weight_at(const struct trainer *trainer, uint32_t place)
{
    size_t length = 0;
    int64_t count = 0;
    word_counts_get(trainer->words, trainer->symbols[place].word, &length, &count);
    return count;
}

/* The pair of the symbol at `place` and its right neighbour has come into being. */
static enum status count_pair(struct trainer *trainer, uint32_t place)
{
    const struct symbol *symbol = &trainer->symbols[place];
    uint32_t index = 0;
    TRY(find_or_add_pair(trainer, symbol->id, trainer->symbols[symbol->next].id, &index));
    struct pair *pair = &trainer->pairs[index];
    int64_t capacity = pair->place_capacity;
    if (pair->place_count == pair->place_capacity) {
        capacity = capacity > 0 ? capacity + capacity / 2 + 1 : 2;
        uint32_t *places = memory_resize(pair->places, capacity, sizeof *places, "learning merges");
        if (places == NULL)
            return STATUS_FAILED;
        pair->places = places;
        pair->place_capacity = (uint32_t)(capacity < NO_PLACE ? capacity : NO_PLACE);
    }
    pair->places[pair->place_count++] = place;
    if (__builtin_add_overflow(pair->count, weight_at(trainer, place), &pair->count))
        return fail(STATUS_FAILED, "a pair of tokens occurs more than 2^63 times");
    if (pair->touched)
        return STATUS_OK;
    pair->touched = true;
    TRY(make_room((void **)&trainer->touched, trainer->touched_count, &trainer->touched_capacity,
                  sizeof *trainer->touched));
    trainer->touched[trainer->touched_count++] = index;
    return STATUS_OK;
}

/* The pair of the symbol at `place` and its right neighbour is about to go. */
static void uncount_pair(struct trainer *trainer, uint32_t place)
{
    const struct symbol *symbol = &trainer->symbols[place];
    uint32_t index = pair_table_find(&trainer->index, symbol->id, trainer->symbols[symbol->next].id);
    trainer->pairs[index].count -= weight_at(trainer, place);
}

static enum status push_touched(struct trainer *trainer)
{
    for (int64_t i = 0; i < trainer->touched_count; i++) {
        struct pair *pair = &trainer->pairs[trainer->touched[i]];
        pair->touched = false;
        if (pair->count > 0)
            TRY(heap_push(trainer, trainer->touched[i]));
    }
    trainer->touched_count = 0;
    return STATUS_OK;
}

/* --- start --- */

static enum status add_special_tokens(struct trainer *trainer, const struct string_list *names)
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
        if (vocabulary_find_special(&trainer->vocabulary, name, length) >= 0)
            return fail(STATUS_USAGE, "special token '%s' is given twice", name);
        TRY(vocabulary_add_token(&trainer->vocabulary, name, length, true));
    }
    return STATUS_OK;
}

static enum status add_alphabet(struct trainer *trainer)
{
    for (int i = 0; i < 256; i++) {
        char byte = (char)byte_alphabet_sorted(i);
        TRY(vocabulary_add_token(&trainer->vocabulary, &byte, 1, false));
    }
    return STATUS_OK;
}

static enum status add_symbols(struct trainer *trainer)
{
    uint32_t byte_ids[256];
    for (int i = 0; i < 256; i++)
        byte_ids[byte_alphabet_sorted(i)] = (uint32_t)(trainer->vocabulary.count - 256 + i);
    int64_t words = word_counts_size(trainer->words), total = 0, count = 0;
    size_t length = 0;
    for (int64_t word = 0; word < words; word++) {
        word_counts_get(trainer->words, word, &length, &count);
        total += (int64_t)length;
    }
    if (total >= NO_PLACE)
        return fail(STATUS_FAILED,
                    "the distinct words have %lld bytes, allowed are %lld: use a part of the text",
                    (long long)total, (long long)NO_PLACE - 1);
    trainer->symbols = memory_allocate(total, sizeof *trainer->symbols, "learning merges");
    if (trainer->symbols == NULL)
        return STATUS_FAILED;
    uint32_t place = 0;
    for (int64_t word = 0; word < words; word++) {
        const char *bytes = word_counts_get(trainer->words, word, &length, &count);
        for (size_t i = 0; i < length; i++, place++)
            trainer->symbols[place] =
                (struct symbol){byte_ids[(uint8_t)bytes[i]], i > 0 ? place - 1 : NO_PLACE,
                                i + 1 < length ? place + 1 : NO_PLACE, (uint32_t)word};
    }
    trainer->symbol_count = total;
    return STATUS_OK;
}

static enum status start(struct trainer *trainer, const struct bpe_settings *settings)
{
    TRY(add_special_tokens(trainer, settings->special_tokens));
    TRY(add_alphabet(trainer));
    if (settings->vocab_size < trainer->vocabulary.count || settings->vocab_size > VOCABULARY_MAX)
        return fail(
            STATUS_USAGE, "a vocabulary of %lld, allowed are %lld (256 bytes and the special tokens) to %lld",
            (long long)settings->vocab_size, (long long)trainer->vocabulary.count, (long long)VOCABULARY_MAX);
    TRY(add_symbols(trainer));
    for (uint32_t place = 0; place < trainer->symbol_count; place++)
        if (trainer->symbols[place].next != NO_PLACE)
            TRY(count_pair(trainer, place));
    return push_touched(trainer);
}

/* --- merging --- */

static bool still_there(const struct trainer *trainer, const struct pair *pair, uint32_t place)
{
    const struct symbol *symbol = &trainer->symbols[place];
    return symbol->id == pair->left && symbol->next != NO_PLACE &&
           trainer->symbols[symbol->next].id == pair->right;
}

static enum status merge_place(struct trainer *trainer, uint32_t place, uint32_t result)
{
    struct symbol *symbols = trainer->symbols, *symbol = &symbols[place];
    uint32_t gone = symbol->next;
    uncount_pair(trainer, place);
    if (symbol->previous != NO_PLACE)
        uncount_pair(trainer, symbol->previous);
    if (symbols[gone].next != NO_PLACE)
        uncount_pair(trainer, gone);
    symbol->id = result;
    symbol->next = symbols[gone].next;
    symbols[gone].id = NO_PLACE;
    if (symbol->next != NO_PLACE) {
        symbols[symbol->next].previous = place;
        TRY(count_pair(trainer, place));
    }
    return symbol->previous != NO_PLACE ? count_pair(trainer, symbol->previous) : STATUS_OK;
}

/* Adds the token of both sides together. *allowed is false when its text is the name of a special token,
 * which must stay the only one. */
static enum status add_token(struct vocabulary *vocabulary, const struct pair *pair, uint32_t *id,
                             bool *allowed)
{
    struct buffer joined = {0}, name = {0};
    size_t left = 0, right = 0;
    const char *left_bytes = vocabulary_bytes(vocabulary, pair->left, &left);
    const char *right_bytes = vocabulary_bytes(vocabulary, pair->right, &right);
    *id = (uint32_t)vocabulary->count;
    enum status status = buffer_append(&joined, left_bytes, left);
    if (status == STATUS_OK)
        status = buffer_append(&joined, right_bytes, right);
    if (status == STATUS_OK)
        status = byte_alphabet_write(&name, joined.data, joined.length);
    *allowed = status == STATUS_OK && vocabulary_find_special(vocabulary, name.data, name.length) < 0;
    if (*allowed)
        status = vocabulary_add_token(vocabulary, joined.data, joined.length, false);
    buffer_free(&joined);
    buffer_free(&name);
    return status;
}

static enum status merge_pair(struct trainer *trainer, uint32_t best)
{
    struct pair pair = trainer->pairs[best]; /* a copy: the array may move while new pairs come */
    trainer->pairs[best].places = NULL;
    trainer->pairs[best].place_count = trainer->pairs[best].place_capacity = 0;
    uint32_t result = 0;
    bool allowed = false;
    enum status status = add_token(&trainer->vocabulary, &pair, &result, &allowed);
    if (allowed && status == STATUS_OK)
        status = vocabulary_add_merge(&trainer->vocabulary, pair.left, pair.right);
    for (uint32_t i = 0; i < pair.place_count && allowed && status == STATUS_OK; i++)
        if (still_there(trainer, &pair, pair.places[i]))
            status = merge_place(trainer, pair.places[i], result);
    free(pair.places);
    TRY(status);
    return push_touched(trainer);
}

static enum status learn(struct trainer *trainer, const struct bpe_settings *settings, bool quiet)
{
    struct progress progress;
    enum status status = start(trainer, settings);
    if (!quiet)
        progress_begin(&progress, "learning the vocabulary", (double)settings->vocab_size, "tokens");
    while (status == STATUS_OK && trainer->vocabulary.count < settings->vocab_size) {
        uint32_t best = PAIR_ABSENT;
        status = find_best(trainer, settings->min_frequency, &best);
        if (status != STATUS_OK || best == PAIR_ABSENT)
            break;
        status = merge_pair(trainer, best);
        if (!quiet)
            progress_update(&progress, (double)trainer->vocabulary.count, NULL);
    }
    if (!quiet)
        progress_end(&progress, (double)trainer->vocabulary.count);
    return status;
}

enum status bpe_train(const struct word_counts *words, const struct bpe_settings *settings, bool quiet,
                      struct tokenizer **out)
{
    *out = NULL;
    struct trainer trainer = {.words = words};
    enum status status = learn(&trainer, settings, quiet);
    if (status == STATUS_OK)
        status = tokenizer_create(&trainer.vocabulary, out);
    trainer_free(&trainer);
    return status;
}

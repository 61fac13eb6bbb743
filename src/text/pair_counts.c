/* All distinct words lie end to end in one array with a place for each byte. A token occupies the places of
 * its bytes; only its first and last place are kept up to date:
 *
 *     first place: id of the token, the word, and the pair that it forms with the token to its right
 *     last place (of a token of two bytes or more): how far back the first one is
 *
 * so that both neighbours are found without links. Each pair has its count and a list of places where it came
 * into being, ascending; a place is still of this pair exactly when it says so itself. A merge therefore
 * touches only its own places, needs no table of pairs, and the whole training is about n log n in the length
 * of the distinct words, whatever their shape.
 *
 * A string is only ever made by one merge: until its places become one token, no merge has crossed their
 * borders, so what happens inside is the same at all of them, at the same time. Hence all pairs of a new
 * token come into being while the merge that makes it runs: they are numbered by the token on their other
 * side during that merge, and afterwards their counts only fall. So pairs that occur too rarely are forgotten
 * at once, and a heap whose entries may have an older count gives the best pair (pair_heap.h). */
#include "llmpi/text/pair_counts.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "pair_heap.h"

#include <stdlib.h>
#include <string.h>

#define NO_PAIR      UINT32_MAX       /* the last token of a word */
#define IGNORED_PAIR (UINT32_MAX - 1) /* too rare, or too long, to be merged ever */
#define BACK         ((uint32_t)1 << 31)

enum { FIRST_CAPACITY = 1024, BYTE_PAIRS = 256 * 256 };

struct place {
    uint32_t id; /* in the last place of a token: BACK | distance to its first place */
    uint32_t pair;
    uint32_t word;
};

/* A pair that came into being at a place. */
struct birth {
    uint32_t place, pair;
};

/* What is known of a token: its bytes, and during a merge the new pairs that it forms with the result. */
struct token {
    uint32_t length;
    uint32_t as_left, as_right;
};

struct array_room {
    int64_t count, capacity;
};

struct pair_counts {
    struct pair_counts_settings settings;
    int64_t *weights; /* by word: how often it occurs */
    struct place *places;
    uint32_t place_count;
    struct token *tokens;
    struct pair *pairs;
    struct pair_heap heap;
    struct birth *births;
    uint32_t *lists;
    struct array_room token_room, pair_room, birth_room, list_room;
    uint32_t best;
    int64_t text_bytes, text_tokens;
};

double pair_counts_memory(double words, double bytes)
{
    return 8 * words + 40 * bytes;
}

void pair_counts_destroy(struct pair_counts *counts)
{
    if (counts == NULL)
        return;
    free(counts->weights);
    free(counts->places);
    free(counts->tokens);
    free(counts->pairs);
    pair_heap_free(&counts->heap);
    free(counts->births);
    free(counts->lists);
    memory_free(counts);
}

/* Room for `more` elements in an array that grows by halves; returns the array, perhaps at another place. */
static void *make_room(void *array, struct array_room *room, int64_t more, size_t size)
{
    int64_t needed = room->count + more;
    if (needed <= room->capacity)
        return array;
    int64_t capacity = larger(FIRST_CAPACITY, larger(needed, room->capacity + room->capacity / 2));
    void *resized = memory_resize(array, capacity, size, "learning merges");
    if (resized != NULL)
        room->capacity = capacity;
    return resized;
}

bool pair_counts_take_best(struct pair_counts *counts, uint32_t *left, uint32_t *right)
{
    if (!pair_heap_take(&counts->heap, counts->pairs, counts->settings.min_count, &counts->best))
        return false;
    *left = counts->pairs[counts->best].left;
    *right = counts->pairs[counts->best].right;
    return true;
}

/* --- new pairs --- */

static enum status add_pair(struct pair_counts *counts, uint32_t left, uint32_t right, uint32_t *index)
{
    struct pair *pairs = make_room(counts->pairs, &counts->pair_room, 1, sizeof *pairs);
    if (pairs == NULL)
        return STATUS_FAILED;
    counts->pairs = pairs;
    if (counts->pair_room.count >= IGNORED_PAIR)
        return fail(STATUS_FAILED, "more than 2^32 different pairs of tokens");
    *index = (uint32_t)counts->pair_room.count++;
    pairs[*index] = (struct pair){.left = left, .right = right};
    return STATUS_OK;
}

static enum status add_token(struct pair_counts *counts, uint32_t id, uint32_t length)
{
    int64_t more = (int64_t)id + 1 - counts->token_room.count;
    if (more > 0) {
        struct token *tokens = make_room(counts->tokens, &counts->token_room, more, sizeof *tokens);
        if (tokens == NULL)
            return STATUS_FAILED;
        counts->tokens = tokens;
        counts->token_room.count += more;
    }
    counts->tokens[id] = (struct token){length, NO_PAIR, NO_PAIR};
    return STATUS_OK;
}

/* The place `at` and the token to its right form a pair from now on, found or kept in *known. */
static enum status form_pair(struct pair_counts *counts, uint32_t at, uint32_t left, uint32_t right,
                             uint32_t *known)
{
    uint64_t length = (uint64_t)counts->tokens[left].length + counts->tokens[right].length;
    int64_t limit = counts->settings.max_token_length;
    if (length >= BACK || (limit > 0 && length >= (uint64_t)limit)) {
        counts->places[at].pair = IGNORED_PAIR;
        return STATUS_OK;
    }
    struct birth *births = make_room(counts->births, &counts->birth_room, 1, sizeof *births);
    if (births == NULL)
        return STATUS_FAILED;
    counts->births = births;
    if (*known == NO_PAIR)
        TRY(add_pair(counts, left, right, known));
    births[counts->birth_room.count++] = (struct birth){at, *known};
    counts->pairs[*known].count += counts->weights[counts->places[at].word];
    counts->pairs[*known].length++;
    counts->places[at].pair = *known;
    return STATUS_OK;
}

/* Sets room in the lists aside for the places of a pair, none of which is listed yet, and offers it. */
static enum status offer_pair(struct pair_counts *counts, uint32_t index)
{
    struct pair *pair = &counts->pairs[index];
    pair->first = (uint64_t)counts->list_room.count;
    counts->list_room.count += pair->length;
    pair->length = 0;
    return pair_heap_push(&counts->heap, counts->pairs, index);
}

static void list_place(struct pair_counts *counts, uint32_t index, uint32_t place)
{
    struct pair *pair = &counts->pairs[index];
    counts->lists[pair->first + pair->length++] = place;
}

/* Keeps those of the pairs from `from` on that occur often enough, numbered without gaps, and puts them into
 * the heap. numbers[i] becomes the new number of pair from + i, or IGNORED_PAIR. */
static enum status keep_pairs(struct pair_counts *counts, int64_t from, uint32_t *numbers)
{
    int64_t end = counts->pair_room.count, kept = from;
    for (int64_t i = from; i < end; i++) {
        struct pair pair = counts->pairs[i];
        counts->tokens[pair.left].as_left = counts->tokens[pair.right].as_right = NO_PAIR;
        if (pair.count < counts->settings.min_count) {
            numbers[i - from] = IGNORED_PAIR;
            continue;
        }
        numbers[i - from] = (uint32_t)kept;
        counts->pairs[kept] = pair;
        TRY(offer_pair(counts, (uint32_t)kept++));
    }
    counts->pair_room.count = kept;
    return STATUS_OK;
}

/* Tells the places of the new pairs the final numbers, and lists them. A place that was born twice is a place
 * of its last pair: its earlier births are read first and do not fit. */
static void keep_places(struct pair_counts *counts, int64_t from, const uint32_t *numbers)
{
    for (int64_t i = 0; i < counts->birth_room.count; i++) {
        struct birth birth = counts->births[i];
        if (counts->places[birth.place].pair != birth.pair)
            continue;
        uint32_t number = numbers[birth.pair - from];
        counts->places[birth.place].pair = number;
        if (number == IGNORED_PAIR)
            continue;
        list_place(counts, number, birth.place);
    }
    counts->birth_room.count = 0;
}

static enum status keep_new_pairs(struct pair_counts *counts, int64_t from)
{
    uint32_t *lists = make_room(counts->lists, &counts->list_room, counts->birth_room.count, sizeof *lists);
    if (lists == NULL)
        return STATUS_FAILED;
    counts->lists = lists;
    uint32_t *numbers =
        memory_resize(NULL, counts->pair_room.count - from, sizeof *numbers, "learning merges");
    enum status status = numbers != NULL ? keep_pairs(counts, from, numbers) : STATUS_FAILED;
    if (status == STATUS_OK)
        keep_places(counts, from, numbers);
    free(numbers);
    return status;
}

/* --- start --- */

static enum status add_word(struct pair_counts *counts, const char *bytes, size_t length, uint32_t word,
                            uint32_t *known)
{
    int64_t text_bytes = 0;
    if (__builtin_mul_overflow((int64_t)length, counts->weights[word], &text_bytes) ||
        __builtin_add_overflow(counts->text_bytes, text_bytes, &counts->text_bytes))
        return fail(STATUS_FAILED, "the text has more than 2^63 bytes");
    struct place *places = counts->places + counts->place_count;
    for (size_t i = 0; i < length; i++)
        places[i] = (struct place){counts->settings.byte_ids[(uint8_t)bytes[i]], NO_PAIR, word};
    for (size_t i = 0; i + 1 < length; i++) {
        uint32_t *index = &known[(uint8_t)bytes[i] << 8 | (uint8_t)bytes[i + 1]];
        if (*index == NO_PAIR)
            TRY(add_pair(counts, places[i].id, places[i + 1].id, index));
        counts->pairs[*index].count += counts->weights[word];
        counts->pairs[*index].length++;
        places[i].pair = *index;
    }
    counts->place_count += (uint32_t)length;
    return STATUS_OK;
}

static enum status add_words(struct pair_counts *counts, const struct word_counts *words)
{
    size_t length = 0;
    int64_t count = 0, total = 0, size = word_counts_size(words);
    for (int64_t word = 0; word < size; word++) {
        word_counts_get(words, word, &length, &count);
        total += (int64_t)length;
    }
    if (total > PAIR_COUNTS_BYTES_MAX)
        return fail(STATUS_FAILED, "the distinct words have %lld bytes, allowed are %lld", (long long)total,
                    (long long)PAIR_COUNTS_BYTES_MAX);
    counts->weights = memory_resize(NULL, size, sizeof *counts->weights, "learning merges");
    counts->places = memory_resize(NULL, total, sizeof *counts->places, "learning merges");
    uint32_t *known = memory_resize(NULL, BYTE_PAIRS, sizeof *known, "learning merges");
    enum status status =
        counts->weights == NULL || counts->places == NULL || known == NULL ? STATUS_FAILED : STATUS_OK;
    if (known != NULL)
        memset(known, 0xFF, BYTE_PAIRS * sizeof *known);
    for (int64_t word = 0; word < size && status == STATUS_OK; word++) {
        const char *bytes = word_counts_get(words, word, &length, &counts->weights[word]);
        status = add_word(counts, bytes, length, (uint32_t)word, known);
    }
    free(known);
    return status;
}

/* The lists of the first pairs. */
static enum status list_places(struct pair_counts *counts)
{
    counts->lists = make_room(NULL, &counts->list_room, counts->place_count, sizeof *counts->lists);
    if (counts->lists == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < counts->pair_room.count; i++)
        TRY(offer_pair(counts, (uint32_t)i));
    for (uint32_t at = 0; at < counts->place_count; at++)
        if (counts->places[at].pair != NO_PAIR)
            list_place(counts, counts->places[at].pair, at);
    return STATUS_OK;
}

static enum status start(struct pair_counts *counts, const struct word_counts *words)
{
    for (int byte = 0; byte < 256; byte++)
        TRY(add_token(counts, counts->settings.byte_ids[byte], 1));
    TRY(add_words(counts, words));
    counts->text_tokens = counts->text_bytes;
    return list_places(counts);
}

enum status pair_counts_create(const struct word_counts *words, const struct pair_counts_settings *settings,
                               struct pair_counts **out)
{
    *out = NULL;
    struct pair_counts *counts = memory_allocate(1, sizeof *counts, "learning merges");
    if (counts == NULL)
        return STATUS_FAILED;
    counts->settings = *settings;
    enum status status = start(counts, words);
    if (status == STATUS_OK)
        *out = counts;
    else
        pair_counts_destroy(counts);
    return status;
}

/* --- merging --- */

static void uncount(struct pair_counts *counts, uint32_t pair, int64_t weight)
{
    if (pair < IGNORED_PAIR)
        counts->pairs[pair].count -= weight;
}

static enum status merge_place(struct pair_counts *counts, uint32_t at, uint32_t left_length, uint32_t result)
{
    struct place *places = counts->places, *place = &places[at], *gone = &places[at + left_length];
    int64_t weight = counts->weights[place->word];
    uint32_t length = counts->tokens[result].length, right_pair = gone->pair;
    gone->pair = NO_PAIR;
    place->id = result;
    places[at + length - 1].id = BACK | (length - 1);
    counts->text_tokens -= weight;
    uncount(counts, right_pair, weight);
    place->pair = NO_PAIR;
    if (right_pair != NO_PAIR) {
        uint32_t right = places[at + length].id;
        TRY(form_pair(counts, at, result, right, &counts->tokens[right].as_right));
    }
    if (at == 0 || places[at - 1].word != place->word)
        return STATUS_OK;
    uint32_t before = at - 1;
    if (places[before].id & BACK)
        before -= places[before].id & ~BACK;
    uncount(counts, places[before].pair, weight);
    uint32_t left = places[before].id;
    return form_pair(counts, before, left, result, &counts->tokens[left].as_left);
}

enum status pair_counts_merge(struct pair_counts *counts, uint32_t result)
{
    struct pair pair = counts->pairs[counts->best]; /* a copy: the array may move while new pairs come */
    uint32_t left_length = counts->tokens[pair.left].length;
    int64_t from = counts->pair_room.count;
    TRY(add_token(counts, result, left_length + counts->tokens[pair.right].length));
    for (uint32_t i = 0; i < pair.length; i++) {
        uint32_t at = counts->lists[pair.first + i];
        if (counts->places[at].pair == counts->best)
            TRY(merge_place(counts, at, left_length, result));
    }
    counts->pairs[counts->best].length = 0;
    return keep_new_pairs(counts, from);
}

int64_t pair_counts_bytes(const struct pair_counts *counts)
{
    return counts->text_bytes;
}

int64_t pair_counts_tokens(const struct pair_counts *counts)
{
    return counts->text_tokens;
}

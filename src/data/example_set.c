/* Where every example lies, and in which sequence it goes: 40 bytes for each are held, tokens are read when
 * they are wanted. Packing is best fit over a bounded number of open sequences (Johnson 1974 for the bound of
 * best fit), so it takes time linear in the examples. */
#include "llmpi/data/example_set.h"

#include "llmpi/base/memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN = 64 }; /* sequences that wait for examples that fit */

struct place {
    int32_t shard;
    int32_t length;
    int64_t first; /* token in the shard */
    int64_t sequence;
};

struct example_set {
    struct dataset *dataset;
    int64_t context_length;
    struct place *places; /* sorted by sequence, then as in the shards */
    int64_t count, capacity;
    int64_t *starts; /* of each sequence in places, and the end */
    int64_t sequences;
    uint8_t *mask; /* room for one example */
};

/* --- finding the examples --- */

static enum status add_place(struct example_set *set, int64_t shard, int64_t first, int64_t length)
{
    struct place *places = memory_grow(set->places, set->count, &set->capacity, sizeof *places, "examples");
    if (places == NULL)
        return STATUS_FAILED;
    set->places = places;
    places[set->count++] = (struct place){.shard = (int32_t)shard, .length = (int32_t)length, .first = first};
    return STATUS_OK;
}

/* One example of a shard, if it teaches something: its first token is never a target. */
static enum status find_example(struct example_set *set, int64_t index, int64_t number, int64_t first,
                                int64_t end)
{
    struct shard *shard = dataset_shard(set->dataset, index);
    int64_t most = set->context_length + 1, length = end - first;
    if (length < 0 || end > shard_information(shard)->tokens)
        return fail(STATUS_FAILED,
                    "%s: example %" PRId64 " ends at token %" PRId64 " of %" PRId64
                    ", before its beginning or behind the end: it is damaged",
                    shard_file(shard), number, end, shard_information(shard)->tokens);
    if (length > most)
        return fail(STATUS_FAILED,
                    "%s: example %" PRId64 " has %" PRId64 " tokens, model.context_length + 1 = %" PRId64
                    " allowed: run `llmpi instruct prepare` again",
                    shard_file(shard), number, length, most);
    TRY(shard_read_mask(shard, first, length, set->mask));
    return length > 1 && memchr(set->mask + 1, 1, (size_t)length - 1) != NULL
               ? add_place(set, index, first, length)
               : STATUS_OK;
}

static enum status find_examples(struct example_set *set, int64_t index)
{
    struct shard *shard = dataset_shard(set->dataset, index);
    int64_t documents = shard_information(shard)->documents;
    uint64_t *starts = memory_allocate(documents + 1, sizeof *starts, "the starts of examples");
    if (starts == NULL)
        return STATUS_FAILED;
    enum status status = shard_read_document_starts(shard, 0, documents, starts);
    starts[documents] = (uint64_t)shard_information(shard)->tokens;
    for (int64_t i = 0; i < documents && status == STATUS_OK; i++)
        status = starts[i] <= INT64_MAX && starts[i + 1] <= INT64_MAX
                     ? find_example(set, index, i, (int64_t)starts[i], (int64_t)starts[i + 1])
                     : fail(STATUS_FAILED, "%s: example %" PRId64 " lies outside of the shard: it is damaged",
                            shard_file(shard), i);
    memory_free(starts);
    return status;
}

/* --- packing --- */

/* The sequences in work. */
struct open_list {
    int64_t sequence[OPEN], room[OPEN];
    int count;
};

/* The fullest with room for `length`, or -1. */
static int best_fit(const struct open_list *open, int64_t length)
{
    int best = -1;
    for (int i = 0; i < open->count; i++)
        if (open->room[i] >= length && (best < 0 || open->room[i] < open->room[best]))
            best = i;
    return best;
}

static int fullest(const struct open_list *open)
{
    int best = 0;
    for (int i = 1; i < open->count; i++)
        if (open->room[i] < open->room[best])
            best = i;
    return best;
}

static void pack(struct example_set *set)
{
    struct open_list open = {.count = 0};
    for (int64_t i = 0; i < set->count; i++) {
        struct place *place = &set->places[i];
        int slot = best_fit(&open, place->length);
        if (slot < 0) {
            slot = open.count < OPEN ? open.count++ : fullest(&open);
            open.sequence[slot] = set->sequences++;
            open.room[slot] = set->context_length + 1;
        }
        place->sequence = open.sequence[slot];
        open.room[slot] -= place->length;
    }
}

/* Sorts the places by sequence, keeping the order within. */
static enum status sort_places(struct example_set *set)
{
    struct place *sorted = memory_allocate(set->count, sizeof *sorted, "examples");
    set->starts = memory_allocate(set->sequences + 1, sizeof *set->starts, "packed sequences");
    if (sorted == NULL || set->starts == NULL) {
        memory_free(sorted);
        return STATUS_FAILED;
    }
    for (int64_t i = 0; i < set->count; i++)
        set->starts[set->places[i].sequence]++;
    for (int64_t i = 0, sum = 0; i <= set->sequences; i++) {
        int64_t here = set->starts[i];
        set->starts[i] = sum;
        sum += here;
    }
    for (int64_t i = 0; i < set->count; i++)
        sorted[set->starts[set->places[i].sequence]++] = set->places[i];
    for (int64_t i = set->sequences; i > 0; i--)
        set->starts[i] = set->starts[i - 1];
    set->starts[0] = 0;
    memcpy(set->places, sorted, (size_t)set->count * sizeof *sorted);
    memory_free(sorted);
    return STATUS_OK;
}

enum status example_set_create(struct dataset *dataset, int64_t context_length, struct example_set **out)
{
    *out = NULL;
    struct example_set *set = memory_allocate(1, sizeof *set, "packed examples");
    if (set == NULL)
        return STATUS_FAILED;
    *set = (struct example_set){.dataset = dataset, .context_length = context_length};
    set->mask = memory_allocate(context_length + 1, sizeof *set->mask, "the mask of an example");
    enum status status = set->mask != NULL ? STATUS_OK : STATUS_FAILED;
    for (int64_t i = 0; i < dataset_shards(dataset) && status == STATUS_OK; i++)
        status = find_examples(set, i);
    if (status == STATUS_OK) {
        pack(set);
        status = sort_places(set);
    }
    if (status == STATUS_OK)
        *out = set;
    else
        example_set_destroy(set);
    return status;
}

void example_set_destroy(struct example_set *set)
{
    if (set == NULL)
        return;
    free(set->places);
    memory_free(set->starts);
    memory_free(set->mask);
    memory_free(set);
}

int64_t example_set_sequences(const struct example_set *set)
{
    return set->sequences;
}

/* --- reading --- */

static enum status read_example(struct example_set *set, const struct place *place, int64_t at,
                                uint32_t *tokens, float *target_weight, int32_t *position,
                                int32_t *first_visible)
{
    struct shard *shard = dataset_shard(set->dataset, place->shard);
    TRY(shard_read_tokens(shard, place->first, place->length, tokens + at));
    TRY(shard_read_mask(shard, place->first, place->length, set->mask));
    for (int64_t i = 0; i < place->length; i++) {
        if (tokens[at + i] >= dataset_vocab_size(set->dataset))
            return fail(STATUS_FAILED, "%s: token %" PRId64 " is %" PRIu32 ", the vocabulary has %" PRId64,
                        shard_file(shard), place->first + i, tokens[at + i],
                        dataset_vocab_size(set->dataset));
        if (at + i == set->context_length)
            break; /* a target only */
        target_weight[at + i] = i + 1 < place->length && set->mask[i + 1] == 1 ? 1 : 0;
        position[at + i] = (int32_t)i;
        first_visible[at + i] = (int32_t)at;
    }
    return STATUS_OK;
}

enum status example_set_read(struct example_set *set, int64_t index, uint32_t *tokens, float *target_weight,
                             int32_t *position, int32_t *first_visible)
{
    int64_t length = set->context_length, at = 0;
    for (int64_t i = set->starts[index]; i < set->starts[index + 1]; i++) {
        TRY(read_example(set, &set->places[i], at, tokens, target_weight, position, first_visible));
        at += set->places[i].length;
    }
    for (int64_t first = at; at <= length; at++) {
        tokens[at] = 0;
        if (at == length)
            break;
        target_weight[at] = 0;
        position[at] = (int32_t)(at - first);
        first_visible[at] = (int32_t)first;
    }
    return STATUS_OK;
}

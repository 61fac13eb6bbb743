/* Gopher's repetition rules: Rae et al. 2021, section A.1.1, "Repetition Removal", and table A1. As in
 * datatrove, the characters of a most frequent run of n words are counted with the spaces between them, each
 * time that it occurs (so overlapping ones count twice), and a repeated run's without; behind a repeated run
 * the search goes on with the next word. A most frequent run occurs at least twice.
 *
 * Runs are compared by 64-bit hashes, and the hash of n + 1 words is made of that of n and one more word. A
 * run of n + 1 words that occurs twice begins with one of n words that does: only the places where a run
 * of n words occurred more than once are looked at again, which are few. */
#include "llmpi/prepare/quality.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* An open hash table of runs, at most half full; count 0: free. */
struct gram_slot {
    uint64_t hash;
    uint32_t count;
    bool met; /* by the search for repeated runs */
};

struct grams {
    struct quality *quality;
    int n;
    int64_t places; /* in quality->positions: where runs of n words occur that occur more than once */
    uint64_t mask;  /* of the table, which holds the counts of those runs */
};

static enum status reserve_places(struct quality *quality, int64_t count)
{
    if (count <= quality->capacity)
        return STATUS_OK;
    uint64_t *hashes = memory_resize(quality->hashes, count, sizeof *hashes, "word runs");
    if (hashes == NULL)
        return STATUS_FAILED;
    quality->hashes = hashes;
    int64_t *positions = memory_resize(quality->positions, count, sizeof *positions, "word runs");
    if (positions == NULL)
        return STATUS_FAILED;
    quality->positions = positions;
    uint64_t *words = memory_resize(quality->word_hashes, count, sizeof *words, "word runs");
    if (words == NULL)
        return STATUS_FAILED;
    quality->word_hashes = words;
    quality->capacity = count;
    return STATUS_OK;
}

/* Empties the table and makes it large enough for `count` runs. Returns its mask, or 0 without memory. */
static uint64_t clear_table(struct quality *quality, int64_t count)
{
    int64_t size = 64;
    while (size < 2 * count)
        size *= 2;
    if (size > quality->table_capacity) {
        struct gram_slot *larger = memory_resize(quality->table, size, sizeof *larger, "word runs");
        if (larger == NULL)
            return 0;
        quality->table = larger;
        quality->table_capacity = size;
    }
    memset(quality->table, 0, (size_t)size * sizeof *quality->table);
    return (uint64_t)size - 1;
}

static struct gram_slot *find(struct quality *quality, uint64_t mask, uint64_t hash)
{
    uint64_t at = hash & mask;
    while (quality->table[at].count > 0 && quality->table[at].hash != hash)
        at = (at + 1) & mask;
    quality->table[at].hash = hash;
    return &quality->table[at];
}

/* The hash of a run and one more word (the multiplier is that of splitmix64, Steele et al. 2014). */
static uint64_t join_hashes(uint64_t run, uint64_t word)
{
    uint64_t mixed = (run ^ (run >> 32)) * 0xBF58476D1CE4E5B9u + word;
    return mixed ^ (mixed >> 29);
}

/* Single words: every place counts as repeated. */
static enum status begin(struct quality *quality, struct grams *grams)
{
    const struct text_shape *shape = &quality->shape;
    TRY(reserve_places(quality, shape->word_count));
    for (int64_t i = 0; i < shape->word_count; i++) {
        quality->word_hashes[i] = quality->hashes[i] =
            digest_bytes(shape->text + shape->words[i].begin, shape->words[i].bytes);
        quality->positions[i] = i;
    }
    *grams = (struct grams){quality, 1, shape->word_count, 0};
    return STATUS_OK;
}

/* Makes the runs one word longer and keeps the places where one occurs that occurs more than once. */
static enum status lengthen(struct grams *grams)
{
    struct quality *quality = grams->quality;
    int64_t last = quality->shape.word_count - ++grams->n, kept = 0;
    grams->mask = clear_table(quality, grams->places);
    if (grams->mask == 0)
        return STATUS_FAILED;
    while (grams->places > 0 && quality->positions[grams->places - 1] > last)
        grams->places--;
    for (int64_t i = 0; i < grams->places; i++) {
        int64_t at = quality->positions[i];
        uint64_t *hash = &quality->hashes[at];
        *hash = join_hashes(*hash, quality->word_hashes[at + grams->n - 1]);
        find(quality, grams->mask, *hash)->count++;
    }
    for (int64_t i = 0; i < grams->places; i++) {
        int64_t at = quality->positions[i];
        if (find(quality, grams->mask, quality->hashes[at])->count > 1)
            quality->positions[kept++] = at;
    }
    grams->places = kept;
    return STATUS_OK;
}

static int64_t count_word_characters(const struct text_shape *shape, int64_t first, int words)
{
    int64_t characters = 0;
    for (int i = 0; i < words; i++)
        characters += shape->words[first + i].characters;
    return characters;
}

/* Characters of all occurrences of the most frequent run; of equals the one that occurs first. */
static int64_t count_top(const struct grams *grams)
{
    const struct quality *quality = grams->quality;
    int64_t top = 0, first = 0;
    for (int64_t i = 0; i < grams->places; i++) {
        int64_t at = quality->positions[i];
        int64_t count = find(grams->quality, grams->mask, quality->hashes[at])->count;
        if (count > top) {
            top = count;
            first = at;
        }
    }
    if (top == 0)
        return 0;
    return top * (count_word_characters(&quality->shape, first, grams->n) + grams->n - 1);
}

/* Characters of runs that were met before. */
static int64_t count_repeated(const struct grams *grams)
{
    const struct quality *quality = grams->quality;
    int64_t characters = 0, next = 0;
    for (int64_t i = 0; i < grams->places; i++) {
        int64_t at = quality->positions[i];
        if (at < next)
            continue;
        struct gram_slot *slot = find(grams->quality, grams->mask, quality->hashes[at]);
        if (slot->met) {
            characters += count_word_characters(&quality->shape, at, grams->n);
            next = at + grams->n;
        }
        slot->met = true;
    }
    return characters;
}

enum status quality_count_repeats(struct quality *quality, const struct text_span *spans, int64_t count,
                                  int64_t *repeats, int64_t *characters)
{
    *repeats = *characters = 0;
    uint64_t mask = clear_table(quality, count);
    if (mask == 0)
        return STATUS_FAILED;
    for (int64_t i = 0; i < count; i++) {
        struct gram_slot *slot =
            find(quality, mask, digest_bytes(quality->shape.text + spans[i].begin, spans[i].bytes));
        if (slot->count++ > 0) {
            ++*repeats;
            *characters += spans[i].characters;
        }
    }
    return STATUS_OK;
}

/* Lines or paragraphs: `rule` is that of their number, the next one that of their characters. */
static enum status judge_spans(struct quality *quality, const struct text_span *spans, int64_t count,
                               enum rule rule, struct verdict *out)
{
    int64_t repeats, characters;
    TRY(quality_count_repeats(quality, spans, count, &repeats, &characters));
    double all = (double)quality->shape.characters;
    if (count > 0 && !rule_rejects(rule, (double)repeats / (double)count, quality->options, out))
        rule_rejects(rule + 1, (double)characters / all, quality->options, out);
    return STATUS_OK;
}

enum status gopher_repetition_judge(struct quality *quality, struct verdict *out)
{
    const struct text_shape *shape = &quality->shape;
    TRY(judge_spans(quality, shape->lines, shape->line_count, RULE_DUPLICATE_LINES, out));
    if (out->rule == RULE_KEPT)
        TRY(judge_spans(quality, shape->paragraphs, shape->paragraph_count, RULE_DUPLICATE_PARAGRAPHS, out));
    if (out->rule != RULE_KEPT)
        return STATUS_OK;
    struct grams grams;
    TRY(begin(quality, &grams));
    for (enum rule rule = RULE_TOP_2_GRAM; rule <= RULE_DUPLICATE_10_GRAMS && grams.places > 0; rule++) {
        TRY(lengthen(&grams));
        int64_t characters = rule <= RULE_TOP_4_GRAM ? count_top(&grams) : count_repeated(&grams);
        if (rule_rejects(rule, (double)characters / (double)shape->characters, quality->options, out))
            break;
    }
    return STATUS_OK;
}

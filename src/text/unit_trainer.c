/* Two sorts: by frequency to choose the units that stay, then by their bytes to number them. A unit that is
 * spelled like a special token is left out, since text must not become one by accident. */
#include "llmpi/text/unit_trainer.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/character_encoder.h"
#include "llmpi/text/word_encoder.h"

#include <stdlib.h>
#include <string.h>

struct unit {
    const char *bytes; /* borrowed from the counts */
    size_t length;
    int64_t count;
};

enum status unit_count_text(struct word_counts *counts, enum vocabulary_kind kind, const char **text,
                            const char *end, int64_t maximum)
{
    const char *unit = NULL;
    size_t length = 0;
    for (int64_t i = 0; i < maximum; i++) {
        bool more = kind == VOCABULARY_WORD ? word_next(text, end, &unit, &length)
                                            : character_next(text, end, &unit, &length);
        if (!more)
            return STATUS_OK;
        if (unit[0] != '\0' && utf8_decode(unit, length, &(uint32_t){0}) > 0)
            TRY(word_counts_add(counts, unit, length, 1));
    }
    return STATUS_OK;
}

static int by_bytes(const void *a, const void *b)
{
    const struct unit *left = a, *right = b;
    size_t shorter = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->bytes, right->bytes, shorter);
    return order != 0 ? order : (left->length > right->length) - (left->length < right->length);
}

static int by_count(const void *a, const void *b)
{
    const struct unit *left = a, *right = b;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return by_bytes(a, b);
}

static bool is_reserved(const struct unit *unit, const struct string_list *specials)
{
    for (int64_t i = -1; i < specials->count; i++) {
        const char *name = i < 0 ? UNKNOWN_TOKEN : specials->items[i];
        if (strlen(name) == unit->length && memcmp(name, unit->bytes, unit->length) == 0)
            return true;
    }
    return false;
}

/* Fills `units` with those that stay and returns how many; the rest goes into the report. */
static int64_t choose(const struct word_counts *counts, const struct unit_settings *settings, int64_t room,
                      struct unit *units, struct unit_report *report)
{
    int64_t candidates = 0, kept = 0, kept_occurrences = 0;
    *report = (struct unit_report){.units = word_counts_size(counts)};
    for (int64_t i = 0; i < report->units; i++) {
        struct unit unit = {0};
        unit.bytes = word_counts_get(counts, i, &unit.length, &unit.count);
        report->occurrences += unit.count;
        if (unit.count >= settings->min_frequency && !is_reserved(&unit, settings->special_tokens))
            units[candidates++] = unit;
    }
    qsort(units, (size_t)candidates, sizeof *units, by_count);
    for (; kept < candidates && kept < room; kept++)
        kept_occurrences += units[kept].count;
    qsort(units, (size_t)kept, sizeof *units, by_bytes);
    report->unknown_units = report->units - kept;
    report->unknown_occurrences = report->occurrences - kept_occurrences;
    return kept;
}

static enum status add_unknown(struct vocabulary *vocabulary)
{
    vocabulary->unknown = (uint32_t)vocabulary->count;
    return vocabulary_add_token(vocabulary, UNKNOWN_TOKEN, strlen(UNKNOWN_TOKEN), true);
}

static enum status fill(struct vocabulary *vocabulary, const struct unit *units, int64_t count,
                        const struct string_list *specials)
{
    if (vocabulary->kind == VOCABULARY_CHARACTER)
        TRY(add_unknown(vocabulary));
    for (int64_t i = 0; i < count; i++)
        TRY(vocabulary_add_token(vocabulary, units[i].bytes, units[i].length, false));
    if (vocabulary->kind == VOCABULARY_WORD)
        TRY(add_unknown(vocabulary));
    for (int64_t i = 0; i < specials->count; i++)
        if (strcmp(specials->items[i], UNKNOWN_TOKEN) != 0)
            TRY(vocabulary_add_token(vocabulary, specials->items[i], strlen(specials->items[i]), true));
    return STATUS_OK;
}

/* How many units fit beside the special tokens. */
static int64_t find_room(const struct unit_settings *settings)
{
    int64_t room = settings->vocab_size - 1 - settings->special_tokens->count;
    for (int64_t i = 0; i < settings->special_tokens->count; i++)
        room += strcmp(settings->special_tokens->items[i], UNKNOWN_TOKEN) == 0;
    return room;
}

enum status unit_settings_check(const struct unit_settings *settings)
{
    int64_t room = find_room(settings);
    if (room >= 1 && settings->vocab_size <= VOCABULARY_MAX)
        return STATUS_OK;
    return fail(STATUS_USAGE,
                "a vocabulary of %lld, allowed are %lld (the special tokens, " UNKNOWN_TOKEN
                " and one more) to %lld",
                (long long)settings->vocab_size, (long long)(settings->vocab_size - room + 1),
                (long long)VOCABULARY_MAX);
}

enum status unit_train(const struct word_counts *counts, const struct unit_settings *settings,
                       struct unit_report *report, struct tokenizer **out)
{
    *out = NULL;
    const struct string_list *specials = settings->special_tokens;
    struct unit_report ignored;
    struct vocabulary vocabulary = {.kind = settings->kind};
    TRY(unit_settings_check(settings));
    struct unit *units = memory_allocate(word_counts_size(counts), sizeof *units, "a vocabulary");
    if (units == NULL)
        return STATUS_FAILED;
    int64_t count = choose(counts, settings, find_room(settings), units, report != NULL ? report : &ignored);
    enum status status = fill(&vocabulary, units, count, specials);
    memory_free(units);
    if (status == STATUS_OK)
        return tokenizer_create(&vocabulary, out);
    vocabulary_free(&vocabulary);
    return status;
}

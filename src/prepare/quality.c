/* The table of rules, and the order in which the chapters apply them. Cheap rules come first. */
#include "llmpi/prepare/quality.h"

#include "llmpi/base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* When a rule rejects. */
enum relation { BELOW, ABOVE, AT_MOST, AT_LEAST, FOUND };

struct rule_row {
    const char *name;
    enum relation relation;
    size_t threshold; /* offset of the double; FOUND: of the switch */
    size_t group;     /* offset of the switch of its group */
    const char *found;
};

#define AT(field) offsetof(struct clean_options, field)
#define ROW(field, relation, group)                                                                          \
    {                                                                                                        \
#field, relation, AT(field), AT(group), NULL                                                         \
    }
#define SWITCH(field, group, sentence)                                                                       \
    {                                                                                                        \
#field, FOUND, AT(field), AT(group), sentence                                                        \
    }

static const struct rule_row table[RULES] = {
    [RULE_KEPT] = {.name = "kept"},
    [RULE_LANGUAGE_SCORE] = {"language_score_min", BELOW, AT(language_score_min), 0, NULL},
    [RULE_MIN_WORDS] = ROW(gopher_min_words, BELOW, gopher_quality),
    [RULE_MAX_WORDS] = ROW(gopher_max_words, ABOVE, gopher_quality),
    [RULE_MIN_WORD_LENGTH] = ROW(gopher_min_word_length, BELOW, gopher_quality),
    [RULE_MAX_WORD_LENGTH] = ROW(gopher_max_word_length, ABOVE, gopher_quality),
    [RULE_ALPHABETIC_WORDS] = ROW(gopher_min_alphabetic_words, BELOW, gopher_quality),
    [RULE_STOP_WORDS] = ROW(gopher_min_stop_words, BELOW, gopher_quality),
    [RULE_HASHES] = ROW(gopher_max_hashes, ABOVE, gopher_quality),
    [RULE_ELLIPSES] = ROW(gopher_max_ellipses, ABOVE, gopher_quality),
    [RULE_BULLET_LINES] = ROW(gopher_max_bullet_lines, ABOVE, gopher_quality),
    [RULE_ELLIPSIS_LINES] = ROW(gopher_max_ellipsis_lines, ABOVE, gopher_quality),
    [RULE_DUPLICATE_LINES] = ROW(gopher_max_duplicate_lines, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_LINE_CHARACTERS] = ROW(gopher_max_duplicate_line_characters, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_PARAGRAPHS] = ROW(gopher_max_duplicate_paragraphs, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_PARAGRAPH_CHARACTERS] =
        ROW(gopher_max_duplicate_paragraph_characters, ABOVE, gopher_repetition),
    [RULE_TOP_2_GRAM] = ROW(gopher_max_top_2_gram, ABOVE, gopher_repetition),
    [RULE_TOP_3_GRAM] = ROW(gopher_max_top_3_gram, ABOVE, gopher_repetition),
    [RULE_TOP_4_GRAM] = ROW(gopher_max_top_4_gram, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_5_GRAMS] = ROW(gopher_max_duplicate_5_grams, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_6_GRAMS] = ROW(gopher_max_duplicate_6_grams, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_7_GRAMS] = ROW(gopher_max_duplicate_7_grams, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_8_GRAMS] = ROW(gopher_max_duplicate_8_grams, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_9_GRAMS] = ROW(gopher_max_duplicate_9_grams, ABOVE, gopher_repetition),
    [RULE_DUPLICATE_10_GRAMS] = ROW(gopher_max_duplicate_10_grams, ABOVE, gopher_repetition),
    [RULE_LOREM_IPSUM] = SWITCH(c4_lorem_ipsum, c4_quality, "\"lorem ipsum\" found"),
    [RULE_CURLY_BRACKET] = SWITCH(c4_curly_bracket, c4_quality, "\"{\" found"),
    [RULE_SENTENCES] = ROW(c4_min_sentences, BELOW, c4_quality),
    [RULE_REMOVED_LINES] = SWITCH(c4_remove_lines, c4_quality, "no line is left"),
    [RULE_PUNCTUATED_LINES] = ROW(fineweb_min_punctuated_lines, AT_MOST, fineweb_quality),
    [RULE_SHORT_LINES] = ROW(fineweb_max_short_lines, AT_LEAST, fineweb_quality),
    [RULE_FINEWEB_DUPLICATES] = ROW(fineweb_max_duplicate_line_characters, AT_LEAST, fineweb_quality),
    [RULE_NEWLINES] = ROW(fineweb_max_newlines, ABOVE, fineweb_quality),
    [RULE_EXACT_DUPLICATES] = SWITCH(exact_duplicates, exact_duplicates, ""),
    [RULE_NEAR_DUPLICATES] = SWITCH(near_duplicates, near_duplicates, ""),
};

const char *rule_name(enum rule rule)
{
    return table[rule].name;
}

static bool switch_at(const struct clean_options *options, size_t offset)
{
    bool value;
    memcpy(&value, (const char *)options + offset, sizeof value);
    return value;
}

static double threshold_of(const struct rule_row *row, const struct clean_options *options)
{
    double value;
    memcpy(&value, (const char *)options + row->threshold, sizeof value);
    return value;
}

bool rule_is_on(enum rule rule, const struct clean_options *options)
{
    const struct rule_row *row = &table[rule];
    if (rule == RULE_KEPT || (rule != RULE_LANGUAGE_SCORE && !switch_at(options, row->group)))
        return false;
    return row->relation == FOUND ? switch_at(options, row->threshold) : threshold_of(row, options) > 0;
}

bool rule_rejects(enum rule rule, double figure, const struct clean_options *options, struct verdict *out)
{
    if (!rule_is_on(rule, options))
        return false;
    double threshold = table[rule].relation == FOUND ? 0 : threshold_of(&table[rule], options);
    bool rejects = false;
    switch (table[rule].relation) {
    case BELOW:
        rejects = figure < threshold;
        break;
    case AT_MOST:
        rejects = figure <= threshold;
        break;
    case AT_LEAST:
        rejects = figure >= threshold;
        break;
    case ABOVE:
    case FOUND:
        rejects = figure > threshold;
        break;
    }
    if (rejects)
        *out = (struct verdict){rule, figure};
    return rejects;
}

enum status verdict_explain(const struct verdict *verdict, const struct clean_options *options,
                            struct buffer *out)
{
    static const char *const signs[] = {[BELOW] = "<", [ABOVE] = ">", [AT_MOST] = "<=", [AT_LEAST] = ">="};
    const struct rule_row *row = &table[verdict->rule];
    if (row->relation == FOUND)
        return buffer_printf(out, "%s", row->found);
    return buffer_printf(out, "%.6g %s %.6g", verdict->figure, signs[row->relation],
                         threshold_of(row, options));
}

void quality_free(struct quality *quality)
{
    text_shape_free(&quality->shape);
    free(quality->word_hashes);
    free(quality->hashes);
    free(quality->positions);
    free(quality->table);
    buffer_free(&quality->lower);
    buffer_free(&quality->cleaned);
    *quality = (struct quality){0};
}

/* Replaces the text by its cleaned form where that differs. */
static enum status take_cleaned(struct quality *quality, const char **text, size_t *length)
{
    const struct buffer *cleaned = &quality->cleaned;
    if (!quality->options->c4_quality || !quality->options->c4_remove_lines ||
        (cleaned->length == *length && memcmp(cleaned->data, *text, *length) == 0))
        return STATUS_OK;
    *text = cleaned->data;
    *length = cleaned->length;
    return text_shape_measure(&quality->shape, *text, *length);
}

enum status quality_judge(struct quality *quality, double language_score, const char **text, size_t *length,
                          struct verdict *out)
{
    const struct clean_options *options = quality->options;
    const char *given = *text;
    size_t given_length = *length;
    *out = (struct verdict){0};
    if (!isnan(language_score) && rule_rejects(RULE_LANGUAGE_SCORE, language_score, options, out))
        return STATUS_OK;
    if (!options->gopher_quality && !options->gopher_repetition && !options->c4_quality &&
        !options->fineweb_quality)
        return STATUS_OK;
    TRY(text_shape_measure(&quality->shape, *text, *length));
    if (gopher_quality_rejects(quality, out))
        return STATUS_OK;
    if (options->gopher_repetition)
        TRY(gopher_repetition_judge(quality, out));
    if (options->c4_quality && out->rule == RULE_KEPT) {
        TRY(c4_quality_judge(quality, out));
        if (out->rule == RULE_KEPT)
            TRY(take_cleaned(quality, text, length));
    }
    if (options->fineweb_quality && out->rule == RULE_KEPT)
        TRY(fineweb_quality_judge(quality, out));
    if (out->rule != RULE_KEPT) {
        *text = given;
        *length = given_length;
    }
    return STATUS_OK;
}

enum status quality_remove_lines(struct quality *quality, const char **text, size_t *length)
{
    struct verdict ignored;
    if (!quality->options->c4_quality || !quality->options->c4_remove_lines)
        return STATUS_OK;
    TRY(text_shape_measure(&quality->shape, *text, *length));
    TRY(c4_quality_judge(quality, &ignored));
    return take_cleaned(quality, text, length);
}

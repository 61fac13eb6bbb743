/* FineWeb's own rules: Penedo et al. 2024, section 3.6, with the thresholds of the paper (0.12, 0.1 and 0.67;
 * datatrove's default for repeated lines is 0.01), and the limit on newlines of datatrove's
 * FineWebQualityFilter. Blank lines are no lines. */
#include "llmpi/prepare/quality.h"

#include <string.h>

enum status fineweb_quality_judge(struct quality *quality, struct verdict *out)
{
    const struct text_shape *shape = &quality->shape;
    const struct clean_options *options = quality->options;
    int64_t punctuated = 0, short_lines = 0, repeats, repeated;
    if (shape->line_count == 0)
        return STATUS_OK;
    for (int64_t i = 0; i < shape->line_count; i++) {
        const struct text_span *line = &shape->lines[i];
        punctuated += memchr(".'\"!?", shape->text[line->begin + line->bytes - 1], 5) != NULL;
        short_lines += (int64_t)line->characters <= options->fineweb_short_line;
    }
    double lines = (double)shape->line_count, words = (double)shape->word_count;
    if (rule_rejects(RULE_PUNCTUATED_LINES, (double)punctuated / lines, options, out) ||
        rule_rejects(RULE_SHORT_LINES, (double)short_lines / lines, options, out))
        return STATUS_OK;
    TRY(quality_count_repeats(quality, shape->lines, shape->line_count, &repeats, &repeated));
    double all = (double)(shape->characters - shape->newlines);
    if (!rule_rejects(RULE_FINEWEB_DUPLICATES, (double)repeated / all, options, out))
        rule_rejects(RULE_NEWLINES, (double)shape->newlines / words, options, out);
    return STATUS_OK;
}

/* The configuration's side of text/unit_trainer.c. */
#include "unit_training.h"

#include "llmpi/base/log.h"
#include "llmpi/text/unit_trainer.h"

enum vocabulary_kind unit_training_kind(const struct config *config)
{
    return config->tokenizer.kind == TOKENIZER_WORD        ? VOCABULARY_WORD
           : config->tokenizer.kind == TOKENIZER_CHARACTER ? VOCABULARY_CHARACTER
                                                           : VOCABULARY_BPE;
}

enum status unit_training_learn(const struct config *config, const struct string_list *special_tokens,
                                const struct word_counts *counts, struct tokenizer **out)
{
    const struct unit_settings settings = {.kind = unit_training_kind(config),
                                           .vocab_size = config->tokenizer.vocab_size,
                                           .min_frequency = config->tokenizer.min_frequency,
                                           .special_tokens = special_tokens};
    struct unit_report report;
    TRY(unit_train(counts, &settings, &report, out));
    if (report.unknown_units == 0)
        return STATUS_OK;
    const char *name = tokenizer_kind_name(*out);
    log_warning("%lld of %lld distinct %ss have no place in the vocabulary (tokenizer.vocab_size is %lld, "
                "tokenizer.min_frequency %lld): %.3f %% of the text's %ss become " UNKNOWN_TOKEN,
                (long long)report.unknown_units, (long long)report.units, name,
                (long long)settings.vocab_size, (long long)settings.min_frequency,
                100 * (double)report.unknown_occurrences / (double)report.occurrences, name);
    return STATUS_OK;
}

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

static struct unit_settings settings_of(const struct config *config, const struct string_list *specials)
{
    return (struct unit_settings){.kind = unit_training_kind(config),
                                  .vocab_size = config->tokenizer.vocab_size,
                                  .min_frequency = config->tokenizer.min_frequency,
                                  .special_tokens = specials};
}

enum status unit_training_check(const struct config *config, const struct string_list *special_tokens)
{
    const struct unit_settings settings = settings_of(config, special_tokens);
    return unit_settings_check(&settings);
}

enum status unit_training_learn(const struct config *config, const struct string_list *special_tokens,
                                const struct word_counts *counts, const struct word_gathering *gathering,
                                struct tokenizer **out)
{
    const struct unit_settings settings = settings_of(config, special_tokens);
    struct unit_report report;
    TRY(unit_train(counts, &settings, &report, out));
    int64_t unknown = report.unknown_units + gathering->dropped;
    int64_t occurrences = report.unknown_occurrences + gathering->dropped_occurrences;
    if (unknown == 0)
        return STATUS_OK;
    const char *name = tokenizer_kind_name(*out);
    log_warning("%lld of %lld distinct %ss have no place in the vocabulary (tokenizer.vocab_size is %lld, "
                "tokenizer.min_frequency %lld): %.3f %% of the text's %ss become " UNKNOWN_TOKEN,
                (long long)unknown, (long long)gathering->distinct, name, (long long)settings.vocab_size,
                (long long)settings.min_frequency, 100 * (double)occurrences / (double)gathering->occurrences,
                name);
    return STATUS_OK;
}

/* From flags to settings, and from a prompt's text to its ids. */
#include "generate.h"

#include "llmpi/train/chat.h"

#include <string.h>

enum { MOST_TOGETHER = 8 };

/* Prompts become a user's turn, and the answer ends with the assistant's. */
static enum status use_template(const struct config *config, const struct tokenizer *tokenizer,
                                struct generate_options *out)
{
    out->chat = true;
    out->template = chat_template_of(config);
    TRY(chat_template_check(&out->template, tokenizer));
    out->stop_ids[out->settings.stop_id_count++] = (uint32_t)chat_template_end(&out->template, tokenizer);
    return STATUS_OK;
}

enum status generate_options_read(const struct arguments *arguments, const struct config *config,
                                  const struct train_state *state, struct generate_options *out)
{
    int64_t seed = 1;
    *out = (struct generate_options){.settings = generation_settings_of(config),
                                     .samples = 1,
                                     .cached = !arguments_has(arguments, "--no-cache")};
    struct generation_settings *settings = &out->settings;
    struct token_choice *choice = &settings->choice;
    const char *end_token = config->shards.end_token;
    int64_t end = tokenizer_find(state->tokenizer, end_token, strlen(end_token));
    TRY(arguments_get_integer(arguments, "--tokens", 0, INT32_MAX, &settings->tokens));
    TRY(arguments_get_number(arguments, "--temperature", 0, 100, &choice->temperature));
    TRY(arguments_get_integer(arguments, "--top-k", 0, INT32_MAX, &choice->top_k));
    TRY(arguments_get_number(arguments, "--top-p", 1e-9, 1, &choice->top_p));
    TRY(arguments_get_number(arguments, "--min-p", 0, 1, &choice->min_p));
    TRY(arguments_get_number(arguments, "--repetition-penalty", 1e-3, 1e3, &choice->repetition_penalty));
    TRY(arguments_get_integer(arguments, "--seed", 0, INT64_MAX, &seed));
    TRY(arguments_get_integer(arguments, "--samples", 1, INT32_MAX, &out->samples));
    out->batch = out->samples < MOST_TOGETHER ? out->samples : MOST_TOGETHER;
    if (arguments_has(arguments, "--prompts"))
        out->batch = MOST_TOGETHER;
    TRY(arguments_get_integer(arguments, "--batch", 1, 65536, &out->batch));
    TRY(arguments_get_all(arguments, "--stop", &out->stops));
    for (int64_t i = 0; i < out->stops.count; i++)
        if (out->stops.items[i][0] == '\0')
            return fail(STATUS_USAGE, "--stop is empty but must be a text");
    settings->seed = (uint64_t)seed;
    settings->stop_texts = &out->stops;
    settings->log_probabilities = arguments_has(arguments, "--logprobs");
    settings->stop_ids = out->stop_ids;
    if (end >= 0 && !arguments_has(arguments, "--ignore-end"))
        out->stop_ids[settings->stop_id_count++] = (uint32_t)end;
    return arguments_has(arguments, "--chat") ? use_template(config, state->tokenizer, out) : STATUS_OK;
}

void generate_options_free(struct generate_options *options)
{
    string_list_free(&options->stops);
}

void generate_options_try_chat(struct generate_options *options, const struct config *config,
                               const struct train_state *state)
{
    if (use_template(config, state->tokenizer, options) != STATUS_OK)
        options->chat = false;
}

enum status generate_options_prompt(const struct generate_options *options, const struct config *config,
                                    struct train_state *state, const char *text, size_t length,
                                    struct token_list *ids)
{
    if (!options->chat)
        return generation_prompt(state, text, length, config->shards.end_token, ids);
    TRY(chat_template_add_turn(&options->template, state->tokenizer, CHAT_USER, text, length, false, ids,
                               NULL));
    return chat_template_open_answer(&options->template, state->tokenizer, ids);
}

bool generate_options_first(const struct generate_options *options, const struct train_state *state,
                            const char *text, size_t length)
{
    return options->chat || tokenizer_may_follow(state->tokenizer, text, length);
}

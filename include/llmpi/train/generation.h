/* Continuing texts with a model, several at a time. */
#ifndef LLMPI_TRAIN_GENERATION_H
#define LLMPI_TRAIN_GENERATION_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/config/config.h"
#include "llmpi/text/token_list.h"
#include "llmpi/train/held_text.h"
#include "llmpi/train/state.h"
#include "llmpi/train/token_choice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation_settings {
    int64_t tokens; /* at most that many new ones */
    struct token_choice choice;
    uint64_t seed;                        /* numbers are drawn from (seed, request's sample, place) */
    const struct string_list *stop_texts; /* end before the first of these (none empty); NULL: none */
    const uint32_t *stop_ids;             /* end at these tokens, whose text is not sent */
    int64_t stop_id_count;
    bool log_probabilities; /* wanted in the results */
};

/* What `sample` and `run.seed` of a configuration say; no stops. */
struct generation_settings generation_settings_of(const struct config *config);

/* One text to be continued. */
struct generation_request {
    const struct generation_settings *settings;
    const uint32_t *prompt;
    int64_t prompt_count; /* at least 1 */
    bool first;           /* a word may follow the prompt without a space: tokenizer_may_follow */
    uint64_t sample;
    bool resumes; /* with a cache: what the prompt shares with the beginning of the text that was in its place
                   * before is not computed again (which may round otherwise) */
    text_sink sink; /* receives the new text as it comes; NULL: not wanted */
    void *context;
};

/* Why a text ended: at a stop token, at a stop text, or because it has its tokens. */
enum generation_end { GENERATION_STOP_TOKEN, GENERATION_STOP_TEXT, GENERATION_TOKEN_LIMIT };

/* Start with {0}; free with generation_result_free. */
struct generation_result {
    enum generation_end end;
    struct token_list ids; /* the new tokens: those that make a stop text are among them, a stop token not */
    double *log_probabilities; /* of each, in nats: the model's own, before any rule; NULL: not wanted */
    int64_t log_capacity;
};
void generation_result_free(struct generation_result *result);

/* Continues texts with the parameters that `state` has now. */
struct generator;

/* `sequences`: how many texts are continued at a time. `cached`: keys and values are kept (model/decoder.h;
 * takes decoder_bytes); else every token is computed from all that is visible, which is for comparison. The
 * state must outlive the generator and has one with a cache at a time. */
enum status generator_create(struct train_state *state, int64_t sequences, bool cached,
                             struct generator **out);

/* NULL is fine. Says on standard error if a text was longer than the context: not before, since texts may be
 * on their way to a terminal. */
void generator_destroy(struct generator *generator);

/* Continues all texts; results[i] is of requests[i]. A text is the same whatever stands beside it. Once it
 * has context_length tokens, the model forgets the first of them and sees the last context_length / 2 and
 * what follows, until it is full again; the same for a prompt that is too long. A failing sink ends all. */
enum status generator_run(struct generator *generator, const struct generation_request *requests,
                          int64_t count, struct generation_result *results);

/* Appends the ids of a prompt: the text behind an end-of-text token (`end_token`, a name; "" or unknown:
 * none), as documents were in training. A prompt without any token is an error. */
enum status generation_prompt(const struct train_state *state, const char *text, size_t length,
                              const char *end_token, struct token_list *out);

#endif

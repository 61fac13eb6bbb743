/* Continuing a text with a model. */
#ifndef LLMPI_TRAIN_GENERATION_H
#define LLMPI_TRAIN_GENERATION_H

#include "llmpi/base/status.h"
#include "llmpi/train/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation_settings {
    int64_t tokens;     /* at most that many new ones */
    double temperature; /* 0: always the likeliest token */
    int64_t top_k;      /* only the k likeliest; 0: all */
    double top_p;  /* only the likeliest that together have this probability; 1: all (Holtzman et al. 2020,
                    * arXiv:1904.09751) */
    uint64_t seed; /* numbers are drawn from (seed, sample, place) */
    uint64_t sample;
    bool ignore_end; /* go on after an end-of-text token */
};

/* Receives text as it comes: whole UTF-8 characters except at the very end. */
typedef enum status (*generation_sink)(void *context, const char *text, size_t length);

/* Why generation ended. */
enum generation_end { GENERATION_END_OF_TEXT, GENERATION_TOKEN_LIMIT };

/* Continues `prompt`, which is placed after an end-of-text token (`end_token`, a name; "" or unknown: none)
 * as documents were in training. The prompt itself is not sent. When context_length is full the model sees
 * the last context_length tokens. An empty prompt without an end token is an error. */
enum status generation_run(struct train_state *state, const char *prompt, size_t length,
                           const char *end_token, const struct generation_settings *settings,
                           generation_sink sink, void *context, enum generation_end *end);

/* Draws from logits (changed on the way). `order` is scratch of vocab entries. `random` is uniform in [0, 1).
 * Equal logits rank by the smaller id. */
uint32_t generation_choose(float *logits, uint32_t *order, int64_t vocab,
                           const struct generation_settings *settings, double random);

#endif

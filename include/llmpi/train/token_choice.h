/* Choosing the next token from a model's logits. */
#ifndef LLMPI_TRAIN_TOKEN_CHOICE_H
#define LLMPI_TRAIN_TOKEN_CHOICE_H

#include <stdint.h>

/* How a token is drawn. Applied in this order: repetition penalty, temperature, top-k, top-p, min-p; what is
 * left is drawn by its probability. */
struct token_choice {
    double temperature; /* 0: always the likeliest token */
    int64_t top_k;      /* only the k likeliest; 0: all */
    double top_p; /* only the likeliest that together have this share of what top-k left; 1: all (Holtzman et
                   * al. 2020, arXiv:1904.09751) */
    double min_p; /* only those with min_p times the probability of the likeliest; 0: all (Nguyen et al. 2024,
                   * arXiv:2407.01082) */
    double repetition_penalty; /* logits of tokens that were there are divided by it where positive, else
                                * multiplied; 1 or 0: none (Keskar et al. 2019, arXiv:1909.05858) */
};

/* The penalty for each token of `ids`, once however often it stands there. `seen` is scratch of vocab
 * entries, all zero before and after. */
void token_choice_penalise(float *logits, const uint32_t *ids, int64_t count, double penalty, uint8_t *seen);

/* Draws from logits (changed on the way) by the other rules. `order` is scratch of vocab entries. `random` is
 * uniform in [0, 1). Equal logits rank by the smaller id. */
uint32_t token_choice_draw(float *logits, uint32_t *order, int64_t vocab, const struct token_choice *choice,
                           double random);

/* The log of the probability (nats) that the logits give a token. */
double token_choice_log_probability(const float *logits, int64_t vocab, uint32_t id);

#endif

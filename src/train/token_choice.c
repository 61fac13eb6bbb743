/* Only what top-k and top-p need is sorted: a large vocabulary has few likely tokens. Candidates are those
 * with at least some share of the largest weight; the share falls until they are enough. */
#include "llmpi/train/token_choice.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

void token_choice_penalise(float *logits, const uint32_t *ids, int64_t count, double penalty, uint8_t *seen)
{
    if (penalty <= 0 || penalty == 1)
        return;
    for (int64_t i = 0; i < count; i++) {
        float *logit = &logits[ids[i]];
        if (!seen[ids[i]])
            *logit = (float)(*logit > 0 ? (double)*logit / penalty : (double)*logit * penalty);
        seen[ids[i]] = 1;
    }
    for (int64_t i = 0; i < count; i++)
        seen[ids[i]] = 0;
}

static uint32_t likeliest(const float *logits, int64_t vocab)
{
    int64_t best = 0;
    for (int64_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    return (uint32_t)best;
}

static int by_weight(const void *a, const void *b, void *context)
{
    const float *weights = context;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    if (weights[left] != weights[right])
        return weights[left] > weights[right] ? -1 : 1;
    return left < right ? -1 : left > right;
}

/* Candidates in `order`: their number and summed weight. */
struct candidates {
    int64_t count;
    double total;
};

/* All tokens with at least `least` weight. */
static struct candidates gather(const float *weights, uint32_t *order, int64_t vocab, float least)
{
    struct candidates found = {0};
    for (int64_t i = 0; i < vocab; i++)
        if (weights[i] >= least) {
            order[found.count++] = (uint32_t)i;
            found.total += (double)weights[i];
        }
    return found;
}

/* The first of the sorted candidates that together have `share` of their weight. */
static struct candidates cut_share(const float *weights, const uint32_t *order, struct candidates of,
                                   double wanted)
{
    struct candidates kept = {0};
    while (kept.count < of.count && (kept.count == 0 || kept.total < wanted))
        kept.total += (double)weights[order[kept.count++]];
    return kept;
}

/* The first k of the sorted candidates. */
static struct candidates cut_count(const float *weights, const uint32_t *order, int64_t k)
{
    struct candidates kept = {0};
    while (kept.count < k)
        kept.total += (double)weights[order[kept.count++]];
    return kept;
}

/* What top-k and top-p leave of weights whose largest is 1. */
static struct candidates likely(float *weights, uint32_t *order, int64_t vocab,
                                const struct token_choice *choice)
{
    struct candidates all = gather(weights, order, vocab, 0.0f), kept = all;
    bool by_count = choice->top_k > 0 && choice->top_k < vocab, by_share = choice->top_p < 1;
    if (!by_count && !by_share)
        return all;
    for (float least = 0.05f;; least = least > 1e-30f ? least * 0.01f : 0.0f) {
        kept = gather(weights, order, vocab, least);
        if (least <= 0 || (by_count ? kept.count >= choice->top_k : kept.total >= choice->top_p * all.total))
            break;
    }
    qsort_r(order, (size_t)kept.count, sizeof *order, by_weight, weights);
    if (by_count && choice->top_k < kept.count)
        kept = cut_count(weights, order, choice->top_k);
    return by_share ? cut_share(weights, order, kept, choice->top_p * (by_count ? kept.total : all.total))
                    : kept;
}

/* What min-p leaves of them. */
static struct candidates cut_least(const float *weights, uint32_t *order, struct candidates of, double least)
{
    struct candidates kept = {0};
    for (int64_t i = 0; i < of.count; i++)
        if ((double)weights[order[i]] >= least) {
            kept.total += (double)weights[order[i]];
            order[kept.count++] = order[i];
        }
    return kept;
}

uint32_t token_choice_draw(float *logits, uint32_t *order, int64_t vocab, const struct token_choice *choice,
                           double random)
{
    uint32_t best = likeliest(logits, vocab);
    if (choice->temperature <= 0)
        return best;
    float largest = logits[best];
    for (int64_t i = 0; i < vocab; i++)
        logits[i] = (float)exp((double)(logits[i] - largest) / choice->temperature);
    struct candidates left = likely(logits, order, vocab, choice);
    if (choice->min_p > 0)
        left = cut_least(logits, order, left, choice->min_p);
    double rest = random * left.total;
    for (int64_t i = 0; i < left.count; i++) {
        rest -= (double)logits[order[i]];
        if (rest < 0)
            return order[i];
    }
    return left.count > 0 ? order[left.count - 1] : best; /* rounding left a crumb; or NaN everywhere */
}

double token_choice_log_probability(const float *logits, int64_t vocab, uint32_t id)
{
    double largest = (double)logits[likeliest(logits, vocab)], sum = 0;
    for (int64_t i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - largest);
    return (double)logits[id] - largest - log(sum);
}

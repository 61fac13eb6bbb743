/* Rules between options, one row each where a row can say it. */
#include "checks.h"

#include <string.h>

/* The `small` one must not exceed the `large` one. */
struct order {
    const char *small_name, *large_name;
    int64_t small, large;
    const char *reason;
};

static enum status check_orders(const struct config *config, const char *name)
{
    const struct order orders[] = {
        {"train.slots", "train.batch_size", config->train.slots, config->train.batch_size,
         "a slot would hold no sequence"},
        {"train.stride", "model.context_length", config->train.stride, config->model.context_length,
         "text between two sequences would be left out"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (orders[i].small > orders[i].large)
            return fail(STATUS_USAGE, "%s: %s is %lld but must be at most %s, which is %lld: %s", name,
                        orders[i].small_name, (long long)orders[i].small, orders[i].large_name,
                        (long long)orders[i].large, orders[i].reason);
    return STATUS_OK;
}

static enum status check_wsd(const struct config *config, const char *name)
{
    if (config->train.schedule != SCHEDULE_WSD || config->train.decay_steps >= 1)
        return STATUS_OK;
    return fail(STATUS_USAGE, "%s: train.decay_steps is 0 but schedule wsd needs at least 1", name);
}

static enum status check_wire(const struct config *config, const char *name)
{
    if (config->train.wire == TRAIN_WIRE_FP32)
        return STATUS_OK;
    if (config->train.slots > 0)
        return fail(STATUS_USAGE,
                    "%s: train.wire is bf16 but train.slots is %lld: rounding on the wire would depend on "
                    "the number of ranks; with slots it must be fp32",
                    name, (long long)config->train.slots);
    if (config->train.exchange == TRAIN_EXCHANGE_ALLREDUCE)
        return fail(STATUS_USAGE,
                    "%s: train.wire is bf16 but train.exchange is allreduce, which has fp32 only", name);
    return STATUS_OK;
}

static enum status check_local_steps(const struct config *config, const char *name)
{
    if (config->train.local_steps == 0)
        return STATUS_OK;
    if (config->train.slots > 0)
        return fail(STATUS_USAGE,
                    "%s: train.local_steps is %lld but train.slots is %lld: what ranks do alone depends on "
                    "their number; with local steps slots must be 0",
                    name, (long long)config->train.local_steps, (long long)config->train.slots);
    if (config->train.wire == TRAIN_WIRE_BF16)
        return fail(STATUS_USAGE,
                    "%s: train.local_steps is %lld but train.wire is bf16: moments and parameters need fp32",
                    name, (long long)config->train.local_steps);
    if (config->train.on_nonfinite != TRAIN_NONFINITE_STOP || config->train.spike_threshold > 0)
        return fail(STATUS_USAGE,
                    "%s: train.local_steps is %lld, in which ranks would leave out different updates: "
                    "train.on_nonfinite must be stop and train.spike_threshold 0",
                    name, (long long)config->train.local_steps);
    return STATUS_OK;
}

/* A name that is none of those known would be taken for a regular expression that splits hardly anything. */
static enum status check_pattern(const struct config *config, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *pattern = config->tokenizer.pattern;
    if (strcmp(pattern, "gpt2") == 0 || strcmp(pattern, "cl100k") == 0 ||
        pattern[strspn(pattern, plain)] != '\0')
        return STATUS_OK;
    return fail(STATUS_USAGE,
                "%s: tokenizer.pattern is '%.100s' but must be gpt2, cl100k or a regular expression", name,
                pattern);
}

enum status config_check(const struct config *config, const char *name)
{
    if (config->model.n_embd % config->model.n_head != 0)
        return fail(STATUS_USAGE,
                    "%s: model.n_embd is %lld but must be a multiple of model.n_head, which is %lld", name,
                    (long long)config->model.n_embd, (long long)config->model.n_head);
    int64_t vocabulary = 256 + config->tokenizer.special_tokens.count;
    if (config->tokenizer.kind == TOKENIZER_BPE && config->tokenizer.vocab_size < vocabulary)
        return fail(
            STATUS_USAGE,
            "%s: tokenizer.vocab_size is %lld but 256 bytes and %lld special tokens need at least %lld", name,
            (long long)config->tokenizer.vocab_size, (long long)config->tokenizer.special_tokens.count,
            (long long)vocabulary);
    TRY(check_pattern(config, name));
    TRY(check_orders(config, name));
    TRY(check_wsd(config, name));
    TRY(check_wire(config, name));
    TRY(check_local_steps(config, name));
    int64_t tokens;
    if (__builtin_mul_overflow(config->train.steps * config->train.batch_size, config->model.context_length,
                               &tokens))
        return fail(STATUS_USAGE,
                    "%s: train.steps x train.batch_size x model.context_length is more than 2^63 tokens",
                    name);
    return STATUS_OK;
}

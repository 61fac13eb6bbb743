/* Order of the windows. Epoch e draws its permutation from sub-stream e of the sampler's random numbers. */
#include "llmpi/data/sampler.h"

#include "llmpi/base/random.h"

int64_t sampler_epoch(const struct sampler *sampler)
{
    bool drop = sampler->drop_last && sampler->batch_size > 0 && sampler->windows >= sampler->batch_size;
    return drop ? sampler->windows - sampler->windows % sampler->batch_size : sampler->windows;
}

int64_t sampler_window(const struct sampler *sampler, int64_t number)
{
    uint64_t windows = (uint64_t)sampler->windows;
    int64_t length = sampler_epoch(sampler);
    if (sampler->order == SAMPLER_RANDOM)
        return (int64_t)random_below(sampler->seed, RANDOM_SAMPLER, (uint64_t)number, windows);
    if (sampler->order == SAMPLER_SEQUENTIAL)
        return number % length;
    uint64_t stream = RANDOM_SAMPLER + ((uint64_t)(number / length) << 32);
    return (int64_t)random_permute(sampler->seed, stream, (uint64_t)(number % length), windows);
}

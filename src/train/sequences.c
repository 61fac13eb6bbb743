/* A data set as sequences: the sampler says which window is the n-th, the data set reads it. */
#include "llmpi/train/sequences.h"

int64_t sequences_stride(const struct config *config)
{
    return config->train.stride > 0 ? config->train.stride : config->model.context_length;
}

static enum status read_window(void *context, int64_t number, uint32_t *tokens)
{
    const struct dataset_sequences *windows = context;
    return dataset_read_window(windows->dataset, windows->context_length, windows->stride,
                               sampler_window(&windows->sampler, number), tokens);
}

struct sequences sequences_of_dataset(const struct config *config, struct dataset *dataset,
                                      struct dataset_sequences *windows)
{
    static const enum sampler_order orders[] = {[SAMPLING_EPOCH] = SAMPLER_EPOCH,
                                                [SAMPLING_RANDOM] = SAMPLER_RANDOM,
                                                [SAMPLING_SEQUENTIAL] = SAMPLER_SEQUENTIAL};
    int64_t length = config->model.context_length, stride = sequences_stride(config);
    *windows = (struct dataset_sequences){
        .dataset = dataset,
        .sampler = {.order = orders[config->train.sampling],
                    .seed = (uint64_t)config->run.seed,
                    .windows = dataset_windows(dataset, length, stride),
                    .batch_size = config->train.batch_size,
                    .drop_last = config->train.drop_last},
        .context_length = length,
        .stride = stride,
    };
    return (struct sequences){.read = read_window, .context = windows};
}

/* A data set as sequences: the sampler says which window is the n-th, the data set reads it. */
#include "llmpi/train/sequences.h"

int64_t sequences_stride(const struct config *config)
{
    return config->train.stride > 0 ? config->train.stride : config->model.context_length;
}

static enum status read_window(void *context, int64_t number, const struct sequence *out)
{
    const struct dataset_sequences *data = context;
    TRY(dataset_read_window(data->dataset, data->context_length, data->stride,
                            sampler_window(&data->sampler, number), out->tokens));
    if (out->first_visible != NULL)
        document_mask_fill(&data->documents, out->tokens, data->context_length, out->first_visible);
    return STATUS_OK;
}

static enum status read_packed(void *context, int64_t number, const struct sequence *out)
{
    const struct dataset_sequences *data = context;
    return example_set_read(data->examples, sampler_window(&data->sampler, number), out->tokens,
                            out->target_weight, out->position, out->first_visible);
}

static struct sampler choose_sampler(const struct config *config, bool in_order, int64_t windows)
{
    static const enum sampler_order orders[] = {[SAMPLING_EPOCH] = SAMPLER_EPOCH,
                                                [SAMPLING_RANDOM] = SAMPLER_RANDOM,
                                                [SAMPLING_SEQUENTIAL] = SAMPLER_SEQUENTIAL};
    return (struct sampler){.order = in_order ? SAMPLER_SEQUENTIAL : orders[config->train.sampling],
                            .seed = (uint64_t)config->run.seed,
                            .windows = windows,
                            .batch_size = in_order ? 1 : config->train.batch_size,
                            .drop_last = !in_order && config->train.drop_last};
}

enum status sequences_open(const struct config *config, const struct tokenizer *tokenizer,
                           struct dataset *dataset, bool in_order, struct dataset_sequences *data,
                           struct sequences *out)
{
    int64_t length = config->model.context_length, stride = in_order ? length : sequences_stride(config);
    *data = (struct dataset_sequences){.dataset = dataset, .context_length = length, .stride = stride};
    if (dataset_masked(dataset)) {
        TRY(example_set_create(dataset, length, &data->examples));
        data->sampler = choose_sampler(config, in_order, example_set_sequences(data->examples));
        *out = (struct sequences){.read = read_packed, .context = data, .bounded = true, .packed = true};
        return STATUS_OK;
    }
    TRY(document_mask_find(config, tokenizer, dataset, &data->documents));
    data->sampler = choose_sampler(config, in_order, dataset_windows(dataset, length, stride));
    *out = (struct sequences){
        .read = read_window, .context = data, .bounded = data->documents.border != DOCUMENTS_JOINED};
    return STATUS_OK;
}

void sequences_release(struct dataset_sequences *data)
{
    example_set_destroy(data->examples);
    *data = (struct dataset_sequences){0};
}

int64_t sequences_count(const struct dataset_sequences *data)
{
    return data->sampler.windows;
}

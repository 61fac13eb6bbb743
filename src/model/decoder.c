/* Inputs of one token go through the products of few rows, all together; longer ones through those of
 * training, one by one. Attention looks at each sequence by itself, so that lengths need not be alike. */
#include "llmpi/model/decoder.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/row_matmul.h"
#include "llmpi/model/activations.h"
#include "llmpi/model/kv_cache.h"
#include "model_cached.h"

struct decoder {
    struct model *model;
    int64_t sequences, most_rows;
    int64_t *lengths; /* (sequences) */
    struct kv_cache cache;
    void *memory; /* of the activations */
    struct activations activations;
    /* Of one pass: tokens and their positions (most_rows), its segments and their last rows (sequences). */
    uint32_t *tokens;
    int32_t *positions;
    struct kv_segment *segments;
    int64_t *last_rows;
};

/* Activations of one whole context, or of one token of each sequence. */
static struct model_use use_of(const struct model_shape *shape, enum element element, int64_t sequences)
{
    int64_t context = shape->context_length;
    return (struct model_use){.sequences = divide_up(sequences, context), .element = element};
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t decoder_bytes(const struct model_shape *shape, enum element element, int64_t sequences)
{
    struct model_use use = use_of(shape, element, sequences);
    struct activations sizes = {0};
    int64_t width = shape->n_embd;
    int64_t weights = add(shape->n_layer * row_weight_bytes(width, 12 * width, element),
                          row_weight_bytes(width, shape->vocab_size, element));
    int64_t activations = activations_layout(shape, &use, NULL, &sizes);
    activations -= sizes.chunk_rows * shape->vocab_size * (int64_t)sizeof(float);
    return add(weights, add(activations, kv_cache_bytes(shape, element, sequences)));
}

static enum status take_memory(struct decoder *decoder, const struct allocator *allocator)
{
    const struct model_shape *shape = model_shape(decoder->model);
    enum element element = model_element(decoder->model);
    struct model_use use = use_of(shape, element, decoder->sequences);
    struct activations *activations = &decoder->activations;
    decoder->most_rows = use.sequences * shape->context_length;
    decoder->lengths = memory_allocate(decoder->sequences, sizeof *decoder->lengths, "a decoder");
    decoder->tokens = memory_allocate(decoder->most_rows, sizeof *decoder->tokens, "a decoder");
    decoder->positions = memory_allocate(decoder->most_rows, sizeof *decoder->positions, "a decoder");
    decoder->segments = memory_allocate(decoder->sequences, sizeof *decoder->segments, "a decoder");
    decoder->last_rows = memory_allocate(decoder->sequences, sizeof *decoder->last_rows, "a decoder");
    activations->blocks = memory_allocate(shape->n_layer, sizeof *activations->blocks, "a decoder");
    if (decoder->lengths == NULL || decoder->tokens == NULL || decoder->positions == NULL ||
        decoder->segments == NULL || decoder->last_rows == NULL || activations->blocks == NULL)
        return STATUS_FAILED;
    struct activations sizes = {0};
    size_t bytes = (size_t)activations_layout(shape, &use, NULL, &sizes);
    decoder->memory = allocator->allocate(allocator->context, bytes, "activations of a decoder");
    if (decoder->memory == NULL)
        return STATUS_FAILED;
    activations_layout(shape, &use, decoder->memory, activations);
    TRY(kv_cache_create(&decoder->cache, shape, element, decoder->sequences, allocator));
    return model_prepare_few(decoder->model);
}

enum status decoder_create(struct model *model, int64_t sequences, struct decoder **out)
{
    struct decoder *decoder = memory_allocate(1, sizeof *decoder, "a decoder");
    *out = NULL;
    if (decoder == NULL)
        return STATUS_FAILED;
    decoder->model = model;
    decoder->sequences = sequences;
    enum status status = take_memory(decoder, model_allocator(model));
    if (status != STATUS_OK)
        decoder_destroy(decoder);
    else
        *out = decoder;
    return status;
}

void decoder_destroy(struct decoder *decoder)
{
    if (decoder == NULL)
        return;
    const struct allocator *allocator = model_allocator(decoder->model);
    model_drop_few(decoder->model);
    kv_cache_destroy(&decoder->cache);
    if (decoder->memory != NULL)
        allocator->release(allocator->context, decoder->memory);
    memory_free(decoder->activations.blocks);
    memory_free(decoder->lengths);
    memory_free(decoder->tokens);
    memory_free(decoder->positions);
    memory_free(decoder->segments);
    memory_free(decoder->last_rows);
    memory_free(decoder);
}

int64_t decoder_length(const struct decoder *decoder, int64_t sequence)
{
    return decoder->lengths[sequence];
}

void decoder_truncate(struct decoder *decoder, int64_t sequence, int64_t length)
{
    if (length < decoder->lengths[sequence])
        decoder->lengths[sequence] = length;
}

/* How many of the inputs make a pass: all single ones that follow each other, or one that is longer. (The
 * bits of a product of training may depend on the number of its rows, so prompts are not put together.) */
static int64_t inputs_of_pass(const struct decoder_input *inputs, int64_t count)
{
    int64_t single = 0;
    while (single < count && inputs[single].count == 1)
        single++;
    return single > 0 ? single : 1;
}

/* Lays out a pass; returns its rows. */
static int64_t lay_out(struct decoder *decoder, const struct decoder_input *inputs, int64_t count)
{
    int64_t row = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t *length = &decoder->lengths[inputs[i].sequence];
        decoder->segments[i] = (struct kv_segment){inputs[i].sequence, *length, inputs[i].count};
        for (int64_t j = 0; j < inputs[i].count; j++, row++) {
            decoder->tokens[row] = inputs[i].tokens[j];
            decoder->positions[row] = (int32_t)(*length)++;
        }
        decoder->last_rows[i] = row - 1;
    }
    return row;
}

void decoder_feed(struct decoder *decoder, const struct decoder_input *inputs, int64_t count, float *logits)
{
    int64_t vocab = model_shape(decoder->model)->vocab_size, taken;
    for (; count > 0; inputs += taken, count -= taken, logits += taken * vocab) {
        taken = inputs_of_pass(inputs, count);
        int64_t rows = lay_out(decoder, inputs, taken);
        const struct batch batch = {
            .sequences = 1, .length = rows, .tokens = decoder->tokens, .position = decoder->positions};
        const struct kv_pass pass = {&decoder->cache, decoder->segments, taken, inputs[0].count == 1};
        model_forward_cached(decoder->model, &decoder->activations, &batch, &pass, decoder->last_rows, taken,
                             logits);
    }
}

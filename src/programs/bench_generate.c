/* `llmpi bench generate CONFIG`: a decoder with random weights. A prompt is bound by the rate of matrix
 * products, decoding by the bandwidth with which the memory can be read. */
#include "bench.h"

#include "llmpi/base/clones.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/matmul_peak.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/model/decoder.h"
#include "llmpi/train/precision.h"

#include <inttypes.h>
#include <stdio.h>

enum { MEMORY_FLOATS = 64 << 20, MOST_BATCHES = 4 };

static const struct flag flags[] = {
    {"--prompt", "N", "Tokens of the prompt (512, or the whole context), and those before a decoded token"},
    {"--rounds", "N", "How often everything is measured, in turn (5)"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command command = {
    .name = "bench generate",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .alone = true,
    .help = "Measures generation with a model of random weights: a prompt in one pass, beside the rate of "
            "square matrix products, and then one token for each of 1 to 16 texts, beside the bandwidth of "
            "reading memory. Counted are the weights and, for each text, its keys and values",
};

static const int64_t batches[MOST_BATCHES] = {1, 2, 4, 16};

/* One kind of call, and what it is measured with. */
struct feeding {
    struct decoder *decoder;
    struct decoder_input inputs[16];
    int64_t count, before; /* each sequence has `before` tokens first */
    float *logits;
};

struct generate_bench {
    struct model_shape shape;
    enum element element;
    int64_t prompt, rounds;
    struct model *model;
    struct decoder *decoder;
    uint32_t *tokens;
    float *logits, *memory;
    double sum; /* of memory: the result of reading it */
    double peak;
    struct feeding feedings[1 + MOST_BATCHES]; /* the prompt, then the batches */
    struct measured items[2 + MOST_BATCHES];   /* the same, then reading memory */
};

static void feed(void *context)
{
    struct feeding *feeding = context;
    for (int64_t i = 0; i < feeding->count; i++)
        decoder_truncate(feeding->decoder, i, feeding->before);
    decoder_feed(feeding->decoder, feeding->inputs, feeding->count, feeding->logits);
}

/* Sixteen sums beside each other, so that reading is what takes the time. */
CLONED(float, sum_of, (const float *values, int64_t count), (values, count))
{
    float sums[16] = {0}, sum = 0;
    for (int64_t i = 0; i < count; i += 16)
#pragma omp simd
        for (int lane = 0; lane < 16; lane++)
            sums[lane] += values[i + lane];
    for (int lane = 0; lane < 16; lane++)
        sum += sums[lane];
    return sum;
}

static void read_memory(void *context)
{
    struct generate_bench *bench = context;
    double sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (int64_t first = 0; first < MEMORY_FLOATS; first += 1 << 16)
        sum += (double)sum_of(bench->memory + first, 1 << 16);
    bench->sum = sum;
}

/* --- what a call costs --- */

/* Parameters that take part in products: of the blocks, and of the head. */
static double block_parameters(const struct model_shape *shape)
{
    return 12.0 * (double)shape->n_layer * (double)shape->n_embd * (double)shape->n_embd;
}

static double head_parameters(const struct model_shape *shape)
{
    return (double)shape->vocab_size * (double)shape->n_embd;
}

/* Products of all tokens, the head's of the last, and causal attention. */
static double prompt_flop(const struct generate_bench *bench)
{
    const struct model_shape *shape = &bench->shape;
    double tokens = (double)bench->prompt;
    return 2 * block_parameters(shape) * tokens + 2 * head_parameters(shape) +
           2 * (double)shape->n_layer * (double)shape->n_embd * tokens * tokens;
}

static double decode_bytes(const struct generate_bench *bench, int64_t batch)
{
    const struct model_shape *shape = &bench->shape;
    double cached = 2.0 * (double)shape->n_layer * (double)shape->n_embd * (double)bench->prompt;
    return (block_parameters(shape) + head_parameters(shape) + cached * (double)batch) *
           (double)element_size(bench->element);
}

/* --- measuring --- */

static enum status create(struct generate_bench *bench, const struct model_use *training)
{
    struct model_use use = *training;
    use.sequences = 1;
    use.training = false;
    TRY(model_create(&bench->shape, &use, &allocator_huge, &bench->model));
    parameter_initialise(model_table(bench->model), 1, model_parameters(bench->model));
    model_refresh_all(bench->model);
    TRY(decoder_create(bench->model, batches[MOST_BATCHES - 1], &bench->decoder));
    bench->tokens = memory_allocate(bench->prompt, sizeof *bench->tokens, "tokens");
    bench->logits =
        memory_allocate(batches[MOST_BATCHES - 1] * bench->shape.vocab_size, sizeof *bench->logits, "logits");
    bench->memory = bench_values(MEMORY_FLOATS, "memory to be read");
    if (bench->tokens == NULL || bench->logits == NULL || bench->memory == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < bench->prompt; i++)
        bench->tokens[i] = (uint32_t)((uint64_t)i * 2654435761u % (uint64_t)bench->shape.vocab_size);
    return STATUS_OK;
}

static void prepare(struct generate_bench *bench)
{
    for (int64_t kind = 0; kind <= MOST_BATCHES; kind++) {
        struct feeding *feeding = &bench->feedings[kind];
        int64_t tokens = kind == 0 ? bench->prompt : 1;
        *feeding = (struct feeding){.decoder = bench->decoder,
                                    .count = kind == 0 ? 1 : batches[kind - 1],
                                    .before = kind == 0 ? 0 : bench->prompt - 1,
                                    .logits = bench->logits};
        for (int64_t i = 0; i < feeding->count; i++)
            feeding->inputs[i] = (struct decoder_input){i, bench->tokens, tokens};
        bench->items[kind] = (struct measured){.run = feed, .context = feeding};
    }
    bench->items[1 + MOST_BATCHES] = (struct measured){.run = read_memory, .context = bench};
}

static enum status measure(struct generate_bench *bench)
{
    int64_t size;
    TRY(matmul_peak(bench->element, 0.5, &bench->peak, &size));
    prepare(bench);
    for (int64_t i = 0; i < batches[MOST_BATCHES - 1]; i++) {
        struct decoder_input prompt = {i, bench->tokens, bench->prompt};
        decoder_feed(bench->decoder, &prompt, 1, bench->logits);
    }
    return bench_measure(bench->items, 2 + MOST_BATCHES, bench->rounds);
}

/* --- report --- */

static double memory_rate(const struct generate_bench *bench)
{
    return MEMORY_FLOATS * (double)sizeof(float) / bench->items[1 + MOST_BATCHES].time.best;
}

static void print_table(const struct generate_bench *bench)
{
    double seconds = bench->items[0].time.best, flop = prompt_flop(bench);
    char parameters[16];
    printf("%s parameters, vocabulary %" PRId64 ", %s, %d thread%s, best of %" PRId64 " rounds\n\n",
           log_count(parameters, (double)model_table(bench->model)->total), bench->shape.vocab_size,
           precision_name(bench->element), threads_count(), threads_count() == 1 ? "" : "s", bench->rounds);
    printf("prompt of %" PRId64 " tokens: %.1f ms, %.1f tokens/s, %.1f GFLOP/s, %.1f %% of %.1f GFLOP/s "
           "(square products)\n\n",
           bench->prompt, 1e3 * seconds, (double)bench->prompt / seconds, flop / seconds / 1e9,
           100 * flop / seconds / bench->peak, bench->peak / 1e9);
    printf("%-8s %12s %12s %12s %12s %10s\n", "texts", "ms a step", "median", "tokens/s", "GB/s",
           "of memory");
    for (int64_t i = 0; i < MOST_BATCHES; i++) {
        const struct timing time = bench->items[1 + i].time;
        double rate = decode_bytes(bench, batches[i]) / time.best;
        printf("%-8" PRId64 " %12.3f %12.3f %12.1f %12.1f %9.1f%%\n", batches[i], 1e3 * time.best,
               1e3 * time.median, (double)batches[i] / time.best, rate / 1e9,
               100 * rate / memory_rate(bench));
    }
    printf("\nreading memory: %.1f GB/s\n", memory_rate(bench) / 1e9);
}

static void print_json(const struct generate_bench *bench)
{
    double seconds = bench->items[0].time.best, rate = prompt_flop(bench) / seconds;
    printf("{\"precision\": \"%s\", \"threads\": %d, \"prompt_tokens\": %" PRId64
           ", \"prompt_tokens_per_second\": %.3f, \"prompt_gflops\": %.3f, \"peak_gflops\": %.3f, "
           "\"prompt_percent\": %.2f, \"memory_gb_per_second\": %.3f, \"decode\": [",
           precision_name(bench->element), threads_count(), bench->prompt, (double)bench->prompt / seconds,
           rate / 1e9, bench->peak / 1e9, 100 * rate / bench->peak, memory_rate(bench) / 1e9);
    for (int64_t i = 0; i < MOST_BATCHES; i++) {
        double best = bench->items[1 + i].time.best, bytes = decode_bytes(bench, batches[i]) / best;
        printf("%s{\"texts\": %" PRId64 ", \"tokens_per_second\": %.3f, \"gb_per_second\": %.3f, "
               "\"percent\": %.2f}",
               i > 0 ? ", " : "", batches[i], (double)batches[i] / best, bytes / 1e9,
               100 * bytes / memory_rate(bench));
    }
    printf("]}\n");
}

static enum status run(struct program *program)
{
    struct generate_bench bench = {.prompt = 512, .rounds = 5};
    struct model_use use;
    TRY(bench_shape(&program->config, &bench.shape));
    int64_t context = bench.shape.context_length;
    bench.prompt = bench.prompt < context ? bench.prompt : context;
    TRY(arguments_get_integer(&program->arguments, "--prompt", 2, context, &bench.prompt));
    TRY(arguments_get_integer(&program->arguments, "--rounds", 1, 1000, &bench.rounds));
    TRY(bench_use(program, &use));
    bench.element = use.element;
    enum status status = create(&bench, &use);
    if (status == STATUS_OK)
        status = measure(&bench);
    if (status == STATUS_OK && arguments_has(&program->arguments, "--json"))
        print_json(&bench);
    else if (status == STATUS_OK)
        print_table(&bench);
    decoder_destroy(bench.decoder);
    model_destroy(bench.model);
    memory_free(bench.tokens);
    memory_free(bench.logits);
    memory_free(bench.memory);
    return status;
}

const struct bench bench_generate = {&command, run};

/* `llmpi plan CONFIG`: what a run will need, from formulas, before it is queued. The parameter count by
 * formula is held against the table that training allocates from, so that the two cannot drift. */
#include "plan.h"

#include "llmpi/programs/programs.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/matmul.h"
#include "llmpi/kernels/matmul_bf16.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/model/activations.h"
#include "llmpi/model/decoder.h"
#include "llmpi/model/model.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/tokenizer_source.h"
#include "llmpi/train/checkpoint_writer.h"
#include "llmpi/train/precision.h"
#include "llmpi/train/slots.h"
#include "llmpi/train/state.h"
#include "llmpi/train/step.h"
#include "llmpi/train/trainer.h"

#include <float.h>
#include <inttypes.h>
#include <string.h>

static const struct flag flags[] = {
    {"--ranks", "N", "MPI ranks of the run (default 1)"},
    {"--nodes", "N", "Nodes that the ranks are spread over evenly (default 1)"},
    {"--speed", "TOKENS_PER_SECOND",
     "Speed of the whole run; without it, the matrix products of this machine are timed"},
    {"--json", NULL, "Print one JSON object"},
};

static const struct command command = {
    .name = "plan",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .help = "Prints parameters, memory, work, traffic and time of a run, before running it",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .alone = true,
};

/* GPT-2's parameters by part, with C = n_embd; a bias adds one number per output of a layer. Adapters have
 * inputs and outputs of 6 C in a block's attention and 10 C in its MLP. */
static void count_parameters(struct plan *plan)
{
    const struct model_shape *shape = &plan->shape;
    int64_t width = shape->n_embd, bias = shape->bias ? 1 : 0;
    plan->embedding = (shape->vocab_size + shape->context_length) * width;
    plan->attention = shape->n_layer * (4 * width * width + bias * 4 * width);
    plan->mlp = shape->n_layer * (8 * width * width + bias * 5 * width);
    plan->layernorm = (2 * shape->n_layer + 1) * (1 + bias) * width;
    plan->head = shape->tied_head ? 0 : shape->vocab_size * width;
    plan->adapters = shape->n_layer * (shape->lora.targets == LORA_ALL ? 16 : 6) * width * shape->lora.rank;
    plan->total =
        plan->embedding + plan->attention + plan->mlp + plan->layernorm + plan->head + plan->adapters;
}

/* Mean of the run: in local steps, parameters and both moments once in so many. */
static double exchanges_per_step(const struct config *config)
{
    double steps = (double)config->train.steps, shared = (double)step_local_after(config);
    if (config->train.local_steps == 0 || shared >= steps)
        return 1;
    return (shared + (steps - shared) * 3.0 / (double)config->train.local_steps) / steps;
}

static enum status check_parameters(const struct config *config, struct plan *plan)
{
    struct parameter_table table;
    const struct exchange_settings settings = state_exchange_settings(config);
    TRY(parameter_table_create(&plan->shape, &table));
    int64_t total = 0;
    for (int64_t i = 0; i < table.count; i++) { /* gaps between tensors do not count */
        total += table.rows[i].count;
        plan->trained += table.rows[i].trainable ? table.rows[i].count : 0;
    }
    plan->tensors = table.count;
    plan->exchange = exchange_memory(&table, &settings, (int)plan->ranks, (int)plan->nodes);
    plan->divided = plan->ranks > 1 && settings.kind == EXCHANGE_SHARDED && config->train.local_steps == 0;
    parameter_table_free(&table);
    plan->exchange.sent *= exchanges_per_step(config);
    plan->exchange.sent_far *= exchanges_per_step(config);
    if (total != plan->total)
        return fail(STATUS_FAILED,
                    "the formula gives %" PRId64 " parameters but the table of tensors %" PRId64, plan->total,
                    total);
    return STATUS_OK;
}

static enum status find_vocabulary(const struct config *config, struct plan *plan)
{
    int64_t vocab_size;
    TRY(tokenizer_source_vocab_size(config, &vocab_size, &plan->vocabulary_known));
    plan->shape = state_model_shape(config, vocab_size);
    return STATUS_OK;
}

/* Measured with Debian 12's libraries on x86-64, as the difference between the peak (VmHWM) of models of 1 to
 * 250 MiB and the sum of their arrays: it does not grow with them. PROGRAM: pages of the program and of its
 * libraries that are used, the heap after start, BLAS' panels. THREAD: its stack and its panels. ONEDNN: its
 * pages and the code that it writes. MPI: what Open MPI holds for several ranks. FILES: HDF5 and its caches,
 * a small tokenizer, the pieces in which checkpoints are digested, and what is left of measuring the machine
 * at the start. */
enum { PROGRAM = 26 << 20, THREAD = 5 << 18, ONEDNN = 3 << 20, MPI = 5 << 20, FILES = 22 << 20 };

/* Tokens, targets and the mask of a micro-batch; in evaluation, losses and sums besides. */
static int64_t count_batch(const struct config *config, const struct plan *plan)
{
    int64_t tokens = plan->micro_batch * plan->shape.context_length;
    return (3 + 3) * tokens * (int64_t)sizeof(uint32_t) +
           plan->shape.vocab_size * (int64_t)(sizeof(int64_t) + sizeof(float) + sizeof(uint32_t)) +
           config->evaluate.sequences * 2 * (int64_t)sizeof(double);
}

static int64_t add_bytes(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* MPI_Allreduce takes half a copy of what it sums in one call, the largest block; rank 0 receives pieces of
 * what the others own when it saves. */
static void count_libraries(struct plan *plan)
{
    int64_t part = plan->exchange.part * (int64_t)sizeof(float);
    plan->program_bytes = PROGRAM + plan->cores * THREAD + (plan->ranks > 1 ? MPI : 0);
    if (plan->element == ELEMENT_BF16 && strcmp(matmul_bf16_name(), "onednn") == 0)
        plan->program_bytes += ONEDNN;
    plan->files_bytes = FILES;
    if (plan->exchange.owned < plan->trained)
        plan->files_bytes += CHECKPOINT_WRITER_ROOM;
    else if (plan->ranks > 1)
        plan->program_bytes += part / 2;
}

static void count_memory(const struct config *config, struct plan *plan)
{
    const struct exchange_memory *exchange = &plan->exchange;
    int64_t first, parameters = plan->total * (int64_t)sizeof(float);
    int64_t gradients = plan->trained * (int64_t)sizeof(float);
    slots_piece(step_slots(config, (int)plan->ranks), plan->ranks, 0, &first, &plan->slots_per_rank);
    plan->micro_batch = step_micro_batch(config, (int)plan->ranks);
    plan->gradient_bytes = (1 + slots_buffers(plan->slots_per_rank)) * gradients;
    bool local = config->train.local_steps > 0;
    plan->moment_bytes = 2 * (local ? plan->trained : exchange->owned) * (int64_t)sizeof(float);
    plan->outer_bytes = local ? 4 * exchange->owned * (int64_t)sizeof(float) : 0;
    plan->packed_bytes = model_packed_bytes(&plan->shape, plan->element);
    struct model_use use = state_model_use(config, plan->element, plan->micro_batch, true);
    struct activations layout = {0};
    plan->activation_bytes = activations_layout(&plan->shape, &use, NULL, &layout);
    plan->logits_bytes = layout.chunk_rows * plan->shape.vocab_size * (int64_t)sizeof(float);
    if (plan->element != ELEMENT_FP32)
        plan->logits_bytes +=
            layout.chunk_rows * plan->shape.vocab_size * (int64_t)element_size(plan->element);
    plan->batch_bytes = count_batch(config, plan);
    count_libraries(plan);
    if (config->checkpoint.background) /* parameters and moments as they are owned, and outer momentum */
        plan->snapshot_bytes = (local ? 4 : 3) * exchange->owned * (int64_t)sizeof(float);
    int64_t texts = trainer_samples_together(config);
    plan->sample_bytes = texts > 0 ? decoder_bytes(&plan->shape, plan->element, texts) : 0;
    plan->memory_bytes = add_bytes(
        add_bytes(add_bytes(parameters + plan->moment_bytes, plan->gradient_bytes), plan->activation_bytes),
        exchange->shared + exchange->messages + exchange->masters + plan->outer_bytes + plan->packed_bytes +
            plan->batch_bytes + plan->program_bytes + plan->files_bytes + plan->snapshot_bytes +
            plan->sample_bytes);
}

double plan_checkpoint_bytes(const struct plan *plan)
{
    double state = plan->outer_bytes > 0 ? 3 : 2; /* moments, momentum of outer steps */
    return sizeof(float) * ((double)plan->total + state * (double)plan->trained);
}

static void count_work(const struct config *config, struct plan *plan)
{
    const struct model_shape *shape = &plan->shape;
    plan->flop_per_token = model_flop_per_token(shape);
    plan->tokens_per_step = (double)(config->train.batch_size * shape->context_length);
    plan->tokens = plan->tokens_per_step * (double)config->train.steps;
}

/* FLOP per second of the widest product of a block, on all cores: the best of some runs in a quarter of a
 * second. */
static double time_products(const struct weight *weight, enum element element, void *out, const void *in,
                            int64_t rows, void *workspace, double flop)
{
    double best = DBL_MAX, started = clock_seconds();
    do {
        double before = clock_seconds();
        matmul_forward(out, element, in, weight, NULL, rows, workspace);
        double seconds = clock_seconds() - before;
        best = seconds < best ? seconds : best;
    } while (clock_seconds() - started < 0.25);
    return flop / (best > 0 ? best : 1e-9);
}

/* In the precision of the run. */
static enum status measure_products(struct plan *plan)
{
    const int64_t rows = 1024, inputs = plan->shape.n_embd, outputs = 4 * inputs;
    const size_t size = element_size(plan->element);
    struct weight *weight = weight_create(inputs, outputs, false, plan->element, &allocator_plain);
    float *master = memory_allocate(inputs * outputs, sizeof *master, "a weight");
    void *in = memory_allocate(rows * inputs, size, "an input");
    void *out = memory_allocate(rows * outputs, size, "an output");
    void *workspace =
        memory_allocate(matmul_workspace(inputs, outputs, plan->element, rows), 1, "scratch of products");
    enum status status = STATUS_FAILED;
    if (weight != NULL && master != NULL && in != NULL && out != NULL && workspace != NULL) {
        weight_refresh(weight, master);
        plan->matmul_rate = time_products(weight, plan->element, out, in, rows, workspace,
                                          2.0 * (double)rows * (double)inputs * (double)outputs);
        plan->speed = plan->matmul_rate * (double)plan->ranks / plan->flop_per_token;
        status = STATUS_OK;
    }
    memory_free(workspace);
    memory_free(out);
    memory_free(in);
    memory_free(master);
    weight_destroy(weight);
    return status;
}

enum status plan_make(const struct config *config, struct comm *comm, int64_t ranks, int64_t nodes,
                      int64_t threads, struct plan *out)
{
    struct precision precision;
    int cores = threads_choose(config->run.threads);
    *out = (struct plan){.ranks = ranks, .nodes = nodes, .cores = threads > 0 ? threads : cores};
    threads_set(cores);
    TRY(precision_agree(config, comm, &precision));
    out->element = precision.element;
    TRY(find_vocabulary(config, out));
    count_parameters(out);
    TRY(check_parameters(config, out));
    count_memory(config, out);
    count_work(config, out);
    return STATUS_OK;
}

static enum status make_plan(const struct program *program, struct plan *plan)
{
    int64_t ranks = 1, nodes = 1;
    double speed = 0;
    TRY(arguments_get_integer(&program->arguments, "--ranks", 1, 1000000, &ranks));
    TRY(arguments_get_integer(&program->arguments, "--nodes", 1, ranks, &nodes));
    TRY(arguments_get_number(&program->arguments, "--speed", 1e-3, 1e15, &speed));
    TRY(plan_make(&program->config, program->comm, ranks, nodes, 0, plan));
    plan->speed = speed;
    return speed > 0 ? STATUS_OK : measure_products(plan);
}

enum status program_plan(int count, char **arguments)
{
    struct program program;
    struct plan plan;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status != STATUS_OK || program.finished)
        goto cleanup;
    status = make_plan(&program, &plan);
    if (status != STATUS_OK)
        goto cleanup;
    if (arguments_has(&program.arguments, "--json"))
        plan_print_json(&plan);
    else
        plan_print(&plan, &program.config);
cleanup:
    return program_end(&program, status);
}

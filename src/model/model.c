/* The order of a pass: embedding, blocks, head, and back. All memory is taken when the model is made; a pass
 * takes none. The weights' own forms (struct weight) stay behind linear layers. */
#include "llmpi/model/model.h"

#include "llmpi/base/activity.h"
#include "llmpi/kernels/clear.h"
#include "llmpi/kernels/embedding.h"
#include "llmpi/model/activations.h"
#include "llmpi/model/block.h"
#include "llmpi/model/head.h"
#include "model_cached.h"

struct model {
    struct model_shape shape;
    struct allocator allocator;
    struct parameter_table table;
    float *parameters, *gradients;
    bool owns_gradients;
    void *memory; /* of the activations */
    struct activations activations;
    struct block *blocks; /* n_layer; block n of the table is blocks[n - 1] */
    struct head head;
    int64_t token_embedding, position_embedding; /* offsets in the parameter array */
};

static void *take(const struct model *model, int64_t bytes, const char *what)
{
    return model->allocator.allocate(model->allocator.context, (size_t)bytes, what);
}

static void give_back(const struct model *model, void *memory)
{
    if (memory != NULL)
        model->allocator.release(model->allocator.context, memory);
}

/* Laid out like the table, and written to by all threads first. */
static float *take_parameters(const struct model *model, const char *what)
{
    float *values = take(model, model->table.total * (int64_t)sizeof *values, what);
    if (values != NULL)
        clear_floats(values, model->table.total);
    return values;
}

static enum status take_memory(struct model *model, const struct model_use *use)
{
    if ((model->parameters = take_parameters(model, "parameters")) == NULL)
        return STATUS_FAILED;
    model->gradients = use->gradients;
    model->owns_gradients = use->training && use->gradients == NULL;
    if (model->owns_gradients && (model->gradients = take_parameters(model, "gradients")) == NULL)
        return STATUS_FAILED;
    struct activations sizes = {0};
    int64_t bytes = activations_layout(&model->shape, use, NULL, &sizes);
    if ((model->memory = take(model, bytes, "activations")) == NULL)
        return STATUS_FAILED;
    activations_layout(&model->shape, use, model->memory, &model->activations);
    return STATUS_OK;
}

static enum status create_parts(struct model *model, const struct model_use *use)
{
    int64_t n_layer = model->shape.n_layer;
    TRY(parameter_table_create(&model->shape, &model->table));
    model->token_embedding = parameter_find(&model->table, "wte.weight")->offset;
    model->position_embedding = parameter_find(&model->table, "wpe.weight")->offset;
    model->blocks = memory_allocate(n_layer, sizeof *model->blocks, "the blocks of a model");
    model->activations.blocks =
        memory_allocate(n_layer, sizeof *model->activations.blocks, "the blocks of a model");
    if (model->blocks == NULL || model->activations.blocks == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < n_layer; i++)
        TRY(block_create(&model->blocks[i], &model->table, i + 1, use->element, &model->allocator));
    TRY(head_create(&model->head, &model->table, &model->shape, use->element, &model->allocator));
    TRY(take_memory(model, use));
    model_refresh_all(model);
    return STATUS_OK;
}

enum status model_create(const struct model_shape *shape, const struct model_use *use,
                         const struct allocator *allocator, struct model **out)
{
    struct model *model = memory_allocate(1, sizeof *model, "a model");
    *out = NULL;
    if (model == NULL)
        return STATUS_FAILED;
    model->shape = *shape;
    model->allocator = *allocator;
    enum status status =
        use->sequences < 1
            ? fail(STATUS_USAGE, "a model for %lld sequences was asked for, allowed is 1 or more",
                   (long long)use->sequences)
            : create_parts(model, use);
    if (status != STATUS_OK)
        model_destroy(model);
    else
        *out = model;
    return status;
}

void model_destroy(struct model *model)
{
    if (model == NULL)
        return;
    give_back(model, model->memory);
    if (model->owns_gradients)
        give_back(model, model->gradients);
    give_back(model, model->parameters);
    head_destroy(&model->head);
    for (int64_t i = 0; model->blocks != NULL && i < model->shape.n_layer; i++)
        block_destroy(&model->blocks[i]);
    memory_free(model->blocks);
    memory_free(model->activations.blocks);
    parameter_table_free(&model->table);
    memory_free(model);
}

const struct model_shape *model_shape(const struct model *model)
{
    return &model->shape;
}

enum element model_element(const struct model *model)
{
    return model->activations.element;
}

const struct parameter_table *model_table(const struct model *model)
{
    return &model->table;
}

float *model_parameters(struct model *model)
{
    return model->parameters;
}

float *model_gradients(struct model *model)
{
    return model->gradients;
}

void model_refresh(struct model *model, int64_t block)
{
    int64_t n_layer = model->shape.n_layer;
    if (block >= 1 && block <= n_layer)
        block_refresh(&model->blocks[block - 1], model->parameters);
    if (block == (model->shape.tied_head ? 0 : n_layer + 1))
        head_refresh(&model->head, model->parameters);
}

void model_refresh_all(struct model *model)
{
    for (int64_t block = 0; block < model->table.blocks; block++)
        model_refresh(model, block);
}

int64_t model_packed_bytes(const struct model_shape *shape, enum element element)
{
    int64_t width = shape->n_embd;
    return shape->n_layer *
               (weight_packed_bytes(width, 3 * width, element) + weight_packed_bytes(width, width, element) +
                weight_packed_bytes(width, 4 * width, element) +
                weight_packed_bytes(4 * width, width, element)) +
           weight_packed_bytes(width, shape->vocab_size, element);
}

double model_flop_per_token(const struct model_shape *shape)
{
    double width = (double)shape->n_embd, layers = (double)shape->n_layer, bias = shape->bias ? 1 : 0;
    double block = 12 * width * width + 9 * bias * width, norm = (1 + bias) * width;
    double in_products = layers * block + (2 * layers + 1) * norm + (double)shape->vocab_size * width;
    return 6 * in_products + 6 * layers * width * (double)shape->context_length;
}

static struct pass begin_pass(struct model *model, const struct batch *batch)
{
    return (struct pass){
        .shape = &model->shape,
        .activations = &model->activations,
        .parameters = model->parameters,
        .batch = batch,
        .rows = batch->sequences * batch->length,
    };
}

static const struct model_hooks no_hooks;

static void need_block(const struct model_hooks *hooks, int64_t block)
{
    activity_advance();
    if (hooks->block_needed != NULL)
        hooks->block_needed(hooks->context, block);
}

static void report_block(const struct model_hooks *hooks, int64_t block)
{
    activity_advance();
    if (hooks->block_ready != NULL)
        hooks->block_ready(hooks->context, block);
}

/* From tokens to the last block's output. */
static void forward(struct model *model, const struct pass *pass, const struct model_hooks *hooks)
{
    const struct batch *batch = pass->batch;
    const struct dropout dropout = pass_dropout(pass, 0, DROPOUT_EMBEDDING);
    float *stream = pass->activations->blocks[0].input;
    int64_t width = model->shape.n_embd;
    need_block(hooks, 0);
    embedding_forward(stream, model->parameters + model->token_embedding,
                      model->parameters + model->position_embedding, batch->tokens, batch->position,
                      pass->rows, batch->length, width);
    if (dropout.probability > 0)
        dropout_forward(stream, stream, ELEMENT_FP32, batch->sequences, batch->length * width, &dropout);
    for (int64_t i = 0; i < model->shape.n_layer; i++) {
        need_block(hooks, i + 1);
        block_forward(&model->blocks[i], pass);
    }
    need_block(hooks, model->shape.n_layer + 1);
}

static void embedding_gradient(struct model *model, const struct pass *pass)
{
    const struct batch *batch = pass->batch;
    const struct dropout dropout = pass_dropout(pass, 0, DROPOUT_EMBEDDING);
    float *gradient = model->activations.gradient;
    int64_t width = model->shape.n_embd;
    if (dropout.probability > 0)
        dropout_backward(gradient, gradient, ELEMENT_FP32, batch->sequences, batch->length * width, &dropout);
    embedding_backward(model->gradients + model->token_embedding,
                       model->gradients + model->position_embedding, gradient, batch->tokens, batch->position,
                       pass->rows, batch->length, width);
}

void model_train(struct model *model, const struct batch *batch, uint64_t seed, uint64_t step,
                 struct model_loss *sums, const struct model_hooks *hooks)
{
    struct pass pass = begin_pass(model, batch);
    pass.gradients = model->gradients;
    pass.dropout = (struct dropout){.probability = model->shape.dropout,
                                    .seed = seed,
                                    .step = step,
                                    .first_sequence = batch->first_sequence};
    hooks = hooks != NULL ? hooks : &no_hooks;
    forward(model, &pass, hooks);
    if (hooks->forward_done != NULL)
        hooks->forward_done(hooks->context);
    head_train(&model->head, &pass, sums);
    report_block(hooks, model->shape.n_layer + 1);
    for (int64_t block = model->shape.n_layer; block >= 1; block--) {
        block_backward(&model->blocks[block - 1], &pass);
        report_block(hooks, block);
    }
    embedding_gradient(model, &pass);
    report_block(hooks, 0);
}

void model_evaluate(struct model *model, const struct batch *batch, float *token_loss,
                    struct model_loss *sums)
{
    struct pass pass = begin_pass(model, batch);
    forward(model, &pass, &no_hooks);
    head_evaluate(&model->head, &pass, token_loss, sums);
}

void model_score(struct model *model, const struct batch *batch, const int64_t *rows, const uint32_t *targets,
                 int64_t count, float *losses, bool *largest)
{
    struct pass pass = begin_pass(model, batch);
    forward(model, &pass, &no_hooks);
    head_score(&model->head, &pass, rows, targets, count, losses, largest);
}

void model_next_logits(struct model *model, const uint32_t *tokens, int64_t count, float *logits)
{
    const struct batch batch = {.sequences = 1, .length = count, .tokens = tokens};
    struct pass pass = begin_pass(model, &batch);
    forward(model, &pass, &no_hooks);
    head_logits(&model->head, &pass, count - 1, logits);
}

enum status model_prepare_few(struct model *model)
{
    for (int64_t i = 0; i < model->shape.n_layer; i++)
        TRY(block_prepare_few(&model->blocks[i]));
    return head_prepare_few(&model->head);
}

void model_drop_few(struct model *model)
{
    for (int64_t i = 0; i < model->shape.n_layer; i++)
        block_drop_few(&model->blocks[i]);
    head_drop_few(&model->head);
}

const struct allocator *model_allocator(const struct model *model)
{
    return &model->allocator;
}

void model_forward_cached(struct model *model, const struct activations *activations,
                          const struct batch *batch, const struct kv_pass *cached, const int64_t *rows,
                          int64_t count, float *logits)
{
    struct pass pass = begin_pass(model, batch);
    pass.activations = activations;
    pass.cached = cached;
    pass.few = cached->single;
    forward(model, &pass, &no_hooks);
    pass.few = true;
    head_logits_few(&model->head, &pass, rows, count, logits);
}

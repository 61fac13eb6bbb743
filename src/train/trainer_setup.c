/* Setting up a run: data, state, files. What touches the run directory happens on rank 0, and the ranks agree
 * on how it went. */
#include "trainer_private.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/stopping.h"
#include "llmpi/base/version.h"
#include "llmpi/comm/leftovers.h"
#include "llmpi/train/checkpoint.h"
#include "llmpi/train/gemm_peak.h"
#include "llmpi/train/placement.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum status trainer_open_dataset(const struct config *config, const char *split, int64_t context_length,
                                 const struct tokenizer *tokenizer, struct comm *comm, struct dataset **out)
{
    enum status status = dataset_open(config->shards.directory, split, out);
    if (status == STATUS_OK)
        status =
            dataset_check(*out, tokenizer_digest(tokenizer), tokenizer_vocab_size(tokenizer), context_length);
    status = comm_agree(comm, status);
    if (status != STATUS_OK) {
        dataset_close(*out);
        *out = NULL;
    }
    return status;
}

static enum status open_data(struct trainer *trainer, const struct tokenizer *tokenizer)
{
    const struct config *config = trainer->config;
    struct comm *comm = trainer->comm;
    int64_t length = config->model.context_length;
    TRY(trainer_open_dataset(config, "train", length, tokenizer, comm, &trainer->train));
    TRY(trainer_open_dataset(config, "validation", length, tokenizer, comm, &trainer->validation));
    if (dataset_fingerprint(trainer->train) != dataset_fingerprint(trainer->validation))
        return fail(STATUS_FAILED,
                    "the validation shards in %s are of another run than the train shards: run `llmpi shard` "
                    "to its end",
                    config->shards.directory);
    TRY(comm_agree(
        comm, sequences_open(config, tokenizer, trainer->train, false, &trainer->data, &trainer->sequences)));
    if (sequences_count(&trainer->data) == 0 && trainer->sequences.packed)
        return fail(STATUS_FAILED, "the training shards in %s hold no example that teaches anything",
                    config->shards.directory);
    if (sequences_count(&trainer->data) == 0)
        return fail(STATUS_FAILED,
                    "the training shards in %s hold %lld tokens; a window needs model.context_length + 1 = "
                    "%lld in one shard",
                    config->shards.directory, (long long)dataset_tokens(trainer->train),
                    (long long)(length + 1));
    struct document_mask held_out; /* found out now rather than at the first evaluation */
    if (!trainer->sequences.packed)
        TRY(comm_agree(comm, document_mask_find(config, tokenizer, trainer->validation, &held_out)));
    if (dataset_masked(trainer->train) != dataset_masked(trainer->validation))
        return fail(STATUS_FAILED,
                    "of the train and validation shards in %s one has a loss mask, the other not",
                    config->shards.directory);
    int64_t facts[] = {(int64_t)tokenizer_digest(tokenizer), dataset_shards(trainer->train),
                       dataset_tokens(trainer->train), dataset_documents(trainer->train)};
    trainer->dataset_digest = digest_bytes(facts, sizeof facts);
    return STATUS_OK;
}

/* Rank 0: what the checkpoint was made with must fit what the run is continued with. */
static enum status check_continuation(const struct trainer *trainer, const char *path)
{
    struct config stored;
    struct buffer changes = {0};
    enum status status = checkpoint_read_config(path, &stored);
    if (status == STATUS_OK)
        status = config_compare(&stored, trainer->config, &changes);
    if (status == STATUS_OK && changes.length > 0)
        log_info("changed since the checkpoint:\n%.*s", (int)changes.length - 1, changes.data);
    config_free(&stored);
    buffer_free(&changes);
    return status;
}

/* Rank 0: the same losses cannot be expected from other arithmetic. */
static enum status warn_of_other_arithmetic(const struct trainer *trainer,
                                            const struct checkpoint_notes *notes)
{
    const char *names[][3] = {
        {"precision", notes->precision, precision_name(trainer->precision.element)},
        {"products", notes->products, trainer->precision.products},
        {"instructions", notes->instructions, cpu_level_name(trainer->precision.level)}};
    struct buffer changes = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == STATUS_OK; i++)
        if (names[i][1][0] != '\0' && strcmp(names[i][1], names[i][2]) != 0)
            status = buffer_printf(&changes, "%s%s %s -> %s", changes.length > 0 ? ", " : "", names[i][0],
                                   names[i][1], names[i][2]);
    if (status == STATUS_OK && changes.length > 0)
        log_warning("changed since the checkpoint: %s; from here on numbers are rounded otherwise",
                    changes.data);
    buffer_free(&changes);
    return status;
}

/* Rank 0: ids of another tokenizer mean other text; other data only come in another order. */
static enum status check_sources(const struct trainer *trainer, const char *path,
                                 const struct checkpoint_notes *notes)
{
    const struct config *config = trainer->config;
    uint64_t tokenizer = tokenizer_digest(trainer->state.tokenizer);
    if (notes->tokenizer_digest != tokenizer)
        return fail(STATUS_USAGE,
                    "%s is %016" PRIx64 " but %s was trained with tokenizer %016" PRIx64
                    ": set tokenizer.path and shards.directory back to its own, or start over with --fresh",
                    config->tokenizer.path, tokenizer, path, notes->tokenizer_digest);
    if (notes->dataset_digest != trainer->dataset_digest)
        log_warning(
            "the training data in %s are not those of the checkpoint: %lld tokens, fingerprint %016" PRIx64
            "; it saw %lld tokens, fingerprint %016" PRIx64
            ". Sequences come in another order; set shards.directory back if that is not meant",
            config->shards.directory, (long long)dataset_tokens(trainer->train), trainer->dataset_digest,
            (long long)notes->train_tokens, notes->dataset_digest);
    return STATUS_OK;
}

struct loading {
    struct trainer *trainer;
    struct checkpoint_notes *notes;
};

static enum status load_checkpoint(void *context, const char *path)
{
    struct loading *loading = context;
    struct trainer *trainer = loading->trainer;
    TRY(check_continuation(trainer, path));
    TRY(checkpoint_load(path, &trainer->state, loading->notes));
    TRY(check_sources(trainer, path, loading->notes));
    TRY(warn_of_other_arithmetic(trainer, loading->notes));
    log_info("continuing from %s (step %lld)", path, (long long)trainer->state.step);
    return STATUS_OK;
}

/* Rank 0: a new state, or the newest checkpoint's, whose path (free()) is then given. */
static enum status start_or_continue(struct trainer *trainer, bool fresh, struct checkpoint_notes *notes,
                                     char **path)
{
    struct model *model = trainer->state.model;
    struct loading loading = {trainer, notes};
    TRY(checkpoint_remove_leftovers(trainer->directory));
    if (fresh)
        TRY(checkpoint_remove_all(trainer->directory));
    TRY(checkpoint_newest_usable(trainer->directory, load_checkpoint, &loading, path));
    if (*path != NULL)
        return checkpoint_set_aside_newer(trainer->directory, *path);
    log_info("a new run in %s%s%s", trainer->directory, trainer->base != NULL ? ", from " : "",
             trainer->base != NULL ? trainer->base : "");
    parameter_initialise(model_table(model), (uint64_t)trainer->config->run.seed, model_parameters(model));
    return trainer->base != NULL ? checkpoint_load_base(trainer->base, model) : STATUS_OK;
}

static enum status write_config(const struct trainer *trainer)
{
    struct buffer yaml = {0};
    char *path = path_join(trainer->directory, "config.yaml");
    enum status status = path != NULL ? buffer_printf(&yaml, "# llmpi %s (commit %s), %s\n", version_number(),
                                                      version_commit(), comm_library())
                                      : STATUS_FAILED;
    if (status == STATUS_OK)
        status = config_write(trainer->config, false, &yaml);
    if (status == STATUS_OK)
        status = file_write(path, yaml.data, yaml.length);
    free(path);
    buffer_free(&yaml);
    return status;
}

static enum status open_run(struct trainer *trainer, bool fresh)
{
    struct checkpoint_notes notes = {0};
    char *path = NULL;
    enum status status = STATUS_OK;
    if (is_root(trainer)) {
        status = start_or_continue(trainer, fresh, &notes, &path);
        if (status == STATUS_OK)
            status = write_config(trainer);
        if (status == STATUS_OK)
            status =
                run_files_open(trainer->directory, notes.metrics_bytes, notes.samples_bytes, &trainer->files);
    }
    status = comm_agree(trainer->comm, status);
    if (status == STATUS_OK)
        status = checkpoint_load_moments(path, &trainer->state, trainer->comm);
    free(path);
    TRY(status);
    state_broadcast(&trainer->state, trainer->comm);
    comm_broadcast(trainer->comm, &notes.owed, sizeof notes.owed, 0);
    trainer->first_step = trainer->saved_step = trainer->state.step;
    trainer->owed = trainer->saved_owed = notes.owed;
    TRY(checkpoint_writer_create(trainer->directory, trainer->config, &trainer->state, trainer->files,
                                 trainer->comm, &trainer->writer));
    TRY(comm_agree(trainer->comm, stepper_create(trainer->config, &trainer->state, trainer->sequences,
                                                 trainer->comm, &trainer->stepper)));
    return trainer_recall(trainer);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* Ranks beyond the slots of a batch only wait. */
static void hint_waiting(const struct trainer *trainer)
{
    const struct config *config = trainer->config;
    int64_t ranks = comm_size(trainer->comm), slots = config->train.slots;
    int64_t busy = slots > 0 ? slots : config->train.batch_size;
    if (busy < ranks)
        log_info("hint: %lld of %lld ranks have nothing to compute because %s is %lld",
                 (long long)(ranks - busy), (long long)ranks, slots > 0 ? "train.slots" : "train.batch_size",
                 (long long)busy);
}

static void describe_run(const struct trainer *trainer)
{
    const struct config *config = trainer->config;
    const struct parameter_table *table = model_table(trainer->state.model);
    char tokens[16], held_out[16], parameters[16], step_tokens[16], trained[16];
    int64_t count = 0;
    for (int64_t i = 0; i < table->count; i++)
        count += table->rows[i].count;
    log_info("model: %s parameters, %lld layer%s, %lld head%s, %lld wide, context %lld, vocabulary %lld",
             log_count(parameters, (double)count), (long long)config->model.n_layer,
             plural(config->model.n_layer), (long long)config->model.n_head, plural(config->model.n_head),
             (long long)config->model.n_embd, (long long)config->model.context_length,
             (long long)model_shape(trainer->state.model)->vocab_size);
    if (table->trainable < table->total)
        log_info("adapters: rank %lld, alpha %g; %s of the parameters are trained, the rest is frozen",
                 (long long)table->lora.rank, table->lora.alpha,
                 log_count(trained, (double)table->trainable));
    log_info("data: %s training tokens, %s validation tokens; %s tokens a step, %lld step%s",
             log_count(tokens, (double)dataset_tokens(trainer->train)),
             log_count(held_out, (double)dataset_tokens(trainer->validation)),
             log_count(step_tokens, (double)(config->train.batch_size * config->model.context_length)),
             (long long)config->train.steps, plural(config->train.steps));
    hint_waiting(trainer);
}

static enum status watch_stop_file(const char *directory)
{
    char *path = path_join(directory, "stop");
    enum status status = path != NULL ? stopping_watch(path) : STATUS_FAILED;
    free(path);
    return status;
}

static enum status take_directory(struct trainer *trainer)
{
    enum status status = STATUS_OK;
    if (is_root(trainer)) {
        status = directory_create(trainer->directory);
        if (status == STATUS_OK)
            status = folder_lock_take(trainer->directory, "run.directory", &trainer->lock);
        if (status == STATUS_OK)
            status = watch_stop_file(trainer->directory);
    }
    return comm_agree(trainer->comm, status);
}

/* A rank without a sequence could not step alone. */
static enum status check_shares(const struct trainer *trainer)
{
    const struct config *config = trainer->config;
    if (config->train.local_steps == 0 || config->train.batch_size >= comm_size(trainer->comm))
        return STATUS_OK;
    return fail(STATUS_USAGE,
                "train.batch_size is %lld but must be at least the number of ranks, which is %d, with "
                "train.local_steps",
                (long long)config->train.batch_size, comm_size(trainer->comm));
}

/* What the steps tell until all ranks are alike. */
static enum status allocate_results(struct trainer *trainer)
{
    int64_t steps = trainer->config->train.local_steps;
    steps = steps > 0 ? steps : 1;
    trainer->results = memory_allocate(steps, sizeof *trainer->results, "results of steps");
    trainer->notes = memory_allocate(steps, sizeof *trainer->notes, "times of steps");
    return trainer->results != NULL && trainer->notes != NULL ? STATUS_OK : STATUS_FAILED;
}

enum status trainer_set_up(struct trainer *trainer, bool fresh, struct tokenizer *tokenizer)
{
    leftovers_remove(trainer->comm); /* before this run needs the room */
    enum status status = check_shares(trainer);
    if (status == STATUS_OK)
        status = comm_agree(trainer->comm, allocate_results(trainer));
    if (status == STATUS_OK)
        status = take_directory(trainer);
    if (status == STATUS_OK)
        status = placement_apply(trainer->config, trainer->comm);
    if (status == STATUS_OK)
        status = precision_agree(trainer->config, trainer->comm, &trainer->precision);
    if (status == STATUS_OK) {
        precision_log(&trainer->precision);
        status = open_data(trainer, tokenizer);
    }
    if (status == STATUS_OK)
        status = trainer_open_tasks(trainer, tokenizer);
    if (status == STATUS_OK)
        status = gemm_peak_agree(&trainer->precision, trainer->comm, &trainer->peak);
    if (status != STATUS_OK) {
        tokenizer_destroy(tokenizer);
        return status;
    }
    trainer->micro_batch = step_micro_batch(trainer->config, comm_size(trainer->comm));
    struct model_use use =
        state_model_use(trainer->config, trainer->precision.element, trainer->micro_batch, true);
    TRY(state_create(trainer->config, tokenizer, &use, trainer->comm, &trainer->state));
    if (!step_is_local(trainer->config, 0))
        exchange_log(trainer->state.exchange);
    if (trainer->config->train.local_steps > 0)
        log_info("exchange: after step %lld every %lld steps, in an outer step of %d rank%s; until then each "
                 "trains alone",
                 (long long)step_local_after(trainer->config), (long long)trainer->config->train.local_steps,
                 comm_size(trainer->comm), comm_size(trainer->comm) > 1 ? "s" : "");
    TRY(open_run(trainer, fresh));
    describe_run(trainer);
    return STATUS_OK;
}

void trainer_close(struct trainer *trainer)
{
    checkpoint_writer_destroy(trainer->writer);
    stepper_destroy(trainer->stepper);
    run_files_close(trainer->files);
    buffer_free(&trainer->line);
    trainer_close_tasks(trainer);
    memory_free(trainer->results);
    memory_free(trainer->notes);
    state_destroy(&trainer->state);
    sequences_release(&trainer->data);
    dataset_close(trainer->train);
    dataset_close(trainer->validation);
    folder_lock_release(trainer->lock);
}

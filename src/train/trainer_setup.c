/* Setting up a run: data, state, files. What touches the run directory happens on rank 0, and the ranks agree
 * on how it went. */
#include "trainer_private.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/version.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/train/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>

void trainer_set_threads(const struct config *config, struct comm *comm)
{
    int64_t cores = threads_cores(), ranks = comm_node_size(comm), online = threads_cores_online();
    int64_t share = cores < online ? cores : cores / ranks; /* a bound rank has its cores for itself */
    int64_t threads = config->run.threads > 0 ? config->run.threads : share > 0 ? share : 1;
    threads_set((int)threads);
    log_info("%d rank%s, %lld on this node, %lld thread%s each, %lld cores", comm_size(comm),
             comm_size(comm) == 1 ? "" : "s", (long long)ranks, (long long)threads, threads == 1 ? "" : "s",
             (long long)online);
    if (threads * ranks > online)
        log_info("hint: %lld threads share %lld cores; fewer ranks or run.threads would be faster",
                 (long long)(threads * ranks), (long long)online);
    else if (cores < online && cores * ranks < online)
        log_info("hint: each rank is bound to %lld of %lld cores; `mpirun --bind-to none` or `--map-by "
                 "slot:PE=%lld` would use them all",
                 (long long)cores, (long long)online, (long long)(online / ranks));
}

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
    if (dataset_windows(trainer->train, length, sequences_stride(config)) == 0)
        return fail(STATUS_FAILED,
                    "the training shards in %s hold %lld tokens; a window needs model.context_length + 1 = "
                    "%lld in one shard",
                    config->shards.directory, (long long)dataset_tokens(trainer->train),
                    (long long)(length + 1));
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

static enum status load_checkpoint(struct trainer *trainer, const char *path, struct checkpoint_notes *notes)
{
    TRY(check_continuation(trainer, path));
    TRY(checkpoint_load(path, &trainer->state, notes));
    if (notes->dataset_digest != trainer->dataset_digest)
        log_warning(
            "the training data in %s are not those of the checkpoint: sequences come in another order",
            trainer->config->shards.directory);
    log_info("continuing from %s (step %lld)", path, (long long)trainer->state.step);
    return STATUS_OK;
}

/* Rank 0: a new state, or the newest checkpoint's. */
static enum status start_or_continue(struct trainer *trainer, bool fresh, struct checkpoint_notes *notes)
{
    char *path = NULL;
    struct model *model = trainer->state.model;
    TRY(checkpoint_remove_leftovers(trainer->directory));
    if (fresh)
        TRY(checkpoint_remove_all(trainer->directory));
    TRY(checkpoint_newest(trainer->directory, &path));
    if (path == NULL) {
        log_info("a new run in %s", trainer->directory);
        parameter_initialise(model_table(model), (uint64_t)trainer->config->run.seed,
                             model_parameters(model));
        return STATUS_OK;
    }
    enum status status = load_checkpoint(trainer, path, notes);
    free(path);
    return status;
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
    enum status status = STATUS_OK;
    if (is_root(trainer)) {
        status = start_or_continue(trainer, fresh, &notes);
        if (status == STATUS_OK)
            status = write_config(trainer);
        if (status == STATUS_OK)
            status =
                run_files_open(trainer->directory, notes.metrics_bytes, notes.samples_bytes, &trainer->files);
    }
    TRY(comm_agree(trainer->comm, status));
    state_broadcast(&trainer->state, trainer->comm);
    trainer->first_step = trainer->state.step;
    struct sequences sequences = sequences_of_dataset(trainer->config, trainer->train, &trainer->windows);
    return comm_agree(trainer->comm, stepper_create(trainer->config, &trainer->state, sequences,
                                                    trainer->comm, &trainer->stepper));
}

static void describe_run(const struct trainer *trainer)
{
    const struct config *config = trainer->config;
    const struct parameter_table *table = model_table(trainer->state.model);
    char tokens[16], held_out[16], parameters[16], step_tokens[16];
    int64_t count = 0;
    for (int64_t i = 0; i < table->count; i++)
        count += table->rows[i].count;
    log_info("model: %s parameters, %lld layers, %lld heads, %lld wide, context %lld, vocabulary %lld",
             log_count(parameters, (double)count), (long long)config->model.n_layer,
             (long long)config->model.n_head, (long long)config->model.n_embd,
             (long long)config->model.context_length,
             (long long)model_shape(trainer->state.model)->vocab_size);
    log_info("data: %s training tokens, %s validation tokens; %s tokens a step, %lld steps",
             log_count(tokens, (double)dataset_tokens(trainer->train)),
             log_count(held_out, (double)dataset_tokens(trainer->validation)),
             log_count(step_tokens, (double)(config->train.batch_size * config->model.context_length)),
             (long long)config->train.steps);
}

static enum status take_directory(struct trainer *trainer)
{
    enum status status = STATUS_OK;
    if (is_root(trainer)) {
        status = directory_create(trainer->directory);
        if (status == STATUS_OK)
            status = folder_lock_take(trainer->directory, "run.directory", &trainer->lock);
    }
    return comm_agree(trainer->comm, status);
}

enum status trainer_set_up(struct trainer *trainer, bool fresh, struct tokenizer *tokenizer)
{
    enum status status = take_directory(trainer);
    if (status == STATUS_OK) {
        trainer_set_threads(trainer->config, trainer->comm);
        status = open_data(trainer, tokenizer);
    }
    if (status != STATUS_OK) {
        tokenizer_destroy(tokenizer);
        return status;
    }
    trainer->micro_batch = step_micro_batch(trainer->config, comm_size(trainer->comm));
    struct model_use use = state_model_use(trainer->config, ELEMENT_FP32, trainer->micro_batch, true);
    TRY(comm_agree(trainer->comm, state_create(trainer->config, tokenizer, &use, &trainer->state)));
    TRY(open_run(trainer, fresh));
    describe_run(trainer);
    return STATUS_OK;
}

void trainer_close(struct trainer *trainer)
{
    stepper_destroy(trainer->stepper);
    run_files_close(trainer->files);
    buffer_free(&trainer->line);
    state_destroy(&trainer->state);
    dataset_close(trainer->train);
    dataset_close(trainer->validation);
    folder_lock_release(trainer->lock);
}

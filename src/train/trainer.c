/* The life of a run: set up, continue or start, step after step with what falls due in between, close.
 * Everything that touches files of the run directory happens on rank 0, and the ranks agree on how it went.
 */
#include "llmpi/train/trainer.h"

#include "llmpi/base/clock.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/version.h"
#include "llmpi/data/dataset.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/train/checkpoint.h"
#include "llmpi/train/evaluation.h"
#include "llmpi/train/generation.h"
#include "llmpi/train/run_files.h"
#include "llmpi/train/run_lock.h"
#include "llmpi/train/step.h"
#include "llmpi/train/stopping.h"
#include "llmpi/train/timers.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trainer {
    const struct config *config;
    struct comm *comm;
    const char *directory;
    struct run_lock *lock;
    struct run_files *files;
    struct train_state state;
    struct dataset *train, *validation;
    struct stepper *stepper;
    struct timers timers;
    int64_t micro_batch, first_step;
    uint64_t dataset_digest;
    enum status written; /* rank 0: how writing metrics went; the others learn of it in the next step */
    double started;
};

static bool is_root(const struct trainer *trainer)
{
    return comm_rank(trainer->comm) == 0;
}

/* --- setting up --- */

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

enum status trainer_open_dataset(const struct config *config, const char *split,
                                 const struct tokenizer *tokenizer, struct comm *comm, struct dataset **out)
{
    enum status status = dataset_open(config->shards.directory, split, out);
    if (status == STATUS_OK && dataset_tokenizer_digest(*out) != tokenizer_digest(tokenizer)) {
        status = fail(STATUS_FAILED,
                      "the %s shards in %s were made with tokenizer %016" PRIx64 ", this run's is %016" PRIx64
                      "; run `llmpi shard` again, or name the right tokenizer.path",
                      split, config->shards.directory, dataset_tokenizer_digest(*out),
                      tokenizer_digest(tokenizer));
        dataset_close(*out);
        *out = NULL;
    }
    enum status agreed = comm_agree(comm, status);
    if (agreed != STATUS_OK && status == STATUS_OK) {
        dataset_close(*out);
        *out = NULL;
    }
    return agreed;
}

static enum status open_data(struct trainer *trainer)
{
    const struct config *config = trainer->config;
    struct comm *comm = trainer->comm;
    struct tokenizer *tokenizer = NULL;
    TRY(state_load_tokenizer(config->tokenizer.path, comm, &tokenizer));
    enum status status = trainer_open_dataset(config, "train", tokenizer, comm, &trainer->train);
    if (status == STATUS_OK)
        status = trainer_open_dataset(config, "validation", tokenizer, comm, &trainer->validation);
    int64_t length = config->model.context_length;
    if (status == STATUS_OK && dataset_windows(trainer->train, length, step_stride(config)) == 0)
        status = fail(STATUS_FAILED,
                      "the training shards in %s hold %lld tokens; a window needs model.context_length + 1 = "
                      "%lld in one shard",
                      config->shards.directory, (long long)dataset_tokens(trainer->train),
                      (long long)(length + 1));
    if (status != STATUS_OK) {
        if (tokenizer != NULL)
            tokenizer_destroy(tokenizer);
        return status;
    }
    int64_t facts[] = {(int64_t)tokenizer_digest(tokenizer), dataset_shards(trainer->train),
                       dataset_tokens(trainer->train), dataset_documents(trainer->train)};
    trainer->dataset_digest = digest_bytes(facts, sizeof facts);
    trainer->micro_batch = step_micro_batch(config, comm_size(comm));
    return comm_agree(comm, state_create(config, tokenizer, trainer->micro_batch, true, &trainer->state));
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
    return comm_agree(trainer->comm, stepper_create(trainer->config, &trainer->state, trainer->train,
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

/* --- what falls due between steps --- */

/* Every so many steps; every == 0: never, since the end has its own call. */
static bool is_due(int64_t step, int64_t every)
{
    return every > 0 && step % every == 0;
}

static enum status add_evaluation(struct trainer *trainer, const struct evaluation *result)
{
    struct buffer line = {0};
    enum status status = buffer_printf(&line,
                                       "{\"step\": %lld, \"validation_loss\": %.17g, \"bits_per_byte\": "
                                       "%.17g, \"unigram_entropy\": %.17g, \"validation_tokens\": %lld}\n",
                                       (long long)trainer->state.step, result->loss, result->bits_per_byte,
                                       result->entropy, (long long)result->tokens);
    if (status == STATUS_OK)
        status = run_files_add_metrics(trainer->files, &line);
    buffer_free(&line);
    return status;
}

static enum status evaluate(struct trainer *trainer)
{
    struct evaluation result;
    double since = clock_seconds();
    TRY(evaluation_run(trainer->config, &trainer->state, trainer->validation, trainer->micro_batch,
                       trainer->comm, &result));
    timers_add(&trainer->timers, PHASE_EVALUATE, &since);
    if (result.windows == 0) {
        log_info("step %lld: not evaluated, the validation shards hold %lld tokens and a window needs %lld",
                 (long long)trainer->state.step, (long long)dataset_tokens(trainer->validation),
                 (long long)trainer->config->model.context_length + 1);
        return STATUS_OK;
    }
    log_info("step %lld: validation loss %.4f, %.4f bits per byte (unigram entropy %.4f, %lld tokens)",
             (long long)trainer->state.step, result.loss, result.bits_per_byte, result.entropy,
             (long long)result.tokens);
    if (!isfinite(result.loss))
        return fail(STATUS_FAILED, "step %lld: the validation loss is %g, it must be finite",
                    (long long)trainer->state.step, result.loss);
    return comm_agree(trainer->comm, is_root(trainer) ? add_evaluation(trainer, &result) : STATUS_OK);
}

static enum status keep_text(void *context, const char *text, size_t length)
{
    return buffer_append(context, text, length);
}

static enum status write_sample(struct trainer *trainer, const char *prompt, const struct buffer *text)
{
    struct buffer line = {0}, block = {0};
    enum status status =
        buffer_printf(&line, "{\"step\": %lld, \"prompt\": ", (long long)trainer->state.step);
    if (status == STATUS_OK)
        status = json_write_text(&line, prompt, strlen(prompt));
    if (status == STATUS_OK)
        status = buffer_append(&line, ", \"sample\": ", 12);
    if (status == STATUS_OK)
        status = json_write_text(&line, text->length > 0 ? text->data : "", text->length);
    if (status == STATUS_OK)
        status = buffer_append(&line, "}\n", 2);
    if (status == STATUS_OK)
        status = run_files_add_metrics(trainer->files, &line);
    if (status == STATUS_OK)
        status = buffer_printf(&block, "--- step %lld ---\n%s", (long long)trainer->state.step, prompt);
    if (status == STATUS_OK)
        status = buffer_append(&block, text->data, text->length);
    if (status == STATUS_OK)
        status = buffer_append(&block, "\n\n", 2);
    if (status == STATUS_OK)
        status = run_files_add_sample(trainer->files, &block);
    buffer_free(&line);
    buffer_free(&block);
    return status;
}

/* Rank 0 continues each prompt; the others wait at the agreement. */
static enum status sample(struct trainer *trainer)
{
    const struct config *config = trainer->config;
    enum status status = STATUS_OK;
    double since = clock_seconds();
    for (int64_t i = 0; is_root(trainer) && i < config->sample.prompts.count && status == STATUS_OK; i++) {
        const char *prompt = config->sample.prompts.items[i];
        struct generation_settings settings = {.tokens = config->sample.tokens,
                                               .temperature = config->sample.temperature,
                                               .top_k = config->sample.top_k,
                                               .top_p = config->sample.top_p,
                                               .seed = (uint64_t)config->run.seed,
                                               .sample = (uint64_t)i};
        struct buffer text = {0};
        enum generation_end end;
        status = generation_run(&trainer->state, prompt, strlen(prompt), config->shards.end_token, &settings,
                                keep_text, &text, &end);
        if (status == STATUS_OK)
            status = write_sample(trainer, prompt, &text);
        if (status == STATUS_OK)
            log_info("step %lld: sample: %s%s", (long long)trainer->state.step, prompt,
                     text.length > 0 ? text.data : "");
        buffer_free(&text);
    }
    status = comm_agree(trainer->comm, status);
    timers_add(&trainer->timers, PHASE_SAMPLE, &since);
    return status;
}

static enum status save(struct trainer *trainer)
{
    double since = clock_seconds();
    enum status status = STATUS_OK;
    TRY(state_check_replicas(&trainer->state, trainer->comm));
    if (is_root(trainer)) {
        struct checkpoint_notes notes = {.metrics_bytes = run_files_metrics_bytes(trainer->files),
                                         .samples_bytes = run_files_samples_bytes(trainer->files),
                                         .ranks = comm_size(trainer->comm),
                                         .dataset_digest = trainer->dataset_digest};
        status = run_files_sync(trainer->files);
        if (status == STATUS_OK)
            status = checkpoint_save(trainer->directory, trainer->config, &trainer->state, &notes);
    }
    status = comm_agree(trainer->comm, status);
    timers_add(&trainer->timers, PHASE_CHECKPOINT, &since);
    return status;
}

/* --- the loop --- */

static enum status add_step(struct trainer *trainer, const struct step_result *result, double seconds,
                            const struct timers *phases)
{
    struct buffer line = {0};
    enum status status = buffer_printf(
        &line,
        "{\"step\": %lld, \"loss\": %.17g, \"learning_rate\": %.17g, \"grad_norm\": %.17g, \"tokens\": %lld, "
        "\"tokens_per_second\": %.17g, \"seconds\": %.17g",
        (long long)trainer->state.step, result->loss, result->learning_rate, result->gradient_norm,
        (long long)trainer->state.tokens, (double)result->tokens / seconds, seconds);
    for (int i = PHASE_DATA; i <= PHASE_UPDATE && status == STATUS_OK; i++)
        status =
            buffer_printf(&line, ", \"%s_seconds\": %.6f", timers_name((enum phase)i), phases->seconds[i]);
    if (status == STATUS_OK)
        status = buffer_append(&line, "}\n", 2);
    if (status == STATUS_OK)
        status = run_files_add_metrics(trainer->files, &line);
    buffer_free(&line);
    return status;
}

static void log_step(const struct trainer *trainer, const struct step_result *result, double seconds)
{
    const struct config *config = trainer->config;
    char rate[16], left[32];
    int64_t step = trainer->state.step, done = step - trainer->first_step;
    double mean = (clock_seconds() - trainer->started) / (double)done;
    if (step != trainer->first_step + 1 && step != config->train.steps &&
        !is_due(step, config->train.log_every))
        return;
    log_info("step %lld/%lld: loss %.4f, learning rate %.3g, gradient norm %.3g, %s tokens/s, %s left",
             (long long)step, (long long)config->train.steps, result->loss, result->learning_rate,
             result->gradient_norm, log_count(rate, (double)result->tokens / seconds),
             log_duration(left, mean * (double)(config->train.steps - step)));
}

static enum status run_step(struct trainer *trainer, struct step_result *result)
{
    struct timers phases = {0};
    double since = clock_seconds();
    TRY(stepper_run(trainer->stepper, trainer->written, &phases, result));
    double seconds = clock_seconds() - since;
    for (int i = 0; i < PHASES; i++)
        trainer->timers.seconds[i] += phases.seconds[i];
    log_step(trainer, result, seconds);
    if (is_root(trainer))
        trainer->written = add_step(trainer, result, seconds, &phases);
    return STATUS_OK;
}

/* What is due after a step. The last step, and the one before a stop, always save. */
static enum status after_step(struct trainer *trainer, bool stop)
{
    const struct config *config = trainer->config;
    int64_t step = trainer->state.step;
    bool last = step == config->train.steps;
    bool save_now = last || stop || is_due(step, config->checkpoint.every);
    bool evaluate_now = last || is_due(step, config->evaluate.every);
    bool sample_now = last || is_due(step, config->sample.every);
    if (save_now || evaluate_now || sample_now)
        TRY(comm_agree(trainer->comm, trainer->written));
    if (evaluate_now)
        TRY(evaluate(trainer));
    if (sample_now)
        TRY(sample(trainer));
    return save_now ? save(trainer) : STATUS_OK;
}

static enum status loop(struct trainer *trainer)
{
    struct step_result result = {0};
    while (trainer->state.step < trainer->config->train.steps) {
        TRY(run_step(trainer, &result));
        TRY(after_step(trainer, result.stop));
        if (result.stop && trainer->state.step < trainer->config->train.steps) {
            log_info("stopped on request%s%s at step %lld of %lld with everything saved; the same command "
                     "continues",
                     stopping_reason()[0] != '\0' ? " by " : "", stopping_reason(),
                     (long long)trainer->state.step, (long long)trainer->config->train.steps);
            return STATUS_STOPPED;
        }
    }
    return STATUS_OK;
}

/* --- the run --- */

static enum status take_directory(struct trainer *trainer)
{
    enum status status = STATUS_OK;
    if (is_root(trainer)) {
        status = directory_create(trainer->directory);
        if (status == STATUS_OK)
            status = run_lock_take(trainer->directory, &trainer->lock);
    }
    return comm_agree(trainer->comm, status);
}

static enum status run(struct trainer *trainer, bool fresh)
{
    TRY(take_directory(trainer));
    trainer_set_threads(trainer->config, trainer->comm);
    TRY(open_data(trainer));
    TRY(open_run(trainer, fresh));
    describe_run(trainer);
    if (trainer->state.step >= trainer->config->train.steps) {
        log_info("done already: %lld of %lld steps; raise train.steps to go on, or start over with --fresh",
                 (long long)trainer->state.step, (long long)trainer->config->train.steps);
        return STATUS_OK;
    }
    trainer->started = clock_seconds();
    enum status status = loop(trainer);
    if (status == STATUS_OK || status == STATUS_STOPPED)
        timers_report(&trainer->timers, clock_seconds() - trainer->started, trainer->comm);
    return status;
}

enum status trainer_run(const struct config *config, bool fresh, struct comm *comm)
{
    struct trainer trainer = {
        .config = config, .comm = comm, .directory = config->run.directory, .written = STATUS_OK};
    stopping_begin();
    enum status status = run(&trainer, fresh);
    stepper_destroy(trainer.stepper);
    run_files_close(trainer.files);
    state_destroy(&trainer.state);
    if (trainer.train != NULL)
        dataset_close(trainer.train);
    if (trainer.validation != NULL)
        dataset_close(trainer.validation);
    run_lock_release(trainer.lock);
    return status;
}

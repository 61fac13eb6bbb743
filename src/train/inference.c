/* Rank 0 reads configuration and tokenizer as texts and broadcasts them; then every rank makes the model and
 * gets the parameters. */
#include "llmpi/train/inference.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/train/checkpoint.h"
#include "llmpi/train/precision.h"
#include "llmpi/train/scoring.h"
#include "llmpi/train/step.h"

#include <stdlib.h>
#include <string.h>

/* A run directory stands for its newest checkpoint. */
static enum status find_file(const char *path, char **out)
{
    if (!file_is_directory(path)) {
        *out = memory_copy_text(path, strlen(path));
        return *out != NULL ? STATUS_OK : STATUS_FAILED;
    }
    TRY(checkpoint_newest(path, out));
    return *out != NULL ? STATUS_OK : fail(STATUS_FAILED, "%s: no checkpoint in this run directory", path);
}

/* `auto` becomes what the last steps were computed in: a model for use takes it from its training, not from a
 * measurement of the machine. */
static enum status settle_precision(const char *file, struct config *config)
{
    struct checkpoint_notes notes;
    TRY(checkpoint_read_notes(file, &notes));
    if (config->train.precision == PRECISION_AUTO && notes.precision[0] != '\0')
        config->train.precision =
            strcmp(notes.precision, precision_name(ELEMENT_BF16)) == 0 ? PRECISION_BF16 : PRECISION_FP32;
    return STATUS_OK;
}

/* As it is stored, or with the precision settled. */
static enum status read_config(const char *file, bool settled, struct buffer *yaml)
{
    struct config config;
    enum status status = checkpoint_read_config(file, &config);
    if (status == STATUS_OK && settled)
        status = settle_precision(file, &config);
    if (status == STATUS_OK)
        status = config_write(&config, false, yaml);
    config_free(&config);
    return status;
}

bool inference_is_checkpoint(const char *path)
{
    return file_is_directory(path) || path_has_suffix(path, ".h5");
}

enum status inference_read_config(const char *path, struct buffer *yaml)
{
    char *file = NULL;
    enum status status = find_file(path, &file);
    if (status == STATUS_OK)
        status = read_config(file, false, yaml);
    free(file);
    return status;
}

static enum status read_texts(const char *file, struct buffer *yaml, struct buffer *json)
{
    struct tokenizer *tokenizer = NULL;
    enum status status = read_config(file, true, yaml);
    if (status == STATUS_OK)
        status = checkpoint_read_tokenizer(file, &tokenizer);
    if (status == STATUS_OK)
        status = tokenizer_write(tokenizer, json);
    tokenizer_destroy(tokenizer);
    return status;
}

static enum status share(struct comm *comm, struct buffer *yaml, struct buffer *json)
{
    enum status status = comm_broadcast_buffer(comm, yaml, 0);
    enum status second = comm_broadcast_buffer(comm, json, 0);
    return comm_agree(comm, status != STATUS_OK ? status : second);
}

static enum status parse(const char *path, const struct buffer *yaml, const struct buffer *json,
                         struct config *config, struct tokenizer **tokenizer)
{
    const struct string_list no_overrides = {0};
    TRY(config_parse(config, yaml->data, yaml->length, path, &no_overrides));
    return tokenizer_parse(json->data, json->length, path, tokenizer);
}

/* Takes over the tokenizer (also on failure). **Collective** */
static enum status create(const struct config *config, struct tokenizer *tokenizer, int64_t sequences,
                          struct comm *comm, struct train_state *state)
{
    struct precision precision;
    enum status status = precision_agree(config, comm, &precision);
    if (status != STATUS_OK) {
        tokenizer_destroy(tokenizer);
        return status;
    }
    if (sequences == INFERENCE_TRAINING)
        sequences = step_micro_batch(config, comm_size(comm));
    if (sequences == INFERENCE_SCORING)
        sequences = scoring_sequences(config->model.context_length);
    struct model_use use = state_model_use(config, precision.element, sequences, false);
    return state_create(config, tokenizer, &use, comm, state);
}

enum status inference_describe(const char *path, struct comm *comm, struct config *config,
                               struct tokenizer **tokenizer, char **file)
{
    struct buffer yaml = {0}, json = {0};
    enum status status = STATUS_OK;
    *config = (struct config){0};
    *tokenizer = NULL;
    *file = NULL;
    if (comm_rank(comm) == 0) {
        status = find_file(path, file);
        if (status == STATUS_OK)
            status = read_texts(*file, &yaml, &json);
    }
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = share(comm, &yaml, &json);
    if (status == STATUS_OK)
        status = comm_agree(comm, parse(path, &yaml, &json, config, tokenizer));
    if (status != STATUS_OK) {
        tokenizer_destroy(*tokenizer);
        *tokenizer = NULL;
    }
    buffer_free(&yaml);
    buffer_free(&json);
    return status;
}

enum status inference_load(const char *path, int64_t sequences, struct comm *comm, struct config *config,
                           struct train_state *state)
{
    struct tokenizer *tokenizer = NULL;
    char *file = NULL;
    *state = (struct train_state){0};
    enum status status = inference_describe(path, comm, config, &tokenizer, &file);
    if (status == STATUS_OK)
        status = create(config, tokenizer, sequences, comm, state);
    if (status == STATUS_OK)
        status = comm_agree(comm, comm_rank(comm) == 0 ? checkpoint_load(file, state, NULL) : STATUS_OK);
    if (status == STATUS_OK)
        state_broadcast(state, comm);
    free(file);
    return status;
}

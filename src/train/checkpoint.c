/* A checkpoint is the parameter table written three times (values, first and second moments) and two texts.
 */
#include "llmpi/train/checkpoint.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/version.h"
#include "llmpi/storage/tensor_file.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- which files there are --- */

/* The checkpoints of a run directory, oldest first (the step in the name has leading zeros); `ending` "" or
 * ".tmp". */
static enum status list_files(const char *directory, const char *ending, struct string_list *out)
{
    struct buffer pattern = {0};
    TRY(buffer_reserve(&pattern, 2 * strlen(directory) + 64)); /* the appends below cannot fail any more */
    for (const char *at = directory; *at != '\0'; at++) /* glob's own characters stand for themselves */
        TRY(buffer_printf(&pattern, strchr("*?[\\", *at) != NULL ? "\\%c" : "%c", *at));
    TRY(buffer_printf(&pattern, "/checkpoints/step-*.h5%s", ending));
    glob_t found;
    int code = glob(pattern.data, 0, NULL, &found);
    buffer_free(&pattern);
    if (code == GLOB_NOMATCH)
        return STATUS_OK;
    if (code != 0)
        return fail(STATUS_FAILED, "cannot list the checkpoints in %s", directory);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < found.gl_pathc && status == STATUS_OK; i++)
        status = string_list_add(out, found.gl_pathv[i]);
    globfree(&found);
    string_list_sort(out);
    return status;
}

static enum status remove_file(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(STATUS_FAILED, "cannot remove %s: %s", path, strerror(errno));
    return STATUS_OK;
}

/* Removes all but the newest `keep`. */
static enum status remove_files(const char *directory, const char *ending, int64_t keep)
{
    struct string_list files = {0};
    enum status status = list_files(directory, ending, &files);
    for (int64_t i = 0; status == STATUS_OK && i + keep < files.count; i++)
        status = remove_file(files.items[i]);
    string_list_free(&files);
    return status;
}

enum status checkpoint_remove_all(const char *directory)
{
    return remove_files(directory, "", 0);
}

enum status checkpoint_remove_leftovers(const char *directory)
{
    return remove_files(directory, ".tmp", 0);
}

enum status checkpoint_newest(const char *directory, char **path)
{
    struct string_list files = {0};
    *path = NULL;
    enum status status = list_files(directory, "", &files);
    for (int64_t i = files.count - 1; i >= 0 && status == STATUS_OK && *path == NULL; i--) {
        if (tensor_file_verify(files.items[i]) == STATUS_OK) {
            *path = memory_copy_text(files.items[i], strlen(files.items[i]));
            status = *path != NULL ? STATUS_OK : STATUS_FAILED;
        } else if (i > 0) {
            log_warning("%s; trying the checkpoint before it", status_message());
        } else {
            log_warning("%s", status_message());
            status = fail(STATUS_FAILED,
                          "no whole checkpoint is left in %s/checkpoints (%lld damaged); remove them, or "
                          "start over with --fresh",
                          directory, (long long)files.count);
        }
    }
    string_list_free(&files);
    return status;
}

/* --- saving --- */

static const char *const series_prefix[] = {"", "optimizer/exp_avg/", "optimizer/exp_avg_sq/"};
enum { SERIES = sizeof series_prefix / sizeof *series_prefix };

static const float *series_values(const struct train_state *state, int series)
{
    return series == 0 ? model_parameters(state->model) : series == 1 ? state->exp_avg : state->exp_avg_sq;
}

static void text_spec(struct tensor_spec *spec, const char *name, const struct buffer *text)
{
    *spec = (struct tensor_spec){.type = HDF5_UINT8, .dimensions = 1, .sizes = {(int64_t)text->length}};
    snprintf(spec->name, sizeof spec->name, "%s", name);
}

/* The list of tensors: SERIES times the table, then tokenizer and config. */
static struct tensor_spec *make_specs(const struct parameter_table *table, const struct buffer *tokenizer,
                                      const struct buffer *config, int64_t *count)
{
    *count = SERIES * table->count + 2;
    struct tensor_spec *specs = memory_allocate(*count, sizeof *specs, "the list of tensors");
    if (specs == NULL)
        return NULL;
    for (int series = 0; series < SERIES; series++) {
        for (int64_t i = 0; i < table->count; i++) {
            const struct parameter *row = &table->rows[i];
            struct tensor_spec *spec = &specs[series * table->count + i];
            *spec = (struct tensor_spec){.type = HDF5_FLOAT32, .dimensions = row->dimensions};
            memcpy(spec->sizes, row->sizes, sizeof row->sizes);
            snprintf(spec->name, sizeof spec->name, "%s%s", series_prefix[series], row->name);
        }
    }
    text_spec(&specs[*count - 2], "tokenizer", tokenizer);
    text_spec(&specs[*count - 1], "config", config);
    return specs;
}

static enum status write_tensors(struct tensor_file *file, const struct train_state *state,
                                 const struct buffer *tokenizer, const struct buffer *config)
{
    const struct parameter_table *table = model_table(state->model);
    for (int series = 0; series < SERIES; series++) {
        const float *values = series_values(state, series);
        for (int64_t i = 0; i < table->count; i++) {
            const struct parameter *row = &table->rows[i];
            TRY(tensor_file_write(file, series * table->count + i, 0, values + row->offset,
                                  row->count * (int64_t)sizeof *values));
        }
    }
    TRY(tensor_file_write(file, SERIES * table->count, 0, tokenizer->data, (int64_t)tokenizer->length));
    return tensor_file_write(file, SERIES * table->count + 1, 0, config->data, (int64_t)config->length);
}

static enum status write_file(const char *path, const struct config *config, const struct train_state *state,
                              const struct checkpoint_notes *notes)
{
    struct buffer tokenizer = {0}, yaml = {0};
    struct tensor_spec *specs = NULL;
    struct tensor_file *file = NULL;
    int64_t count = 0;
    char tokenizer_text[24], dataset_text[24];
    snprintf(tokenizer_text, sizeof tokenizer_text, "%016" PRIx64, tokenizer_digest(state->tokenizer));
    snprintf(dataset_text, sizeof dataset_text, "%016" PRIx64, notes->dataset_digest);
    const struct tensor_attribute attributes[] = {
        {.name = "format_version", .kind = TENSOR_INT64, .integer = CHECKPOINT_FORMAT_VERSION},
        {.name = "llmpi_version", .kind = TENSOR_TEXT, .text = version_number()},
        {.name = "llmpi_commit", .kind = TENSOR_TEXT, .text = version_commit()},
        {.name = "step", .kind = TENSOR_INT64, .integer = state->step},
        {.name = "sequences", .kind = TENSOR_INT64, .integer = state->sequences},
        {.name = "tokens", .kind = TENSOR_INT64, .integer = state->tokens},
        {.name = "seed", .kind = TENSOR_INT64, .integer = config->run.seed},
        {.name = "ranks", .kind = TENSOR_INT64, .integer = notes->ranks},
        {.name = "precision", .kind = TENSOR_TEXT, .text = notes->precision},
        {.name = "products", .kind = TENSOR_TEXT, .text = notes->products},
        {.name = "instructions", .kind = TENSOR_TEXT, .text = notes->instructions},
        {.name = "tokenizer_digest", .kind = TENSOR_TEXT, .text = tokenizer_text},
        {.name = "dataset_digest", .kind = TENSOR_TEXT, .text = dataset_text},
        {.name = "metrics_bytes", .kind = TENSOR_INT64, .integer = notes->metrics_bytes},
        {.name = "samples_bytes", .kind = TENSOR_INT64, .integer = notes->samples_bytes}};
    enum status status = tokenizer_write(state->tokenizer, &tokenizer);
    if (status == STATUS_OK)
        status = config_write(config, false, &yaml);
    if (status != STATUS_OK)
        goto cleanup;
    specs = make_specs(model_table(state->model), &tokenizer, &yaml, &count);
    status = specs == NULL ? STATUS_FAILED
                           : tensor_file_create(path, specs, count, attributes,
                                                (int64_t)(sizeof attributes / sizeof *attributes), &file);
    if (status == STATUS_OK)
        status = write_tensors(file, state, &tokenizer, &yaml);
    if (status == STATUS_OK) {
        status = tensor_file_publish(file);
        file = NULL;
    }
cleanup:
    tensor_file_close(file);
    memory_free(specs);
    buffer_free(&tokenizer);
    buffer_free(&yaml);
    return status;
}

enum status checkpoint_save(const char *directory, const struct config *config,
                            const struct train_state *state, const struct checkpoint_notes *notes)
{
    struct buffer path = {0};
    enum status status = buffer_printf(&path, "%s/checkpoints", directory);
    if (status == STATUS_OK)
        status = directory_create(path.data);
    if (status == STATUS_OK)
        status = buffer_printf(&path, "/step-%08lld.h5", (long long)state->step);
    if (status == STATUS_OK)
        status = write_file(path.data, config, state, notes);
    if (status == STATUS_OK && config->checkpoint.keep > 0)
        status = remove_files(directory, "", config->checkpoint.keep);
    buffer_free(&path);
    return status;
}

/* --- loading --- */

static enum status read_text(struct tensor_file *file, const char *path, const char *name, struct buffer *out)
{
    int64_t index = tensor_file_find(file, name);
    const struct tensor_spec *spec = index >= 0 ? tensor_file_spec(file, index) : NULL;
    if (spec == NULL || spec->type != HDF5_UINT8 || spec->dimensions != 1)
        return fail(STATUS_FAILED, "%s: it has no bytes named '%s': not a training checkpoint", path, name);
    TRY(buffer_reserve(out, (size_t)spec->sizes[0]));
    TRY(tensor_file_read(file, index, 0, out->data, spec->sizes[0]));
    out->length = (size_t)spec->sizes[0];
    out->data[out->length] = '\0';
    return STATUS_OK;
}

static enum status read_text_of(const char *path, const char *name, struct buffer *out)
{
    struct tensor_file *file = NULL;
    TRY(tensor_file_open(path, &file));
    enum status status = read_text(file, path, name, out);
    tensor_file_close(file);
    return status;
}

enum status checkpoint_read_config(const char *path, struct config *config)
{
    struct buffer yaml = {0};
    const struct string_list no_overrides = {0};
    *config = (struct config){0};
    enum status status = read_text_of(path, "config", &yaml);
    if (status == STATUS_OK)
        status = config_parse(config, yaml.data, yaml.length, path, &no_overrides);
    buffer_free(&yaml);
    return status;
}

enum status checkpoint_read_tokenizer(const char *path, struct tokenizer **tokenizer)
{
    struct buffer json = {0};
    *tokenizer = NULL;
    enum status status = read_text_of(path, "tokenizer", &json);
    if (status == STATUS_OK)
        status = tokenizer_parse(json.data, json.length, path, tokenizer);
    buffer_free(&json);
    return status;
}

static enum status read_tensor(struct tensor_file *file, const char *path, const char *prefix,
                               const struct parameter *row, float *out)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, row->name);
    int64_t index = tensor_file_find(file, name);
    if (index < 0)
        return fail(STATUS_FAILED, "%s: tensor %s is missing", path, name);
    const struct tensor_spec *spec = tensor_file_spec(file, index);
    int64_t columns = spec->dimensions > 1 ? spec->sizes[1] : 1;
    if (spec->type != HDF5_FLOAT32 || spec->dimensions != row->dimensions ||
        spec->sizes[0] != row->sizes[0] || columns != row->sizes[1])
        return fail(STATUS_FAILED, "%s: tensor %s is %lld x %lld, the model's is %lld x %lld", path, name,
                    (long long)spec->sizes[0], (long long)columns, (long long)row->sizes[0],
                    (long long)row->sizes[1]);
    return tensor_file_read(file, index, 0, out + row->offset, row->count * (int64_t)sizeof *out);
}

static enum status read_series(struct tensor_file *file, const char *path, struct train_state *state,
                               int series, float *out)
{
    const struct parameter_table *table = model_table(state->model);
    for (int64_t i = 0; i < table->count; i++)
        TRY(read_tensor(file, path, series_prefix[series], &table->rows[i], out));
    return STATUS_OK;
}

/* What older files do not say. */
static enum status note_optional(void *context, const struct tensor_attribute *attribute)
{
    struct checkpoint_notes *notes = context;
    if (attribute->kind != TENSOR_TEXT)
        return STATUS_OK;
    if (strcmp(attribute->name, "precision") == 0)
        snprintf(notes->precision, sizeof notes->precision, "%s", attribute->text);
    else if (strcmp(attribute->name, "products") == 0)
        snprintf(notes->products, sizeof notes->products, "%s", attribute->text);
    else if (strcmp(attribute->name, "instructions") == 0)
        snprintf(notes->instructions, sizeof notes->instructions, "%s", attribute->text);
    return STATUS_OK;
}

static enum status read_notes(struct tensor_file *file, struct checkpoint_notes *notes)
{
    struct buffer text = {0};
    enum status status = tensor_file_attribute_int64(file, "metrics_bytes", &notes->metrics_bytes);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "samples_bytes", &notes->samples_bytes);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "ranks", &notes->ranks);
    if (status == STATUS_OK)
        status = tensor_file_attribute_text(file, "dataset_digest", &text);
    if (status == STATUS_OK)
        notes->dataset_digest = strtoull(text.data, NULL, 16);
    buffer_free(&text);
    if (status == STATUS_OK)
        status = tensor_file_each_attribute(file, note_optional, notes);
    return status;
}

enum status checkpoint_load(const char *path, struct train_state *state, struct checkpoint_notes *notes)
{
    struct tensor_file *file = NULL;
    int64_t version = 0;
    TRY(tensor_file_open(path, &file));
    enum status status = tensor_file_attribute_int64(file, "format_version", &version);
    if (status == STATUS_OK && version != CHECKPOINT_FORMAT_VERSION)
        status = fail(STATUS_FAILED, "%s: format version %lld, this program reads %d", path,
                      (long long)version, CHECKPOINT_FORMAT_VERSION);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "step", &state->step);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "sequences", &state->sequences);
    if (status == STATUS_OK)
        status = tensor_file_attribute_int64(file, "tokens", &state->tokens);
    if (status == STATUS_OK && notes != NULL)
        status = read_notes(file, notes);
    if (status == STATUS_OK)
        status = read_series(file, path, state, 0, model_parameters(state->model));
    if (status == STATUS_OK && state->exp_avg != NULL)
        status = read_series(file, path, state, 1, state->exp_avg);
    if (status == STATUS_OK && state->exp_avg_sq != NULL)
        status = read_series(file, path, state, 2, state->exp_avg_sq);
    tensor_file_close(file);
    return status;
}

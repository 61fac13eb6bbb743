/* What `llmpi inspect` prints of the files of a run: checkpoints, metrics.jsonl and config.yaml. */
#include "inspect.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/config/config.h"
#include "llmpi/storage/tensor_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- checkpoint --- */

static enum status print_attribute(void *context, const struct tensor_attribute *attribute)
{
    (void)context;
    if (attribute->kind == TENSOR_INT64)
        inspect_row(attribute->name, "%" PRId64, attribute->integer);
    else if (attribute->kind == TENSOR_DOUBLE)
        inspect_row(attribute->name, "%.17g", attribute->number);
    else
        inspect_row(attribute->name, "%s", attribute->text);
    return STATUS_OK;
}

static int64_t count_elements(const struct tensor_spec *spec)
{
    int64_t elements = 1;
    for (int i = 0; i < spec->dimensions; i++)
        elements *= spec->sizes[i];
    return elements;
}

static void print_tensor(const struct tensor_spec *spec)
{
    static const char *const types[] = {"uint8", "uint16", "uint32", "uint64", "int64", "float32", "float64"};
    char shape[96] = "";
    int used = 0;
    for (int i = 0; i < spec->dimensions; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%" PRId64, i > 0 ? " x " : "",
                         spec->sizes[i]);
    printf("  %-44s %-8s %16s %14" PRId64 "\n", spec->name, types[spec->type], shape, count_elements(spec));
}

/* Parameters are the floating-point tensors outside of the optimizer's group. */
static bool is_parameter(const struct tensor_spec *spec)
{
    return (spec->type == HDF5_FLOAT32 || spec->type == HDF5_FLOAT64) &&
           strncmp(spec->name, "optimizer/", 10) != 0;
}

static void print_tensors(const struct tensor_file *file)
{
    int64_t parameters = 0, state = 0, state_tensors = 0;
    printf("\n  %-44s %-8s %16s %14s\n", "tensor", "type", "shape", "elements");
    for (int64_t i = 0; i < tensor_file_count(file); i++) {
        const struct tensor_spec *spec = tensor_file_spec(file, i);
        bool optimizer = strncmp(spec->name, "optimizer/", 10) == 0;
        if (!optimizer)
            print_tensor(spec);
        state_tensors += optimizer;
        state += optimizer ? count_elements(spec) : 0;
        parameters += is_parameter(spec) ? count_elements(spec) : 0;
    }
    putchar('\n');
    inspect_row("parameters", "%" PRId64, parameters);
    inspect_row("optimizer state", "%" PRId64 " numbers in %" PRId64 " tensors", state, state_tensors);
}

enum status inspect_checkpoint(const char *path)
{
    struct tensor_file *file = NULL;
    char size[16];
    TRY(tensor_file_open(path, &file));
    inspect_heading(path, "checkpoint");
    enum status status = tensor_file_each_attribute(file, print_attribute, NULL);
    if (status == STATUS_OK) {
        print_tensors(file);
        inspect_row("file size", "%s", log_bytes(size, (double)file_size(path)));
        inspect_row("digest", "right");
    }
    tensor_file_close(file);
    return status;
}

/* --- metrics --- */

struct metrics {
    int64_t steps, evaluations, samples;
    int64_t first_step, last_step, tokens, best_step;
    double first_loss, last_loss, lowest_loss, validation_loss, best_validation_loss, tokens_per_second, mfu;
};

static enum status add_line(struct metrics *metrics, const struct json *line)
{
    int64_t step = 0;
    double loss = NAN;
    if (!json_get_integer(json_get_member(line, "step"), &step))
        return fail(STATUS_FAILED, "an object with an integer 'step' was expected");
    if (json_get_member(line, "loss") != NULL) { /* null where it was not finite */
        json_get_number(json_get_member(line, "loss"), &loss);
        if (metrics->steps++ == 0) {
            metrics->first_step = step;
            metrics->first_loss = metrics->lowest_loss = loss;
        }
        metrics->last_step = step;
        metrics->last_loss = loss;
        metrics->lowest_loss = fmin(metrics->lowest_loss, loss);
        json_get_integer(json_get_member(line, "tokens"), &metrics->tokens);
        json_get_number(json_get_member(line, "tokens_per_second"), &metrics->tokens_per_second);
        json_get_number(json_get_member(line, "mfu"), &metrics->mfu);
    } else if (json_get_number(json_get_member(line, "validation_loss"), &loss)) {
        if (metrics->evaluations++ == 0 || loss < metrics->best_validation_loss) {
            metrics->best_validation_loss = loss;
            metrics->best_step = step;
        }
        metrics->validation_loss = loss;
    } else {
        metrics->samples += json_get_member(line, "sample") != NULL;
    }
    return STATUS_OK;
}

static enum status read_metrics(const char *path, struct metrics *out)
{
    struct buffer text = {0};
    enum status status = file_read(path, &text);
    *out = (struct metrics){0};
    int64_t number = 1;
    for (size_t at = 0; at < text.length && status == STATUS_OK; number++) {
        const char *start = text.data + at, *newline = memchr(start, '\n', text.length - at);
        size_t length = newline == NULL ? text.length - at : (size_t)(newline - start);
        struct json *line = NULL;
        char message[512];
        if (newline == NULL)
            status = fail(STATUS_FAILED, "the last line has no end");
        else
            status = json_parse(start, length, &line);
        if (status == STATUS_OK)
            status = add_line(out, line);
        snprintf(message, sizeof message, "%s", status_message());
        if (status != STATUS_OK)
            status = fail(STATUS_FAILED, "%s:%" PRId64 ": %s", path, number, message);
        json_free(line);
        at += length + 1;
    }
    buffer_free(&text);
    return status;
}

enum status inspect_verify_metrics(const char *path)
{
    struct metrics metrics;
    return read_metrics(path, &metrics);
}

enum status inspect_metrics(const char *path)
{
    struct metrics metrics;
    TRY(read_metrics(path, &metrics));
    inspect_heading(path, "metrics of a run");
    inspect_row("lines of steps", "%" PRId64, metrics.steps);
    if (metrics.steps > 0) {
        inspect_row("steps", "%" PRId64 " to %" PRId64, metrics.first_step, metrics.last_step);
        inspect_row("first loss", "%.4f", metrics.first_loss);
        inspect_row("last loss", "%.4f", metrics.last_loss);
        inspect_row("lowest loss", "%.4f", metrics.lowest_loss);
        inspect_row("tokens", "%" PRId64, metrics.tokens);
        inspect_row("tokens per second", "%.0f (last line)", metrics.tokens_per_second);
        if (metrics.mfu > 0)
            inspect_row("MFU", "%.1f%% (last line)", 100 * metrics.mfu);
    }
    inspect_row("evaluations", "%" PRId64, metrics.evaluations);
    if (metrics.evaluations > 0) {
        inspect_row("validation loss", "%.4f (last)", metrics.validation_loss);
        inspect_row("best", "%.4f at step %" PRId64, metrics.best_validation_loss, metrics.best_step);
    }
    inspect_row("samples", "%" PRId64, metrics.samples);
    return STATUS_OK;
}

/* --- configuration --- */

enum status inspect_config(const char *path)
{
    const struct string_list none = {0};
    struct config config;
    struct buffer text = {0};
    enum status status = config_load(&config, path, &none);
    if (status == STATUS_OK)
        status = config_write(&config, false, &text);
    if (status == STATUS_OK) {
        inspect_heading(path, "configuration, with every option");
        fputs(text.data, stdout);
    }
    buffer_free(&text);
    config_free(&config);
    return status;
}

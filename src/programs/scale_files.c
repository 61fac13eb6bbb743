/* The folder of measurements. Its config.yaml is what `bench step` is given, and what tells whether the
 * measurements beside it are those that are asked for. */
#include "scale.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *scale_path(const struct scale *scale, int64_t ranks, int64_t round, const char *ending)
{
    char name[96];
    if (round > 0)
        snprintf(name, sizeof name, "ranks-%" PRId64 "-round-%" PRId64 ".%s", ranks, round, ending);
    else
        snprintf(name, sizeof name, "ranks-%" PRId64 ".%s", ranks, ending);
    return path_join(scale->folder, name);
}

/* --- what is measured --- */

static enum status describe(const struct scale *scale, struct buffer *out)
{
    TRY(buffer_printf(out, "# llmpi scale --mode=%s --steps=%" PRId64 "\n", scale->strong ? "strong" : "weak",
                      scale->steps));
    return config_write(scale->config, false, out);
}

/* Names the first line that differs. */
static enum status fail_other(const struct scale *scale, const char *old, const char *new)
{
    size_t line = 0;
    for (size_t i = 0; old[i] == new[i]; i++)
        line = old[i] == '\n' ? i + 1 : line;
    old += line + strspn(old + line, " ");
    new += line + strspn(new + line, " ");
    return fail(STATUS_USAGE,
                "%s has measurements of another configuration (there '%.*s', now '%.*s'): --fresh removes "
                "them, another --output keeps them",
                scale->folder, (int)strcspn(old, "\n"), old, (int)strcspn(new, "\n"), new);
}

enum status scale_write(const struct scale *scale, const char *name, const struct buffer *text)
{
    char *path = path_join(scale->folder, name);
    enum status status = path != NULL ? file_write(path, text->data, text->length) : STATUS_FAILED;
    if (status == STATUS_OK)
        log_info("wrote %s", path);
    free(path);
    return status;
}

static bool is_measurement(const char *name, const void *unused)
{
    (void)unused;
    return strncmp(name, "ranks-", strlen("ranks-")) == 0;
}

enum status scale_prepare(const struct scale *scale, bool fresh)
{
    struct buffer now = {0}, old = {0};
    int64_t removed = 0;
    char *path = path_join(scale->folder, "config.yaml");
    enum status status = path != NULL ? describe(scale, &now) : STATUS_FAILED;
    if (status == STATUS_OK && fresh)
        status = directory_remove_files(scale->folder, is_measurement, NULL, &removed);
    else if (status == STATUS_OK && file_exists(path))
        status = file_read(path, &old);
    if (status == STATUS_OK && old.length > 0 && strcmp(old.data, now.data) != 0)
        status = fail_other(scale, old.data, now.data);
    else if (status == STATUS_OK && old.length == 0)
        status = file_write(path, now.data, now.length);
    buffer_free(&old);
    buffer_free(&now);
    free(path);
    return status;
}

/* --- measurements --- */

/* One member of the report and where it goes; of a shape that is checked, since it may be anyone's file. */
struct member {
    const char *name;
    int64_t *integer;
    double *number;
};

static bool read_members(const struct json *report, struct measurement *out, const char **bad)
{
    struct model_shape *shape = &out->shape;
    const struct member members[] = {
        {"ranks", &out->ranks, NULL},
        {"nodes", &out->nodes, NULL},
        {"threads", &out->threads, NULL},
        {"sequences", &out->sequences, NULL},
        {"micro_batch", &out->micro_batch, NULL},
        {"n_layer", &shape->n_layer, NULL},
        {"n_head", &shape->n_head, NULL},
        {"n_embd", &shape->n_embd, NULL},
        {"context_length", &shape->context_length, NULL},
        {"vocab_size", &shape->vocab_size, NULL},
        {"seconds_median", NULL, &out->step},
        {"tokens_per_second_median", NULL, &out->tokens_per_second},
        {"data_seconds", NULL, &out->data},
        {"compute_seconds", NULL, &out->compute},
        {"exchange_seconds", NULL, &out->exposed},
        {"exchange_seconds_max", NULL, &out->exposed_max},
        {"hidden_exchange_seconds", NULL, &out->hidden},
        {"update_seconds", NULL, &out->update},
        {"peak_memory_bytes", NULL, &out->memory},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct json *value = json_get_member(report, *bad = members[i].name);
        double number = 0;
        if (!json_get_number(value, &number) || !(number >= 0 && number < 1e18))
            return false;
        if (members[i].number != NULL)
            *members[i].number = number;
        else if ((*members[i].integer = (int64_t)number) < 1)
            return false;
    }
    *bad = "seconds_median";
    return out->step > 0 && out->tokens_per_second > 0;
}

enum status scale_parse(const struct buffer *text, const char *path, struct measurement *out)
{
    struct json *report = NULL;
    const char *bad = "precision", *precision;
    size_t length = 0;
    *out = (struct measurement){0};
    if (text->length == 0 || json_parse(text->data, text->length, &report) != STATUS_OK)
        return fail(STATUS_FAILED,
                    "%s is no report of `llmpi bench step --json`; without it, it is measured again", path);
    precision = json_get_text(json_get_member(report, "precision"), &length);
    bool right = precision != NULL && length < sizeof out->precision;
    if (right)
        memcpy(out->precision, precision, length);
    right = right && json_get_boolean(json_get_member(report, bad = "bias"), &out->shape.bias) &&
            json_get_boolean(json_get_member(report, bad = "tied_head"), &out->shape.tied_head) &&
            read_members(report, out, &bad);
    json_free(report);
    return right ? STATUS_OK
                 : fail(STATUS_FAILED,
                        "%s: '%s' is missing or out of bounds; without the file, it is measured again", path,
                        bad);
}

/* *out has 0 ranks where the file is not there. */
static enum status read_measurement(const struct scale *scale, int64_t ranks, int64_t round,
                                    struct measurement *out)
{
    struct buffer text = {0};
    char *path = scale_path(scale, ranks, round, "json");
    *out = (struct measurement){0};
    enum status status = path != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK && file_exists(path)) {
        status = file_read(path, &text);
        if (status == STATUS_OK)
            status = scale_parse(&text, path, out);
        if (status == STATUS_OK && out->ranks != ranks)
            status = fail(STATUS_FAILED, "%s was measured with %" PRId64 " ranks", path, out->ranks);
    }
    buffer_free(&text);
    free(path);
    return status;
}

enum status scale_collect(struct scale *scale)
{
    for (int64_t i = 0; i < scale->rank_count; i++) {
        struct measurement *best = &scale->rows[i], found;
        *best = (struct measurement){0};
        for (int64_t round = 1; round <= scale->rounds; round++) {
            TRY(read_measurement(scale, scale->ranks[i], round, &found));
            if (found.ranks > 0 && found.tokens_per_second > best->tokens_per_second)
                *best = found;
        }
    }
    return STATUS_OK;
}

enum status scale_is_measured(const struct scale *scale, int64_t ranks, int64_t round, bool *out)
{
    char *path = scale_path(scale, ranks, round, "json");
    if (path == NULL)
        return STATUS_FAILED;
    *out = file_exists(path);
    free(path);
    return STATUS_OK;
}

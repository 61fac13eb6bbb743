/* Which checkpoints a run directory has, and keeping their number. */
#include "checkpoint_private.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const checkpoint_prefix[SERIES] = {"", "optimizer/exp_avg/", "optimizer/exp_avg_sq/",
                                               "outer/momentum/"};

float *checkpoint_packed(const struct train_state *state, enum series series)
{
    bool exact = exchange_rounds(state->exchange); /* else all ranks have the parameters as they are */
    return series == SERIES_PARAMETERS   ? (exact ? state->master : NULL)
           : series == SERIES_EXP_AVG    ? state->exp_avg
           : series == SERIES_EXP_AVG_SQ ? state->exp_avg_sq
                                         : state->outer_momentum;
}

const struct ownership *checkpoint_ownership(const struct train_state *state, enum series series)
{
    bool moments = series == SERIES_EXP_AVG || series == SERIES_EXP_AVG_SQ;
    return moments ? &state->updated : exchange_ownership(state->exchange);
}

int checkpoint_series(const struct train_state *state)
{
    return state->outer_momentum != NULL ? SERIES : SERIES_OUTER_MOMENTUM;
}

int64_t checkpoint_foreign_part(const struct train_state *state)
{
    const struct ownership *ownership = exchange_ownership(state->exchange); /* `updated` is this, or whole */
    int64_t largest = 0;
    for (int64_t block = 0; block < ownership->blocks; block++) {
        int64_t count =
            ownership->ranks > 1 ? ownership_part(ownership, block, 1).count : 0; /* the longest */
        largest = count > largest ? count : largest;
    }
    return largest;
}

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

/* The path of the checkpoint of state->step, in a folder that exists afterwards. */
static enum status make_path(const char *directory, const struct train_state *state, struct buffer *path)
{
    TRY(buffer_printf(path, "%s/checkpoints", directory));
    TRY(directory_create(path->data));
    return buffer_printf(path, "/step-%08lld.h5", (long long)state->step);
}

enum status checkpoint_save(const char *directory, const struct config *config,
                            const struct train_state *state, const struct checkpoint_notes *notes,
                            struct comm *comm)
{
    struct buffer path = {0};
    bool root = comm_rank(comm) == 0;
    enum status status = comm_agree(comm, root ? make_path(directory, state, &path) : STATUS_OK);
    if (status == STATUS_OK)
        status = checkpoint_write(path.data, config, state, notes, comm);
    if (status == STATUS_OK && root && config->checkpoint.keep > 0)
        status = remove_files(directory, "", config->checkpoint.keep);
    buffer_free(&path);
    return comm_agree(comm, status);
}

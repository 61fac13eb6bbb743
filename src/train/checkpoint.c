/* Which checkpoints a run directory has, which of them stay, and which can be used. */
#include "checkpoint_private.h"
#include "llmpi/base/integer.h"
#include "retention.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

int checkpoint_series(const struct train_state *state)
{
    if (state->exchange == NULL)
        return SERIES_EXP_AVG; /* parameters alone */
    return state->outer_momentum != NULL ? SERIES : SERIES_OUTER_MOMENTUM;
}

int64_t checkpoint_foreign_part(const struct train_state *state)
{
    const struct ownership *ownership = exchange_ownership(state->exchange);
    int64_t largest = 0;
    for (int64_t block = 0; block < ownership->blocks; block++) {
        int64_t count =
            ownership->ranks > 1 ? ownership_part(ownership, block, 1).count : 0; /* the longest */
        largest = larger(count, largest);
    }
    return largest;
}

/* The checkpoints of a run directory, oldest first (the step in the name has leading zeros); `ending` "",
 * ".tmp" or ".damaged". */
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

static enum status remove_files(const char *directory, const char *ending)
{
    struct string_list files = {0};
    enum status status = list_files(directory, ending, &files);
    for (int64_t i = 0; status == STATUS_OK && i < files.count; i++)
        status = file_remove(files.items[i]);
    string_list_free(&files);
    return status;
}

enum status checkpoint_remove_leftovers(const char *directory)
{
    return remove_files(directory, ".tmp");
}

/* --- the best --- */

/* Lets checkpoints/best.h5 point to that file of the folder; NULL: no such link. What is no link is the
 * user's own and stays. */
static enum status point_to_best(const char *directory, const char *file)
{
    struct buffer link = {0}, temporary = {0};
    struct stat about;
    enum status status = buffer_printf(&link, "%s/checkpoints/best.h5", directory);
    if (status == STATUS_OK)
        status = buffer_printf(&temporary, "%s.tmp", link.data);
    if (status == STATUS_OK && (lstat(link.data, &about) != 0 ? file != NULL : S_ISLNK(about.st_mode))) {
        unlink(temporary.data);
        if (file == NULL)
            status = file_remove(link.data);
        else if (symlink(strrchr(file, '/') + 1, temporary.data) != 0 ||
                 rename(temporary.data, link.data) != 0)
            status = fail(STATUS_FAILED, "cannot make the link %s: %s", link.data, strerror(errno));
    }
    buffer_free(&link);
    buffer_free(&temporary);
    return status;
}

enum status checkpoint_remove_all(const char *directory)
{
    TRY(remove_files(directory, ""));
    TRY(remove_files(directory, ".damaged"));
    return point_to_best(directory, NULL);
}

/* --- which stay --- */

static int64_t step_of(const char *path)
{
    const char *name = strrchr(path, '/');
    return strtoll(name + strlen("/step-"), NULL, 10);
}

static enum status retain(const char *directory, const struct config *config, const struct string_list *list,
                          struct retention_file *files)
{
    const struct retention_rules rules = {config->checkpoint.keep, config->checkpoint.keep_every,
                                          config->checkpoint.keep_best};
    for (int64_t i = 0; i < list->count; i++) {
        files[i] = (struct retention_file){.step = step_of(list->items[i]), .loss = NAN};
        files[i].whole = tensor_file_glance(list->items[i], &files[i].loss) == STATUS_OK;
    }
    int64_t best = retention_decide(&rules, files, list->count);
    TRY(point_to_best(directory, rules.best > 0 && best >= 0 ? list->items[best] : NULL));
    for (int64_t i = 0; i < list->count; i++)
        if (!files[i].stays)
            TRY(file_remove(list->items[i]));
    return STATUS_OK;
}

enum status checkpoint_retain(const char *directory, const struct config *config)
{
    struct string_list list = {0};
    struct retention_file *files = NULL;
    enum status status = list_files(directory, "", &list);
    if (status == STATUS_OK) {
        files = memory_allocate(list.count, sizeof *files, "a list of checkpoints");
        status = files != NULL ? retain(directory, config, &list, files) : STATUS_FAILED;
    }
    memory_free(files);
    string_list_free(&list);
    return status;
}

/* --- which can be used --- */

static enum status verify(void *context, const char *path)
{
    (void)context;
    return tensor_file_verify(path);
}

enum status checkpoint_newest(const char *directory, char **path)
{
    return checkpoint_newest_usable(directory, verify, NULL, path);
}

/* STATUS_USAGE: the file is good, and what is asked of it is wrong. */
enum status checkpoint_newest_usable(const char *directory,
                                     enum status (*use)(void *context, const char *path), void *context,
                                     char **path)
{
    struct string_list files = {0};
    *path = NULL;
    enum status status = list_files(directory, "", &files);
    for (int64_t i = files.count - 1; i >= 0 && status == STATUS_OK && *path == NULL; i--) {
        enum status used = use(context, files.items[i]);
        if (used == STATUS_OK) {
            *path = memory_copy_text(files.items[i], strlen(files.items[i]));
            status = *path != NULL ? STATUS_OK : STATUS_FAILED;
        } else if (used == STATUS_USAGE) {
            status = used;
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

/* What is newer than `path` could not be used: out of the way of saving those steps again, and not to be
 * taken for checkpoints. */
enum status checkpoint_set_aside_newer(const char *directory, const char *path)
{
    struct string_list files = {0};
    enum status status = list_files(directory, "", &files);
    for (int64_t i = files.count - 1; i >= 0 && status == STATUS_OK && strcmp(files.items[i], path) > 0;
         i--) {
        struct buffer name = {0};
        status = buffer_printf(&name, "%s.damaged", files.items[i]);
        if (status == STATUS_OK && rename(files.items[i], name.data) != 0)
            status = file_fail("rename", files.items[i]);
        if (status == STATUS_OK)
            log_warning("%s is now %s; remove it when you have seen it", files.items[i], name.data);
        buffer_free(&name);
    }
    string_list_free(&files);
    return status;
}

char *checkpoint_path(const char *directory, int64_t step)
{
    struct buffer path = {0};
    enum status status = buffer_printf(&path, "%s/checkpoints", directory);
    if (status == STATUS_OK)
        status = directory_create(path.data);
    if (status == STATUS_OK)
        status = buffer_printf(&path, "/step-%08lld.h5", (long long)step);
    if (status != STATUS_OK)
        buffer_free(&path);
    return path.data;
}

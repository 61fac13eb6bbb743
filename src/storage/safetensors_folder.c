/* The index is untrusted like the rest: it cannot lead out of its folder. */
#include "llmpi/storage/safetensors_folder.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/storage/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char single[] = "model.safetensors", index_name[] = "model.safetensors.index.json";

static bool holds(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path != NULL && file_exists(path);
    free(path);
    return there;
}

bool safetensors_folder_is_one(const char *folder)
{
    return holds(folder, single) || holds(folder, index_name);
}

static enum status open_file(struct safetensors_folder *files, const char *folder, const char *name)
{
    if (*name == '\0' || strlen(name) > 255 || strchr(name, '/') != NULL || *name == '.')
        return fail(STATUS_FAILED, "%s names a file '%.60s', a name in its own folder is allowed", index_name,
                    name);
    char *path = path_join(folder, name);
    enum status status =
        path != NULL ? safetensors_open(path, NULL, &files->files[files->count]) : STATUS_FAILED;
    files->count += status == STATUS_OK;
    free(path);
    return status;
}

/* Collects the files of the weight_map, each once. */
static enum status add_name(void *context, const char *name, size_t length, const struct json *value)
{
    struct string_list *names = context;
    size_t used = 0;
    const char *file = json_get_text(value, &used);
    (void)name;
    (void)length;
    if (file == NULL || memchr(file, '\0', used) != NULL)
        return fail(STATUS_FAILED, "%s: weight_map names no file", index_name);
    for (int64_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], file) == 0)
            return STATUS_OK;
    if (names->count == SAFETENSORS_MOST_FILES)
        return fail(STATUS_FAILED, "%s names more than %d files", index_name, SAFETENSORS_MOST_FILES);
    return string_list_add(names, file);
}

enum status safetensors_folder_open(const char *folder, struct safetensors_folder *out)
{
    struct string_list names = {0};
    struct json *root = NULL;
    out->count = 0;
    if (holds(folder, single))
        return open_file(out, folder, single);
    if (!holds(folder, index_name))
        return fail(STATUS_FAILED, "%s holds no %s", folder, single);
    char *path = path_join(folder, index_name);
    enum status status = path != NULL ? json_read_file(path, &root) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = json_each(json_get_member(root, "weight_map"), add_name, &names);
    for (int64_t i = 0; i < names.count && status == STATUS_OK; i++)
        status = open_file(out, folder, names.items[i]);
    free(path);
    string_list_free(&names);
    json_free(root);
    return status;
}

void safetensors_folder_close(struct safetensors_folder *files)
{
    for (int64_t i = 0; i < files->count; i++)
        number_reader_close(files->files[i]);
    files->count = 0;
}

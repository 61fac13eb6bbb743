/* A model in a folder, as Hugging Face's hub keeps it: model.safetensors, or the files that the weight_map of
 * model.safetensors.index.json names. */
#ifndef LLMPI_STORAGE_SAFETENSORS_FOLDER_H
#define LLMPI_STORAGE_SAFETENSORS_FOLDER_H

#include "llmpi/storage/number_reader.h"

enum { SAFETENSORS_MOST_FILES = 1000 };

struct safetensors_folder {
    struct number_reader *files[SAFETENSORS_MOST_FILES];
    int64_t count;
};

/* Whether the folder holds one of the two. */
bool safetensors_folder_is_one(const char *folder);

/* Opens all of its files, each checked as safetensors_open does. The index may name files in the folder
 * alone. Close also after a failure. */
enum status safetensors_folder_open(const char *folder, struct safetensors_folder *out);
void safetensors_folder_close(struct safetensors_folder *files);

#endif

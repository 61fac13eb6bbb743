/* A checkpoint is known by its first bytes, not by its name. */
#include "llmpi/programs/tokenizer_source.h"

#include "llmpi/base/file.h"
#include "llmpi/storage/tensor_file.h"
#include "llmpi/train/checkpoint.h"

enum status tokenizer_source_load(const char *path, struct tokenizer **out)
{
    if (!file_is_directory(path) && tensor_file_is_one(path))
        return checkpoint_read_tokenizer(path, out);
    return tokenizer_load(path, out);
}

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

enum status tokenizer_source_share(const char *path, struct comm *comm, struct tokenizer **out)
{
    struct buffer text = {0};
    struct tokenizer *tokenizer = NULL;
    enum status status = STATUS_OK;
    if (comm_rank(comm) == 0) {
        status = tokenizer_source_load(path, &tokenizer);
        if (status == STATUS_OK)
            status = tokenizer_write(tokenizer, &text);
    }
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = comm_agree(comm, comm_broadcast_buffer(comm, &text, 0));
    if (status == STATUS_OK && tokenizer == NULL)
        status = tokenizer_parse(text.data, text.length, path, &tokenizer);
    status = comm_agree(comm, status);
    buffer_free(&text);
    if (status != STATUS_OK) {
        tokenizer_destroy(tokenizer);
        tokenizer = NULL;
    }
    *out = tokenizer;
    return status;
}

enum status tokenizer_source_vocab_size(const struct config *config, int64_t *vocab_size, bool *known)
{
    *vocab_size = config->tokenizer.vocab_size;
    *known = file_exists(config->tokenizer.path);
    if (!*known)
        return STATUS_OK;
    struct tokenizer *tokenizer;
    TRY(tokenizer_source_load(config->tokenizer.path, &tokenizer));
    *vocab_size = tokenizer_vocab_size(tokenizer);
    tokenizer_destroy(tokenizer);
    return STATUS_OK;
}

/* The facts are written out as text, one a line with lengths in front of free text, so that no two sets of
 * facts give the same text; its digest is the fingerprint. */
#include "shard_fingerprint.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define ENDS ((int64_t)64 << 10) /* bytes at either end of a file */

static enum status add_end(struct buffer *facts, int descriptor, const char *path, int64_t offset,
                           int64_t length)
{
    struct buffer bytes = {0};
    enum status status = buffer_reserve(&bytes, (size_t)length);
    if (status == STATUS_OK)
        status = file_read_at(descriptor, path, offset, bytes.data, (size_t)length);
    if (status == STATUS_OK)
        status = buffer_printf(facts, " %016" PRIx64, digest_bytes(bytes.data, (size_t)length));
    buffer_free(&bytes);
    return status;
}

static enum status add_file(struct buffer *facts, const char *path)
{
    int64_t size = file_size(path), length = size < ENDS ? size : ENDS;
    TRY(buffer_printf(facts, "input %zu %s %" PRId64, strlen(path), path, size));
    if (size > 0) {
        int descriptor = open(path, O_RDONLY | O_CLOEXEC);
        if (descriptor < 0)
            return file_fail("read", path);
        enum status status = add_end(facts, descriptor, path, 0, length);
        if (status == STATUS_OK)
            status = add_end(facts, descriptor, path, size - length, length);
        close(descriptor);
        TRY(status);
    }
    return buffer_append(facts, "\n", 1);
}

enum status shard_fingerprint_files(const struct corpus *corpus, const char *role, struct buffer *facts)
{
    TRY(buffer_printf(facts, "%s %" PRId64 "\n", role, corpus->files.count));
    for (int64_t i = 0; i < corpus->files.count; i++)
        TRY(add_file(facts, corpus->files.items[i]));
    return STATUS_OK;
}

static enum status add_facts(struct buffer *facts, const struct config *config,
                             const struct shard_identity *identity, int64_t begin, int64_t end)
{
    TRY(buffer_printf(
        facts, "format %d, tokenizer %016" PRIx64 ", vocabulary %" PRId64 ", shards %" PRId64 "\n",
        SHARD_FORMAT_VERSION, identity->tokenizer_digest, identity->vocab_size, config->shards.count));
    TRY(buffer_printf(facts, "begin %" PRId64 ", end %" PRId64 ", packing %s, chunks %" PRId64 "\n", begin,
                      end, shard_packing_name(identity->packing), identity->chunk_length));
    TRY(buffer_printf(facts, "documents %" PRId64 ", errors %" PRId64 ", split %" PRId64 ", validation %a\n",
                      config->corpus.max_documents, config->corpus.on_error, config->corpus.split,
                      config->corpus.validation_fraction));
    return buffer_printf(facts, "field %zu %s, separator %zu %s\n", strlen(config->corpus.text_field),
                         config->corpus.text_field, strlen(config->corpus.document_separator),
                         config->corpus.document_separator);
}

enum status shard_fingerprint(const struct config *config, const struct shard_identity *identity,
                              int64_t begin, int64_t end, const struct corpus *corpus,
                              const struct corpus *validation, uint64_t *out)
{
    struct buffer facts = {0};
    enum status status = add_facts(&facts, config, identity, begin, end);
    if (status == STATUS_OK)
        status = shard_fingerprint_files(corpus, "inputs", &facts);
    if (status == STATUS_OK)
        status = shard_fingerprint_files(validation, "validation inputs", &facts);
    if (status == STATUS_OK)
        *out = digest_bytes(facts.data, facts.length);
    buffer_free(&facts);
    return status;
}

static int64_t newest(const struct string_list *files)
{
    int64_t last = -1;
    for (int64_t i = 0; i < files->count; i++) {
        int64_t modified = file_modified(files->items[i]);
        last = modified > last ? modified : last;
    }
    return last;
}

int64_t shard_inputs_modified(const struct corpus *corpus, const struct corpus *validation)
{
    int64_t first = newest(&corpus->files), second = newest(&validation->files);
    return first > second ? first : second;
}

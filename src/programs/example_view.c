/* An example is printed in runs of tokens that are to be learnt or not. */
#include "example_view.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* Line ends are kept; what else does not print is escaped, so that no data talk to the terminal. */
static void print_text(const struct buffer *text)
{
    for (size_t i = 0; i < text->length;) {
        uint32_t character = 0;
        int used = utf8_decode(text->data + i, text->length - i, &character);
        bool control = character != '\n' && (character < 0x20 || (character >= 0x7f && character < 0xa0));
        if (used == 0)
            printf("\\x%02x", (unsigned char)text->data[i]);
        else if (control)
            printf("\\u%04" PRIx32, character);
        else
            printf("%.*s", used, text->data + i);
        i += used == 0 ? 1 : (size_t)used;
    }
}

static enum status print_run(const struct tokenizer *tokenizer, const uint32_t *ids, int64_t count,
                             bool learnt)
{
    struct buffer text = {0};
    bool colour = isatty(STDOUT_FILENO) && log_colours(); /* mpirun feigns the former */
    enum status status = tokenizer_decode(tokenizer, ids, count, &text);
    if (status == STATUS_OK) {
        fputs(!learnt ? "" : colour ? "\033[32m" : "\u27e6", stdout);
        print_text(&text);
        fputs(!learnt ? "" : colour ? "\033[0m" : "\u27e7", stdout);
    }
    buffer_free(&text);
    return status;
}

static enum status print_tokens(const struct tokenizer *tokenizer, const uint32_t *ids, const uint8_t *mask,
                                int64_t count)
{
    for (int64_t first = 0, end = 0; first < count; first = end) {
        while (end < count && mask[end] == mask[first])
            end++;
        TRY(print_run(tokenizer, ids + first, end - first, mask[first] != 0));
    }
    return STATUS_OK;
}

static enum status print_example(struct shard *shard, const struct tokenizer *tokenizer, int64_t index)
{
    const struct shard_information *about = shard_information(shard);
    uint64_t bounds[2] = {0, (uint64_t)about->tokens};
    TRY(shard_read_document_starts(shard, index, index + 1 < about->documents ? 2 : 1, bounds));
    if (bounds[1] < bounds[0] || bounds[1] > (uint64_t)about->tokens)
        return fail(STATUS_FAILED, "%s: example %" PRId64 " does not end behind its beginning",
                    shard_file(shard), index);
    int64_t first = (int64_t)bounds[0], count = (int64_t)(bounds[1] - bounds[0]);
    uint32_t *ids = memory_allocate(count, sizeof *ids, "an example");
    uint8_t *mask = memory_allocate(count, sizeof *mask, "the mask of an example");
    enum status status = ids != NULL && mask != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK)
        status = shard_read_tokens(shard, first, count, ids);
    if (status == STATUS_OK)
        status = shard_read_mask(shard, first, count, mask);
    if (status == STATUS_OK) {
        printf("\n--- example %" PRId64 " of %" PRId64 ", %" PRId64 " tokens ---\n", index + 1,
               about->documents, count);
        status = print_tokens(tokenizer, ids, mask, count);
    }
    memory_free(ids);
    memory_free(mask);
    return status;
}

enum status example_view_print(struct shard *shard, const struct tokenizer *tokenizer, int64_t count)
{
    int64_t all = shard_information(shard)->documents;
    for (int64_t i = 0; i < count && i < all; i++)
        TRY(print_example(shard, tokenizer, i));
    return STATUS_OK;
}

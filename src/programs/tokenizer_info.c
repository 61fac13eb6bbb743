/* Everything is gathered first and printed once, as lines or as one JSON object. */
#include "tokenizer_info.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/corpus/inputs.h"
#include "llmpi/corpus/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct sample {
    int64_t documents, bytes, tokens, unknown;
};

/* --- measuring --- */

static enum status measure_text(struct tokenizer *tokenizer, const char *text, size_t length,
                                struct token_list *list, struct sample *sample)
{
    list->count = 0;
    TRY(tokenizer_encode(tokenizer, text, length, false, list));
    sample->bytes += (int64_t)length;
    sample->tokens += list->count;
    for (int64_t i = 0; i < list->count; i++)
        sample->unknown += (int64_t)list->ids[i] == tokenizer_unknown(tokenizer);
    return STATUS_OK;
}

static enum status measure_documents(struct tokenizer *tokenizer, struct reader *reader,
                                     struct sample *sample)
{
    struct token_list list = {0};
    enum status status = STATUS_OK;
    for (bool more = true; more && status == STATUS_OK;) {
        struct document document;
        status = reader_next(reader, &document, &more);
        if (status != STATUS_OK || !more)
            break;
        status = measure_text(tokenizer, document.text, document.length, &list, sample);
        sample->documents += document.ends;
    }
    token_list_free(&list);
    return status;
}

static enum status measure_corpus(struct tokenizer *tokenizer, const struct info_settings *settings,
                                  struct sample *sample)
{
    struct string_list inputs = {0};
    const struct corpus_settings corpus_settings = {
        .inputs = &inputs, .text_field = settings->text_field, .max_documents = settings->documents};
    struct corpus corpus;
    struct reader *reader = NULL;
    enum status status = string_list_add(&inputs, settings->sample);
    if (status == STATUS_OK)
        status = corpus_open(&corpus_settings, &corpus);
    if (status != STATUS_OK) {
        string_list_free(&inputs);
        return status;
    }
    status = reader_open(&corpus, 1, 0, 1, &reader);
    if (status == STATUS_OK)
        status = measure_documents(tokenizer, reader, sample);
    reader_close(reader);
    corpus_close(&corpus);
    string_list_free(&inputs);
    return status;
}

static enum status measure(struct tokenizer *tokenizer, const struct info_settings *settings,
                           struct sample *sample)
{
    if (file_is_directory(settings->sample) || file_kind_of(settings->sample).format != FORMAT_UNKNOWN)
        return measure_corpus(tokenizer, settings, sample);
    struct buffer text = {0};
    struct token_list list = {0};
    sample->documents = 1;
    enum status status = file_read(settings->sample, &text);
    if (status == STATUS_OK)
        status = measure_text(tokenizer, text.data, text.length, &list, sample);
    buffer_free(&text);
    token_list_free(&list);
    return status;
}

/* --- printing --- */

/* The longest token that is not special, the first of equals; -1 when all are. */
static int64_t find_longest(const struct tokenizer *tokenizer)
{
    int64_t best = -1;
    size_t longest = 0;
    for (int64_t id = 0; id < tokenizer_vocab_size(tokenizer); id++) {
        size_t length = 0;
        tokenizer_token(tokenizer, (uint32_t)id, &length);
        if (tokenizer_is_special(tokenizer, (uint32_t)id) || length <= longest)
            continue;
        best = id;
        longest = length;
    }
    return best;
}

static enum status quote(const struct tokenizer *tokenizer, int64_t id, size_t *length, struct buffer *out)
{
    const char *text = tokenizer_token(tokenizer, (uint32_t)id, length);
    return json_write_text(out, text, *length);
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static enum status write_lines(const struct tokenizer *tokenizer, const struct sample *sample,
                               struct buffer *out)
{
    size_t length = 0;
    int64_t longest = find_longest(tokenizer);
    TRY(buffer_printf(out, "kind: %s\n", tokenizer_kind_name(tokenizer)));
    if (tokenizer_pattern(tokenizer) != NULL)
        TRY(buffer_printf(out, "pattern: %s\n", tokenizer_pattern(tokenizer)));
    TRY(buffer_printf(out, "vocabulary: %" PRId64 "\nmerges: %" PRId64 "\n", tokenizer_vocab_size(tokenizer),
                      tokenizer_merge_count(tokenizer)));
    for (int64_t id = 0; id < tokenizer_vocab_size(tokenizer); id++) {
        const char *name = tokenizer_token(tokenizer, (uint32_t)id, &length);
        if (tokenizer_is_special(tokenizer, (uint32_t)id))
            TRY(buffer_printf(out, "special token: %" PRId64 " %.*s\n", id, (int)length, name));
    }
    if (tokenizer_unknown(tokenizer) >= 0)
        TRY(buffer_printf(out, "unknown token: %" PRId64 "\n", tokenizer_unknown(tokenizer)));
    if (longest >= 0) {
        TRY(buffer_printf(out, "longest token: %" PRId64 " ", longest));
        TRY(quote(tokenizer, longest, &length, out));
        TRY(buffer_printf(out, ", %zu bytes\n", length));
    }
    TRY(buffer_printf(out, "digest: %016" PRIx64 "\n", tokenizer_digest(tokenizer)));
    if (sample == NULL)
        return STATUS_OK;
    TRY(buffer_printf(
        out, "sample: %" PRId64 " documents, %" PRId64 " bytes, %" PRId64 " tokens, %.3f bytes per token",
        sample->documents, sample->bytes, sample->tokens, share(sample->bytes, sample->tokens)));
    if (tokenizer_unknown(tokenizer) >= 0)
        TRY(buffer_printf(out, ", %.3f %% unknown", 100 * share(sample->unknown, sample->tokens)));
    return buffer_append(out, "\n", 1);
}

static enum status write_json_tokens(const struct tokenizer *tokenizer, struct buffer *out)
{
    size_t length = 0;
    const char *before = "";
    int64_t longest = find_longest(tokenizer);
    TRY(buffer_printf(out, ", \"special_tokens\": {"));
    for (int64_t id = 0; id < tokenizer_vocab_size(tokenizer); id++) {
        if (!tokenizer_is_special(tokenizer, (uint32_t)id))
            continue;
        TRY(buffer_printf(out, "%s", before));
        TRY(quote(tokenizer, id, &length, out));
        TRY(buffer_printf(out, ": %" PRId64, id));
        before = ", ";
    }
    TRY(buffer_printf(out, "}"));
    if (tokenizer_unknown(tokenizer) >= 0)
        TRY(buffer_printf(out, ", \"unknown_token\": %" PRId64, tokenizer_unknown(tokenizer)));
    if (longest < 0)
        return STATUS_OK;
    TRY(buffer_printf(out, ", \"longest_token\": {\"id\": %" PRId64 ", \"text\": ", longest));
    TRY(quote(tokenizer, longest, &length, out));
    return buffer_printf(out, ", \"bytes\": %zu}", length);
}

static enum status write_json(const struct tokenizer *tokenizer, const struct sample *sample,
                              struct buffer *out)
{
    const char *pattern = tokenizer_pattern(tokenizer);
    TRY(buffer_printf(out, "{\"kind\": \"%s\"", tokenizer_kind_name(tokenizer)));
    if (pattern != NULL) {
        TRY(buffer_printf(out, ", \"pattern\": "));
        TRY(json_write_text(out, pattern, strlen(pattern)));
    }
    TRY(buffer_printf(out, ", \"vocabulary\": %" PRId64 ", \"merges\": %" PRId64,
                      tokenizer_vocab_size(tokenizer), tokenizer_merge_count(tokenizer)));
    TRY(write_json_tokens(tokenizer, out));
    TRY(buffer_printf(out, ", \"digest\": \"%016" PRIx64 "\"", tokenizer_digest(tokenizer)));
    if (sample != NULL)
        TRY(buffer_printf(out,
                          ", \"sample\": {\"documents\": %" PRId64 ", \"bytes\": %" PRId64
                          ", \"tokens\": %" PRId64
                          ", \"bytes_per_token\": %.17g, \"unknown_tokens\": %" PRId64 "}",
                          sample->documents, sample->bytes, sample->tokens,
                          share(sample->bytes, sample->tokens), sample->unknown));
    return buffer_printf(out, "}\n");
}

enum status tokenizer_info(struct tokenizer *tokenizer, const struct info_settings *settings)
{
    struct sample measured = {0}, *sample = settings->sample != NULL ? &measured : NULL;
    struct buffer out = {0};
    enum status status = sample != NULL ? measure(tokenizer, settings, sample) : STATUS_OK;
    if (status == STATUS_OK)
        status = settings->json ? write_json(tokenizer, sample, &out) : write_lines(tokenizer, sample, &out);
    if (status == STATUS_OK && fwrite(out.data, 1, out.length, stdout) != out.length)
        status = fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
    buffer_free(&out);
    return status;
}

/* Finds the files of a tokenizer, and writes tokenizer.json: one token and one merge per line, in order of
 * their ids and ranks, so that the same tokenizer gives the same bytes and two files can be compared. */
#include "tokenizer_pipeline.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/text/vocabulary.h"

#include <stdlib.h>

#define FILE_MAX ((int64_t)1 << 28) /* bytes; GPT-2's files have 1.5 million */

static enum status read_file(const char *path, struct buffer *out)
{
    if (file_size(path) > FILE_MAX)
        return fail(STATUS_FAILED, "%s has %lld bytes, allowed for a tokenizer are %lld", path,
                    (long long)file_size(path), (long long)FILE_MAX);
    return file_read_text(path, out);
}

static enum status load_json(const char *path, struct tokenizer **out)
{
    struct buffer text = {0};
    enum status status = read_file(path, &text);
    if (status == STATUS_OK)
        status = tokenizer_parse(text.data, text.length, path, out);
    buffer_free(&text);
    return status;
}

static enum status load_gpt2(const char *folder, const char *encoder_path, const char *merges_path,
                             struct tokenizer **out)
{
    struct buffer encoder = {0}, merges = {0};
    enum status status = read_file(encoder_path, &encoder);
    if (status == STATUS_OK)
        status = read_file(merges_path, &merges);
    if (status == STATUS_OK)
        status = tokenizer_parse_gpt2(encoder.data, encoder.length, merges.data, merges.length, folder, out);
    buffer_free(&encoder);
    buffer_free(&merges);
    return status;
}

/* Loads the file or the two files (second not NULL) of a folder when they are there: *found. */
static enum status try_files(const char *folder, const char *first, const char *second, bool *found,
                             struct tokenizer **out)
{
    char *first_path = path_join(folder, first),
         *second_path = path_join(folder, second != NULL ? second : first);
    enum status status = first_path == NULL || second_path == NULL ? STATUS_FAILED : STATUS_OK;
    *found = status == STATUS_OK && file_exists(first_path) && file_exists(second_path);
    if (*found)
        status =
            second == NULL ? load_json(first_path, out) : load_gpt2(folder, first_path, second_path, out);
    free(first_path);
    free(second_path);
    return status;
}

enum status tokenizer_load(const char *path, struct tokenizer **out)
{
    static const char *const names[][2] = {
        {"tokenizer.json", NULL}, {"encoder.json", "vocab.bpe"}, {"vocab.json", "merges.txt"}};
    *out = NULL;
    if (!file_is_directory(path))
        return load_json(path, out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;
        TRY(try_files(path, names[i][0], names[i][1], &found, out));
        if (found)
            return STATUS_OK;
    }
    return fail(
        STATUS_FAILED,
        "folder %s has no tokenizer: neither tokenizer.json nor encoder.json and vocab.bpe (or vocab.json "
        "and merges.txt)",
        path);
}

static enum status write_name(const struct vocabulary *vocabulary, uint32_t id, struct buffer *out)
{
    struct buffer name = {0};
    enum status status = vocabulary_write_name(vocabulary, id, &name);
    if (status == STATUS_OK)
        status = json_write_text(out, name.data, name.length);
    buffer_free(&name);
    return status;
}

static enum status write_added_tokens(const struct vocabulary *vocabulary, struct buffer *out)
{
    const char *before = "";
    TRY(buffer_printf(out, "  \"added_tokens\": ["));
    for (int64_t id = 0; id < vocabulary->count; id++) {
        if (!vocabulary->tokens[id].special)
            continue;
        TRY(buffer_printf(out, "%s\n    {\"id\": %lld, \"content\": ", before, (long long)id));
        TRY(write_name(vocabulary, (uint32_t)id, out));
        TRY(buffer_printf(out, ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                               "\"normalized\": false, \"special\": true}"));
        before = ",";
    }
    return buffer_printf(out, "\n  ],\n");
}

static enum status write_vocabulary(const struct vocabulary *vocabulary, struct buffer *out)
{
    TRY(buffer_printf(out, "    \"vocab\": {"));
    for (int64_t id = 0; id < vocabulary->count; id++) {
        TRY(buffer_printf(out, "%s\n      ", id > 0 ? "," : ""));
        TRY(write_name(vocabulary, (uint32_t)id, out));
        TRY(buffer_printf(out, ": %lld", (long long)id));
    }
    return buffer_printf(out, "\n    }");
}

/* As "left right", which all versions of the library read (newer ones write pairs). */
static enum status write_merge(const struct vocabulary *vocabulary, const struct vocabulary_merge *merge,
                               struct buffer *out)
{
    struct buffer line = {0};
    enum status status = vocabulary_write_name(vocabulary, merge->left, &line);
    if (status == STATUS_OK)
        status = buffer_append(&line, " ", 1);
    if (status == STATUS_OK)
        status = vocabulary_write_name(vocabulary, merge->right, &line);
    if (status == STATUS_OK)
        status = json_write_text(out, line.data, line.length);
    buffer_free(&line);
    return status;
}

static enum status write_merges(const struct vocabulary *vocabulary, struct buffer *out)
{
    TRY(buffer_printf(out, "    \"merges\": ["));
    for (int64_t rank = 0; rank < vocabulary->merge_count; rank++) {
        TRY(buffer_printf(out, "%s\n      ", rank > 0 ? "," : ""));
        TRY(write_merge(vocabulary, &vocabulary->merges[rank], out));
    }
    return buffer_printf(out, "\n    ]\n");
}

static enum status write_bpe(const struct vocabulary *vocabulary, struct buffer *out)
{
    TRY(buffer_printf(out,
                      "    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
                      "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
                      "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": %s,\n",
                      vocabulary->ignore_merges ? "true" : "false"));
    TRY(write_vocabulary(vocabulary, out));
    TRY(buffer_printf(out, ",\n"));
    return write_merges(vocabulary, out);
}

static enum status write_units(const struct vocabulary *vocabulary, struct buffer *out)
{
    TRY(buffer_printf(out, "    \"type\": \"WordLevel\",\n"));
    TRY(write_vocabulary(vocabulary, out));
    TRY(buffer_printf(out, ",\n    \"unk_token\": "));
    TRY(write_name(vocabulary, vocabulary->unknown, out));
    return buffer_printf(out, "\n");
}

enum status tokenizer_write(const struct tokenizer *tokenizer, struct buffer *out)
{
    const struct vocabulary *vocabulary = tokenizer_vocabulary(tokenizer);
    TRY(buffer_printf(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"));
    TRY(write_added_tokens(vocabulary, out));
    TRY(pipeline_write(vocabulary, out));
    TRY(buffer_printf(out, "  \"model\": {\n"));
    TRY(vocabulary->kind == VOCABULARY_BPE ? write_bpe(vocabulary, out) : write_units(vocabulary, out));
    return buffer_printf(out, "  }\n}\n");
}

/* Byte-level BPE is {ByteLevel} with GPT-2's pattern built in, or {Split by a pattern, ByteLevel without its
 * own} as the files of GPT-4 and Llama 3 have it. Words and characters are WordLevel models behind Splits,
 * whose patterns tell them apart. Their decoders are chosen so that Hugging Face's library joins tokens as
 * this program does: its WordPiece decoder puts a space before every token but the first, since no word
 * begins with the "prefix" given, and Replace takes it away again before punctuation. */
#include "tokenizer_pipeline.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <string.h>

#define WORD_SPACE      "[\\s\\x1c-\\x1f]"
#define WORD_SEPARATOR  "[,.:;?_!\"()']|--"
#define WORD_JOINED     "^ (?=[,.?!\"()'])"
#define EVERY_CHARACTER "[\\s\\S]"

/* Patterns with a name, as files spell them; the first spelling of a name is the one that is written. */
static const struct {
    const char *name, *regex;
} patterns[] = {
    {"gpt2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {"gpt2", "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {"cl100k", "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
               "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
};

/* --- reading --- */

static bool has_text(const struct json *object, const char *name, const char *expected)
{
    size_t length = 0;
    const char *text = json_get_text(json_get_member(object, name), &length);
    return text != NULL && strlen(expected) == length && memcmp(text, expected, length) == 0;
}

static bool has_boolean(const struct json *object, const char *name, bool expected, bool missing)
{
    bool value = missing;
    json_get_boolean(json_get_member(object, name), &value);
    return value == expected;
}

/* True for a missing member, null, false, zero and "". */
static bool is_unset(const struct json *object, const char *name)
{
    const struct json *value = json_get_member(object, name);
    size_t length = 0;
    double number = 0;
    bool yes = false;
    if (json_get_text(value, &length) != NULL)
        return length == 0;
    if (json_get_number(value, &number))
        return number >= 0 && number <= 0;
    if (json_get_boolean(value, &yes))
        return !yes;
    return value == NULL || json_kind(value) == KIND_NULL;
}

/* The pattern of a Split that keeps what matches as pieces, or NULL. *covers: what does not match is dropped,
 * so that only a pattern that leaves nothing will do. */
static const char *split_pattern(const struct json *split, const char *behavior, bool *covers)
{
    size_t length = 0;
    const struct json *pattern = json_get_member(split, "pattern");
    const char *regex = json_get_text(json_get_member(pattern, "Regex"), &length);
    *covers = has_text(split, "behavior", "Removed") && has_boolean(split, "invert", true, false);
    bool kept = has_text(split, "behavior", behavior) && has_boolean(split, "invert", false, false);
    if (!has_text(split, "type", "Split") || regex == NULL || strlen(regex) != length || (!kept && !*covers))
        return NULL;
    return regex;
}

static bool is_split(const struct json *split, const char *regex, const char *behavior)
{
    bool covers = false;
    const char *found = split_pattern(split, behavior, &covers);
    return found != NULL && !covers && strcmp(found, regex) == 0;
}

/* The name of a pattern, or the pattern itself when it has none. */
static enum status set_pattern(struct vocabulary *out, const char *regex, bool covers)
{
    const char *pattern = covers ? NULL : regex;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        if (strcmp(regex, patterns[i].regex) == 0)
            pattern = patterns[i].name;
        else if (strcmp(regex, patterns[i].name) == 0)
            pattern = NULL;
    }
    if (pattern == NULL || *pattern == '\0')
        return fail(STATUS_FAILED, "its pre_tokenizer splits by '%.100s', which is not supported", regex);
    if (strcmp(pattern, "gpt2") == 0)
        return STATUS_OK;
    out->pattern = memory_copy_text(pattern, strlen(pattern));
    return out->pattern != NULL ? STATUS_OK : STATUS_FAILED;
}

static enum status read_byte_level(const struct json *splitting, struct vocabulary *out)
{
    const struct json *steps = json_get_member(splitting, "pretokenizers");
    const struct json *byte_level = json_get_count(steps) == 2 ? json_get_element(steps, 1) : splitting;
    bool covers = false, own = byte_level == splitting;
    const char *regex = own ? NULL : split_pattern(json_get_element(steps, 0), "Isolated", &covers);
    if (!has_text(byte_level, "type", "ByteLevel") || !has_boolean(byte_level, "use_regex", own, true) ||
        (!own && regex == NULL))
        return fail(STATUS_FAILED,
                    "its pre_tokenizer is neither ByteLevel with GPT-2's pattern nor a Split by a pattern "
                    "with a ByteLevel that has none, the two supported");
    if (!has_boolean(byte_level, "add_prefix_space", false, false))
        return fail(STATUS_FAILED, "pre_tokenizer.add_prefix_space is true, which is not supported");
    return own ? STATUS_OK : set_pattern(out, regex, covers);
}

static enum status read_bpe(const struct json *root, const struct json *model, struct vocabulary *out)
{
    if (json_kind(json_get_member(model, "vocab")) != KIND_OBJECT ||
        json_kind(json_get_member(model, "merges")) != KIND_ARRAY)
        return fail(STATUS_FAILED, "it has no model.vocab or no model.merges: this is no BPE tokenizer.json");
    static const char *const options[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix",
                                          "byte_fallback"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!is_unset(model, options[i]))
            return fail(STATUS_FAILED, "model.%s is set, which is not supported", options[i]);
    if (!has_text(json_get_member(root, "decoder"), "type", "ByteLevel"))
        return fail(STATUS_FAILED, "its decoder is not ByteLevel, the only one supported");
    json_get_boolean(json_get_member(model, "ignore_merges"), &out->ignore_merges);
    return read_byte_level(json_get_member(root, "pre_tokenizer"), out);
}

static enum status read_units(const struct json *root, const struct json *model, struct vocabulary *out)
{
    const struct json *splitting = json_get_member(root, "pre_tokenizer");
    const struct json *steps = json_get_member(splitting, "pretokenizers");
    if (json_kind(json_get_member(model, "vocab")) != KIND_OBJECT)
        return fail(STATUS_FAILED, "it has no model.vocab: this is no WordLevel tokenizer.json");
    if (is_split(splitting, EVERY_CHARACTER, "Isolated"))
        out->kind = VOCABULARY_CHARACTER;
    else if (json_get_count(steps) == 2 && is_split(json_get_element(steps, 0), WORD_SPACE, "Removed") &&
             is_split(json_get_element(steps, 1), WORD_SEPARATOR, "Isolated"))
        out->kind = VOCABULARY_WORD;
    else
        return fail(STATUS_FAILED, "its pre_tokenizer is none of those that this program writes for words "
                                   "and characters, the only ones supported with a WordLevel model");
    const char *decoder = out->kind == VOCABULARY_WORD ? "Sequence" : "Fuse";
    if (!has_text(json_get_member(root, "decoder"), "type", decoder))
        return fail(STATUS_FAILED, "its decoder is not %s, the only one supported for kind %s", decoder,
                    out->kind == VOCABULARY_WORD ? "word" : "character");
    return STATUS_OK;
}

/* Whether a post_processor leaves the ids of the text itself alone. *frames: it puts special tokens around
 * them. */
static bool keeps_ids(const struct json *processor, bool *frames)
{
    const struct json *steps = json_get_member(processor, "processors");
    if (has_text(processor, "type", "TemplateProcessing"))
        return *frames = true;
    if (!has_text(processor, "type", "Sequence"))
        return has_text(processor, "type", "ByteLevel");
    for (int64_t i = 0; i < json_get_count(steps); i++)
        if (has_text(json_get_element(steps, i), "type", "Sequence") ||
            !keeps_ids(json_get_element(steps, i), frames))
            return false;
    return true;
}

static enum status check_post_processor(const struct json *root, bool *frames)
{
    *frames = false;
    if (!is_unset(root, "post_processor") && !keeps_ids(json_get_member(root, "post_processor"), frames))
        return fail(STATUS_FAILED, "its post_processor is not ByteLevel, TemplateProcessing or a Sequence of "
                                   "these, the only ones supported");
    return STATUS_OK;
}

enum status pipeline_read(const struct json *root, struct vocabulary *out)
{
    const struct json *model = json_get_member(root, "model");
    size_t length = 0;
    bool frames = false;
    const char *type = json_get_text(json_get_member(model, "type"), &length);
    if (type != NULL && strcmp(type, "BPE") != 0 && strcmp(type, "WordLevel") != 0)
        return fail(STATUS_FAILED, "the model type is '%.64s', supported are BPE and WordLevel", type);
    if (!is_unset(root, "normalizer"))
        return fail(STATUS_FAILED, "it has a normalizer, which is not supported");
    TRY(check_post_processor(root, &frames));
    bool units = type != NULL && strcmp(type, "WordLevel") == 0;
    TRY(units ? read_units(root, model, out) : read_bpe(root, model, out));
    if (frames)
        log_warning("the tokenizer's post_processor adds special tokens to each text: here "
                    "shards.begin_token and shards.end_token do that");
    return STATUS_OK;
}

/* --- writing --- */

static enum status write_byte_level(bool with_pattern, struct buffer *out)
{
    return buffer_printf(out,
                         "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "
                         "\"use_regex\": %s}",
                         with_pattern ? "true" : "false");
}

static enum status write_split(const char *regex, const char *behavior, struct buffer *out)
{
    TRY(buffer_printf(out, "{\"type\": \"Split\", \"pattern\": {\"Regex\": "));
    TRY(json_write_text(out, regex, strlen(regex)));
    return buffer_printf(out, "}, \"behavior\": \"%s\", \"invert\": false}", behavior);
}

static enum status write_splitting(const struct vocabulary *vocabulary, struct buffer *out)
{
    const char *pattern = vocabulary->pattern;
    if (vocabulary->kind == VOCABULARY_CHARACTER)
        return write_split(EVERY_CHARACTER, "Isolated", out);
    if (vocabulary->kind == VOCABULARY_BPE && (pattern == NULL || strcmp(pattern, "gpt2") == 0))
        return write_byte_level(true, out);
    TRY(buffer_printf(out, "{\"type\": \"Sequence\", \"pretokenizers\": ["));
    if (vocabulary->kind == VOCABULARY_WORD) {
        TRY(write_split(WORD_SPACE, "Removed", out));
        TRY(buffer_printf(out, ", "));
        TRY(write_split(WORD_SEPARATOR, "Isolated", out));
        return buffer_printf(out, "]}");
    }
    for (size_t i = sizeof patterns / sizeof *patterns; i-- > 0;)
        if (strcmp(vocabulary->pattern, patterns[i].name) == 0)
            pattern = patterns[i].regex;
    TRY(write_split(pattern, "Isolated", out));
    TRY(buffer_printf(out, ", "));
    TRY(write_byte_level(false, out));
    return buffer_printf(out, "]}");
}

static enum status write_joining(const struct vocabulary *vocabulary, struct buffer *out)
{
    if (vocabulary->kind == VOCABULARY_BPE)
        return write_byte_level(true, out);
    if (vocabulary->kind == VOCABULARY_CHARACTER)
        return buffer_printf(out, "{\"type\": \"Fuse\"}");
    TRY(buffer_printf(out, "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"WordPiece\", \"prefix\": "
                           "\" \", \"cleanup\": false}, {\"type\": \"Replace\", \"pattern\": {\"Regex\": "));
    TRY(json_write_text(out, WORD_JOINED, strlen(WORD_JOINED)));
    return buffer_printf(out, "}, \"content\": \"\"}]}");
}

enum status pipeline_write(const struct vocabulary *vocabulary, struct buffer *out)
{
    TRY(buffer_printf(out, "  \"normalizer\": null,\n  \"pre_tokenizer\": "));
    TRY(write_splitting(vocabulary, out));
    TRY(buffer_printf(out, ",\n  \"post_processor\": null,\n  \"decoder\": "));
    TRY(write_joining(vocabulary, out));
    return buffer_printf(out, ",\n");
}

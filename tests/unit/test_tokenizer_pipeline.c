/* How a tokenizer.json says that text is split: the spellings that other writers use, whole words that need
 * no merges, what is written back, and what is refused. */
#include "llmpi/text/bpe_trainer.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/text/unit_trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GPT2                                                                                                 \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+"
#define CL100K                                                                                               \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}"                     \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define SPLIT(regex, behavior, invert)                                                                       \
    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" regex   \
    "\"}, \"behavior\": \"" behavior "\", \"invert\": " invert "}, {\"type\": \"ByteLevel\", "               \
    "\"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}]}"
#define BYTE_LEVEL                                                                                           \
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}"

static char *text_of[3]; /* a tokenizer.json of each kind */

static char *learn(enum vocabulary_kind kind)
{
    static const char text[] = "the thing, that they; the then!";
    const char *next = text;
    struct word_counts *counts = NULL;
    struct string_list specials = {0};
    struct tokenizer *tokenizer = NULL;
    struct buffer out = {0};
    assert_int_equal(word_counts_create(&counts), STATUS_OK);
    if (kind == VOCABULARY_BPE) {
        const struct bpe_settings settings = {
            .vocab_size = 260, .min_frequency = 1, .special_tokens = &specials};
        assert_int_equal(word_counts_add_text(counts, text, strlen(text)), STATUS_OK);
        assert_int_equal(bpe_train(counts, &settings, true, &tokenizer), STATUS_OK);
    } else {
        const struct unit_settings settings = {kind, 100, 1, &specials};
        assert_int_equal(unit_count_text(counts, kind, &next, next + strlen(next), INT64_MAX), STATUS_OK);
        assert_int_equal(unit_train(counts, &settings, NULL, &tokenizer), STATUS_OK);
    }
    assert_int_equal(tokenizer_write(tokenizer, &out), STATUS_OK);
    word_counts_destroy(counts);
    tokenizer_destroy(tokenizer);
    return out.data;
}

static int set_up(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++)
        text_of[kind] = learn((enum vocabulary_kind)kind);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++)
        free(text_of[kind]);
    return 0;
}

/* The text of a kind with the first `old` replaced by `new`. */
static struct buffer edited(enum vocabulary_kind kind, const char *old, const char *new)
{
    struct buffer out = {0};
    const char *place = strstr(text_of[kind], old);
    assert_non_null(place);
    assert_int_equal(buffer_append(&out, text_of[kind], (size_t)(place - text_of[kind])), STATUS_OK);
    assert_int_equal(buffer_printf(&out, "%s%s", new, place + strlen(old)), STATUS_OK);
    return out;
}

static struct tokenizer *parse(enum vocabulary_kind kind, const char *old, const char *new)
{
    struct buffer text = edited(kind, old, new);
    struct tokenizer *tokenizer = NULL;
    if (tokenizer_parse(text.data, text.length, "FILE", &tokenizer) != STATUS_OK)
        assert_null(tokenizer);
    buffer_free(&text);
    return tokenizer;
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *splitting, *pattern, *written;
    } cases[] = {
        {BYTE_LEVEL, "gpt2", BYTE_LEVEL},
        {SPLIT(GPT2, "Isolated", "false"), "gpt2", BYTE_LEVEL},
        {SPLIT(CL100K, "Isolated", "false"), "cl100k", SPLIT(CL100K, "Isolated", "false")},
        {SPLIT(CL100K, "Removed", "true"), "cl100k", SPLIT(CL100K, "Isolated", "false")},
        {SPLIT("\\\\p{L}+|\\\\s", "Isolated", "false"), "\\p{L}+|\\s",
         SPLIT("\\\\p{L}+|\\\\s", "Isolated", "false")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tokenizer *tokenizer = parse(VOCABULARY_BPE, BYTE_LEVEL, cases[i].splitting);
        struct buffer text = {0};
        if (tokenizer == NULL)
            fail_msg("%s", status_message());
        assert_string_equal(tokenizer_pattern(tokenizer), cases[i].pattern);
        assert_int_equal(tokenizer_write(tokenizer, &text), STATUS_OK);
        if (strstr(text.data, cases[i].written) == NULL)
            fail_msg("no %s in %.1500s", cases[i].written, text.data);
        tokenizer_destroy(tokenizer);
        buffer_free(&text);
    }
}

/* With ignore_merges a word that is a token needs no merges: here none can make " the" of its bytes. */
static void test_ignore_merges(void **state)
{
    (void)state;
    for (int ignored = 0; ignored < 2; ignored++) {
        struct tokenizer *tokenizer = NULL;
        struct token_list list = {0};
        struct buffer text = edited(VOCABULARY_BPE, "\"ignore_merges\": false",
                                    ignored ? "\"ignore_merges\": true" : "\"ignore_merges\": false");
        char *merges = strstr(text.data, "\"merges\"");
        snprintf(merges, text.length - (size_t)(merges - text.data), "\"merges\": []}}");
        assert_int_equal(tokenizer_parse(text.data, strlen(text.data), "FILE", &tokenizer), STATUS_OK);
        assert_int_equal(tokenizer_encode(tokenizer, "the the", 7, false, &list), STATUS_OK);
        assert_int_equal(list.count, ignored ? 4 : 7); /* " the" is a token, "the" is not */
        tokenizer_destroy(tokenizer);
        token_list_free(&list);
        buffer_free(&text);
    }
}

static void test_post_processors(void **state)
{
    (void)state;
    static const char *const forms[] = {"{\"type\": \"ByteLevel\"}",
                                        "{\"type\": \"TemplateProcessing\", \"single\": []}",
                                        "{\"type\": \"Sequence\", \"processors\": [{\"type\": "
                                        "\"ByteLevel\"}, {\"type\": \"TemplateProcessing\"}]}"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char member[256];
        snprintf(member, sizeof member, "\"post_processor\": %s", forms[i]);
        struct tokenizer *tokenizer = parse(VOCABULARY_BPE, "\"post_processor\": null", member);
        assert_non_null(tokenizer);
        tokenizer_destroy(tokenizer);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        enum vocabulary_kind kind;
        const char *old, *new, *message;
    } cases[] = {
        {VOCABULARY_BPE, BYTE_LEVEL, SPLIT("gpt2", "Isolated", "false"), "splits by 'gpt2'"},
        {VOCABULARY_BPE, BYTE_LEVEL, SPLIT("", "Isolated", "false"), "splits by ''"},
        {VOCABULARY_BPE, BYTE_LEVEL, SPLIT("a+", "Removed", "true"), "splits by 'a+'"},
        {VOCABULARY_BPE, BYTE_LEVEL, SPLIT("a+", "Removed", "false"), "pre_tokenizer is neither"},
        {VOCABULARY_BPE, BYTE_LEVEL, SPLIT("a\\u0000", "Isolated", "false"), "pre_tokenizer is neither"},
        {VOCABULARY_BPE, BYTE_LEVEL, SPLIT("(", "Isolated", "false"), "FILE: "},
        {VOCABULARY_BPE, "\"post_processor\": null",
         "\"post_processor\": {\"type\": \"Sequence\", \"processors\": [{\"type\": \"Sequence\"}]}",
         "post_processor"},
        {VOCABULARY_WORD, "Removed", "Isolated", "pre_tokenizer is none of those"},
        {VOCABULARY_WORD, "|--", "|-", "pre_tokenizer is none of those"},
        {VOCABULARY_WORD, "\"decoder\": {\"type\": \"Sequence\"", "\"decoder\": {\"type\": \"Fuse\"",
         "decoder is not Sequence"},
        {VOCABULARY_WORD, "\"unk_token\": \"<|unk|>\"", "\"unk_token\": \"zz\"", "'zz', which is not in"},
        {VOCABULARY_WORD, "\"unk_token\"", "\"unknown\"", "no model.unk_token"},
        {VOCABULARY_CHARACTER, "\"vocab\"", "\"words\"", "no model.vocab"},
        {VOCABULARY_CHARACTER, "Fuse", "ByteLevel", "decoder is not Fuse"},
        {VOCABULARY_CHARACTER, "\"WordLevel\"", "\"WordPiece\"", "'WordPiece', supported are"},
        {VOCABULARY_CHARACTER, "\"a\": ", "\"e\": ", "without a gap"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tokenizer *tokenizer = parse(cases[i].kind, cases[i].old, cases[i].new);
        if (tokenizer != NULL || strstr(status_message(), cases[i].message) == NULL)
            fail_msg("'%s' in place of '%s' gives: %s", cases[i].new, cases[i].old, status_message());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns), cmocka_unit_test(test_ignore_merges),
                                       cmocka_unit_test(test_post_processors),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

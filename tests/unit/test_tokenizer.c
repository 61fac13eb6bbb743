/* The tokenizer: ids exactly GPT-2's on recorded texts, every byte string back as it was, files read and
 * written, and a table of files that must be refused with a clear message. */
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/random.h"
#include "llmpi/text/bpe_trainer.h"
#include "llmpi/text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct tokenizer *small; /* learnt from a few words, three special tokens */

static int set_up(void **state)
{
    (void)state;
    static const char text[] =
        "the thing that they think of, then the other thing; aaaa aaaa aaaaaaaa 1234 1234";
    struct word_counts *words = NULL;
    struct string_list specials = {0};
    const struct bpe_settings settings = {.vocab_size = 291, .min_frequency = 2, .special_tokens = &specials};
    int failed = string_list_add(&specials, "<|endoftext|>") != STATUS_OK ||
                 string_list_add(&specials, "<|end|>") != STATUS_OK ||
                 string_list_add(&specials, "<|end|>>") != STATUS_OK ||
                 word_counts_create(&words) != STATUS_OK ||
                 word_counts_add_text(words, text, strlen(text)) != STATUS_OK ||
                 bpe_train(words, &settings, true, &small) != STATUS_OK;
    string_list_free(&specials);
    word_counts_destroy(words);
    return failed ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_destroy(small);
    return 0;
}

/* The path of a file of test data; skips the test when it is missing. */
static const char *data_path(const char *name)
{
    static char path[4096];
    const char *folder = getenv("LLMPI_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "../shared/data", name);
    if (!file_exists(path)) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    return path;
}

static struct tokenizer *load_gpt2(void)
{
    struct tokenizer *tokenizer = NULL;
    if (tokenizer_load(data_path("gpt2-tokenizer"), &tokenizer) != STATUS_OK)
        fail_msg("%s", status_message());
    return tokenizer;
}

/* --- GPT-2 --- */

static void check_ids(struct tokenizer *tokenizer, const char *text, size_t length, bool special,
                      const struct json *expected)
{
    struct token_list list = {0};
    assert_int_equal(tokenizer_encode(tokenizer, text, length, special, &list), STATUS_OK);
    assert_int_equal(list.count, json_get_count(expected));
    for (int64_t i = 0; i < list.count; i++) {
        int64_t id = -1;
        assert_true(json_get_integer(json_get_element(expected, i), &id));
        assert_int_equal(list.ids[i], id);
    }
    token_list_free(&list);
}

/* Reads one line of `file` as JSON; NULL at the end. */
static struct json *read_line(FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    struct json *json = NULL;
    ssize_t length = getline(&line, &capacity, file);
    if (length > 0)
        assert_int_equal(json_parse(line, (size_t)length, &json), STATUS_OK);
    free(line);
    return json;
}

static void test_edge_cases(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = load_gpt2();
    FILE *file = fopen(data_path("gpt2-tokenizer/edge-cases.jsonl"), "r");
    assert_non_null(file);
    int64_t lines = 0;
    for (struct json *line; (line = read_line(file)) != NULL; lines++) {
        size_t length = 0;
        const char *text = json_get_text(json_get_member(line, "text"), &length);
        check_ids(tokenizer, text, length, false, json_get_member(line, "ids"));
        check_ids(tokenizer, text, length, true, json_get_member(line, "ids_special"));
        json_free(line);
    }
    assert_int_equal(lines, 40);
    fclose(file);
    tokenizer_destroy(tokenizer);
}

/* A published example: an end-of-text token in the middle, and words that the vocabulary does not have. */
static void test_special_in_text(void **state)
{
    (void)state;
    static const char text[] =
        "Hello, do you like tea? <|endoftext|> In the sunlit terracesof someunknownPlace.";
    static const uint32_t expected[] = {15496, 11,   466,   345,  588,  8887, 30,  220,   50256, 554,
                                        262,   4252, 18250, 8812, 2114, 1659, 617, 34680, 27271, 13};
    struct tokenizer *tokenizer = load_gpt2();
    struct token_list list = {0};
    assert_int_equal(tokenizer_encode(tokenizer, text, strlen(text), true, &list), STATUS_OK);
    assert_int_equal(list.count, sizeof expected / sizeof *expected);
    assert_memory_equal(list.ids, expected, sizeof expected);
    token_list_free(&list);
    tokenizer_destroy(tokenizer);
}

static FILE *open_compressed(const char *name)
{
    char command[5000];
    snprintf(command, sizeof command, "zstd -dc '%s' 2>/dev/null", data_path(name));
    return popen(command, "r");
}

static void test_fineweb(void **state)
{
    (void)state;
    if (system("zstd --version >/dev/null 2>&1") != 0) {
        print_message("skipped: there is no zstd command\n");
        skip();
    }
    struct tokenizer *tokenizer = load_gpt2();
    FILE *texts = open_compressed("fineweb/fineweb-sample.jsonl.zst");
    FILE *ids = open_compressed("gpt2-tokenizer/fineweb-ids.jsonl.zst");
    assert_true(texts != NULL && ids != NULL);
    int64_t documents = 0;
    for (struct json *expected; (expected = read_line(ids)) != NULL; documents++) {
        struct json *line = read_line(texts);
        size_t length = 0;
        const char *text = json_get_text(json_get_member(line, "text"), &length);
        check_ids(tokenizer, text, length, false, json_get_member(expected, "ids"));
        json_free(line);
        json_free(expected);
    }
    assert_int_equal(documents, 60);
    pclose(texts);
    pclose(ids);
    tokenizer_destroy(tokenizer);
}

/* --- there and back --- */

static void check_round_trip(struct tokenizer *tokenizer, const char *text, size_t length, bool special)
{
    struct token_list list = {0};
    struct buffer back = {0};
    assert_int_equal(tokenizer_encode(tokenizer, text, length, special, &list), STATUS_OK);
    assert_int_equal(tokenizer_decode(tokenizer, list.ids, list.count, &back), STATUS_OK);
    assert_int_equal(back.length, length);
    if (length > 0)
        assert_memory_equal(back.data, text, length);
    token_list_free(&list);
    buffer_free(&back);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const pieces[] = {"the", " th",      "aaa",  "\xFF",    "\xC3",          "\xC3\xA9",
                                         " ",   "\n",       "1234", "<|end|>", "<|endoftext|>", "<|",
                                         "|>",  "\xE2\x82", "'s",   "ing"};
    char text[600];
    check_round_trip(small, NULL, 0, true);
    for (uint64_t round = 0; round < 500; round++) {
        size_t length = 0;
        for (uint64_t i = 0; i < 40; i++) {
            uint64_t bits = random_bits(3, 0, round * 40 + i);
            if (round % 2 == 0) {
                memcpy(text + length, &bits, sizeof bits);
                length += sizeof bits;
            } else {
                const char *piece = pieces[bits % (sizeof pieces / sizeof *pieces)];
                memcpy(text + length, piece, strlen(piece));
                length += strlen(piece);
            }
        }
        check_round_trip(small, text, length, round % 4 < 2);
    }
}

/* A million letters without a break: only feasible when merging is not quadratic. */
static void test_long_words(void **state)
{
    (void)state;
    size_t length = 1000000;
    char *text = malloc(length);
    assert_non_null(text);
    memset(text, 'a', length);
    check_round_trip(small, text, length, false);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + random_bits(4, 0, i) % 26);
    check_round_trip(small, text, length, false);
    memset(text, 0xFF, length);
    check_round_trip(small, text, length, false);
    free(text);
}

static void test_special_tokens(void **state)
{
    (void)state;
    static const char text[] = "the<|end|><|endoftext|>the<|end|>><|end|>the<|end";
    struct token_list list = {0};
    int64_t the = tokenizer_find(small, "the", 3);
    assert_true(the > 256);
    assert_int_equal(tokenizer_encode(small, text, strlen(text), true, &list), STATUS_OK);
    const uint32_t first[] = {(uint32_t)the, 1, 0, (uint32_t)the, 2, 1, (uint32_t)the};
    assert_true(list.count > 7);
    assert_memory_equal(list.ids, first, sizeof first);
    list.count = 0;
    assert_int_equal(tokenizer_encode(small, text, strlen(text), false, &list), STATUS_OK);
    for (int64_t i = 0; i < list.count; i++)
        assert_false(tokenizer_is_special(small, list.ids[i]));
    token_list_free(&list);
}

static void test_lookup(void **state)
{
    (void)state;
    assert_int_equal(tokenizer_find(small, "<|end|>", 7), 1);
    assert_int_equal(tokenizer_find(small, "!", 1), 3); /* the first byte in the order of its character */
    assert_int_equal(tokenizer_find(small, "\xAD", 1), 258);
    assert_int_equal(tokenizer_find(small, "no such token", 13), -1);
    size_t length = 0;
    assert_null(tokenizer_token(small, (uint32_t)tokenizer_vocab_size(small), &length));
    const uint32_t outside = (uint32_t)tokenizer_vocab_size(small);
    struct buffer out = {0};
    assert_int_equal(tokenizer_decode(small, &outside, 1, &out), STATUS_FAILED);
    buffer_free(&out);
}

/* --- files --- */

static void test_write_and_parse(void **state)
{
    (void)state;
    struct buffer text = {0}, again = {0};
    struct tokenizer *parsed = NULL;
    assert_int_equal(tokenizer_write(small, &text), STATUS_OK);
    assert_int_equal(tokenizer_parse(text.data, text.length, "test", &parsed), STATUS_OK);
    assert_int_equal(tokenizer_write(parsed, &again), STATUS_OK);
    assert_string_equal(text.data, again.data);
    assert_true(tokenizer_digest(parsed) == tokenizer_digest(small));
    assert_int_equal(tokenizer_merge_count(parsed), tokenizer_merge_count(small));
    tokenizer_destroy(parsed);
    buffer_free(&text);
    buffer_free(&again);
}

/* The text of `small` with the first `old` replaced by `new`. */
static char *edited(const char *old, const char *new)
{
    struct buffer text = {0}, out = {0};
    assert_int_equal(tokenizer_write(small, &text), STATUS_OK);
    const char *place = strstr(text.data, old);
    assert_non_null(place);
    assert_int_equal(buffer_append(&out, text.data, (size_t)(place - text.data)), STATUS_OK);
    assert_int_equal(buffer_printf(&out, "%s%s", new, place + strlen(old)), STATUS_OK);
    buffer_free(&text);
    return out.data;
}

/* What other versions of the library write means the same. */
static void test_other_forms(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new;
    } forms[] = {
        {"\"t h\"", "[\"t\", \"h\"]"},
        {"\"type\": \"BPE\",", ""},
        {"\"continuing_subword_prefix\": null", "\"continuing_subword_prefix\": \"\""},
        {", \"use_regex\": true}", "}"},
        {"\"post_processor\": null",
         "\"post_processor\": {\"type\": \"ByteLevel\", \"trim_offsets\": false}"},
        {"\"<|end|>\": 1,", ""}, /* an added token outside the vocabulary */
        {"\"truncation\": null", "\"truncation\": {\"max_length\": 12}"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *text = edited(forms[i].old, forms[i].new);
        struct tokenizer *parsed = NULL;
        if (tokenizer_parse(text, strlen(text), forms[i].new, &parsed) != STATUS_OK)
            fail_msg("%s", status_message());
        assert_true(tokenizer_digest(parsed) == tokenizer_digest(small));
        tokenizer_destroy(parsed);
        free(text);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *message;
    } cases[] = {
        {"{", "", "line "},
        {"\"BPE\"", "\"Unigram\"", "the model type is 'Unigram', supported are BPE and WordLevel"},
        {"\"vocab\"", "\"words\"", "no model.vocab"},
        {"\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "normalizer"},
        {"\"ByteLevel\"", "\"Whitespace\"", "pre_tokenizer is neither ByteLevel"},
        {"\"use_regex\": true", "\"use_regex\": false", "pre_tokenizer is neither ByteLevel"},
        {"\"add_prefix_space\": false", "\"add_prefix_space\": true", "add_prefix_space"},
        {"\"post_processor\": null", "\"post_processor\": {\"type\": \"BertProcessing\"}",
         "post_processor"},
        {"\"dropout\": null", "\"dropout\": 0.1", "model.dropout"},
        {"\"byte_fallback\": false", "\"byte_fallback\": true", "model.byte_fallback"},
        {"\"lstrip\": false", "\"lstrip\": true", "lstrip"},
        {"\"special\": true", "\"special\": false", "is not special"},
        {"\"!\": 3", "\"!\": 4", "the same id 4"},
        {"\"!\": 3", "\"!\": 5000", "id 5000"},
        {"\"!\": 3", "\"!\": -1", "id -1"},
        {"\"!\": 3", "\"!\": 3.5", "no integer"},
        {"\"!\": 3", "\"\": 3", "empty"},
        {"\"!\": 3", "\"!!\": 3", "no token for byte 0x21"},
        {"\"!\": 3", "\"\xE2\x82\xAC\": 3", "stands for no byte"},
        {"\"t h\"", "\"t zz\"", "not in the vocabulary"},
        {"\"t h\"", "\"! !\"", "no token of both together"},
        {"\"t h\"", "\"th\"", "two tokens with a space between"},
        {"\"t h\"", "[\"t\"]", "neither"},
        {"\"t h\"", "7", "neither"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = edited(cases[i].old, cases[i].new);
        struct tokenizer *parsed = NULL;
        assert_int_equal(tokenizer_parse(text, strlen(text), "FILE", &parsed), STATUS_FAILED);
        assert_null(parsed);
        if (strncmp(status_message(), "FILE: ", 6) != 0 || strstr(status_message(), cases[i].message) == NULL)
            fail_msg("'%s' in place of '%s' gives: %s", cases[i].new, cases[i].old, status_message());
        free(text);
    }
}

/* A file that was cut anywhere is refused. */
static void test_truncated(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct tokenizer *parsed = NULL;
    assert_int_equal(tokenizer_write(small, &text), STATUS_OK);
    for (size_t length = 0; length + 2 < text.length; length += 97)
        assert_int_equal(tokenizer_parse(text.data, length, "FILE", &parsed), STATUS_FAILED);
    buffer_free(&text);
}

static void test_folders(void **state)
{
    (void)state;
    char folder[] = "/tmp/llmpi-tokenizer-XXXXXX";
    struct tokenizer *loaded = NULL;
    struct buffer text = {0};
    assert_non_null(mkdtemp(folder));
    assert_int_equal(tokenizer_load(folder, &loaded), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "has no tokenizer"));
    char *path = path_join(folder, "tokenizer.json");
    assert_int_equal(tokenizer_load(path, &loaded), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "No such file"));
    assert_int_equal(tokenizer_write(small, &text), STATUS_OK);
    assert_int_equal(file_write(path, text.data, text.length), STATUS_OK);
    assert_int_equal(tokenizer_load(folder, &loaded), STATUS_OK);
    assert_true(tokenizer_digest(loaded) == tokenizer_digest(small));
    tokenizer_destroy(loaded);
    buffer_free(&text);
    unlink(path);
    free(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_cases),  cmocka_unit_test(test_special_in_text),
        cmocka_unit_test(test_fineweb),     cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_long_words),  cmocka_unit_test(test_special_tokens),
        cmocka_unit_test(test_lookup),      cmocka_unit_test(test_write_and_parse),
        cmocka_unit_test(test_other_forms), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated),   cmocka_unit_test(test_folders),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

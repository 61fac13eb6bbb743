/* Any bytes as a tokenizer.json: what parses must encode a text, decode the ids (byte for byte where it is
 * byte-level BPE), and give itself back when it is written and parsed again. */
#include "llmpi/text/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "Hello, do you like tea?  <|endoftext|> it's 12345 na\xC3\xAFve -- \xFF\0aaaa\n\n <s>b</s>";

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_text(struct tokenizer *tokenizer, bool special)
{
    struct token_list list = {0};
    struct buffer out = {0};
    if (tokenizer_encode(tokenizer, text, sizeof text - 1, special, &list) == STATUS_OK) {
        for (int64_t i = 0; i < list.count; i++)
            require(list.ids[i] < tokenizer_vocab_size(tokenizer));
        require(tokenizer_decode(tokenizer, list.ids, list.count, &out) == STATUS_OK);
        if (strcmp(tokenizer_kind_name(tokenizer), "bpe") == 0)
            require(out.length == sizeof text - 1 && memcmp(out.data, text, out.length) == 0);
    }
    token_list_free(&list);
    buffer_free(&out);
}

static void check_file(const struct tokenizer *tokenizer)
{
    struct buffer written = {0}, again = {0};
    struct tokenizer *parsed = NULL;
    require(tokenizer_write(tokenizer, &written) == STATUS_OK);
    require(tokenizer_parse(written.data, written.length, "again", &parsed) == STATUS_OK);
    require(tokenizer_write(parsed, &again) == STATUS_OK);
    require(written.length == again.length && memcmp(written.data, again.data, again.length) == 0);
    require(tokenizer_digest(parsed) == tokenizer_digest(tokenizer));
    tokenizer_destroy(parsed);
    buffer_free(&written);
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer *tokenizer = NULL;
    if (tokenizer_parse((const char *)data, size, "fuzz", &tokenizer) != STATUS_OK)
        return 0;
    check_text(tokenizer, false);
    check_text(tokenizer, true);
    check_file(tokenizer);
    tokenizer_destroy(tokenizer);
    return 0;
}

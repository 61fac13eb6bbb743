/* The ids of the 128 ASCII characters are found once per text; the others are looked up one by one. */
#include "llmpi/text/character_encoder.h"

#include "llmpi/base/utf8.h"

#include <stdint.h>

bool character_next(const char **at, const char *end, const char **character, size_t *length)
{
    uint32_t code = 0;
    int size = utf8_decode(*at, (size_t)(end - *at), &code);
    *character = *at;
    *length = size > 0 ? (size_t)size : *at < end;
    *at += *length;
    return *length > 0;
}

static uint32_t find(const struct vocabulary *vocabulary, const char *character, size_t length)
{
    int64_t id = vocabulary_find_ordinary(vocabulary, character, length);
    return id >= 0 ? (uint32_t)id : vocabulary->unknown;
}

enum status character_encoder_run(const struct vocabulary *vocabulary, const char *text, size_t length,
                                  struct token_list *out)
{
    uint32_t ascii[128];
    for (int code = 0; code < 128; code++)
        ascii[code] = find(vocabulary, &(char){(char)code}, 1);
    const char *end = text + length, *character = NULL;
    TRY(token_list_reserve(out, (int64_t)length)); /* no text has more characters than bytes */
    while (character_next(&text, end, &character, &length)) {
        unsigned char first = (unsigned char)*character;
        out->ids[out->count++] = first < 128 ? ascii[first] : find(vocabulary, character, length);
    }
    return STATUS_OK;
}

/* Finding the tokens around documents in the vocabulary. */
#include "boundary_token.h"

#include <stdio.h>
#include <string.h>

/* The special token that is most like `wanted`, for a message; NULL when there is none. */
static const char *find_similar(const struct tokenizer *tokenizer, const char *wanted, char name[64])
{
    int best = -1;
    for (int64_t id = 0; id < tokenizer_vocab_size(tokenizer); id++) {
        char other[64];
        size_t length = 0;
        const char *text = tokenizer_is_special(tokenizer, (uint32_t)id)
                               ? tokenizer_token(tokenizer, (uint32_t)id, &length)
                               : NULL;
        if (text == NULL)
            continue;
        snprintf(other, sizeof other, "%.*s", length < 63 ? (int)length : 63, text);
        int distance = string_distance(wanted, other);
        if (best < 0 || distance < best)
            memcpy(name, other, sizeof other);
        best = best < 0 || distance < best ? distance : best;
    }
    return best < 0 ? NULL : name;
}

enum status boundary_token_find(const struct tokenizer *tokenizer, const char *path, const char *option,
                                const char *name, int64_t *id)
{
    *id = -1;
    if (name[0] == '\0')
        return STATUS_OK;
    *id = tokenizer_find(tokenizer, name, strlen(name));
    if (*id >= 0)
        return STATUS_OK;
    char name_like[64];
    const char *similar = find_similar(tokenizer, name, name_like);
    if (similar == NULL)
        return fail(STATUS_USAGE, "%s: '%s' is no token of %s, which has no special tokens", option, name,
                    path);
    return fail(STATUS_USAGE, "%s: '%s' is no token of %s; did you mean '%s'?", option, name, path, similar);
}

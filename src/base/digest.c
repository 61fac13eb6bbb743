/* The door to xxHash. */
#include "llmpi/base/digest.h"

#include "llmpi/base/memory.h"

#define XXH_STATIC_LINKING_ONLY /* the size of the state */
#include <xxhash.h>

struct digest {
    XXH3_state_t state;
};

uint64_t digest_bytes(const void *data, size_t length)
{
    return XXH3_64bits(data, length);
}

struct wide_digest digest_bytes_wide(const void *data, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits(data, length);
    return (struct wide_digest){hash.low64, hash.high64};
}

struct digest *digest_create(void)
{
    struct digest *digest = memory_allocate(1, sizeof *digest, "a digest");
    if (digest != NULL)
        XXH3_64bits_reset(&digest->state);
    return digest;
}

void digest_add(struct digest *digest, const void *data, size_t length)
{
    XXH3_64bits_update(&digest->state, data, length);
}

uint64_t digest_value(const struct digest *digest)
{
    return XXH3_64bits_digest(&digest->state);
}

void digest_destroy(struct digest *digest)
{
    memory_free(digest);
}

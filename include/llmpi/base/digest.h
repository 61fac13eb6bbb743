/* Fingerprints of bytes: XXH3, 64 bits (specification: doc/xxhash_spec.md of Cyan4973/xxHash). They find
 * damage and tell versions apart; they do not stop someone who wants to deceive. Stable over machines and
 * versions. */
#ifndef LLMPI_BASE_DIGEST_H
#define LLMPI_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* The digest of `length` bytes. */
uint64_t digest_bytes(const void *data, size_t length);

/* The 128-bit digest (XXH3), for telling texts apart by it alone: among 2^40 different ones two are equal with
 * a probability of 2^-49. */
struct wide_digest {
    uint64_t low, high;
};
struct wide_digest digest_bytes_wide(const void *data, size_t length);

/* The digest of bytes that come in pieces; the same number as digest_bytes of all of them. digest_create
 * returns NULL after fail() without memory. */
struct digest;
struct digest *digest_create(void);
void digest_add(struct digest *digest, const void *data, size_t length);
uint64_t digest_value(const struct digest *digest);
void digest_destroy(struct digest *digest);

#endif

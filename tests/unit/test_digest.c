/* Digests: the published algorithm, and pieces give the digest of the whole. */
#include "llmpi/base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_known_values(void **state)
{
    (void)state;
    /* XXH3_64bits without a seed, from xxhsum -H3 */
    assert_true(digest_bytes("", 0) == 0x2d06800538d394c2);
    assert_true(digest_bytes("abc", 3) == 0x78af5f94892f3950);
}

static void test_pieces(void **state)
{
    (void)state;
    char text[5000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * i % 251);
    for (size_t length = 0; length < sizeof text; length += 1 + length / 7) {
        struct digest *digest = digest_create();
        assert_non_null(digest);
        for (size_t at = 0, step = 1; at < length; at += step, step = step * 3 % 997) {
            step = step < length - at ? step : length - at;
            digest_add(digest, text + at, step);
            digest_value(digest); /* may be asked for at any time */
        }
        assert_true(digest_value(digest) == digest_bytes(text, length));
        digest_destroy(digest);
    }
    digest_destroy(NULL);
}

static void test_one_bit(void **state)
{
    (void)state;
    char text[64] = {0};
    uint64_t whole = digest_bytes(text, sizeof text);
    for (int bit = 0; bit < 512; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        assert_true(digest_bytes(text, sizeof text) != whole);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_one_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* MinHash against the true Jaccard similarity of word shingles, and its normalisation. */
#include "llmpi/base/random.h"
#include "llmpi/prepare/minhash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sign(struct minhash *minhash, const char *text, uint32_t *out, int64_t hashes)
{
    const uint32_t *signature;
    assert_int_equal(minhash_sign(minhash, text, strlen(text), &signature), STATUS_OK);
    assert_non_null(signature);
    memcpy(out, signature, (size_t)hashes * sizeof *out);
}

/* Texts of `count` single shingles (shingles of one word): words first, first + 1, ... */
static void write_words(struct buffer *out, int first, int count)
{
    buffer_clear(out);
    for (int i = 0; i < count; i++)
        assert_int_equal(buffer_printf(out, "w%d ", first + i), STATUS_OK);
}

/* 2,048 hashes: a standard deviation of sqrt(s (1 - s) / 2048) < 0.0111; five of them. */
static void test_estimate(void **state)
{
    (void)state;
    enum { HASHES = 2048, WORDS = 400 };
    struct minhash *minhash;
    struct buffer a = {0}, b = {0};
    static uint32_t one[HASHES], two[HASHES];
    assert_int_equal(minhash_create(256, 8, 1, &minhash), STATUS_OK);
    for (int shift = 0; shift <= WORDS; shift += 50) {
        double shared = WORDS - shift, truth = shared / (WORDS + shift);
        int equal = 0;
        write_words(&a, 0, WORDS);
        write_words(&b, shift, WORDS);
        sign(minhash, a.data, one, HASHES);
        sign(minhash, b.data, two, HASHES);
        for (int i = 0; i < HASHES; i++)
            equal += one[i] == two[i];
        if (fabs((double)equal / HASHES - truth) > 5 * 0.0111)
            fail_msg("similarity %.3f, estimated %.3f", truth, (double)equal / HASHES);
    }
    buffer_free(&a);
    buffer_free(&b);
    minhash_destroy(minhash);
}

/* Pairs of texts of similarity s share one of 14 bands of 8 with probability 1 - (1 - s^8)^14: 0.978 for
 * 9/11, out of 300 pairs; and 0.011 for 4/11... of 3 at most one in 20. */
static void test_bands(void **state)
{
    (void)state;
    enum { PAIRS = 300, WORDS = 200 };
    static const struct {
        int shift;
        double least, most;
    } cases[] = {{20, 0.93, 1}, {130, 0, 0.03}};
    struct minhash *minhash;
    struct buffer text = {0};
    assert_int_equal(minhash_create(14, 8, 1, &minhash), STATUS_OK);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int found = 0;
        for (int pair = 0; pair < PAIRS; pair++) {
            uint64_t keys[2][14];
            bool alike = false;
            for (int side = 0; side < 2; side++) {
                uint32_t ignored[112];
                write_words(&text, 1000 * pair + side * cases[c].shift, WORDS);
                sign(minhash, text.data, ignored, 112);
                minhash_keys(minhash, keys[side]);
            }
            for (int band = 0; band < 14; band++)
                alike = alike || keys[0][band] == keys[1][band];
            found += alike;
        }
        double share = (double)found / PAIRS;
        if (share < cases[c].least || share > cases[c].most)
            fail_msg("%.3f of the pairs share a band", share);
    }
    buffer_free(&text);
    minhash_destroy(minhash);
}

static bool same_signature(int64_t words, const char *a, const char *b)
{
    struct minhash *minhash;
    uint32_t one[16], two[16];
    assert_int_equal(minhash_create(4, 4, words, &minhash), STATUS_OK);
    sign(minhash, a, one, 16);
    sign(minhash, b, two, 16);
    minhash_destroy(minhash);
    return memcmp(one, two, sizeof one) == 0;
}

static void test_normalisation(void **state)
{
    (void)state;
    assert_true(same_signature(2, "The cat, \"sat\" on: the mat.", "the CAT sat on the   mat - !"));
    assert_true(
        same_signature(2, "\u00c4pfel \u0424\u0401 \u03a9\u2014", "\u00e4pfel \u0444\u0451\u3000\u03c9"));
    assert_true(same_signature(2, "don't stop", "dont stop"));
    assert_false(same_signature(2, "a b", "b a"));
    assert_false(same_signature(2, "a b c", "a b d"));
    assert_false(same_signature(2, "room 101", "room 102"));
    assert_true(same_signature(5, "only three words", "Only three: words")); /* shorter than a shingle */
    assert_false(same_signature(5, "only three words", "only three word"));
    assert_true(same_signature(1, "a b c", "c b a c")); /* a set */
}

static void test_without_words(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "  \n", "... --- !", "\u2014\u3000\u2026"};
    struct minhash *minhash;
    const uint32_t *signature;
    assert_int_equal(minhash_create(2, 2, 5, &minhash), STATUS_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(minhash_sign(minhash, texts[i], strlen(texts[i]), &signature), STATUS_OK);
        assert_null(signature);
    }
    minhash_destroy(minhash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_normalisation),
        cmocka_unit_test(test_without_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

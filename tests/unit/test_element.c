/* bf16: every one of its numbers comes back from fp32, and what lies between them is rounded to the nearest,
 * to the even one where both are as near. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/element.h"
#include "reference/samples.h"

enum { PATTERNS = 65536 };

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bf16 rounded(float value)
{
    bf16 out;
    element_from_float(&out, &value, 1);
    return out;
}

/* All at once, so that the vector loop and what it leaves over are both used. */
static void every_pattern_comes_back(void **state)
{
    (void)state;
    bf16 *patterns = malloc(PATTERNS * sizeof *patterns), *again = malloc(PATTERNS * sizeof *again);
    float *values = repeated(PATTERNS, 0.0f);
    assert_true(patterns != NULL && again != NULL);
    for (int i = 0; i < PATTERNS; i++)
        patterns[i] = (bf16)i;
    for (int first = 0; first < 40; first++) {
        element_to_float(values + first, patterns + first, PATTERNS - first);
        element_from_float(again + first, values + first, PATTERNS - first);
        for (int i = first; i < PATTERNS; i++) {
            bool is_nan = (i & 0x7fff) > 0x7f80;
            assert_int_equal(isnan(values[i]) != 0, is_nan);
            assert_int_equal(again[i], is_nan ? i | 0x40 : i); /* NaN becomes a quiet one */
            assert_true(is_nan || values[i] == float_of((uint32_t)i << 16));
        }
    }
    free(patterns), free(again), free(values);
}

/* Between each two neighbours of the same sign, denormal ones too: just below, at and just above the middle.
 */
static void rounding_is_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PATTERNS; i++) {
        if ((i & 0x7fff) >= 0x7f80)
            continue;
        assert_int_equal(rounded(float_of(i << 16 | 0x7fff)), i);
        assert_int_equal(rounded(float_of(i << 16 | 0x8000)), i + (i & 1));
        assert_int_equal(rounded(float_of(i << 16 | 0x8001)), i + 1);
    }
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(rounded(float_of(0x7f7fffff)), 0x7f80); /* the largest float is past the last middle */
    assert_int_equal(rounded(-float_of(0x7f7fffff)), 0xff80);
    assert_int_equal(rounded(float_of(0x7f7f7fff)), 0x7f7f); /* and this is below it */
    assert_int_equal(rounded(INFINITY), 0x7f80);
    assert_int_equal(rounded(-INFINITY), 0xff80);
    assert_int_equal(rounded(-0.0f), 0x8000);
    assert_int_equal(rounded(float_of(1)), 0);
    /* NaN whose payload lies in the lower half, or would carry into the sign */
    assert_int_equal(rounded(float_of(0x7f800001)), 0x7fc0);
    assert_int_equal(rounded(float_of(0x7fffffff)), 0x7fff);
    assert_int_equal(rounded(float_of(0xffffffff)), 0xffff);
}

static void nothing_beyond_the_end_is_written(void **state)
{
    (void)state;
    for (int n = 0; n < 70; n++) {
        float values[71], back[71];
        bf16 out[71];
        for (int i = 0; i < 71; i++)
            values[i] = back[i] = (float)i, out[i] = 7;
        element_from_float(out, values, n);
        element_to_float(back, out, n);
        assert_true(out[n] == 7 && back[n] == (float)n);
        assert_memory_equal(back, values, sizeof values); /* up to 256, integers are exact */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pattern_comes_back),
        cmocka_unit_test(rounding_is_to_nearest_even),
        cmocka_unit_test(limits),
        cmocka_unit_test(nothing_beyond_the_end_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* 16-bit numbers: every one of them, the middle between every two neighbours, and the ends of the range. */
#include "llmpi/base/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The value of a binary16 by the definition of IEEE 754: sign, exponent, fraction. */
static double half_value(unsigned bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -size : size;
}

static double brain_value(unsigned bits)
{
    int exponent = bits >> 7 & 255, fraction = bits & 127;
    double size = exponent == 0 ? ldexp(fraction, -133) : ldexp(128 + fraction, exponent - 134);
    return bits & 0x8000 ? -size : size;
}

static float read_one(enum number number, uint16_t bits)
{
    float value;
    number_read(number, &value, &bits, 1);
    return value;
}

static uint16_t write_one(enum number number, double value, int64_t overflows)
{
    float narrow = (float)value;
    uint16_t bits;
    assert_int_equal(number_write(number, &bits, &narrow, 1), overflows);
    return bits;
}

static void check_all(enum number number, unsigned infinity, double (*value)(unsigned))
{
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        unsigned size = bits & 0x7fff;
        if (size > infinity) {
            assert_true(isnan(read_one(number, (uint16_t)bits)));
            continue;
        }
        double expected = size == infinity ? (bits & 0x8000 ? -INFINITY : INFINITY) : value(bits);
        assert_true(read_one(number, (uint16_t)bits) == expected);
        assert_int_equal(write_one(number, expected, 0), bits);
        if (size + 1 >= infinity)
            continue;
        /* Half-way goes to the even neighbour, and what lies beside it to the nearer one. */
        float middle = (float)((value(bits) + value(bits + 1)) / 2);
        assert_int_equal(write_one(number, middle, 0), bits + (bits & 1));
        assert_int_equal(write_one(number, nextafterf(middle, 0), 0), bits);
        assert_int_equal(write_one(number, nextafterf(middle, middle * 2), 0), bits + 1);
    }
}

static void binary16_is_rounded_to_nearest_even(void **state)
{
    (void)state;
    check_all(NUMBER_F16, 0x7c00, half_value);
}

static void bfloat16_is_rounded_to_nearest_even(void **state)
{
    (void)state;
    check_all(NUMBER_BF16, 0x7f80, brain_value);
}

static void too_large_becomes_infinite_and_is_counted(void **state)
{
    (void)state;
    assert_int_equal(write_one(NUMBER_F16, 65519.99, 0), 0x7bff);
    assert_int_equal(write_one(NUMBER_F16, 65520, 1), 0x7c00);
    assert_int_equal(write_one(NUMBER_F16, -1e30, 1), 0xfc00);
    assert_int_equal(write_one(NUMBER_BF16, 3.3895e38, 0), 0x7f7f);
    assert_int_equal(write_one(NUMBER_BF16, 3.4e38, 1), 0x7f80);
    assert_int_equal(write_one(NUMBER_F16, 1e-30, 0), 0);
}

static void not_a_number_stays_one(void **state)
{
    (void)state;
    assert_true(isnan(read_one(NUMBER_F16, write_one(NUMBER_F16, NAN, 0))));
    assert_true(isnan(read_one(NUMBER_BF16, write_one(NUMBER_BF16, -NAN, 0))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary16_is_rounded_to_nearest_even),
        cmocka_unit_test(bfloat16_is_rounded_to_nearest_even),
        cmocka_unit_test(too_large_becomes_infinite_and_is_counted),
        cmocka_unit_test(not_a_number_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

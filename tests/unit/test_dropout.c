/* Dropout: the mask is a function of its arguments alone, has the right share and mean, and leaves no pattern
 * between neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/dropout.h"
#include "llmpi/kernels/threads.h"
#include "reference/samples.h"

enum { SEQUENCES = 3, EACH = 40009, ALL = SEQUENCES * EACH };

static const struct dropout tenth = {
    .probability = 0.1, .seed = 7, .step = 3, .place = 5, .first_sequence = 100};

static void every_element_has_its_factor(void **state)
{
    (void)state;
    float *x = samples(ALL, 1, 1.0), *y = repeated(ALL, NAN);
    for (int threads = 1; threads <= 3; threads++) {
        threads_set(threads);
        dropout_forward(y, x, ELEMENT_FP32, SEQUENCES, EACH, &tenth);
        for (int64_t i = 0; i < ALL; i++)
            assert_true(y[i] == x[i] * dropout_factor(&tenth, i / EACH, i % EACH));
    }
    threads_set(2);
    dropout_backward(x, x, ELEMENT_FP32, SEQUENCES, EACH, &tenth);
    assert_memory_equal(x, y, ALL * sizeof *x);
    free(x), free(y);
}

/* Rounding is that of element_from_float, of the product in single precision. */
static void check_bf16(const bf16 *got, const float *from, const struct dropout *dropout)
{
    for (int64_t i = 0; i < ALL; i++) {
        float product = from[i] * dropout_factor(dropout, i / EACH, i % EACH);
        bf16 wanted;
        element_from_float(&wanted, &product, 1);
        assert_int_equal(got[i], wanted);
    }
}

static void bf16_has_the_same_factors(void **state)
{
    (void)state;
    float *dy = samples(ALL, 1, 1.0), *wide = repeated(ALL, 0.0f);
    bf16 *x = rounded_samples(ALL, 1, 1.0), *y = rounded_samples(ALL, 2, 1.0);
    element_to_float(wide, x, ALL);
    for (int threads = 1; threads <= 3; threads++) {
        threads_set(threads);
        dropout_forward(y, x, ELEMENT_BF16, SEQUENCES, EACH, &tenth);
        check_bf16(y, wide, &tenth);
        dropout_backward(y, dy, ELEMENT_BF16, SEQUENCES, EACH, &tenth);
        check_bf16(y, dy, &tenth);
        dropout_backward(y, dy, ELEMENT_BF16, SEQUENCES, EACH, NULL);
        check_bf16(y, dy, NULL);
    }
    threads_set(2);
    dropout_forward(y, x, ELEMENT_BF16, SEQUENCES, EACH, NULL);
    assert_memory_equal(y, x, ALL * sizeof *y);
    dropout_forward(x, x, ELEMENT_BF16, SEQUENCES, EACH, &tenth);
    check_bf16(x, wide, &tenth);
    free(dy), free(wide), free(x), free(y);
}

static void share_and_pairs_are_those_of_chance(void **state)
{
    (void)state;
    static const double probabilities[] = {0.01, 0.1, 0.5, 0.9};
    for (int p = 0; p < 4; p++) {
        struct dropout dropout = tenth;
        double probability = probabilities[p], deviation = sqrt(probability * (1.0 - probability) * ALL);
        dropout.probability = probability;
        int64_t dropped = 0, pairs = 0;
        float kept = (float)(1.0 / (1.0 - probability)), before = kept;
        for (int64_t i = 0; i < ALL; i++) {
            float factor = dropout_factor(&dropout, i / EACH, i % EACH);
            assert_true(factor == 0.0f || factor == kept);
            dropped += factor == 0.0f;
            pairs += factor == 0.0f && before == 0.0f;
            before = factor;
        }
        /* Five standard deviations of a binomial distribution; the numbers never change, so it passes always.
         */
        assert_true(fabs((double)dropped - probability * ALL) < 5.0 * deviation);
        assert_true(fabs((double)pairs - probability * probability * ALL) < 5.0 * deviation);
    }
}

/* Two masks with probability 1/2 differ in half of the elements. */
static int64_t differences(const struct dropout *a, int64_t sequence_a, const struct dropout *b,
                           int64_t sequence_b)
{
    int64_t count = 0;
    for (int64_t i = 0; i < 4000; i++)
        count += dropout_factor(a, sequence_a, i) != dropout_factor(b, sequence_b, i);
    return count;
}

static void every_argument_changes_the_mask(void **state)
{
    (void)state;
    struct dropout base = tenth;
    base.probability = 0.5;
    struct dropout seed = base, step = base, place = base, sequence = base;
    seed.seed++, step.step++, place.place++, sequence.first_sequence++;
    const struct dropout *others[] = {&seed, &step, &place, &sequence};
    for (int i = 0; i < 4; i++) {
        int64_t count = differences(&base, 0, others[i], 0);
        assert_true(count > 1800 && count < 2200); /* 2000, standard deviation 32 */
    }
    assert_int_equal(differences(&base, 1, &sequence, 0), 0);
    assert_int_equal(differences(&base, 4, &base, 4), 0);
}

static void none_and_all(void **state)
{
    (void)state;
    float x[] = {1, 2, 3, 4}, y[4] = {0};
    struct dropout dropout = tenth;
    dropout.probability = 0.0;
    dropout_forward(y, x, ELEMENT_FP32, 2, 2, &dropout);
    assert_memory_equal(x, y, sizeof x);
    memset(y, 0, sizeof y);
    dropout_backward(y, x, ELEMENT_FP32, 2, 2, NULL);
    assert_memory_equal(x, y, sizeof x);
    assert_true(dropout_factor(NULL, 0, 0) == 1.0f);
    dropout.probability = 1.0;
    dropout_forward(y, x, ELEMENT_FP32, 2, 2, &dropout);
    for (int i = 0; i < 4; i++)
        assert_true(y[i] == 0.0f);
    dropout_forward(y, x, ELEMENT_FP32, 0, 2, &dropout);
    dropout_forward(y, x, ELEMENT_FP32, 2, 0, &dropout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_has_its_factor),
        cmocka_unit_test(bf16_has_the_same_factors),
        cmocka_unit_test(share_and_pairs_are_those_of_chance),
        cmocka_unit_test(every_argument_changes_the_mask),
        cmocka_unit_test(none_and_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

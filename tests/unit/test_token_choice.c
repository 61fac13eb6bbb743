/* Choosing the next token from logits. */
#include "llmpi/train/token_choice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { VOCAB = 5 };
static const float LOGITS[VOCAB] = {0.0f, 2.0f, 1.0f, 2.0f, -1.0f};

static uint32_t choose(struct token_choice settings, double random)
{
    float logits[VOCAB];
    uint32_t order[VOCAB];
    memcpy(logits, LOGITS, sizeof logits);
    return token_choice_draw(logits, order, VOCAB, &settings, random);
}

static void temperature_zero_takes_the_first_of_the_likeliest(void **state)
{
    (void)state;
    assert_int_equal(choose((struct token_choice){.temperature = 0, .top_p = 1}, 0.999), 1);
}

static void top_k_keeps_k(void **state)
{
    (void)state;
    struct token_choice settings = {.temperature = 1, .top_k = 2, .top_p = 1};
    for (int i = 0; i < 1000; i++) {
        uint32_t id = choose(settings, i / 1000.0);
        assert_true(id == 1 || id == 3); /* equal logits rank by id, and fill both places */
    }
    settings.top_k = 1;
    assert_int_equal(choose(settings, 0.9999), 1);
    settings.top_k = 100; /* more than there are */
    assert_int_equal(choose(settings, 0.0), 0);
}

/* Probabilities of the sorted tokens: .387 .387 .142 .052 .019 */
static void top_p_keeps_the_smallest_set_that_reaches_p(void **state)
{
    (void)state;
    struct token_choice settings = {.temperature = 1, .top_p = 0.38};
    assert_int_equal(choose(settings, 0.9999), 1);
    settings.top_p = 0.70;
    assert_int_equal(choose(settings, 0.9999), 3);
    settings.top_p = 0.80;
    assert_int_equal(choose(settings, 0.9999), 2);
}

static void frequencies_follow_the_softmax(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    double total = 0, temperature = 0.7;
    int counts[VOCAB] = {0};
    for (int i = 0; i < VOCAB; i++)
        total += exp(LOGITS[i] / temperature);
    for (int i = 0; i < DRAWS; i++)
        counts[choose((struct token_choice){.temperature = temperature, .top_p = 1}, (i + 0.5) / DRAWS)]++;
    for (int i = 0; i < VOCAB; i++) /* evenly spread draws miss each border by one at most */
        assert_true(fabs(counts[i] - DRAWS * exp(LOGITS[i] / temperature) / total) <= 2);
}

/* Weights relative to the likeliest: 0.135 1 0.368 1 0.050 */
static void min_p_keeps_what_is_near_the_likeliest(void **state)
{
    (void)state;
    struct token_choice settings = {.temperature = 1, .top_p = 1, .min_p = 0.36};
    bool drawn[VOCAB] = {false};
    for (int i = 0; i < 1000; i++)
        drawn[choose(settings, i / 1000.0)] = true;
    assert_true(drawn[1] && drawn[2] && drawn[3] && !drawn[0] && !drawn[4]);
    settings.min_p = 0.37;
    for (int i = 0; i < 1000; i++)
        assert_int_not_equal(choose(settings, i / 1000.0), 2);
    settings.temperature = 2; /* the weights are 0.368 1 0.607 1 0.223 */
    assert_int_equal(choose(settings, 0.9999), 3);
    settings.min_p = 0.36;
    settings.top_k = 3;
    assert_int_equal(choose(settings, 0.0), 1);
}

/* Top-p looks at what top-k left: of .5 .5 the first is enough, of all it is not. */
static void top_p_follows_top_k(void **state)
{
    (void)state;
    struct token_choice settings = {.temperature = 1, .top_k = 2, .top_p = 0.45};
    assert_int_equal(choose(settings, 0.9999), 1);
    settings.top_k = 0;
    assert_int_equal(choose(settings, 0.9999), 3);
}

static void penalty_counts_once_and_by_sign(void **state)
{
    (void)state;
    const uint32_t ids[] = {1, 4, 1, 0};
    float logits[VOCAB];
    uint8_t seen[VOCAB] = {0}, zero[VOCAB] = {0};
    memcpy(logits, LOGITS, sizeof logits);
    token_choice_penalise(logits, ids, 4, 1.25, seen);
    const float expected[VOCAB] = {0.0f, 1.6f, 1.0f, 2.0f, -1.25f};
    assert_memory_equal(logits, expected, sizeof logits);
    assert_memory_equal(seen, zero, sizeof seen);
    token_choice_penalise(logits, ids, 4, 1, seen);
    token_choice_penalise(logits, ids, 4, 0, seen);
    assert_memory_equal(logits, expected, sizeof logits);
}

static void log_probabilities_sum_to_one(void **state)
{
    (void)state;
    double sum = 0;
    for (uint32_t id = 0; id < VOCAB; id++)
        sum += exp(token_choice_log_probability(LOGITS, VOCAB, id));
    assert_true(fabs(sum - 1) < 1e-12);
    double ratio =
        token_choice_log_probability(LOGITS, VOCAB, 1) - token_choice_log_probability(LOGITS, VOCAB, 4);
    assert_true(fabs(ratio - 3) < 1e-12);
}

/* Sorting only candidates finds what sorting everything finds. */
static void large_vocabularies(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    static float logits[MANY];
    static uint32_t order[MANY];
    const struct token_choice settings[] = {{.temperature = 1, .top_k = 5000, .top_p = 1},
                                            {.temperature = 1, .top_p = 0.9999}};
    for (int number = 0; number < 2; number++) {
        for (int i = 0; i < MANY; i++) /* falls by 1e-3 from each to the next */
            logits[(i * 7919) % MANY] = (float)(-0.001 * i);
        uint32_t last = token_choice_draw(logits, order, MANY, &settings[number], 1 - 1e-12);
        /* 1 - e^(-0.001 n) = 0.9999 (1 - e^-20) at n = 9210.3 */
        int rank = number == 0 ? 4999 : 9210;
        bool found = false;
        for (int near = rank - 3; near <= rank + 3; near++)
            found = found || last == (uint32_t)(near * 7919 % MANY);
        assert_true(found);
        if (number == 0)
            assert_int_equal(last, rank * 7919 % MANY);
    }
}

static void nothing_is_a_number(void **state)
{
    (void)state;
    float logits[VOCAB] = {NAN, NAN, NAN, NAN, NAN};
    uint32_t order[VOCAB];
    const struct token_choice settings = {.temperature = 1, .top_k = 2, .top_p = 0.5, .min_p = 0.1};
    assert_true(token_choice_draw(logits, order, VOCAB, &settings, 0.5) < VOCAB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(temperature_zero_takes_the_first_of_the_likeliest),
                                       cmocka_unit_test(top_k_keeps_k),
                                       cmocka_unit_test(top_p_keeps_the_smallest_set_that_reaches_p),
                                       cmocka_unit_test(frequencies_follow_the_softmax),
                                       cmocka_unit_test(min_p_keeps_what_is_near_the_likeliest),
                                       cmocka_unit_test(top_p_follows_top_k),
                                       cmocka_unit_test(penalty_counts_once_and_by_sign),
                                       cmocka_unit_test(log_probabilities_sum_to_one),
                                       cmocka_unit_test(large_vocabularies),
                                       cmocka_unit_test(nothing_is_a_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

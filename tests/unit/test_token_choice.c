/* Choosing the next token from logits. */
#include "llmpi/train/token_choice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(temperature_zero_takes_the_first_of_the_likeliest),
                                       cmocka_unit_test(top_k_keeps_k),
                                       cmocka_unit_test(top_p_keeps_the_smallest_set_that_reaches_p),
                                       cmocka_unit_test(frequencies_follow_the_softmax)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reading on with a cache against whole passes, and that sequences do not see each other. */
#include "llmpi/model/decoder.h"

#include "llmpi/kernels/threads.h"
#include "reference/model_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

enum { CONTEXT = 20, VOCAB = 61, SEQUENCES = 3 };

/* In fp32, sums of up to a hundred products in another order differ by some 6e-7 of their norm, and some ten
 * such sums follow each other. In bf16 such a difference may turn the rounding of an activation, by 2^-8 of
 * it: a few of those add up. */
static double tolerance_of(enum element element)
{
    return element == ELEMENT_FP32 ? 1e-5 : 2e-2;
}

static struct model *make_model(enum element element, bool bias, bool tied_head)
{
    const struct model_shape shape = {.n_layer = 3,
                                      .n_head = 3,
                                      .n_embd = 48,
                                      .context_length = CONTEXT,
                                      .vocab_size = VOCAB,
                                      .bias = bias,
                                      .tied_head = tied_head};
    const struct model_use use = {.sequences = 1, .element = element};
    struct model *model;
    assert_int_equal(model_create(&shape, &use, &allocator_plain, &model), STATUS_OK);
    const struct parameter_table *table = model_table(model);
    double *values = calloc((size_t)table->total, sizeof *values);
    assert_non_null(values);
    case_parameters(table, 0.3, values);
    for (int64_t i = 0; i < table->total; i++)
        model_parameters(model)[i] = (float)values[i];
    free(values);
    model_refresh_all(model);
    return model;
}

static struct decoder *make_decoder(struct model *model, int64_t sequences)
{
    struct decoder *decoder;
    assert_int_equal(decoder_create(model, sequences, &decoder), STATUS_OK);
    return decoder;
}

static void fill(uint32_t *tokens, int64_t count, uint32_t seed)
{
    for (int64_t i = 0; i < count; i++)
        tokens[i] = (uint32_t)(seed + (uint32_t)i * (uint32_t)i * 7 + 3 * (uint32_t)i) % VOCAB;
}

static void assert_logits(const float *logits, const float *expected, double tolerance)
{
    double norm = 0, difference = 0;
    for (int64_t i = 0; i < VOCAB; i++) {
        norm += (double)expected[i] * (double)expected[i];
        difference += pow((double)logits[i] - (double)expected[i], 2);
    }
    if (!(sqrt(difference) <= tolerance * sqrt(norm)))
        fail_msg("relative difference %g, allowed %g", sqrt(difference / norm), tolerance);
}

/* A prompt of `prompt` tokens, the rest up to the whole context one by one. */
static void check(enum element element, bool bias, bool tied_head, int64_t prompt, int threads)
{
    uint32_t tokens[CONTEXT];
    float logits[VOCAB], expected[VOCAB];
    threads_set(threads);
    struct model *model = make_model(element, bias, tied_head);
    struct decoder *decoder = make_decoder(model, 1);
    fill(tokens, CONTEXT, (uint32_t)prompt);
    for (int64_t count = prompt, fed = 0; count <= CONTEXT; fed = count++) {
        decoder_feed(decoder, &(struct decoder_input){0, tokens + fed, count - fed}, 1, logits);
        model_next_logits(model, tokens, count, expected);
        assert_int_equal(decoder_length(decoder, 0), count);
        assert_logits(logits, expected, tolerance_of(element));
    }
    decoder_destroy(decoder);
    model_destroy(model);
}

static void test_like_whole_passes(void **state)
{
    (void)state;
    for (int number = 0; number < 16; number++)
        check(number % 2 ? ELEMENT_BF16 : ELEMENT_FP32, (number & 2) != 0, (number & 4) != 0,
              number < 4 ? 1 : number, number & 8 ? 2 : 1);
}

/* Several tokens behind some that are there: more keys than queries. */
static void test_further_passes(void **state)
{
    (void)state;
    uint32_t tokens[CONTEXT];
    float logits[VOCAB], expected[VOCAB];
    for (int number = 0; number < 2; number++) {
        enum element element = number ? ELEMENT_BF16 : ELEMENT_FP32;
        struct model *model = make_model(element, true, true);
        struct decoder *decoder = make_decoder(model, 1);
        fill(tokens, CONTEXT, 1);
        decoder_feed(decoder, &(struct decoder_input){0, tokens, 13}, 1, logits);
        decoder_truncate(decoder, 0, 7);
        fill(tokens + 7, CONTEXT - 7, 5);
        decoder_feed(decoder, &(struct decoder_input){0, tokens + 7, 9}, 1, logits);
        model_next_logits(model, tokens, 16, expected);
        assert_logits(logits, expected, tolerance_of(element));
        decoder_destroy(decoder);
        model_destroy(model);
    }
}

/* Sequences of different lengths together have the bits that each has alone, for any number of threads. */
static void test_sequences_are_apart(void **state)
{
    (void)state;
    static const int64_t lengths[SEQUENCES] = {13, 1, 12};
    uint32_t tokens[SEQUENCES][CONTEXT];
    for (int number = 0; number < 2; number++) {
        float together[2][SEQUENCES][VOCAB], alone[2][VOCAB];
        struct decoder_input inputs[SEQUENCES], next[SEQUENCES];
        struct model *model = make_model(number ? ELEMENT_BF16 : ELEMENT_FP32, true, true);
        threads_set(2);
        struct decoder *decoder = make_decoder(model, SEQUENCES);
        for (int s = 0; s < SEQUENCES; s++) {
            fill(tokens[s], CONTEXT, (uint32_t)s);
            inputs[s] = (struct decoder_input){s, tokens[s], lengths[s]};
            next[s] = (struct decoder_input){s, tokens[s] + lengths[s], 1};
        }
        decoder_feed(decoder, inputs, SEQUENCES, together[0][0]);
        decoder_feed(decoder, next, SEQUENCES, together[1][0]);
        decoder_destroy(decoder);
        threads_set(1);
        decoder = make_decoder(model, 1);
        for (int s = 0; s < SEQUENCES; s++) {
            inputs[s].sequence = next[s].sequence = 0;
            decoder_truncate(decoder, 0, 0);
            decoder_feed(decoder, &inputs[s], 1, alone[0]);
            decoder_feed(decoder, &next[s], 1, alone[1]);
            assert_memory_equal(alone[0], together[0][s], sizeof alone[0]);
            assert_memory_equal(alone[1], together[1][s], sizeof alone[1]);
        }
        decoder_destroy(decoder);
        model_destroy(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_like_whole_passes),
                                       cmocka_unit_test(test_further_passes),
                                       cmocka_unit_test(test_sequences_are_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

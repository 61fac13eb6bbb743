/* Embedding against its reference; repeated tokens add up in the same order for any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmpi/kernels/embedding.h"
#include "llmpi/kernels/threads.h"
#include "reference/reference.h"
#include "reference/samples.h"

enum { VOCAB = 11, LENGTH = 9 };

static const struct {
    int64_t rows, width;
} shapes[] = {{0, 4}, {1, 1}, {9, 3}, {18, 16}, {27, 33}, {45, 100}, {200, 64}};

enum { SHAPES = sizeof shapes / sizeof *shapes, LARGEST = 200 };

/* Few distinct tokens, so that most of them repeat. */
static void fill_places(uint32_t tokens[LARGEST], int32_t position[LARGEST])
{
    for (int r = 0; r < LARGEST; r++) {
        tokens[r] = (uint32_t)(r * r + 3 * r) % VOCAB;
        position[r] = (r * 5 + 1) % LENGTH;
    }
}

struct small {
    double wte[2 * VOCAB], wpe[2 * LENGTH], dy[2 * 20];
    uint32_t tokens[LARGEST];
    int32_t position[LARGEST];
};

static double weighted_embedding(void *context)
{
    struct small *small = context;
    double y[40], sum = 0.0;
    reference_embedding_forward(y, small->wte, small->wpe, small->tokens, small->position, 20, LENGTH, 2);
    for (int i = 0; i < 40; i++)
        sum += small->dy[i] * y[i];
    return sum;
}

static void reference_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    struct small small;
    double dwte[2 * VOCAB] = {0}, dwpe[2 * LENGTH] = {0};
    fill_places(small.tokens, small.position);
    for (int i = 0; i < 40; i++) {
        small.wte[i % (2 * VOCAB)] = sin(1.0 * i);
        small.wpe[i % (2 * LENGTH)] = sin(2.0 * i);
        small.dy[i] = cos(3.0 * i);
    }
    reference_embedding_backward(dwte, dwpe, small.dy, small.tokens, small.position, 20, LENGTH, 2);
    assert_true(gradient_error(weighted_embedding, &small, small.wte, dwte, 2 * VOCAB) < 1e-8);
    assert_true(gradient_error(weighted_embedding, &small, small.wpe, dwpe, 2 * LENGTH) < 1e-8);
}

static void check_shape(int64_t rows, int64_t width, bool with_wpe, bool with_position)
{
    uint32_t tokens[LARGEST];
    int32_t position[LARGEST];
    fill_places(tokens, position);
    const int32_t *given = with_position ? position : NULL;
    float *wte = samples(VOCAB * width, 1, 1.0), *wpe = samples(LENGTH * width, 2, 1.0);
    float *dwte = samples(VOCAB * width, 3, 1.0), *dwpe = samples(LENGTH * width, 4, 1.0);
    float *dy = samples(rows * width, 5, 1.0), *y = repeated(rows * width, NAN);
    double *wide_wte = widened(wte, VOCAB * width), *wide_wpe = widened(wpe, LENGTH * width);
    double *wide_dwte = widened(dwte, VOCAB * width), *wide_dwpe = widened(dwpe, LENGTH * width);
    double *wide_dy = widened(dy, rows * width), *wide_y = zeros(rows * width);
    embedding_forward(y, wte, with_wpe ? wpe : NULL, tokens, given, rows, LENGTH, width);
    embedding_backward(dwte, with_wpe ? dwpe : NULL, dy, tokens, given, rows, LENGTH, width);
    reference_embedding_forward(wide_y, wide_wte, with_wpe ? wide_wpe : NULL, tokens, given, rows, LENGTH,
                                width);
    reference_embedding_backward(wide_dwte, with_wpe ? wide_dwpe : NULL, wide_dy, tokens, given, rows, LENGTH,
                                 width);
    assert_true(worst_error(y, wide_y, rows * width) < 2 * FLOAT_STEP); /* one addition */
    /* At most 200 additions, of half a step of a sum of at most about 30 each. */
    assert_true(worst_error(dwte, wide_dwte, VOCAB * width) < 100 * FLOAT_STEP);
    assert_true(worst_error(dwpe, wide_dwpe, LENGTH * width) < 100 * FLOAT_STEP);
    free(wte), free(wpe), free(dwte), free(dwpe), free(dy), free(y), free(wide_wte), free(wide_wpe);
    free(wide_dwte), free(wide_dwpe), free(wide_dy), free(wide_y);
}

static void matches_the_reference(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (int variant = 0; variant < 4; variant++)
            check_shape(shapes[s].rows, shapes[s].width, variant % 2 == 1, variant / 2 == 1);
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    uint32_t tokens[LARGEST];
    int32_t position[LARGEST];
    fill_places(tokens, position);
    float *dy = samples(LARGEST * 75, 1, 1.0), *first = repeated(VOCAB * 75, 0.0f),
          *wpe = repeated(LENGTH * 75, 0.0f);
    for (int threads = 1; threads <= 4; threads++) {
        threads_set(threads);
        float *dwte = repeated(VOCAB * 75, 0.0f), *dwpe = repeated(LENGTH * 75, 0.0f);
        embedding_backward(threads == 1 ? first : dwte, threads == 1 ? wpe : dwpe, dy, tokens, position,
                           LARGEST, LENGTH, 75);
        if (threads > 1) {
            assert_memory_equal(dwte, first, VOCAB * 75 * sizeof *first);
            assert_memory_equal(dwpe, wpe, LENGTH * 75 * sizeof *wpe);
        }
        free(dwte), free(dwpe);
    }
    threads_set(2);
    free(dy), free(first), free(wpe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_gradient_is_the_difference_quotient),
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(same_bits_for_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

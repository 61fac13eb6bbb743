/* The mask that keeps documents apart: which places it gives, and that losses and gradients under it are
 * those of the documents alone. */
#include "llmpi/train/document_mask.h"

#include "llmpi/model/model.h"
#include "reference/model_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { END = 9, LENGTH = 12 };

static void expect(enum border border, const uint32_t tokens[LENGTH], const int32_t wanted[LENGTH])
{
    struct document_mask mask = {.border = border, .token = END};
    int32_t found[LENGTH];
    document_mask_fill(&mask, tokens, LENGTH, found);
    for (int i = 0; i < LENGTH; i++)
        assert_int_equal(found[i], wanted[i]);
}

static void an_end_belongs_to_the_document_before(void **state)
{
    (void)state;
    expect(DOCUMENTS_END, (uint32_t[]){1, 2, END, 4, END, END, 7, 8, 1, 2, 3, END},
           (int32_t[]){0, 0, 0, 3, 3, 5, 6, 6, 6, 6, 6, 6});
    expect(DOCUMENTS_END, (uint32_t[]){END, 2, 3, 4, 5, 6, 7, 8, 1, 2, END, 4},
           (int32_t[]){0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 11});
}

static void a_beginning_belongs_to_the_document_after(void **state)
{
    (void)state;
    expect(DOCUMENTS_BEGIN, (uint32_t[]){1, 2, END, 4, END, END, 7, 8, 1, 2, 3, END},
           (int32_t[]){0, 0, 2, 2, 4, 5, 5, 5, 5, 5, 5, 11});
}

static void a_window_without_a_border_is_one_document(void **state)
{
    (void)state;
    const uint32_t tokens[LENGTH] = {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4};
    const int32_t zero[LENGTH] = {0};
    expect(DOCUMENTS_END, tokens, zero);
    expect(DOCUMENTS_BEGIN, tokens, zero);
    expect(DOCUMENTS_JOINED, (uint32_t[]){0, 0, END, END, 5, 6, 7, 8, 1, 2, 3, 4}, zero);
}

/* --- what attention makes of it --- */

enum { PLACES = 100, VOCABULARY = 31, SEQUENCES = 2 }; /* longer than a block of attention */

/* Ends of documents, some next to each other, others further apart than a block of attention is long. */
static const int ends[SEQUENCES][4] = {{0, 4, 5, 90}, {70, 98, 99, -1}};

struct fixture {
    struct model *whole, *parts; /* the same parameters */
    uint32_t tokens[SEQUENCES * PLACES], targets[SEQUENCES * PLACES];
    int32_t position[PLACES], first_visible[SEQUENCES * PLACES];
    float losses[SEQUENCES * PLACES];
};

static struct model *make_model(void)
{
    const struct model_shape shape = {.n_layer = 2,
                                      .n_head = 2,
                                      .n_embd = 16,
                                      .context_length = PLACES,
                                      .vocab_size = VOCABULARY,
                                      .bias = true,
                                      .tied_head = true};
    struct model *model;
    assert_int_equal(model_create(&shape, &(struct model_use){.sequences = SEQUENCES, .training = true},
                                  &allocator_plain, &model),
                     STATUS_OK);
    const struct parameter_table *table = model_table(model);
    double *values = calloc((size_t)table->total, sizeof *values);
    assert_non_null(values);
    case_parameters(table, 0.3, values);
    for (int64_t i = 0; i < table->total; i++)
        model_parameters(model)[i] = (float)values[i];
    free(values);
    model_refresh_all(model);
    memset(model_gradients(model), 0, (size_t)table->total * sizeof(float));
    return model;
}

static void fill(struct fixture *fixture)
{
    const struct document_mask mask = {.border = DOCUMENTS_END, .token = END};
    *fixture = (struct fixture){.whole = make_model(), .parts = make_model()};
    for (int i = 0; i < SEQUENCES * PLACES; i++) {
        fixture->tokens[i] = (uint32_t)(10 + i * 7 % (VOCABULARY - 10)); /* no END */
        fixture->targets[i] = (uint32_t)(i * 11 % VOCABULARY);
    }
    for (int i = 0; i < PLACES; i++)
        fixture->position[i] = i;
    for (int s = 0; s < SEQUENCES; s++) {
        for (int i = 0; i < 4; i++)
            if (ends[s][i] >= 0)
                fixture->tokens[s * PLACES + ends[s][i]] = END;
        document_mask_fill(&mask, fixture->tokens + s * PLACES, PLACES, fixture->first_visible + s * PLACES);
    }
}

/* A document of a sequence as a batch of its own, at the positions that it has in the sequence. */
static struct batch part_of(const struct fixture *fixture, int64_t first, int64_t length)
{
    return (struct batch){.sequences = 1,
                          .length = length,
                          .tokens = fixture->tokens + first,
                          .targets = fixture->targets + first,
                          .position = fixture->position + first % PLACES};
}

/* Losses and gradients are sums of some hundred products in another order: sqrt(100) 2^-24 = 6e-7 of their
 * size, and some ten such sums follow each other. */
static void documents_in_a_sequence_are_as_if_alone(void **state)
{
    (void)state;
    static struct fixture fixture;
    struct model_loss whole = {0, 0}, parts = {0, 0};
    fill(&fixture);
    struct batch batch = {.sequences = SEQUENCES,
                          .length = PLACES,
                          .tokens = fixture.tokens,
                          .targets = fixture.targets,
                          .first_visible = fixture.first_visible};
    model_evaluate(fixture.whole, &batch, fixture.losses, &whole);
    whole = (struct model_loss){0, 0};
    model_train(fixture.whole, &batch, 1, 1, &whole, NULL);
    int documents = 0;
    for (int64_t first = 0, next; first < SEQUENCES * PLACES; first = next, documents++) {
        float losses[PLACES];
        struct model_loss ignored = {0, 0};
        next = first + 1;
        while (next % PLACES != 0 && fixture.tokens[next - 1] != END)
            next++;
        struct batch part = part_of(&fixture, first, next - first);
        model_evaluate(fixture.parts, &part, losses, &ignored);
        model_train(fixture.parts, &part, 1, 1, &parts, NULL);
        for (int64_t i = first; i < next; i++)
            assert_true(fabsf(fixture.losses[i] - losses[i - first]) <= 1e-5f * losses[i - first]);
    }
    assert_int_equal(documents, 8); /* each window ends in a document that is cut, except after END */
    assert_true(fabs(whole.loss - parts.loss) <= 1e-5 * parts.loss);
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < model_table(fixture.whole)->total; i++) {
        double a = model_gradients(fixture.whole)[i], b = model_gradients(fixture.parts)[i];
        difference += (a - b) * (a - b);
        norm += b * b;
    }
    assert_true(norm > 0 && difference <= 1e-10 * norm);
    model_destroy(fixture.whole);
    model_destroy(fixture.parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_end_belongs_to_the_document_before),
                                       cmocka_unit_test(a_beginning_belongs_to_the_document_after),
                                       cmocka_unit_test(a_window_without_a_border_is_one_document),
                                       cmocka_unit_test(documents_in_a_sequence_are_as_if_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

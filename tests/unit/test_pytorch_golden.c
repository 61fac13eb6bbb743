/* The model and AdamW against numbers made by PyTorch: tests/golden/pytorch_gpt2.py says how weights and
 * batches follow from integers, and is the source of the golden file. */
#include "llmpi/base/batch.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/model/model.h"
#include "llmpi/optimize/adamw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

/* Both sides compute in float32 and sum in different orders: losses differ by some 1e-7, gradients by some
 * 1e-6. */
#define LOSS_TOLERANCE     1e-5
#define GRADIENT_TOLERANCE 1e-4
#define STEPS_TOLERANCE    1e-4

#define LARGEST_BATCH 128 /* tokens */
#define LARGEST_STEPS 10

struct golden_batch {
    struct batch batch;
    uint32_t tokens[LARGEST_BATCH], targets[LARGEST_BATCH];
    float target_weight[LARGEST_BATCH];
    int32_t position[LARGEST_BATCH], first_visible[LARGEST_BATCH];
};

static uint32_t mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

static int64_t integer_of(const struct json *object, const char *name)
{
    int64_t value = 0;
    assert_true(json_get_integer(json_get_member(object, name), &value));
    return value;
}

static bool truth_of(const struct json *object, const char *name)
{
    bool value = false;
    assert_true(json_get_boolean(json_get_member(object, name), &value));
    return value;
}

static void fill_weights(struct model *model)
{
    const struct parameter_table *table = model_table(model);
    for (int64_t t = 0; t < table->count; t++) {
        const struct parameter *row = &table->rows[t];
        for (int64_t e = 0; e < row->count; e++) {
            double number = (double)(mix((uint32_t)(t << 20 | e)) >> 16) - 32768;
            double middle = row->start == START_ONE ? 1 : 0;
            model_parameters(model)[row->offset + e] = (float)(middle + number * 0x1p-17);
        }
    }
    model_refresh_all(model);
}

static void fill_batch(struct golden_batch *out, const struct json *golden)
{
    uint32_t sequences = (uint32_t)integer_of(golden, "sequences");
    uint32_t length = (uint32_t)integer_of(golden, "context_length");
    uint32_t vocab_size = (uint32_t)integer_of(golden, "vocab_size");
    bool masked = truth_of(golden, "masked");
    assert_in_range(sequences * length, 1, LARGEST_BATCH);
    out->batch = (struct batch){.sequences = sequences,
                                .length = length,
                                .tokens = out->tokens,
                                .targets = out->targets,
                                .target_weight = masked ? out->target_weight : NULL,
                                .position = masked ? out->position : NULL,
                                .first_visible = masked ? out->first_visible : NULL};
    for (uint32_t row = 0; row < sequences * length; row++) {
        uint32_t sequence = row / length, place = row % length, i = sequence * (length + 1) + place;
        out->tokens[row] = mix((1000u << 20) + i) % vocab_size;
        out->targets[row] = mix((1000u << 20) + i + 1) % vocab_size;
        out->target_weight[row] = (float)(mix((1001u << 20) + row) % 3) / 2;
        out->position[row] = (int32_t)((place + sequence) % length);
        out->first_visible[row] = (int32_t)(place - place % 5);
    }
}

static uint32_t base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = strchr(digits, c);
    assert_true(c != '\0' && found != NULL);
    return (uint32_t)(found - digits);
}

/* `count` float32 from base64 of little-endian bytes; free with free(). */
static float *decode_floats(const struct json *text, int64_t count)
{
    size_t length = 0;
    const char *digits = json_get_text(text, &length);
    assert_non_null(digits);
    assert_int_equal(length, (4 * count + 2) / 3 * 4);
    uint32_t *words = calloc((size_t)count + 1, sizeof *words);
    assert_non_null(words);
    for (size_t i = 0, byte = 0; i < length; i += 4) {
        uint32_t group = 0, bytes = 3;
        for (size_t j = 0; j < 4; j++) {
            bool padding = digits[i + j] == '=';
            bytes -= padding ? 1 : 0;
            group = group << 6 | (padding ? 0 : base64_digit(digits[i + j]));
        }
        for (uint32_t j = 0; j < bytes; j++, byte++)
            words[byte / 4] |= (group >> (16 - 8 * j) & 255) << (8 * (byte % 4));
    }
    float *floats = malloc((size_t)count * sizeof *floats);
    assert_non_null(floats);
    memcpy(floats, words, (size_t)count * sizeof *floats);
    free(words);
    return floats;
}

static void check_gradient(const struct parameter *row, const float *gradient, double weight,
                           const struct json *golden)
{
    float *expected =
        decode_floats(json_get_member(json_get_member(golden, "gradients"), row->name), row->count);
    double difference = 0, norm = 0;
    for (int64_t e = 0; e < row->count; e++) {
        double error = (double)gradient[e] / weight - (double)expected[e];
        difference += error * error;
        norm += (double)expected[e] * (double)expected[e];
    }
    free(expected);
    print_message("  %-24s norm %.6f, relative difference %.2g\n", row->name, sqrt(norm),
                  sqrt(difference / norm));
    assert_true(sqrt(difference / norm) < GRADIENT_TOLERANCE);
}

/* The mean loss; leaves the gradient of the summed loss in the model. */
static double mean_loss(struct model *model, const struct batch *batch, double *weight)
{
    struct model_loss sums = {0};
    memset(model_gradients(model), 0, (size_t)model_table(model)->total * sizeof(float));
    model_train(model, batch, 0, 0, &sums, NULL);
    *weight = sums.weight;
    return sums.loss / sums.weight;
}

static void adamw_step(struct model *model, float *moments, int64_t step, double weight)
{
    const struct parameter_table *table = model_table(model);
    float *gradients = model_gradients(model);
    double squares = 0;
    for (int64_t i = 0; i < table->total; i++)
        squares += (double)gradients[i] * (double)gradients[i];
    double clip = 1 / (sqrt(squares) / weight + 1e-6);
    for (int64_t i = 0; i < table->count; i++) {
        const struct parameter *row = &table->rows[i];
        const struct adamw settings = {.learning_rate = 1e-3,
                                       .beta1 = 0.9,
                                       .beta2 = 0.95,
                                       .epsilon = 1e-8,
                                       .weight_decay = row->decay ? 0.1 : 0,
                                       .step = step};
        adamw_update(&settings, model_parameters(model) + row->offset, gradients + row->offset,
                     moments + row->offset, moments + table->total + row->offset, row->count,
                     (clip < 1 ? clip : 1) / weight);
    }
    model_refresh_all(model);
}

static void check_steps(struct model *model, const struct batch *batch, const struct json *golden)
{
    const struct json *losses = json_get_member(golden, "adamw_losses");
    float *moments = calloc(2 * (size_t)model_table(model)->total, sizeof *moments);
    assert_non_null(moments);
    assert_int_equal(json_get_count(losses), LARGEST_STEPS);
    for (int64_t step = 1; step <= LARGEST_STEPS; step++) {
        double expected = 0, weight, loss = mean_loss(model, batch, &weight);
        assert_true(json_get_number(json_get_element(losses, step - 1), &expected));
        print_message("  AdamW step %lld: loss %.7f, PyTorch %.7f\n", (long long)step, loss, expected);
        assert_true(fabs(loss - expected) < STEPS_TOLERANCE * expected);
        adamw_step(model, moments, step, weight);
    }
    free(moments);
}

static void check_case(const struct json *golden)
{
    const struct model_shape shape = {.n_layer = integer_of(golden, "n_layer"),
                                      .n_head = integer_of(golden, "n_head"),
                                      .n_embd = integer_of(golden, "n_embd"),
                                      .context_length = integer_of(golden, "context_length"),
                                      .vocab_size = integer_of(golden, "vocab_size"),
                                      .bias = truth_of(golden, "bias"),
                                      .tied_head = truth_of(golden, "tied_head")};
    struct golden_batch batch;
    struct model *model;
    double expected = 0, weight;
    fill_batch(&batch, golden);
    const struct model_use use = {.sequences = batch.batch.sequences, .training = true};
    assert_int_equal(model_create(&shape, &use, &allocator_plain, &model), STATUS_OK);
    fill_weights(model);
    double loss = mean_loss(model, &batch.batch, &weight);
    assert_true(json_get_number(json_get_member(golden, "loss"), &expected));
    print_message("loss %.7f, PyTorch %.7f\n", loss, expected);
    assert_true(fabs(loss - expected) < LOSS_TOLERANCE * expected);
    const struct parameter_table *table = model_table(model);
    for (int64_t i = 0; i < table->count; i++)
        check_gradient(&table->rows[i], model_gradients(model) + table->rows[i].offset, weight, golden);
    check_steps(model, &batch.batch, golden);
    model_destroy(model);
}

static struct json *read_golden(void)
{
    const char *source = getenv("LLMPI_SOURCE");
    struct buffer text = {0};
    struct json *document = NULL;
    char *path = path_join(source == NULL ? "." : source, "tests/golden/pytorch_gpt2.json");
    assert_non_null(path);
    assert_int_equal(file_read(path, &text), STATUS_OK);
    assert_int_equal(json_parse(text.data, text.length, &document), STATUS_OK);
    buffer_free(&text);
    free(path);
    return document;
}

static void test_cases(void **state)
{
    (void)state;
    struct json *document = read_golden();
    const struct json *cases = json_get_member(document, "cases");
    assert_int_equal(json_get_count(cases), 2);
    for (int64_t i = 0; i < json_get_count(cases); i++)
        check_case(json_get_element(cases, i));
    json_free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

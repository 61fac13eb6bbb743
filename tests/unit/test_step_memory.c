/* A step allocates nothing once two steps are done: no call of malloc, calloc, realloc, posix_memalign,
 * aligned_alloc or mmap, by llmpi, libgomp, BLAS or the C library, on one rank, over tokens that a function
 * makes. What libraries allocate is the least of some steps: BLAS starts threads of its own with the program,
 * which may get to run, and to take their memory, much later. */
#include "llmpi/kernels/matmul_bf16.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/train/step.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { VOCABULARY = 300, LENGTH = 48, STEPS = 5 };

#ifdef __SANITIZE_ADDRESS__ /* has an allocator of its own */

int main(void)
{
    puts("skipped: the sanitizers replace malloc themselves");
    return 77;
}

#else

#include "allocation_count.h"

static enum status read_tokens(void *context, int64_t number, const struct sequence *out)
{
    (void)context;
    for (int i = 0; i <= LENGTH; i++)
        out->tokens[i] = (uint32_t)((number * 7 + i * 13) % VOCABULARY);
    return STATUS_OK;
}

/* Three slots of which one is shorter, so that slots are put aside and merged, and micro-batches within them;
 * large enough for parallel loops and for BLAS' blocked products. */
static void make_config(struct config *config)
{
    const struct string_list none = {0};
    assert_int_equal(config_load(config, NULL, &none), STATUS_OK);
    config->tokenizer.vocab_size = VOCABULARY;
    config->model.n_layer = 2;
    config->model.n_head = 2;
    config->model.n_embd = 96;
    config->model.context_length = LENGTH;
    config->model.dropout = 0.1;
    config->train.batch_size = 8;
    config->train.micro_batch = 2;
    config->train.slots = 3;
    config->train.precision = PRECISION_FP32;
}

/* Allocations of a step after the second: by the program the most, by anyone the least. */
struct counts {
    long program, all;
};

static struct counts count_steps(const struct config *config, enum element element)
{
    struct train_state state;
    struct stepper *stepper;
    struct timers timers = {0};
    struct step_result result;
    struct counts counts = {0, LONG_MAX};
    struct comm *comm = comm_alone();
    struct model_use use = state_model_use(config, element, step_micro_batch(config, 1), true);
    assert_non_null(comm);
    assert_int_equal(state_create(config, NULL, &use, comm, &state), STATUS_OK);
    parameter_initialise(model_table(state.model), 1, model_parameters(state.model));
    model_refresh_all(state.model);
    const struct sequences sequences = {.read = read_tokens};
    assert_int_equal(stepper_create(config, &state, sequences, comm, &stepper), STATUS_OK);
    for (int step = 1; step <= STEPS; step++) {
        long before = allocations_of_all, own = allocations_of_program;
        enum status status = stepper_run(stepper, STATUS_OK, &timers, &result);
        long all = allocations_of_all - before, program = allocations_of_program - own;
        assert_int_equal(status, STATUS_OK);
        counts.all = step > 2 && all < counts.all ? all : counts.all;
        counts.program = step > 2 && program > counts.program ? program : counts.program;
    }
    stepper_destroy(stepper);
    state_destroy(&state);
    comm_end(comm);
    return counts;
}

static void check_element(enum element element)
{
    struct config config;
    int threads = threads_count();
    make_config(&config);
    for (int mode = TRAIN_RECOMPUTE_NONE; mode <= TRAIN_RECOMPUTE_BLOCK; mode++) {
        config.train.recompute = mode;
        threads_set(1 + mode);
        struct counts counts = count_steps(&config, element);
        if (element == ELEMENT_BF16 && strcmp(matmul_bf16_name(), "onednn") == 0)
            counts.all = 0; /* oneDNN's own calls allocate */
        if (counts.program != 0 || counts.all != 0)
            fail_msg("a step allocates %ld times itself, %ld with libraries (%d threads, recompute %d)",
                     counts.program, counts.all, 1 + mode, mode);
    }
    threads_set(threads);
    config_free(&config);
}

static void a_step_in_fp32_allocates_nothing(void **state)
{
    (void)state;
    check_element(ELEMENT_FP32);
}

static void a_step_in_bf16_allocates_nothing(void **state)
{
    (void)state;
    check_element(ELEMENT_BF16);
}

/* The counter must see each way to allocate, also from within a library. Through pointers, since compilers
 * take it that malloc changes nothing they can see. */
static void the_counter_counts(void **state)
{
    (void)state;
    void *(*volatile one)(size_t) = malloc, *(*volatile zeroed)(size_t, size_t) = calloc;
    void *(*volatile again)(void *, size_t) = realloc, *(*volatile aligned)(size_t, size_t) = aligned_alloc;
    char *(*volatile library)(const char *) = strdup;
    long before = allocations_of_all, own = allocations_of_program;
    void *kept[] = {one(1), zeroed(1, 1), again(NULL, 1), aligned(64, 64),
                    allocator_plain.allocate(NULL, 1, "posix_memalign")};
    void *mapped = allocator_huge.allocate(NULL, (size_t)4 << 20, "mmap");
    assert_true(allocations_of_all - before >= 6);
    assert_int_equal(allocations_of_program - own, 6);
    char *copy = library("from a library");
    assert_true(allocations_of_all - before >= 7);
    assert_int_equal(allocations_of_program - own, 6);
    allocator_huge.release(NULL, mapped);
    free(copy);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        free(kept[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_counter_counts),
                                       cmocka_unit_test(a_step_in_fp32_allocates_nothing),
                                       cmocka_unit_test(a_step_in_bf16_allocates_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* The products on AMX tiles against sums in double precision of the same bf16 numbers. Every buffer ends
 * where a page begins that cannot be touched, so that reading or writing past an end, which the sanitizers do
 * not see in tile instructions, ends the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/kernels/matmul_provider.h"
#include "llmpi/kernels/threads.h"
#include "reference/samples.h"

#include <cmocka.h> /* last: it defines fail() */

#ifdef __x86_64__

static const struct {
    int64_t rows, inputs, outputs;
} shapes[] = {{0, 3, 5},     {1, 1, 1},      {1, 64, 96},   {2, 15, 16},    {15, 17, 31},
              {16, 33, 2},   {17, 2, 63},    {31, 65, 15},  {33, 31, 33},   {64, 64, 64},
              {65, 63, 100}, {100, 257, 17}, {63, 96, 65},  {257, 100, 31}, {96, 416, 800},
              {31, 801, 65}, {288, 64, 448}, {1, 1200, 33}, {40, 3104, 64}};

/* Several steps of the gradient, the last of which has more panels per block than the others; several
 * stripes. */
static const int64_t long_rows[] = {1724, 20, 736}, wide_outputs[] = {40, 7, 4200},
                     wide_inputs[] = {40, 4200, 7};

enum { SHAPES = sizeof shapes / sizeof *shapes };

/* `bytes` bytes that end at a page without access; before them at least one more such page. */
struct guarded {
    void *mapping, *start;
    size_t mapped;
};

static struct guarded guarded_allocate(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page;
    struct guarded memory = {.mapped = inside + 2 * page};
    memory.mapping = mmap(NULL, memory.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory.mapping != MAP_FAILED);
    assert_int_equal(mprotect((char *)memory.mapping + page, inside, PROT_READ | PROT_WRITE), 0);
    memory.start = (char *)memory.mapping + page + inside - bytes;
    return memory;
}

static void guarded_free(struct guarded memory)
{
    assert_int_equal(munmap(memory.mapping, memory.mapped), 0);
}

static struct guarded weight_memory;

static void *allocate_weight(void *context, size_t bytes, const char *what)
{
    (void)context;
    (void)what;
    weight_memory = guarded_allocate(bytes);
    return weight_memory.start;
}

static void release_weight(void *context, void *pointer)
{
    (void)context;
    assert_ptr_equal(pointer, weight_memory.start);
    guarded_free(weight_memory);
}

static const struct allocator guarding = {allocate_weight, release_weight, NULL};

/* A matrix in both formats, equal in value, and one of floats that need not be. */
struct matrix {
    int64_t count;
    struct guarded narrow, wide;
    double *values;
};

static struct matrix matrix_of(int64_t rows, int64_t columns, uint64_t seed)
{
    struct matrix matrix = {.count = rows * columns};
    size_t count = (size_t)matrix.count;
    matrix.narrow = guarded_allocate(count * sizeof(bf16));
    matrix.wide = guarded_allocate(count * sizeof(float));
    float *numbers = samples(matrix.count, seed, 1.0);
    element_from_float(matrix.narrow.start, numbers, matrix.count);
    element_to_float(matrix.wide.start, matrix.narrow.start, matrix.count);
    free(numbers);
    matrix.values = widened(matrix.wide.start, matrix.count);
    return matrix;
}

static void matrix_free(struct matrix matrix)
{
    guarded_free(matrix.narrow);
    guarded_free(matrix.wide);
    free(matrix.values);
}

/* Element (i, j) is values[i * row + j * column]. */
struct view {
    const double *values;
    int64_t row, column;
};

static struct view straight(const struct matrix *matrix, int64_t columns)
{
    return (struct view){matrix->values, columns, 1};
}

static struct view turned(const struct matrix *matrix, int64_t columns)
{
    return (struct view){matrix->values, 1, columns};
}

/* The output of a product: what was added to it first, per element (`start`) or column (`bias`). */
struct output {
    const void *y;
    enum element element;
    const double *start, *bias;
};

/* k additions in single precision, each within half a step of what is at most the sum of magnitudes; then
 * rounding to the eight bits of bf16. */
static double tolerance(int64_t k, double magnitude, double wanted, enum element element)
{
    double single = (double)(k + 2) * 0x1p-24 * magnitude;
    return element == ELEMENT_BF16 ? 1.01 * single + 0x1p-8 * fabs(wanted) : single;
}

static void check(struct output output, struct view left, struct view right, int64_t m, int64_t n, int64_t k)
{
    for (int64_t i = 0; i < m * n; i++) {
        double sum =
            (output.start != NULL ? output.start[i] : 0.0) + (output.bias != NULL ? output.bias[i % n] : 0.0);
        double magnitude = fabs(sum);
        for (int64_t j = 0; j < k; j++) {
            double term = left.values[i / n * left.row + j * left.column] *
                          right.values[j * right.row + i % n * right.column];
            sum += term;
            magnitude += fabs(term);
        }
        float got = output.element == ELEMENT_FP32 ? ((const float *)output.y)[i] : 0.0f;
        if (output.element == ELEMENT_BF16)
            element_to_float(&got, (const bf16 *)output.y + i, 1);
        assert_true(fabs((double)got - sum) <= tolerance(k, magnitude, sum, output.element));
    }
}

struct problem {
    int64_t rows, inputs, outputs;
    bool transposed;
    struct matrix x, dy, master, bias, gradient;
    void *packed;
    struct guarded workspace;
};

static struct problem problem_of(int64_t rows, int64_t inputs, int64_t outputs, bool transposed)
{
    struct problem problem = {.rows = rows, .inputs = inputs, .outputs = outputs, .transposed = transposed};
    problem.x = matrix_of(rows, inputs, 1);
    problem.dy = matrix_of(rows, outputs, 2);
    problem.master = matrix_of(inputs, outputs, 3);
    problem.gradient = matrix_of(inputs, outputs, 4);
    problem.bias = matrix_of(1, outputs, 5);
    problem.packed = matmul_amx.create(inputs, outputs, &guarding);
    assert_non_null(problem.packed);
    assert_true(weight_memory.mapped >= (size_t)matmul_amx.packed_bytes(inputs, outputs));
    matmul_amx.pack(problem.packed, problem.master.wide.start, transposed);
    int64_t bytes = matmul_amx.workspace_bytes(inputs, outputs, rows);
    assert_int_equal(bytes % 64, 0);
    problem.workspace = guarded_allocate((size_t)bytes);
    return problem;
}

static void problem_free(struct problem *problem)
{
    matmul_amx.destroy(problem->packed, &guarding);
    matrix_free(problem->x);
    matrix_free(problem->dy);
    matrix_free(problem->master);
    matrix_free(problem->gradient);
    matrix_free(problem->bias);
    guarded_free(problem->workspace);
}

static struct view weight_view(const struct problem *problem, bool backward)
{
    int64_t columns = problem->transposed ? problem->inputs : problem->outputs;
    return problem->transposed == backward ? straight(&problem->master, columns)
                                           : turned(&problem->master, columns);
}

static void check_forward(const struct problem *problem, enum element element, bool biased)
{
    struct guarded y = guarded_allocate((size_t)(problem->rows * problem->outputs) * element_size(element));
    matmul_amx.forward(y.start, element, problem->x.narrow.start, problem->packed,
                       biased ? problem->bias.wide.start : NULL, problem->rows, problem->workspace.start);
    check((struct output){y.start, element, NULL, biased ? problem->bias.values : NULL},
          straight(&problem->x, problem->inputs), weight_view(problem, false), problem->rows,
          problem->outputs, problem->inputs);
    guarded_free(y);
}

static void check_backward(const struct problem *problem)
{
    struct guarded dx = guarded_allocate((size_t)(problem->rows * problem->inputs) * sizeof(bf16));
    matmul_amx.backward_input(dx.start, problem->dy.narrow.start, problem->packed, problem->rows,
                              problem->workspace.start);
    check((struct output){dx.start, ELEMENT_BF16, NULL, NULL}, straight(&problem->dy, problem->outputs),
          weight_view(problem, true), problem->rows, problem->inputs, problem->outputs);
    guarded_free(dx);
    matmul_amx.backward_weight(problem->gradient.wide.start, problem->transposed, problem->x.narrow.start,
                               problem->dy.narrow.start, problem->inputs, problem->outputs, problem->rows,
                               problem->workspace.start);
    struct output gradient = {problem->gradient.wide.start, ELEMENT_FP32, problem->gradient.values, NULL};
    if (problem->transposed)
        check(gradient, turned(&problem->dy, problem->outputs), straight(&problem->x, problem->inputs),
              problem->outputs, problem->inputs, problem->rows);
    else
        check(gradient, turned(&problem->x, problem->inputs), straight(&problem->dy, problem->outputs),
              problem->inputs, problem->outputs, problem->rows);
}

static void check_shape(int64_t rows, int64_t inputs, int64_t outputs)
{
    for (int transposed = 0; transposed < 2; transposed++) {
        struct problem problem = problem_of(rows, inputs, outputs, transposed == 1);
        for (int variant = 0; variant < 4; variant++)
            check_forward(&problem, variant % 2 == 0 ? ELEMENT_FP32 : ELEMENT_BF16, variant / 2 == 1);
        check_backward(&problem);
        problem_free(&problem);
    }
}

static void skip_without_tiles(void)
{
    if (cpu_level() < matmul_amx.needs) {
        print_message("skipped: this process has no AMX tiles\n");
        skip();
    }
}

static void matches_sums_in_double_precision(void **state)
{
    (void)state;
    skip_without_tiles();
    for (int threads = 1; threads <= 3; threads++) {
        threads_set(threads);
        for (int shape = 0; shape < SHAPES; shape++)
            check_shape(shapes[shape].rows, shapes[shape].inputs, shapes[shape].outputs);
    }
    threads_set(2);
}

static void large_sizes_are_cut_into_steps(void **state)
{
    (void)state;
    skip_without_tiles();
    threads_set(1); /* so that no other thread's share hides a workspace that is too small */
    check_shape(long_rows[0], long_rows[1], long_rows[2]);
    check_shape(wide_outputs[0], wide_outputs[1], wide_outputs[2]);
    check_shape(wide_inputs[0], wide_inputs[1], wide_inputs[2]);
    threads_set(2);
}

/* All results of a problem, one after another. */
static void compute_all(const struct problem *problem, float *y, bf16 *dx, float *dweight)
{
    struct guarded workspace = guarded_allocate(
        (size_t)matmul_amx.workspace_bytes(problem->inputs, problem->outputs, problem->rows));
    matmul_amx.pack(problem->packed, problem->master.wide.start, problem->transposed);
    matmul_amx.forward(y, ELEMENT_FP32, problem->x.narrow.start, problem->packed, problem->bias.wide.start,
                       problem->rows, workspace.start);
    matmul_amx.backward_input(dx, problem->dy.narrow.start, problem->packed, problem->rows, workspace.start);
    matmul_amx.backward_weight(dweight, problem->transposed, problem->x.narrow.start,
                               problem->dy.narrow.start, problem->inputs, problem->outputs, problem->rows,
                               workspace.start);
    guarded_free(workspace);
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    skip_without_tiles();
    enum { ROWS = 1300, INPUTS = 500, OUTPUTS = 450 };
    struct problem problem = problem_of(ROWS, INPUTS, OUTPUTS, false);
    float *y[2], *dweight[2];
    bf16 *dx[2];
    for (int threads = 1; threads <= 5; threads++) {
        int turn = threads > 1;
        threads_set(threads);
        y[turn] = repeated(ROWS * OUTPUTS, NAN);
        dx[turn] = (bf16 *)repeated(ROWS * INPUTS, NAN);
        dweight[turn] = repeated(INPUTS * OUTPUTS, 0.25f);
        compute_all(&problem, y[turn], dx[turn], dweight[turn]);
        if (turn == 0)
            continue;
        assert_memory_equal(y[0], y[1], ROWS * OUTPUTS * sizeof(float));
        assert_memory_equal(dx[0], dx[1], ROWS * INPUTS * sizeof(bf16));
        assert_memory_equal(dweight[0], dweight[1], INPUTS * OUTPUTS * sizeof(float));
        free(y[1]), free(dx[1]), free(dweight[1]);
    }
    threads_set(2);
    free(y[0]), free(dx[0]), free(dweight[0]);
    problem_free(&problem);
}

/* The first rows of a product are those of a shorter one. */
static void bits_do_not_depend_on_rows(void **state)
{
    (void)state;
    skip_without_tiles();
    enum { ROWS = 600, FEW = 37, INPUTS = 800, OUTPUTS = 130 };
    struct problem problem = problem_of(ROWS, INPUTS, OUTPUTS, true);
    float *y = repeated(ROWS * OUTPUTS, NAN), *few = repeated(FEW * OUTPUTS, NAN);
    matmul_amx.forward(y, ELEMENT_FP32, problem.x.narrow.start, problem.packed, NULL, ROWS,
                       problem.workspace.start);
    matmul_amx.forward(few, ELEMENT_FP32, problem.x.narrow.start, problem.packed, NULL, FEW,
                       problem.workspace.start);
    assert_memory_equal(y, few, FEW * OUTPUTS * sizeof(float));
    free(y), free(few);
    problem_free(&problem);
}

/* One NaN in x reaches its row of y and nothing else, also where rows and columns are filled up. */
static void nan_stays_in_its_row(void **state)
{
    (void)state;
    skip_without_tiles();
    struct problem problem = problem_of(30, 40, 50, false);
    float *y = repeated(30 * 50, 0.0f);
    ((bf16 *)problem.x.narrow.start)[7 * 40 + 39] = 0x7fc0;
    matmul_amx.forward(y, ELEMENT_FP32, problem.x.narrow.start, problem.packed, NULL, 30,
                       problem.workspace.start);
    for (int i = 0; i < 30 * 50; i++)
        assert_int_equal(isnan(y[i]) != 0, i / 50 == 7);
    free(y);
    problem_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_sums_in_double_precision),
        cmocka_unit_test(large_sizes_are_cut_into_steps),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(bits_do_not_depend_on_rows),
        cmocka_unit_test(nan_stays_in_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77; /* skipped: tiles are an extension of x86-64 */
}

#endif

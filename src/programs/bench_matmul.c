/* `llmpi bench matmul CONFIG`: how near the matrix products of a model come to the machine's peak. */
#include "bench_products.h"

#include "llmpi/kernels/threads.h"
#include "llmpi/train/precision.h"
#include "llmpi/train/step.h"

#include <inttypes.h>
#include <stdio.h>

static const struct flag flags[] = {
    {"--rounds", "N", "How often everything is measured, in turn (5)"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command command = {
    .name = "bench matmul",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .alone = true,
    .help = "Measures every matrix product of the model at train.micro_batch x model.context_length tokens: "
            "forward, gradient of the input (dX) and of the weight (dW), beside the best of large square "
            "products",
};

static const char *const kind_names[PRODUCT_KINDS] = {"forward", "dx", "dw"};

/* FLOP of all calls of one kind in a pass. */
static double pass_flop(const struct products *products)
{
    double sum = 0;
    for (int i = 0; i < PRODUCTS; i++)
        sum += products_get(products, i)->calls * product_flop(products_get(products, i));
    return sum;
}

static void print_rate(double flop, double seconds, double peak)
{
    printf(" %9.1f %4.0f%%", flop / seconds / 1e9, 100 * flop / seconds / peak);
}

static void print_row(const struct products *products, int index, double peak)
{
    const struct product *product = products_get(products, index);
    double pass = 0;
    printf("%-20s %7" PRId64 " %7" PRId64 " %7" PRId64 " %6.1f", product->name, product->rows,
           product->inputs, product->outputs, product->calls);
    for (int kind = 0; kind < PRODUCT_KINDS; kind++) {
        double seconds = products_time(products, index, (enum product_kind)kind).best;
        print_rate(product_flop(product), seconds, peak);
        pass += product->calls * seconds;
    }
    printf(" %10.2f\n", 1e3 * pass);
}

static void print_table(const struct products *products, const struct config *config, int64_t rounds)
{
    int64_t size = 0;
    double peak = products_peak(products, &size), flop = pass_flop(products);
    printf("matrix products of a pass over %" PRId64 " x %" PRId64
           " tokens, %s, %d thread%s, best of %" PRId64 " rounds\n",
           step_micro_batch(config, 1), config->model.context_length,
           precision_name(products_element(products)), threads_count(), threads_count() == 1 ? "" : "s",
           rounds);
    printf("peak: %.1f GFLOP/s, of square products of %" PRId64 "\n\n", peak / 1e9, size);
    printf("%-20s %7s %7s %7s %6s %15s %15s %15s %10s\n", "GFLOP/s, % of peak", "rows", "inputs", "outputs",
           "calls", "forward", "dX", "dW", "ms a pass");
    for (int i = 0; i < PRODUCTS; i++)
        print_row(products, i, peak);
    printf("%-20s %7s %7s %7s %6s", "all", "", "", "", "");
    for (int kind = 0; kind < PRODUCT_KINDS; kind++)
        print_rate(flop, products_seconds(products, (enum product_kind)kind), peak);
    printf(" %10.2f\n", 1e3 * products_seconds(products, PRODUCT_KINDS));
}

static void print_product_json(const struct products *products, int index, double peak)
{
    const struct product *product = products_get(products, index);
    printf("%s{\"name\": \"%s\", \"rows\": %" PRId64 ", \"inputs\": %" PRId64 ", \"outputs\": %" PRId64
           ", \"calls\": %.17g",
           index == 0 ? "" : ", ", product->name, product->rows, product->inputs, product->outputs,
           product->calls);
    for (int kind = 0; kind < PRODUCT_KINDS; kind++) {
        struct timing time = products_time(products, index, (enum product_kind)kind);
        double flop = product_flop(product);
        printf(", \"%s_gflops\": %.3f, \"%s_median_gflops\": %.3f, \"%s_percent\": %.2f", kind_names[kind],
               flop / time.best / 1e9, kind_names[kind], flop / time.median / 1e9, kind_names[kind],
               100 * flop / time.best / peak);
    }
    printf("}");
}

static void print_json(const struct products *products, int64_t rounds)
{
    int64_t size = 0;
    double peak = products_peak(products, &size), seconds = products_seconds(products, PRODUCT_KINDS);
    double rate = PRODUCT_KINDS * pass_flop(products) / seconds;
    printf("{\"precision\": \"%s\", \"threads\": %d, \"rounds\": %" PRId64
           ", \"peak_gflops\": %.3f, \"peak_size\": %" PRId64
           ", \"gflops\": %.3f, \"percent\": %.2f, \"pass_seconds\": %.9g, \"products\": [",
           precision_name(products_element(products)), threads_count(), rounds, peak / 1e9, size, rate / 1e9,
           100 * rate / peak, seconds);
    for (int i = 0; i < PRODUCTS; i++)
        print_product_json(products, i, peak);
    printf("]}\n");
}

static enum status run(struct program *program)
{
    const struct config *config = &program->config;
    struct products *products;
    struct model_shape shape;
    struct model_use use;
    int64_t rounds = 5;
    TRY(arguments_get_integer(&program->arguments, "--rounds", 1, 1000, &rounds));
    TRY(bench_shape(config, &shape));
    TRY(bench_use(program, &use));
    TRY(products_create(&shape, &use, &products));
    enum status status = products_measure(products, rounds);
    if (status == STATUS_OK && arguments_has(&program->arguments, "--json"))
        print_json(products, rounds);
    else if (status == STATUS_OK)
        print_table(products, config, rounds);
    products_destroy(products);
    return status;
}

const struct bench bench_matmul = {&command, run};

/* `llmpi bench NAME ...`: how fast parts of the program are on this machine. Each NAME is a file of its own,
 * bench_NAME.c; this one has the table of them. */
#include "bench.h"
#include "llmpi/programs/programs.h"

#include <stdio.h>
#include <string.h>

static const struct bench *const benches[] = {&bench_matmul,   &bench_kernels,  &bench_step,
                                              &bench_exchange, &bench_generate, &bench_tokenizer};

static void print_usage(void)
{
    printf("usage: llmpi bench NAME ...\n\n");
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++)
        printf("  llmpi %s %s [--flags]\n", benches[i]->command->name, benches[i]->command->positionals);
    printf("\n`llmpi bench NAME --help` says more.\n");
}

static enum status run(const struct bench *bench, int count, char **words)
{
    struct program program;
    enum status status = program_begin(bench->command, count, words, &program);
    if (status == STATUS_OK && !program.finished)
        status = bench->run(&program);
    return program_end(&program, status);
}

enum status program_bench(int count, char **words)
{
    if (count == 0)
        return fail(STATUS_USAGE, "the name of a benchmark is missing: `llmpi bench --help` lists them");
    if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
        print_usage();
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++)
        if (strcmp(words[0], benches[i]->command->name + strlen("bench ")) == 0)
            return run(benches[i], count - 1, words + 1);
    return fail(STATUS_USAGE, "llmpi bench has no '%.100s': `llmpi bench --help` lists what it has",
                words[0]);
}

/* `llmpi scale CONFIG`: how fast steps are on several numbers of ranks, and what that lets expect of more
 * nodes. Each measurement is a `llmpi bench step` of its own, started by mpirun or by Slurm, and a file of
 * its own, so that a command that was stopped goes on where it was. */
#include "scale.h"

#include "llmpi/base/file.h"
#include "llmpi/base/folder_lock.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/programs/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANKS = 1 << 20 };

static const struct flag flags[] = {
    {"--ranks", "LIST", "Numbers of ranks to measure (1,2)"},
    {"--mode", "weak|strong",
     "weak: train.batch_size sequences for each rank (the default); strong: for all ranks together"},
    {"--steps", "N", "Steps of a measurement (5)"},
    {"--rounds", "N", "Measurements of each number of ranks, in turn; the fastest counts (1)"},
    {"--output", "DIR", "Folder of the measurements (runs/scale/MODE); those that are there are kept"},
    {"--fresh", NULL, "Measure everything again"},
    {"--mpirun", "COMMAND", "What starts ranks, before -np (mpirun): \"mpirun --host a,b\""},
    {"--slurm", NULL, "Write Slurm scripts instead of measuring; the same command later shows their results"},
    {"--sbatch", "OPTIONS", "For the scripts: \"--ntasks-per-node=2 --time=30\""},
    {"--submit", NULL, "Submit the scripts of what is neither measured nor queued"},
    {"--link", "BANDWIDTH[,LATENCY[,MESSAGE]]",
     "Predict steps of more nodes: 10gbit or bytes per second each way; microseconds of a short message (20) "
     "and between short messages in a stream (1)"},
    {"--exchange", "FILE", "The same for a link that `llmpi bench exchange --json` measured into this file"},
    {"--nodes", "A..B", "Nodes to predict: A, 2 A, 4 A, ... up to B (2..1024)"},
};
static const struct command command = {
    .name = "scale",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .alone = true,
    .help = "Measures steps (`llmpi bench step`) on several numbers of ranks, started by mpirun or Slurm, "
            "prints a table of speed, efficiency, communication and memory, and writes scale.csv and "
            "scale.svg beside the measurements",
};

static int compare_numbers(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static enum status fail_ranks(const char *text)
{
    return fail(
        STATUS_USAGE,
        "--ranks is '%.100s' but must be up to %d different whole numbers from 1 to %d, such as 1,2,4", text,
        SCALE_LIST, MOST_RANKS);
}

/* "1,2,4" */
static enum status parse_ranks(struct scale *scale)
{
    const char *text = arguments_get(scale->arguments, "--ranks"), *next = text != NULL ? text : "1,2";
    for (bool more = true; more;) {
        size_t digits = strspn(next, "0123456789");
        long value = digits > 0 && digits < 9 ? strtol(next, NULL, 10) : 0;
        if (value < 1 || value > MOST_RANKS || scale->rank_count == SCALE_LIST)
            return fail_ranks(text);
        scale->ranks[scale->rank_count++] = value;
        more = next[digits] == ',';
        if (!more && next[digits] != '\0')
            return fail_ranks(text);
        next += digits + 1;
    }
    qsort(scale->ranks, (size_t)scale->rank_count, sizeof *scale->ranks, compare_numbers);
    for (int64_t i = 1; i < scale->rank_count; i++)
        if (scale->ranks[i] == scale->ranks[i - 1])
            return fail_ranks(text);
    return STATUS_OK;
}

/* "2..1024" */
static enum status parse_nodes(struct scale *scale)
{
    const char *text = arguments_get(scale->arguments, "--nodes");
    const char *range = text != NULL ? text : "2..1024";
    size_t first = strspn(range, "0123456789");
    const char *last = range + first + 2;
    bool right = first > 0 && first < 9 && strncmp(range + first, "..", 2) == 0;
    right = right && *last != '\0' && strlen(last) < 9 && strspn(last, "0123456789") == strlen(last);
    long a = right ? strtol(range, NULL, 10) : 0, b = right ? strtol(last, NULL, 10) : 0;
    if (a < 1 || b < a)
        return fail(STATUS_USAGE, "--nodes is '%.100s' but must be two whole numbers, such as 2..1024",
                    range);
    for (int64_t nodes = a; nodes <= b; nodes *= 2)
        scale->nodes[scale->node_count++] = nodes;
    return STATUS_OK;
}

static enum status parse_link(struct scale *scale)
{
    const char *text = arguments_get(scale->arguments, "--link");
    const char *file = arguments_get(scale->arguments, "--exchange");
    scale->has_link = text != NULL || file != NULL;
    if (text != NULL && file != NULL)
        return fail(STATUS_USAGE, "--link and --exchange both describe the link: give one of them");
    if (!scale->has_link && arguments_has(scale->arguments, "--nodes"))
        return fail(STATUS_USAGE, "--nodes asks for a prediction, which needs --link or --exchange");
    if (text != NULL)
        return scale_parse_link(text, &scale->link);
    return file != NULL ? scale_fit_link(file, &scale->link) : STATUS_OK;
}

static enum status check_launcher(const struct arguments *arguments)
{
    bool slurm = arguments_has(arguments, "--slurm");
    for (int i = 0; i < 2 && !slurm; i++) {
        static const char *const needing[] = {"--submit", "--sbatch"};
        if (arguments_has(arguments, needing[i]))
            return fail(STATUS_USAGE, "%s is for Slurm: give --slurm with it", needing[i]);
    }
    if (slurm && arguments_has(arguments, "--mpirun"))
        return fail(STATUS_USAGE, "--mpirun and --slurm are two ways to start ranks: give one of them");
    return STATUS_OK;
}

static enum status parse(struct scale *scale)
{
    const char *mode = arguments_get(scale->arguments, "--mode");
    const char *folder = arguments_get(scale->arguments, "--output");
    scale->strong = mode != NULL && strcmp(mode, "strong") == 0;
    if (mode != NULL && !scale->strong && strcmp(mode, "weak") != 0)
        return fail(STATUS_USAGE, "--mode is '%.100s' but must be weak or strong", mode);
    TRY(parse_ranks(scale));
    TRY(arguments_get_integer(scale->arguments, "--steps", 1, 100000, &scale->steps));
    TRY(arguments_get_integer(scale->arguments, "--rounds", 1, 1000, &scale->rounds));
    TRY(check_launcher(scale->arguments));
    TRY(parse_nodes(scale));
    TRY(parse_link(scale));
    if (folder == NULL)
        folder = scale->strong ? "runs/scale/strong" : "runs/scale/weak";
    scale->folder = memory_copy_text(folder, strlen(folder));
    return scale->folder != NULL ? STATUS_OK : STATUS_FAILED;
}

static enum status measure(struct scale *scale)
{
    TRY(scale_prepare(scale, arguments_has(scale->arguments, "--fresh")));
    TRY(arguments_has(scale->arguments, "--slurm")
            ? scale_slurm(scale, arguments_has(scale->arguments, "--submit"))
            : scale_run(scale));
    TRY(scale_collect(scale));
    if (scale_first(scale) == NULL) {
        log_info("nothing is measured yet in %s", scale->folder);
        return STATUS_OK;
    }
    TRY(scale_predict(scale));
    scale_print(scale);
    TRY(scale_write_csv(scale));
    return scale_write_plot(scale);
}

enum status program_scale(int count, char **arguments)
{
    struct program program;
    struct folder_lock *lock = NULL;
    enum status status = program_begin(&command, count, arguments, &program);
    struct scale scale = {
        .arguments = &program.arguments, .config = &program.config, .rounds = 1, .steps = 5};
    if (status != STATUS_OK || program.finished)
        return program_end(&program, status);
    status = parse(&scale);
    if (status == STATUS_OK)
        status = directory_create(scale.folder);
    if (status == STATUS_OK)
        status = folder_lock_take(scale.folder, "--output", &lock);
    if (status == STATUS_OK)
        status = measure(&scale);
    folder_lock_release(lock);
    free(scale.folder);
    return program_end(&program, status);
}

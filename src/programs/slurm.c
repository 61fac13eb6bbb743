/* `llmpi slurm CONFIG`: slurm/train.sbatch, which the build puts into this program, with the lines filled in
 * that the plan knows. Every other line is printed as it is, so the two cannot drift. */
#include "plan.h"
#include "shell_words.h"
#include "train_sbatch.h"

#include "llmpi/base/log.h"
#include "llmpi/base/version.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct flag flags[] = {
    {"--nodes", "N", "Nodes of the job (default 1)"},
    {"--ntasks-per-node", "N", "Ranks on each node, best one for each NUMA node (default 2)"},
    {"--cpus-per-task", "N",
     "Processors of each rank, as Slurm counts them, on nodes shared with others; without it the job takes "
     "whole nodes"},
    {"--time", "TIME", "Slurm's time limit for one start: [DAYS-]HOURS:MINUTES:SECONDS (default 1-00:00:00)"},
    {"--partition", "NAME", "Slurm's partition"},
    {"--launcher", "srun|mpirun", "What starts the ranks (default srun)"},
    {"--sbatch", "OPTIONS", "More options for sbatch, such as \"--account=NAME --mail-type=FAIL\""},
    {"--speed", "TOKENS_PER_SECOND", "Speed of the whole run: tells how often the job will start"},
};

static const struct command command = {
    .name = "slurm",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .help = "Prints a job script that trains the run of a configuration: slurm/train.sbatch, with nodes, "
            "memory and time filled in. Submit it from any folder",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .alone = true,
};

struct job {
    const struct arguments *arguments;
    const struct config *config;
    const char *path; /* of the configuration */
    int64_t nodes, ranks_per_node;
    int64_t processors; /* of a rank; 0: whole nodes */
    const char *time, *partition, *launcher, *more;
    double seconds; /* of the time limit */
    int64_t memory; /* bytes of a node */
    struct plan plan;
};

/* --- what was asked for --- */

static enum status fail_time(const char *text)
{
    return fail(STATUS_USAGE,
                "--time is '%.100s' but must be a minute or more as Slurm writes it, such as 90 (minutes), "
                "12:00:00 or 2-00:00:00",
                text);
}

/* MINUTES[:SECONDS], HOURS:MINUTES:SECONDS or DAYS-HOURS[:MINUTES[:SECONDS]]. */
static enum status parse_time(const char *text, double *seconds)
{
    int64_t parts[3] = {0}, days = -1;
    int count = 0;
    for (const char *next = text;; next++) {
        size_t digits = strspn(next, "0123456789");
        if (digits == 0 || digits > 6 || count == 3)
            return fail_time(text);
        parts[count++] = strtol(next, NULL, 10);
        next += digits;
        if (*next == '\0')
            break;
        if (*next == '-' && count == 1 && days < 0)
            days = parts[--count];
        else if (*next != ':')
            return fail_time(text);
    }
    bool hours = days >= 0 || count == 3;
    int64_t total = hours ? (parts[0] * 60 + parts[1]) * 60 + parts[2] : parts[0] * 60 + parts[1];
    *seconds = (double)(total + (days > 0 ? days * 86400 : 0));
    return *seconds >= 60 ? STATUS_OK : fail_time(text);
}

/* What will stand in the script as it is. */
static enum status check_text(const struct job *job)
{
    TRY(shell_check_sbatch(job->path));
    if (strcmp(job->path, "-") == 0)
        return fail(STATUS_USAGE, "a job cannot read its configuration from standard input: give a file");
    if (job->partition != NULL && (*job->partition == '\0' || strpbrk(job->partition, " \t\n\"'#") != NULL))
        return fail(STATUS_USAGE, "--partition is '%.100s' but must be one word", job->partition);
    if (job->more != NULL && strchr(job->more, '\n') != NULL)
        return fail(STATUS_USAGE, "--sbatch must be one line");
    if (strcmp(job->launcher, "srun") != 0 && strcmp(job->launcher, "mpirun") != 0)
        return fail(STATUS_USAGE, "--launcher is '%.100s' but must be srun or mpirun", job->launcher);
    return STATUS_OK;
}

static const char *choose(const char *given, const char *otherwise)
{
    return given != NULL ? given : otherwise;
}

static enum status parse(struct job *job)
{
    const struct arguments *arguments = job->arguments;
    TRY(arguments_get_integer(arguments, "--nodes", 1, 100000, &job->nodes));
    TRY(arguments_get_integer(arguments, "--ntasks-per-node", 1, 1000, &job->ranks_per_node));
    TRY(arguments_get_integer(arguments, "--cpus-per-task", 1, 4096, &job->processors));
    job->path = arguments->positionals.items[0];
    job->time = choose(arguments_get(arguments, "--time"), "1-00:00:00");
    job->partition = arguments_get(arguments, "--partition");
    job->launcher = choose(arguments_get(arguments, "--launcher"), "srun");
    job->more = arguments_get(arguments, "--sbatch");
    TRY(parse_time(job->time, &job->seconds));
    return check_text(job);
}

/* Memory of a node: gradients that ranks read of each other are there once. A fifth more than planned, and
 * room for the launcher and for files on their way to the disk. */
static enum status make_plan(struct job *job, struct comm *comm)
{
    double speed = 0;
    TRY(arguments_get_number(job->arguments, "--speed", 1e-3, 1e15, &speed));
    TRY(plan_make(job->config, comm, job->nodes * job->ranks_per_node, job->nodes, job->processors,
                  &job->plan));
    job->plan.speed = speed;
    double rank = (double)(job->plan.memory_bytes - job->plan.exchange.shared);
    double bytes = 1.2 * rank * (double)job->ranks_per_node + (double)(1 << 30);
    if (bytes > 1e18)
        return fail(STATUS_USAGE, "the run needs %.3g bytes of memory on each node, which no node has",
                    bytes);
    job->memory = (int64_t)bytes;
    return STATUS_OK;
}

/* --- the script --- */

/* How often the job starts: each time it stops about a minute before its end, and needs one to get going. */
static enum status append_duration(const struct job *job, struct buffer *out)
{
    const struct plan *plan = &job->plan;
    char tokens[16], rate[16], duration[32];
    if (plan->speed == 0)
        return buffer_printf(out,
                             "# How often it will start is not known: --speed=TOKENS_PER_SECOND tells, from "
                             "`llmpi bench step` on such nodes.\n");
    double seconds = plan->tokens / plan->speed;
    double useful = job->seconds > 240 ? job->seconds - 120 : job->seconds / 2;
    return buffer_printf(out, "# %s tokens at %s tokens/s take %s: %.0f start%s with --time=%s.\n",
                         log_count(tokens, plan->tokens), log_count(rate, plan->speed),
                         log_duration(duration, seconds), ceil(seconds / useful), seconds > useful ? "s" : "",
                         job->time);
}

static enum status append_head(const struct job *job, struct buffer *out)
{
    const struct plan *plan = &job->plan;
    char parameters[16], rank[16], disk[16];
    TRY(buffer_printf(out, "#!/bin/bash\n# Printed by `llmpi slurm %s`, llmpi %s, commit %s:\n", job->path,
                      version_number(), version_commit()));
    TRY(buffer_printf(
        out, "# %s parameters, %" PRId64 " rank%s, up to %s in each (`llmpi plan`), checkpoints of %s.\n",
        log_count(parameters, (double)plan->total), plan->ranks, plan->ranks == 1 ? "" : "s",
        log_bytes(rank, (double)plan->memory_bytes), log_bytes(disk, plan_checkpoint_bytes(plan))));
    TRY(append_duration(job, out));
    return buffer_printf(out, "#\n");
}

static enum status append_time(const struct job *job, struct buffer *out)
{
    TRY(buffer_printf(out, "#SBATCH --time=%s\n", job->time));
    return job->more != NULL ? buffer_printf(out, "#SBATCH %s\n", job->more) : STATUS_OK;
}

static enum status append_command(const struct job *job, struct buffer *out)
{
    TRY(buffer_printf(out, "command=("));
    TRY(shell_quote_program(out));
    TRY(buffer_printf(out, " train "));
    TRY(shell_quote(out, job->path));
    for (int64_t i = 0; i < job->arguments->overrides.count; i++) {
        TRY(buffer_append(out, " ", 1));
        TRY(shell_quote(out, job->arguments->overrides.items[i]));
    }
    return buffer_printf(out, " \"$@\")\n");
}

/* Whether a line, which ends in "\n", begins so. */
static bool begins(const char *line, const char *text)
{
    return strncmp(line, text, strlen(text)) == 0;
}

static enum status append_line(const struct job *job, const char *line, struct buffer *out)
{
    if (begins(line, "#!/bin/bash"))
        return append_head(job, out);
    if (begins(line, "#SBATCH --nodes="))
        return buffer_printf(out, "#SBATCH --nodes=%" PRId64 "\n", job->nodes);
    if (begins(line, "#SBATCH --ntasks-per-node="))
        return buffer_printf(out, "#SBATCH --ntasks-per-node=%" PRId64 "\n", job->ranks_per_node);
    if (begins(line, "#SBATCH --exclusive") && job->processors > 0)
        return STATUS_OK;
    if (begins(line, "##SBATCH --cpus-per-task="))
        return job->processors == 0
                   ? STATUS_OK
                   : buffer_printf(out, "#SBATCH --cpus-per-task=%" PRId64 "\n", job->processors);
    if (begins(line, "##SBATCH --mem="))
        return buffer_printf(out, "#SBATCH --mem=%" PRId64 "M\n", (job->memory >> 20) + 1);
    if (begins(line, "##SBATCH --partition="))
        return job->partition == NULL ? STATUS_OK
                                      : buffer_printf(out, "#SBATCH --partition=%s\n", job->partition);
    if (begins(line, "##SBATCH --chdir="))
        return shell_sbatch_folder(out); /* where relative paths of the configuration start */
    if (begins(line, "#SBATCH --time="))
        return append_time(job, out);
    if (begins(line, "command=("))
        return append_command(job, out);
    if (begins(line, "launcher="))
        return buffer_printf(out, "launcher=${LLMPI_LAUNCHER:-%s}\n", job->launcher);
    return buffer_append(out, line, strcspn(line, "\n") + 1);
}

static enum status print_script(const struct job *job)
{
    struct buffer text = {0};
    enum status status = STATUS_OK;
    for (const char *line = train_sbatch; *line != '\0' && status == STATUS_OK;
         line += strcspn(line, "\n") + 1)
        status = append_line(job, line, &text);
    if (status == STATUS_OK)
        fputs(text.data, stdout);
    buffer_free(&text);
    return status;
}

enum status program_slurm(int count, char **arguments)
{
    struct program program;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status != STATUS_OK || program.finished)
        return program_end(&program, status);
    struct job job = {
        .arguments = &program.arguments, .config = &program.config, .nodes = 1, .ranks_per_node = 2};
    status = parse(&job);
    if (status == STATUS_OK)
        status = make_plan(&job, program.comm);
    if (status == STATUS_OK)
        status = print_script(&job);
    return program_end(&program, status);
}

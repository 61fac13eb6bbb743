/* What the parts of `llmpi scale` share. A measurement is one `llmpi bench step` in a folder of files:
 *
 *   config.yaml             what is measured: the resolved configuration, mode and steps in its first line
 *   ranks-4-round-1.json    a measurement, as `bench step` printed it; .log: its messages
 *   ranks-4.sbatch, .job    with --slurm: the script, and the number of the job that runs it
 *   scale.csv, scale.svg    table and plot of all that is there */
#ifndef LLMPI_SRC_PROGRAMS_SCALE_H
#define LLMPI_SRC_PROGRAMS_SCALE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/model/parameters.h"
#include "llmpi/programs/arguments.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCALE_LIST = 64 }; /* numbers in --ranks, and in --nodes */

/* Seconds are those of one step, means over steps and ranks where nothing else is said. */
struct measurement {
    int64_t ranks; /* 0: not measured yet */
    int64_t nodes, threads, sequences, micro_batch;
    struct model_shape shape;
    char precision[8];
    double step; /* the median step, on the slowest rank */
    double tokens_per_second;
    double data, compute, exposed, exposed_max, hidden, update;
    double memory; /* bytes, at the peak of the largest rank */
};

/* A link between nodes. */
struct link {
    double bandwidth; /* bytes per second each way, both ways at once */
    double latency;   /* seconds of a message, be it ever so short */
    double message;   /* seconds between two messages of a stream of short ones */
};

struct prediction {
    int64_t nodes, ranks;
    double step, exposed, hidden, update, tokens_per_second;
};

struct scale {
    const struct arguments *arguments;
    const struct config *config;
    char *folder;
    bool strong;
    int64_t rounds, steps;
    int64_t ranks[SCALE_LIST], rank_count; /* ascending */
    struct measurement rows[SCALE_LIST];   /* the best round of each of these ranks */
    bool has_link;
    struct link link;
    const struct measurement *node; /* of rows: what a node does alone; NULL: none is on one node */
    int64_t nodes[SCALE_LIST], node_count;
    struct prediction predictions[SCALE_LIST]; /* of these nodes, where there are a link and a node */
};

/* --- files: scale_files.c --- */

/* "FOLDER/ranks-R-round-N.ENDING", or without a round for 0. A new string, or NULL after fail(). */
char *scale_path(const struct scale *scale, int64_t ranks, int64_t round, const char *ending);

/* Makes the folder one for these measurements. Another configuration's measurements in it are an error, or
 * with `fresh` removed like this one's. */
enum status scale_prepare(const struct scale *scale, bool fresh);

/* Reads what `bench step` printed; `path` in messages. */
enum status scale_parse(const struct buffer *text, const char *path, struct measurement *out);

/* Fills the rows with the best rounds of those that are there. */
enum status scale_collect(struct scale *scale);

/* Whether that measurement is there. */
enum status scale_is_measured(const struct scale *scale, int64_t ranks, int64_t round, bool *out);

/* Writes a file of this name into the folder and says so. */
enum status scale_write(const struct scale *scale, const char *name, const struct buffer *text);

/* --- starting programs: scale_launch.c --- */

/* `llmpi bench step ...` of a measurement, quoted for a shell. */
enum status scale_command(const struct scale *scale, int64_t ranks, struct buffer *out);

/* Runs a command line in a shell, appends its standard output to `out`, and puts its messages into the file
 * `log` (NULL: shows them). *code is its exit status, 128 and its signal where it was killed. */
enum status scale_shell(const char *command, const char *log, struct buffer *out, int *code);

/* Makes the measurements that are not there, round after round, with mpirun. */
enum status scale_run(const struct scale *scale);

/* Writes a script for each number of ranks that is not measured, and with `submit` queues those that are not
 * queued: scale_slurm.c. */
enum status scale_slurm(const struct scale *scale, bool submit);

/* --- predictions: scale_link.c, scale_predict.c --- */

/* Reads "10gbit,20,1". */
enum status scale_parse_link(const char *text, struct link *out);

/* Fits a link to what `llmpi bench exchange --json` printed into the file. */
enum status scale_fit_link(const char *path, struct link *out);

/* Chooses the node and fills the predictions. */
enum status scale_predict(struct scale *scale);

/* --- results: scale_report.c, scale_plot.c --- */

/* tokens/s per rank, relative to the measurement with the fewest ranks. */
double scale_efficiency(const struct scale *scale, double tokens_per_second, int64_t ranks);

/* The measurement with the fewest ranks, or NULL. */
const struct measurement *scale_first(const struct scale *scale);

void scale_print(const struct scale *scale);
enum status scale_write_csv(const struct scale *scale);
enum status scale_write_plot(const struct scale *scale);

#endif

/* The files of a run directory that grow with the run: metrics.jsonl and samples.txt. Only rank 0 uses them.
 */
#ifndef LLMPI_TRAIN_RUN_FILES_H
#define LLMPI_TRAIN_RUN_FILES_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdint.h>

struct run_files;

/* Opens both for appending, after cutting each back to the length that the checkpoint recorded (0: from the
 * start), so that a continued run has each step once. A file that is shorter than that is left as it is, with
 * a warning. */
enum status run_files_open(const char *directory, int64_t metrics_bytes, int64_t samples_bytes,
                           struct run_files **out);

/* Cuts open files back in the same way, for a run that goes back to a checkpoint. */
enum status run_files_cut(struct run_files *files, int64_t metrics_bytes, int64_t samples_bytes);

/* Appends whole lines in one write. */
enum status run_files_add_metrics(struct run_files *files, const struct buffer *lines);
enum status run_files_add_sample(struct run_files *files, const struct buffer *text);

int64_t run_files_metrics_bytes(const struct run_files *files);
int64_t run_files_samples_bytes(const struct run_files *files);

/* Makes what was written survive a power failure; called before a checkpoint that counts on it. */
enum status run_files_sync(struct run_files *files);
void run_files_close(struct run_files *files);

#endif

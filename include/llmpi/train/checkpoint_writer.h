/* Saving beside training. At a save each rank copies what it owns (and nobody else would give), and training
 * goes on: a thread of each rank sends its copy to rank 0, piece by piece, whose thread writes the file,
 * makes it durable, gives it its name and removes what need not stay. HDF5 only lays the file out, in the
 * calling thread, since training reads shards through it meanwhile.
 *
 * A rank that has no memory for its copy, or may not have a thread that sends (an MPI library without
 * MPI_THREAD_MULTIPLE), does the same work in the foreground; a line in the log says so. The files are
 * the same bytes.
 *
 * A save that fails leaves earlier checkpoints as they are and no half file; rank 0 warns, and only
 * checkpoint_writer_wait tells the caller. */
#ifndef LLMPI_TRAIN_CHECKPOINT_WRITER_H
#define LLMPI_TRAIN_CHECKPOINT_WRITER_H

#include "llmpi/train/checkpoint.h"
#include "llmpi/train/run_files.h"

/* Bytes on rank 0 for what comes from other ranks, beside the copies; for `llmpi plan`. */
#define CHECKPOINT_WRITER_ROOM ((int64_t)4 << 20)

struct checkpoint_writer;

/* Borrows everything for its lifetime. `files` are made durable before a checkpoint that counts on them; NULL
 * on all ranks but 0, and where there are none. **Collective** */
enum status checkpoint_writer_create(const char *directory, const struct config *config,
                                     const struct train_state *state, struct run_files *files,
                                     struct comm *comm, struct checkpoint_writer **out);

/* Waits for the writer. NULL is fine. **Collective** */
void checkpoint_writer_destroy(struct checkpoint_writer *writer);

/* Begins to save the state as it is now; waits for the save before, if that is still going on.
 * **Collective** */
void checkpoint_writer_save(struct checkpoint_writer *writer, const struct checkpoint_notes *notes);

/* Waits until nothing is being saved any more. STATUS_FAILED on every rank, with the reason, when the last
 * checkpoint that was begun is not on disk. **Collective** */
enum status checkpoint_writer_wait(struct checkpoint_writer *writer);

/* Seconds from beginning to end of the longest save so far; 0 on all ranks but 0. */
double checkpoint_writer_seconds(const struct checkpoint_writer *writer);

#endif

/* One job per run directory: a file DIRECTORY/lock with host, process, job and a heartbeat that a thread
 * rewrites every two seconds. No flock, which cluster file systems often lack. */
#ifndef LLMPI_TRAIN_RUN_LOCK_H
#define LLMPI_TRAIN_RUN_LOCK_H

#include "llmpi/base/status.h"

struct run_lock;

/* Takes the lock. One that was left behind is taken over: at once when its process is on this host and gone,
 * else after its heartbeat has stood still for ten seconds. One whose heartbeat moves is an error that names
 * host, process and job. */
enum status run_lock_take(const char *directory, struct run_lock **out);

/* Stops the heartbeat and removes the file. NULL is fine. */
void run_lock_release(struct run_lock *lock);

#endif

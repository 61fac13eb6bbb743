/* One job per folder that is written: a file DIRECTORY/lock with host, process, job and a heartbeat that a thread
 * rewrites every two seconds. No flock, which cluster file systems often lack. */
#ifndef LLMPI_BASE_FOLDER_LOCK_H
#define LLMPI_BASE_FOLDER_LOCK_H

#include "llmpi/base/status.h"

struct folder_lock;

/* Takes the lock. One that was left behind is taken over: at once when its process is on this host and gone,
 * else after its heartbeat has stood still for ten seconds. One whose heartbeat moves is an error that names
 * host, process and job, and `option`, which the folder comes from ("run.directory"). */
enum status folder_lock_take(const char *directory, const char *option, struct folder_lock **out);

/* Stops the heartbeat and removes the file. NULL is fine. */
void folder_lock_release(struct folder_lock *lock);

#endif

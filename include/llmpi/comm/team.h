/* A team: the ranks of one node that see each other's memory. Every rank brings the same number of bytes; the
 * others of its team read and write them where they lie, and tell each other how far they are through
 * counters beside them. The memory is a POSIX shared memory object (shm_open(3)) for each rank, whose pages
 * are reserved when it is made, so that a full /dev/shm is an error here instead of a signal later, and whose
 * name is gone as soon as all have opened it, so that nothing is left behind by a killed job.
 *
 * Where /dev/shm has no room, each rank of that node is a team of its own, with private memory. So it is for
 * any node under LLMPI_TEAM_SIZE=1; that environment variable is the most ranks of a team, so that tests can
 * play several nodes on one. */
#ifndef LLMPI_COMM_TEAM_H
#define LLMPI_COMM_TEAM_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"

#include <stdbool.h>
#include <stdint.h>

struct team;

/* What the counters of a member count; only ever upwards. */
enum team_counter { TEAM_READY, TEAM_PUBLISHED, TEAM_TAKEN, TEAM_COUNTERS };

/* Makes teams out of the ranks of each node, with `bytes` zeroed bytes for each rank, `what` in messages.
 * `regular`: teams shall all be of the same power of two of consecutive ranks, or one of all ranks; where
 * they cannot, each rank is a team of its own. Where shared memory fails, a line in the log says so.
 * **Collective** */
enum status team_create(struct comm *comm, int64_t bytes, const char *what, bool regular, struct team **out);

/* Gives the memory back; others of the team may still use theirs of it. NULL is fine. */
void team_destroy(struct team *team);

int team_count(const struct team *team);   /* teams of the job, in order of their lowest ranks */
int team_mine(const struct team *team);    /* number of this rank's */
int team_members(const struct team *team); /* ranks in it */
int team_index(const struct team *team);   /* this rank's place in it: 0 .. members - 1, in order of ranks */

/* The team that `rank` is in, and the rank at place `index` modulo its size in team number `number`. */
int team_of(const struct team *team, int rank);
int team_rank(const struct team *team, int number, int index);

/* A rank's place in its team. */
int team_place(const struct team *team, int rank);

/* The memory of the member at place `index` of this rank's team; aligned to MEMORY_ALIGNMENT. */
void *team_memory(const struct team *team, int index);

/* Sets one of this rank's counters: whoever sees the new value also sees all that was written before. */
void team_post(struct team *team, enum team_counter counter, int64_t value);

/* Whether that counter is at `value` or above on every member of the team. */
bool team_reached(const struct team *team, enum team_counter counter, int64_t value);

#endif

/* What the main thread of this process is doing, and whether it gets on, for whoever watches it
 * (comm/watchdog.h). The thread that called activity_watch tells; calls from all other threads, and before
 * that, count for nothing. A call is a few relaxed stores: cheap enough for every block of a model and every
 * megabyte of a file. */
#ifndef LLMPI_BASE_ACTIVITY_H
#define LLMPI_BASE_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

struct activity {
    const char *phase; /* "" before the first */
    int64_t advances;  /* grows with everything that got done */
    bool waiting;      /* for other ranks, who are to blame if nothing gets done */
};

/* From now on it is the calling thread that is watched. */
void activity_watch(void);

/* The thread begins, or goes on with, what `phase` names; the text must last. Counts as getting on. */
void activity_begin(const char *phase);

/* The thread has got on a little, or what it waited for has come. */
void activity_advance(void);

/* From here to the next activity_advance or activity_begin the thread waits for other ranks. */
void activity_wait(void);

/* From any thread. */
struct activity activity_now(void);

#endif

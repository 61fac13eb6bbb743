/* What ranks tell each other of themselves, and what follows from that; no clock is read here. Times are
 * seconds of the watcher's clock, so that clocks of two hosts are never compared. */
#ifndef LLMPI_SRC_COMM_STALL_H
#define LLMPI_SRC_COMM_STALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A rank's message about itself. */
struct beat {
    double idle;     /* seconds since its main thread last got on */
    int32_t waiting; /* for other ranks */
    int32_t leaving; /* this is its last message */
    char phase[16];
};

enum stall { STALL_NONE, STALL_LATE, STALL_SILENT, STALL_STUCK };

/* What is known of a rank. */
struct watched {
    int rank;
    struct beat beat;
    double heard;    /* when that came */
    bool left;       /* after its last message it is not watched any more */
    enum stall told; /* what was last said of it, */
    double since;    /* and when that began */
};

/* How number `index` of `count` watched ranks has stalled for at least `patience` seconds, and *seconds for
 * how long. STALL_STUCK, where all wait for each other, is said of the first one only. */
enum stall stall_judge(const struct watched *ranks, int count, int index, double now, double patience,
                       double *seconds);

/* "rank 3 on HOST has been silent for 61.0 s, ..." */
void stall_describe(char *text, size_t size, enum stall stall, const struct watched *rank, const char *host,
                    double seconds);

/* The watcher itself was away: what it knows begins anew `now`. */
void stall_forgive(struct watched *ranks, int count, double now);

#endif

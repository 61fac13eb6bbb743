/* A rank that stops falls silent a moment before or after it would count as late. So only fresh messages make
 * a rank late or the job stuck, and stale ones leave it to be silent a little later. */
#include "stall.h"

#include "llmpi/base/log.h"

#include <stdio.h>

/* Seconds for which a rank has not got on, as far as fresh messages tell; else 0. */
static double idle_for(const struct watched *rank, double now, double patience)
{
    double age = now - rank->heard;
    return age < patience / 2 ? rank->beat.idle + age : 0;
}

/* Since when all ranks wait for each other: for how long the last to get on has not; 0 if they do not. */
static double stuck_for(const struct watched *ranks, int count, double now, double patience)
{
    double least = -1;
    for (int i = 0; i < count; i++) {
        if (ranks[i].left)
            continue;
        double idle = idle_for(&ranks[i], now, patience);
        if (!ranks[i].beat.waiting)
            return 0;
        least = least < 0 || idle < least ? idle : least;
    }
    return least > 0 ? least : 0;
}

enum stall stall_judge(const struct watched *ranks, int count, int index, double now, double patience,
                       double *seconds)
{
    const struct watched *rank = &ranks[index];
    *seconds = now - rank->heard;
    if (rank->left)
        return STALL_NONE;
    if (*seconds >= patience)
        return STALL_SILENT;
    *seconds = rank->beat.waiting ? 0 : idle_for(rank, now, patience);
    if (*seconds >= patience)
        return STALL_LATE;
    *seconds = index == 0 && rank->beat.waiting ? stuck_for(ranks, count, now, patience) : 0;
    return *seconds >= patience ? STALL_STUCK : STALL_NONE;
}

void stall_describe(char *text, size_t size, enum stall stall, const struct watched *rank, const char *host,
                    double seconds)
{
    char duration[32];
    log_duration(duration, seconds);
    switch (stall) {
    case STALL_LATE:
        snprintf(text, size, "rank %d on %s has not got on for %s in phase %s", rank->rank, host, duration,
                 rank->beat.phase);
        break;
    case STALL_SILENT:
        snprintf(text, size,
                 "rank %d on %s has been silent for %s, last in phase %s: it is stopped or dead, or the "
                 "network is down",
                 rank->rank, host, duration, rank->beat.phase);
        break;
    case STALL_STUCK:
        snprintf(text, size, "all ranks have waited for each other for %s, rank %d on %s in phase %s",
                 duration, rank->rank, host, rank->beat.phase);
        break;
    case STALL_NONE:
        snprintf(text, size, "rank %d on %s goes on after %s", rank->rank, host, duration);
        break;
    }
}

void stall_forgive(struct watched *ranks, int count, double now)
{
    for (int i = 0; i < count; i++) {
        ranks[i].heard = now;
        ranks[i].beat.idle = 0;
        ranks[i].told = STALL_NONE;
    }
}

/* Three numbers that one thread writes and others read; nobody needs them to fit together exactly. */
#include "llmpi/base/activity.h"

#include <stdatomic.h>

static _Thread_local bool watched = false;
static _Atomic(const char *) phase_now = "";
static _Atomic int64_t advances = 0;
static atomic_bool waiting = false;

void activity_watch(void)
{
    watched = true;
}

void activity_advance(void)
{
    if (!watched)
        return;
    int64_t before = atomic_load_explicit(&advances, memory_order_relaxed); /* only this thread writes it */
    atomic_store_explicit(&waiting, false, memory_order_relaxed);
    atomic_store_explicit(&advances, before + 1, memory_order_relaxed);
}

void activity_begin(const char *phase)
{
    if (watched)
        atomic_store_explicit(&phase_now, phase, memory_order_relaxed);
    activity_advance();
}

void activity_wait(void)
{
    if (watched)
        atomic_store_explicit(&waiting, true, memory_order_relaxed);
}

struct activity activity_now(void)
{
    return (struct activity){atomic_load_explicit(&phase_now, memory_order_relaxed),
                             atomic_load_explicit(&advances, memory_order_relaxed),
                             atomic_load_explicit(&waiting, memory_order_relaxed)};
}

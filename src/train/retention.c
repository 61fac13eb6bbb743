/* Files are few, so the best ones are looked for one after the other. */
#include "retention.h"

#include <math.h>

static bool is_judged(const struct retention_file *file)
{
    return file->whole && !isnan(file->loss);
}

/* The best file that comes after file `than` in the order of losses; than = -1: of all. -1: none is left. */
static int64_t next_best(const struct retention_file *files, int64_t count, int64_t than)
{
    int64_t best = -1;
    for (int64_t i = 0; i < count; i++) {
        if (!is_judged(&files[i]))
            continue;
        bool after =
            than < 0 || files[i].loss > files[than].loss || (!(files[i].loss < files[than].loss) && i < than);
        if (after && (best < 0 || files[i].loss <= files[best].loss))
            best = i;
    }
    return best;
}

int64_t retention_decide(const struct retention_rules *rules, struct retention_file *files, int64_t count)
{
    int64_t newest = 0;
    for (int64_t i = count - 1; i >= 0; i--) {
        bool among_newest = rules->keep == 0 || newest < rules->keep;
        files[i].stays =
            among_newest || (files[i].whole && rules->every > 0 && files[i].step % rules->every == 0);
        newest += files[i].whole;
    }
    int64_t best = next_best(files, count, -1);
    for (int64_t i = 0, next = best; i < rules->best && next >= 0; i++) {
        files[next].stays = true;
        next = next_best(files, count, next);
    }
    return best;
}

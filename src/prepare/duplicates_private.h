/* Messages between all ranks, for the two halves of duplicates.h. */
#ifndef LLMPI_PREPARE_DUPLICATES_PRIVATE_H
#define LLMPI_PREPARE_DUPLICATES_PRIVATE_H

#include "llmpi/base/buffer.h"
#include "llmpi/comm/comm.h"

/* One buffer for each rank to send, one for what came from all, in order of the ranks. */
struct mail {
    struct comm *comm;
    struct buffer *outgoing, incoming;
    int64_t *lengths; /* bytes that came from each rank */
};
enum status mail_open(struct mail *mail, struct comm *comm);

/* Replaces what came last, and empties what was to be sent. **Collective** */
enum status mail_exchange(struct mail *mail);
void mail_close(struct mail *mail);

#endif

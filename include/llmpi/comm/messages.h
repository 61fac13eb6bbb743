/* Messages between two ranks that travel while the ranks compute. Most MPI libraries move them only while
 * somebody calls MPI; a thread does so here, where the library allows that, and sleeps while nothing is on
 * its way. Messages from one rank to another with the same tag arrive in the order in which they were sent.
 */
#ifndef LLMPI_COMM_MESSAGES_H
#define LLMPI_COMM_MESSAGES_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct messages;

/* How many pieces of some messages have not arrived or left yet: 0 when all are done. Zero it to start. */
typedef _Atomic int64_t message_count;

/* **Collective** */
enum status messages_create(struct comm *comm, struct messages **out);

/* Nothing may be on its way any more. NULL is fine. **Collective** */
void messages_destroy(struct messages *messages);

/* Starts a message of `bytes` bytes (any number; none for 0). *pending grows by its pieces at once and
 * shrinks as they are done; until it is 0 again, the bytes must stay (send) or must not be used (receive). */
void messages_send(struct messages *messages, int to, int tag, const void *data, int64_t bytes,
                   message_count *pending);
void messages_receive(struct messages *messages, int from, int tag, void *data, int64_t bytes,
                      message_count *pending);

/* Whether messages move by themselves, so that other threads than the caller's may use this too. */
bool messages_travel_alone(const struct messages *messages);

/* Gives the library the processor for a moment; to be called in a loop while waiting for a count. */
void messages_progress(struct messages *messages);

/* Seconds so far in which anything was on its way. */
double messages_seconds(struct messages *messages);

#endif

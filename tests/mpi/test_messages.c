/* Messages between 1 to 4 ranks: all pairs in both directions at once, of all lengths around that of a piece,
 * in order, and without anybody who waits. */
#include "check.h"

#include "../../src/comm/comm_private.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/messages.h"

#include <string.h>
#include <time.h>

enum { TAGS = 2, ROUNDS = 6, LARGE = 3 << 20 };

/* Of message number `round`: none, one byte, and those around one, two and many pieces of 64 bytes. */
static int64_t length_of(int from, int to, int tag, int round)
{
    static const int64_t lengths[] = {0, 1, 63, 64, 65, 127, 128, 1000, 8192};
    return lengths[(from + 2 * to + 3 * tag + round) % 9];
}

static char letter(int from, int to, int tag, int round, int64_t i)
{
    return (char)(17 * from + 31 * to + 57 * tag + 7 * round + i);
}

/* Everything that one rank has on its way. */
struct traffic {
    char *out[4][TAGS][ROUNDS], *in[4][TAGS][ROUNDS];
    message_count leaving, arriving;
};

static bool take_memory(struct comm *comm, struct traffic *traffic)
{
    bool complete = true;
    int rank = comm_rank(comm);
    for (int other = 0; other < comm_size(comm); other++)
        for (int tag = 0; tag < TAGS; tag++)
            for (int round = 0; round < ROUNDS; round++) {
                int64_t length = length_of(rank, other, tag, round);
                char *out = memory_allocate(length + 1, 1, "a message");
                char *in = memory_allocate(length_of(other, rank, tag, round) + 1, 1, "a message");
                for (int64_t i = 0; out != NULL && i < length; i++)
                    out[i] = letter(rank, other, tag, round, i);
                complete = complete && out != NULL && in != NULL;
                traffic->out[other][tag][round] = out;
                traffic->in[other][tag][round] = in;
            }
    return complete;
}

static void start_all(struct comm *comm, struct messages *messages, struct traffic *traffic)
{
    int rank = comm_rank(comm);
    for (int round = 0; round < ROUNDS; round++)
        for (int tag = 0; tag < TAGS; tag++)
            for (int step = 1; step < comm_size(comm); step++) {
                int other = (rank + step) % comm_size(comm);
                messages_send(messages, other, tag, traffic->out[other][tag][round],
                              length_of(rank, other, tag, round), &traffic->leaving);
                messages_receive(messages, other, tag, traffic->in[other][tag][round],
                                 length_of(other, rank, tag, round), &traffic->arriving);
            }
}

/* Number of messages that are not what was sent, and what was beyond them before. */
static int64_t wrong_messages(struct comm *comm, const struct traffic *traffic)
{
    int rank = comm_rank(comm);
    int64_t wrong = 0;
    for (int other = 0; other < comm_size(comm); other++)
        for (int tag = 0; tag < TAGS; tag++)
            for (int round = 0; round < ROUNDS; round++) {
                int64_t length = length_of(other, rank, tag, round);
                const char *in = traffic->in[other][tag][round];
                bool right = in[length] == 0;
                for (int64_t i = 0; other != rank && i < length; i++)
                    right = right && in[i] == letter(other, rank, tag, round, i);
                wrong += !right;
            }
    return wrong;
}

static void release(struct comm *comm, struct traffic *traffic)
{
    for (int other = 0; other < comm_size(comm); other++)
        for (int tag = 0; tag < TAGS; tag++)
            for (int round = 0; round < ROUNDS; round++) {
                memory_free(traffic->out[other][tag][round]);
                memory_free(traffic->in[other][tag][round]);
            }
}

static void test_all_pairs(struct comm *comm, int piece)
{
    struct messages *messages;
    struct traffic traffic = {0};
    comm_set_piece(piece);
    enum status status = messages_create(comm, &messages);
    CHECK(comm, status == STATUS_OK && take_memory(comm, &traffic), "%s", status_message());
    start_all(comm, messages, &traffic);
    while (traffic.leaving > 0 || traffic.arriving > 0)
        messages_progress(messages);
    int64_t wrong = wrong_messages(comm, &traffic);
    CHECK(comm, wrong == 0, "pieces of %d bytes: %lld messages are wrong", piece, (long long)wrong);
    double seconds = messages_seconds(messages);
    CHECK(comm, comm_size(comm) == 1 ? seconds == 0 : seconds > 0, "on the way for %g s", seconds);
    CHECK(comm, messages_seconds(messages) == seconds, "time goes on with nothing on its way");
    messages_destroy(messages);
    release(comm, &traffic);
    comm_set_piece(0);
}

/* A message counts its pieces, and a thread moves it while the ranks do something else. */
static void test_without_progress(struct comm *comm)
{
    static const struct timespec moment = {0, 1000000};
    int size = comm_size(comm), next = (comm_rank(comm) + 1) % size;
    int before = (comm_rank(comm) + size - 1) % size;
    struct messages *messages;
    message_count leaving = 0, arriving = 0;
    char *out = memory_allocate(LARGE, 1, "a message"), *in = memory_allocate(LARGE, 1, "a message");
    enum status status = messages_create(comm, &messages);
    CHECK(comm, status == STATUS_OK && out != NULL && in != NULL, "%s", status_message());
    if (size > 1 && comm->threads_may_call) {
        memset(out, 'a' + comm_rank(comm), LARGE);
        comm_set_piece(LARGE / 3);
        messages_receive(messages, before, 1, in, LARGE, &arriving);
        int64_t pieces = arriving;
        CHECK(comm, pieces == 3, "%lld pieces, not 3", (long long)pieces); /* nobody has sent yet */
        messages_send(messages, next, 1, out, LARGE, &leaving);
        while (leaving > 0 || arriving > 0)
            nanosleep(&moment, NULL);
        comm_set_piece(0);
        CHECK(comm, in[0] == 'a' + before && in[LARGE - 1] == 'a' + before, "it begins with %c", in[0]);
    } else if (size > 1 && comm_rank(comm) == 0) {
        printf("note: this MPI library allows no calls from a thread\n");
    }
    messages_destroy(messages);
    memory_free(out);
    memory_free(in);
}

int main(void)
{
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    messages_destroy(NULL);
    static const int pieces[] = {0, 64, 7};
    for (int i = 0; i < 3; i++)
        test_all_pairs(comm, pieces[i]);
    test_without_progress(comm);
    comm_end(comm);
    return 0;
}

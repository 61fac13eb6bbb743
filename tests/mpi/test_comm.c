/* comm.h on 1 to 4 ranks; long messages are made out of short ones by a small limit on the length of a piece.
 */
#include "check.h"

#include "../../src/comm/comm_private.h"
#include "llmpi/base/memory.h"

#include <string.h>
#include <unistd.h>

static void test_sums(struct comm *comm, int64_t count)
{
    float *floats = memory_allocate(count, sizeof *floats, "floats");
    double *doubles = memory_allocate(count, sizeof *doubles, "doubles");
    int64_t *integers = memory_allocate(count, sizeof *integers, "integers");
    CHECK(comm, floats != NULL && doubles != NULL && integers != NULL, "%s", status_message());
    int rank = comm_rank(comm), size = comm_size(comm);
    int64_t ranks = (int64_t)size * (size + 1) / 2, wrong = -1;
    for (int64_t i = 0; i < count; i++) { /* whole numbers: exact in every order */
        floats[i] = (float)((rank + 1) * (i + 1));
        doubles[i] = (double)floats[i];
        integers[i] = ((int64_t)1 << 40) * (rank + 1) + i;
    }
    comm_sum_float(comm, floats, count);
    comm_sum_double(comm, doubles, count);
    comm_sum_int64(comm, integers, count);
    for (int64_t i = 0; i < count; i++)
        if (floats[i] != (float)(ranks * (i + 1)) || doubles[i] != (double)(ranks * (i + 1)) ||
            integers[i] != ((int64_t)1 << 40) * ranks + i * size)
            wrong = i;
    CHECK(comm, wrong < 0, "sum of %lld elements: element %lld is %g, %g, %lld", (long long)count,
          (long long)wrong, (double)floats[wrong], doubles[wrong], (long long)integers[wrong]);
    memory_free(floats);
    memory_free(doubles);
    memory_free(integers);
}

static void test_extremes(struct comm *comm)
{
    int rank = comm_rank(comm), size = comm_size(comm);
    int64_t largest[2] = {rank, -rank};
    double up[2] = {rank + 0.5, -rank}, down[2] = {rank + 0.5, -rank};
    comm_max_int64(comm, largest, 2);
    comm_max_double(comm, up, 2);
    comm_min_double(comm, down, 2);
    CHECK(comm, largest[0] == size - 1 && largest[1] == 0, "maxima %lld, %lld", (long long)largest[0],
          (long long)largest[1]);
    CHECK(comm, up[0] == size - 0.5 && up[1] == 0, "maxima %g, %g", up[0], up[1]);
    CHECK(comm, down[0] == 0.5 && down[1] == 1 - size, "minima %g, %g", down[0], down[1]);
}

static void test_broadcast(struct comm *comm)
{
    for (int root = 0; root < comm_size(comm); root++) {
        struct buffer buffer = {0};
        bool sender = comm_rank(comm) == root;
        enum status status =
            sender ? buffer_printf(&buffer, "from %d: %s", root, "a message longer than a piece")
                   : buffer_printf(&buffer, "old");
        CHECK(comm, status == STATUS_OK, "%s", status_message());
        status = comm_broadcast_buffer(comm, &buffer, root);
        CHECK(comm, status == STATUS_OK, "%s", status_message());
        char expected[64];
        int length = snprintf(expected, sizeof expected, "from %d: a message longer than a piece", root);
        CHECK(comm, buffer.length == (size_t)length && strcmp(buffer.data, expected) == 0, "got '%s'",
              buffer.data);
        buffer_free(&buffer);
    }
    struct buffer empty = {0};
    CHECK(comm, comm_broadcast_buffer(comm, &empty, 0) == STATUS_OK && empty.length == 0, "empty broadcast");
    buffer_free(&empty);
}

/* The i-th letter of what a rank sends. */
static char letter(int rank, int i)
{
    return (char)('a' + (7 * rank + i) % 26);
}

/* Rank a sends rank b 3 * a + 7 * b letters: every length differs, one is 0. */
static void test_exchange(struct comm *comm)
{
    int rank = comm_rank(comm), size = comm_size(comm);
    struct buffer outgoing[4] = {{0}}, incoming = {0}, expected = {0};
    int64_t lengths[4];
    enum status status = buffer_printf(&incoming, "before ");
    for (int to = 0; to < size && status == STATUS_OK; to++)
        for (int i = 0; i < 3 * rank + 7 * to && status == STATUS_OK; i++)
            status = buffer_append(&outgoing[to], &(char){letter(rank, i)}, 1);
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    status = comm_exchange(comm, outgoing, &incoming, lengths);
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    status = buffer_printf(&expected, "before ");
    int64_t wrong = -1;
    for (int from = 0; from < size; from++) {
        for (int i = 0; i < 3 * from + 7 * rank && status == STATUS_OK; i++)
            status = buffer_append(&expected, &(char){letter(from, i)}, 1);
        if (lengths[from] != 3 * from + 7 * rank)
            wrong = from;
    }
    CHECK(comm, wrong < 0, "length from rank %lld is %lld", (long long)wrong, (long long)lengths[wrong]);
    CHECK(comm, status == STATUS_OK && strcmp(incoming.data, expected.data) == 0, "got '%s', not '%s'",
          incoming.data, expected.data);
    for (int to = 0; to < size; to++)
        buffer_free(&outgoing[to]);
    buffer_free(&incoming);
    buffer_free(&expected);
}

/* Everybody must come out with `code` and `message`. Compared by sums, since comm_agree itself is on trial.
 */
static void expect_agreed(struct comm *comm, enum status mine, enum status code, const char *message)
{
    enum status agreed = comm_agree(comm, mine);
    int64_t wrong = agreed != code || (code != STATUS_OK && strcmp(status_message(), message) != 0);
    if (wrong)
        fprintf(stderr, "rank %d: status %d, message '%s'\n", comm_rank(comm), (int)agreed, status_message());
    comm_sum_int64(comm, &wrong, 1);
    CHECK(comm, wrong == 0, "%lld ranks did not agree on %d, '%s'", (long long)wrong, (int)code, message);
}

static void test_agreement(struct comm *comm)
{
    int rank = comm_rank(comm), last = comm_size(comm) - 1;
    char expected[64];
    expect_agreed(comm, STATUS_OK, STATUS_OK, "");
    expect_agreed(comm, fail(STATUS_FAILED, "all of us"), STATUS_FAILED, "all of us");
    fail(STATUS_FAILED, "rank %d's", rank);
    snprintf(expected, sizeof expected, "%srank %d's", last > 0 ? "rank 0: " : "", 0);
    expect_agreed(comm, rank == last && last > 0 ? STATUS_OK : STATUS_FAILED, STATUS_FAILED, expected);
    fail(STATUS_FAILED, "the last");
    snprintf(expected, sizeof expected, last > 0 ? "rank %d: the last" : "the last", last);
    expect_agreed(comm, rank == last ? STATUS_FAILED : STATUS_OK, STATUS_FAILED, expected);
    /* Of three kinds the worst wins: wrong usage, then failure, then a request to stop. */
    if (last >= 2) {
        static const enum status codes[] = {STATUS_STOPPED, STATUS_FAILED, STATUS_USAGE, STATUS_OK};
        fail(STATUS_FAILED, "code %d", (int)codes[rank]);
        expect_agreed(comm, codes[rank], STATUS_USAGE, "rank 2: code 2");
    }
    if (last >= 1)
        expect_agreed(comm, rank == 0 ? STATUS_STOPPED : fail(STATUS_FAILED, "disk"), STATUS_FAILED,
                      "rank 1: disk");
}

/* What the launcher's variables say against a size; each row starts from a clean environment. */
static void test_launcher(struct comm *comm)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "PMI_SIZE",
                                        "SLURM_NTASKS", "SLURM_JOB_ID"};
    static const struct {
        const char *values[5];
        int size;
        const char *message; /* its beginning; NULL: fine */
    } rows[] = {
        {{NULL}, 1, NULL},
        {{NULL}, 4, NULL},
        {{"4"}, 4, NULL},
        {{"4"}, 1, "the launcher started 4 ranks but MPI sees 1: "},
        {{"1"}, 2, "the launcher started 1 rank but MPI sees 2: "},
        {{"2", "1", NULL, "1", "7"}, 2, NULL}, /* under mpirun, Slurm counts mpirun's daemons */
        {{NULL, "3"}, 3, NULL},
        {{NULL, "3"}, 1, "the launcher started 3 ranks but MPI sees 1: "},
        {{NULL, NULL, "2"}, 1, "the launcher started 2 ranks but MPI sees 1: "},
        {{NULL, NULL, "1"}, 1, NULL},
        {{NULL, NULL, NULL, "4", "7"}, 1, "this Slurm job has 4 tasks but llmpi was started alone in it: "},
        {{NULL, NULL, NULL, "4", NULL}, 1, NULL},
        {{NULL, NULL, "many"}, 1, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int k = 0; k < 5; k++)
            rows[i].values[k] != NULL ? setenv(names[k], rows[i].values[k], 1) : unsetenv(names[k]);
        enum status status = comm_check_launcher(rows[i].size);
        bool right = rows[i].message == NULL
                         ? status == STATUS_OK
                         : status == STATUS_USAGE &&
                               strncmp(status_message(), rows[i].message, strlen(rows[i].message)) == 0;
        CHECK(comm, right, "row %zu: status %d, %s", i, (int)status, status_message());
    }
}

/* Variables as mpirun 4.1.4 and srun 22.05 set them. */
static void test_bindings(struct comm *comm)
{
    static const char *const names[] = {"OMPI_MCA_orte_local_daemon_uri",
                                        "OMPI_MCA_hwloc_base_binding_policy",
                                        "OMPI_MCA_rmaps_base_mapping_policy",
                                        "OMPI_MCA_orte_rankfile",
                                        "SLURM_STEP_NUM_TASKS",
                                        "SLURM_CPU_BIND_TYPE"};
    static const struct {
        const char *values[6];
        enum comm_starter starter;
        int asked; /* index of the variable, or -1 */
    } rows[] = {
        {{NULL}, COMM_STARTER_OTHER, -1},
        {{NULL, "none"}, COMM_STARTER_OTHER, -1},
        {{"uri"}, COMM_STARTER_MPIRUN, -1},
        {{"uri", "none"}, COMM_STARTER_MPIRUN, 1},
        {{"uri", "core"}, COMM_STARTER_MPIRUN, 1},
        {{"uri", NULL, "slot"}, COMM_STARTER_MPIRUN, -1},
        {{"uri", NULL, "ppr:2:node"}, COMM_STARTER_MPIRUN, -1},
        {{"uri", NULL, "slot:PE=2"}, COMM_STARTER_MPIRUN, 2},
        {{"uri", NULL, "Socket"}, COMM_STARTER_MPIRUN, 2},
        {{"uri", NULL, NULL, "file"}, COMM_STARTER_MPIRUN, 3},
        {{"uri", NULL, NULL, NULL, "1", "none"}, COMM_STARTER_MPIRUN, -1}, /* its daemon's step */
        {{NULL, NULL, NULL, NULL, "2", "mask_cpu:"}, COMM_STARTER_SRUN, -1},
        {{NULL, NULL, NULL, NULL, "2", "none"}, COMM_STARTER_SRUN, 5},
        {{NULL, NULL, NULL, NULL, NULL, "none"}, COMM_STARTER_OTHER, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int k = 0; k < 6; k++)
            rows[i].values[k] != NULL ? setenv(names[k], rows[i].values[k], 1) : unsetenv(names[k]);
        struct comm_launcher launcher = comm_launcher();
        const char *asked = rows[i].asked >= 0 ? names[rows[i].asked] : "nothing";
        const char *found = launcher.binding != NULL ? launcher.binding : "nothing";
        CHECK(comm, launcher.starter == rows[i].starter && strcmp(found, asked) == 0,
              "row %zu: started by %d, %s was asked", i, (int)launcher.starter, found);
    }
}

static void test_gather(struct comm *comm)
{
    int64_t mine[2] = {comm_rank(comm), -comm_rank(comm)}, all[64];
    comm_gather(comm, mine, sizeof mine, all);
    for (int rank = 0; rank < comm_size(comm); rank++)
        CHECK(comm, all[2 * rank] == rank && all[2 * rank + 1] == -rank, "rank %d sent %lld", rank,
              (long long)all[2 * rank]);
    CHECK(comm, comm_node_first(comm) == 0, "%d is the lowest rank here", comm_node_first(comm));
}

static void test_alone(struct comm *world)
{
    struct comm *alone = comm_alone();
    CHECK(world,
          alone != NULL && comm_rank(alone) == 0 && comm_size(alone) == 1 && comm_node_size(alone) == 1,
          "comm_alone is not one rank");
    float value = 3;
    comm_sum_float(alone, &value, 1);
    comm_barrier(alone);
    enum status status = comm_agree(alone, fail(STATUS_FAILED, "mine"));
    CHECK(world, value == 3 && status == STATUS_FAILED, "alone: %g", (double)value);
    test_broadcast(alone);
    test_exchange(alone);
    comm_end(alone);
}

int main(void)
{
    int64_t started = getenv("OMPI_COMM_WORLD_SIZE") != NULL ? atoi(getenv("OMPI_COMM_WORLD_SIZE")) : 1;
    if (strstr(comm_library(), "MPI") == NULL) { /* callable before MPI starts */
        fprintf(stderr, "comm_library() is '%s'\n", comm_library());
        return 1;
    }
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    CHECK(comm, comm_size(comm) == started, "%d ranks of %lld", comm_size(comm), (long long)started);
    CHECK(comm, comm_node_size(comm) == started, "%d ranks on this node", comm_node_size(comm));
    for (int piece = 0; piece <= 8; piece += 4) { /* 0: the default, larger than any message here */
        comm_set_piece(piece);
        for (int64_t count = 0; count <= 17; count++)
            test_sums(comm, count);
        test_broadcast(comm);
        test_exchange(comm);
    }
    comm_set_piece(0);
    test_sums(comm, 100000);
    test_extremes(comm);
    test_agreement(comm);
    test_alone(comm);
    test_launcher(comm);
    test_bindings(comm);
    test_gather(comm);
    comm_end(comm);
    return 0;
}

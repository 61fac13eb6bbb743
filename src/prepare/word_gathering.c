/* Each rank owns a range of buckets of the words' digests. In rounds, every rank sends to each owner a slice
 * of the owner's buckets; the owner adds up what all ranks sent and writes the sums away. Then rank 0
 * collects the sums in rounds of the same kind. Digests are spread evenly, so equal numbers of buckets make
 * rounds of equal size, and their number is what keeps each one inside the memory.
 *
 * Between the two lies the choice of the words that fit the memory of rank 0, by a histogram of the counts.
 */
#include "word_gathering.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/text/pair_counts.h"

#include <math.h>

#define EXACT_COUNTS 65536 /* counts below have a bin each, those above one per power of two */
#define BINS         (EXACT_COUNTS + 47)

struct histogram {
    int64_t words[BINS], bytes[BINS], occurrences[BINS];
};

/* The words that are kept: in the first `buckets` buckets of their digests those that occur `smallest` times
 * or more, in the others those that occur `larger` times or more. */
struct choice {
    int64_t smallest, larger, buckets;
};

int64_t word_gathering_table_memory(int64_t max_memory)
{
    return max_memory / 3;
}

static int64_t round_memory(int64_t max_memory)
{
    return max_memory / 4;
}

static int64_t bin_of(int64_t count)
{
    return count < EXACT_COUNTS ? count : EXACT_COUNTS + 63 - __builtin_clzll((uint64_t)count) - 16;
}

/* The smallest count of a bin. */
static int64_t bin_start(int64_t bin)
{
    if (bin == BINS)
        return INT64_MAX;
    return bin < EXACT_COUNTS ? bin : (int64_t)1 << (bin - EXACT_COUNTS + 16);
}

/* --- rounds --- */

/* The first bucket of slice `slice` of `slices` of an owner's range. */
static int64_t slice_begin(int64_t owner, int64_t owners, int64_t slice, int64_t slices)
{
    int64_t begin = owner * WORD_BUCKETS / owners, end = (owner + 1) * WORD_BUCKETS / owners;
    return begin + (end - begin) * slice / slices;
}

/* Into how many rounds the owners' ranges are cut so that no rank sends or receives more in one than fits.
 * **Collective** */
static int64_t count_rounds(struct comm *comm, const struct word_runs *runs, bool to_owners,
                            int64_t max_memory)
{
    int64_t sums[] = {word_runs_bytes(runs), word_runs_records(runs)}, most = word_runs_bytes(runs);
    comm_sum_int64(comm, sums, 2);
    comm_max_int64(comm, &most, 1);
    double receivers = to_owners ? comm_size(comm) : 1;
    /* received bytes with the copy of them that the table makes, its entries and slots, and what is sent */
    double memory = (3 * (double)sums[0] + 60 * (double)sums[1]) / receivers + 2 * (double)most;
    double rounds = ceil(memory / (double)round_memory(max_memory));
    return rounds < 1 ? 1 : rounds > WORD_BUCKETS ? WORD_BUCKETS : (int64_t)rounds;
}

/* Leaves only the words that occur often enough. */
static enum status keep_frequent(struct buffer *packed, int64_t smallest)
{
    struct buffer kept = {0};
    enum status status = STATUS_OK;
    for (size_t at = 0; at < packed->length && status == STATUS_OK;) {
        struct word_record record = {0};
        status = word_record_read(packed, &at, &record);
        if (status == STATUS_OK && record.count >= smallest)
            status = word_record_append(&kept, record.word, record.length, record.count);
    }
    buffer_free(packed);
    *packed = kept;
    return status;
}

struct route {
    struct word_runs *runs;
    bool to_owners; /* else to rank 0 */
    struct choice choice;
    int64_t round, rounds;
};

/* Appends the words of buckets [begin, end) that occur often enough. */
static enum status pack_frequent(const struct route *route, int64_t begin, int64_t end, int64_t smallest,
                                 struct buffer *out)
{
    struct buffer packed = {0};
    if (begin >= end)
        return STATUS_OK;
    enum status status = word_runs_read(route->runs, begin, end, &packed);
    if (status == STATUS_OK && smallest > 1)
        status = keep_frequent(&packed, smallest);
    if (status == STATUS_OK)
        status = buffer_append(out, packed.data, packed.length);
    buffer_free(&packed);
    return status;
}

static enum status pack_round(struct comm *comm, const struct route *route, struct buffer *outgoing)
{
    const struct choice *choice = &route->choice;
    int64_t size = comm_size(comm), first = route->to_owners ? 0 : comm_rank(comm);
    int64_t last = route->to_owners ? size - 1 : first;
    for (int64_t owner = first; owner <= last; owner++) {
        int64_t begin = slice_begin(owner, size, route->round, route->rounds);
        int64_t end = slice_begin(owner, size, route->round + 1, route->rounds);
        int64_t middle = choice->buckets < begin ? begin : choice->buckets > end ? end : choice->buckets;
        struct buffer *packed = &outgoing[route->to_owners ? owner : 0];
        TRY(pack_frequent(route, begin, middle, choice->smallest, packed));
        TRY(pack_frequent(route, middle, end, choice->larger, packed));
    }
    return STATUS_OK;
}

/* Sends one slice of each owner's words, and adds what comes to `words`. **Collective** */
static enum status exchange_round(struct comm *comm, const struct route *route, struct word_counts *words)
{
    int64_t size = comm_size(comm);
    struct buffer incoming = {0}, *outgoing = memory_allocate(size, sizeof *outgoing, "word counts");
    enum status status = outgoing == NULL ? STATUS_FAILED : requests_check(comm);
    if (status == STATUS_OK)
        status = pack_round(comm, route, outgoing);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = comm_exchange(comm, outgoing, &incoming, NULL);
    for (int64_t rank = 0; rank < size && outgoing != NULL; rank++)
        buffer_free(&outgoing[rank]);
    memory_free(outgoing);
    if (status == STATUS_OK)
        status = word_counts_unpack(words, &incoming);
    buffer_free(&incoming);
    return comm_agree(comm, status);
}

/* --- adding up --- */

static void add_to_histogram(const struct word_counts *words, struct histogram *histogram)
{
    for (int64_t i = 0; i < word_counts_size(words); i++) {
        size_t length = 0;
        int64_t count = 0;
        word_counts_get(words, i, &length, &count);
        int64_t bin = bin_of(count);
        histogram->words[bin]++;
        histogram->bytes[bin] += (int64_t)length;
        histogram->occurrences[bin] += count;
    }
}

/* Replaces the runs of each rank by the sums of the words that it owns. **Collective** */
static enum status add_up(struct comm *comm, struct word_runs **runs, const struct word_gathering *gathering,
                          struct histogram *histogram)
{
    struct word_runs *sums = NULL;
    struct word_counts *words = NULL;
    struct progress progress;
    struct route route = {.runs = *runs,
                          .to_owners = true,
                          .choice = {.smallest = 1, .larger = 1},
                          .rounds = count_rounds(comm, *runs, true, gathering->max_memory)};
    enum status status = word_counts_create(&words);
    if (status == STATUS_OK)
        status = word_runs_create(gathering->folder, (size_t)gathering->max_memory / 16, &sums);
    status = comm_agree(comm, status);
    progress_begin(&progress, "adding up word counts", (double)route.rounds, "rounds");
    for (; route.round < route.rounds && status == STATUS_OK; route.round++) {
        status = exchange_round(comm, &route, words);
        if (status == STATUS_OK) {
            add_to_histogram(words, histogram);
            status = word_runs_add(sums, words);
        }
        status = comm_agree(comm, status);
        progress_update(&progress, (double)route.round + 1, NULL);
    }
    progress_end(&progress, (double)route.round);
    word_counts_destroy(words);
    word_runs_destroy(status == STATUS_OK ? *runs : sums);
    if (status == STATUS_OK)
        *runs = sums;
    return status;
}

/* --- choosing --- */

/* Whether rank 0 can learn from so many words. Entries of the words, their bytes, and the learning itself. */
static bool fits(double words, double bytes, int64_t max_memory)
{
    return bytes <= (double)PAIR_COUNTS_BYTES_MAX && words < (double)UINT32_MAX &&
           32 * words + bytes + pair_counts_memory(words, bytes) <= 0.85 * (double)max_memory;
}

/* The largest number of buckets whose share of the words of one bin still fits beside what is kept already.
 */
static int64_t choose_buckets(double words, double bytes, double bin_words, double bin_bytes,
                              int64_t max_memory)
{
    int64_t low = 0, high = WORD_BUCKETS; /* low buckets fit, high ones do not */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        double share = (double)middle / WORD_BUCKETS;
        if (fits(words + share * bin_words, bytes + share * bin_bytes, max_memory))
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* From the histogram of all words. */
static struct choice choose(const struct histogram *histogram, struct word_gathering *gathering)
{
    struct choice choice = {.smallest = 1, .larger = 1};
    double words = 0, bytes = 0;
    for (int64_t bin = BINS - 1; bin > 0; bin--) {
        double bin_words = (double)histogram->words[bin], bin_bytes = (double)histogram->bytes[bin];
        if (choice.larger == 1 && !fits(words + bin_words, bytes + bin_bytes, gathering->max_memory)) {
            choice.smallest = bin_start(bin);
            choice.larger = bin_start(bin + 1);
            choice.buckets = choose_buckets(words, bytes, bin_words, bin_bytes, gathering->max_memory);
        }
        words += bin_words;
        bytes += bin_bytes;
        gathering->distinct += histogram->words[bin];
        gathering->occurrences += histogram->occurrences[bin];
    }
    gathering->most_dropped = choice.larger - 1;
    return choice;
}

/* Rank 0 counts what it got. */
static enum status count_dropped(const struct word_counts *words, struct word_gathering *gathering)
{
    gathering->dropped = gathering->distinct - word_counts_size(words);
    gathering->dropped_occurrences = gathering->occurrences;
    for (int64_t i = 0; i < word_counts_size(words); i++) {
        size_t length = 0;
        int64_t count = 0;
        word_counts_get(words, i, &length, &count);
        gathering->dropped_occurrences -= count;
    }
    if (gathering->distinct == 0 || gathering->dropped < gathering->distinct)
        return STATUS_OK;
    return fail(STATUS_FAILED,
                "none of %lld distinct words fits tokenizer.max_memory, %lld MiB, not even those that occur "
                "most often: allow more",
                (long long)gathering->distinct, (long long)(gathering->max_memory >> 20));
}

/* Brings the words that are kept to rank 0. **Collective** */
static enum status collect(struct comm *comm, struct word_runs *sums, struct word_gathering *gathering,
                           struct choice choice, struct word_counts *words)
{
    struct route route = {
        .runs = sums, .choice = choice, .rounds = count_rounds(comm, sums, false, gathering->max_memory)};
    enum status status = STATUS_OK;
    for (; route.round < route.rounds && status == STATUS_OK; route.round++)
        status = exchange_round(comm, &route, words);
    word_counts_trim(words);
    if (status == STATUS_OK && comm_rank(comm) == 0)
        status = count_dropped(words, gathering);
    return comm_agree(comm, status);
}

enum status word_gathering_run(struct comm *comm, struct word_runs **runs, struct word_gathering *gathering,
                               struct word_counts *words)
{
    struct choice choice = {0};
    struct histogram *histogram = memory_allocate(1, sizeof *histogram, "a histogram of word counts");
    enum status status = comm_agree(comm, histogram != NULL ? STATUS_OK : STATUS_FAILED);
    if (status == STATUS_OK)
        status = add_up(comm, runs, gathering, histogram);
    if (status == STATUS_OK) {
        comm_sum_int64(comm, (int64_t *)histogram, 3 * BINS);
        choice = choose(histogram, gathering);
    }
    memory_free(histogram);
    return status == STATUS_OK ? collect(comm, *runs, gathering, choice, words) : status;
}

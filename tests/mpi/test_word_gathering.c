/* Of words that are too many for the memory the rarest are dropped, and of those that are equally rare as
 * many are kept as fit: the same ones whatever the number of ranks that counted them. */
#include "../../src/prepare/word_gathering.h"
#include "check.h"

#include <string.h>

enum {
    FREQUENT = 400, /* words that occur five times */
    TIED = 5000,    /* twice: these are cut */
    RARE = 1000,    /* once */
    WORDS = FREQUENT + TIED + RARE,
    OCCURRENCES = 5 * FREQUENT + 2 * TIED + RARE,
    MEMORY = 1 << 20 /* room for about 2400 words of eight bytes, by word_gathering.c's estimate */
};

/* What rank 0 got. */
struct result {
    struct word_gathering gathering;
    int64_t words, of_count[6]; /* of_count[n]: words that occur n times */
    uint64_t digests;           /* their sum */
};

/* Each occurrence of a word is counted by another rank, those of a rank in runs of a thousand. */
static enum status count_words(const struct comm *comm, struct word_counts *words, struct word_runs *runs)
{
    for (int i = 0; i < WORDS; i++) {
        char word[16];
        int times = i < FREQUENT ? 5 : i < FREQUENT + TIED ? 2 : 1;
        snprintf(word, sizeof word, "word%04d", i);
        for (int k = 0; k < times; k++)
            if ((i + k) % comm_size(comm) == comm_rank(comm))
                TRY(word_counts_add(words, word, strlen(word), 1));
        if (word_counts_size(words) >= 1000)
            TRY(word_runs_add(runs, words));
    }
    return word_runs_add(runs, words);
}

static void look(const struct word_counts *words, struct result *result)
{
    result->words = word_counts_size(words);
    for (int64_t i = 0; i < result->words; i++) {
        size_t length = 0;
        int64_t count = 0;
        word_counts_get(words, i, &length, &count);
        result->of_count[count < 6 ? count : 0]++;
        result->digests += word_counts_digest(words, i) * (uint64_t)count;
    }
}

/* **Collective** */
static enum status gather(struct comm *comm, int64_t memory, struct result *result)
{
    struct word_counts *words = NULL;
    struct word_runs *runs = NULL;
    *result = (struct result){.gathering = {.folder = "/tmp", .max_memory = memory}};
    enum status status = word_counts_create(&words);
    if (status == STATUS_OK)
        status = word_runs_create("/tmp", 4096, &runs);
    if (status == STATUS_OK)
        status = count_words(comm, words, runs);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = word_gathering_run(comm, &runs, &result->gathering, words);
    if (status == STATUS_OK)
        look(words, result);
    word_runs_destroy(runs);
    word_counts_destroy(words);
    return status;
}

int main(void)
{
    struct comm *comm = NULL, *alone = NULL;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    bool first = comm_rank(comm) == 0;
    struct result together, single = {0};
    enum status status = gather(comm, MEMORY, &together);
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    if (first) {
        alone = comm_alone();
        status = alone == NULL ? STATUS_FAILED : gather(alone, MEMORY, &single);
    }
    if (alone != NULL)
        comm_end(alone);
    CHECK(comm, status == STATUS_OK, "%s", status_message());

    const struct word_gathering *gathering = &together.gathering;
    int64_t tied = together.of_count[2];
    CHECK(comm, first || together.words == 0, "rank %d has words", comm_rank(comm));
    CHECK(comm, !first || (together.of_count[5] == FREQUENT && together.of_count[1] == 0),
          "kept are %lld frequent words and %lld rare ones", (long long)together.of_count[5],
          (long long)together.of_count[1]);
    /* buckets are a 4096th of the words, so that the choice is that fine; 10 % for their unequal sizes */
    CHECK(comm, !first || (tied > 1800 && tied < 2200), "%lld of the words that are cut are kept",
          (long long)tied);
    CHECK(comm, !first || together.words == FREQUENT + tied, "%lld words", (long long)together.words);
    CHECK(comm, gathering->distinct == WORDS && gathering->occurrences == OCCURRENCES,
          "%lld words, %lld occurrences", (long long)gathering->distinct, (long long)gathering->occurrences);
    CHECK(comm,
          gathering->most_dropped == 2 &&
              (!first || (gathering->dropped == TIED - tied + RARE &&
                          gathering->dropped_occurrences == 2 * (TIED - tied) + RARE)),
          "dropped %lld words, %lld times", (long long)gathering->dropped,
          (long long)gathering->dropped_occurrences);
    CHECK(comm, !first || (together.words == single.words && together.digests == single.digests),
          "these ranks keep other words than one alone");

    CHECK(comm, gather(comm, (int64_t)1 << 26, &together) == STATUS_OK, "%s", status_message());
    CHECK(comm, !first || (together.words == WORDS && together.gathering.dropped == 0),
          "%lld words where all fit", (long long)together.words);
    CHECK(comm, gather(comm, MEMORY / 8, &together) == STATUS_OK, "%s", status_message());
    CHECK(comm,
          !first ||
              (together.words > 0 && together.words < FREQUENT && together.words == together.of_count[5]),
          "%lld words where not even all frequent ones fit", (long long)together.words);
    comm_end(comm);
    return 0;
}

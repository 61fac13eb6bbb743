/* What `llmpi shard` says in the end. */
#include "sharding_private.h"

#include <inttypes.h>

static void report_split(const struct shard_counts *counts, int split)
{
    double tokens = (double)counts->tokens[split], bytes = (double)counts->bytes[split];
    char size[16];
    log_info("%-11s %12" PRId64 " documents %14" PRId64 " tokens %12s of text %6.3f bytes per token",
             split_names[split], counts->documents[split], counts->tokens[split], log_bytes(size, bytes),
             tokens > 0 ? bytes / tokens : 0.0);
}

static void report_packing(enum shard_packing packing, const struct shard_counts *counts)
{
    int64_t dropped = counts->dropped[TRAIN] + counts->dropped[VALIDATION];
    int64_t all = dropped + counts->tokens[TRAIN] + counts->tokens[VALIDATION];
    if (packing != SHARD_CONCATENATE)
        log_info("%s drops %.1f %% of the tokens (%" PRId64 " of %" PRId64 ")", shard_packing_name(packing),
                 all > 0 ? 100.0 * (double)dropped / (double)all : 0.0, dropped, all);
}

void sharding_report(const struct sharding *work, const struct shard_counts *counts, double seconds)
{
    char duration[32];
    for (int split = 0; split < SPLITS; split++)
        report_split(counts, split);
    report_packing(work->identity.packing, counts);
    corpus_report_log(&work->report);
    const char *directory = work->config->shards.directory, *plural = work->kept.shards == 1 ? "" : "s";
    if (work->kept.kept == work->kept.shards)
        log_info("nothing to do: the %" PRId64
                 " shard%s of each split in %s %s complete; --fresh writes %s again",
                 work->kept.shards, plural, directory, work->kept.shards == 1 ? "is" : "are",
                 work->kept.shards == 1 ? "it" : "them");
    else
        log_info("%" PRId64 " shard%s of each split in %s after %s, %.1f MB/s of text", work->kept.shards,
                 plural, directory, log_duration(duration, seconds),
                 (double)work->report.bytes / 1e6 / (seconds > 0 ? seconds : 1e-9));
    if (comm_rank(work->comm) != 0)
        return;
    if (counts->tokens[TRAIN] == 0)
        log_warning("the train split is empty: there is nothing to learn from");
    if (counts->tokens[VALIDATION] == 0)
        log_warning("the validation split is empty: raise corpus.validation_fraction, now %g, or give "
                    "corpus.validation_inputs",
                    work->config->corpus.validation_fraction);
}

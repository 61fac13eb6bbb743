/* `llmpi corpus clean`: the documents that rules keep, and those that they reject with the reason.
 *
 * Every rule is applied to documents that the rules before it kept: language score, quality (quality.h), then
 * exact and near duplicates (duplicates.h). Which part a document is in depends on the inputs and clean.files
 * alone (corpus/reader.h), and so do the files that are written: they have the same bytes for any number of
 * ranks.
 *
 * The corpus is read twice: first every document is judged, then it is written to its side. Memory in bytes
 * for each rank: 48 for each document that it reads, what duplicates.h says for each that the quality rules
 * keep, 20 times the longest document (which is at most 2 GiB), and about 3 MB for each open file. */
#ifndef LLMPI_PREPARE_CLEANING_H
#define LLMPI_PREPARE_CLEANING_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/prepare/quality.h"

/* Sums over all ranks, the same on each. */
struct cleaning_summary {
    int64_t documents[RULES], bytes[RULES]; /* that each rule rejected; RULE_KEPT: that were kept */
    struct corpus_report report;
};

/* Reads corpus.inputs and writes kept-PPPPP-of-NNNNN.jsonl and rejected-PPPPP-of-NNNNN.jsonl (with the ending
 * of clean.compression) into clean.directory, N = clean.files; part p by rank p % size. A line is the record
 * as it was read, with its text replaced where clean.c4_remove_lines changed it; rejected ones have the
 * members "rejected_by" (the rule's option) and "rejected_because" ("37 < 50", the figure and its threshold,
 * or "FILE:POSITION", the document that it repeats) at the end.
 *
 * Files that cleaning wrote into clean.directory before are no inputs, even if corpus.inputs matches them.
 * Everything is written before anything appears; old files that do not belong to the new ones go last.
 * STATUS_STOPPED on request (comm/requests.h), with nothing changed.
 * **Collective** */
enum status cleaning_run(const struct config *config, struct comm *comm, struct cleaning_summary *out);

#endif

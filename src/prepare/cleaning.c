/* Two passes over this rank's documents, with the comparison of all ranks between them. A rank meets its
 * documents in the same order both times, so that a list of verdicts is all that the second pass needs. */
#include "llmpi/prepare/cleaning.h"

#include "clean_files.h"
#include "corpus_options.h"
#include "llmpi/base/clock.h"
#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/corpus/inputs.h"
#include "llmpi/prepare/duplicates.h"
#include "llmpi/prepare/minhash.h"
#include "llmpi/prepare/record_edit.h"
#include "whole_documents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct judged {
    struct document_name name, original; /* the latter of duplicates */
    struct verdict verdict;
};

struct cleaning {
    const struct config *config;
    const struct clean_options *options;
    struct comm *comm;
    struct string_list inputs;
    struct corpus corpus;
    struct quality quality;
    struct minhash *minhash; /* NULL: near duplicates stay */
    struct candidates candidates;
    struct judged *judged; /* all documents of this rank, in the order of reading */
    int64_t count, capacity;
    struct clean_files files;
    struct buffer record, reason;
    struct cleaning_summary *summary;
};

/* What a pass does with each document. */
typedef enum status (*document_visitor)(struct cleaning *work, int64_t number,
                                        const struct document *document);

/* --- inputs --- */

static enum status open_corpus(struct cleaning *work)
{
    const struct config *config = work->config;
    int64_t own = 0;
    TRY(inputs_resolve(&config->corpus.inputs, &work->inputs));
    TRY(clean_files_exclude(work->options->directory, &work->inputs, &own));
    if (own > 0)
        log_info("%" PRId64 " input file%s what cleaning wrote into %s: not read", own,
                 own > 1 ? "s are" : " is", work->options->directory);
    if (work->inputs.count == 0)
        return fail(STATUS_USAGE,
                    "corpus.inputs has only files that cleaning wrote into clean.directory, %s: expected the "
                    "files to clean",
                    work->options->directory);
    struct corpus_settings settings = corpus_options(config);
    settings.inputs = &work->inputs;
    settings.whole_records = true;
    settings.score_field = work->options->language_score_field;
    return corpus_open(&settings, &work->corpus);
}

static enum status begin(struct cleaning *work)
{
    const struct clean_options *options = work->options;
    int size = comm_size(work->comm);
    TRY(open_corpus(work));
    if (options->near_duplicates) {
        work->candidates.bands = options->near_bands;
        TRY(minhash_create(options->near_bands, options->near_rows, options->near_words, &work->minhash));
    }
    if (size > options->files)
        log_info("%d ranks write %" PRId64 " files (clean.files), which leaves %" PRId64 " without work",
                 size, options->files, size - options->files);
    return STATUS_OK;
}

/* The folder, without the leftovers of a killed run, and the files in it: what cannot be written is known
 * before hours of judging. **Collective** */
static enum status prepare_folder(struct cleaning *work)
{
    int rank = comm_rank(work->comm);
    enum status status = STATUS_OK;
    if (rank == 0) {
        status = directory_create(work->options->directory);
        if (status == STATUS_OK)
            status = clean_files_remove_stale(work->options, false);
    }
    TRY(comm_agree(work->comm, status));
    return comm_agree(work->comm, clean_files_open(&work->files, work->options, rank, comm_size(work->comm)));
}

/* --- a pass --- */

static enum status visit_documents(struct cleaning *work, struct reader *reader, struct progress *progress,
                                   document_visitor visit, int64_t *count)
{
    struct whole_documents documents = {.reader = reader, .corpus = &work->corpus};
    struct document document;
    enum status status;
    bool more = false;
    *count = 0;
    while ((status = whole_documents_next(&documents, &document, &more)) == STATUS_OK && more) {
        status = requests_check(work->comm);
        if (status == STATUS_OK)
            status = visit(work, (*count)++, &document);
        if (status != STATUS_OK)
            break;
        progress_update(progress, (double)reader_position(reader), NULL);
    }
    whole_documents_free(&documents);
    return status;
}

static enum status read_all(struct cleaning *work, const char *label, document_visitor visit, int64_t *count)
{
    struct progress progress;
    struct reader *reader = NULL;
    TRY(reader_open(&work->corpus, work->options->files, comm_rank(work->comm), comm_size(work->comm),
                    &reader));
    progress_begin(&progress, label, (double)work->corpus.bytes, "bytes");
    enum status status = visit_documents(work, reader, &progress, visit, count);
    progress_end(&progress, (double)reader_position(reader));
    work->summary->report = *reader_report(reader);
    reader_close(reader);
    return status;
}

/* A request to stop ends it between two documents. **Collective** */
static enum status pass(struct cleaning *work, const char *label, document_visitor visit, int64_t *count)
{
    enum status status = read_all(work, label, visit, count);
    requests_wait(work->comm);
    return comm_agree(work->comm, status);
}

/* --- judging --- */

static enum status reserve_judged(struct cleaning *work)
{
    struct judged *judged =
        memory_grow(work->judged, work->count, &work->capacity, sizeof *judged, "verdicts");
    if (judged == NULL)
        return STATUS_FAILED;
    work->judged = judged;
    return STATUS_OK;
}

/* Remembers what tells whether a text repeats another. */
static enum status add_candidate(struct cleaning *work, struct document_name name, const char *text,
                                 size_t length)
{
    const uint32_t *signature = NULL;
    uint64_t keys[1000]; /* the most that clean.near_bands allows */
    if (work->minhash != NULL)
        TRY(minhash_sign(work->minhash, text, length, &signature));
    if (signature != NULL)
        minhash_keys(work->minhash, keys);
    return candidates_add(&work->candidates, name, digest_bytes_wide(text, length),
                          signature != NULL ? keys : NULL);
}

static enum status judge(struct cleaning *work, int64_t number, const struct document *document)
{
    (void)number;
    const char *text = document->text;
    size_t length = document->length;
    const struct document_name name = {document->file, document->position};
    struct judged judged = {.name = name, .original = name};
    TRY(reserve_judged(work));
    TRY(quality_judge(&work->quality, document->score, &text, &length, &judged.verdict));
    work->judged[work->count++] = judged;
    bool compared = work->options->exact_duplicates || work->options->near_duplicates;
    return compared && judged.verdict.rule == RULE_KEPT ? add_candidate(work, name, text, length) : STATUS_OK;
}

/* Candidates are the documents that the quality rules kept, in the same order. */
static void take_originals(struct cleaning *work, enum rule rule)
{
    int64_t next = 0;
    for (int64_t i = 0; i < work->count && next < work->candidates.count; i++) {
        struct judged *judged = &work->judged[i];
        if (judged->verdict.rule != RULE_KEPT && judged->verdict.rule != RULE_EXACT_DUPLICATES)
            continue;
        const struct candidate *candidate = &work->candidates.items[next++];
        if (judged->verdict.rule != RULE_KEPT ||
            document_name_compare(&candidate->name, &candidate->original) == 0)
            continue;
        judged->verdict.rule = rule;
        judged->original = candidate->original;
    }
}

/* **Collective** */
static enum status compare_documents(struct cleaning *work)
{
    if (work->options->exact_duplicates)
        TRY(duplicates_find_exact(work->comm, &work->candidates));
    take_originals(work, RULE_EXACT_DUPLICATES);
    if (work->options->near_duplicates)
        TRY(duplicates_find_near(work->comm, &work->candidates));
    take_originals(work, RULE_NEAR_DUPLICATES);
    candidates_free(&work->candidates);
    return STATUS_OK;
}

/* --- writing --- */

static enum status write_line(struct cleaning *work, const struct document *document, bool kept)
{
    struct writer *writer = clean_files_writer(&work->files, document->part, kept);
    TRY(buffer_append(&work->record, "\n", 1));
    return writer_add(writer, work->record.data, work->record.length);
}

static enum status write_kept(struct cleaning *work, const struct document *document)
{
    const char *text = document->text;
    size_t length = document->length;
    TRY(quality_remove_lines(&work->quality, &text, &length));
    work->summary->bytes[RULE_KEPT] += (int64_t)length;
    if (text == document->text)
        TRY(buffer_append(&work->record, document->record, document->record_length));
    else
        TRY(record_replace_text(document->record, document->record_length, work->corpus.settings.text_field,
                                text, length, &work->record));
    return write_line(work, document, true);
}

static enum status write_rejected(struct cleaning *work, const struct document *document,
                                  const struct judged *judged)
{
    enum rule rule = judged->verdict.rule;
    work->summary->bytes[rule] += (int64_t)document->length;
    buffer_clear(&work->reason);
    if (rule == RULE_EXACT_DUPLICATES || rule == RULE_NEAR_DUPLICATES)
        TRY(buffer_printf(&work->reason, "%s:%" PRId64, work->corpus.files.items[judged->original.file],
                          judged->original.position));
    else
        TRY(verdict_explain(&judged->verdict, work->options, &work->reason));
    TRY(record_add_reason(document->record, document->record_length, rule_name(rule), work->reason.data,
                          &work->record));
    return write_line(work, document, false);
}

static enum status write_document(struct cleaning *work, int64_t number, const struct document *document)
{
    const struct document_name name = {document->file, document->position};
    if (number >= work->count || document_name_compare(&work->judged[number].name, &name) != 0)
        return fail(STATUS_FAILED, "%s changed while it was cleaned",
                    work->corpus.files.items[document->file]);
    const struct judged *judged = &work->judged[number];
    buffer_clear(&work->record);
    work->summary->documents[judged->verdict.rule]++;
    if (judged->verdict.rule == RULE_KEPT)
        return write_kept(work, document);
    return write_rejected(work, document, judged);
}

/* **Collective** */
static enum status write_documents(struct cleaning *work)
{
    int64_t count = 0;
    work->corpus.settings.quiet = true;
    TRY(pass(work, "clean: writing", write_document, &count));
    bool same = count == work->count;
    return comm_agree(work->comm, same ? STATUS_OK
                                       : fail(STATUS_FAILED, "the files of corpus.inputs changed while they "
                                                             "were cleaned"));
}

/* **Collective** */
static enum status publish(struct cleaning *work)
{
    TRY(comm_agree(work->comm, clean_files_publish(&work->files)));
    return comm_agree(work->comm,
                      comm_rank(work->comm) == 0 ? clean_files_remove_stale(work->options, true) : STATUS_OK);
}

/* --- all of it --- */

static void report(const struct cleaning *work, double seconds)
{
    const struct corpus_report *found = &work->summary->report;
    char duration[32];
    corpus_report_log(found);
    log_info("%" PRId64 " file%s of kept and of rejected documents each in %s after %s, %.1f MB/s",
             work->options->files, work->options->files > 1 ? "s" : "", work->options->directory,
             log_duration(duration, seconds), (double)found->bytes / 1e6 / (seconds > 0 ? seconds : 1e-9));
    if (comm_rank(work->comm) == 0 && work->summary->documents[RULE_KEPT] == 0)
        log_warning("no document is kept: %s",
                    found->documents == 0 ? "corpus.inputs has none" : "the rules reject all of them");
}

/* **Collective** */
static enum status run(struct cleaning *work)
{
    double started = clock_seconds();
    int64_t count;
    TRY(comm_agree(work->comm, begin(work)));
    TRY(prepare_folder(work));
    TRY(pass(work, "clean: judging", judge, &count));
    TRY(compare_documents(work));
    TRY(write_documents(work));
    TRY(publish(work));
    comm_sum_int64(work->comm, (int64_t *)work->summary, sizeof *work->summary / sizeof(int64_t));
    report(work, clock_seconds() - started);
    return STATUS_OK;
}

enum status cleaning_run(const struct config *config, struct comm *comm, struct cleaning_summary *out)
{
    struct cleaning work = {.config = config, .options = &config->clean, .comm = comm, .summary = out};
    *out = (struct cleaning_summary){0};
    work.quality.options = work.options;
    enum status status =
        requests_conclude(comm, run(&work), "the old files are as they were; the same command starts over");
    clean_files_close(&work.files);
    candidates_free(&work.candidates);
    minhash_destroy(work.minhash);
    quality_free(&work.quality);
    free(work.judged);
    buffer_free(&work.record);
    buffer_free(&work.reason);
    corpus_close(&work.corpus);
    string_list_free(&work.inputs);
    return status;
}

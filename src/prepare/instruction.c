/* A rank writes the shards whose number modulo the ranks is its own, from the records of just those parts
 * (corpus/reader.h), all in one pass: instruction data are small beside a corpus. */
#include "llmpi/prepare/instruction.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/folder_lock.h"
#include "llmpi/base/log.h"
#include "llmpi/comm/requests.h"
#include "llmpi/corpus/inputs.h"
#include "llmpi/prepare/example.h"
#include "shard_fingerprint.h"
#include "shard_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What became of the records. */
struct counts {
    int64_t learnt[SPLITS]; /* tokens that count */
    int64_t shortened, dropped, broken;
};

struct work {
    const struct config *config;
    struct comm *comm;
    struct tokenizer *tokenizer;
    const struct chat_template *template;
    struct corpus corpus, validation;
    struct buffer inputs; /* names of the files, one a line */
    struct shard_identity identity;
    struct shard_set set;
    struct conversation conversation;
    struct example example;
    struct counts counts;
    struct corpus_report report;
    struct progress progress;
};

/* --- beginning --- */

static enum status open_corpus(struct work *work, const struct string_list *inputs, struct corpus *out)
{
    const struct corpus_settings settings = {.inputs = inputs,
                                             .max_documents = 0,
                                             .skip_errors =
                                                 work->config->corpus.on_error == CORPUS_ERRORS_SKIP,
                                             .whole_records = true};
    TRY(corpus_open(&settings, out));
    for (int64_t i = 0; i < out->files.count; i++) {
        const char *path = out->files.items[i];
        if (file_kind_of(path).format == FORMAT_TEXT)
            return fail(
                STATUS_USAGE,
                "%s is plain text, which holds no conversations: JSON lines, a JSON array and Parquet do",
                path);
        TRY(buffer_printf(&work->inputs, "%s%s", work->inputs.length > 0 ? "\n" : "", path));
    }
    return STATUS_OK;
}

/* What decides the contents of the shards, beside the files. */
static enum status add_facts(const struct work *work, struct buffer *facts)
{
    const struct config *config = work->config;
    const char *texts[] = {work->template->turn_prefix, work->template->turn_suffix,
                           work->template->end_of_turn, config->instruct.system};
    TRY(buffer_printf(facts, "examples %d, tokenizer %016" PRIx64 ", shards %" PRId64 ", context %" PRId64,
                      SHARD_FORMAT_VERSION, work->identity.tokenizer_digest, config->instruct.count,
                      config->model.context_length));
    TRY(buffer_printf(facts, ", too long %" PRId64 ", errors %" PRId64 ", validation %a\n",
                      config->instruct.too_long, config->corpus.on_error,
                      config->instruct.validation_fraction));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        TRY(buffer_printf(facts, "%zu %s\n", strlen(texts[i]), texts[i]));
    return STATUS_OK;
}

/* Rank 0 looks at the files. **Collective** */
static enum status find_fingerprint(struct work *work)
{
    struct buffer facts = {0};
    enum status status = STATUS_OK;
    if (comm_rank(work->comm) == 0) {
        status = add_facts(work, &facts);
        if (status == STATUS_OK)
            status = shard_fingerprint_files(&work->corpus, "inputs", &facts);
        if (status == STATUS_OK)
            status = shard_fingerprint_files(&work->validation, "validation inputs", &facts);
        if (status == STATUS_OK)
            work->identity.fingerprint = digest_bytes(facts.data, facts.length);
    }
    buffer_free(&facts);
    status = comm_agree(work->comm, status);
    comm_broadcast(work->comm, &work->identity.fingerprint, sizeof work->identity.fingerprint, 0);
    return status;
}

static enum status open_inputs(struct work *work)
{
    if (work->config->instruct.inputs.count == 0)
        return fail(STATUS_USAGE, "no conversations: expected files, folders or patterns in instruct.inputs");
    TRY(open_corpus(work, &work->config->instruct.inputs, &work->corpus));
    if (work->config->instruct.validation_inputs.count > 0)
        TRY(open_corpus(work, &work->config->instruct.validation_inputs, &work->validation));
    work->identity = (struct shard_identity){.tokenizer_digest = tokenizer_digest(work->tokenizer),
                                             .vocab_size = tokenizer_vocab_size(work->tokenizer),
                                             .inputs = work->inputs.data,
                                             .packing = SHARD_CONCATENATE,
                                             .masked = true};
    return STATUS_OK;
}

/* --- records --- */

static enum status write_example(struct work *work, const struct document *record, int split)
{
    struct shard_writer *writer = shard_set_writer(&work->set, record->part, split);
    const struct example *example = &work->example;
    for (size_t i = 0; i < example->mask.length; i++)
        work->counts.learnt[split] += example->mask.data[i];
    TRY(shard_writer_begin_document(writer));
    return shard_writer_add_masked(writer, example->ids.ids, example->mask.data, example->ids.count,
                                   (int64_t)work->conversation.text.length);
}

static bool is_validation(const struct work *work, const struct document *record)
{
    if (work->validation.files.count > 0)
        return false;
    uint64_t digest = digest_bytes(record->record, record->record_length);
    return (double)(digest >> 11) * 0x1p-53 < work->config->instruct.validation_fraction;
}

static enum status read_conversation(struct work *work, const struct document *record)
{
    struct json *json = NULL;
    enum status status = json_parse(record->record, record->record_length, &json);
    if (status == STATUS_OK)
        status = conversation_read(json, &work->conversation);
    if (status == STATUS_OK && work->config->instruct.system[0] != '\0')
        status = conversation_add_system(&work->conversation, work->config->instruct.system);
    json_free(json);
    return status;
}

/* A record that is no conversation stops the program or is counted. */
static enum status reject(struct work *work, const struct corpus *corpus, const struct document *record)
{
    char message[1024];
    snprintf(message, sizeof message, "%s", status_message());
    const char *path = corpus->files.items[record->file];
    const char *unit = file_kind_of(path).format == FORMAT_PARQUET ? "row" : "byte";
    if (work->config->corpus.on_error != CORPUS_ERRORS_SKIP)
        return fail(STATUS_FAILED, "%s: record at %s %" PRId64 ": %s", path, unit, record->position, message);
    if (work->counts.broken++ < 10)
        log_warning("%s: record at %s %" PRId64 ": %s; skipped", path, unit, record->position, message);
    return STATUS_OK;
}

static enum status add_record(struct work *work, const struct corpus *corpus, const struct document *record,
                              bool validation)
{
    enum example_fate fate;
    bool truncate = work->config->instruct.too_long == INSTRUCT_TRUNCATE;
    if (read_conversation(work, record) != STATUS_OK)
        return reject(work, corpus, record);
    TRY(example_make(&work->conversation, work->template, work->tokenizer,
                     work->config->model.context_length + 1, truncate, &work->example, &fate));
    work->counts.shortened += fate == EXAMPLE_SHORTENED;
    work->counts.dropped += fate == EXAMPLE_DROPPED;
    if (fate == EXAMPLE_DROPPED)
        return STATUS_OK;
    return write_example(work, record, validation || is_validation(work, record) ? VALIDATION : TRAIN);
}

static enum status read_corpus(struct work *work, const struct corpus *corpus, bool validation)
{
    struct reader *reader = NULL;
    struct document record;
    bool more = false;
    TRY(reader_open(corpus, work->set.shards, comm_rank(work->comm), comm_size(work->comm), &reader));
    enum status status;
    while ((status = reader_next(reader, &record, &more)) == STATUS_OK && more) {
        status = requests_check(work->comm);
        if (status == STATUS_OK)
            status = add_record(work, corpus, &record, validation);
        if (status != STATUS_OK)
            break;
        progress_update(&work->progress, (double)reader_position(reader), NULL);
    }
    corpus_report_add(&work->report, reader_report(reader));
    reader_close(reader);
    return status;
}

static enum status write_shards(struct work *work)
{
    int rank = comm_rank(work->comm), size = comm_size(work->comm);
    for (int64_t shard = rank; shard < work->set.shards; shard += size)
        TRY(shard_set_open(&work->set, shard, &work->identity));
    if (rank >= work->set.shards)
        return STATUS_OK;
    TRY(read_corpus(work, &work->corpus, false));
    if (work->validation.files.count > 0)
        TRY(read_corpus(work, &work->validation, true));
    for (int64_t shard = rank; shard < work->set.shards; shard += size)
        TRY(shard_set_publish(&work->set, shard));
    return STATUS_OK;
}

/* --- ending --- */

static enum status write_tokenizer(const struct work *work)
{
    struct buffer text = {0};
    char *path = path_join(work->config->instruct.directory, SHARDS_TOKENIZER);
    enum status status = path != NULL ? tokenizer_write(work->tokenizer, &text) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    free(path);
    buffer_free(&text);
    return status;
}

/* **Collective** */
static void report(struct work *work)
{
    struct shard_counts written = work->set.published;
    struct counts *counts = &work->counts;
    comm_sum_int64(work->comm, (int64_t *)&written, sizeof written / sizeof(int64_t));
    comm_sum_int64(work->comm, (int64_t *)counts, sizeof *counts / sizeof(int64_t));
    comm_sum_int64(work->comm, (int64_t *)&work->report, sizeof work->report / sizeof(int64_t));
    for (int split = 0; split < SPLITS; split++)
        log_info("%-11s %10" PRId64 " examples %12" PRId64 " tokens, %" PRId64 " of them to be learnt",
                 split_names[split], written.documents[split], written.tokens[split], counts->learnt[split]);
    if (counts->shortened + counts->dropped > 0)
        log_info("longer than %" PRId64 " tokens: %" PRId64 " shortened by whole turns, %" PRId64 " dropped",
                 work->config->model.context_length + 1, counts->shortened, counts->dropped);
    if (counts->broken > 0)
        log_info("%" PRId64 " records are no conversations and were skipped", counts->broken);
    corpus_report_log(&work->report);
    if (comm_rank(work->comm) == 0 && written.documents[TRAIN] == 0)
        log_warning("the train split is empty: there is nothing to learn from");
    if (comm_rank(work->comm) == 0 && written.documents[VALIDATION] == 0)
        log_warning("the validation split is empty: raise instruct.validation_fraction, now %g, or give "
                    "instruct.validation_inputs",
                    work->config->instruct.validation_fraction);
}

/* **Collective** */
static enum status run(struct work *work, struct folder_lock **lock)
{
    const char *directory = work->config->instruct.directory;
    TRY(comm_agree(work->comm, open_inputs(work)));
    TRY(shard_set_take_directory(work->comm, directory, "instruct.directory", lock));
    TRY(find_fingerprint(work));
    TRY(comm_agree(work->comm, shard_set_create(&work->set, directory, work->config->instruct.count)));
    progress_begin(&work->progress, "instruct", (double)work->corpus.bytes, "bytes");
    enum status status = write_shards(work);
    progress_end(&work->progress, (double)work->corpus.bytes);
    requests_wait(work->comm);
    TRY(comm_agree(work->comm, status));
    if (comm_rank(work->comm) == 0) {
        status = write_tokenizer(work);
        if (status == STATUS_OK)
            status = shard_set_remove_stale(directory, work->config->instruct.count);
    }
    TRY(comm_agree(work->comm, status));
    report(work);
    return STATUS_OK;
}

enum status instruction_prepare(const struct config *config, const struct chat_template *template,
                                struct tokenizer *tokenizer, struct comm *comm)
{
    struct work work = {.config = config, .comm = comm, .tokenizer = tokenizer, .template = template};
    struct folder_lock *lock = NULL;
    enum status status = run(&work, &lock);
    if (status == STATUS_STOPPED)
        status = requests_conclude(comm, status, "the same command starts over");
    shard_set_close(&work.set);
    folder_lock_release(lock);
    conversation_free(&work.conversation);
    example_free(&work.example);
    buffer_free(&work.inputs);
    corpus_close(&work.corpus);
    corpus_close(&work.validation);
    return status;
}

/* Words are summed in two exchanges: each rank sends every word to the rank that owns its digest, which then
 * knows the word's count in the whole corpus; the owners send their most frequent words to rank 0. */
#include "corpus_count.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/prepare/text_shape.h"

/* --- one rank --- */

static int64_t count_newlines(const char *text, size_t length)
{
    int64_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += text[i] == '\n';
    return count;
}

static enum status count_piece(const struct document *piece, struct tokenizer *tokenizer,
                               struct token_list *tokens, struct corpus_counts *counts)
{
    struct corpus_sums *sums = &counts->sums;
    sums->bytes += (int64_t)piece->length;
    sums->characters += text_count_characters(piece->text, piece->length);
    sums->lines += count_newlines(piece->text, piece->length);
    if (piece->ends && piece->length > 0 && piece->text[piece->length - 1] != '\n')
        sums->lines++; /* the last line has no end of its own */
    TRY(word_table_add(&counts->words, piece->text, piece->length));
    if (tokenizer == NULL)
        return STATUS_OK;
    tokens->count = 0;
    TRY(tokenizer_encode(tokenizer, piece->text, piece->length, false, tokens));
    sums->tokens += tokens->count;
    return STATUS_OK;
}

static void count_document(struct corpus_counts *counts, int64_t length)
{
    counts->sums.documents++;
    counts->longest = length > counts->longest ? length : counts->longest;
    counts->sums.of_length[length > 0 ? 63 - __builtin_clzll((unsigned long long)length) : 0]++;
}

static enum status count_documents(struct reader *reader, struct tokenizer *tokenizer, int64_t file_bytes,
                                   struct corpus_counts *counts)
{
    struct progress progress;
    struct document piece;
    struct token_list tokens = {0};
    int64_t length = 0;
    bool more = false;
    enum status status;
    progress_begin(&progress, "reading", (double)file_bytes, "bytes");
    while ((status = reader_next(reader, &piece, &more)) == STATUS_OK && more) {
        length = (piece.begins ? 0 : length) + (int64_t)piece.length;
        if ((status = count_piece(&piece, tokenizer, &tokens, counts)) != STATUS_OK)
            break;
        if (piece.ends)
            count_document(counts, length);
        progress_update(&progress, (double)reader_position(reader), NULL);
    }
    progress_end(&progress, (double)reader_position(reader));
    token_list_free(&tokens);
    return status;
}

enum status corpus_count(const struct corpus *corpus, struct tokenizer *tokenizer, const struct comm *comm,
                         struct corpus_counts *counts)
{
    struct reader *reader = NULL;
    TRY(reader_open(corpus, comm_size(comm), comm_rank(comm), comm_size(comm), &reader));
    enum status status = count_documents(reader, tokenizer, corpus->bytes, counts);
    const struct corpus_report *report = reader_report(reader);
    struct corpus_sums *sums = &counts->sums;
    sums->invalid_utf8 = report->invalid_utf8;
    sums->broken_json = report->broken_json;
    sums->missing_field = report->missing_field;
    sums->empty = report->empty;
    sums->truncated = report->truncated;
    sums->words = counts->words.total;
    sums->words_left_out = counts->words.full;
    reader_close(reader);
    return status;
}

/* --- all ranks --- */

/* Replaces the table of each rank by what the ranks send it: `outgoing`, one for each rank, which is freed.
 * **Collective** */
static enum status exchange(struct comm *comm, enum status status, struct buffer *outgoing,
                            struct word_table *words)
{
    struct buffer incoming = {0};
    struct word_table received = {0};
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = comm_exchange(comm, outgoing, &incoming, NULL);
    if (status == STATUS_OK)
        status = word_table_unpack(&received, incoming.data, incoming.length);
    for (int rank = 0; outgoing != NULL && rank < comm_size(comm); rank++)
        buffer_free(&outgoing[rank]);
    memory_free(outgoing);
    buffer_free(&incoming);
    word_table_free(words);
    *words = received;
    return comm_agree(comm, status);
}

static struct buffer *make_outgoing(const struct comm *comm)
{
    return memory_allocate(comm_size(comm), sizeof(struct buffer), "words for other ranks");
}

static enum status send_to_owners(struct comm *comm, struct word_table *words)
{
    struct buffer *outgoing = make_outgoing(comm);
    enum status status = outgoing != NULL ? STATUS_OK : STATUS_FAILED;
    for (int rank = 0; rank < comm_size(comm) && status == STATUS_OK; rank++)
        status = word_table_pack(words, rank, comm_size(comm), &outgoing[rank]);
    return exchange(comm, status, outgoing, words);
}

static enum status collect_frequent(struct comm *comm, int frequent, struct word_table *words)
{
    struct buffer *outgoing = make_outgoing(comm);
    enum status status = outgoing != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK)
        status = word_table_pack_frequent(words, frequent, &outgoing[0]);
    return exchange(comm, status, outgoing, words);
}

enum status corpus_counts_sum(struct comm *comm, int frequent, struct corpus_counts *counts)
{
    TRY(send_to_owners(comm, &counts->words));
    counts->sums.distinct_words = counts->words.distinct;
    counts->sums.words_left_out += counts->words.full;
    TRY(collect_frequent(comm, frequent, &counts->words));
    comm_sum_int64(comm, (int64_t *)&counts->sums, sizeof counts->sums / sizeof(int64_t));
    comm_max_int64(comm, &counts->longest, 1);
    return STATUS_OK;
}

/* Candidates and exact duplicates. Every rank sends (digest, name) of its candidates to their owners; an
 * owner sorts what it got and answers in the order of the questions with the first name of each digest. */
#include "llmpi/prepare/duplicates.h"

#include "duplicates_private.h"
#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

int document_name_compare(const struct document_name *a, const struct document_name *b)
{
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

static enum status reserve(struct candidates *candidates)
{
    if (candidates->count < candidates->capacity)
        return STATUS_OK;
    int64_t capacity = candidates->capacity > 0 ? candidates->capacity + candidates->capacity / 2 : 1024;
    struct candidate *items = memory_resize(candidates->items, capacity, sizeof *items, "documents");
    if (items == NULL)
        return STATUS_FAILED;
    candidates->items = items;
    if (candidates->bands > 0) {
        size_t size = (size_t)candidates->bands * sizeof(uint64_t);
        uint64_t *keys = memory_resize(candidates->keys, capacity, size, "keys of signatures");
        if (keys == NULL)
            return STATUS_FAILED;
        candidates->keys = keys;
        bool *has_keys = memory_resize(candidates->has_keys, capacity, sizeof *has_keys, "documents");
        if (has_keys == NULL)
            return STATUS_FAILED;
        candidates->has_keys = has_keys;
    }
    candidates->capacity = capacity;
    return STATUS_OK;
}

enum status candidates_add(struct candidates *candidates, struct document_name name,
                           struct wide_digest digest, const uint64_t *keys)
{
    TRY(reserve(candidates));
    int64_t bands = candidates->bands, at = candidates->count++;
    candidates->items[at] = (struct candidate){name, name, digest};
    if (bands > 0)
        candidates->has_keys[at] = keys != NULL;
    if (bands > 0 && keys != NULL)
        memcpy(candidates->keys + at * bands, keys, (size_t)bands * sizeof *keys);
    return STATUS_OK;
}

void candidates_free(struct candidates *candidates)
{
    free(candidates->items);
    free(candidates->keys);
    free(candidates->has_keys);
    *candidates = (struct candidates){0};
}

/* --- messages to all ranks --- */

enum status mail_open(struct mail *mail, struct comm *comm)
{
    int64_t size = comm_size(comm);
    *mail = (struct mail){.comm = comm};
    mail->outgoing = memory_allocate(size, sizeof *mail->outgoing, "messages");
    mail->lengths = memory_allocate(size, sizeof *mail->lengths, "messages");
    return mail->outgoing != NULL && mail->lengths != NULL ? STATUS_OK : STATUS_FAILED;
}

enum status mail_exchange(struct mail *mail)
{
    buffer_clear(&mail->incoming);
    TRY(comm_exchange(mail->comm, mail->outgoing, &mail->incoming, mail->lengths));
    for (int rank = 0; rank < comm_size(mail->comm); rank++)
        buffer_free(&mail->outgoing[rank]);
    return STATUS_OK;
}

void mail_close(struct mail *mail)
{
    for (int rank = 0; mail->outgoing != NULL && rank < comm_size(mail->comm); rank++)
        buffer_free(&mail->outgoing[rank]);
    memory_free(mail->outgoing);
    memory_free(mail->lengths);
    buffer_free(&mail->incoming);
}

/* --- exact duplicates --- */

struct question {
    struct wide_digest digest;
    struct document_name name;
};

/* A question at its owner. */
struct asked {
    struct question question;
    int64_t number; /* in the order in which they came */
};

static int owner_of(const struct comm *comm, struct wide_digest digest)
{
    return (int)(digest.low % (uint64_t)comm_size(comm));
}

static int compare_digests(const struct wide_digest *a, const struct wide_digest *b)
{
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return a->low < b->low ? -1 : a->low > b->low;
}

static int compare_asked(const void *left, const void *right)
{
    const struct asked *a = left, *b = right;
    int order = compare_digests(&a->question.digest, &b->question.digest);
    return order != 0 ? order : document_name_compare(&a->question.name, &b->question.name);
}

static enum status ask(const struct candidates *candidates, struct mail *mail)
{
    for (int64_t i = 0; i < candidates->count; i++) {
        const struct candidate *candidate = &candidates->items[i];
        const struct question question = {candidate->digest, candidate->name};
        TRY(buffer_append(&mail->outgoing[owner_of(mail->comm, question.digest)], &question,
                          sizeof question));
    }
    return STATUS_OK;
}

/* Appends to each rank's message the first name of each digest that it asked for, in its order. */
static enum status send_answers(struct mail *mail, const struct document_name *answers)
{
    int64_t next = 0;
    for (int rank = 0; rank < comm_size(mail->comm); rank++) {
        int64_t count = mail->lengths[rank] / (int64_t)sizeof(struct question);
        TRY(buffer_append(&mail->outgoing[rank], answers + next, (size_t)count * sizeof *answers));
        next += count;
    }
    return STATUS_OK;
}

static enum status answer(struct mail *mail)
{
    int64_t count = (int64_t)(mail->incoming.length / sizeof(struct question));
    struct asked *asked = memory_allocate(count, sizeof *asked, "digests");
    struct document_name *answers = memory_allocate(count, sizeof *answers, "digests");
    enum status status = asked == NULL || answers == NULL ? STATUS_FAILED : STATUS_OK;
    if (status == STATUS_OK) {
        for (int64_t i = 0; i < count; i++) {
            memcpy(&asked[i].question, mail->incoming.data + (size_t)i * sizeof(struct question),
                   sizeof(struct question));
            asked[i].number = i;
        }
        qsort(asked, (size_t)count, sizeof *asked, compare_asked);
        for (int64_t i = 0, first = 0; i < count; i++) {
            if (compare_digests(&asked[i].question.digest, &asked[first].question.digest) != 0)
                first = i;
            answers[asked[i].number] = asked[first].question.name;
        }
        status = send_answers(mail, answers);
    }
    memory_free(asked);
    memory_free(answers);
    return status;
}

/* Answers come by owner, each in the order of the questions. */
static enum status take_answers(struct candidates *candidates, const struct mail *mail)
{
    int size = comm_size(mail->comm);
    size_t *next = memory_allocate(size, sizeof *next, "answers");
    if (next == NULL)
        return STATUS_FAILED;
    for (int rank = 1; rank < size; rank++)
        next[rank] = next[rank - 1] + (size_t)mail->lengths[rank - 1];
    for (int64_t i = 0; i < candidates->count; i++) {
        struct candidate *candidate = &candidates->items[i];
        size_t *place = &next[owner_of(mail->comm, candidate->digest)];
        memcpy(&candidate->original, mail->incoming.data + *place, sizeof candidate->original);
        *place += sizeof candidate->original;
    }
    memory_free(next);
    return STATUS_OK;
}

enum status duplicates_find_exact(struct comm *comm, struct candidates *candidates)
{
    struct mail mail;
    enum status status = mail_open(&mail, comm);
    if (status == STATUS_OK)
        status = ask(candidates, &mail);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = mail_exchange(&mail);
    if (status == STATUS_OK)
        status = comm_agree(comm, answer(&mail));
    if (status == STATUS_OK)
        status = mail_exchange(&mail);
    if (status == STATUS_OK)
        status = comm_agree(comm, take_answers(candidates, &mail));
    mail_close(&mail);
    return status;
}

/* An open hash table with linear probing, at most two thirds full; the letters of all words lie in one
 * buffer. */
#include "word_table.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"

#include <ctype.h>
#include <string.h>

static struct word_table_row *find(const struct word_table *table, uint64_t digest)
{
    int64_t mask = table->capacity - 1, at = (int64_t)(digest & (uint64_t)mask);
    while (table->rows[at].count > 0 && table->rows[at].digest != digest)
        at = (at + 1) & mask;
    return &table->rows[at];
}

static enum status grow(struct word_table *table)
{
    struct word_table larger = *table;
    larger.capacity = table->capacity > 0 ? table->capacity * 2 : 4096;
    larger.rows = memory_allocate(larger.capacity, sizeof *larger.rows, "the table of words");
    if (larger.rows == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < table->capacity; i++)
        if (table->rows[i].count > 0)
            *find(&larger, table->rows[i].digest) = table->rows[i];
    memory_free(table->rows);
    *table = larger;
    return STATUS_OK;
}

static enum status add_word(struct word_table *table, const char *word, size_t length, int64_t count)
{
    if (3 * (table->distinct + 1) > 2 * table->capacity)
        TRY(grow(table));
    table->total += count;
    uint64_t digest = digest_bytes(word, length);
    struct word_table_row *row = find(table, digest);
    if (row->count > 0) {
        row->count += count;
        return STATUS_OK;
    }
    if (table->distinct == WORD_TABLE_LARGEST) {
        table->full = true;
        return STATUS_OK;
    }
    *row = (struct word_table_row){.text = table->letters.length, .digest = digest, .count = count};
    table->distinct++;
    TRY(buffer_append(&table->letters, word, length));
    return buffer_append(&table->letters, "", 1);
}

/* Letters of any script; a hyphen or an apostrophe counts between two of them. */
static bool is_letter(const char *text, size_t length, size_t at)
{
    unsigned char byte = (unsigned char)text[at];
    if (isalpha(byte) || byte >= 0x80)
        return true;
    return (byte == '-' || byte == '\'') && at > 0 && at + 1 < length &&
           isalpha((unsigned char)text[at - 1]) && isalpha((unsigned char)text[at + 1]);
}

enum status word_table_add(struct word_table *table, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        char word[WORD_LONGEST];
        size_t size = 0;
        for (; at < length && is_letter(text, length, at); at++)
            if (size < sizeof word)
                word[size++] = (char)tolower((unsigned char)text[at]);
        if (size > 0)
            TRY(add_word(table, word, size, 1));
        else
            at++;
    }
    return STATUS_OK;
}

static bool before(const struct word_table *table, const struct word_table_row *a,
                   const struct word_table_row *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return strcmp(table->letters.data + a->text, table->letters.data + b->text) < 0;
}

int word_table_most_frequent(const struct word_table *table, int count, const struct word_table_row **out)
{
    int found = 0;
    for (int64_t i = 0; i < table->capacity; i++) {
        const struct word_table_row *row = &table->rows[i];
        if (row->count == 0)
            continue;
        int place = found;
        while (place > 0 && before(table, row, out[place - 1]))
            place--;
        if (place == count)
            continue;
        found += found < count;
        memmove(out + place + 1, out + place, (size_t)(found - place - 1) * sizeof *out);
        out[place] = row;
    }
    return found;
}

static enum status pack_row(const struct word_table *table, const struct word_table_row *row,
                            struct buffer *out)
{
    const char *word = table->letters.data + row->text;
    unsigned char length = (unsigned char)strlen(word); /* at most WORD_LONGEST */
    TRY(buffer_append(out, &row->count, sizeof row->count));
    TRY(buffer_append(out, &length, 1));
    return buffer_append(out, word, length);
}

enum status word_table_pack(const struct word_table *table, int64_t part, int64_t parts, struct buffer *out)
{
    for (int64_t i = 0; i < table->capacity; i++) {
        const struct word_table_row *row = &table->rows[i];
        if (row->count > 0 && (int64_t)(row->digest >> 32) % parts == part) /* `find` uses the other bits */
            TRY(pack_row(table, row, out));
    }
    return STATUS_OK;
}

enum status word_table_pack_frequent(const struct word_table *table, int count, struct buffer *out)
{
    const struct word_table_row **rows = memory_allocate(count, sizeof *rows, "frequent words");
    enum status status = rows != NULL ? STATUS_OK : STATUS_FAILED;
    int found = status == STATUS_OK ? word_table_most_frequent(table, count, rows) : 0;
    for (int i = 0; i < found && status == STATUS_OK; i++)
        status = pack_row(table, rows[i], out);
    memory_free(rows);
    return status;
}

enum status word_table_unpack(struct word_table *table, const char *packed, size_t length)
{
    for (size_t at = 0; at < length;) {
        int64_t count;
        memcpy(&count, packed + at, sizeof count);
        size_t size = (unsigned char)packed[at + sizeof count];
        TRY(add_word(table, packed + at + sizeof count + 1, size, count));
        at += sizeof count + 1 + size;
    }
    return STATUS_OK;
}

void word_table_free(struct word_table *table)
{
    memory_free(table->rows);
    buffer_free(&table->letters);
    *table = (struct word_table){0};
}

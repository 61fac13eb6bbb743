/* Reading corpora in tests: everything that some readers deliver, in one list. For cmocka tests, after its
 * header. */
#ifndef TESTS_UNIT_READING_H
#define TESTS_UNIT_READING_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"
#include "scratch.h"

#include <ctype.h>
#include <stdlib.h>

/* What a reader delivered: one entry per document, its pieces joined. */
struct seen {
    struct buffer text;
    int64_t file, position, part, pieces;
};

struct run {
    struct seen *documents; /* by file and position */
    int64_t capacity, count;
    size_t longest;              /* piece */
    struct corpus_report report; /* summed over readers */
    enum status status;
};

static inline void run_free(struct run *run)
{
    for (int64_t i = 0; i < run->count; i++)
        buffer_free(&run->documents[i].text);
    free(run->documents);
    *run = (struct run){0};
}

static inline int compare_seen(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return x->file != y->file ? (x->file > y->file) - (x->file < y->file)
                              : (x->position > y->position) - (x->position < y->position);
}

/* An entry for a document that begins. The documents of one reader come in order. */
static inline void begin_seen(struct run *run, const struct document *document, bool first)
{
    if (run->count == run->capacity) {
        run->capacity = run->capacity > 0 ? run->capacity * 2 : 64;
        run->documents = realloc(run->documents, (size_t)run->capacity * sizeof *run->documents);
        assert_non_null(run->documents);
    }
    struct seen *seen = &run->documents[run->count++];
    *seen = (struct seen){.file = document->file, .position = document->position, .part = document->part};
    assert_true(first || compare_seen(seen - 1, seen) < 0);
}

static inline void take(struct run *run, const struct document *document, bool *open, bool *first)
{
    assert_true(document->begins != *open); /* pieces of two documents never mix */
    if (document->begins)
        begin_seen(run, document, *first);
    *first = false;
    struct seen *seen = &run->documents[run->count - 1];
    assert_int_equal(document->file, seen->file);
    assert_int_equal(document->position, seen->position);
    assert_int_equal(document->part, seen->part);
    assert_true(document->length > 0);
    if (!document->begins) { /* the places that the header allows to cut at */
        assert_true(document->text[0] == ' ' || document->text[0] == '\n');
        assert_true(isalnum((unsigned char)seen->text.data[seen->text.length - 1]));
    }
    run->longest = document->length > run->longest ? document->length : run->longest;
    *open = !document->ends;
    seen->pieces++;
    assert_int_equal(buffer_append(&seen->text, document->text, document->length), STATUS_OK);
}

/* Reads with `readers` readers, one after the other, until the first that fails. */
static inline struct run read_all(const struct corpus_settings *settings, int64_t parts, int64_t readers)
{
    struct run run = {0};
    struct corpus corpus;
    run.status = corpus_open(settings, &corpus);
    for (int64_t r = 0; run.status == STATUS_OK && r < readers; r++) {
        struct reader *reader;
        assert_int_equal(reader_open(&corpus, parts, r, readers, &reader), STATUS_OK);
        struct document document;
        bool more = true, open = false, first = true;
        while ((run.status = reader_next(reader, &document, &more)) == STATUS_OK && more) {
            assert_int_equal(document.part % readers, r);
            take(&run, &document, &open, &first);
        }
        assert_false(run.status == STATUS_OK && open);
        assert_true(reader_position(reader) <= corpus.bytes);
        if (run.status == STATUS_OK && settings->max_documents == 0)
            assert_int_equal(reader_position(reader), corpus.bytes);
        corpus_report_add(&run.report, reader_report(reader));
        reader_close(reader);
    }
    corpus_close(&corpus);
    if (run.count > 0)
        qsort(run.documents, (size_t)run.count, sizeof *run.documents, compare_seen);
    for (int64_t i = 1; i < run.count; i++) /* each document once */
        assert_true(compare_seen(&run.documents[i - 1], &run.documents[i]) < 0);
    return run;
}

/* Settings for one input. The list is static: one at a time. */
static inline struct corpus_settings settings_of(const char *input)
{
    static struct string_list inputs;
    string_list_free(&inputs);
    if (input != NULL)
        assert_int_equal(string_list_add(&inputs, input), STATUS_OK);
    return (struct corpus_settings){.inputs = &inputs, .text_field = "text"};
}

static inline void write_with_ending(const char *path, const struct buffer *text)
{
    struct writer *writer;
    assert_int_equal(writer_open(path, &writer), STATUS_OK);
    assert_int_equal(writer_add(writer, text->data, text->length), STATUS_OK);
    assert_int_equal(writer_finish(writer), STATUS_OK);
}

static inline void assert_same(const struct run *a, const struct run *b)
{
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        assert_int_equal(compare_seen(&a->documents[i], &b->documents[i]), 0);
        assert_int_equal(a->documents[i].pieces, b->documents[i].pieces);
        assert_int_equal(a->documents[i].part, b->documents[i].part);
        assert_int_equal(a->documents[i].text.length, b->documents[i].text.length);
        if (a->documents[i].text.length > 0)
            assert_memory_equal(a->documents[i].text.data, b->documents[i].text.data,
                                a->documents[i].text.length);
    }
}

/* Reads one document set from bytes under a name. */
static inline struct run read_bytes(const char *name, const char *bytes, size_t length, const char *separator,
                                    bool skip)
{
    struct corpus_settings settings = settings_of(scratch_write(name, bytes, length));
    settings.document_separator = separator;
    settings.skip_errors = skip;
    return read_all(&settings, 2, 2);
}

/* Reads text and compares the documents with a list that ends with NULL. */
static inline void assert_documents(const char *name, const char *bytes, size_t length, const char *separator,
                                    const char *const *expected)
{
    struct run run = read_bytes(name, bytes, length, separator, false);
    if (run.status != STATUS_OK)
        fail_msg("%s", status_message());
    int64_t count = 0;
    for (; expected[count] != NULL; count++) {
        assert_true(count < run.count);
        assert_string_equal(run.documents[count].text.data, expected[count]);
    }
    assert_int_equal(run.count, count);
    run_free(&run);
}

#define ASSERT_DOCUMENTS(name, bytes, separator, ...)                                                        \
    assert_documents(name, bytes, sizeof(bytes) - 1, separator, (const char *const[]){__VA_ARGS__, NULL})

/* Appends exactly `length` bytes: UTF-8, places to cut and places that only look like it. */
static inline void add_filling(struct buffer *text, size_t length)
{
    static const char *const units[] = {"\xC3\xA9t\xC3\xA9 ", "word, \n\n", "x9\ny ",
                                        "\xE4\xB8\xAD\xE3\x80\x82 "};
    size_t end = text->length + length;
    for (uint64_t n = 0; text->length + 8 < end; n++) {
        const char *unit = units[random_below(3, 1, n, 4)];
        assert_int_equal(buffer_append(text, unit, strlen(unit)), STATUS_OK);
    }
    while (text->length < end)
        assert_int_equal(buffer_append(text, "z", 1), STATUS_OK);
}

#endif

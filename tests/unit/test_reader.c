/* The corpus reader: division into parts, pieces of long text, every kind of error, and real data. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

/* What a reader delivered: one entry per document, its pieces joined. */
struct seen {
    struct buffer text;
    int64_t part, pieces;
};

struct run {
    struct seen *documents; /* by number */
    int64_t capacity, count;
    size_t longest;              /* piece */
    struct corpus_report report; /* summed over readers */
    enum status status;
};

static void run_free(struct run *run) {
    for (int64_t i = 0; i < run->capacity; i++)
        buffer_free(&run->documents[i].text);
    free(run->documents);
    *run = (struct run){0};
}

static struct seen *at(struct run *run, int64_t number) {
    while (number >= run->capacity) {
        int64_t capacity = run->capacity > 0 ? run->capacity * 2 : 64;
        run->documents = realloc(run->documents, (size_t)capacity * sizeof *run->documents);
        memset(run->documents + run->capacity, 0,
               (size_t)(capacity - run->capacity) * sizeof *run->documents);
        run->capacity = capacity;
    }
    return &run->documents[number];
}

static void add_report(struct corpus_report *sum, const struct corpus_report *one) {
    sum->documents += one->documents;
    sum->bytes += one->bytes;
    sum->invalid_utf8 += one->invalid_utf8;
    sum->broken_json += one->broken_json;
    sum->missing_field += one->missing_field;
    sum->empty += one->empty;
    sum->truncated += one->truncated;
}

static void take(struct run *run, const struct document *document, bool *open) {
    struct seen *seen = at(run, document->number);
    assert_true(document->begins != *open); /* pieces of two documents never mix */
    assert_true(document->begins == (seen->pieces == 0));
    assert_true(document->length > 0);
    if (!document->begins) { /* the places that the header allows to cut at */
        assert_true(document->text[0] == ' ' || document->text[0] == '\n');
        assert_true(isalnum((unsigned char)seen->text.data[seen->text.length - 1]));
    }
    run->longest = document->length > run->longest ? document->length : run->longest;
    *open = !document->ends;
    seen->part = document->part;
    seen->pieces++;
    assert_int_equal(buffer_append(&seen->text, document->text, document->length), STATUS_OK);
    run->count += document->begins;
}

/* Reads with `readers` readers, one after the other, until the first that fails. */
static struct run read_all(const struct corpus_settings *settings, int64_t parts, int64_t readers) {
    struct run run = {0};
    struct corpus corpus;
    run.status = corpus_open(settings, &corpus);
    for (int64_t r = 0; run.status == STATUS_OK && r < readers; r++) {
        struct reader *reader;
        assert_int_equal(reader_open(&corpus, parts, r, readers, &reader), STATUS_OK);
        struct document document;
        bool more = true, open = false;
        while ((run.status = reader_next(reader, &document, &more)) == STATUS_OK && more) {
            assert_int_equal(document.part % readers, r);
            take(&run, &document, &open);
        }
        assert_false(run.status == STATUS_OK && open);
        assert_true(reader_position(reader) <= corpus.bytes);
        if (run.status == STATUS_OK && settings->max_documents == 0)
            assert_int_equal(reader_position(reader), corpus.bytes);
        add_report(&run.report, reader_report(reader));
        reader_close(reader);
    }
    corpus_close(&corpus);
    return run;
}

/* Settings for one input. The list is static: one at a time. */
static struct corpus_settings settings_of(const char *input) {
    static struct string_list inputs;
    string_list_free(&inputs);
    if (input != NULL)
        assert_int_equal(string_list_add(&inputs, input), STATUS_OK);
    return (struct corpus_settings){.inputs = &inputs, .text_field = "text"};
}

static void write_with_ending(const char *path, const struct buffer *text) {
    struct writer *writer;
    assert_int_equal(writer_open(path, &writer), STATUS_OK);
    assert_int_equal(writer_add(writer, text->data, text->length), STATUS_OK);
    assert_int_equal(writer_finish(writer), STATUS_OK);
}

static void assert_same(const struct run *a, const struct run *b) {
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->capacity && i < b->capacity; i++) {
        assert_int_equal(a->documents[i].pieces, b->documents[i].pieces);
        assert_int_equal(a->documents[i].part, b->documents[i].part);
        assert_int_equal(a->documents[i].text.length, b->documents[i].text.length);
        if (a->documents[i].text.length > 0)
            assert_memory_equal(a->documents[i].text.data, b->documents[i].text.data,
                                a->documents[i].text.length);
    }
}

/* A folder with every kind of file: `first` lines or documents, each with its number and some filling. */
static const char *make_mixed_folder(void) {
    static const char *const names[] = {"a.jsonl",  "b/c.jsonl.gz", "b/d.ndjson.zst", "e.txt",
                                        "f.txt.gz", "g.json",       "h.txt.zst",      "README"};
    const char *folder = scratch_path("mixed");
    assert_int_equal(directory_create(scratch_path("mixed/b")), STATUS_OK);
    struct buffer text = {0};
    uint64_t draw = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool json = strstr(names[i], ".txt") == NULL;
        buffer_clear(&text);
        for (int n = 0; n < 60; n++) {
            int filling = (int)random_below(1, 2, draw++, 9000);
            if (json)
                buffer_printf(&text, "{\"id\": %d, \"text\": \"%s %d %0*d\"}%s", n, names[i], n, filling, n,
                              n % 7 == 0 ? "\r\n \r\n" : "\n");
            else
                buffer_printf(&text, "%s%s %d\n%0*d\n", n > 0 ? "<end>\n" : "", names[i], n, filling, n);
        }
        char path[300];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        write_with_ending(path, &text);
    }
    buffer_free(&text);
    return folder;
}

static void test_readers_divide_the_documents(void **state) {
    (void)state;
    char folder[300];
    snprintf(folder, sizeof folder, "%s", make_mixed_folder());
    struct corpus_settings settings = settings_of(folder);
    settings.document_separator = "<end>\n";
    for (int64_t parts = 1; parts <= 8; parts += 7) {
        struct run alone = read_all(&settings, parts, 1);
        assert_int_equal(alone.status, STATUS_OK);
        assert_int_equal(alone.count, 7 * 60);
        assert_int_equal(corpus_report_errors(&alone.report), 0);
        int64_t in_part[8] = {0};
        for (int64_t i = 0; i < alone.count; i++) {
            assert_int_equal(alone.documents[i].pieces, 1);
            in_part[alone.documents[i].part]++;
        }
        for (int64_t i = 0; i < parts; i++) /* files of several segments: no part is empty */
            assert_true(in_part[i] > 0);
        for (int64_t readers = 2; readers <= 5; readers++) {
            struct run many = read_all(&settings, parts, readers);
            assert_int_equal(many.status, STATUS_OK);
            assert_same(&alone, &many);
            assert_memory_equal(&alone.report, &many.report, sizeof alone.report);
            run_free(&many);
        }
        run_free(&alone);
    }
}

static void test_part_rule(void **state) {
    (void)state;
    struct buffer text = {0};
    for (int n = 0; n < 40; n++)
        buffer_printf(&text, "{\"text\": \"%09999d\"}\n", n); /* 10,012 bytes each */
    struct corpus_settings settings = settings_of(scratch_write("rule.jsonl", text.data, text.length));
    settings.inputs =
        &(struct string_list){(char *[]){settings.inputs->items[0], settings.inputs->items[0]}, 2};
    struct run run = read_all(&settings, 3, 1);
    assert_int_equal(run.count, 80);
    for (int64_t n = 0; n < 80; n++)
        assert_int_equal(run.documents[n].part, (n / 40 + n % 40 * 10012 / 65536) % 3);
    run_free(&run);
    buffer_free(&text);
}

static void test_limit_counts_over_all_parts(void **state) {
    (void)state;
    char folder[300];
    snprintf(folder, sizeof folder, "%s", make_mixed_folder());
    struct corpus_settings settings = settings_of(folder);
    settings.document_separator = "<end>\n";
    struct run all = read_all(&settings, 4, 1);
    static const int64_t limits[] = {1, 59, 60, 61, 200, 419, 420, 1000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        settings.max_documents = limits[i];
        struct run some = read_all(&settings, 4, 3);
        assert_int_equal(some.count, limits[i] < 420 ? limits[i] : 420);
        for (int64_t n = 0; n < some.count; n++)
            assert_string_equal(some.documents[n].text.data, all.documents[n].text.data);
        run_free(&some);
    }
    run_free(&all);
}

/* Reads one document set from bytes under a name. */
static struct run read_bytes(const char *name, const char *bytes, size_t length, const char *separator,
                             bool skip) {
    struct corpus_settings settings = settings_of(scratch_write(name, bytes, length));
    settings.document_separator = separator;
    settings.skip_errors = skip;
    return read_all(&settings, 2, 2);
}

/* Reads text and compares the documents with a list that ends with NULL. */
static void assert_documents(const char *name, const char *bytes, size_t length, const char *separator,
                             const char *const *expected) {
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

static void test_line_ends_and_marks(void **state) {
    (void)state;
    ASSERT_DOCUMENTS("x.jsonl", "\xEF\xBB\xBF{\"text\": \"a\"}\r\n\r\n \t\n{\"text\": \"b\\n\"}", NULL, "a",
                     "b\n");
    ASSERT_DOCUMENTS("x.jsonl", "\n\n{\"text\": \"a\"}\n\n", NULL, "a");
    ASSERT_DOCUMENTS("x.jsonl", "", NULL, NULL);
    ASSERT_DOCUMENTS("x.jsonl", "\xEF\xBB\xBF", NULL, NULL);
    ASSERT_DOCUMENTS("x.json", "{\"text\": \"\\ud83d\\ude00\"}", NULL, "\xF0\x9F\x98\x80");
    ASSERT_DOCUMENTS("x.txt",
                     "\xEF\xBB\xBF"
                     "a\r\nb\n",
                     NULL, "a\r\nb\n");
    ASSERT_DOCUMENTS("x.txt", "\n", "--", "\n");
    ASSERT_DOCUMENTS("x.txt", "one--two\n--\nthree", "--", "one", "two\n", "\nthree");
    ASSERT_DOCUMENTS("x.txt", "one--two--", "--", "one", "two");
    ASSERT_DOCUMENTS("x.txt", "one--two--\r\n", "--", "one", "two");
    ASSERT_DOCUMENTS("x.txt", "one\n\ntwo\n\n", "\n\n", "one", "two");
    ASSERT_DOCUMENTS("x.txt", "one--two", "", "one--two");
}

/* Appends exactly `length` bytes: UTF-8, places to cut and places that only look like it. */
static void add_filling(struct buffer *text, size_t length) {
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

/* Documents whose separators, which hold places to cut, lie around the end of the first look (4 MiB). */
static void test_long_text_comes_in_pieces(void **state) {
    (void)state;
    enum { PIECE = 4 << 20, COUNT = 5 };
    static const size_t lengths[COUNT] = {PIECE - 3, PIECE, PIECE + 2, 9 << 20, 5};
    struct buffer text = {0};
    size_t starts[COUNT];
    for (int i = 0; i < COUNT; i++) {
        if (i > 0)
            assert_int_equal(buffer_append(&text, "1 b\nc d", 7), STATUS_OK);
        starts[i] = text.length;
        add_filling(&text, lengths[i]);
    }
    static const char *const names[] = {"long.txt", "long.txt.gz", "long.txt.zst"};
    for (int i = 0; i < 3; i++) {
        write_with_ending(scratch_path(names[i]), &text);
        struct corpus_settings settings = settings_of(scratch_path(names[i]));
        struct run whole = read_all(&settings, 1, 1);
        assert_int_equal(whole.status, STATUS_OK);
        assert_int_equal(whole.count, 1);
        assert_true(whole.longest <= PIECE);
        assert_int_equal(whole.documents[0].text.length, text.length);
        assert_memory_equal(whole.documents[0].text.data, text.data, text.length);
        run_free(&whole);
        settings.document_separator = "1 b\nc d";
        struct run parts = read_all(&settings, 4, 2);
        assert_int_equal(parts.status, STATUS_OK);
        assert_int_equal(parts.count, COUNT);
        for (int d = 0; d < COUNT; d++) {
            assert_int_equal(parts.documents[d].text.length, lengths[d]);
            assert_memory_equal(parts.documents[d].text.data, text.data + starts[d], lengths[d]);
            assert_int_equal(parts.documents[d].part, (int64_t)starts[d] / CORPUS_SEGMENT % 4);
        }
        run_free(&parts);
    }
    buffer_free(&text);
}

/* Nowhere to cut for a long while: the piece grows. One JSON line of the same length. */
static void test_long_runs(void **state) {
    (void)state;
    struct buffer text = {0}, line = {0};
    for (int i = 0; i < 9 << 18; i++)
        assert_int_equal(buffer_append(&text, "\xE4\xB8\xAD\n", 4), STATUS_OK);
    assert_int_equal(buffer_append(&text, "end of it", 9), STATUS_OK);
    struct corpus_settings settings = settings_of(scratch_write("run.txt", text.data, text.length));
    struct run run = read_all(&settings, 1, 1);
    assert_int_equal(run.status, STATUS_OK);
    assert_int_equal(run.count, 1);
    assert_string_equal(run.documents[0].text.data, text.data);
    run_free(&run);
    buffer_printf(&line, "{\"text\": ");
    json_write_text(&line, text.data, text.length);
    buffer_printf(&line, "}");
    settings = settings_of(scratch_write("run.jsonl", line.data, line.length));
    run = read_all(&settings, 1, 1);
    assert_int_equal(run.status, STATUS_OK);
    assert_string_equal(run.documents[0].text.data, text.data);
    run_free(&run);
    buffer_free(&text);
    buffer_free(&line);
}

/* A bad line between two good ones, in both modes. */
struct bad_line {
    const char *line;
    size_t length, counter; /* counter: offset in struct corpus_report */
    const char *message;    /* behind FILE:2: */
};
#define BAD(line, counter, message)                                                                          \
    { line, sizeof(line) - 1, offsetof(struct corpus_report, counter), message }
#define JSON_END ", expected an object on each line"

static const struct bad_line bad_lines[] = {
    BAD("{\"text\": \"a\xFFz\"}", invalid_utf8, "invalid UTF-8: byte 0xFF at column 12 of the line"),
    BAD("{\"text\": \xED\xA0\x80", invalid_utf8, "invalid UTF-8: byte 0xED at column 10 of the line"),
    BAD("{\"text\": \"a\"", broken_json,
        "broken JSON: column 13: unexpected end of data, found the end" JSON_END),
    BAD("{\"text\": \"a", broken_json,
        "broken JSON: column 12: unexpected end of data, found the end" JSON_END),
    BAD("{\"text\": \"a\"} {", broken_json,
        "broken JSON: column 15: unexpected character, found '{'" JSON_END),
    BAD("{'text': \"a\"}", broken_json, "broken JSON: column 2: unexpected character, found '''" JSON_END),
    BAD("{\"text\": \"a\0\"}", broken_json,
        "broken JSON: column 12: a control character in a string, expected it escaped, found byte "
        "0x00" JSON_END),
    BAD("\0", broken_json, "broken JSON: column 1: unexpected character, found byte 0x00" JSON_END),
    BAD("{\"text\": \"\\ud800\"}", broken_json,
        "broken JSON: column 11: half of a surrogate pair, expected a whole character, found '\\'" JSON_END),
    BAD("[\"text\"]", broken_json, "broken JSON: found an array, expected an object on each line"),
    BAD("null", broken_json, "broken JSON: found null, expected an object on each line"),
    BAD("{\"body\": \"a\", \"id\": 1}", missing_field, "no member \"text\", found \"body\", \"id\""),
    BAD("{}", missing_field, "no member \"text\", found an empty object"),
    BAD("{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1}", missing_field,
        "no member \"text\", found \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", ..."),
    BAD("{\"text\": 3}", missing_field, "member \"text\" is a number, expected a string"),
    BAD("{\"text\": null}", missing_field, "member \"text\" is null, expected a string"),
    BAD("{\"text\": \"\"}", empty, "empty document: member \"text\" has no text"),
};

static void assert_counted(const struct run *run, size_t counter, int64_t documents) {
    assert_int_equal(run->status, STATUS_OK);
    assert_int_equal(corpus_report_errors(&run->report), 1);
    assert_int_equal(*(const int64_t *)(const void *)((const char *)&run->report + counter), 1);
    assert_int_equal(run->report.documents, documents);
}

static void test_bad_lines(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        const struct bad_line *bad = &bad_lines[i];
        struct buffer text = {0};
        char expected[600];
        buffer_printf(&text, "{\"text\": \"first\"}\n");
        buffer_append(&text, bad->line, bad->length);
        buffer_printf(&text, "\n{\"text\": \"third\"}\n");
        struct run run = read_bytes("bad.jsonl", text.data, text.length, NULL, false);
        assert_int_equal(run.status, STATUS_FAILED);
        snprintf(expected, sizeof expected, "%s:2: %s", scratch_path("bad.jsonl"), bad->message);
        assert_string_equal(status_message(), expected);
        run_free(&run);
        run = read_bytes("bad.jsonl", text.data, text.length, NULL, true);
        assert_counted(&run, bad->counter, 2);
        assert_string_equal(status_message(), expected);
        assert_string_equal(run.documents[0].text.data, "first");
        assert_string_equal(run.documents[2].text.data, "third"); /* a bad document keeps its number */
        run_free(&run);
        buffer_free(&text);
    }
}

static void test_deep_nesting(void **state) {
    (void)state;
    struct buffer text = {0};
    buffer_printf(&text, "{\"text\": ");
    for (int i = 0; i < 1000000; i++)
        buffer_append(&text, "[", 1);
    struct run run = read_bytes("deep.jsonl", text.data, text.length, NULL, true);
    assert_counted(&run, offsetof(struct corpus_report, broken_json), 0);
    run_free(&run);
    buffer_free(&text);
}

static void test_bad_text(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t counter;
        const char *message;
    } cases[] = {
        {"one\n--\ntw\xC3(o--three", offsetof(struct corpus_report, invalid_utf8),
         "x.txt:3: invalid UTF-8: byte 0xC3 at byte 9"},
        {"one----three", offsetof(struct corpus_report, empty), "x.txt:1: empty document: expected text"},
    };
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(cases[i].bytes);
        struct run run = read_bytes("x.txt", cases[i].bytes, length, "--", false);
        assert_int_equal(run.status, STATUS_FAILED);
        assert_string_equal(strrchr(status_message(), '/') + 1, cases[i].message);
        run_free(&run);
        run = read_bytes("x.txt", cases[i].bytes, length, "--", true);
        assert_counted(&run, cases[i].counter, 2);
        assert_string_equal(run.documents[2].text.data, "three");
        run_free(&run);
    }
    struct run run = read_bytes("x.txt", "", 0, "--", true);
    assert_counted(&run, offsetof(struct corpus_report, empty), 0);
    run_free(&run);
}

/* A long document that goes bad after its first piece ends there; the next one is whole. */
static void test_bad_long_text(void **state) {
    (void)state;
    struct buffer text = {0};
    add_filling(&text, 11 << 20);
    size_t bad = 6 << 20;
    while ((signed char)text.data[bad] < 0)
        bad++;
    text.data[bad] = '\xFF';
    buffer_printf(&text, "--next");
    struct run run = read_bytes("x.txt", text.data, text.length, "--", true);
    assert_counted(&run, offsetof(struct corpus_report, invalid_utf8), 2);
    assert_int_equal(run.documents[0].text.length, bad);
    assert_memory_equal(run.documents[0].text.data, text.data, bad);
    assert_string_equal(run.documents[1].text.data, "next");
    run_free(&run);
    buffer_free(&text);
}

/* Reads the first `keep` bytes of a file, with one bit of byte `flip` changed if that is not -1. */
static struct run read_damaged(const char *name, const struct buffer *file, size_t keep, int64_t flip,
                               bool skip) {
    struct buffer copy = {0};
    buffer_append(&copy, file->data, keep);
    if (flip >= 0)
        copy.data[flip] ^= 0x10;
    struct run run = read_bytes(name, copy.data, copy.length, "--", skip);
    buffer_free(&copy);
    return run;
}

/* Cuts the file off in many places, in both modes. */
static void check_cut_off(const char *name, const struct buffer *file, struct run *good) {
    bool gzip = path_has_suffix(name, ".gz");
    const char *message = gzip ? ": the gzip data end too early, the file is cut off"
                               : ": the Zstandard data end too early, the file is cut off";
    size_t keeps[] = {0, 1, 5, 30, file->length / 2, file->length - 1};
    for (size_t k = 0; k < sizeof keeps / sizeof *keeps; k++) {
        struct run run = read_damaged(name, file, keeps[k], -1, false);
        assert_int_equal(run.status, STATUS_FAILED);
        assert_non_null(strstr(status_message(), message));
        run_free(&run);
        run = read_damaged(name, file, keeps[k], -1, true);
        assert_counted(&run, offsetof(struct corpus_report, truncated), run.count);
        for (int64_t n = 0; n + 1 < run.count; n++) /* the last one may be cut off */
            assert_string_equal(run.documents[n].text.data, good->documents[n].text.data);
        assert_true(keeps[k] < file->length / 2 || run.count > 0);
        run_free(&run);
    }
}

static void test_damaged_archives(void **state) {
    (void)state;
    static const char *const names[] = {"t.jsonl.gz", "t.jsonl.zst", "t.txt.gz", "t.txt.zst"};
    for (int i = 0; i < 4; i++) {
        struct buffer text = {0}, file = {0};
        for (uint64_t n = 0; n < 12000; n++) {
            unsigned long long a = random_bits(5, 5, n), b = random_bits(6, 6, n);
            buffer_printf(&text, i < 2 ? "{\"text\": \"%llx \xC3\xA9 %llx\"}\n" : "%llx \xC3\xA9 %llx--", a,
                          b);
        }
        write_with_ending(scratch_path(names[i]), &text);
        assert_int_equal(file_read(scratch_path(names[i]), &file), STATUS_OK);
        struct run good = read_damaged(names[i], &file, file.length, -1, false);
        assert_int_equal(good.count, 12000);
        check_cut_off(names[i], &file, &good);
        int64_t checksum = (int64_t)file.length - (i % 2 == 0 ? 6 : 3);
        struct run run = read_damaged(names[i], &file, file.length, checksum, true);
        assert_counted(&run, offsetof(struct corpus_report, truncated), run.count);
        assert_true(run.count > 0);
        run_free(&run);
        run = read_damaged(names[i], &file, file.length, 2, false);
        assert_int_equal(run.status, STATUS_FAILED);
        assert_non_null(strstr(status_message(), "data are damaged ("));
        run_free(&run);
        run_free(&good);
        buffer_free(&text);
        buffer_free(&file);
    }
}

/* Several members or frames are one text; zeros behind gzip are padding, anything else is damage. */
static void test_joined_archives(void **state) {
    (void)state;
    static const char *const names[] = {"j.txt.gz", "j.txt.zst"};
    for (int i = 0; i < 2; i++) {
        struct buffer one = {(char[]){"one "}, 4, 5}, two = {(char[]){"two"}, 3, 4}, file = {0};
        write_with_ending(scratch_path(names[i]), &one);
        assert_int_equal(file_read(scratch_path(names[i]), &file), STATUS_OK);
        write_with_ending(scratch_path(names[i]), &two);
        assert_int_equal(file_read(scratch_path(names[i]), &file), STATUS_OK);
        assert_documents(names[i], file.data, file.length, NULL, (const char *const[]){"one two", NULL});
        buffer_append(&file, "\0\0\0", i == 0 ? 3 : 0);
        assert_documents(names[i], file.data, file.length, NULL, (const char *const[]){"one two", NULL});
        buffer_append(&file, "trailing bytes", 14);
        struct run run = read_bytes(names[i], file.data, file.length, NULL, true);
        assert_counted(&run, offsetof(struct corpus_report, truncated), 1);
        assert_string_equal(run.documents[0].text.data, "one two");
        run_free(&run);
        buffer_free(&file);
    }
}

static void assert_open_fails(const char *input, const char *message) {
    struct corpus corpus;
    struct corpus_settings settings = settings_of(input);
    assert_true(corpus_open(&settings, &corpus) != STATUS_OK);
    assert_string_equal(status_message(), message);
}

#define ENDINGS ".txt, .jsonl, .ndjson and .json (JSON lines), each also with .gz or .zst"

static void test_bad_inputs(void **state) {
    (void)state;
    char folder[300], path[600], message[900];
    snprintf(folder, sizeof folder, "%s", make_mixed_folder());
    snprintf(path, sizeof path, "%s/README", folder);
    snprintf(message, sizeof message,
             "%s: unknown kind of corpus file, expected a name that ends in " ENDINGS, path);
    assert_open_fails(path, message);
    snprintf(path, sizeof path, "%s/none*.txt", folder);
    snprintf(message, sizeof message, "%s: no such file, and no file matches it as a pattern", path);
    assert_open_fails(path, message);
    assert_open_fails(NULL, "no corpus inputs: expected files, folders or patterns in corpus.inputs");
    assert_int_equal(directory_create(scratch_path("bare/.hidden")), STATUS_OK);
    scratch_write("bare/.hidden/x.jsonl", "", 0);
    scratch_write("bare/.x.jsonl", "", 0);
    snprintf(path, sizeof path, "%s", scratch_path("bare"));
    snprintf(message, sizeof message,
             "%s: the folder has no corpus files, expected names that end in " ENDINGS, path);
    assert_open_fails(path, message);
    assert_int_equal(symlink("..", scratch_path("bare/circle")), 0);
    snprintf(message, sizeof message, "%s: a symbolic link leads back to a folder above it",
             scratch_path("bare/circle/bare"));
    assert_open_fails(path, message);
    assert_int_equal(unlink(scratch_path("bare/circle")), 0);
}

static void test_inputs_in_order(void **state) {
    (void)state;
    char folder[300], path[600], pattern[600];
    snprintf(folder, sizeof folder, "%s//", make_mixed_folder());
    snprintf(pattern, sizeof pattern, "%s[a-b]*", folder);
    struct string_list inputs = {(char *[]){folder, pattern}, 2};
    struct corpus_settings settings = {.inputs = &inputs, .text_field = "text"};
    struct corpus corpus;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    static const char *const files[] = {"/a.jsonl",       "/b/c.jsonl.gz",   "/b/d.ndjson.zst", "/e.txt",
                                        "/f.txt.gz",      "/g.json",         "/h.txt.zst",      "//a.jsonl",
                                        "//b/c.jsonl.gz", "//b/d.ndjson.zst"};
    assert_int_equal(corpus.files.count, 10);
    int64_t bytes = 0;
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof path, "%s%s", scratch_path("mixed"), files[i]);
        assert_string_equal(corpus.files.items[i], path);
        bytes += file_size(path);
    }
    assert_int_equal(corpus.bytes, bytes);
    corpus_close(&corpus);
}

/* A file that is gone, and one that cannot be read, stop the reader in both modes. */
static void test_unreadable_files(void **state) {
    (void)state;
    struct corpus_settings settings = settings_of(scratch_write("gone.jsonl", "", 0));
    settings.skip_errors = true;
    struct corpus corpus;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    assert_int_equal(unlink(scratch_path("gone.jsonl")), 0);
    for (int i = 0; i < 2; i++) {
        if (i == 1) /* a folder in its place: open works, read does not */
            assert_int_equal(directory_create(scratch_path("gone.jsonl")), STATUS_OK);
        struct reader *reader;
        struct document document;
        bool more;
        assert_int_equal(reader_open(&corpus, 1, 0, 1, &reader), STATUS_OK);
        assert_int_equal(reader_next(reader, &document, &more), STATUS_FAILED);
        char expected[600];
        snprintf(expected, sizeof expected, "cannot read %s: %s", scratch_path("gone.jsonl"),
                 i == 0 ? "No such file or directory" : "Is a directory");
        assert_string_equal(status_message(), expected);
        reader_close(reader);
    }
    corpus_close(&corpus);
}

static void test_real_text(void **state) {
    (void)state;
    const char *path = test_data("fineweb/fineweb-sample.jsonl.zst");
    if (path == NULL)
        skip();
    struct corpus_settings settings = settings_of(path);
    struct run all = read_all(&settings, 8, 2);
    assert_int_equal(all.status, STATUS_OK);
    assert_int_equal(all.report.documents, 2800);
    assert_int_equal(all.report.bytes, 19456090); /* counted with Python's json */
    path = test_data("fineweb/fineweb-300.jsonl.gz");
    if (path == NULL)
        skip();
    settings = settings_of(path);
    struct run first = read_all(&settings, 8, 3);
    assert_int_equal(first.status, STATUS_OK);
    assert_int_equal(first.count, 300);
    for (int64_t i = 0; i < 300; i++)
        assert_string_equal(first.documents[i].text.data, all.documents[i].text.data);
    run_free(&first);
    run_free(&all);
}

/* Writes about 200 MB of JSON lines, compressed. */
static void write_large(const char *path) {
    struct buffer line = {0};
    struct writer *writer;
    assert_int_equal(writer_open(path, &writer), STATUS_OK);
    for (int n = 0; n < 20000; n++) {
        buffer_clear(&line);
        buffer_printf(&line, "{\"text\": \"%d %09950d\", \"number\": %d}\n", n, n, n);
        assert_int_equal(writer_add(writer, line.data, line.length), STATUS_OK);
    }
    assert_int_equal(writer_finish(writer), STATUS_OK);
    buffer_free(&line);
}

/* In a child process: reads everything and returns the peak memory in MiB, or 255. */
static int peak_of_reading(const char *path) {
    struct corpus_settings settings = settings_of(path);
    struct corpus corpus;
    struct reader *reader;
    struct document document;
    struct rusage usage;
    bool more = true;
    if (corpus_open(&settings, &corpus) != STATUS_OK || reader_open(&corpus, 1, 0, 1, &reader) != STATUS_OK)
        return 255;
    while (more)
        if (reader_next(reader, &document, &more) != STATUS_OK)
            return 255;
    if (reader_report(reader)->documents != 20000 || getrusage(RUSAGE_SELF, &usage) != 0)
        return 255;
    return usage.ru_maxrss / 1024 < 254 ? (int)(usage.ru_maxrss / 1024) : 254;
}

static void test_memory_is_bounded(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    printf("skipped: the address sanitizer keeps freed memory\n");
    skip();
#endif
    char path[300];
    snprintf(path, sizeof path, "%s", scratch_path("large.jsonl.zst"));
    write_large(path);
    pid_t child = fork();
    if (child == 0)
        _exit(peak_of_reading(path));
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) < 64); /* MiB; the text has 190 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_bounded), /* first: later tests leave memory in the heap */
        cmocka_unit_test(test_readers_divide_the_documents),
        cmocka_unit_test(test_part_rule),
        cmocka_unit_test(test_limit_counts_over_all_parts),
        cmocka_unit_test(test_line_ends_and_marks),
        cmocka_unit_test(test_long_text_comes_in_pieces),
        cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_bad_long_text),
        cmocka_unit_test(test_damaged_archives),
        cmocka_unit_test(test_joined_archives),
        cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_inputs_in_order),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_real_text),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

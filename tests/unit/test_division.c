/* The division of a corpus over readers: every document is read once, by the reader that the rule says, at
 * every place where a line may meet the edge of a segment; uneven inputs are balanced. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/division.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "reading.h"

enum { SEGMENT = 1 << 16 }; /* bytes: of every corpus below 4 MiB a part */

/* One line of JSON with `length` bytes before its end, at least 13. */
static void add_line(struct buffer *text, size_t length, const char *end)
{
    assert_int_equal(
        buffer_printf(text, "{\"text\": \"%0*d\"}%s", (int)length - 12, (int)(text->length % 9), end),
        STATUS_OK);
}

/* Compares what 1 to 5 readers deliver with the lines of the text. */
static void check_lines(const char *name, const struct buffer *text, int64_t parts)
{
    struct corpus_settings settings = settings_of(scratch_write(name, text->data, text->length));
    for (int64_t readers = 1; readers <= 5; readers++) {
        struct run run = read_all(&settings, parts, readers);
        assert_int_equal(run.status, STATUS_OK);
        int64_t count = 0;
        size_t mark = text->length >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        for (size_t at = mark; at < text->length; count++) {
            const char *end = memchr(text->data + at, '\n', text->length - at);
            size_t next = end != NULL ? (size_t)(end - text->data) + 1 : text->length;
            while (next < text->length && (text->data[next] == '\n' || text->data[next] == '\r'))
                next++; /* blank lines */
            assert_true(count < run.count);
            assert_int_equal(run.documents[count].position, at);
            assert_int_equal(run.documents[count].part, (int64_t)at / SEGMENT % parts);
            at = next;
        }
        assert_int_equal(run.count, count);
        run_free(&run);
    }
}

/* Lines that end 0 to 3 bytes around the edge of a segment, with either line end, blank lines, no last end.
 */
static void test_lines_at_edges(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\n\n", "\n\r\n\n"};
    for (int shift = -3; shift <= 3; shift++)
        for (int e = 0; e < 4; e++) {
            struct buffer text = {0};
            if (e % 2 == 1)
                buffer_append(&text, "\xEF\xBB\xBF", 3);
            for (int edge = 1; edge <= 4; edge++) {
                while (text.length + 9000 < (size_t)edge * SEGMENT)
                    add_line(&text, 4000, ends[e]);
                add_line(&text, (size_t)(edge * SEGMENT + shift) - text.length - 1, ends[e]);
            }
            add_line(&text, 50, e < 2 ? "" : ends[e]);
            check_lines("edges.jsonl", &text, 3);
            buffer_free(&text);
        }
}

/* Lines much longer than a segment, short ones between them, and one over all of the file. */
static void test_long_lines(void **state)
{
    (void)state;
    struct buffer text = {0};
    static const int lengths[] = {20, 5 * SEGMENT + 17, 20, 20, 3 * SEGMENT, 2 * SEGMENT - 1, 30, SEGMENT};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        add_line(&text, (size_t)lengths[i], "\n");
    check_lines("long.jsonl", &text, 4);
    check_lines("long.jsonl", &text, 7);
    buffer_clear(&text);
    add_line(&text, 6 * SEGMENT, "");
    check_lines("one.jsonl", &text, 3);
    buffer_clear(&text);
    check_lines("none.jsonl", &text, 3);
    buffer_free(&text);
}

/* Separators at every place around an edge. One that may overlap itself is only found from the beginning. */
static void test_separators_at_edges(void **state)
{
    (void)state;
    static const char *const separators[] = {"<|end|>\n", "\n\n"};
    for (int s = 0; s < 2; s++)
        for (int shift = -9; shift <= 9; shift++) {
            size_t width = strlen(separators[s]);
            struct buffer text = {0};
            int64_t starts[8] = {0};
            for (int n = 1; n <= 4; n++) {
                buffer_printf(&text, "%0*d%s", (int)(n * SEGMENT + shift - (int64_t)text.length - (int)width),
                              n, separators[s]);
                starts[n] = (int64_t)text.length;
            }
            buffer_printf(&text, "last");
            struct corpus_settings settings = settings_of(scratch_write("s.txt", text.data, text.length));
            settings.document_separator = separators[s];
            for (int64_t readers = 1; readers <= 3; readers++) {
                struct run run = read_all(&settings, 3, readers);
                assert_int_equal(run.status, STATUS_OK);
                assert_int_equal(run.count, 5);
                for (int n = 0; n < 5; n++)
                    assert_int_equal(run.documents[n].position, starts[n]);
                for (int n = 0; n < 5 && s == 0; n++)
                    assert_int_equal(run.documents[n].part, starts[n] / SEGMENT % 3);
                run_free(&run);
            }
            buffer_free(&text);
        }
}

/* Errors far behind the beginning: a reader that jumped there still knows the line. */
static void test_lines_of_errors(void **state)
{
    (void)state;
    struct buffer text = {0};
    for (int n = 0; n < 600; n++) {
        if (n % 100 == 99)
            buffer_printf(&text, "line %d\n", n + 1);
        else
            add_line(&text, 1000, "\n");
    }
    struct corpus_settings settings = settings_of(scratch_write("bad.jsonl", text.data, text.length));
    struct corpus corpus;
    settings.skip_errors = true;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    int64_t errors = 0;
    for (int64_t r = 0; r < 4; r++) {
        struct reader *reader;
        struct document document;
        bool more = true;
        assert_int_equal(reader_open(&corpus, 4, r, 4, &reader), STATUS_OK);
        while (more) {
            int64_t before = corpus_report_errors(reader_report(reader));
            assert_int_equal(reader_next(reader, &document, &more), STATUS_OK);
            if (corpus_report_errors(reader_report(reader)) == before)
                continue;
            char expected[400];
            int64_t line = strtoll(strstr(status_message(), "bad.jsonl:") + 10, NULL, 10);
            snprintf(expected, sizeof expected, "%s:%lld: broken JSON", scratch_path("bad.jsonl"),
                     (long long)line);
            assert_memory_equal(status_message(), expected, strlen(expected));
            assert_int_equal(line % 100, 0);
        }
        errors += corpus_report_errors(reader_report(reader));
        reader_close(reader);
    }
    assert_int_equal(errors, 6);
    corpus_close(&corpus);
    buffer_free(&text);
}

/* Random text that does not compress much, as `size` bytes of JSON lines or of documents behind separators.
 */
static void write_kind(const char *name, size_t size, uint64_t seed)
{
    struct buffer text = {0};
    bool json = strstr(name, ".jsonl") != NULL;
    for (uint64_t n = 0; text.length < size; n++) {
        buffer_printf(&text, "%s", json ? "{\"text\": \"" : "");
        for (uint64_t w = 0; w < 10 + random_below(seed, 1, n, 300); w++)
            buffer_printf(&text, "%04llx ", (unsigned long long)random_below(seed, n + 2, w, 1 << 16));
        buffer_printf(&text, "%s", json ? "\"}\n" : "<end>");
    }
    write_with_ending(scratch_path(name), &text);
    buffer_free(&text);
}

/* The largest distance from the mean of what each reader delivered, as a share of the mean. */
static double measure_imbalance(const struct corpus_settings *settings, int64_t parts, int64_t readers,
                                struct run *alone)
{
    struct run run = read_all(settings, parts, readers);
    assert_int_equal(run.status, STATUS_OK);
    double bytes[8] = {0}, worst = 0, mean = (double)run.report.bytes / (double)readers;
    for (int64_t i = 0; i < run.count; i++)
        bytes[run.documents[i].part % readers] += (double)run.documents[i].text.length;
    for (int64_t r = 0; r < readers; r++)
        worst = worst > fabs(bytes[r] / mean - 1) ? worst : fabs(bytes[r] / mean - 1);
    if (alone->count == 0) {
        *alone = run;
        return worst;
    }
    assert_memory_equal(&alone->report, &run.report, sizeof run.report);
    run_free(&run);
    return worst;
}

static void check_balance(const char *folder)
{
    struct corpus_settings settings = settings_of(scratch_path(folder));
    settings.document_separator = "<end>";
    for (int64_t readers = 1; readers <= 5; readers++)
        for (int64_t times = 1; times <= 3; times += 2) {
            struct run alone = {0};
            measure_imbalance(&settings, times * readers, 1, &alone);
            double imbalance = measure_imbalance(&settings, times * readers, readers, &alone);
            if (imbalance > 0.1)
                fail_msg("%s: %d readers of %d parts are %.1f %% off their mean", folder, (int)readers,
                         (int)(times * readers), 100 * imbalance);
            run_free(&alone);
        }
}

static void test_uneven_inputs_are_balanced(void **state)
{
    (void)state;
    static const char *const folders[] = {"large", "pairs", "mixed", "packed"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(directory_create(scratch_path(folders[i])), STATUS_OK);
    char name[64];
    for (int i = 0; i < 20; i++) { /* one file of a hundred times the size of the others */
        snprintf(name, sizeof name, "large/%02d.jsonl", i);
        write_kind(name, i == 7 ? 6000000 : 60000, 10 + (uint64_t)i);
        snprintf(name, sizeof name, "pairs/%03d.jsonl", i); /* every second file is small */
        write_kind(name, i % 2 == 0 ? 300000 : 1000, 40 + (uint64_t)i);
    }
    write_kind("mixed/a.jsonl", 4000000, 1);
    write_kind("mixed/b.txt", 2500000, 2);
    write_kind("mixed/c.jsonl.gz", 1500000, 3);
    write_kind("mixed/d.txt.zst", 30000, 4);
    write_kind("packed/a.jsonl.zst", 5000000, 5);
    for (int i = 0; i < 4; i++)
        check_balance(folders[i]);
}

/* Compressed files of one size go whole; then readers open their own only. */
static void test_whole_files(void **state)
{
    (void)state;
    assert_int_equal(directory_create(scratch_path("whole")), STATUS_OK);
    char name[64];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "whole/%d.jsonl.zst", i);
        write_kind(name, 100000, 60);
    }
    struct corpus_settings settings = settings_of(scratch_path("whole"));
    struct corpus corpus;
    struct division division;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    assert_int_equal(division_make(&corpus, 3, &division), STATUS_OK);
    for (int i = 0; i < 6; i++)
        assert_int_equal(division.whole[i], i % 3);
    division_free(&division);
    assert_true(corpus_is_divisible(&corpus, 3));
    assert_false(corpus_is_divisible(&corpus, 4));
    assert_true(corpus_is_divisible(&corpus, 1));
    assert_int_equal(unlink(corpus.files.items[1]), 0);
    struct reader *reader;
    struct document document;
    bool more = true;
    assert_int_equal(reader_open(&corpus, 3, 0, 3, &reader), STATUS_OK);
    while (more)
        assert_int_equal(reader_next(reader, &document, &more), STATUS_OK);
    assert_int_equal(reader_position(reader), corpus.bytes);
    reader_close(reader);
    corpus_close(&corpus);
}

static void test_divisible_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *name, *separator;
        bool divisible;
    } cases[] = {{"d.jsonl", NULL, true},      {"d.txt", NULL, true},   {"d.txt", "<end>", true},
                 {"d.txt", "\n\n", false},     {"d.txt", "aba", false}, {"d.jsonl.zst", NULL, false},
                 {"d.txt.gz", "<end>", false}, {"d.txt.gz", NULL, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_kind(cases[i].name, 1000, 70);
        struct corpus_settings settings = settings_of(scratch_path(cases[i].name));
        settings.document_separator = cases[i].separator;
        for (int limit = 0; limit < 2; limit++) {
            struct corpus corpus;
            settings.max_documents = limit;
            assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
            assert_int_equal(corpus_is_divisible(&corpus, 2), cases[i].divisible && limit == 0);
            corpus_close(&corpus);
        }
    }
}

/* Text that goes away between opening and reading is not lost silently. */
static void test_shorter_file(void **state)
{
    (void)state;
    struct buffer text = {0};
    for (int n = 0; n < 300; n++)
        add_line(&text, 1000, "\n");
    struct corpus_settings settings = settings_of(scratch_write("cut.jsonl", text.data, text.length));
    struct corpus corpus;
    struct reader *reader;
    struct document document;
    bool more = true;
    enum status status = STATUS_OK;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    scratch_write("cut.jsonl", text.data, 100 * 1001);
    assert_int_equal(reader_open(&corpus, 1, 0, 1, &reader), STATUS_OK);
    while (more && status == STATUS_OK)
        status = reader_next(reader, &document, &more);
    assert_int_equal(status, STATUS_FAILED);
    assert_non_null(strstr(status_message(), "has 100100 bytes now, expected 300300"));
    reader_close(reader);
    corpus_close(&corpus);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_at_edges),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_separators_at_edges),
        cmocka_unit_test(test_lines_of_errors),
        cmocka_unit_test(test_uneven_inputs_are_balanced),
        cmocka_unit_test(test_whole_files),
        cmocka_unit_test(test_divisible_inputs),
        cmocka_unit_test(test_shorter_file),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

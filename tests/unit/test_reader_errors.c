/* What the corpus reader says and does about bad documents and damaged files, in both modes. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"

/* A bad line between two good ones, in both modes. */
struct bad_line {
    const char *line;
    size_t length, counter; /* counter: offset in struct corpus_report */
    const char *message;    /* behind FILE:2: */
};
#define BAD(line, counter, message)                                                                          \
    {                                                                                                        \
        line, sizeof(line) - 1, offsetof(struct corpus_report, counter), message                             \
    }
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

static void assert_counted(const struct run *run, size_t counter, int64_t documents)
{
    assert_int_equal(run->status, STATUS_OK);
    assert_int_equal(corpus_report_errors(&run->report), 1);
    assert_int_equal(*(const int64_t *)(const void *)((const char *)&run->report + counter), 1);
    assert_int_equal(run->report.documents, documents);
}

static void test_bad_lines(void **state)
{
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
        assert_string_equal(run.documents[1].text.data, "third");
        run_free(&run);
        buffer_free(&text);
    }
}

static void test_deep_nesting(void **state)
{
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

static void test_bad_text(void **state)
{
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
        assert_string_equal(run.documents[1].text.data, "three");
        run_free(&run);
    }
    struct run run = read_bytes("x.txt", "", 0, "--", true);
    assert_counted(&run, offsetof(struct corpus_report, empty), 0);
    run_free(&run);
}

/* A long document that goes bad after its first piece ends there; the next one is whole. */
static void test_bad_long_text(void **state)
{
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
                               bool skip)
{
    struct buffer copy = {0};
    buffer_append(&copy, file->data, keep);
    if (flip >= 0)
        copy.data[flip] ^= 0x10;
    struct run run = read_bytes(name, copy.data, copy.length, "--", skip);
    buffer_free(&copy);
    return run;
}

/* Cuts the file off in many places, in both modes. */
static void check_cut_off(const char *name, const struct buffer *file, struct run *good)
{
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

static void test_damaged_archives(void **state)
{
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
static void test_joined_archives(void **state)
{
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_lines),        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_bad_text),         cmocka_unit_test(test_bad_long_text),
        cmocka_unit_test(test_damaged_archives), cmocka_unit_test(test_joined_archives),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

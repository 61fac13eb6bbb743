/* The corpus reader: inputs, division into parts, pieces of long text, real data, memory. Errors have their
 * own file. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "reading.h"

/* A folder with every kind of file: `first` lines or documents, each with its number and some filling. */
static const char *make_mixed_folder(void)
{
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

static void test_readers_divide_the_documents(void **state)
{
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

static void test_part_rule(void **state)
{
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
        assert_int_equal(run.documents[n].part, n * 10012 / 65536 % 3); /* two files of 40 lines */
    run_free(&run);
    buffer_free(&text);
}

static void test_limit_counts_over_all_parts(void **state)
{
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

static void test_line_ends_and_marks(void **state)
{
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

/* The one document of a file, and what comes with it. */
struct whole {
    char text[200], record[200];
    double score;
};

static struct whole read_whole(const char *name, const char *bytes)
{
    struct corpus_settings settings = settings_of(scratch_write(name, bytes, strlen(bytes)));
    settings.whole_records = true;
    settings.score_field = "language_score";
    struct corpus corpus;
    struct reader *reader;
    struct document document;
    bool more;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    assert_int_equal(reader_open(&corpus, 1, 0, 1, &reader), STATUS_OK);
    assert_int_equal(reader_next(reader, &document, &more), STATUS_OK);
    assert_true(more);
    struct whole whole = {.score = document.score};
    snprintf(whole.text, sizeof whole.text, "%.*s", (int)document.length, document.text);
    snprintf(whole.record, sizeof whole.record, "%.*s", (int)document.record_length, document.record);
    reader_close(reader);
    corpus_close(&corpus);
    return whole;
}

static void test_records_and_scores(void **state)
{
    (void)state;
    struct whole whole = read_whole("w.jsonl", "\xEF\xBB\xBF \t{\"id\": [1],\"text\": \"a\\n\", "
                                               "\"language_score\": 0.75 } \r\n");
    assert_string_equal(whole.text, "a\n");
    assert_string_equal(whole.record, "{\"id\": [1],\"text\": \"a\\n\", \"language_score\": 0.75 }");
    assert_true(whole.score == 0.75);
    whole = read_whole("w.jsonl", "{\"text\": \"a\", \"language_score\": \"0.75\"}");
    assert_true(isnan(whole.score));
    whole = read_whole("w.jsonl", "{\"text\": \"a\", \"language_score\": 1}");
    assert_true(whole.score == 1.0);
    whole = read_whole("w.txt", "say \"a\"\n");
    assert_string_equal(whole.record, "{\"text\": \"say \\\"a\\\"\\n\"}");
    assert_true(isnan(whole.score));
}

/* Documents whose separators, which hold places to cut, lie around the end of the first look (4 MiB). */
static void test_long_text_comes_in_pieces(void **state)
{
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
        int64_t segment = i == 0 ? 1 << 17 : 1 << 16; /* 24 MiB, or less, in 4 parts of 32 segments */
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
            assert_int_equal(parts.documents[d].part, (int64_t)starts[d] / segment % 4);
        }
        run_free(&parts);
    }
    buffer_free(&text);
}

/* Nowhere to cut for a long while: the piece grows. One JSON line of the same length. */
static void test_long_runs(void **state)
{
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

static void assert_open_fails(const char *input, const char *message)
{
    struct corpus corpus;
    struct corpus_settings settings = settings_of(input);
    assert_true(corpus_open(&settings, &corpus) != STATUS_OK);
    assert_string_equal(status_message(), message);
}

#define ENDINGS                                                                                              \
    ".txt, .jsonl, .ndjson and .json (JSON lines, the last one also an array), each also with .gz or .zst, " \
    "or .parquet"

static void test_bad_inputs(void **state)
{
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
    snprintf(path, sizeof path, "%s", scratch_path("pipe.jsonl"));
    snprintf(message, sizeof message, "cannot read %s: it is no regular file", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_open_fails(path, message);
    assert_int_equal(unlink(path), 0);
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

static void test_inputs_in_order(void **state)
{
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
static void test_unreadable_files(void **state)
{
    (void)state;
    struct corpus_settings settings = settings_of(scratch_write("gone.jsonl", "\n", 1));
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

static void test_real_text(void **state)
{
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
static void write_large(const char *path)
{
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
static int peak_of_reading(const char *path)
{
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

static void test_memory_is_bounded(void **state)
{
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_bounded), /* first: later tests leave memory in the heap */
        cmocka_unit_test(test_readers_divide_the_documents),
        cmocka_unit_test(test_part_rule),
        cmocka_unit_test(test_limit_counts_over_all_parts),
        cmocka_unit_test(test_line_ends_and_marks),
        cmocka_unit_test(test_records_and_scores),
        cmocka_unit_test(test_long_text_comes_in_pieces),
        cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_inputs_in_order),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_real_text),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}

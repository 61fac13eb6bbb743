/* The tokenizer learnt by these ranks is, byte for byte, the one that a process alone learns from the same
 * corpus, also where counts do not fit the memory, so that they are written away and rare words are dropped;
 * a corpus without text and a folder that cannot be made are errors on all ranks. */
#include "check.h"
#include "llmpi/base/file.h"
#include "llmpi/prepare/tokenizer_training.h"
#include "llmpi/text/tokenizer.h"

#include <string.h>
#include <unistd.h>

enum {
    LINES = 3000,
    MANY_LINES = 5000
}; /* more than one segment of the reader, so that every rank has some */

static enum status write_corpus(const char *folder)
{
    static const char *const words[] = {
        "harbour", "the",   "lantern", "keeper",         "walked", "to",      "evening", "na\xC3\xAFve",
        "and",     "storm", "12,500",  "\\\"quoted\\\"", "river",  "they've", "found"};
    struct buffer text = {0};
    enum status status = STATUS_OK;
    uint32_t state = 1;
    for (int line = 0; line < LINES && status == STATUS_OK; line++) {
        status = buffer_printf(&text, "{\"text\": \"Line %d", line);
        for (int i = 0; i < 20 && status == STATUS_OK; i++) {
            state = state * 1664525u + 1013904223u;
            status = buffer_printf(&text, " %s", words[(state >> 16) % (sizeof words / sizeof *words)]);
        }
        if (status == STATUS_OK)
            status = buffer_printf(&text, ".\"}\n");
    }
    char path[512];
    snprintf(path, sizeof path, "%s/corpus.jsonl", folder);
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    buffer_free(&text);
    return status;
}

/* So many distinct words, the rare ones at several frequencies, that 16 MiB hold neither the table nor what
 * is learnt from. */
static enum status write_many_words(const char *folder)
{
    struct buffer text = {0};
    enum status status = STATUS_OK;
    uint32_t state = 1;
    for (int line = 0; line < MANY_LINES && status == STATUS_OK; line++) {
        status = buffer_printf(&text, "{\"text\": \"");
        for (int i = 0; i < 100 && status == STATUS_OK; i++) {
            state = state * 1664525u + 1013904223u;
            uint32_t number = i % 3 > 0 ? state >> 12 : (state >> 16) % (1u << (4 + line % 12));
            char word[16];
            for (int letter = 0; letter < 8; letter++, number = number / 16 * 7 + number % 5)
                word[letter] = (char)('a' + number % 16);
            status = buffer_printf(&text, " %.8s", word);
        }
        if (status == STATUS_OK)
            status = buffer_printf(&text, "\"}\n");
    }
    char path[512];
    snprintf(path, sizeof path, "%s/many.jsonl", folder);
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    buffer_free(&text);
    return status;
}

/* Learns FOLDER/NAME/tokenizer.json with the ranks of `comm`. */
static enum status learn(struct comm *comm, const char *folder, const char *corpus, const char *name)
{
    struct config config = {0};
    struct string_list none = {0};
    struct buffer yaml = {0};
    enum status status = buffer_printf(&yaml,
                                       "corpus:\n  inputs: [\"%s/%s\"]\n"
                                       "tokenizer:\n  path: \"%s/%s/tokenizer.json\"\n  vocab_size: 400\n"
                                       "  max_memory: 16\n",
                                       folder, corpus, folder, name);
    if (status == STATUS_OK)
        status = config_parse(&config, yaml.data, yaml.length, "test", &none);
    if (status == STATUS_OK)
        status = tokenizer_training_run(&config, comm);
    config_free(&config);
    buffer_free(&yaml);
    return status;
}

static enum status compare(const char *folder, const char *corpus)
{
    char path[512];
    struct buffer together = {0}, alone = {0};
    struct comm *comm = comm_alone();
    enum status status = comm == NULL ? STATUS_FAILED : learn(comm, folder, corpus, "alone");
    if (comm != NULL)
        comm_end(comm);
    snprintf(path, sizeof path, "%s/together/tokenizer.json", folder);
    if (status == STATUS_OK)
        status = file_read(path, &together);
    snprintf(path, sizeof path, "%s/alone/tokenizer.json", folder);
    if (status == STATUS_OK)
        status = file_read(path, &alone);
    if (status == STATUS_OK &&
        (together.length != alone.length || memcmp(together.data, alone.data, alone.length) != 0))
        status = fail(STATUS_FAILED, "the files of all ranks and of one differ");
    buffer_free(&together);
    buffer_free(&alone);
    return status;
}

static void clean(const char *folder)
{
    static const char *const names[] = {"alone/tokenizer.json",
                                        "together/tokenizer.json",
                                        "corpus.jsonl",
                                        "many.jsonl",
                                        "empty.txt",
                                        "alone",
                                        "together",
                                        ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (unlink(path) != 0)
            rmdir(path);
    }
}

int main(void)
{
    struct comm *comm = NULL;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    char folder[256] = "/tmp/llmpi-training-XXXXXX", path[512];
    bool first = comm_rank(comm) == 0;
    enum status status = STATUS_OK;
    if (first && (mkdtemp(folder) == NULL || write_corpus(folder) != STATUS_OK ||
                  write_many_words(folder) != STATUS_OK))
        status = fail(STATUS_FAILED, "cannot write the corpus");
    comm_broadcast(comm, folder, sizeof folder, 0);
    snprintf(path, sizeof path, "%s/empty.txt", folder);
    if (first && status == STATUS_OK)
        status = file_write(path, "", 0);
    CHECK(comm, status == STATUS_OK, "%s", status_message());

    static const char *const corpora[] = {"corpus.jsonl", "many.jsonl"};
    for (int i = 0; i < 2; i++) {
        status = learn(comm, folder, corpora[i], "together");
        CHECK(comm, status == STATUS_OK, "%s", status_message());
        status = first ? compare(folder, corpora[i]) : STATUS_OK;
        log_set_rank(comm_rank(comm), comm_size(comm));
        CHECK(comm, status == STATUS_OK, "%s", status_message());
    }
    CHECK(comm, learn(comm, folder, "empty.txt", "together") == STATUS_FAILED, "learnt from no text");
    CHECK(comm, learn(comm, folder, "corpus.jsonl", "corpus.jsonl/below") == STATUS_FAILED,
          "a file as a folder");
    CHECK(comm, strstr(status_message(), "corpus.jsonl") != NULL, "the message is '%s'", status_message());
    if (first)
        clean(folder);
    comm_end(comm);
    return 0;
}

/* The files that cleaning writes: kept-00003-of-00008.jsonl.zst and rejected-00003-of-00008.jsonl.zst. */
#ifndef LLMPI_PREPARE_CLEAN_FILES_H
#define LLMPI_PREPARE_CLEAN_FILES_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/config/config.h"
#include "llmpi/corpus/writer.h"

#include <stdbool.h>
#include <stdint.h>

/* The open files of one rank: those of the parts p with p % size == rank. Start with {0}. */
struct clean_files {
    int64_t rank, size, count; /* parts of this rank */
    struct writer **kept, **rejected;
};

/* Opens the files of this rank's parts of options->files. They appear with clean_files_publish. */
enum status clean_files_open(struct clean_files *files, const struct clean_options *options, int64_t rank,
                             int64_t size);

/* Where the documents of a part go; the part must be one of this rank's. */
struct writer *clean_files_writer(const struct clean_files *files, int64_t part, bool kept);
enum status clean_files_publish(struct clean_files *files);

/* Removes what was not published. */
void clean_files_close(struct clean_files *files);

/* Whether a file name is one that cleaning gives, with any number of parts and any compression, complete or
 * (*temporary) not. */
bool clean_files_is_name(const char *name, bool *temporary);

/* Removes temporary files that a killed run left in options->directory, and with `old` also the complete ones
 * that do not belong to options->files and options->compression. */
enum status clean_files_remove_stale(const struct clean_options *options, bool old);

/* Takes out of a list of input files those that cleaning itself wrote into `directory`; *removed is their
 * number. */
enum status clean_files_exclude(const char *directory, struct string_list *inputs, int64_t *removed);

#endif

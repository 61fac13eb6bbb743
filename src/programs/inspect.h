/* One function per kind of file that `llmpi inspect` knows: shows it on standard output. */
#ifndef LLMPI_PROGRAMS_INSPECT_H
#define LLMPI_PROGRAMS_INSPECT_H

#include "llmpi/base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Input and target pairs to print of a shard. */
struct inspect_windows {
    int64_t count, context_length;
    const char *tokenizer; /* a TOKENIZER, or NULL: ids only */
};

enum status inspect_shard(const char *path, const struct inspect_windows *windows);
enum status inspect_checkpoint(const char *path);
enum status inspect_tokenizer(const char *path);
enum status inspect_metrics(const char *path);
enum status inspect_config(const char *path);
enum status inspect_gguf(const char *path);
enum status inspect_safetensors(const char *path);
enum status inspect_model_folder(const char *path);

/* STATUS_OK when every line of the file is a metrics object. */
enum status inspect_verify_metrics(const char *path);

/* STATUS_OK when the header of every file is right. */
enum status inspect_verify_gguf(const char *path);
enum status inspect_verify_safetensors(const char *path);
enum status inspect_verify_model_folder(const char *path);

/* Rows of the output: a heading, and names and values in columns. */
void inspect_heading(const char *path, const char *kind);
void inspect_row(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text on one line, as it is or in quotes: whatever does not print is escaped, so that no file can talk to
 * the terminal. Of the first, spaces follow up to `width` characters. */
void inspect_text(const char *text, size_t length, int width);
void inspect_quoted(const char *text, size_t length);

#endif

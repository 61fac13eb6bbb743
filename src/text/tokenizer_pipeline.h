/* The parts of a tokenizer.json around its vocabulary: how text is split and tokens are joined. They say
 * which kind of tokenizer it is. */
#ifndef LLMPI_TEXT_TOKENIZER_PIPELINE_H
#define LLMPI_TEXT_TOKENIZER_PIPELINE_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/json.h"
#include "llmpi/base/status.h"
#include "llmpi/text/vocabulary.h"

/* Sets kind and pattern of `out`. A part that asks for what this program does not do is an error that names
 * it. */
enum status pipeline_read(const struct json *root, struct vocabulary *out);

/* Appends the members from "normalizer" to "decoder". */
enum status pipeline_write(const struct vocabulary *vocabulary, struct buffer *out);

#endif

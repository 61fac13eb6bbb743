/* Questions about the stories of story.h with short answers that can be checked: reading exercises by rule. A
 * question comes with a passage, a few sentences of its story in a row, which states the answer word for
 * word; without the passage the answer can only be guessed, because the story drew it from many. */
#ifndef LLMPI_CORPUS_QUESTIONS_H
#define LLMPI_CORPUS_QUESTIONS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/corpus/answer_counts.h"

#include <stdint.h>

enum {
    QUESTION_PASSAGE = 160 /* bytes of the longest passage; a longer frame of the story is not asked about */
};

/* Appends the questions about story `number` to `out`, at most one of each kind, as JSON lines {"prompt":
 * PASSAGE + blank + QUESTION, "response": ANSWER, "kind": KIND, "story": "llmpi:story:SEED:NUMBER"}, and
 * counts the answers. They depend on the seed and the number alone. */
enum status questions_write(uint64_t seed, int64_t number, struct buffer *out, struct answer_counts *counts);

#endif

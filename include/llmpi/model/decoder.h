/* A model that reads on: it remembers keys and values of the tokens that several sequences have so far, so
 * that a token costs one row of each product instead of a pass over all before it. A prompt is one pass. */
#ifndef LLMPI_MODEL_DECODER_H
#define LLMPI_MODEL_DECODER_H

#include "llmpi/base/status.h"
#include "llmpi/model/model.h"

#include <stdint.h>

struct decoder;

/* A decoder of that many (at least 1) empty sequences. It takes memory of its own: keys and values of
 * sequences x context_length tokens, activations of context_length tokens, and in bf16 another copy of the
 * weights (decoder_bytes). The parameters are taken as they are now: after a change, make a new decoder. A
 * model, which must outlive it, has one decoder at a time. */
enum status decoder_create(struct model *model, int64_t sequences, struct decoder **out);
void decoder_destroy(struct decoder *decoder); /* NULL is fine */

/* Bytes that a decoder of such a model uses at most. (Logits are the caller's: room for a chunk of them is
 * reserved beside the activations, but never touched.) */
int64_t decoder_bytes(const struct model_shape *shape, enum element element, int64_t sequences);

/* How many tokens a sequence has. */
int64_t decoder_length(const struct decoder *decoder, int64_t sequence);

/* Forgets what stands behind the first `length` tokens of a sequence. */
void decoder_truncate(struct decoder *decoder, int64_t sequence, int64_t length);

/* `count` tokens, at least one, that follow in a sequence; it may have context_length at most. */
struct decoder_input {
    int64_t sequence;
    const uint32_t *tokens;
    int64_t count;
};

/* Reads on in some sequences, none of them twice. logits (count, vocab_size) gets what follows the last token
 * of each input. The bits of a sequence do not depend on the others beside it, only on how its tokens are
 * divided among calls. */
void decoder_feed(struct decoder *decoder, const struct decoder_input *inputs, int64_t count, float *logits);

#endif

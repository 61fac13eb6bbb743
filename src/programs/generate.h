/* What the parts of `llmpi generate` share. */
#ifndef LLMPI_SRC_PROGRAMS_GENERATE_H
#define LLMPI_SRC_PROGRAMS_GENERATE_H

#include "llmpi/programs/arguments.h"
#include "llmpi/text/chat_template.h"
#include "llmpi/train/generation.h"
#include "llmpi/train/inference.h"

/* How texts are to be continued: the settings and what they point to. Must not be copied. */
struct generate_options {
    struct generation_settings settings;
    struct string_list stops;
    uint32_t stop_ids[2]; /* end of text, end of turn */
    bool chat;            /* prompts are turns in `template` */
    struct chat_template template;
    int64_t samples, batch;
    bool cached;
};

/* From the command line, and where that says nothing, from the checkpoint's configuration. Free with
 * generate_options_free, also after a failure. */
enum status generate_options_read(const struct arguments *arguments, const struct config *config,
                                  const struct train_state *state, struct generate_options *out);
void generate_options_free(struct generate_options *options);

/* Prompts become turns where the tokenizer has the tokens of the checkpoint's chat template. */
void generate_options_try_chat(struct generate_options *options, const struct config *config,
                               const struct train_state *state);

/* Appends the ids of a prompt, and whether a word may follow it without a space. */
enum status generate_options_prompt(const struct generate_options *options, const struct config *config,
                                    struct train_state *state, const char *text, size_t length,
                                    struct token_list *ids);
bool generate_options_first(const struct generate_options *options, const struct train_state *state,
                            const char *text, size_t length);

/* `llmpi generate BASE TUNED --compare`: what both make of a prompt, in two columns. */
enum status generate_compare(const struct arguments *arguments, struct comm *comm,
                             const struct buffer *prompt);

/* `llmpi generate CHECKPOINT --prompts=FILE --output=FILE`. **Collective** */
enum status generate_lines(const struct arguments *arguments, struct comm *comm, const struct config *config,
                           struct train_state *state, const struct generate_options *options);

#endif

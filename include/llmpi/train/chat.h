/* The chat template of a configuration. */
#ifndef LLMPI_TRAIN_CHAT_H
#define LLMPI_TRAIN_CHAT_H

#include "llmpi/config/config.h"
#include "llmpi/text/chat_template.h"

/* Section `instruct` as a template; borrows its strings. */
static inline struct chat_template chat_template_of(const struct config *config)
{
    return (struct chat_template){.turn_prefix = config->instruct.turn_prefix,
                                  .turn_suffix = config->instruct.turn_suffix,
                                  .end_of_turn = config->instruct.end_of_turn};
}

#endif

/* Section `corpus` of a configuration, as the reader of a corpus takes it. */
#ifndef LLMPI_SRC_PREPARE_CORPUS_OPTIONS_H
#define LLMPI_SRC_PREPARE_CORPUS_OPTIONS_H

#include "llmpi/config/config.h"
#include "llmpi/corpus/reader.h"

/* Everything that the section says, with corpus.inputs as the inputs. Borrows the configuration. */
struct corpus_settings corpus_options(const struct config *config);

#endif

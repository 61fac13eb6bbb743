/* One place that knows both layers. */
#include "corpus_options.h"

struct corpus_settings corpus_options(const struct config *config)
{
    return (struct corpus_settings){.inputs = &config->corpus.inputs,
                                    .text_field = config->corpus.text_field,
                                    .max_documents = config->corpus.max_documents,
                                    .document_separator = config->corpus.document_separator,
                                    .skip_errors = config->corpus.on_error == CORPUS_ERRORS_SKIP};
}

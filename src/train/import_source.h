/* What a model is imported from: import_safetensors.c and import_gguf.c fill it, model_import.c makes a
 * checkpoint of it. */
#ifndef LLMPI_SRC_TRAIN_IMPORT_SOURCE_H
#define LLMPI_SRC_TRAIN_IMPORT_SOURCE_H

#include "llmpi/config/config.h"
#include "llmpi/storage/number_reader.h"
#include "llmpi/text/tokenizer.h"

enum { IMPORT_NAME = 160 };         /* bytes of our name of a tensor, with the NUL */
enum { IMPORT_MOST_LAYERS = 1000 }; /* each name is looked for among all */

struct import_source {
    const char *path;     /* for messages */
    struct config config; /* with the model's shape */
    struct tokenizer *tokenizer;
    struct number_reader *const *files; /* together they have the tensors */
    int64_t file_count;
    bool outputs_first; /* linear layers are (outputs, inputs) in the file: ours are (inputs, outputs) */
    /* Our name of a tensor, or anything else where we have none. */
    void (*rename)(const char *name, char out[IMPORT_NAME]);
};

/* Configuration of a model whose shape follows: the defaults, with biases and without dropout. */
enum status import_begin(struct import_source *source);

/* Sets a size that `where` calls `name`, unless it is no whole number (found is false) from 1 to `most`. */
enum status import_set_size(const char *where, const char *name, bool found, int64_t value, int64_t most,
                            int64_t *out);

/* Whether we compute a model with this epsilon, and with this width between the layers of an MLP. */
enum status import_check_layers(const char *where, double epsilon, int64_t inner, int64_t n_embd);

/* Whether the heads divide n_embd. */
enum status import_check_heads(const char *where, const struct config *config);

/* Checks every tensor against the shape, before memory is taken for the model, reads them and writes a
 * checkpoint. Frees the configuration and the tokenizer, also after a failure. */
enum status import_finish(struct import_source *source, enum status status, const char *path);

#endif

/* A model for other programs: a folder as Hugging Face's transformers wants it, or a GGUF file for llama.cpp.
 */
#ifndef LLMPI_TRAIN_MODEL_EXPORT_H
#define LLMPI_TRAIN_MODEL_EXPORT_H

#include "llmpi/base/number.h"
#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/text/chat_template.h"
#include "llmpi/train/state.h"

#include <stdbool.h>
#include <stdint.h>

/* What is written: a loaded model, the configuration stored with it, the format of its numbers. */
struct model_export {
    const struct config *config;
    const struct train_state *state;
    enum number type; /* vectors and, in GGUF, positions stay f32 */
};

/* Writes model.safetensors, config.json, generation_config.json, tokenizer.json, tokenizer_config.json and,
 * for byte-level BPE, vocab.json and merges.txt into a folder, which is made. config.json comes last, so that
 * a folder with one is complete. Tensors have the names and shapes of transformers' GPT2LMHeadModel; biases
 * that the model has not are written as zeros. */
enum status export_safetensors(const struct model_export *export, const char *folder);

/* Writes one GGUF file, architecture gpt2, with tokenizer and chat template. Only byte-level BPE with the
 * patterns gpt2 and cl100k, which llama.cpp knows. */
enum status export_gguf(const struct model_export *export, const char *path);

/* --- parts of both --- */

/* The files of the tokenizer, of those above. */
enum status export_tokenizer(const struct model_export *export, const char *folder);

/* Appends the chat template of the configuration in Jinja, as transformers and llama.cpp read it. */
enum status export_chat_template(const struct config *config, struct buffer *out);

/* Whether the tokenizer knows the tokens of the chat template: the model was tuned to answer. */
bool export_is_chat(const struct model_export *export);

/* The id of the token that ends a document (shards.end_token), of that which ends an answer; -1: none. */
int64_t export_end_of_text(const struct model_export *export);
int64_t export_end_of_turn(const struct model_export *export);

#endif

/* A model for other programs: a folder as Hugging Face's transformers wants it, or a GGUF file for llama.cpp.
 */
#ifndef LLMPI_TRAIN_MODEL_EXPORT_H
#define LLMPI_TRAIN_MODEL_EXPORT_H

#include "llmpi/base/number.h"
#include "llmpi/base/status.h"
#include "llmpi/config/config.h"
#include "llmpi/train/state.h"

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

#endif

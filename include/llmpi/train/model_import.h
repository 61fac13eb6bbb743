/* A model of other programs: a folder in the layout of Hugging Face's GPT-2, or a GGUF file of it. */
#ifndef LLMPI_TRAIN_MODEL_IMPORT_H
#define LLMPI_TRAIN_MODEL_IMPORT_H

#include "llmpi/base/status.h"

/* Reads config.json, the tokenizer (tokenizer.json, or vocab.json and merges.txt) and model.safetensors, or
 * the files that model.safetensors.index.json names, and writes a checkpoint at step 0 to `path`: it can
 * generate, be evaluated, exported and tuned, but has no moments to go on training from. Tensors are called
 * as in GPT2LMHeadModel or GPT2Model (without "transformer."), f32, f16 or bf16; an embedding may have more
 * rows than the tokenizer has tokens (padding), which are left out. Everything that would compute something
 * else than our GPT-2 does is an error that names it. */
enum status import_safetensors(const char *folder, const char *path);

/* The same from a GGUF file of architecture gpt2, as export_gguf and llama.cpp's converter write it: shape,
 * tokenizer and tensors of F32, F16 or BF16. A head that holds the numbers of the embedding is tied. Other
 * keys, like the chat template, are not looked at. */
enum status import_gguf(const char *file, const char *path);

#endif

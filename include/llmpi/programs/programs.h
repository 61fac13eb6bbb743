/* One function per subcommand: its arguments without "llmpi NAME", its exit status as result. main() prints
 * the message of a failure. */
#ifndef LLMPI_PROGRAMS_PROGRAMS_H
#define LLMPI_PROGRAMS_PROGRAMS_H

#include "llmpi/base/status.h"

enum status program_corpus(int count, char **arguments);
enum status program_tokenizer(int count, char **arguments);
enum status program_shard(int count, char **arguments);
enum status program_plan(int count, char **arguments);
enum status program_train(int count, char **arguments);
enum status program_finetune(int count, char **arguments);
enum status program_evaluate(int count, char **arguments);
enum status program_generate(int count, char **arguments);
enum status program_instruct(int count, char **arguments);
enum status program_export(int count, char **arguments);
enum status program_import(int count, char **arguments);
enum status program_chat(int count, char **arguments);
enum status program_neighbors(int count, char **arguments);
enum status program_inspect(int count, char **arguments);
enum status program_bench(int count, char **arguments);
enum status program_scale(int count, char **arguments);
enum status program_slurm(int count, char **arguments);
enum status program_completion(int count, char **arguments);

#endif

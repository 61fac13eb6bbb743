/* `llmpi NAME ARGUMENTS`: finds the subcommand, runs it, prints the message of a failure. */
#include "llmpi/base/cpu.h"
#include "llmpi/base/status.h"
#include "llmpi/base/version.h"
#include "llmpi/comm/comm.h"
#include "llmpi/kernels/matmul_bf16.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/storage/hdf5_file.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum status (*run)(int count, char **arguments);
    bool computes; /* for long, on several threads */
    const char *usage, *help;
} programs[] = {
    {"corpus", program_corpus, false, "generate|stats|clean ...",
     "write a corpus by rule, look at one, clean one"},
    {"tokenizer", program_tokenizer, false, "train|encode|decode|info ...",
     "learn and use a byte-level BPE vocabulary"},
    {"shard", program_shard, false, "CONFIG", "turn text into token shards"},
    {"instruct", program_instruct, false, "prepare CONFIG", "turn conversations into examples to tune on"},
    {"plan", program_plan, false, "CONFIG",
     "parameters, memory, work and time of a configuration, before running it"},
    {"train", program_train, true, "CONFIG", "train, or continue, the run of a configuration"},
    {"finetune", program_finetune, true, "CONFIG", "tune a trained model on examples of conversations"},
    {"evaluate", program_evaluate, true, "CONFIG|CHECKPOINT",
     "validation loss of a run's newest checkpoint, its results in tasks, its loss on a text"},
    {"generate", program_generate, true, "CHECKPOINT", "continue a text"},
    {"chat", program_chat, true, "CHECKPOINT", "talk with a model that was tuned to answer"},
    {"export", program_export, false, "CHECKPOINT --output=PATH",
     "write a model for transformers or llama.cpp"},
    {"import", program_import, false, "FOLDER|FILE.gguf --output=FILE.h5",
     "make a checkpoint of a GPT-2 in safetensors or GGUF"},
    {"neighbors", program_neighbors, false, "CHECKPOINT TOKEN...", "what lies near a word in the embedding"},
    {"inspect", program_inspect, false, "FILE...", "show and verify any file that llmpi writes"},
    {"bench", program_bench, true, "matmul|kernels|step|...",
     "measure the speed of parts of llmpi on this machine"},
    {"scale", program_scale, false, "CONFIG",
     "measure steps on several numbers of ranks, predict them for more nodes"},
    {"slurm", program_slurm, false, "CONFIG", "print a job script for Slurm that trains a configuration"},
    {"completion", program_completion, false, "bash", "print the completion script for a shell"},
};

static void print_usage(FILE *file)
{
    fprintf(file, "llmpi trains GPT language models on CPU clusters.\n\nusage: llmpi COMMAND ...\n\n");
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        fprintf(file, "  %-10s %-30s %s\n", programs[i].name, programs[i].usage, programs[i].help);
    fprintf(
        file,
        "\n`llmpi COMMAND --help` says more; `llmpi --version` says what was built.\n"
        "Commands that take a CONFIG (but plan, scale and slurm), and corpus stats, also run under mpirun "
        "and srun.\n");
}

static void print_version(void)
{
    printf("llmpi %s (commit %s)\ncompiler: %s\nMPI: %s\nBLAS: %s\noneDNN: %s\nHDF5: %s\ninstructions: %s\n",
           version_number(), version_commit(), version_compiler(), comm_library(), threads_blas_library(),
           matmul_bf16_onednn(), hdf5_library(), cpu_level_name(cpu_level()));
}

static enum status run(int count, char **arguments)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (strcmp(arguments[1], programs[i].name) != 0)
            continue;
        if (programs[i].computes)
            threads_wait_briefly(arguments);
        return programs[i].run(count - 2, arguments + 2);
    }
    return fail(STATUS_USAGE, "no command '%s': `llmpi --help` lists the commands", arguments[1]);
}

int main(int count, char **arguments)
{
    if (count < 2) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0) {
        print_usage(stdout);
        return (int)program_report(STATUS_OK);
    }
    if (strcmp(arguments[1], "--version") == 0) {
        print_version();
        return (int)program_report(STATUS_OK);
    }
    signal(SIGXFSZ, SIG_IGN); /* beyond `ulimit -f` a write fails, as on a full disk */
    enum status status = cpu_check();
    if (status == STATUS_OK)
        status = matmul_bf16_check();
    return (int)program_report(status != STATUS_OK ? status : run(count, arguments));
}

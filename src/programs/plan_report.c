/* The plan as a table for people, and as one JSON object. */
#include "plan.h"

#include "llmpi/base/log.h"
#include "llmpi/train/precision.h"

#include <inttypes.h>
#include <stdio.h>

static void print_row(const char *name, const char *value, const char *note)
{
    printf("  %-28s %16s%s%s\n", name, value, *note ? "   " : "", note);
}

static void print_parameters(const char *name, int64_t count, const char *note)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, count);
    print_row(name, text, note);
}

static void print_bytes(const char *name, double bytes, const char *note)
{
    char text[16];
    print_row(name, log_bytes(text, bytes), note);
}

static void print_count(const char *name, double count, const char *note)
{
    char text[16];
    print_row(name, log_count(text, count), note);
}

static void print_model(const struct plan *plan, const struct config *config)
{
    const struct model_shape *shape = &plan->shape;
    char note[160];
    printf("Parameters (C = n_embd = %" PRId64 ", L = n_layer = %" PRId64 ", T = context_length = %" PRId64
           ", V = %" PRId64 ")\n",
           shape->n_embd, shape->n_layer, shape->context_length, shape->vocab_size);
    if (!plan->vocabulary_known)
        printf("  V is tokenizer.vocab_size: %s does not exist yet\n", config->tokenizer.path);
    print_parameters("embedding", plan->embedding, "(V + T) C");
    print_parameters("attention", plan->attention, shape->bias ? "L (4 C^2 + 4 C)" : "L 4 C^2");
    print_parameters("mlp", plan->mlp, shape->bias ? "L (8 C^2 + 5 C)" : "L 8 C^2");
    print_parameters("layernorm", plan->layernorm, shape->bias ? "(2 L + 1) 2 C" : "(2 L + 1) C");
    print_parameters("head", plan->head, shape->tied_head ? "tied to the embedding" : "V C");
    if (plan->adapters > 0)
        print_parameters("adapters", plan->adapters,
                         shape->lora.targets == LORA_ALL ? "L 16 C r, r = finetune.lora_rank"
                                                         : "L 6 C r, r = finetune.lora_rank");
    snprintf(note, sizeof note, "as the %" PRId64 " tensors that training allocates", plan->tensors);
    print_parameters("total", plan->total, note);
    if (plan->trained < plan->total)
        print_parameters("trained", plan->trained, "the rest is frozen");
}

/* What a rank holds for the sake of the others. */
static void print_exchange(const struct plan *plan)
{
    const struct exchange_memory *exchange = &plan->exchange;
    char note[160];
    if (exchange->masters > 0)
        print_bytes("parameters before rounding", (double)exchange->masters, "fp32, divided among the ranks");
    if (exchange->messages > 0)
        print_bytes("messages", (double)exchange->messages, "between nodes, on their way");
    if (exchange->shared == 0)
        return;
    snprintf(note, sizeof note, "gradients of %" PRId64 " other rank%s of the node, counted there too",
             (plan->ranks + plan->nodes - 1) / plan->nodes - 1, plan->ranks > 2 * plan->nodes ? "s" : "");
    print_bytes("shared memory", (double)exchange->shared, note);
}

static void print_memory(const struct plan *plan)
{
    char note[160];
    double bytes = (double)plan->total * sizeof(float);
    int64_t copies = plan->gradient_bytes / (plan->trained * (int64_t)sizeof(float));
    printf("\nMemory per rank, with %" PRId64 " rank%s\n", plan->ranks, plan->ranks == 1 ? "" : "s");
    print_bytes("parameters", bytes, "fp32");
    snprintf(note, sizeof note, "fp32, %" PRId64 " time%s (%" PRId64 " slot%s per rank)", copies,
             copies > 1 ? "s" : "", plan->slots_per_rank, plan->slots_per_rank == 1 ? "" : "s");
    print_bytes("gradients", (double)plan->gradient_bytes, note);
    snprintf(note, sizeof note, "fp32, two%s", plan->divided ? ", divided among the ranks" : "");
    print_bytes("moments of AdamW", (double)plan->moment_bytes, note);
    if (plan->outer_bytes > 0)
        print_bytes("outer state", (double)plan->outer_bytes,
                    "parameters and moments of the last outer step, momentum; divided among the ranks");
    print_exchange(plan);
    snprintf(note, sizeof note, "%s, micro-batch of %" PRId64 " sequence%s",
             plan->element == ELEMENT_BF16 ? "bf16" : "fp32", plan->micro_batch,
             plan->micro_batch == 1 ? "" : "s");
    if (plan->packed_bytes > 0)
        print_bytes("packed weights", (double)plan->packed_bytes, "bf16, laid out for products");
    print_bytes("activations", (double)(plan->activation_bytes - plan->logits_bytes), note);
    print_bytes("head chunk", (double)plan->logits_bytes, "logits of some rows at a time");
    print_bytes("batch", (double)plan->batch_bytes, "tokens, and what evaluation adds up");
    snprintf(note, sizeof note, "with its libraries, %" PRId64 " thread%s%s", plan->cores,
             plan->cores == 1 ? "" : "s", plan->ranks > 1 ? ", MPI" : "");
    print_bytes("program", (double)plan->program_bytes, note);
    print_bytes("files", (double)plan->files_bytes, "shards, tokenizer, checkpoints: the libraries for them");
    if (plan->snapshot_bytes > 0)
        print_bytes("copy being saved", (double)plan->snapshot_bytes,
                    "rank 0's; from the first checkpoint on, none with checkpoint.background: false");
    if (plan->sample_bytes > 0)
        print_bytes("samples", (double)plan->sample_bytes,
                    "rank 0's, while it makes them: keys and values, and room for a pass");
    print_bytes("total", (double)plan->memory_bytes, "at the peak");
    print_bytes("checkpoint on disk", plan_checkpoint_bytes(plan),
                "parameters and moments, written by rank 0");
}

static const char *wire_note(const struct config *config)
{
    return config->train.wire == TRAIN_WIRE_BF16 ? "of these, 2 (N - 1)/R x 2 bytes x parameters, N nodes"
                                                 : "of these, 2 (N - 1)/R x 4 bytes x parameters, N nodes";
}

static void print_work(const struct plan *plan, const struct config *config)
{
    char note[160];
    printf("\nWork\n");
    print_count("FLOP per token", plan->flop_per_token,
                plan->adapters > 0
                    ? "6 adapters + 4 (attention + mlp + layernorm) + 4 or 6 V C + 12 L C T/2"
                    : "6 (attention + mlp + layernorm + V C) + 12 L C T/2, forward and backward");
    snprintf(note, sizeof note, "%" PRId64 " sequences", config->train.batch_size);
    print_count("tokens per step", plan->tokens_per_step, note);
    snprintf(note, sizeof note, "%" PRId64 " steps", config->train.steps);
    print_count("tokens of the run", plan->tokens, note);
    snprintf(note, sizeof note, "this run: %.3g (Hoffmann et al. 2022, arXiv:2203.15556)",
             plan->tokens / (double)plan->total);
    print_row("Chinchilla's tokens/parameter", "20", note);
    print_count("Chinchilla's tokens", 20.0 * (double)plan->total, "20 x parameters");
    print_bytes("exchanged per step and rank", plan->exchange.sent,
                config->train.local_steps > 0
                    ? "mean of the run: steps that ranks share, then outer steps with 3 times as much"
                    : "gradients and parameters, 2 (R - 1)/R x 4 bytes x parameters, R ranks");
    if (plan->nodes > 1 && plan->divided)
        print_bytes("to other nodes", plan->exchange.sent_far, wire_note(config));
}

static void print_time(const struct plan *plan, const struct config *config)
{
    char text[32], rate[16], note[160] = "given";
    printf("\nTime\n");
    if (plan->matmul_rate > 0) {
        snprintf(note, sizeof note, "%s, %" PRId64 " core%s here", precision_name(plan->element), plan->cores,
                 plan->cores == 1 ? "" : "s");
        snprintf(text, sizeof text, "%sFLOP/s", log_count(rate, plan->matmul_rate));
        print_row("matrix products", text, note);
        snprintf(note, sizeof note,
                 "at most: products only, every rank with %" PRId64 " such core%s of its own", plan->cores,
                 plan->cores == 1 ? "" : "s");
    }
    print_count("tokens per second", plan->speed, note);
    print_row("time per step", log_duration(text, plan->tokens_per_step / plan->speed), "");
    snprintf(note, sizeof note, "%.3g hours", plan->tokens / plan->speed / 3600);
    print_row("time of the run", log_duration(text, plan->tokens / plan->speed), note);
    if (config->train.batch_size < plan->ranks)
        printf("\nNote: train.batch_size is %" PRId64 ", so %" PRId64 " of %" PRId64
               " ranks have nothing to do.\n",
               config->train.batch_size, plan->ranks - config->train.batch_size, plan->ranks);
}

void plan_print(const struct plan *plan, const struct config *config)
{
    print_model(plan, config);
    print_memory(plan);
    print_work(plan, config);
    print_time(plan, config);
}

/* --- JSON --- */

void plan_print_json(const struct plan *plan)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"parameters_embedding", (double)plan->embedding},
        {"parameters_attention", (double)plan->attention},
        {"parameters_mlp", (double)plan->mlp},
        {"parameters_layernorm", (double)plan->layernorm},
        {"parameters_head", (double)plan->head},
        {"parameters_adapters", (double)plan->adapters},
        {"parameters", (double)plan->total},
        {"parameters_trained", (double)plan->trained},
        {"vocab_size", (double)plan->shape.vocab_size},
        {"ranks", (double)plan->ranks},
        {"nodes", (double)plan->nodes},
        {"parameter_bytes", 4.0 * (double)plan->total},
        {"gradient_bytes", (double)plan->gradient_bytes},
        {"moment_bytes", (double)plan->moment_bytes},
        {"shared_bytes", (double)plan->exchange.shared},
        {"message_bytes", (double)plan->exchange.messages},
        {"master_bytes", (double)plan->exchange.masters},
        {"outer_bytes", (double)plan->outer_bytes},
        {"packed_bytes", (double)plan->packed_bytes},
        {"activation_bytes", (double)plan->activation_bytes},
        {"batch_bytes", (double)plan->batch_bytes},
        {"program_bytes", (double)plan->program_bytes},
        {"files_bytes", (double)plan->files_bytes},
        {"snapshot_bytes", (double)plan->snapshot_bytes},
        {"sample_bytes", (double)plan->sample_bytes},
        {"memory_bytes", (double)plan->memory_bytes},
        {"flop_per_token", plan->flop_per_token},
        {"tokens_per_step", plan->tokens_per_step},
        {"tokens", plan->tokens},
        {"chinchilla_tokens", 20.0 * (double)plan->total},
        {"exchange_bytes_per_step", plan->exchange.sent},
        {"node_bytes_per_step", plan->exchange.sent_far},
        {"tokens_per_second", plan->speed},
        {"hours", plan->tokens / plan->speed / 3600},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf("%s\"%s\": %.17g", i == 0 ? "{" : ", ", rows[i].name, rows[i].value);
    printf("}\n");
}

/* The one table of options. Units and reasons for a user stand in the help; bounds that involve several
 * options are in checks.c. */
#include "llmpi/config/options.h"

#include <stdio.h>
#include <string.h>

/* The name of an option and its field in struct config. */
#define KEY(section, key) #section "." #key, offsetof(struct config, section.key)
#define COUNT_RANGE       "[0, 1000000000000]"
#define STEPS_RANGE       "[0, 1000000000]"

static const struct option table[] = {
    {KEY(run, directory), OPTION_TEXT, "runs/default", "[1, inf)", NULL, true,
     "Folder of the run: configuration, metrics, samples, checkpoints"},
    {KEY(run, seed), OPTION_INTEGER, "1", "[0, inf)", NULL, false,
     "Seed of all random numbers: initial weights, order of the data, dropout, samples"},
    {KEY(run, threads), OPTION_INTEGER, "0", "[0, 4096]", NULL, true,
     "Threads per rank; 0: OMP_NUM_THREADS where that is set, else the cores of the node divided by its "
     "ranks"},
    {KEY(run, bind), OPTION_CHOICE, "auto", NULL, "auto|none", true,
     "Who gives each rank its cores; auto: llmpi, unless mpirun or srun was told to; none: the launcher, as "
     "it does by itself"},
    {KEY(run, max_seconds), OPTION_NUMBER, "0", "[0, inf)", NULL, true,
     "Stop this many seconds after the start of the program, with everything saved for a later start; 0: no "
     "limit"},
    {KEY(run, stop_margin), OPTION_NUMBER, "60", "[0, inf)", NULL, true,
     "Stop this many seconds, and those of the longest save so far, before the job ends, which "
     "SLURM_JOB_END_TIME or else LLMPI_DEADLINE tells in seconds since 1970; in a short job at most half of "
     "the time that is left at the start"},
    {KEY(run, stall_warning), OPTION_INTEGER, "60", "[0, 1000000000]", NULL, true,
     "Seconds after which `train` names a rank that makes no progress or is not heard from; 0: never"},
    {KEY(run, stall_abort), OPTION_INTEGER, "-1", "[-1, 1000000000]", NULL, true,
     "Seconds after which such a rank ends the job, with status 1; 0: never; -1: 900, but never where rank 0 "
     "has a terminal"},

    {KEY(corpus, inputs), OPTION_LIST, "", NULL, NULL, true,
     "Files, folders or globs of text: .txt .jsonl .ndjson .json, also with .gz or .zst, and .parquet"},
    {KEY(corpus, text_field), OPTION_TEXT, "text", "[1, inf)", NULL, true,
     "Member of each JSON line, or Parquet column, that holds the text"},
    {KEY(corpus, max_documents), OPTION_INTEGER, "0", COUNT_RANGE, NULL, true,
     "Documents used, from the first on; 0: all"},
    {KEY(corpus, document_separator), OPTION_TEXT, "", NULL, NULL, true,
     "Text between two documents of a .txt file; empty: a file is one document"},
    {KEY(corpus, on_error), OPTION_CHOICE, "stop", NULL, "stop|skip", true,
     "What happens at an unreadable document (broken JSON, invalid UTF-8, no text): the program stops, or "
     "skips and counts it"},
    {KEY(corpus, split), OPTION_CHOICE, "hash", NULL, "hash|tail", true,
     "How validation text is chosen: by a hash of each document, or the last part of the tokens (for corpora "
     "that are one document)"},
    {KEY(corpus, validation_fraction), OPTION_NUMBER, "0.01", "[0, 1)", NULL, true,
     "Share of the corpus that is validation text; unused when validation_inputs are given"},
    {KEY(corpus, validation_inputs), OPTION_LIST, "", NULL, NULL, true,
     "Files, folders or globs of validation text of its own; empty: split the inputs"},

    {KEY(clean, directory), OPTION_TEXT, "runs/clean", "[1, inf)", NULL, true,
     "Folder of what `llmpi corpus clean` writes: kept-*.jsonl and rejected-*.jsonl"},
    {KEY(clean, files), OPTION_INTEGER, "8", "[1, 1000]", NULL, true,
     "Files of kept and of rejected documents; at least the number of ranks, so that all of them work"},
    {KEY(clean, compression), OPTION_CHOICE, "zstd", NULL, "zstd|gzip|none", true,
     "Compression of these files"},
    {KEY(clean, language_score_field), OPTION_TEXT, "language_score", "[1, inf)", NULL, true,
     "Member or column with the confidence of the language detector"},
    {KEY(clean, language_score_min), OPTION_NUMBER, "0.65", "[0, 1]", NULL, true,
     "Lowest language score that is kept; documents without one are not judged; 0: any (Penedo et al. 2024: "
     "0.65)"},
    {KEY(clean, gopher_quality), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Apply the rules gopher_min_words to gopher_max_ellipsis_lines (Rae et al. 2021, section A.1.1)"},
    {KEY(clean, gopher_min_words), OPTION_NUMBER, "50", "[0, inf)", NULL, true,
     "Fewest words of a document; 0: no limit"},
    {KEY(clean, gopher_max_words), OPTION_NUMBER, "100000", "[0, inf)", NULL, true,
     "Most words of a document; 0: no limit"},
    {KEY(clean, gopher_min_word_length), OPTION_NUMBER, "3", "[0, inf)", NULL, true,
     "Lowest mean length of its words in characters; 0: no limit"},
    {KEY(clean, gopher_max_word_length), OPTION_NUMBER, "10", "[0, inf)", NULL, true,
     "Highest mean length of its words in characters; 0: no limit"},
    {KEY(clean, gopher_min_alphabetic_words), OPTION_NUMBER, "0.8", "[0, inf)", NULL, true,
     "Smallest share of words with a letter; 0: no limit"},
    {KEY(clean, gopher_min_stop_words), OPTION_NUMBER, "2", "[0, inf)", NULL, true,
     "Fewest different words out of the, be, to, of, and, that, have, with; 0: no limit"},
    {KEY(clean, gopher_max_hashes), OPTION_NUMBER, "0.1", "[0, inf)", NULL, true,
     "Most hash signs per word; 0: no limit"},
    {KEY(clean, gopher_max_ellipses), OPTION_NUMBER, "0.1", "[0, inf)", NULL, true,
     "Most ellipses per word; 0: no limit"},
    {KEY(clean, gopher_max_bullet_lines), OPTION_NUMBER, "0.9", "[0, inf)", NULL, true,
     "Largest share of lines that begin with a bullet point; 0: no limit"},
    {KEY(clean, gopher_max_ellipsis_lines), OPTION_NUMBER, "0.3", "[0, inf)", NULL, true,
     "Largest share of lines that end with an ellipsis; 0: no limit"},
    {KEY(clean, gopher_repetition), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Apply the rules gopher_max_duplicate_lines to gopher_max_duplicate_10_grams (Rae et al. 2021, table "
     "A1)"},
    {KEY(clean, gopher_max_duplicate_lines), OPTION_NUMBER, "0.3", "[0, inf)", NULL, true,
     "Largest share of lines that repeat an earlier one; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_line_characters), OPTION_NUMBER, "0.2", "[0, inf)", NULL, true,
     "Largest share of characters in such lines; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_paragraphs), OPTION_NUMBER, "0.3", "[0, inf)", NULL, true,
     "Largest share of paragraphs that repeat an earlier one; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_paragraph_characters), OPTION_NUMBER, "0.2", "[0, inf)", NULL, true,
     "Largest share of characters in such paragraphs; 0: no limit"},
    {KEY(clean, gopher_max_top_2_gram), OPTION_NUMBER, "0.2", "[0, inf)", NULL, true,
     "Largest share of characters in the most frequent run of 2 words; 0: no limit"},
    {KEY(clean, gopher_max_top_3_gram), OPTION_NUMBER, "0.18", "[0, inf)", NULL, true,
     "Largest share of characters in the most frequent run of 3 words; 0: no limit"},
    {KEY(clean, gopher_max_top_4_gram), OPTION_NUMBER, "0.16", "[0, inf)", NULL, true,
     "Largest share of characters in the most frequent run of 4 words; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_5_grams), OPTION_NUMBER, "0.15", "[0, inf)", NULL, true,
     "Largest share of characters in runs of 5 words that repeat an earlier one; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_6_grams), OPTION_NUMBER, "0.14", "[0, inf)", NULL, true,
     "Largest share of characters in runs of 6 words that repeat an earlier one; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_7_grams), OPTION_NUMBER, "0.13", "[0, inf)", NULL, true,
     "Largest share of characters in runs of 7 words that repeat an earlier one; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_8_grams), OPTION_NUMBER, "0.12", "[0, inf)", NULL, true,
     "Largest share of characters in runs of 8 words that repeat an earlier one; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_9_grams), OPTION_NUMBER, "0.11", "[0, inf)", NULL, true,
     "Largest share of characters in runs of 9 words that repeat an earlier one; 0: no limit"},
    {KEY(clean, gopher_max_duplicate_10_grams), OPTION_NUMBER, "0.1", "[0, inf)", NULL, true,
     "Largest share of characters in runs of 10 words that repeat an earlier one; 0: no limit"},
    {KEY(clean, c4_quality), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Apply the rules c4_lorem_ipsum to c4_remove_citations (Raffel et al. 2020, section 2.2)"},
    {KEY(clean, c4_lorem_ipsum), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Reject documents with the words \"lorem ipsum\""},
    {KEY(clean, c4_curly_bracket), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Reject documents with an opening curly bracket, which are often program code"},
    {KEY(clean, c4_min_sentences), OPTION_NUMBER, "5", "[0, inf)", NULL, true,
     "Fewest sentences in the lines that count; 0: no limit"},
    {KEY(clean, c4_terminal_punctuation), OPTION_BOOLEAN, "false", NULL, NULL, true,
     "Only lines that end with . ? ! or a quote count (C4 does this, FineWeb does not)"},
    {KEY(clean, c4_javascript), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Lines with the word JavaScript do not count"},
    {KEY(clean, c4_policy), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Lines on terms of use, privacy policies or cookies do not count"},
    {KEY(clean, c4_min_line_words), OPTION_INTEGER, "3", "[0, 1000000]", NULL, true,
     "Lines with fewer words do not count; 0: no limit"},
    {KEY(clean, c4_max_word_length), OPTION_INTEGER, "1000", "[0, 1000000000]", NULL, true,
     "Lines with a word of more characters do not count; 0: no limit"},
    {KEY(clean, c4_remove_lines), OPTION_BOOLEAN, "false", NULL, NULL, true,
     "Remove the lines that do not count from the text, as C4 and FineWeb do; false: they stay and merely do "
     "not count"},
    {KEY(clean, c4_remove_citations), OPTION_BOOLEAN, "false", NULL, NULL, true,
     "Remove [1], [edit] and [citation needed] from the text; only with c4_remove_lines"},
    {KEY(clean, fineweb_quality), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Apply the rules fineweb_min_punctuated_lines to fineweb_max_newlines (Penedo et al. 2024, section "
     "3.6)"},
    {KEY(clean, fineweb_min_punctuated_lines), OPTION_NUMBER, "0.12", "[0, inf)", NULL, true,
     "Share of lines that end with . ? ! or a quote: at most this much is rejected; 0: no limit"},
    {KEY(clean, fineweb_max_short_lines), OPTION_NUMBER, "0.67", "[0, inf)", NULL, true,
     "Share of lines of at most fineweb_short_line characters: this much or more is rejected; 0: no limit"},
    {KEY(clean, fineweb_short_line), OPTION_INTEGER, "30", "[0, 1000000000]", NULL, true,
     "Most characters of a short line"},
    {KEY(clean, fineweb_max_duplicate_line_characters), OPTION_NUMBER, "0.1", "[0, inf)", NULL, true,
     "Share of characters in lines that repeat an earlier one: this much or more is rejected; 0: no limit"},
    {KEY(clean, fineweb_max_newlines), OPTION_NUMBER, "0.3", "[0, inf)", NULL, true,
     "Most newlines per word; 0: no limit"},
    {KEY(clean, exact_duplicates), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Keep only the first of documents with the same text"},
    {KEY(clean, near_duplicates), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Keep only the first of documents with nearly the same text (MinHash: Broder 1997)"},
    {KEY(clean, near_bands), OPTION_INTEGER, "14", "[1, 1000]", NULL, true,
     "Bands of the MinHash signature: texts that agree in one are near duplicates"},
    {KEY(clean, near_rows), OPTION_INTEGER, "8", "[1, 1000]", NULL, true,
     "Hashes in a band: two texts with Jaccard similarity s agree in it with probability s^rows"},
    {KEY(clean, near_words), OPTION_INTEGER, "5", "[1, 1000]", NULL, true,
     "Words in a row that are compared as one (shingles)"},

    {KEY(tokenizer, path), OPTION_TEXT, "runs/tokenizer.json", "[1, inf)", NULL, true,
     "The tokenizer: written by `llmpi tokenizer train`; a tokenizer.json or a folder with GPT-2's files"},
    {KEY(tokenizer, kind), OPTION_CHOICE, "bpe", NULL, "bpe|word|character", false,
     "What to learn: bpe is byte-level byte pair encoding, as GPT-2's; word takes whole words and "
     "punctuation, character single characters, both with <|unk|> for what the text did not have"},
    {KEY(tokenizer, vocab_size), OPTION_INTEGER, "2048", "[2, 16777216]", NULL, false,
     "Tokens to learn: for bpe 256 bytes, the special tokens, and merges; for word and character the most "
     "frequent ones, at most that many"},
    {KEY(tokenizer, min_frequency), OPTION_INTEGER, "2", "[1, 1000000000000]", NULL, false,
     "Times that a pair must occur to be merged (learning stops early without such a pair), or a word or "
     "character to become a token"},
    {KEY(tokenizer, max_token_length), OPTION_INTEGER, "0", "[0, 1000000]", NULL, false,
     "Tokens of three bytes and more are shorter than this (as in Hugging Face's trainer); 0: no limit"},
    {KEY(tokenizer, pattern), OPTION_TEXT, "gpt2", "[1, inf)", NULL, false,
     "How text is split into words that no token crosses: gpt2, cl100k, or a regular expression of your own"},
    {KEY(tokenizer, max_memory), OPTION_INTEGER, "1024", "[16, 1048576]", NULL, true,
     "MiB per rank for counting words and learning from them; the rarest words are left out where they do "
     "not fit"},
    {KEY(tokenizer, special_tokens), OPTION_LIST, "<|endoftext|>", NULL, NULL, false,
     "Tokens that text never becomes by accident; they get the first ids for bpe, else the last; chatml "
     "stands for <|im_start|> and <|im_end|>"},

    {KEY(shards, directory), OPTION_TEXT, "runs/shards", "[1, inf)", NULL, true, "Folder of the token files"},
    {KEY(shards, count), OPTION_INTEGER, "4", "[1, 99999]", NULL, true,
     "Files per split; at least the number of ranks, so that all of them work"},
    {KEY(shards, begin_token), OPTION_TEXT, "", NULL, NULL, false,
     "Special token before each document; empty: none"},
    {KEY(shards, end_token), OPTION_TEXT, "<|endoftext|>", "[1, inf)", NULL, false,
     "Special token after each document"},
    {KEY(shards, packing), OPTION_CHOICE, "concatenate", NULL, "concatenate|split|truncate", false,
     "How documents become sequences: joined end to end, or cut into chunks of context_length + 1 tokens, of "
     "which split keeps every whole one and truncate only the first"},

    {KEY(model, n_layer), OPTION_INTEGER, "6", "[1, 1000]", NULL, false, "Transformer blocks"},
    {KEY(model, n_head), OPTION_INTEGER, "5", "[1, 1024]", NULL, false,
     "Attention heads per block; must divide n_embd"},
    {KEY(model, n_embd), OPTION_INTEGER, "160", "[1, 65536]", NULL, false,
     "Width of the model: numbers per token between blocks"},
    {KEY(model, context_length), OPTION_INTEGER, "128", "[1, 1048576]", NULL, false,
     "Tokens that the model sees at once; also the length of a training sequence"},
    {KEY(model, bias), OPTION_BOOLEAN, "true", NULL, NULL, false,
     "Biases in linear layers and layer norms, as in GPT-2"},
    {KEY(model, tied_head), OPTION_BOOLEAN, "true", NULL, NULL, false,
     "The output head is the token embedding, as in GPT-2"},
    {KEY(model, dropout), OPTION_NUMBER, "0", "[0, 1)", NULL, false,
     "Share of activations set to zero in training; useful when the data is seen many times"},

    {KEY(train, steps), OPTION_INTEGER, "600", "[1, 1000000000]", NULL, true, "Updates of the whole run"},
    {KEY(train, batch_size), OPTION_INTEGER, "32", "[1, 10000000]", NULL, true,
     "Sequences per update, over all ranks"},
    {KEY(train, micro_batch), OPTION_INTEGER, "8", "[1, 1000000]", NULL, true,
     "Sequences per forward and backward pass of one rank, at most: more needs more memory and changes "
     "nothing else"},
    {KEY(train, stride), OPTION_INTEGER, "0", "[0, 1048576]", NULL, false,
     "Tokens between the starts of two training sequences; 0: context_length, so that they do not overlap"},
    {KEY(train, sampling), OPTION_CHOICE, "epoch", NULL, "epoch|random|sequential", false,
     "Order of the sequences: each once per epoch in a new order, any at random, or as they stand in the "
     "shards"},
    {KEY(train, drop_last), OPTION_BOOLEAN, "false", NULL, NULL, false,
     "Leave out the incomplete last batch of an epoch instead of filling it from the next epoch"},
    {KEY(train, document_mask), OPTION_BOOLEAN, "false", NULL, NULL, false,
     "Attention does not cross documents, in training and evaluation; shards.end_token separates them, and "
     "positions stay those of the sequence"},
    {KEY(train, learning_rate), OPTION_NUMBER, "1e-3", "(0, 10]", NULL, true, "Peak learning rate of AdamW"},
    {KEY(train, final_learning_rate), OPTION_NUMBER, "0.1", "[0, 1]", NULL, true,
     "Learning rate at the last step, as a fraction of the peak"},
    {KEY(train, schedule), OPTION_CHOICE, "cosine", NULL, "cosine|linear|constant|wsd", true,
     "How the learning rate falls after the warm-up; wsd: constant, then a line down in the last "
     "decay_steps"},
    {KEY(train, warmup_steps), OPTION_INTEGER, "30", STEPS_RANGE, NULL, true,
     "Steps in which the learning rate rises from 0 to its peak; a run of fewer steps ends before it gets "
     "there"},
    {KEY(train, decay_steps), OPTION_INTEGER, "0", STEPS_RANGE, NULL, true,
     "Steps of the final descent of schedule wsd; unused by the others"},
    {KEY(train, beta1), OPTION_NUMBER, "0.9", "[0, 1)", NULL, true,
     "AdamW's decay of the mean of gradients, per step"},
    {KEY(train, beta2), OPTION_NUMBER, "0.95", "[0, 1)", NULL, true,
     "AdamW's decay of the mean of squared gradients, per step"},
    {KEY(train, epsilon), OPTION_NUMBER, "1e-8", "(0, 1]", NULL, true,
     "AdamW's guard against division by zero"},
    {KEY(train, weight_decay), OPTION_NUMBER, "0.1", "[0, 10]", NULL, true,
     "Decoupled weight decay of matrices, per unit of learning rate; biases and layer norms have none"},
    {KEY(train, grad_clip), OPTION_NUMBER, "1", "[0, inf)", NULL, true,
     "Largest norm of the whole gradient; longer ones are scaled down to it; 0: no limit"},
    {KEY(train, on_nonfinite), OPTION_CHOICE, "stop", NULL, "stop|skip|rollback", true,
     "What happens when a loss or gradient is not finite: the run ends, leaves that update out, or goes back "
     "to its newest checkpoint and on from there with the data after that step"},
    {KEY(train, spike_threshold), OPTION_NUMBER, "0", "[0, inf)", NULL, true,
     "Leave out the update of a step whose loss lies this many standard deviations above those of the last "
     "spike_window steps; 0: never (OLMo 2: 6)"},
    {KEY(train, spike_window), OPTION_INTEGER, "128", "[2, 1000000]", NULL, true,
     "Losses by which a spike is judged; nothing is judged before half of them are there"},
    {KEY(train, precision), OPTION_CHOICE, "auto", NULL, "auto|fp32|bf16", true,
     "Number format of activations and matrix products; auto: bf16 where it is faster on all ranks, else "
     "fp32. Parameters and sums are fp32 in either"},
    {KEY(train, recompute), OPTION_CHOICE, "none", NULL, "none|attention|block", true,
     "What the backward pass computes again instead of keeping it in memory: nothing, attention of each "
     "block, or whole blocks"},
    {KEY(train, slots), OPTION_INTEGER, "0", "[0, 1000000]", NULL, true,
     "Parts of a batch whose gradients are added along a fixed tree: the same number gives the same bits on "
     "any number of ranks; 0: one per rank"},
    {KEY(train, exchange), OPTION_CHOICE, "sharded", NULL, "sharded|allreduce", true,
     "How ranks share gradients: sharded: each sums, updates and keeps moments of its part of the model; "
     "allreduce: MPI_Allreduce, and each rank does and keeps everything"},
    {KEY(train, wire), OPTION_CHOICE, "fp32", NULL, "fp32|bf16", true,
     "Numbers in messages between nodes: bf16 halves them; sums and the owner's parameters stay fp32"},
    {KEY(train, bucket_mb), OPTION_INTEGER, "0", "[0, 1024]", NULL, true,
     "MiB of gradients that travel between nodes as one unit; 0: tried out in the first steps. Changes no "
     "bit of the result"},
    {KEY(train, local_steps), OPTION_INTEGER, "0", "[0, 10000]", NULL, true,
     "DiLoCo, for slow links: steps that each rank makes alone on its share of the batch before an outer "
     "step brings the ranks together; whatever falls due in between waits for it. 0: ranks share every step"},
    {KEY(train, local_after), OPTION_INTEGER, "-1", "[-1, 1000000000]", NULL, true,
     "With local_steps: steps that all ranks share first, while the loss falls steeply; -1: twice "
     "warmup_steps"},
    {KEY(train, outer_learning_rate), OPTION_NUMBER, "1", "(0, 10]", NULL, true,
     "Outer steps: how far to go from the last one's parameters to the mean of the ranks'; 1: all the way"},
    {KEY(train, outer_momentum), OPTION_NUMBER, "0", "[0, 1)", NULL, true,
     "Outer steps: Nesterov's momentum, per outer step (DiLoCo: 0.9, with outer_learning_rate 0.7)"},
    {KEY(train, log_every), OPTION_INTEGER, "10", "[1, 1000000000]", NULL, true,
     "Steps between two lines in the log; metrics.jsonl has every step"},

    {KEY(evaluate, every), OPTION_INTEGER, "100", STEPS_RANGE, NULL, true,
     "Steps between two validation losses; 0: only at the end"},
    {KEY(evaluate, sequences), OPTION_INTEGER, "256", COUNT_RANGE, NULL, true,
     "Validation sequences used at most; 0: all"},
    {KEY(evaluate, tasks), OPTION_LIST, "", NULL, NULL, true,
     "Tasks that `train` evaluates: names of files in task_directory (lambada: lambada.jsonl), FILE.jsonl or "
     "NAME=FILE.jsonl; empty: none"},
    {KEY(evaluate, tasks_every), OPTION_INTEGER, "0", STEPS_RANGE, NULL, true,
     "Steps between two evaluations of the tasks; 0: with every validation loss"},
    {KEY(evaluate, task_items), OPTION_INTEGER, "0", COUNT_RANGE, NULL, true,
     "Items of each task used, from the first on; 0: all"},
    {KEY(evaluate, task_directory), OPTION_TEXT, "tasks", "[1, inf)", NULL, true,
     "Folder of the tasks that are given by name"},

    {KEY(sample, every), OPTION_INTEGER, "200", STEPS_RANGE, NULL, true,
     "Steps between two sets of samples; 0: only at the end"},
    {KEY(sample, prompts), OPTION_LIST, "Once upon a time", NULL, NULL, true,
     "Texts to be continued, one sample each; empty: no samples"},
    {KEY(sample, tokens), OPTION_INTEGER, "100", "[1, 1000000]", NULL, true,
     "Tokens per sample at most; an end of text ends it earlier"},
    {KEY(sample, temperature), OPTION_NUMBER, "0.8", "[0, 100]", NULL, true,
     "Randomness of samples: 1 is the model's own, 0 always takes the likeliest token"},
    {KEY(sample, top_k), OPTION_INTEGER, "0", "[0, 16777216]", NULL, true,
     "Choose among this many likeliest tokens; 0: all"},
    {KEY(sample, top_p), OPTION_NUMBER, "1", "(0, 1]", NULL, true,
     "Choose among the likeliest tokens that together have this probability; 1: all"},
    {KEY(sample, min_p), OPTION_NUMBER, "0", "[0, 1]", NULL, true,
     "Choose among tokens with this share of the likeliest one's probability; 0: all"},
    {KEY(sample, repetition_penalty), OPTION_NUMBER, "1", "(0, 100]", NULL, true,
     "Makes tokens of the text so far less likely: divides positive logits, multiplies negative ones; 1: "
     "none"},

    {KEY(checkpoint, every), OPTION_INTEGER, "200", STEPS_RANGE, NULL, true,
     "Steps between two checkpoints; 0: only at the end"},
    {KEY(checkpoint, keep), OPTION_INTEGER, "2", "[0, 1000000000]", NULL, true,
     "Newest checkpoints that stay on disk; 0: all"},
    {KEY(checkpoint, keep_every), OPTION_INTEGER, "0", STEPS_RANGE, NULL, true,
     "Checkpoints of steps that are multiples of this stay as well; 0: none"},
    {KEY(checkpoint, keep_best), OPTION_INTEGER, "0", "[0, 1000000000]", NULL, true,
     "Checkpoints with the lowest validation losses that stay as well, among those evaluated at their own "
     "step; the link checkpoints/best.h5 leads to the best. 0: none, and no link"},
    {KEY(checkpoint, background), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "Write checkpoints while training goes on, from a copy in memory of what is saved; false: training "
     "waits, and no memory is needed for a copy"},

    {KEY(instruct, inputs), OPTION_LIST, "", NULL, NULL, true,
     "Files, folders or globs of conversations: .jsonl .ndjson .json, also with .gz or .zst, and .parquet; "
     "each record {instruction, input, output}, {prompt, response}, {messages} or {conversations}"},
    {KEY(instruct, validation_inputs), OPTION_LIST, "", NULL, NULL, true,
     "Files of validation conversations of their own; empty: split the inputs"},
    {KEY(instruct, validation_fraction), OPTION_NUMBER, "0.05", "[0, 1)", NULL, true,
     "Share of the conversations that is kept for validation, chosen by a hash of each"},
    {KEY(instruct, directory), OPTION_TEXT, "runs/instruct", "[1, inf)", NULL, true,
     "Folder of the shards of examples"},
    {KEY(instruct, count), OPTION_INTEGER, "1", "[1, 99999]", NULL, true,
     "Shards of each split; as many ranks can write them"},
    {KEY(instruct, system), OPTION_TEXT, "", NULL, NULL, true,
     "System turn of conversations that have none; empty: no system turn"},
    {KEY(instruct, too_long), OPTION_CHOICE, "truncate", NULL, "truncate|drop", true,
     "What happens to a conversation of more than model.context_length + 1 tokens: whole turns are left out "
     "from its beginning, or all of it is"},
    {KEY(instruct, turn_prefix), OPTION_TEXT, "<|im_start|>{role}\n", NULL, NULL, false,
     "What begins a turn of a conversation; {role} becomes system, user or assistant"},
    {KEY(instruct, turn_suffix), OPTION_TEXT, "<|im_end|>\n", "[1, inf)", NULL, false, "What ends a turn"},
    {KEY(instruct, end_of_turn), OPTION_TEXT, "<|im_end|>", "[1, inf)", NULL, false,
     "The special token in turn_suffix by which the model ends an answer"},

    {KEY(finetune, directory), OPTION_TEXT, "runs/finetune", "[1, inf)", NULL, true,
     "Run directory of `llmpi finetune`, instead of run.directory"},
    {KEY(finetune, epochs), OPTION_NUMBER, "3", "(0, 10000]", NULL, true,
     "How often each example is seen, which gives the steps"},
    {KEY(finetune, steps), OPTION_INTEGER, "0", STEPS_RANGE, NULL, true,
     "Steps, instead of epochs; 0: as many as the epochs need"},
    {KEY(finetune, batch_size), OPTION_INTEGER, "8", "[1, 1000000]", NULL, true,
     "Packed sequences per step over all ranks, instead of train.batch_size"},
    {KEY(finetune, learning_rate), OPTION_NUMBER, "1e-4", "(0, 10]", NULL, true,
     "Peak of the learning rate, instead of train.learning_rate: a tenth to a third of what pretraining had; "
     "for LoRA three to ten times more"},
    {KEY(finetune, warmup), OPTION_NUMBER, "0.05", "[0, 1]", NULL, true,
     "Share of the steps in which the learning rate rises, instead of train.warmup_steps"},
    {KEY(finetune, weight_decay), OPTION_NUMBER, "0", "[0, inf)", NULL, true,
     "AdamW's weight decay, instead of train.weight_decay"},
    {KEY(finetune, lora_rank), OPTION_INTEGER, "0", "[0, 65536]", NULL, true,
     "LoRA: rank of the adapters beside the linear layers, which are tuned instead of them; more learns more "
     "and needs more memory (8 to 64 are usual). 0: none, everything is tuned"},
    {KEY(finetune, lora_alpha), OPTION_NUMBER, "16", "(0, 1e6]", NULL, true,
     "LoRA: what adapters add is scaled by lora_alpha / lora_rank; twice the rank is usual"},
    {KEY(finetune, lora_targets), OPTION_CHOICE, "all", NULL, "all|attention", true,
     "LoRA: which linear layers have adapters: all of each block, or those of attention"},
    {KEY(finetune, lora_embeddings), OPTION_BOOLEAN, "true", NULL, NULL, true,
     "LoRA: tune the token embedding and the output head as well, which new special tokens need; false: they "
     "stay as they are and need no memory for gradients and moments"},
};

int64_t option_count(void)
{
    return (int64_t)(sizeof table / sizeof *table);
}

const struct option *option_at(int64_t index)
{
    return &table[index];
}

size_t option_section_length(const struct option *option)
{
    return strcspn(option->name, ".");
}

const struct option *option_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* A right key in a wrong section is nearer than any misspelling. */
const char *option_nearest(const char *name)
{
    const char *nearest = table[0].name, *key = strchr(name, '.');
    int best = -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int distance = 2 * string_distance(name, table[i].name);
        if (distance > 1 && key != NULL && strcmp(key, table[i].name + option_section_length(&table[i])) == 0)
            distance = 1;
        if (best < 0 || distance < best) {
            best = distance;
            nearest = table[i].name;
        }
    }
    return nearest;
}

const char *option_nearest_section(const char *name)
{
    static char nearest[32];
    int best = -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char section[32];
        snprintf(section, sizeof section, "%.*s", (int)option_section_length(&table[i]), table[i].name);
        int distance = string_distance(name, section);
        if (best < 0 || distance < best) {
            best = distance;
            memcpy(nearest, section, sizeof nearest);
        }
    }
    return nearest;
}

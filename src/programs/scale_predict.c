/* How long a step will take on N nodes, from a step on one node and a link.
 *
 * The node is measured: K ranks that compute for C seconds, exchange among themselves for E that nothing
 * hides, and update for U. N such nodes are R = N K ranks.
 *
 *   step(N) = (everything else of the node's step) + C / c + E + U / N + X(N)
 *
 * with c = 1 in weak scaling, where each rank's work stays, and c = N in strong scaling. X(N) is what the
 * exchange between nodes adds to the step. A block of p parameters is first summed and then gathered; each
 * node sends and receives, for each of both,
 *
 *   (N - 1) / N x p x (bytes of a number on the wire)
 *
 * (the traffic of a ring all-reduce: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for
 * clusters of workstations", 2009), in as many buckets as train.bucket_mb makes of it, and for each bucket
 * one message for each rank elsewhere, R - K. So the transfer takes
 *
 *   t = bytes / bandwidth + buckets x (latency + (R - K - 1) x message)
 *
 * where `message` is the time between two messages of a stream (LogGP: Alexandrov et al. 1995).
 *
 * Sums: blocks become ready from the last to the first while the backward pass of the last micro-batch runs
 * (two thirds of a pass; the head's and each layer's share by their FLOP), and are transferred one after
 * another, each not before it is ready. The embedding, which is ready last, cannot hide. Then one collective
 * of 2 log2 N messages decides, and owners update. Gather: transferred from the first block to the last,
 * while the next forward pass (a third of a pass) starts each block once it is there; the embedding cannot
 * hide here either. What the backward and forward passes are longer for this is X(N). With train.exchange:
 * allreduce nothing overlaps and every rank updates all parameters: X(N) is the sum of all transfers, and U
 * stays.
 *
 * Assumed: all nodes and links are alike and no switch is short of bandwidth; ranks never wait for a slow
 * one; messages cost the processors nothing, be it cycles or bandwidth of the memory. */
#include "scale.h"

#include <math.h>

enum { TRIED_BUCKET_MB = 4 }; /* for train.bucket_mb: 0, which a run tries out */

/* What predictions are made from. */
struct exchange_model {
    const struct measurement *node;
    struct parameter_table table;
    struct link link;
    double wire_bytes, bucket_bytes;
    bool strong, overlap;
    double pass;       /* seconds of one forward and backward pass */
    double head_share; /* of a pass in the output head; the rest is evenly that of the layers */
};

static double transfer_seconds(const struct exchange_model *model, int64_t block, double nodes,
                               bool gradients)
{
    int64_t first, count;
    parameter_block(&model->table, block, &first, &count);
    double others = (nodes - 1) * (double)model->node->ranks / (double)model->node->nodes;
    double bytes = (nodes - 1) / nodes * (double)count * model->wire_bytes;
    double buckets = gradients ? ceil((double)count * sizeof(float) / model->bucket_bytes) : 1;
    return bytes / model->link.bandwidth +
           buckets * (model->link.latency + (others - 1) * model->link.message);
}

/* A block's part of a pass: 0 for the embedding; the final layernorm stands for the head behind it. */
static double share_of(const struct exchange_model *model, int64_t block)
{
    int64_t layers = model->table.blocks - 2;
    if (block == 0)
        return 0;
    return block == model->table.blocks - 1 ? model->head_share : (1 - model->head_share) / (double)layers;
}

/* Seconds by which a backward pass and the sums that begin in it outlast the pass alone. */
static double exposed_sums(const struct exchange_model *model, double nodes, double backward)
{
    double ready = 0, done = 0;
    for (int64_t block = model->table.blocks - 1; block >= 0; block--) {
        ready += backward * share_of(model, block);
        done = fmax(done, ready) + transfer_seconds(model, block, nodes, true);
    }
    return done - ready;
}

/* Seconds by which a forward pass that waits for its parameters outlasts the pass alone. */
static double exposed_gather(const struct exchange_model *model, double nodes, double forward)
{
    double arrived = 0, computed = 0, alone = 0;
    for (int64_t block = 0; block < model->table.blocks; block++) {
        arrived += transfer_seconds(model, block, nodes, false);
        computed = fmax(computed, arrived) + forward * share_of(model, block);
        alone += forward * share_of(model, block);
    }
    return computed - alone;
}

static struct prediction predict(const struct exchange_model *model, int64_t nodes)
{
    const struct measurement *node = model->node;
    double n = (double)nodes, divided = model->strong ? n : 1;
    double pass = fmin(model->pass, node->compute / divided), all = 0;
    struct prediction result = {.nodes = nodes, .ranks = nodes * node->ranks};
    for (int64_t block = 0; block < model->table.blocks; block++)
        all += transfer_seconds(model, block, n, true) + transfer_seconds(model, block, n, false);
    if (nodes == 1)
        all = result.exposed = 0;
    else if (model->overlap)
        result.exposed = exposed_sums(model, n, pass * 2 / 3) + exposed_gather(model, n, pass / 3) +
                         2 * log2(n) * model->link.latency;
    else
        result.exposed = all;
    result.hidden = fmax(0, all - result.exposed);
    result.update = model->overlap ? node->update / n : node->update;
    result.step = node->step - (node->compute + node->data) * (1 - 1 / divided) - node->update +
                  result.update + result.exposed;
    result.tokens_per_second = node->tokens_per_second * node->step / result.step * n / divided;
    result.exposed += node->exposed;
    return result;
}

/* The most ranks that were measured on one node. */
static const struct measurement *find_node(const struct scale *scale)
{
    const struct measurement *found = NULL;
    for (int64_t i = 0; i < scale->rank_count; i++)
        if (scale->rows[i].nodes == 1)
            found = &scale->rows[i];
    return found;
}

/* Of the layers' weights, 12 n_embd^2 each, and the head's n_embd x vocabulary, by the FLOP of both; causal
 * attention adds n_embd x context_length to a layer (model/model.h). */
static double head_share(const struct model_shape *shape)
{
    double head = (double)shape->vocab_size;
    double layer = 12 * (double)shape->n_embd + (double)shape->context_length;
    return head / (head + (double)shape->n_layer * layer);
}

enum status scale_predict(struct scale *scale)
{
    scale->node = scale->has_link ? find_node(scale) : NULL;
    if (scale->node == NULL)
        return STATUS_OK;
    const struct measurement *node = scale->node;
    double passes = ceil((double)node->sequences / (double)node->ranks / (double)node->micro_batch);
    bool bf16_wire = scale->config->train.wire == TRAIN_WIRE_BF16;
    int64_t bucket_mb = scale->config->train.bucket_mb > 0 ? scale->config->train.bucket_mb : TRIED_BUCKET_MB;
    struct exchange_model model = {.node = node,
                                   .link = scale->link,
                                   .wire_bytes = bf16_wire ? 2 : 4,
                                   .bucket_bytes = (double)(bucket_mb << 20),
                                   .strong = scale->strong,
                                   .overlap = scale->config->train.exchange == TRAIN_EXCHANGE_SHARDED,
                                   .pass = node->compute / passes,
                                   .head_share = head_share(&node->shape)};
    TRY(parameter_table_create(&node->shape, &model.table));
    for (int64_t i = 0; i < scale->node_count; i++)
        scale->predictions[i] = predict(&model, scale->nodes[i]);
    parameter_table_free(&model.table);
    return STATUS_OK;
}

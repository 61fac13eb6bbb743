/* Every call draws from a generator started at the same place, so that cases repeat exactly. */
#include "model_case.h"

#include <math.h>
#include <string.h>

/* A 24-bit number of a linear congruential generator (Knuth's MMIX constants). */
static uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 40);
}

void case_batch_fill(struct case_batch *out, const struct model_shape *shape, int64_t sequences,
                     int64_t length, struct case_options options)
{
    uint64_t state = 11;
    out->batch = (struct batch){.sequences = sequences,
                                .length = length,
                                .tokens = out->tokens,
                                .targets = out->targets,
                                .target_weight = options.weights ? out->target_weight : NULL,
                                .position = options.positions ? out->position : NULL,
                                .first_visible = options.documents ? out->first_visible : NULL};
    for (int64_t i = 0; i < sequences * length; i++) {
        int64_t place = i % length;
        out->tokens[i] = draw(&state) % (uint32_t)shape->vocab_size;
        out->targets[i] = draw(&state) % (uint32_t)shape->vocab_size;
        out->target_weight[i] = (float)(draw(&state) % 5) / 4;
        out->position[i] = (int32_t)(draw(&state) % (uint32_t)shape->context_length);
        out->first_visible[i] = (int32_t)(place - place % 3);
    }
}

struct batch case_batch_part(const struct batch *whole, int64_t first, int64_t sequences)
{
    struct batch part = *whole;
    int64_t skip = first * whole->length;
    part.sequences = sequences;
    part.first_sequence += first;
    part.tokens += skip;
    part.targets += skip;
    part.target_weight = whole->target_weight == NULL ? NULL : whole->target_weight + skip;
    part.position = whole->position == NULL ? NULL : whole->position + skip;
    part.first_visible = whole->first_visible == NULL ? NULL : whole->first_visible + skip;
    return part;
}

void case_parameters(const struct parameter_table *table, double size, double *out)
{
    uint64_t state = 5;
    memset(out, 0, (size_t)table->total * sizeof *out);
    for (int64_t i = 0; i < table->count; i++)
        for (int64_t e = 0; e < table->rows[i].count; e++) {
            double number = (double)draw(&state) * 0x1p-23 - 1;
            bool gain = table->rows[i].start == START_ONE;
            out[table->rows[i].offset + e] = (double)(float)(gain ? 1 + number / 2 : number * size);
        }
}

double case_difference(const struct parameter *row, const float *a, const double *b)
{
    double difference = 0, norm = 0;
    for (int64_t e = row->offset; e < row->offset + row->count; e++) {
        difference += ((double)a[e] - b[e]) * ((double)a[e] - b[e]);
        norm += b[e] * b[e];
    }
    return sqrt(difference / norm);
}

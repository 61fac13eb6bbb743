/* Normal numbers are sums of twelve uniform ones, from a linear congruential generator (Knuth's MMIX
 * constants). */
#include "samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void *allocated(int64_t n, size_t size)
{
    void *memory = calloc((size_t)n + 1, size);
    if (memory == NULL) {
        fprintf(stderr, "out of memory for %lld test values\n", (long long)n);
        exit(EXIT_FAILURE);
    }
    return memory;
}

float *samples(int64_t n, uint64_t seed, double scale)
{
    float *values = allocated(n, sizeof *values);
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int64_t i = 0; i < n; i++) {
        double sum = -6.0;
        for (int term = 0; term < 12; term++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            sum += (double)(state >> 11) * 0x1p-53;
        }
        values[i] = (float)(sum * scale);
    }
    return values;
}

bf16 *rounded_samples(int64_t n, uint64_t seed, double scale)
{
    float *values = samples(n, seed, scale);
    bf16 *out = allocated(n, sizeof *out);
    element_from_float(out, values, n);
    free(values);
    return out;
}

double *widened_bf16(const bf16 *values, int64_t n)
{
    float *narrow = allocated(n, sizeof *narrow);
    element_to_float(narrow, values, n);
    double *wide = widened(narrow, n);
    free(narrow);
    return wide;
}

float *repeated(int64_t n, float value)
{
    float *values = allocated(n, sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = value;
    return values;
}

double *zeros(int64_t n)
{
    return allocated(n, sizeof(double));
}

double *widened(const float *values, int64_t n)
{
    double *wide = zeros(n);
    for (int64_t i = 0; i < n; i++)
        wide[i] = (double)values[i];
    return wide;
}

double worst_error(const float *got, const double *wanted, int64_t n)
{
    double worst = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double error = fabs((double)got[i] - wanted[i]) / (1.0 + fabs(wanted[i]));
        if (isnan(error))
            return INFINITY;
        worst = error > worst ? error : worst;
    }
    return worst;
}

bool rounded_once(const bf16 *got, const double *wanted, int64_t n, double error)
{
    double *values = widened_bf16(got, n);
    int64_t i = 0;
    for (; i < n; i++) {
        double before = error * (1.0 + fabs(wanted[i]));
        double allowed = before + BF16_HALF_STEP * (fabs(wanted[i]) + before) + 0x1p-134;
        if (!(fabs(values[i] - wanted[i]) <= allowed)) {
            printf("number %lld of %lld is %.9g, wanted %.9g +- %.3g\n", (long long)i, (long long)n,
                   values[i], wanted[i], allowed);
            break;
        }
    }
    free(values);
    return i == n;
}

double gradient_error(loss_function loss, void *context, double *values, const double *gradient, int64_t n)
{
    const double distance = 1e-5;
    double worst = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double kept = values[i];
        values[i] = kept + distance;
        double above = loss(context);
        values[i] = kept - distance;
        double below = loss(context);
        values[i] = kept;
        double error = fabs((above - below) / (2.0 * distance) - gradient[i]) / (1.0 + fabs(gradient[i]));
        if (isnan(error))
            return INFINITY;
        worst = error > worst ? error : worst;
    }
    return worst;
}

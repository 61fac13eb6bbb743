/* Test values, comparison with a tolerance, and finite differences. Allocation failures end the test program.
 */
#ifndef LLMPI_TESTS_REFERENCE_SAMPLES_H
#define LLMPI_TESTS_REFERENCE_SAMPLES_H

#include "llmpi/kernels/element.h"

#include <stdbool.h>
#include <stdint.h>

/* The relative distance of neighbouring floats: rounding errs by at most half of it. */
#define FLOAT_STEP 1.1920929e-7

/* n numbers, roughly normal with deviation `scale`, the same for the same seed. Free with free(). */
float *samples(int64_t n, uint64_t seed, double scale);

/* The same numbers rounded to bf16, and such numbers in double precision. Free with free(). */
bf16 *rounded_samples(int64_t n, uint64_t seed, double scale);
double *widened_bf16(const bf16 *values, int64_t n);

/* n copies of one number, or zeros in double precision. Free with free(). */
float *repeated(int64_t n, float value);
double *zeros(int64_t n);

/* The same numbers in double precision. Free with free(). */
double *widened(const float *values, int64_t n);

/* The largest |got - wanted| / (1 + |wanted|): absolute error for small numbers, relative for large ones.
 * Infinity where one of them is NaN. */
double worst_error(const float *got, const double *wanted, int64_t n);

/* Rounding to the 8 significant bits of bf16 errs by at most this share of the number, or by 2^-134 where it
 * is denormal. */
#define BF16_HALF_STEP 0x1p-8

/* Whether each of n bf16 numbers is what is wanted but for one rounding, of a number that may err by `error`
 * times 1 + |wanted|. Names the first that is not. */
bool rounded_once(const bf16 *got, const double *wanted, int64_t n, double error);

/* A scalar function of whatever `context` holds. */
typedef double (*loss_function)(void *context);

/* The largest |difference quotient - gradient| / (1 + |gradient|), where each of the n `values`, which the
 * loss reads through its context, is moved by +-1e-5. Its truncation error is about 1e-10 times the third
 * derivative, its rounding error about 1e-16 / 1e-5 times the loss, so that 1e-8 separates right from wrong.
 */
double gradient_error(loss_function loss, void *context, double *values, const double *gradient, int64_t n);

#endif

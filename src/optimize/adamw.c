/* One pass over four arrays, bound by memory. Scalars are computed in double precision and rounded once, as
 * PyTorch does; every element is independent of the others. */
#include "llmpi/optimize/adamw.h"

#include "llmpi/base/clones.h"

#include <math.h>

/* The scalars of one update. */
struct factors {
    float gradient_scale, keep, decay1, gain1, decay2, gain2, correction2, epsilon, step_size;
};

CLONED(void, update_all,
       (const struct factors *shared, float *restrict parameters, const float *restrict gradients,
        float *restrict exp_avg, float *restrict exp_avg_sq, int64_t n),
       (shared, parameters, gradients, exp_avg, exp_avg_sq, n))
{
    const struct factors f = *shared;
    for (int64_t i = 0; i < n; i++) {
        float gradient = gradients[i] * f.gradient_scale;
        float average = f.decay1 * exp_avg[i] + f.gain1 * gradient;
        float square = f.decay2 * exp_avg_sq[i] + f.gain2 * gradient * gradient;
        float denominator = sqrtf(square) / f.correction2 + f.epsilon;
        exp_avg[i] = average;
        exp_avg_sq[i] = square;
        parameters[i] = parameters[i] * f.keep - f.step_size * (average / denominator);
    }
}

void adamw_update(const struct adamw *settings, float *parameters, const float *gradients, float *exp_avg,
                  float *exp_avg_sq, int64_t n, double gradient_scale)
{
    double step = (double)settings->step;
    const struct factors factors = {
        .gradient_scale = (float)gradient_scale,
        .keep = (float)(1.0 - settings->learning_rate * settings->weight_decay),
        .decay1 = (float)settings->beta1,
        .gain1 = (float)(1.0 - settings->beta1),
        .decay2 = (float)settings->beta2,
        .gain2 = (float)(1.0 - settings->beta2),
        .correction2 = (float)sqrt(1.0 - pow(settings->beta2, step)),
        .epsilon = (float)settings->epsilon,
        .step_size = (float)(settings->learning_rate / (1.0 - pow(settings->beta1, step))),
    };
    update_all(&factors, parameters, gradients, exp_avg, exp_avg_sq, n);
}

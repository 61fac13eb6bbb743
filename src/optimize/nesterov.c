/* One pass over three arrays, bound by memory. */
#include "llmpi/optimize/nesterov.h"

void nesterov_update(const struct nesterov *settings, float *parameters, float *momentum, const float *sums,
                     int64_t copies, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double gradient = (double)parameters[i] - (double)sums[i] / (double)copies;
        double moved = settings->momentum * (double)momentum[i] + gradient;
        momentum[i] = (float)moved;
        parameters[i] = (float)((double)parameters[i] -
                                settings->learning_rate * (gradient + settings->momentum * moved));
    }
}

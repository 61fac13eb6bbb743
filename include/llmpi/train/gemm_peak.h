/* The peak that a run's speed is compared with: MFU, model FLOP utilisation (Chowdhery et al. 2022,
 * arXiv:2204.02311, appendix B), is model_flop_per_token x tokens per second / peak, where the peak is not a
 * data sheet's but the rate of large square matrix products that the ranks measured when they started. */
#ifndef LLMPI_TRAIN_GEMM_PEAK_H
#define LLMPI_TRAIN_GEMM_PEAK_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/train/precision.h"

/* FLOP per second of the products of all ranks together, each on all of its threads, measured at the same
 * time in 0.2 seconds, or remembered from an earlier start on the same hosts (train/peak_cache.h) with the
 * same processor, arithmetic, threads, ranks on the host, and program. Logs it. After precision and threads
 * are settled. **Collective** */
enum status gemm_peak_agree(const struct precision *precision, struct comm *comm, double *rate);

#endif

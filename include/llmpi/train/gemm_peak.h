/* The peak that a run's speed is compared with: MFU, model FLOP utilisation (Chowdhery et al. 2022,
 * arXiv:2204.02311, appendix B), is model_flop_per_token x tokens per second / peak, where the peak is not a
 * data sheet's but the rate of large square matrix products that the ranks measured when they started. And
 * whether bf16 is faster than fp32, by the same measurement. */
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

/* Makes the next start measure the peak again, where steps prove it wrong. */
void gemm_peak_forget(const struct precision *precision, struct comm *comm);

/* How many times as fast as fp32 products those of bf16 numbers are, on the host where they gain least; 1 is
 * equally fast. `precision` is bf16. Measured by all ranks at once in 0.4 seconds, both formats in turn, and
 * remembered like the peak, but whatever the threads and ranks, so that all commands on a host take the same
 * decision. The same on all ranks. Logs it. **Collective** */
enum status gemm_peak_gain(const struct precision *precision, struct comm *comm, double *gain);

#endif

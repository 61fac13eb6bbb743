/* A file that remembers the speed of matrix products on this host, so that not every start measures it:
 * $XDG_CACHE_HOME/llmpi/peak-HOST.txt, else ~/.cache/llmpi/peak-HOST.txt. One line per key: the digest of the
 * rest (16 hexadecimal digits), the rate, the key; the newest first, 32 at most. Nothing here fails: what
 * cannot be read or written is measured again. */
#ifndef LLMPI_TRAIN_PEAK_CACHE_H
#define LLMPI_TRAIN_PEAK_CACHE_H

/* The path of the file as a new string (free()); NULL where the environment names no folder. */
char *peak_cache_path(void);

/* The rate that stands beside `key` (one line of text); 0 when there is none, or none that is whole. */
double peak_cache_read(const char *path, const char *key);

/* Puts a rate in, or with 0 takes it out, keeping what else is whole. Writes the file anew, atomically, with
 * its folder. */
void peak_cache_write(const char *path, const char *key, double rate);

#endif

/* What the three files of the HDF5 door share: the open file, and how calls on it begin and fail. Whatever
 * uses an open file passes hdf5_check_usable first, except hdf5_close, which looks at `failed` itself. */
#ifndef LLMPI_STORAGE_HDF5_PRIVATE_H
#define LLMPI_STORAGE_HDF5_PRIVATE_H

#include "llmpi/storage/hdf5_file.h"

#define H5_USE_110_API /* later versions keep these names and arguments under this macro */
#include <hdf5.h>

#define HDF5_SLOTS 4

/* A data set that is kept open, as random reads come back to the same few. */
struct hdf5_slot {
    hid_t id; /* 0: free */
    struct hdf5_dataset about;
};

struct hdf5_file {
    char *path;      /* for messages, and the name of the finished file */
    char *temporary; /* where it is being written; NULL: opened for reading */
    hid_t id;
    bool failed;   /* no further HDF5 call on this file */
    int next_slot; /* the one to be reused next */
    struct hdf5_slot slots[HDF5_SLOTS];
};

/* Starts the library in our way and silences its own error printing in the calling thread. It comes before
 * any other use of HDF5, and its names for types (H5T_NATIVE_INT64) are a use: they start the library. */
void hdf5_begin(void);

/* hdf5_begin, and an error when the file was given up after a failed write. */
enum status hdf5_check_usable(const struct hdf5_file *file);

/* Why the last HDF5 call of this thread failed, in HDF5's own words: a pointer into `text`. */
const char *hdf5_reason(char text[512]);

/* Reports a failed HDF5 call at `what` (an attribute, a data set, "its end"); returns STATUS_FAILED. A file
 * being written is given up and its temporary file removed. */
enum status hdf5_broken(struct hdf5_file *file, const char *what);

#endif

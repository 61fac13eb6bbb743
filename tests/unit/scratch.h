/* A folder for the files of a test, and the test data from outside. For cmocka tests, after its header. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include "llmpi/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char scratch_folder[64];

/* Group setup and teardown: makes the folder, removes it with everything inside. */
static inline int scratch_create(void **state)
{
    (void)state;
    snprintf(scratch_folder, sizeof scratch_folder, "/tmp/llmpi-test-XXXXXX");
    return mkdtemp(scratch_folder) == NULL;
}

static inline int scratch_remove(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_folder);
    return system(command);
}

/* The path of a file in the folder; the last four results stay valid. */
static inline const char *scratch_path(const char *name)
{
    static char paths[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", scratch_folder, name);
    return paths[turn];
}

/* Writes a file into the folder and returns its path. */
static inline const char *scratch_write(const char *name, const void *data, size_t length)
{
    const char *path = scratch_path(name);
    assert_int_equal(file_write(path, data, length), STATUS_OK);
    return path;
}

/* The path of a file of test data, or NULL (and a line that says so) where it is missing. */
static inline const char *test_data(const char *name)
{
    static char path[1024];
    const char *folder = getenv("LLMPI_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "../shared/data", name);
    if (file_exists(path))
        return path;
    printf("skipped: %s is missing\n", path);
    return NULL;
}

#endif

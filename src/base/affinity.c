/* Masks of threads. What a control group allows cannot be asked for directly: a thread asks for every
 * processor, Linux grants those that exist and are allowed, and the old mask is put back. */
#include "llmpi/base/affinity.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool get_mask(pid_t thread, struct cpu_mask *out)
{
    *out = (struct cpu_mask){0};
    return sched_getaffinity(thread, sizeof out->words, (cpu_set_t *)(void *)out->words) == 0;
}

static bool set_mask(pid_t thread, const struct cpu_mask *mask)
{
    return sched_setaffinity(thread, sizeof mask->words, (const cpu_set_t *)(const void *)mask->words) == 0;
}

bool affinity_get(struct cpu_mask *out)
{
    return get_mask(0, out);
}

bool affinity_possible(struct cpu_mask *out)
{
    struct cpu_mask before, every;
    memset(&every, 0xff, sizeof every);
    if (!get_mask(0, &before) || !set_mask(0, &every))
        return false;
    bool known = get_mask(0, out);
    return set_mask(0, &before) && known;
}

/* Name and parent of a process, from the first lines of /proc/PID/status (proc(5)). */
static bool read_process(long process, char name[64], long *parent)
{
    char path[64], line[256];
    bool named = false;
    snprintf(path, sizeof path, "/proc/%ld/status", process);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    *parent = 0;
    while (*parent == 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Name: %63s", name) == 1)
            named = true;
        else if (sscanf(line, "PPid: %ld", parent) == 1 && *parent == 0)
            break;
    fclose(file);
    return named;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

bool affinity_of_ancestor(const char *const *names, struct cpu_mask *out)
{
    char name[64];
    long parent, process = getppid();
    while (process > 0 && read_process(process, name, &parent)) {
        if (is_one_of(name, names))
            return get_mask((pid_t)process, out);
        process = parent;
    }
    return false;
}

bool affinity_set(const struct cpu_mask *mask)
{
    if (!set_mask(0, mask))
        return false;
    DIR *threads = opendir("/proc/self/task");
    if (threads == NULL)
        return true; /* this thread obeys; the others compute nothing */
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        long thread = strtol(entry->d_name, NULL, 10);
        if (thread > 0)
            set_mask((pid_t)thread, mask); /* may have ended meanwhile */
    }
    closedir(threads);
    return true;
}

/* How to know that nobody uses a thing any more. Our own objects: whoever makes one holds a lock on it as
 * long as it has a name (team.c), and the system releases the locks of the dead. Open MPI's files: ranks map
 * them from their start to their end, so one that no process maps is dead, if it is not so new that its maker
 * is about to map it. Its session folders: likewise, and their names tell the process that must be gone. The
 * folders jf.N, which its daemons on other nodes make, tell no process; they are left alone. */
#include "llmpi/comm/leftovers.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHARED_MEMORY "/dev/shm"

enum { NAME_SIZE = 512, PATH_SIZE = 1024, YOUNGEST = 60 /* seconds */ };

/* What was removed. */
struct removed {
    int64_t things, bytes;
};

/* Paths that are dead if no process maps them, or anything below them. */
struct suspect {
    char path[PATH_SIZE];
    bool used;
};

struct suspects {
    struct suspect *items;
    int64_t count, capacity;
};

/* --- our own objects --- */

static void remove_own(const char *path, struct removed *removed)
{
    struct stat facts;
    int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return;
    if (fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == geteuid() &&
        flock(descriptor, LOCK_EX | LOCK_NB) == 0 && unlink(path) == 0) {
        removed->things++;
        removed->bytes += facts.st_blocks * 512;
    }
    close(descriptor);
}

/* --- Open MPI's --- */

/* The host's name as Open MPI writes it: without the domain. */
static void host_name(char name[NAME_SIZE])
{
    if (gethostname(name, NAME_SIZE) != 0)
        name[0] = '\0';
    name[NAME_SIZE - 1] = '\0';
    name[strcspn(name, ".")] = '\0';
}

/* Whether `name` is `before`, the host's name with or without its domain, and a dot. */
static bool is_of_host(const char *name, const char *before, const char *host)
{
    size_t length = strlen(before), host_length = strlen(host);
    return strncmp(name, before, length) == 0 && host_length > 0 &&
           strncmp(name + length, host, host_length) == 0 && name[length + host_length] == '.';
}

/* A file or folder of this user that is not new. */
static void add_suspect(struct suspects *suspects, const char *path, mode_t type)
{
    struct stat facts;
    if (lstat(path, &facts) != 0 || (facts.st_mode & S_IFMT) != type || facts.st_uid != geteuid() ||
        time(NULL) - facts.st_mtime < YOUNGEST)
        return;
    void *items = memory_grow(suspects->items, suspects->count, &suspects->capacity, sizeof *suspects->items,
                              "leftovers");
    if (items == NULL)
        return;
    suspects->items = items;
    struct suspect *next = &suspects->items[suspects->count++];
    next->used = false;
    snprintf(next->path, sizeof next->path, "%s", path);
}

/* Of two paths of which one continues the other, a mapped longer one keeps both. */
static void look_at_maps(struct suspects *suspects, FILE *maps)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, maps) >= 0) {
        const char *path = strchr(line, '/');
        for (int64_t i = 0; path != NULL && i < suspects->count; i++)
            if (strncmp(path, suspects->items[i].path, strlen(suspects->items[i].path)) == 0)
                suspects->items[i].used = true;
    }
    free(line);
}

/* Marks what is used; false if that cannot be known. A process that this user may not look into is not one of
 * this user's ranks. */
static bool look_at_processes(struct suspects *suspects)
{
    DIR *processes = opendir("/proc");
    bool seen = false; /* this process at least */
    if (processes == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char path[NAME_SIZE];
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%s/maps", entry->d_name);
        FILE *maps = fopen(path, "re");
        if (maps == NULL)
            continue;
        seen = seen || strtol(entry->d_name, NULL, 10) == (long)getpid();
        look_at_maps(suspects, maps);
        fclose(maps);
    }
    closedir(processes);
    return seen;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

static int64_t folder_bytes; /* nftw passes no context */

static int add_entry(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)path;
    (void)kind;
    (void)place;
    folder_bytes += facts->st_blocks * 512;
    return 0;
}

/* Files below count like those of /dev/shm: by the blocks they hold. */
static void remove_suspect(const char *path, struct removed *removed)
{
    enum { DESCRIPTORS = 8 };
    folder_bytes = 0;
    nftw(path, add_entry, DESCRIPTORS, FTW_PHYS);
    nftw(path, remove_entry, DESCRIPTORS, FTW_PHYS | FTW_DEPTH);
    if (access(path, F_OK) == 0)
        return;
    removed->things++;
    removed->bytes += folder_bytes;
}

/* --- where they lie --- */

static void search_shared_memory(struct suspects *suspects, const char *host, struct removed *removed)
{
    DIR *folder = opendir(SHARED_MEMORY);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, SHARED_MEMORY "/%s", entry->d_name);
        if (strncmp(entry->d_name, "llmpi-", 6) == 0)
            remove_own(path, removed);
        else if (is_of_host(entry->d_name, "vader_segment.", host) ||
                 is_of_host(entry->d_name, "osc_sm.", host))
            add_suspect(suspects, path, S_IFREG);
    }
    closedir(folder);
}

/* Folders of mpiruns whose process is gone. */
static void search_sessions(struct suspects *suspects, const char *host)
{
    const char *temporary = getenv("TMPDIR");
    char wanted[PATH_SIZE];
    snprintf(wanted, sizeof wanted, "%s/ompi.%s.%ld",
             temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp", host, (long)geteuid());
    char *sessions = realpath(wanted, NULL); /* as maps show it */
    DIR *folder = sessions != NULL ? opendir(sessions) : NULL;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char path[PATH_SIZE], *end = entry->d_name;
        long process = strncmp(entry->d_name, "pid.", 4) == 0 ? strtol(entry->d_name + 4, &end, 10) : 0;
        bool fits = (size_t)snprintf(path, sizeof path, "%s/%s", sessions, entry->d_name) < sizeof path;
        if (fits && process > 0 && *end == '\0' && kill((pid_t)process, 0) != 0 && errno == ESRCH)
            add_suspect(suspects, path, S_IFDIR);
    }
    if (folder != NULL)
        closedir(folder);
    free(sessions);
}

static struct removed remove_on_this_node(void)
{
    struct removed removed = {0, 0};
    struct suspects suspects = {0};
    char host[NAME_SIZE];
    host_name(host);
    search_shared_memory(&suspects, host, &removed);
    search_sessions(&suspects, host);
    bool known = suspects.count > 0 && look_at_processes(&suspects);
    for (int64_t i = 0; known && i < suspects.count; i++)
        if (!suspects.items[i].used)
            remove_suspect(suspects.items[i].path, &removed);
    free(suspects.items);
    return removed;
}

void leftovers_remove(struct comm *comm)
{
    if (comm_size(comm) == 1)
        return;
    struct removed removed = {0, 0};
    char bytes[16];
    if (comm_node_first(comm) == comm_rank(comm))
        removed = remove_on_this_node();
    int64_t sums[] = {removed.things, removed.bytes};
    comm_sum_int64(comm, sums, 2);
    if (sums[0] > 0)
        log_info("removed what a killed job left in " SHARED_MEMORY
                 " or among temporary files: %lld files and folders, %s",
                 (long long)sums[0], log_bytes(bytes, (double)sums[1]));
}

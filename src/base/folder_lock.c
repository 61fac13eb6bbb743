/* The lock is one line of JSON. Who finds one watches its bytes: a living owner changes them, so no two
 * clocks are ever compared. Taking over renames the old file away first, which only one of several candidates
 * can do. */
#include "llmpi/base/folder_lock.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BEAT_SECONDS = 2, PATIENCE_SECONDS = 10, NAPS = 5 * PATIENCE_SECONDS };

struct folder_lock {
    char *path;
    int64_t beats;
    bool ending;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
};

static void host_name(char name[256])
{
    if (gethostname(name, 256) != 0)
        strcpy(name, "unknown");
    name[255] = '\0';
}

static const char *job_name(void)
{
    const char *job = getenv("SLURM_JOB_ID");
    return job != NULL ? job : "";
}

static enum status describe(const struct folder_lock *lock, struct buffer *out)
{
    char host[256];
    host_name(host);
    TRY(buffer_append(out, "{\"host\": ", 9));
    TRY(json_write_text(out, host, strlen(host)));
    TRY(buffer_printf(out, ", \"process\": %lld, \"job\": ", (long long)getpid()));
    TRY(json_write_text(out, job_name(), strlen(job_name())));
    return buffer_printf(out, ", \"heartbeat\": %lld}\n", (long long)lock->beats);
}

/* Rewrites the file in place; a failed heartbeat is no reason to end a run. */
static void beat(struct folder_lock *lock)
{
    struct buffer text = {0};
    lock->beats++;
    int descriptor = open(lock->path, O_WRONLY | O_CLOEXEC);
    if (descriptor >= 0 && describe(lock, &text) == STATUS_OK)
        (void)file_write_at(descriptor, lock->path, 0, text.data, text.length);
    if (descriptor >= 0)
        close(descriptor);
    buffer_free(&text);
}

static void *keep_beating(void *argument)
{
    struct folder_lock *lock = argument;
    pthread_mutex_lock(&lock->mutex);
    while (!lock->ending) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += BEAT_SECONDS;
        pthread_cond_timedwait(&lock->wake, &lock->mutex, &until);
        if (!lock->ending)
            beat(lock);
    }
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

/* Makes the file if there is none: STATUS_OK and *made. */
static enum status try_make(const struct folder_lock *lock, bool *made)
{
    int descriptor = open(lock->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *made = descriptor >= 0;
    if (descriptor < 0)
        return errno == EEXIST ? STATUS_OK : file_fail("write", lock->path);
    struct buffer text = {0};
    enum status status = describe(lock, &text);
    if (status == STATUS_OK)
        status = file_write_at(descriptor, lock->path, 0, text.data, text.length);
    close(descriptor);
    buffer_free(&text);
    if (status != STATUS_OK)
        unlink(lock->path);
    return status;
}

static bool same_bytes(const struct buffer *a, const struct buffer *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

/* Who holds a lock, read from its text. */
struct holder {
    char host[256], job[64];
    int64_t process;
};

static void read_holder(const struct buffer *text, struct holder *out)
{
    *out = (struct holder){.host = "an unknown host"};
    struct json *document = NULL;
    if (json_parse(text->data, text->length, &document) != STATUS_OK)
        return;
    size_t length = 0;
    const char *host = json_get_text(json_get_member(document, "host"), &length);
    if (host != NULL && length < sizeof out->host)
        memcpy(out->host, host, length + 1);
    const char *job = json_get_text(json_get_member(document, "job"), &length);
    if (job != NULL && length < sizeof out->job)
        memcpy(out->job, job, length + 1);
    json_get_integer(json_get_member(document, "process"), &out->process);
    json_free(document);
}

static bool holder_is_gone(const struct holder *holder)
{
    char host[256];
    host_name(host);
    return strcmp(host, holder->host) == 0 && holder->process > 0 && kill((pid_t)holder->process, 0) != 0 &&
           errno == ESRCH;
}

/* Waits until the lock is free: gone, its holder gone, or its bytes (`seen`, kept up to date) standing still
 * for the whole time. A heartbeat that has moved at the end means that it is in use. Naps are counted, not
 * the clock asked: a machine that stands still for a while stops holder and watcher alike. */
static enum status watch(const char *path, struct buffer *seen, const struct holder *holder, bool *free)
{
    struct buffer now = {0};
    enum status status = STATUS_OK;
    bool moved = false;
    *free = holder_is_gone(holder);
    if (!*free)
        log_info("waiting up to %d s for process %lld on %s to leave %s", PATIENCE_SECONDS,
                 (long long)holder->process, holder->host, path);
    for (int nap = 0; !*free && nap < NAPS; nap++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000000 / NAPS * PATIENCE_SECONDS}, NULL);
        *free = !file_exists(path) || holder_is_gone(holder);
        buffer_clear(&now);
        if (*free || file_read(path, &now) != STATUS_OK || now.length == 0 || same_bytes(&now, seen))
            continue;
        moved = true;
        buffer_clear(seen);
        status = buffer_append(seen, now.data, now.length);
        if (status != STATUS_OK)
            break;
    }
    *free = *free || !moved;
    buffer_free(&now);
    return status;
}

/* Renames a dead lock away; gives it back when it turns out to be someone's new one. */
static enum status remove_dead(const char *path, const struct buffer *dead)
{
    struct buffer away = {0}, text = {0};
    enum status status = buffer_printf(&away, "%s.%lld", path, (long long)getpid());
    if (status == STATUS_OK && rename(path, away.data) == 0) {
        status = file_read(away.data, &text);
        if (status == STATUS_OK && !same_bytes(&text, dead) && link(away.data, path) == 0)
            status = fail(STATUS_FAILED, "another job took %s at the same moment", path);
        unlink(away.data);
    }
    buffer_free(&away);
    buffer_free(&text);
    return status;
}

/* One look at an existing lock: *freed when it was left behind and is gone now. */
static enum status contest(const char *path, const char *option, bool *freed)
{
    struct buffer text = {0};
    struct holder holder;
    enum status status = file_read(path, &text);
    if (status != STATUS_OK) {
        *freed = !file_exists(path);
        status = *freed ? STATUS_OK : status;
        goto cleanup;
    }
    read_holder(&text, &holder);
    status = watch(path, &text, &holder, freed);
    if (status == STATUS_OK && *freed && file_exists(path)) {
        status = remove_dead(path, &text);
        if (status == STATUS_OK)
            log_info("took over the lock that process %lld on %s left behind", (long long)holder.process,
                     holder.host);
    } else if (status == STATUS_OK && !*freed) {
        status =
            fail(STATUS_FAILED,
                 "%s: the folder is in use by process %lld on %s%s%s; stop it first, or choose another %s",
                 path, (long long)holder.process, holder.host, holder.job[0] != '\0' ? ", job " : "",
                 holder.job, option);
    }
cleanup:
    buffer_free(&text);
    return status;
}

enum status folder_lock_take(const char *directory, const char *option, struct folder_lock **out)
{
    struct folder_lock *lock = memory_allocate(1, sizeof *lock, "the lock of a folder");
    if (lock == NULL)
        return STATUS_FAILED;
    enum status status = STATUS_FAILED;
    lock->path = path_join(directory, "lock");
    bool made = false;
    for (int attempt = 0; lock->path != NULL && attempt < 5 && !made; attempt++) {
        status = try_make(lock, &made);
        bool freed = true;
        if (status == STATUS_OK && !made)
            status = contest(lock->path, option, &freed);
        if (status != STATUS_OK)
            break;
    }
    if (status == STATUS_OK && !made)
        status = fail(STATUS_FAILED, "%s: other jobs keep taking it", lock->path);
    if (status != STATUS_OK) {
        free(lock->path);
        memory_free(lock);
        return status;
    }
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->wake, NULL);
    if (pthread_create(&lock->thread, NULL, keep_beating, lock) != 0) {
        unlink(lock->path);
        free(lock->path);
        memory_free(lock);
        return fail(STATUS_FAILED, "cannot start the heartbeat thread of a folder's lock");
    }
    *out = lock;
    return STATUS_OK;
}

void folder_lock_release(struct folder_lock *lock)
{
    if (lock == NULL)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->ending = true;
    pthread_cond_signal(&lock->wake);
    pthread_mutex_unlock(&lock->mutex);
    pthread_join(lock->thread, NULL);
    unlink(lock->path);
    pthread_mutex_destroy(&lock->mutex);
    pthread_cond_destroy(&lock->wake);
    free(lock->path);
    memory_free(lock);
}

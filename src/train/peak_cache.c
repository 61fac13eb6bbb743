/* A line counts when its digest is right, so that no damage of the file becomes a wrong rate. */
#include "llmpi/train/peak_cache.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_LINES = 32, MOST_BYTES = 1 << 18, DIGITS = 16 };

char *peak_cache_path(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char host[256] = "";
    struct buffer path = {0};
    enum status status = STATUS_FAILED;
    gethostname(host, sizeof host - 1);
    if (cache != NULL && cache[0] == '/') /* others are to be ignored, says the XDG specification */
        status = buffer_printf(&path, "%s/llmpi/peak-%s.txt", cache, host);
    else if (home != NULL && home[0] == '/')
        status = buffer_printf(&path, "%s/.cache/llmpi/peak-%s.txt", home, host);
    if (status == STATUS_OK && strchr(host, '/') == NULL)
        return path.data;
    buffer_free(&path);
    return NULL;
}

/* A line without its end: the rate (0 when the line is not whole) and where its key begins. */
static double read_line(const char *line, size_t length, size_t *key)
{
    char text[32] = "";
    *key = length;
    if (length < DIGITS + 2 || line[DIGITS] != ' ')
        return 0;
    const char *number = line + DIGITS + 1, *end = memchr(number, ' ', length - DIGITS - 1);
    if (end == NULL || (size_t)(end - number) >= sizeof text)
        return 0;
    char digest[DIGITS + 1];
    snprintf(digest, sizeof digest, "%016" PRIx64, digest_bytes(number, length - DIGITS - 1));
    if (memcmp(digest, line, DIGITS) != 0)
        return 0;
    memcpy(text, number, (size_t)(end - number));
    *key = (size_t)(end + 1 - line);
    double rate = strtod(text, NULL);
    return isfinite(rate) && rate > 0 ? rate : 0;
}

static enum status read_file(const char *path, struct buffer *out)
{
    if (!file_is_regular(path) || file_size(path) > MOST_BYTES)
        return STATUS_FAILED;
    return file_read(path, out);
}

static bool has_key(const char *line, size_t length, size_t key, const char *wanted)
{
    return length - key == strlen(wanted) && memcmp(line + key, wanted, length - key) == 0;
}

/* The length of the line at `at`, and where the next one begins. */
static size_t line_length(const struct buffer *text, size_t at, size_t *next)
{
    const char *end = memchr(text->data + at, '\n', text->length - at);
    size_t length = end != NULL ? (size_t)(end - text->data) - at : text->length - at;
    *next = at + length + 1;
    return length;
}

double peak_cache_read(const char *path, const char *key)
{
    struct buffer text = {0};
    double rate = 0;
    enum status status = read_file(path, &text);
    for (size_t at = 0, next; status == STATUS_OK && at < text.length && !(rate > 0); at = next) {
        size_t length = line_length(&text, at, &next), start = 0;
        double found = read_line(text.data + at, length, &start);
        if (found > 0 && has_key(text.data + at, length, start, key))
            rate = found;
    }
    buffer_free(&text);
    return rate;
}

static enum status add_line(struct buffer *out, const char *key, double rate)
{
    struct buffer rest = {0};
    enum status status = buffer_printf(&rest, "%.17g %s", rate, key);
    if (status == STATUS_OK)
        status = buffer_printf(out, "%016" PRIx64 " %s\n", digest_bytes(rest.data, rest.length), rest.data);
    buffer_free(&rest);
    return status;
}

/* The whole lines of `old` with other keys. */
static enum status keep_lines(struct buffer *out, const struct buffer *old, const char *key)
{
    int kept = 1;
    for (size_t at = 0, next; at < old->length && kept < MOST_LINES; at = next) {
        size_t length = line_length(old, at, &next), start = 0;
        if (!(read_line(old->data + at, length, &start) > 0) || has_key(old->data + at, length, start, key))
            continue;
        TRY(buffer_append(out, old->data + at, length));
        TRY(buffer_append(out, "\n", 1));
        kept++;
    }
    return STATUS_OK;
}

static enum status create_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = memory_copy_text(path, slash != NULL ? (size_t)(slash - path) : 0);
    if (folder == NULL)
        return STATUS_FAILED;
    enum status status = folder[0] != '\0' ? directory_create(folder) : STATUS_OK;
    free(folder);
    return status;
}

void peak_cache_write(const char *path, const char *key, double rate)
{
    struct buffer old = {0}, text = {0};
    if (read_file(path, &old) != STATUS_OK)
        buffer_free(&old);
    enum status status = rate > 0 ? add_line(&text, key, rate) : STATUS_OK;
    if (status == STATUS_OK)
        status = keep_lines(&text, &old, key);
    if (status == STATUS_OK)
        status = create_folder_of(path);
    if (status == STATUS_OK)
        file_write(path, text.data, text.length);
    buffer_free(&old);
    buffer_free(&text);
}

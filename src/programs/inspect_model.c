/* What `llmpi inspect` prints of models for other programs: GGUF, safetensors and folders with them. */
#include "inspect.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/storage/gguf_reader.h"
#include "llmpi/storage/safetensors.h"
#include "llmpi/storage/safetensors_folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_WIDTH = 38, LONGEST_TEXT = 100, FEW = 5 };

/* --- tensors --- */

static void print_shape(const struct stored_tensor *tensor)
{
    char shape[96] = "";
    int used = 0;
    for (int i = 0; i < tensor->dimensions; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%" PRId64, i > 0 ? " x " : "",
                         tensor->sizes[i]);
    printf(" %16s", shape);
}

/* The tensors of some files in one table, and their sums. */
static void print_tensors(struct number_reader *const *files, int64_t count)
{
    int64_t tensors = 0, elements = 0, bytes = 0, size = 0;
    char text[16];
    printf("\n  %-44s %-8s %16s %14s %14s\n", "tensor", "type", "shape", "elements", "bytes");
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < number_reader_count(files[i]); j++) {
            const struct stored_tensor *tensor = number_reader_tensor(files[i], j);
            printf("  ");
            inspect_text(tensor->name, strlen(tensor->name), 44);
            printf(" %-8s", tensor->storage->name);
            print_shape(tensor);
            printf(" %14" PRId64 " %14" PRId64 "\n", tensor->count, tensor->bytes);
            elements += tensor->count;
            bytes += tensor->bytes;
        }
        tensors += number_reader_count(files[i]);
        size += number_reader_size(files[i]);
    }
    putchar('\n');
    inspect_row("tensors", "%" PRId64, tensors);
    inspect_row("elements", "%" PRId64, elements);
    inspect_row("bytes", "%" PRId64 " (%s)", bytes, log_bytes(text, (double)bytes));
    inspect_row("file size", "%s", log_bytes(text, (double)size));
}

/* --- values --- */

/* In quotes; of a long text the beginning, which ends with a whole character. */
static void print_text(const char *text, size_t length)
{
    size_t shown = length;
    if (length > LONGEST_TEXT)
        for (shown = LONGEST_TEXT; shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80;)
            shown--;
    inspect_quoted(text, shown);
    if (shown < length)
        printf(" ... (%zu bytes)", length);
}

static void print_key(const char *key)
{
    printf("  ");
    inspect_text(key, strlen(key), KEY_WIDTH);
    putchar(' ');
}

/* As few digits as read back the same. */
static void print_number(double number, bool narrow)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        double again = narrow ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (again >= number && again <= number)
            break;
    }
    printf("%s", text);
}

static void print_single(const struct gguf_value *value)
{
    int64_t integer = 0;
    double number = 0;
    bool flag = false;
    size_t length = 0;
    const char *text = gguf_get_text(value, &length);
    if (text != NULL)
        print_text(text, length);
    else if (gguf_get_boolean(value, &flag))
        printf("%s", flag ? "true" : "false");
    else if (gguf_get_number(value, &number))
        print_number(number, value->type == GGUF_FLOAT32);
    else if (gguf_get_integer(value, &integer))
        printf("%" PRId64, integer);
    else
        printf("above %" PRId64, INT64_MAX);
}

static void print_value(const struct gguf_value *value)
{
    struct gguf_value element = {0};
    print_key(value->key);
    if (value->type != GGUF_ARRAY) {
        print_single(value);
        putchar('\n');
        return;
    }
    putchar('[');
    while (element.count < FEW && gguf_next(value, &element)) {
        printf("%s", element.count > 1 ? ", " : "");
        print_single(&element);
    }
    printf("%s] (%" PRId64 " of %s)\n", value->count > FEW ? ", ..." : "", value->count,
           gguf_type_name(value->element));
}

static enum status print_member(void *context, const char *name, size_t length, const struct json *value)
{
    int64_t integer = 0;
    double number = 0;
    bool flag = false;
    size_t used = 0;
    const char *text = json_get_text(value, &used);
    (void)context;
    (void)length;
    print_key(name);
    if (text != NULL)
        print_text(text, used);
    else if (json_get_integer(value, &integer))
        printf("%" PRId64, integer);
    else if (json_get_number(value, &number))
        print_number(number, false);
    else if (json_get_boolean(value, &flag))
        printf("%s", flag ? "true" : "false");
    else if (json_kind(value) == KIND_ARRAY)
        printf("[...] (%" PRId64 ")", json_get_count(value));
    else
        printf("%s", json_kind(value) == KIND_OBJECT ? "{...}" : "null");
    putchar('\n');
    return STATUS_OK;
}

/* --- files --- */

enum status inspect_gguf(const char *path)
{
    struct gguf *file = NULL;
    TRY(gguf_open(path, &file));
    struct number_reader *tensors = gguf_tensors(file);
    inspect_heading(path, "model in GGUF");
    inspect_row("version", "%d", gguf_version(file));
    inspect_row("metadata", "%" PRId64 " keys", gguf_count(file));
    for (int64_t i = 0; i < gguf_count(file); i++)
        print_value(gguf_value(file, i));
    print_tensors(&tensors, 1);
    gguf_close(file);
    return STATUS_OK;
}

enum status inspect_safetensors(const char *path)
{
    struct number_reader *file = NULL;
    struct string_list metadata = {0};
    enum status status = safetensors_open(path, &metadata, &file);
    if (status == STATUS_OK) {
        inspect_heading(path, "tensors in safetensors");
        inspect_row("metadata", "%" PRId64 " keys", metadata.count / 2);
        for (int64_t i = 0; i + 1 < metadata.count; i += 2) {
            print_key(metadata.items[i]);
            print_text(metadata.items[i + 1], strlen(metadata.items[i + 1]));
            putchar('\n');
        }
        print_tensors(&file, 1);
    }
    string_list_free(&metadata);
    number_reader_close(file);
    return status;
}

/* config.json of a folder, or NULL where there is none. */
static enum status read_config(const char *folder, struct json **out)
{
    char *path = path_join(folder, "config.json");
    *out = NULL;
    enum status status = path != NULL ? STATUS_OK : STATUS_FAILED;
    if (path != NULL && file_exists(path))
        status = json_read_file(path, out);
    free(path);
    return status;
}

/* Both are released also after a failure. */
static enum status open_folder(const char *path, struct safetensors_folder *folder, struct json **config)
{
    *config = NULL;
    TRY(safetensors_folder_open(path, folder));
    return read_config(path, config);
}

enum status inspect_model_folder(const char *path)
{
    struct safetensors_folder folder;
    struct json *config;
    enum status status = open_folder(path, &folder, &config);
    if (status == STATUS_OK) {
        inspect_heading(path, "folder of a model in safetensors");
        inspect_row("files of tensors", "%" PRId64, folder.count);
        inspect_row("config.json", "%s", config != NULL ? "in it" : "missing");
        json_each(config, print_member, NULL);
        print_tensors(folder.files, folder.count);
    }
    json_free(config);
    safetensors_folder_close(&folder);
    return status;
}

enum status inspect_verify_gguf(const char *path)
{
    struct gguf *file = NULL;
    TRY(gguf_open(path, &file));
    gguf_close(file);
    return STATUS_OK;
}

enum status inspect_verify_safetensors(const char *path)
{
    struct number_reader *file = NULL;
    TRY(safetensors_open(path, NULL, &file));
    number_reader_close(file);
    return STATUS_OK;
}

enum status inspect_verify_model_folder(const char *path)
{
    struct safetensors_folder folder;
    struct json *config;
    enum status status = open_folder(path, &folder, &config);
    json_free(config);
    safetensors_folder_close(&folder);
    return status;
}

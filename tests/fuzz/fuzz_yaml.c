/* Any bytes as a configuration file: it is read or refused with a sentence, and what was read is written as
 * YAML that gives the same configuration again. */
#include "llmpi/config/config.h"

#include "harness.h"

#include <string.h>

static struct buffer write_config(const struct config *config, bool help)
{
    struct buffer text = {0};
    require(config_write(config, help, &text) == STATUS_OK,
            "a configuration that was read cannot be written");
    return text;
}

/* Reads what was written and compares. */
static void check_again(const struct config *config, const struct buffer *plain, const struct buffer *written)
{
    struct config again;
    require(config_parse(&again, written->data, written->length, "again", NULL) == STATUS_OK,
            "a configuration that was written cannot be read");
    struct buffer text = write_config(&again, false), changes = {0};
    require(text.length == plain->length && memcmp(text.data, plain->data, text.length) == 0,
            "a configuration changes when it is written and read");
    require(config_compare(config, &again, &changes) == STATUS_OK && changes.length == 0,
            "a configuration that was written and read differs");
    buffer_free(&changes);
    buffer_free(&text);
    config_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    enum status status = config_parse(&config, (const char *)data, size, "input", NULL);
    require_reason(status);
    if (status == STATUS_OK) {
        struct buffer plain = write_config(&config, false), commented = write_config(&config, true);
        check_again(&config, &plain, &plain);
        check_again(&config, &plain, &commented);
        buffer_free(&commented);
        buffer_free(&plain);
    }
    config_free(&config);
    return 0;
}

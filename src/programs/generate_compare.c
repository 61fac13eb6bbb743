/* Two models, one after the other in memory, and their texts in two columns. A model whose tokenizer has the
 * tokens of its chat template is asked in a turn of it, others continue the plain text. */
#include "generate.h"

#include "llmpi/base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LEAST_WIDTH = 40, USUAL_WIDTH = 100 };

static enum status keep_text(void *context, const char *text, size_t length)
{
    return buffer_append(context, text, length);
}

static enum status answer(const struct arguments *arguments, const struct config *config,
                          struct train_state *state, const struct buffer *prompt, struct buffer *out)
{
    struct generate_options options;
    struct generator *generator = NULL;
    struct token_list ids = {0};
    struct generation_result result = {0};
    enum status status = generate_options_read(arguments, config, state, &options);
    if (status == STATUS_OK && !options.chat)
        generate_options_try_chat(&options, config, state);
    if (status == STATUS_OK)
        status = generate_options_prompt(&options, config, state, prompt->data, prompt->length, &ids);
    if (status == STATUS_OK)
        status = generator_create(state, 1, options.cached, &generator);
    const struct generation_request request = {
        .settings = &options.settings,
        .prompt = ids.ids,
        .prompt_count = ids.count,
        .first = generate_options_first(&options, state, prompt->data, prompt->length),
        .sink = keep_text,
        .context = out};
    if (status == STATUS_OK)
        status = generator_run(generator, &request, 1, &result);
    generator_destroy(generator);
    generation_result_free(&result);
    token_list_free(&ids);
    generate_options_free(&options);
    return status;
}

static enum status load_and_answer(const struct arguments *arguments, int number, struct comm *comm,
                                   const struct buffer *prompt, struct buffer *out)
{
    struct config config;
    struct train_state state;
    enum status status = inference_load(arguments->positionals.items[number], 1, comm, &config, &state);
    if (status == STATUS_OK)
        status = answer(arguments, &config, &state, prompt, out);
    state_destroy(&state);
    config_free(&config);
    return status;
}

/* Columns of the terminal. */
static int64_t output_width(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int64_t width = columns != NULL ? atoi(columns) : 0;
    if (width == 0 && isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    return width == 0 ? USUAL_WIDTH : width > LEAST_WIDTH ? width : LEAST_WIDTH;
}

/* Text that is cut into lines. */
struct column {
    const char *at, *end;
};

/* Appends the next line, at most `width` characters, cut between words where it can be, and returns its
 * characters. */
static enum status next_line(struct column *column, int64_t width, struct buffer *out, int64_t *characters)
{
    const char *at = column->at, *cut = NULL;
    int64_t count = 0, before_cut = 0;
    while (at < column->end && *at != '\n' && count < width) {
        uint32_t character;
        int size = utf8_decode(at, (size_t)(column->end - at), &character);
        if (*at == ' ') {
            cut = at;
            before_cut = count;
        }
        at += size > 0 ? size : 1;
        count++;
    }
    bool whole = at == column->end || *at == '\n' || *at == ' ';
    if (!whole && cut != NULL) {
        at = cut;
        count = before_cut;
    }
    *characters = count;
    TRY(buffer_append(out, column->at, (size_t)(at - column->at)));
    column->at = at < column->end && (*at == '\n' || *at == ' ') ? at + 1 : at;
    return STATUS_OK;
}

static enum status pad(struct buffer *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        TRY(buffer_append(out, " ", 1));
    return STATUS_OK;
}

/* Two texts beside each other. */
static enum status add_columns(struct buffer *out, struct column left, struct column right, int64_t width)
{
    int64_t each = (width - 3) / 2, characters;
    do {
        TRY(next_line(&left, each, out, &characters));
        TRY(pad(out, each - characters));
        TRY(buffer_append(out, " | ", 3));
        TRY(next_line(&right, each, out, &characters));
        TRY(buffer_append(out, "\n", 1));
    } while (left.at < left.end || right.at < right.end);
    return STATUS_OK;
}

static struct column column_of(const char *text, size_t length)
{
    return length > 0 ? (struct column){text, text + length} : (struct column){"", ""};
}

enum status generate_compare(const struct arguments *arguments, struct comm *comm,
                             const struct buffer *prompt)
{
    struct buffer texts[2] = {{0}}, out = {0};
    const char *base = arguments->positionals.items[0], *tuned = arguments->positionals.items[1];
    int64_t width = output_width();
    enum status status = load_and_answer(arguments, 0, comm, prompt, &texts[0]);
    if (status == STATUS_OK)
        status = load_and_answer(arguments, 1, comm, prompt, &texts[1]);
    if (status == STATUS_OK)
        status = buffer_printf(&out, "%s\n\n", prompt->data);
    if (status == STATUS_OK)
        status = add_columns(&out, column_of(base, strlen(base)), column_of(tuned, strlen(tuned)), width);
    if (status == STATUS_OK)
        status = add_columns(&out, column_of("", 0), column_of("", 0), width);
    if (status == STATUS_OK)
        status = add_columns(&out, column_of(texts[0].data, texts[0].length),
                             column_of(texts[1].data, texts[1].length), width);
    if (status == STATUS_OK && fwrite(out.data, 1, out.length, stdout) != out.length)
        status = fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
    for (int i = 0; i < 2; i++)
        buffer_free(&texts[i]);
    buffer_free(&out);
    return status;
}

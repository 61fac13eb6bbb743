/* `llmpi chat CHECKPOINT`: turns of a user and answers of a model, at a terminal or through a pipe. */
#include "chat_history.h"
#include "chat_input.h"

#include "llmpi/base/log.h"
#include "llmpi/config/options.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/generation.h"
#include "llmpi/train/inference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct flag flags[] = {
    {"--system", "TEXT", "A system turn, which stands before the conversation"},
    {"--set", "KEY=VALUE...", "A setting as /set has it; may be given several times"},
    {"--threads", "N", "Threads to use (default: all cores)"}};

static const struct command command = {
    .name = "chat",
    .positionals = "CHECKPOINT",
    .minimum = 1,
    .maximum = 1,
    .help = "Talks with a model that was tuned to answer, line by line; /help lists what else can be typed",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags};

/* What /set knows, and the options that say what values are allowed. */
static const struct {
    const char *name, *option;
} keys[] = {{"temperature", "sample.temperature"},
            {"top_k", "sample.top_k"},
            {"top_p", "sample.top_p"},
            {"min_p", "sample.min_p"},
            {"repetition_penalty", "sample.repetition_penalty"},
            {"tokens", "sample.tokens"},
            {"seed", "run.seed"}};
enum { KEYS = sizeof keys / sizeof *keys };

struct chat {
    struct config config; /* the checkpoint's; `sample` and run.seed as they are set now */
    struct train_state state;
    struct chat_template template;
    struct chat_history history;
    struct generator *generator;
    struct token_list prompt;
    struct buffer answer;
    int64_t answers; /* given so far: each draws other numbers */
    bool said;       /* that the history is cut */
};

/* --- answering --- */

static enum status print_text(const char *text, size_t length)
{
    if (fwrite(text, 1, length, stdout) != length || fflush(stdout) != 0)
        return fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
    return STATUS_OK;
}

/* Ctrl-C ends the answer here. */
static enum status take_text(void *context, const char *text, size_t length)
{
    struct chat *chat = context;
    TRY(buffer_append(&chat->answer, text, length));
    TRY(print_text(text, length));
    return chat_input_interrupted() ? fail(STATUS_STOPPED, "the answer was interrupted") : STATUS_OK;
}

/* Leaves room for the answer: sample.tokens, or half of the context where that is less. */
static enum status make_prompt(struct chat *chat)
{
    int64_t context = chat->config.model.context_length, tokens = chat->config.sample.tokens;
    int64_t room = tokens < context / 2 ? tokens : context / 2;
    TRY(chat_history_prompt(&chat->history, context - room, &chat->prompt));
    if (chat->history.forgotten > 0 && !chat->said)
        log_info("the conversation is longer than the model's context of %lld tokens: its oldest turns are "
                 "left out from now on",
                 (long long)context);
    chat->said = chat->said || chat->history.forgotten > 0;
    return STATUS_OK;
}

static enum status generate(struct chat *chat)
{
    struct generation_settings settings = generation_settings_of(&chat->config);
    const char *end_token = chat->config.shards.end_token;
    int64_t end = tokenizer_find(chat->state.tokenizer, end_token, strlen(end_token));
    const uint32_t stops[] = {(uint32_t)chat_template_end(&chat->template, chat->state.tokenizer),
                              (uint32_t)end};
    settings.stop_ids = stops;
    settings.stop_id_count = end >= 0 ? 2 : 1;
    const struct generation_request request = {.settings = &settings,
                                               .prompt = chat->prompt.ids,
                                               .prompt_count = chat->prompt.count,
                                               .first = true,
                                               .sample = (uint64_t)chat->answers++,
                                               .resumes = true,
                                               .sink = take_text,
                                               .context = chat};
    struct generation_result result = {0};
    enum status status = generator_run(chat->generator, &request, 1, &result);
    generation_result_free(&result);
    return status == STATUS_STOPPED ? STATUS_OK : status;
}

static enum status answer(struct chat *chat, const struct buffer *line)
{
    TRY(chat_history_add(&chat->history, CHAT_USER, line->data, line->length));
    TRY(make_prompt(chat));
    buffer_clear(&chat->answer);
    TRY(buffer_reserve(&chat->answer, 1));
    TRY(generate(chat));
    TRY(print_text("\n", 1));
    chat_input_interrupted(); /* one that came too late for this answer is not for the next line */
    return chat_history_add(&chat->history, CHAT_ASSISTANT, chat->answer.data, chat->answer.length);
}

/* --- commands: what goes wrong in them is said, and the conversation goes on --- */

static enum status set(struct chat *chat, const char *text)
{
    const char *equals = strchr(text, '=');
    for (int i = 0; i < KEYS && equals != NULL; i++)
        if (strlen(keys[i].name) == (size_t)(equals - text) &&
            strncmp(keys[i].name, text, (size_t)(equals - text)) == 0)
            return option_set_text(option_find(keys[i].option), &chat->config, equals + 1, "/set");
    return fail(STATUS_USAGE,
                "/set '%s': it must be KEY=VALUE with temperature, top_k, top_p, min_p, repetition_penalty, "
                "tokens or seed",
                text);
}

static enum status show_settings(const struct chat *chat)
{
    struct buffer text = {0};
    enum status status = STATUS_OK;
    for (int i = 0; i < KEYS && status == STATUS_OK; i++) {
        status = buffer_printf(&text, "%s%s=", i > 0 ? " " : "", keys[i].name);
        if (status == STATUS_OK)
            status = option_write(option_find(keys[i].option), &chat->config, &text);
    }
    if (status == STATUS_OK)
        log_info("%s", text.data);
    buffer_free(&text);
    return status;
}

static void show_help(void)
{
    log_info("/reset            forget the conversation, but not the system turn\n"
             "/save FILE        write it as JSON lines, {\"role\", \"content\"}\n"
             "/set              show the settings\n"
             "/set KEY=VALUE    temperature, top_k, top_p, min_p, repetition_penalty, tokens, seed\n"
             "/help             this\n"
             "/quit             end, as Ctrl-D and, while nothing is being answered, Ctrl-C do\n"
             "A line that ends with a backslash goes on with the next. Ctrl-C ends an answer.");
}

/* The rest of the line behind a command's name, or NULL where it is another command. */
static const char *after(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || (line[length] != '\0' && line[length] != ' '))
        return NULL;
    return line + length + strspn(line + length, " ");
}

static enum status obey(struct chat *chat, const char *line, bool *quit)
{
    const char *rest;
    if ((rest = after(line, "/save")) != NULL && *rest != '\0')
        return chat_history_save(&chat->history, rest);
    if ((rest = after(line, "/set")) != NULL)
        return *rest != '\0' ? set(chat, rest) : show_settings(chat);
    if (after(line, "/reset") != NULL) {
        chat_history_reset(&chat->history);
        chat->said = false;
    } else if (after(line, "/help") != NULL) {
        show_help();
    } else if (after(line, "/quit") != NULL) {
        *quit = true;
    } else {
        return fail(STATUS_USAGE, "'%s' is none of /reset, /save FILE, /set KEY=VALUE, /help, /quit", line);
    }
    return STATUS_OK;
}

static enum status converse(struct chat *chat)
{
    struct buffer line = {0}, pending = {0};
    bool more = true, quit = false;
    enum status status = chat_input_begin();
    while (status == STATUS_OK && !quit) {
        status = chat_input_read("> ", &pending, &line, &more);
        if (status != STATUS_OK || !more)
            break;
        if (line.length == 0)
            continue;
        if (line.data[0] != '/')
            status = answer(chat, &line);
        else if (obey(chat, line.data, &quit) != STATUS_OK)
            log_error("%s", status_message());
    }
    if (status == STATUS_OK && !more && chat_input_is_terminal())
        status = print_text("\n", 1);
    buffer_free(&line);
    buffer_free(&pending);
    return status;
}

/* --- the program --- */

static enum status apply_flags(struct chat *chat, const struct arguments *arguments)
{
    const char *system = arguments_get(arguments, "--system");
    struct string_list given = {0};
    enum status status = arguments_get_all(arguments, "--set", &given);
    for (int64_t i = 0; i < given.count && status == STATUS_OK; i++)
        status = set(chat, given.items[i]);
    string_list_free(&given);
    if (status == STATUS_OK && system != NULL)
        status = chat_history_add(&chat->history, CHAT_SYSTEM, system, strlen(system));
    return status;
}

static enum status prepare(struct chat *chat, const struct arguments *arguments)
{
    const struct config *config = &chat->config;
    chat->template = (struct chat_template){.turn_prefix = config->instruct.turn_prefix,
                                            .turn_suffix = config->instruct.turn_suffix,
                                            .end_of_turn = config->instruct.end_of_turn};
    chat->history = (struct chat_history){.template = &chat->template, .tokenizer = chat->state.tokenizer};
    TRY(chat_template_check(&chat->template, chat->state.tokenizer));
    TRY(apply_flags(chat, arguments));
    return generator_create(&chat->state, 1, true, &chat->generator);
}

static enum status chat(const struct arguments *arguments, struct comm *comm)
{
    struct chat chat = {0};
    int64_t threads = threads_choose(0);
    TRY(arguments_get_integer(arguments, "--threads", 1, 4096, &threads));
    threads_set((int)threads);
    enum status status = inference_load(arguments->positionals.items[0], 1, comm, &chat.config, &chat.state);
    if (status == STATUS_OK)
        status = prepare(&chat, arguments);
    if (status == STATUS_OK)
        status = converse(&chat);
    generator_destroy(chat.generator);
    chat_history_free(&chat.history);
    token_list_free(&chat.prompt);
    buffer_free(&chat.answer);
    state_destroy(&chat.state);
    config_free(&chat.config);
    return status;
}

enum status program_chat(int count, char **arguments)
{
    struct arguments parsed = {0};
    struct comm *comm = comm_alone();
    enum status status = comm != NULL ? arguments_parse(&command, count, arguments, &parsed) : STATUS_FAILED;
    if (status == STATUS_OK && !parsed.finished)
        status = chat(&parsed, comm);
    arguments_free(&parsed);
    if (comm != NULL)
        comm_end(comm);
    return status;
}

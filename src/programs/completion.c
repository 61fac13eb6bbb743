/* `llmpi completion bash`: a completion script. Commands, their subcommands (the small letters after
 * "llmpi COMMAND" in its usage) and flags are asked of the program itself (`--help`), so they cannot go
 * stale; the values of choices come from the option table. */
#include "llmpi/programs/programs.h"

#include "llmpi/config/options.h"
#include "llmpi/programs/arguments.h"

#include <stdio.h>
#include <string.h>

static const struct command command = {
    .name = "completion",
    .positionals = "bash",
    .minimum = 1,
    .maximum = 1,
    .help =
        "Prints the completion script for a shell; `source <(llmpi completion bash)` in ~/.bashrc uses it",
};

/* COMP_WORDBREAKS splits "--a.b=c" at "=": the value is then the current word, and the flag two words before
 * it. */
static const char head[] = //
    "_llmpi()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} words= "
    "names= flag=\n"
    "    COMPREPLY=()\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        words=$(\"$program\" --help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\\1/p')\n"
    "        COMPREPLY=($(compgen -W \"$words --help --version\" -- \"$word\"))\n"
    "        return\n"
    "    fi\n"
    "    names=$(\"$program\" \"$command\" --help 2>/dev/null |\n"
    "        sed -nE \"s/.*llmpi $command ([a-z|]+) .*/\\1/p\" | tr '|' ' ')\n"
    "    if [[ -n $names ]] && ((COMP_CWORD == 2)); then\n"
    "        COMPREPLY=($(compgen -W \"$names --help\" -- \"$word\"))\n"
    "        return\n"
    "    fi\n"
    "    if [[ $word == = ]]; then\n"
    "        word= flag=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then\n"
    "        flag=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    case $flag in\n";

static const char tail[] = //
    "    esac\n"
    "    if [[ -n $words ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
    "    elif [[ $word == -* ]]; then\n"
    "        words=$(\"$program\" $command ${names:+\"${COMP_WORDS[2]}\"} --help 2>/dev/null | sed -nE 's/^  "
    "(--[a-z0-9._-]+=?).*/\\1/p')\n"
    "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
    "        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
    "    else\n"
    "        compopt -o filenames\n"
    "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
    "    fi\n"
    "}\n"
    "complete -F _llmpi llmpi\n";

/* "        --train.schedule) words="cosine linear" ;;" */
static void print_choices(const char *name, const char *choices)
{
    printf("        --%s) words=\"", name);
    for (; *choices != '\0'; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
    printf("\" ;;\n");
}

enum status program_completion(int count, char **arguments)
{
    struct arguments parsed;
    enum status status = arguments_parse(&command, count, arguments, &parsed);
    if (status != STATUS_OK || parsed.finished)
        goto cleanup;
    if (strcmp(parsed.positionals.items[0], "bash") != 0) {
        status = fail(STATUS_USAGE, "no completion for the shell '%.100s': bash is known",
                      parsed.positionals.items[0]);
        goto cleanup;
    }
    fputs(head, stdout);
    for (int64_t i = 0; i < option_count(); i++) {
        const struct option *option = option_at(i);
        if (option->type == OPTION_CHOICE)
            print_choices(option->name, option->choices);
        else if (option->type == OPTION_BOOLEAN)
            print_choices(option->name, "true|false");
    }
    fputs(tail, stdout);
cleanup:
    arguments_free(&parsed);
    return status;
}

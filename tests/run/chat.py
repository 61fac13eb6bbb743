"""`llmpi chat` through a pipe and at a terminal (a pseudo-terminal): answers, commands, Ctrl-C, Ctrl-D, a full context. The
model is a tiny one that learns a few questions with their answers by heart, from token files with the turns' special
tokens in them."""
import json
import os
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time

LLMPI = os.environ["LLMPI"]
CONFIG = """
run: {directory: run, seed: 3, threads: 1}
corpus: {inputs: [text.jsonl]}
tokenizer: {path: tokenizer.json, vocab_size: 400, special_tokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]}
shards: {directory: tokens}
model: {n_layer: 2, n_head: 2, n_embd: 48, context_length: 96}
train: {steps: 350, batch_size: 16, micro_batch: 16, learning_rate: 1.0e-2, warmup_steps: 20, sampling: random,
  precision: fp32}
evaluate: {every: 0, sequences: 1}
sample: {every: 0, prompts: [], tokens: 30, temperature: 0}
checkpoint: {every: 0, keep: 1}
"""
ANSWERS = {"What is red?": "A rose is red.", "What is blue?": "The sea is blue.", "Who are you?": "I am a tiny model.",
           "Count to five.": "One two three four five.", "Say two\nlines.": "First line.\nSecond line."}
failed = 0


def check(good, *what):
    global failed
    if not good:
        failed += 1
        print("FAILED:", *what)


def run(*arguments, text="", status=0):
    done = subprocess.run([LLMPI, *arguments], input=text, capture_output=True, text=True, timeout=120)
    check(done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def write_tokens(path, tokenizer, count):
    """Conversations end to end, as llm.c's token files have them; their ids are the tokenizer's. A song has no end."""
    turn = "<|im_start|>{}\n{}<|im_end|>\n"
    song = turn.format("user", "Sing.") + "<|im_start|>assistant\n" + "la " * 150
    text = "".join(turn.format("user", question) + turn.format("assistant", ANSWERS[question]) + song * (i % 20 == 0)
                   for i, question in enumerate(random.choices(list(ANSWERS), k=count)))
    ids = [int(word) for word in run("tokenizer", "encode", tokenizer, "--special", text=text)[0].split()]
    with open(path, "wb") as out:
        out.write(struct.pack("<256i", 20240520, 1, len(ids), *[0] * 253) + struct.pack(f"<{len(ids)}H", *ids))


def make_model():
    random.seed(1)
    with open("text.jsonl", "w") as file:
        for question, answer in ANSWERS.items():
            file.writelines(json.dumps({"text": text + " user assistant\n"}) + "\n" for text in (question, answer) * 3)
    open("config.yaml", "w").write(CONFIG)
    run("tokenizer", "train", "config.yaml")
    os.mkdir("tokens")
    write_tokens("tokens/train_000.bin", "tokenizer.json", 600)
    write_tokens("tokens/val_000.bin", "tokenizer.json", 20)
    run("train", "config.yaml")


def through_a_pipe():
    out, err = run("chat", "run", text="What is red?\n\nWhat is blue?\nSay two\\\nlines.\n/save saved.jsonl\n/nonsense\n"
                   "/set temperature=x\n/set top_k=3\n/set\n/save nowhere/file\n/help\n/quit\nWho are you?\n")
    check(out == "A rose is red.\nThe sea is blue.\nFirst line.\nSecond line.\n", repr(out))
    for text in ("'/nonsense' is none of", "sample.temperature", "top_k=3", "cannot write nowhere/file", "/set KEY=VALUE"):
        check(text in err, text, err)
    turns = [json.loads(line) for line in open("saved.jsonl")]
    questions = ["What is red?", "What is blue?", "Say two\nlines."]
    check(turns == [{"role": role, "content": text} for question in questions
                    for role, text in (("user", question), ("assistant", ANSWERS[question]))], turns)
    # After /reset the same question has the same answer as at the start; without an end of line at the end, too.
    out, _ = run("chat", "run", "--system=Be brief.", "--set=tokens=4", text="Count to five.\n/reset\nCount to five.")
    check(len(out) > 2 and out == out[:len(out) // 2] * 2, out)
    # A context of 96 tokens takes some turns; then the oldest go, which is said once.
    questions = list(ANSWERS)[:4] * 4
    out, err = run("chat", "run/checkpoints/step-00000350.h5", text="".join(f"{question}\n" for question in questions))
    check(out.splitlines() == [ANSWERS[question] for question in questions], out)
    check(err.count("its oldest turns are left out") == 1, err)
    # A turn cannot forge another one, and any bytes are a turn.
    subprocess.run([LLMPI, "chat", "run"], input=b"<|im_end|>\xff\x00x\n", timeout=60, check=True, capture_output=True)


def errors():
    _, err = run("chat", "nowhere", status=1)
    check("nowhere" in err, err)
    _, err = run("chat", "run", "--set=tokens=-1", status=2)
    check("sample.tokens" in err, err)
    _, err = run("chat", "run", "--set=nothing", status=2)
    check("KEY=VALUE" in err, err)
    open("plain.yaml", "w").write(CONFIG.replace('"<|im_start|>", "<|im_end|>"', "").replace("steps: 350", "steps: 1")
                                  .replace("tokenizer.json", "plain.json").replace("directory: run", "directory: plain")
                                  .replace("directory: tokens", "directory: bare"))
    run("tokenizer", "train", "plain.yaml")
    os.mkdir("bare")
    write_tokens("bare/train_000.bin", "plain.json", 20)
    write_tokens("bare/val_000.bin", "plain.json", 20)
    run("train", "plain.yaml")
    _, err = run("chat", "plain", text="Hello\n", status=2)
    check("the tokenizer has no token '<|im_start|>'" in err and "llmpi finetune" in err, err)


class Terminal:
    def __init__(self, *arguments):
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.execv(LLMPI, [LLMPI, *arguments])
        self.text = ""

    def wait_for(self, text, seconds=30):
        """Reads until the text comes, and forgets what stood up to there."""
        end = time.time() + seconds
        while text not in self.text and time.time() < end:
            if select.select([self.descriptor], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.descriptor, 4096).decode(errors="replace")
                except OSError:  # the other end is closed
                    break
        check(text in self.text, f"no {text!r} in {self.text!r}")
        before, _, self.text = self.text.partition(text)
        return before

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def status(self):
        end = time.time() + 20
        done, status = 0, 0
        while done == 0 and time.time() < end:
            done, status = os.waitpid(self.process, os.WNOHANG)
            time.sleep(0.05)
        if done == 0:
            os.kill(self.process, signal.SIGKILL)
            status = os.waitpid(self.process, 0)[1]
        os.close(self.descriptor)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


def at_a_terminal():
    chat = Terminal("chat", "run")
    chat.wait_for("> ")
    chat.type("What is red?\n")
    chat.wait_for("A rose is red.\r\n> ")
    chat.type("Say two\\\n")
    chat.wait_for("... ")
    chat.type("lines.\n")
    chat.wait_for("First line.\r\nSecond line.\r\n> ")
    # An answer without an end is ended by Ctrl-C, and the conversation goes on.
    chat.type("/set tokens=1000000\n")
    chat.wait_for("> ")
    chat.type("Sing.\n")
    chat.wait_for("la la la")
    chat.type("\x03")
    chat.wait_for("\n> ")
    chat.type("/reset\n")
    chat.wait_for("> ")
    chat.type("What is blue?\n")
    chat.wait_for("The sea is blue.\r\n> ")
    chat.type("\x04")
    check(chat.status() == 0, "Ctrl-D does not end with status 0")
    chat = Terminal("chat", "run")
    chat.wait_for("> ")
    chat.type("\x03")
    check(chat.status() == 0, "Ctrl-C at the prompt does not end with status 0")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    make_model()
    through_a_pipe()
    errors()
    at_a_terminal()
print("all good" if failed == 0 else f"{failed} failed")
sys.exit(failed > 0)

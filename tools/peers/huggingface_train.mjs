// How long Hugging Face's tokenizers library takes to learn a byte-level BPE vocabulary from a text file.
//
//     npm install tokenizers@0.23.2 && node huggingface_train.mjs TEXT [MERGES.txt]
//
// Prints one JSON object. The library's binding for node has only its default trainer: 30,000 tokens, of any
// frequency, no special tokens. It reads the file line by line, newlines included, and uses all cores (RAYON_NUM_THREADS
// sets another number). To compare with `llmpi tokenizer train`, give that the same lines as one document each
// (tokenizer.vocab_size: 30000 + 257 less the bytes that do not occur) and compare the merges, which are written to
// MERGES.txt in GPT-2's byte alphabet, one per line.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tokenizers from 'tokenizers'

const [path, merges_path] = process.argv.slice(2)
if (path === undefined) {
    console.error('usage: node huggingface_train.mjs TEXT [MERGES.txt]')
    process.exit(2)
}
const tokenizer = new tokenizers.Tokenizer(tokenizers.BPE.empty())
tokenizer.setPreTokenizer(tokenizers.byteLevelPreTokenizer(false))
const started = performance.now()
tokenizer.train([path])
const seconds = (performance.now() - started) / 1000
const folder = mkdtempSync(join(tmpdir(), 'merges-'))
tokenizer.save(join(folder, 'tokenizer.json'))
const { merges, vocab } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')).model
rmSync(folder, { recursive: true })
if (merges_path !== undefined)
    writeFileSync(merges_path, merges.map(merge => `${typeof merge === 'string' ? merge : merge.join(' ')}\n`).join(''))
console.log(JSON.stringify({
    library: 'Hugging Face tokenizers', bytes: statSync(path).size, tokens: Object.keys(vocab).length,
    merges: merges.length, seconds: Number(seconds.toFixed(3))
}))

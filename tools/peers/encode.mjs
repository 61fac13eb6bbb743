// Measures how fast a peer encodes the documents of a file with GPT-2's vocabulary, on one thread.
//
//     node encode.mjs tokenizers|tiktoken VOCABULARY FILE ROUNDS IDS
//
// VOCABULARY is a folder with encoder.json and vocab.bpe (tiktoken brings its own copy of them). FILE is plain text, one
// document, or JSON lines with a member "text" (.jsonl). IDS gets the ids as little-endian numbers of 32 bits. Prints one
// JSON object. Only encoding is measured, not writing the ids; tokenizers hands
// them out on request only, which is not measured either.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

process.env.RAYON_NUM_THREADS = '1'
process.env.TOKENIZERS_PARALLELISM = 'false'
const [peer, vocabulary, file, rounds, output] = process.argv.slice(2)
const load = createRequire(import.meta.url)
const { version } = JSON.parse(readFileSync(new URL(`node_modules/${peer}/package.json`, import.meta.url), 'utf8'))

const content = readFileSync(file, 'utf8')
const texts = file.endsWith('.jsonl')
  ? content.split('\n').filter(line => line.trim() !== '').map(line => JSON.parse(line).text)
  : [content]
const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)

// Each returns the encodings of all texts, and a function that gives the ids of one of them.
async function withTokenizers() {
  const { Tokenizer, BPE, byteLevelPreTokenizer } = load('tokenizers')
  const tokenizer = new Tokenizer(await BPE.fromFile(join(vocabulary, 'encoder.json'), join(vocabulary, 'vocab.bpe')))
  tokenizer.setPreTokenizer(byteLevelPreTokenizer(false))
  return [() => tokenizer.encodeBatch(texts, { addSpecialTokens: false }), encoding => encoding.getIds()]
}

function withTiktoken() {
  const encoder = load('tiktoken').get_encoding('gpt2')
  return [() => texts.map(text => encoder.encode_ordinary(text)), ids => ids]
}

const [encode, idsOf] = await (peer === 'tokenizers' ? withTokenizers() : withTiktoken())
const seconds = []
let encodings
for (let round = 0; round < Number(rounds); round++) {
  encodings = null
  const started = performance.now()
  encodings = await encode()
  seconds.push((performance.now() - started) / 1000)
}
let tokens = 0
const parts = encodings.map(encoding => {
  const ids = Uint32Array.from(idsOf(encoding))
  tokens += ids.length
  return Buffer.from(ids.buffer)
})
writeFileSync(output, Buffer.concat(parts))
seconds.sort((a, b) => a - b)
const speed = index => bytes / 1e6 / seconds[index]
console.log(JSON.stringify({
  name: `${peer} ${version}`, bytes, tokens, best: speed(0), median: speed(Math.floor(seconds.length / 2))
}))

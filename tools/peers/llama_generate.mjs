// Measures how fast llama.cpp reads a prompt and generates from it, with a cache in the type of the weights or fp32.
//
//     node llama_generate.mjs GGUF PROMPT_TOKENS NEW_TOKENS THREADS ROUNDS
//
// Prints one JSON object: tokens per second of the best round, of the prompt and of what follows it. The package
// @fugood/llama.node is looked for in the folder LLAMA_NODE.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [path, prompt, tokens, threads, rounds] = process.argv.slice(2)
const load = createRequire(join(process.env.LLAMA_NODE, 'package.json'))
const { loadModel } = load('@fugood/llama.node')
const model = await loadModel({
  model: path, n_ctx: Number(prompt) + Number(tokens) + 1, n_batch: Number(prompt), n_ubatch: Number(prompt),
  n_threads: Number(threads), n_gpu_layers: 0, n_parallel: 1, use_mmap: false
})
const best = { prompt: 0, decode: 0 }
let counts = {}
for (let round = 0; round < Number(rounds); round++) {
  await model.clearCache?.()
  const text = Array.from({ length: Number(prompt) * 2 }, (_, i) => ` ${(i * 7919 + round) % 10}`).join('')
  const ids = (await model.tokenize(text)).tokens.slice(0, Number(prompt))
  const result = await model.completion({
    prompt: await model.detokenize(Array.from(ids)), n_predict: Number(tokens), temperature: 0, ignore_eos: true
  }, () => {})
  best.prompt = Math.max(best.prompt, result.timings.prompt_per_second)
  best.decode = Math.max(best.decode, result.timings.predicted_per_second)
  counts = { prompt_tokens: result.timings.prompt_n, new_tokens: result.timings.predicted_n }
}
console.log(JSON.stringify({ ...counts, prompt_tokens_per_second: best.prompt, decode_tokens_per_second: best.decode }))
await model.release()

// Measures how fast llama.cpp reads a prompt and generates from it, with the kernels that suit this processor.
//
//     node llama_generate.mjs GGUF PROMPT_TOKENS NEW_TOKENS THREADS ROUNDS
//
// Prints one JSON object: tokens per second of the best round, of the prompt and of what follows it. The package
// node-llama-cpp is looked for in the folder LLAMA_NODE.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [path, ...numbers] = process.argv.slice(2)
const [prompt, tokens, threads, rounds] = numbers.map(Number)
const entry = join(process.env.LLAMA_NODE, 'node_modules/node-llama-cpp/dist/index.js')
const { getLlama, getModuleVersion } = await import(pathToFileURL(entry))
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, progressLogs: false })
const model = await llama.loadModel({ modelPath: path, gpuLayers: 0, useMmap: false })
const context = await model.createContext({ contextSize: prompt + tokens + 1, batchSize: prompt, threads, flashAttention: true })
const sequence = context.getSequence()
const best = { prompt: 0, decode: 0 }
for (let round = 0; round < rounds; round++) {
  await sequence.clearHistory()
  const ids = Array.from({ length: prompt }, (_, i) => 300 + (i * 7919 + round) % 40000)
  const start = performance.now()
  await sequence.evaluateWithoutGeneratingNewTokens(ids)
  const middle = performance.now()
  let count = 0
  for await (const _ of sequence.evaluate([300], { temperature: 0, yieldEogToken: true }))
    if (++count === tokens) break
  best.prompt = Math.max(best.prompt, 1e3 * prompt / (middle - start))
  best.decode = Math.max(best.decode, 1e3 * count / (performance.now() - middle))
}
console.log(JSON.stringify({
  version: await getModuleVersion(), prompt_tokens_per_second: best.prompt, decode_tokens_per_second: best.decode
}))
process.exit(0)

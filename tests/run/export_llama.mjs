// Continues a text with llama.cpp, greedily, for tests/run/export.py.
//
//     node export_llama.mjs GGUF COUNT TEXT
//
// Prints {"tokens": ids of the text, "text": what follows}. The package @fugood/llama.node is looked for in the folder
// LLAMA_NODE.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [path, count, text] = process.argv.slice(2)
const { loadModel } = createRequire(join(process.env.LLAMA_NODE, 'package.json'))('@fugood/llama.node')
const model = await loadModel({
  model: path, n_ctx: 512, n_gpu_layers: 0, n_threads: 1, flash_attn_type: 'off', cache_type_k: 'f32', cache_type_v: 'f32'
})
const { tokens } = await model.tokenize(text)
const result = await model.completion({
  prompt: text, n_predict: Number(count), temperature: 0, top_k: 1, penalty_repeat: 1, ignore_eos: true
}, () => {})
console.log('RESULT ' + JSON.stringify({ tokens: Array.from(tokens), text: result.text }))
process.exit(0)

// The first merges that Hugging Face's tokenizers library learns from a text, for tests/unit/test_bpe_trainer.c.
//
//     npm install tokenizers@0.23.2 && node tokenizer_merges.mjs TEXT COUNT | grep . > tokenizer_merges_NAME.txt
//
// One merge per line in GPT-2's byte alphabet (grep drops empty lines that the library prints). The library reads the
// file line by line, newlines included, and splits each line with GPT-2's pattern. Its default trainer learns 30,000
// tokens of any frequency; the first merges are the same for every size of vocabulary, and for every number of special
// tokens in front.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tokenizers from 'tokenizers'

const [path, count] = process.argv.slice(2)
const tokenizer = new tokenizers.Tokenizer(tokenizers.BPE.empty())
tokenizer.setPreTokenizer(tokenizers.byteLevelPreTokenizer(false))
const started = performance.now()
tokenizer.train([path])
console.error(`trained in ${((performance.now() - started) / 1000).toFixed(2)} s`)
const file = join(mkdtempSync(join(tmpdir(), 'merges-')), 'tokenizer.json')
tokenizer.save(file)
const { merges } = JSON.parse(readFileSync(file, 'utf8')).model
for (const merge of merges.slice(0, Number(count))) console.log(typeof merge === 'string' ? merge : merge.join(' '))

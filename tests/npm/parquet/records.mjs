// Cleans a Parquet file of DuckDB's with all rules off, and compares every member of the records, as DuckDB reads them,
// with the file. One page holds all rows: a reader that decoded it anew for each row would not end in time.
//
//     node records.mjs LLMPI FOLDER
import { spawnSync } from 'node:child_process'
import { DuckDBInstance } from '@duckdb/node-api'

const [llmpi, folder] = process.argv.slice(2)
const connection = await (await DuckDBInstance.create(':memory:')).connect()
const rows = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson()
let failures = 0

function complain(text) {
    console.log(`FAILED: ${text}`)
    failures++
}

await connection.run(`copy (select
    'document ' || i || repeat(' word', (i % 40)::int) as text,
    case when i % 7 = 0 then null else 0.7 + i / 1000000.0 end::double as language_score,
    case when i % 5 = 0 then null else i - 1000 end as "number",
    18446744073709551615::ubigint - i::ubigint as "large.ü",
    {'a': i} as structure, [i] as list
    from range(200000) t(i)) to '${folder}/scored.parquet' (format parquet, row_group_size 200000)`)
const off = ['gopher_quality', 'gopher_repetition', 'c4_quality', 'fineweb_quality', 'near_duplicates']
const result = spawnSync(llmpi, ['corpus', 'clean', `${folder}/records.yaml`, `--corpus.inputs=${folder}/scored.parquet`,
    `--clean.directory=${folder}/records`, ...off.map((name) => `--clean.${name}=false`)], { encoding: 'utf8' })
if (result.status !== 0) complain(`corpus clean: status ${result.status}: ${result.stderr}`)
const told = `scored.parquet: columns that are nested or of a kind that cannot be read are left out of the records, ` +
    `here and in other files: "structure", "list"`
if (result.stderr.split(told).length !== 2) complain(`what is left out is not told once: ${result.stderr}`)
const columns = 'text, language_score, "number", "large.ü"'
const kept = `select ${columns} from read_json('${folder}/records/kept-*.jsonl.zst', format = 'newline_delimited', columns =
    {text: 'varchar', language_score: 'double', "number": 'bigint', "large.ü": 'ubigint'})`
const [{ lost, other }] = await rows(`with kept as (${kept}), given as
    (select ${columns} from '${folder}/scored.parquet') select
    (select count(*) from (from given except all from kept)) as lost,
    (select count(*) from (from kept except all from given)) as other`)
if (Number(lost) !== 0 || Number(other) !== 0) complain(`${lost} rows have no equal record, ${other} records no equal row`)
process.exit(failures === 0 ? 0 : 1)

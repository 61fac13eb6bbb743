// Writes Parquet files with DuckDB and with parquet-rs (parquet-wasm) in many ways, and compares every value that
// parquet_dump shows with what DuckDB reads from the same file.
//
//     node compare.mjs PARQUET_DUMP FOLDER
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import * as rust from 'parquet-wasm/node'

const [dump, folder] = process.argv.slice(2)
const connection = await (await DuckDBInstance.create(':memory:')).connect()
let failures = 0
let files = 0

const run = (sql) => connection.run(sql)
const rows = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson()
const path = (name) => `${folder}/${name}.parquet`

function complain(text) {
    console.log(`FAILED: ${text}`)
    failures++
}

// As parquet_dump shows them: dates and times are integers; integers above 2^53 are strings on both sides.
async function expectedRows(name) {
    const columns = await rows(`describe select * from read_parquet('${path(name)}')`)
    const shown = []
    for (const { column_name: column, column_type: type } of columns) {
        if (type === 'DATE') shown.push(`("${column}" - DATE '1970-01-01')::BIGINT as "${column}"`)
        else if (type === 'TIMESTAMP') shown.push(`epoch_us("${column}") as "${column}"`)
        else if (type === 'TIMESTAMP_NS') shown.push(`epoch_ns("${column}") as "${column}"`)
        else if (type === 'TIMESTAMP_MS') shown.push(`epoch_ms("${column}") as "${column}"`)
        else if (type === 'BLOB') shown.push(`"${column}"::varchar as "${column}"`)
        else if (!/\[|STRUCT|MAP|DECIMAL|UUID|INTERVAL/.test(type)) shown.push(`"${column}"`)
    }
    return rows(`select ${shown.join(', ')} from read_parquet('${path(name)}')`)
}

function sameValue(a, b) {
    return a === b || (a !== null && b !== null && typeof a !== typeof b && String(a) === String(b))
}

function compareRows(name, step, expected) {
    const options = { maxBuffer: 1 << 30, encoding: 'utf8' }
    const lines = execFileSync(dump, step ? [path(name), `--seek=${step}`] : [path(name)], options).split('\n')
    lines.pop()
    const count = Math.ceil(expected.length / (step || 1))
    if (lines.length !== count) return complain(`${name}: ${lines.length} rows, DuckDB has ${count}`)
    for (let i = 0; i < count; i++) {
        const ours = JSON.parse(lines[i])
        const theirs = expected[i * (step || 1)]
        const columns = Object.keys(theirs)
        if (Object.keys(ours).join() !== columns.join())
            return complain(`${name}: columns ${Object.keys(ours)}, DuckDB has ${columns}`)
        for (const column of columns)
            if (!sameValue(ours[column], theirs[column]))
                return complain(`${name}: row ${i}, ${column}: ${String(ours[column]).slice(0, 200)}, ` +
                    `DuckDB says ${String(theirs[column]).slice(0, 200)}`)
    }
}

async function check(name, ...encodings) {
    files++
    const metadata = await rows(`select distinct encodings, compression from parquet_metadata('${path(name)}')`)
    const found = JSON.stringify(metadata)
    for (const encoding of encodings)
        if (!found.includes(encoding)) complain(`${name} was not written with ${encoding}, but ${found}`)
    const expected = await expectedRows(name)
    for (const step of [0, 1, 997]) compareRows(name, step, expected)
}

function refuse(name, column, text) {
    files++
    const result = spawnSync(dump, ['--time', path(name), column], { encoding: 'utf8' })
    if (result.status !== 1 || !result.stderr.includes(text))
        complain(`${name} gave status ${result.status} and "${result.stderr.trim()}", expected 1 and "${text}"`)
}

const write = (name, table, options) => run(`copy ${table} to '${path(name)}' (format parquet${options})`)

function rewrite(name, from, builder) {
    const table = rust.readParquet(readFileSync(path(from)))
    writeFileSync(path(name), rust.writeParquet(table, builder.build()))
}

await run(`create table mixed as select
    i as id,
    case when i % 7 = 0 then null when i % 5 = 0 then '' else repeat('Zoë 日本 😀 ', (i % 40)::int) || i end as text,
    case when i % 11 = 3 then null else 'category ' || (i % 13) end as category,
    'https://example.org/a/long/common/prefix/' || i as url,
    case when i % 3 = 0 then null else (i * 7919 - 10000000)::integer end as "number",
    (i * 1431655 % 4294967296)::uinteger as positive,
    (i % 256)::utinyint as tiny,
    ((i - 3000) * 3074457345618258 + i)::bigint as large,
    case i % 6 when 0 then null when 1 then 'nan'::double when 2 then '-inf'::double else i / 7.0::double end as "real",
    (i / 3.0)::float as single,
    case when i % 4 = 0 then null else i % 3 = 1 end as truth,
    date '1965-01-01' + (i::int * 3) as day,
    timestamp '1969-12-31 23:59:00' + interval 1 second * i as moment,
    null::varchar as nothing
    from range(6000) r(i)`)
await run(`create table strange as select i, [i, i + 1] as text, {'a': i} as structure, map {'k': i} as pairs,
    (i / 8)::decimal(9, 2) as price, 'x'::blob as bytes, uuid() as name, i::varchar as plain from range(3000) r(i)`)
await run(`create table long as select i, repeat(chr((97 + i)::int), (3000000 + i * 777777)::int) as text from range(4) r(i)`)

const codecs = { uncompressed: 'UNCOMPRESSED', snappy: 'SNAPPY', gzip: 'GZIP', zstd: 'ZSTD', lz4_raw: 'LZ4_RAW' }
for (const [codec, shown] of Object.entries(codecs)) {
    await write(`${codec}-v1`, 'mixed', `, codec ${codec}`)
    await check(`${codec}-v1`, shown, 'PLAIN', 'PLAIN_DICTIONARY')
    await write(`${codec}-v2`, 'mixed', `, codec ${codec}, parquet_version v2, row_group_size 2048`)
    await check(`${codec}-v2`, shown, 'DELTA_BINARY_PACKED', 'DELTA_LENGTH_BYTE_ARRAY', 'BYTE_STREAM_SPLIT', 'RLE_DICTIONARY')
}
await write('groups', 'mixed', ', row_group_size 2048')
await check('groups')
await write('no-dictionary', 'mixed', ', dictionary_size_limit 1')
await check('no-dictionary')
await write('all-dictionary', 'mixed', ', dictionary_size_limit 1000000, string_dictionary_page_size_limit 100000000')
await check('all-dictionary', 'PLAIN_DICTIONARY')
await write('no-rows', '(select * from mixed where id < 0)', '')
await check('no-rows')
await write('one-row', '(select * from mixed where id = 3)', '')
await check('one-row')
await write('one-value', `(select 'same' as text, true as truth, 7 as "number" from range(5000))`, '')
await check('one-value')
await write('long', 'long', ', codec zstd')
await check('long')
await write('strange', 'strange', '')
await check('strange')
refuse('strange', 'text', 'column "text" is a list, expected a flat column')
refuse('strange', 'structure', 'column "structure" is a structure of other columns')
refuse('strange', 'pairs', 'column "pairs" is a map')
refuse('strange', 'price', 'column "price" is a decimal number')
await write('brotli', 'mixed', ', codec brotli')
refuse('brotli', 'text', 'codec 4, BROTLI, cannot be read, expected UNCOMPRESSED, SNAPPY, GZIP, ZSTD or LZ4_RAW')
await run(`set force_mbedtls_unsafe = 'true'`)
await run(`pragma add_parquet_key('key', '0123456789112345')`)
await write('encrypted', 'mixed', `, encryption_config {footer_key: 'key'}`)
refuse('encrypted', 'text', 'is encrypted (it ends with PARE)')

// parquet-rs: many small pages, data pages of version 2, and encodings that DuckDB does not write.
const { Compression, Encoding, WriterPropertiesBuilder, WriterVersion } = rust
const small = () => new WriterPropertiesBuilder().setDataPageSizeLimit(4000).setWriteBatchSize(100).setMaxRowGroupSize(2500)
for (const [version, label] of [[WriterVersion.V1, 'v1'], [WriterVersion.V2, 'v2']])
    for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'LZ4_RAW']) {
        rewrite(`rust-${codec}-${label}`, 'snappy-v1', small().setWriterVersion(version).setCompression(Compression[codec]))
        await check(`rust-${codec}-${label}`, codec)
    }
const texts = (encoding, builder) => ['text', 'category', 'url', 'nothing'].reduce(
    (properties, column) => properties.setColumnEncoding(column, encoding), builder.setDictionaryEnabled(false))
for (const encoding of ['PLAIN', 'DELTA_BYTE_ARRAY', 'DELTA_LENGTH_BYTE_ARRAY'])
    for (const [version, label] of [[WriterVersion.V1, 'v1'], [WriterVersion.V2, 'v2']]) {
        const builder = texts(Encoding[encoding], small()).setWriterVersion(version).setCompression(Compression.SNAPPY)
        rewrite(`rust-${encoding}-${label}`, 'snappy-v1', builder)
        await check(`rust-${encoding}-${label}`, encoding)
    }
rewrite('rust-lz4', 'snappy-v1', small().setCompression(Compression.LZ4))
refuse('rust-lz4', 'text', 'codec 5, LZ4 (of Hadoop, not LZ4_RAW), cannot be read')

console.log(failures === 0 ? `${files} files are right` : `${failures} failures`)
process.exit(failures === 0 ? 0 : 1)

// node precompress.mjs DIR: writes name.br and name.gz beside every file of a built dashboard that gets
// smaller by it. The daemon embeds them and compresses nothing by itself.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const [dir] = process.argv.slice(2);
if (!dir) {
  console.error('usage: node precompress.mjs DIR');
  process.exit(2);
}

const compressors = {
  br: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  gz: (bytes) => gzipSync(bytes, { level: 9 }),
};

for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  if (!entry.isFile() || /\.(br|gz|map|png|jpe?g|webp|woff2)$/.test(entry.name)) continue;
  const bytes = readFileSync(path);
  for (const [extension, compress] of Object.entries(compressors)) {
    const small = compress(bytes);
    if (small.length < bytes.length) writeFileSync(`${path}.${extension}`, small);
    else rmSync(`${path}.${extension}`, { force: true });
  }
}

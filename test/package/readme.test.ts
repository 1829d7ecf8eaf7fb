import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (name: string) => readFileSync(join(root, name), 'utf8');

test("the README's first example is the quickstart", () => {
  const example = /```ts\n(.*?)```/s.exec(read('README.md'))?.[1];
  assert.equal(example, read('examples/quickstart.ts'));
});

test('links between documents lead somewhere', () => {
  const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
  for (const document of documents.filter((name) => name.endsWith('.md'))) {
    for (const [, link] of read(document).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g))
      assert.ok(existsSync(join(root, dirname(document), link!)), `${document}: ${link}`);
  }
});

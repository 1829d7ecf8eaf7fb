import assert from 'node:assert/strict';
import { get } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decode, encode } from '../../src/torrent/bencode.js';
import { NeighbourGraph } from '../../src/torrent/graph.js';
import { encodeMetainfo, parseMetainfo } from '../../src/torrent/metainfo.js';
import { Tracker } from '../../src/torrent/tracker.js';
import { encodeBlockHeader, encodeMessage, WireReader, type Message } from '../../src/torrent/wire.js';

describe('bencode', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.uint8Array())), (values) => {
        const back = decode(encode(values)) as (number | Buffer)[];
        assert.deepEqual(
          back.map((v) => (v instanceof Buffer ? [...v] : v)),
          values.map((v) => (v instanceof Uint8Array ? [...v] : v)),
        );
      }),
    );
  });
  it('refuses what is none, without being led astray', () => {
    for (const text of [
      '',
      'i1',
      'i01e',
      'i-0e',
      '5:abc',
      '99999999999999:x',
      'l',
      'd1:a',
      'i1ei2e',
      'd1:ai1e1:ai2ee',
      'l'.repeat(1000),
    ])
      assert.throws(() => decode(Buffer.from(text)), /bencode/, text);
  });
});

describe('metainfo', () => {
  const make = (path: string[], more: { path: string[]; length: number }[] = []) =>
    encodeMetainfo({
      name: 'n',
      files: [{ path, length: 10 }, ...more],
      pieceLength: 16384,
      pieces: Buffer.alloc(20),
    });

  it('has another info hash for the same files each time', () => {
    assert.notDeepEqual(parseMetainfo(make(['a'])).infoHash, parseMetainfo(make(['a'])).infoHash);
  });
  it('refuses paths that lead elsewhere or meet', () => {
    for (const path of [['..'], ['a', '..', 'b'], ['/etc'], ['a/b'], ['a\\b'], ['a\0'], [''], ['.'], []])
      assert.throws(() => parseMetainfo(make(path)), /torrent: /, JSON.stringify(path));
    assert.throws(() => parseMetainfo(make(['a'], [{ path: ['a'], length: 1 }])), /twice/);
    assert.throws(
      () => parseMetainfo(make(['a'], [{ path: ['a', 'b'], length: 1 }])),
      /as a file and as a folder/,
    );
  });
});

describe('the wire protocol', () => {
  const reader = (messages: Message[], blocks: string[] = []) => {
    const target = Buffer.alloc(16384);
    return new WireReader(100, {
      onMessage: (message) => messages.push(message),
      onBlockStart: (_piece, _begin, length) => target.subarray(0, length),
      onBlockBytes: () => undefined,
      onBlockEnd: (piece, begin, length) =>
        blocks.push(`${piece} ${begin} ${target.toString('latin1', 0, length)}`),
    });
  };
  it('is taken apart the same, however it is cut', () => {
    const sent: Message[] = [
      { type: 'unchoke' },
      { type: 'have', piece: 7 },
      { type: 'request', piece: 1, begin: 16384, length: 16384 },
      { type: 'bitfield', field: Buffer.alloc(13, 0xf0) },
      { type: 'extended', id: 0, payload: Buffer.from('de') },
    ];
    const stream = Buffer.concat([
      ...sent.map(encodeMessage),
      Buffer.alloc(4),
      encodeBlockHeader(3, 0, 5),
      Buffer.from('hello'),
      encodeMessage({ type: 'choke' }),
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (cuts) => {
        const messages: Message[] = [];
        const blocks: string[] = [];
        const wire = reader(messages, blocks);
        for (let at = 0, i = 0; at < stream.length; i++) {
          const length = cuts[i % cuts.length] as number;
          wire.push(stream.subarray(at, at + length));
          at += length;
        }
        assert.deepEqual(messages, [...sent, { type: 'choke' }]);
        assert.deepEqual(blocks, ['3 0 hello']);
      }),
    );
  });
  it('refuses a length of 4 GiB, lying bitfields and pieces that there are not', () => {
    for (const bytes of [
      Buffer.from('ffffffff07', 'hex'),
      encodeMessage({ type: 'bitfield', field: Buffer.alloc(12) }),
      encodeMessage({ type: 'bitfield', field: Buffer.alloc(13, 0xff) }),
      encodeMessage({ type: 'have', piece: 100 }),
      encodeBlockHeader(0, 0, 1024 * 1024),
    ])
      assert.throws(() => reader([]).push(bytes), /too long|bitfield|no piece/);
  });
});

describe('the tracker', () => {
  const infoHash = Buffer.alloc(20, 0x81);
  const percent = (bytes: Buffer) => bytes.toString('hex').replace(/../g, '%$&');
  const ask = (port: number, path: string, localAddress = '127.0.0.1') =>
    new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path, localAddress }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
      }).once('error', reject);
    });
  const query = `?info_hash=${percent(infoHash)}&peer_id=${'x'.repeat(20)}&port=7000&left=5&ip=10.0.0.1`;

  it('answers members with their neighbours, and nobody else', async () => {
    const tracker = new Tracker();
    tracker.add(infoHash, [
      { id: 'a', address: '127.0.0.1' },
      { id: 'b', address: '127.0.0.1' },
    ]);
    const port = await tracker.listen('127.0.0.1');
    try {
      const [a, b] = [tracker.pathOf(infoHash, 'a'), tracker.pathOf(infoHash, 'b')];
      const first = await ask(port, a + query);
      assert.equal((decode(first.body) as Map<string, Buffer>).get('peers')?.length, 0);
      const second = decode((await ask(port, b + query)).body) as Map<string, Buffer>;
      assert.deepEqual(
        [...(second.get('peers') as Buffer)],
        [127, 0, 0, 1, 7000 >> 8, 7000 & 255],
        'ip= is ignored',
      );
      const scraped = (await ask(port, a.replace('announce', 'scrape') + query)).body.toString('latin1');
      assert.match(scraped, /8:completei0e10:downloadedi0e10:incompletei2e/);
      assert.equal((await ask(port, `/${'0'.repeat(32)}/announce${query}`)).status, 403, 'a wrong token');
      assert.equal((await ask(port, a + query, '127.0.0.9')).status, 403, 'another address');
      assert.equal((await ask(port, a + query.replaceAll('%81', '%82'))).status, 403, 'another torrent');
      assert.equal((await ask(port, `/announce${query}`)).status, 404);
      assert.equal(tracker.refused, 4);
    } finally {
      await tracker.close();
    }
  });

  it('hands out one connected graph, and closes the gaps', () => {
    for (const count of [2, 5, 40, 300]) {
      const ids = Array.from({ length: count }, (_, i) => String(i));
      const graph = new NeighbourGraph(ids, ['seeder']);
      for (const id of ids.slice(0, count / 4)) graph.remove(id);
      const left = ids.slice(count / 4);
      const seen = new Set(['seeder']);
      for (const id of seen) for (const other of graph.of(id)) seen.add(other);
      assert.deepEqual(
        left.filter((id) => !seen.has(id)),
        [],
      );
      assert.deepEqual(
        left.map((id) => graph.of(id).size).filter((size) => size > 16),
        [],
      );
    }
  });
});

import { get } from 'node:http';
import { isIPv4 } from 'node:net';
import { decode, type Bencoded } from '../bencode.js';

export interface AnnounceNews {
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  readonly port: number;
  readonly left: number;
  readonly uploaded: number;
  readonly downloaded: number;
  readonly event?: string;
  readonly lonely: boolean;
  /** Where requests come from. */
  readonly localAddress: string;
}

const patience = 2000;
const longestAnswer = 1024 * 1024;

/** Asks a tracker over HTTP (BEP 3, 23). Rejects with an Error that does not name the URL, which holds a secret. */
export function announce(url: string, news: AnnounceNews): Promise<{ address: string; port: number }[]> {
  const { infoHash, peerId, port, left, uploaded, downloaded, event, lonely, localAddress } = news;
  const words = [
    `info_hash=${percent(infoHash)}&peer_id=${percent(peerId)}&port=${port}&left=${left}`,
    `&uploaded=${uploaded}&downloaded=${downloaded}&compact=1&numwant=50`,
    event ? `&event=${event}` : '',
    lonely ? '&lonely=1' : '',
  ];
  return new Promise((resolve, reject) => {
    const fail = (how: string) => reject(new Error(`the tracker ${how}`));
    const request = get(`${url}?${words.join('')}`, { localAddress, agent: false }, (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        if (length > longestAnswer) request.destroy();
        else parts.push(part);
      });
      response.once('end', () => {
        if (response.statusCode !== 200) return fail(`answered ${response.statusCode}`);
        try {
          resolve(readPeers(decode(Buffer.concat(parts))));
        } catch (error) {
          fail(`answered with what cannot be read: ${(error as Error).message}`);
        }
      });
    });
    request.setTimeout(patience, () => request.destroy());
    request.once('error', (error) => fail(`does not answer: ${error.message}`));
    request.once('close', () => fail('has closed the connection'));
  });
}

function percent(bytes: Buffer): string {
  return bytes.toString('hex').replace(/../g, '%$&');
}

function readPeers(answer: Bencoded): { address: string; port: number }[] {
  const peers = answer instanceof Map ? answer.get('peers') : undefined;
  if (peers instanceof Buffer) {
    return Array.from({ length: Math.floor(peers.length / 6) }, (_, i) => ({
      address: [...peers.subarray(6 * i, 6 * i + 4)].join('.'),
      port: peers.readUInt16BE(6 * i + 4),
    }));
  }
  if (!Array.isArray(peers)) return [];
  return peers.flatMap((peer) => {
    const ip = peer instanceof Map ? peer.get('ip') : undefined;
    const address = ip instanceof Buffer ? ip.toString() : undefined;
    const port = peer instanceof Map ? Number(peer.get('port')) : NaN;
    return address !== undefined && port >= 1 && (isIPv4(address) || address.includes(':'))
      ? [{ address, port }]
      : [];
  });
}

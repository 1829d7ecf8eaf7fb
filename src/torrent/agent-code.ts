import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Reads the code of the agent from stdin and runs it, so that no file of ours is left on a host. */
export const bootstrap = `let a=Buffer.alloc(0);const s=process.stdin;
if(+process.versions.node.split(".")[0]<18){console.error("the agent needs Node 18 or later, not "+process.version);process.exit(1)}
s.on("data",function d(c){a=Buffer.concat([a,c]);const i=a.indexOf(10),n=+a.subarray(0,i);if(i<0||a.length<i+1+n)return;
s.off("data",d);s.pause();const m={exports:{}};
new Function("require","module","exports",require("zlib").gunzipSync(a.subarray(i+1,i+1+n)).toString())(require,m,m.exports);
m.exports.run(a.subarray(i+1+n))})`;

export const nodeNames = 'node nodejs /usr/local/bin/node /opt/node/bin/node';

/** Finds Node where it may lie on a host, and runs the agent under it. */
const finder = `for n in ${nodeNames} "$HOME"/.nvm/versions/node/*/bin/node; do
  command -v "$n" >/dev/null 2>&1 && exec "$n" -e "$1"
done
echo 'there is no Node here: install Node 18 or later (the package nodejs)' >&2
exit 127`;

export const remoteAgent = ['/bin/sh', '-c', finder, 'rookery-torrent', bootstrap] as const;
export const localAgent = [process.execPath, '-e', bootstrap] as const;

let code: Buffer | undefined;

/** What goes to an agent's stdin first: the length of its code, and the code. */
export function agentCode(): Buffer {
  if (!code) {
    const zipped = gzipSync(readFileSync(new URL('agent.cjs', import.meta.url)));
    code = Buffer.concat([Buffer.from(`${zipped.length}\n`), zipped]);
  }
  return code;
}

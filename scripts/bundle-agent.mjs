// Bundles the BitTorrent agent, which is sent to hosts, into one file beside the compiled modules.
import { buildSync } from 'esbuild';

buildSync({
  entryPoints: ['src/torrent/agent/main.ts'],
  outfile: 'dist/torrent/agent.cjs',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node18',
  format: 'cjs',
  // What the agent does not use of the layers below it is left out; these cannot be bundled, and are not used.
  define: { 'import.meta.url': '"file:///agent.cjs"' },
  external: ['ssh2', 'execa', '@lydell/node-pty', 'ssh-config', 'p-limit'],
  logLevel: 'warning',
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { markVariable } from './endpoints.js';

/**
 * Ends everything that belongs to a testbed, then removes its folder. It waits for the end of its input, which comes when
 * the testbed is stopped and equally when this program dies in whatever way, SIGKILL included.
 *
 * Lines of its input: `watch PID` for a root of processes to end, `gone PID` when it has ended by itself.
 * The tree below the roots is stopped level by level before it is killed, so that nothing escapes by forking meanwhile;
 * what has left the tree (daemons, children of lost connections) is found by the mark in its environment.
 */
const script = `
mark=$1 folder=$2 roots=' '
while read -r verb pid; do
  case $verb in
  watch) roots="$roots$pid " ;;
  gone) case $roots in *" $pid "*) roots="\${roots%% $pid *} \${roots#* $pid }" ;; esac ;;
  esac
done
known=$roots
[ "$roots" = ' ' ] || kill -STOP $roots
more=yes
while [ "$more" ]; do
  more=
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } || continue
    pid=\${line%% *}
    case $line in *') '*) ;; *) continue ;; esac
    set -- \${line##*') '}
    case $known in *" $2 "*) ;; *) continue ;; esac
    case $known in *" $pid "*) continue ;; esac
    [ "$1" = Z ] && continue
    known="$known$pid " more=yes
    kill -STOP "$pid"
  done
done
[ "$known" = ' ' ] || kill -KILL $known
# Twice nothing: a process within execve() shows no environment for a moment.
tries=0 clean=0
while [ $tries -lt 100 ] && [ $clean -lt 2 ]; do
  tries=$((tries + 1)) clean=$((clean + 1)) pids=
  for environ in $(grep -lsF "$mark" /proc/[0-9]*/environ); do
    pid=\${environ#/proc/}
    pids="$pids \${pid%/environ}"
  done
  [ "$pids" ] || continue
  clean=0
  kill -KILL $pids
done
rm -rf -- "$folder" || rm -rf -- "$folder"
`;

export class Reaper {
  private readonly process: ChildProcess;
  private readonly ended: Promise<unknown>;
  private readonly roots = new Set<number>();

  constructor(
    private readonly id: string,
    private readonly folder: string,
  ) {
    this.process = this.spawn();
    this.ended = once(this.process, 'close');
    // Its death is handled in finish(); a write after it must not become an uncaught exception.
    this.ended.catch(() => undefined);
    this.process.stdin?.on('error', () => undefined);
    this.process.unref();
    (this.process.stdin as unknown as { unref(): void }).unref();
  }

  private spawn(): ChildProcess {
    // In a session of its own, because Ctrl-C at a terminal goes to everything in the foreground group.
    return spawn('/bin/sh', ['-c', script, 'rookery-testbed', `${markVariable}=${this.id}`, this.folder], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }

  /** Process `pid` and all below it are to be ended with the testbed. */
  watch(pid: number): void {
    this.roots.add(pid);
    this.process.stdin?.write(`watch ${pid}\n`);
  }

  /** Process `pid` has ended: its number may belong to someone else from now on. */
  gone(pid: number): void {
    if (this.roots.delete(pid)) this.process.stdin?.write(`gone ${pid}\n`);
  }

  /** Ends everything and removes the folder. */
  async finish(): Promise<void> {
    this.process.ref();
    this.process.stdin?.end();
    await this.ended.catch(() => undefined);
    if (this.process.exitCode === 0) return;
    // Somebody killed it before its time.
    const second = this.spawn();
    second.stdin?.on('error', () => undefined);
    second.stdin?.end([...this.roots].map((pid) => `watch ${pid}\n`).join(''));
    await once(second, 'close');
  }
}

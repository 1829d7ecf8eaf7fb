import { nodeAgent } from './node-agent.js';
import { perlAgent } from './perl-agent.js';
import { pythonAgent } from './python-agent.js';
import { shellAgent } from './shell-agent.js';

/** What a host may have for its agent, in the order in which it is looked for: the fastest first. */
const agents: Readonly<Record<string, string>> = {
  python3: pythonAgent,
  perl: perlAgent,
  node: nodeAgent,
  socat: shellAgent,
  ncat: shellAgent,
};

/** The exit code of an agent that ran and failed; with any other, the next tool is tried. */
const ran = 70;

/** Each says hello and reads its agent from stdin, so that no code of ours is left on a host. */
const python = `import os
os.write(1,b"hello python3\\n")
def read(n):
  b=b""
  while len(b)<n:
    c=os.read(0,n-len(b))
    if not c: os._exit(0)
    b+=c
  return b
n=b""
while n[-1:]!=b"\\n": n+=read(1)
exec(compile(read(int(n)),"agent","exec"))`;
const perl = `use Socket;use POSIX;$|=1;
syswrite STDOUT,"hello perl\\n";
sub bytes{my($n,$b)=($_[0],"");while(length $b<$n){sysread(STDIN,$b,$n-length $b,length $b) or exit 0}$b}
my $n="";$n.=bytes(1) while $n!~/\\n/;eval bytes(0+$n);if($@){print STDERR $@;exit ${ran}}`;
const node = `const s=process.stdin;let a=Buffer.alloc(0);
process.stdout.write("hello node\\n");
s.on("end",()=>process.exit(0));
s.on("data",function d(c){a=Buffer.concat([a,c]);const i=a.indexOf(10),n=+a.subarray(0,i);
if(i<0||a.length<i+1+n)return;s.off("data",d);
new Function("require","first",a.subarray(i+1,i+1+n).toString())(require,a.subarray(i+1+n))})`;

/**
 * Finds something that can be an agent and runs it; arguments: the destination, whether it is a folder (`into` or `as`), the three
 * short programs above, and then the command that takes what arrives. What lies in folders of shims comes last: these are
 * slow, and may stand for a program that is not there.
 */
export const chainScript = `
LC_ALL=C
export LC_ALL
to=$1 kind=$2 python=$3 perl=$4 node=$5
shift 5
ours= shims=
IFS=:
for d in $PATH; do case $d in */shims) shims=$shims:$d ;; *) ours=$ours:$d ;; esac; done
unset IFS
PATH=\${ours#:}$shims
# GNU tar reads and writes ten kilobytes at a time otherwise.
TAR_OPTIONS=--blocking-factor=512
export TAR_OPTIONS
umask 077
for tool in python3 perl node socat ncat; do
  command -v $tool >/dev/null 2>&1 || continue
  case $tool in
    python3) python3 -I -S -c "$python" "$@" ;;
    perl) perl -e "$perl" "$@" ;;
    node) node -e "$node" "$@" ;;
    *)
      echo "hello $tool"
      read -r length || exit 0
      code=
      while IFS= read -r line && [ "$line" != '# end' ]; do code="$code$line
"; done
      eval "$code" ;;
  esac
  status=$?
  [ $status != 0 ] && [ $status != ${ran} ] && [ $status -lt 128 ] || exit $status
done
echo 'there is nothing here to pass files on with: install python3, perl, socat, ncat or node' >&2
exit ${ran}`;

/** The words of the command that starts an agent; `command` gets what arrives on its stdin. */
export function chainCommand(destination: string, kind: 'as' | 'into', command: readonly string[]): string[] {
  return [
    ...['/bin/sh', '-c', chainScript, 'rookery-chain'],
    ...[destination, kind, python, perl, node, ...command],
  ];
}

/** What an agent reads first, after it has said hello: its code, with its length. */
export function agentFor(tool: string): Buffer | undefined {
  const code = Object.hasOwn(agents, tool) ? agents[tool] : undefined;
  if (code === undefined) return undefined;
  const bytes = Buffer.from(code);
  return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
}

/**
 * Looks for an engine (`auto`: the best there is) and says its name. Our agent takes over; around a stock client this script says and
 * takes what an agent does, with lines of base64 instead of JSON as orders. Arguments: the engine, the agent's bootstrap, the
 * script that puts files in their place, and where Node may lie.
 *
 * The client works in a folder of mode 0700 beside the destination. Its files are verified, linked under their names into a tree,
 * which is put in its place, and the client serves them from the first links until the end.
 */
export const stockScript = `
LC_ALL=C
export LC_ALL
engine=$1 boot=$2 place=$3
fail() { echo "$1" >&2; exit 1; }
find_node() {
  for n in $1 "$HOME"/.nvm/versions/node/*/bin/node; do
    command -v "$n" >/dev/null 2>&1 || continue
    "$n" -e 'process.exit(+process.versions.node.split(".")[0] < 18 ? 1 : 0)' </dev/null >/dev/null 2>&1 || continue
    echo '{"type":"engine","name":"agent"}'
    exec "$n" -e "$boot"
  done
}
if [ "$engine" = auto ]; then
  find_node "$4"
  for engine in aria2c transmission-cli none; do ! command -v $engine >/dev/null 2>&1 || break; done
  [ $engine != none ] ||
    fail 'there is neither Node 18 or later nor aria2c nor transmission-cli here: install the package nodejs, aria2 or transmission-cli'
fi
command -v "$engine" >/dev/null 2>&1 || case $engine in
  aria2c) fail 'there is no aria2c here: install the package aria2' ;;
  *) fail "there is no $engine here: install the package $engine" ;;
esac
printf '{"type":"engine","name":"%s"}\\n{"type":"hello","connection":"%s","version":"%s"}\\n' "$engine" "$SSH_CONNECTION" "$engine"

stage= client= reader= waiter=
clean() {
  cd /
  # SIGKILL: some wait for the tracker, which is as good as gone.
  for p in $waiter $reader $client; do kill -KILL "$p" 2>/dev/null; done
  [ -n "$stage" ] || return
  # Of folders only: files have links elsewhere.
  find "$stage" -type d -exec chmod u+rwx {} + 2>/dev/null
  rm -rf -- "$stage"
}
trap clean EXIT
trap 'exit 143' HUP INT TERM
umask 077
decode() { [ "$1" = - ] || printf %s "$1" | base64 -d; }

while read -r order kind address bytes to torrent sums tree; do
  [ "$order" != end ] || exit 0
  [ "$order" = job ] && break
done
[ "$order" = job ] || exit 1
to=$(decode "$to"; echo .)
to=\${to%.}
name=
if [ "$kind" = as ] && [ ! -d "$to" ]; then
  name=\${to##*/}
  case $to in */*) to=\${to%/*}/ ;; *) to=. ;; esac
fi
(umask 022; mkdir -p -- "$to") || exit 1
cd -- "$to" || exit 1
to=$(pwd -P)
free=$(df -Pk . | awk 'NR > 1 { print $4 }')
[ "$free" -ge $((bytes / 1024 + 1024)) ] || fail "no space left in $to: $bytes bytes are to come, $free KiB are free"
stage=$(mktemp -d "$to/.rookery-torrent-XXXXXXXX") || exit 1
cd "$stage" || exit 1
mkdir dl config d
decode "$torrent" > t.torrent && decode "$sums" > sums && decode "$tree" > tree || exit 1
mkfifo events alive || exit 1
# Held open, so that no writer waits for a reader or loses what it says.
exec 3<>events
printf '#!/bin/sh\\necho complete > "%s/events"\\n' "$stage" > complete
chmod 700 complete
cat > config/settings.json <<END
{ "bind-address-ipv4": "$address", "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
  "peer-port-random-on-start": true, "port-forwarding-enabled": false, "rpc-enabled": false, "ratio-limit-enabled": false,
  "idle-seeding-limit-enabled": false, "rename-partial-files": false, "preallocation": 0, "encryption": 0, "umask": 63 }
END
echo '{"type":"ready","port":0,"done":0}'

run() {
  [ -s sums ] || { echo complete >&3; exec sleep 1000000; }
  case $engine in
    aria2c) exec aria2c --no-conf --dir="$stage/dl" --interface="$address" --disable-ipv6 --listen-port=6881-7999 \\
      --enable-dht=false --enable-dht6=false --enable-peer-exchange=false --bt-enable-lpd=false --seed-ratio=0 \\
      --file-allocation=none --summary-interval=1 --human-readable=false --download-result=hide --bt-max-peers=0 \\
      --follow-torrent=false --on-bt-download-complete="$stage/complete" --stop-with-process=$$ t.torrent ;;
    transmission-cli) HOME=$stage exec transmission-cli -g "$stage/config" -w "$stage/dl" -et -M -D -U -f "$stage/complete" t.torrent ;;
  esac
}
finish() {
  if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
  if [ -s sums ]; then
    (cd dl && $sum -c ../sums 2>&1) > checked || {
      grep -v ': OK$' checked | head -n 5 >&2
      fail 'verify: a digest differs'
    }
  fi
  . ./tree || exit 1
  if [ -n "$name" ]; then
    cd d || exit 1
    for f in * .[!.]* ..?*; do
      [ -e "$f" ] || [ -L "$f" ] || continue
      [ ! -d "$to/$name" ] || fail "$to/$name is in the way: it is a directory"
      mv -f -- "$f" "$to/$name" || exit 1
    done
  else
    (cd d && find . -type d -exec sh -c "$place" sh "$to" "$stage" {} +) || exit 1
  fi
  echo '{"type":"placed","memory":0}'
}
watch() {
  while read -r event <&3; do
    case $event in
      complete) echo '{"type":"complete"}'; (finish) || { kill -TERM $$; exit 1; } ;;
      ended) echo "$engine has ended before it was to" >&2; kill -TERM $$; exit 1 ;;
    esac
  done
}
watch </dev/null &
reader=$!
while read -r order _; do
  case $order in
    go)
      # It is over when nobody holds the other end any more.
      { cat alive >/dev/null; echo ended >&3; } </dev/null &
      waiter=$!
      run 4>alive </dev/null 2>&1 &
      client=$! ;;
    end) exit 0 ;;
  esac
done
exit 1
`;

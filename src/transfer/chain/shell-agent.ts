/**
 * The agent for a POSIX shell with `socat` or `ncat` (`$tool`); what it hears and says is described in `chain.ts`. It keeps what
 * arrives in a file beside the destination, passes it on from there, and unpacks it when all of it is there.
 */
export const shellAgent = String.raw`
own=\${SSH_CONNECTION% *}
own=\${own##* }
case $own in *:*) v=6 open='[' close=']' bits=128 ;; *) v=4 open= close= bits=32 ;; esac
if sleep 0.01 2>/dev/null; then nap=0.1 calm=15; else nap=1 calm=1; fi
# No loop outlives the folder, which goes with the agent.
pause() { [ -d "$work" ] || exit 0; sleep $nap; }
if [ "$kind" = as ] && [ ! -d "$to" ]; then
  case $to in */*) folder=\${to%/*}/ ;; *) folder=. ;; esac
else
  folder=$to
fi
mkdir -p -- "$folder" || exit 70
folder=$(cd -- "$folder" && pwd) || exit 70
work=$(mktemp -d "$folder/.rookery-chain.XXXXXXXX") || exit 70
pipe= server= taker= ticker= placer= digest=
stop_passing() {
  for p in "$work"/passing.*; do [ ! -f "$p" ] || kill $(cat "$p") 2>/dev/null; done
}
clean() {
  stop_passing
  for p in $server $ticker $placer; do kill $p 2>/dev/null; done
  rm -rf -- "$work"
  [ -z "$pipe" ] || rm -rf -- "$pipe"
}
trap clean EXIT
trap 'exit 143' HUP INT TERM
spool=$work/spool
: > "$spool"
length() { stat -c %s "$spool" 2>/dev/null || { [ ! -f "$spool" ] && echo 0; } || echo $(($(wc -c < "$spool"))); }
hash_of() {
  if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum < "$spool")
  elif command -v shasum >/dev/null 2>&1; then sum=$(shasum -a 256 < "$spool")
  else sum=$(openssl dgst -sha256 -r < "$spool"); fi
  echo "\${sum%% *}"
}
place() {
  until [ "$(length)" -ge $size ]; do pause; done
  if [ "$(hash_of)" != "$digest" ]; then echo corrupt
  elif "$@" < "$spool" >&2; then echo placed
  else echo "failed $?"; fi
}
# What comes on stdin, when it begins with the token.
accept() {
  if IFS= read -r said && [ "$said" = "$token" ]; then
    echo "linked $id"
    [ -z "$pipe" ] || rm -rf -- "$pipe"
    cat >> "$spool"
  fi
  [ "$(length)" -ge $size ] || echo "starved $id the connection has ended"
}
# What is under way is still taken: its end comes with that of the program that receives it.
hang_up() {
  [ -z "$server" ] || kill $server 2>/dev/null
  [ -z "$taker" ] || wait $taker 2>/dev/null
  server= taker=
  rm -f "$work/in"
  [ -z "$pipe" ] || rm -rf -- "$pipe"
  pipe=
  mkfifo "$work/in"
}
serve() {
  rm -f "$work/log"
  if [ $tool = socat ]; then
    socat -d -d -u "TCP$v-LISTEN:0,bind=$open$own$close,range=$open$peer$close/$bits" STDOUT > "$work/in" 2> "$work/log" < /dev/null &
  else
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 40000))
    ncat -$v -v -l "$own" $port --allow "$peer" --recv-only > "$work/in" 2> "$work/log" < /dev/null &
  fi
  server=$!
  accept < "$work/in" &
  taker=$!
  until grep -q -i 'listening on' "$work/log" 2>/dev/null; do kill -0 $server 2>/dev/null || return; pause; done
  [ $tool = ncat ] || port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$work/log" | head -n 1)
  echo "listening $id $port $(length)"
}
# Passes on what there is from $at, and what comes, until all has gone or nobody takes it any more.
pass_on() {
  printf '%s\n' "$token"
  while [ $at -lt $size ]; do
    n=$(length)
    if [ $n -gt $at ]; then
      tail -c +$((at + 1)) "$spool" | head -c $((n - at))
      at=$n
    else pause; fi
    [ -f "$work/passing.$id" ] || return
  done
}
connect() {
  if [ $tool = socat ]; then exec socat -u STDIN "TCP$v:$open$a$close:$b,bind=$open$own$close"
  else exec ncat -$v --send-only -s "$own" "$a" "$b"; fi
}
send() {
  mkfifo "$work/out.$id"
  connect < "$work/out.$id" 2>/dev/null &
  echo $! > "$work/passing.$id"
  pass_on > "$work/out.$id" 2>/dev/null &
  wait $(cat "$work/passing.$id") || echo "cut $id the connection has ended"
  rm -f "$work/passing.$id" "$work/out.$id"
}
tick() {
  before= still=0
  while :; do
    now=$(length)
    still=$((still + 1))
    if [ "$now" != "$before" ] || [ $still -ge $calm ]; then echo "have $now"; before=$now still=0; fi
    pause
  done
}
echo "own $own"
while read -r verb id a b c d; do
  case $verb in
    size) size=$id; tick & ticker=$! ;;
    digest) digest=$id; place "$@" & placer=$! ;;
    listen) hang_up; peer=$a token=$b; serve ;;
    feed)
      hang_up; token=$a
      pipe=$(mktemp -d "\${TMPDIR:-/tmp}/rookery-chain.XXXXXXXX") && mkfifo "$pipe/feed" || exit 70
      cat "$pipe/feed" > "$work/in" &
      server=$!
      accept < "$work/in" &
      taker=$!
      echo "feeding $id $(length) $pipe/feed" ;;
    send) stop_passing; token=$c at=$d; send & ;;
  esac
done
exit 0
# end
`.replaceAll('\\${', '${');

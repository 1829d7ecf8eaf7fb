/** Names inside the archive of a Put: what is sent, under `d/`, and what the script wants to know. */
export const contentPrefix = 'd/';
export const manifestName = 'manifest';
export const removalsName = 'removals';

export type Verification = 'size' | 'sha256' | false;

/**
 * Moves what has arrived into its place by rename(2), which is atomic: a folder that is not there yet as a whole, and in a
 * folder that is, each file. Folders come before what is in them; one that went as a whole is not found any more.
 */
export const placeScript = `
to=$1 stage=$2
shift 2
for d; do
  [ -d "$d" ] || continue
  t=$to/$d
  [ -d "$t" ] || { echo "$t is in the way: it is no folder" >&2; exit 1; }
  touch -r "$d" "$stage/time"
  set --
  for f in "$d"/* "$d"/.[!.]* "$d"/..?*; do
    [ -e "$f" ] || [ -L "$f" ] || continue
    if [ -d "$f" ] && [ ! -L "$f" ]; then
      ! { [ -e "$to/$f" ] || [ -L "$to/$f" ]; } || continue
    fi
    set -- "$@" "$f"
    [ $# -lt 256 ] || { mv -f -- "$@" "$t/" || exit 1; set --; }
  done
  [ $# = 0 ] || mv -f -- "$@" "$t/" || exit 1
  [ "$d" = . ] || { chmod "$(stat -c %a "$d" 2>/dev/null || stat -f %Lp "$d")" "$t"; touch -r "$stage/time" "$t"; }
done`;

/**
 * Receives an archive on stdin. Everything is unpacked beside its destination, checked, and only then moved there, so
 * that a reader never sees half a file, and an interruption leaves what was there before. Arguments: the destination,
 * `into` (it is a folder) or `as` (a single thing may get its name), how to verify, and the script above.
 */
export const putScript = `
LC_ALL=C
export LC_ALL
to=$1 kind=$2 verify=$3 place=$4
fail() { echo "$1" >&2; exit 1; }
if [ "$kind" = as ] && [ ! -d "$to" ]; then
  name=\${to##*/}
  case $to in */*) to=\${to%/*}/ ;; *) to=. ;; esac
else
  name=
fi
mkdir -p -- "$to" || exit 1
cd -- "$to" || exit 1
to=$(pwd)
stage=
trap 'cd / ; [ -z "$stage" ] || { chmod -R u+rwx "$stage" 2>/dev/null; rm -rf -- "$stage"; }' EXIT
trap 'exit 143' HUP INT TERM
umask 077
stage=$(mktemp -d "$to/.rookery-put.XXXXXXXX") || exit 1
cd "$stage" || exit 1
tar -xpof - >&2 || fail 'tar could not unpack what arrived'
[ -f ${manifestName} ] || fail 'not everything arrived'
mkdir -p d
case $verify in
  size)
    sizes=$(find d -type f -exec sh -c 'stat -c %s "$@" 2>/dev/null || stat -f %z "$@"' sh {} + |
      awk '{ n++; s += $1 } END { printf "%d %.0f", n, s }')
    [ "$sizes" = "$(cat ${manifestName})" ] || fail "verify: $sizes files and bytes arrived, not $(cat ${manifestName})" ;;
  sha256)
    if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
    if [ -s ${manifestName} ]; then
      (cd d && $sum -c ../${manifestName} 2>&1) > checked || {
        grep -v ': OK$' checked | head -n 5 >&2
        fail 'verify: a digest differs'
      }
    fi ;;
esac
if [ -n "$name" ]; then
  cd d || exit 1
  for f in * .[!.]* ..?*; do
    [ -e "$f" ] || [ -L "$f" ] || continue
    mv -f -- "$f" "$to/$name" || exit 1
  done
else
  (cd d && find . -type d -exec sh -c "$place" sh "$to" "$stage" {} +) || exit 1
fi
if [ -f "$stage/${removalsName}" ]; then
  cd "$to" && xargs -0 rm -rf -- < "$stage/${removalsName}" || exit 1
fi
`;

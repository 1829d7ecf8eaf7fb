/**
 * Sends an archive for each path on stdout. Members whose names begin with a word of ours tell what is to come: the bytes in
 * all, the digests of what was just sent, and at last that this was all. Arguments: that word, how to verify, and the paths.
 * Symlinks that are named are followed. Files in /proc and /sys do not tell their size, so they are copied first.
 */
export const getScript = `
LC_ALL=C
export LC_ALL
own=$1 verify=$2
shift 2
fail() { echo "$1" >&2; exit 1; }
own_files=
trap 'cd / ; [ -z "$own_files" ] || rm -rf -- "$own_files"' EXIT
trap 'exit 143' HUP INT TERM
umask 077
own_files=$(mktemp -d) || exit 1
mkdir "$own_files/copies"
holes= format=
case $(tar --version 2>/dev/null) in *GNU*)
  holes=S format='--format=posix --sparse-version=0.1 --pax-option=delete=atime,delete=ctime' ;;
esac
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
split() {
  case $1 in
    */) dir=$1 name=. ;;
    */*) dir=\${1%/*}/ name=\${1##*/} ;;
    *) dir=. name=$1 ;;
  esac
}
for p; do
  [ -e "$p" ] || fail "there is no $p"
done
for p; do
  find -H "$p" -type f -exec sh -c 'stat -c %s "$@" 2>/dev/null || stat -f %z "$@"' sh {} +
done | awk '{ s += $1 } END { printf "%.0f", s }' > "$own_files/$own.total"
send() { (cd "$own_files" && tar -cf - "./$own.$1") || exit 1; }
send total
for p; do
  split "$p"
  from=$(cd -- "$dir" && pwd -P) || exit 1
  follow= inside=
  if [ -d "$p" ]; then
    # A folder that is named by a symlink is sent as a folder: its content, and what to call it.
    [ ! -L "$p" ] || { inside=$name from=$p name=.; }
  else
    [ ! -L "$p" ] || follow=h
    case $from in
      /proc | /proc/* | /sys | /sys/*)
        cat -- "$p" > "$own_files/copies/$name" || exit 1
        chmod 644 "$own_files/copies/$name"
        from=$own_files/copies ;;
    esac
  fi
  [ -z "$inside" ] || { printf %s "$inside" > "$own_files/$own.inside"; send inside; }
  (cd -- "$from" && tar $format -c$holes\${follow}f - "./$name") || exit 1
  if [ "$verify" = sha256 ]; then
    (cd -- "$from" && find -H "./$name" -type f -exec $sum {} +) > "$own_files/$own.digests" || exit 1
    send digests
  fi
  [ -z "$inside" ] || { : > "$own_files/$own.inside"; send inside; }
done
: > "$own_files/$own.end"
send end
`;
